//! A repair that was written down: the part is not what it was.
//!
//! Its episodes end and what was learned of it is learned anew, exactly as when a ticket is closed. A
//! check that changed nothing does neither, and a repair of last week that is written down today only
//! joins the history: what has been learned since is already the new part's normal.

use forewarn_detect::DeviceNotice;
use forewarn_domain::repair::{Activity, RepairRecord};
use forewarn_domain::time::Span;

use crate::pipeline::Engine;

impl Engine {
    pub(crate) fn repaired(&mut self, repair: &RepairRecord) {
        if repair.activity == Activity::Inspection {
            return;
        }
        let Some(room) = self.place_of(&repair.device) else { return };
        let newest = self.room(&repair.device).map(crate::Room::newest).unwrap_or_default();
        if repair.at + WRITTEN_DOWN_LATE < newest {
            return;
        }
        self.end_episodes(|it| it.device == repair.device && it.component == repair.component);
        let component = repair.component.clone();
        self.tell(room, &DeviceNotice::Rebaseline { component, at: repair.at });
    }
}

/// Reports are written at the end of a shift, or the next morning.
const WRITTEN_DOWN_LATE: Span = Span::from_secs(24 * 3_600);
