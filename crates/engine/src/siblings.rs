//! Devices beside their siblings, on ticks of each device's own event time.
//!
//! Siblings are those that the site file names, else the devices of the same class; only those of the same
//! agent count: they are stepped in the order of one stream, so nothing has to be waited for, and no delay
//! of another agent can change the answer. What follows from a comparison, and what is remembered, is the
//! device's own (`forewarn_detect`), so a snapshot holds all of it.

use std::collections::BTreeMap;

use forewarn_detect::{Compared, Detection, PEERS_MAX, Shown};
use forewarn_domain::id::{DeviceId, StateId};
use forewarn_domain::time::Time;

use crate::room::Room;

/// Which channels of which rooms are compared with each other; empty where no rule asks for it.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// Of each room, by place.
    of_room: Vec<Vec<Twins>>,
}

/// A compared channel with the same channel of each sibling.
#[derive(Debug)]
struct Twins {
    own: Compared,
    peers: Vec<Peer>,
}

#[derive(Debug)]
struct Peer {
    device: DeviceId,
    room: usize,
    at: Compared,
}

impl Fleet {
    pub(crate) fn new(rooms: &[Room]) -> Self {
        if rooms.iter().all(|it| it.plan.compared().is_empty()) {
            return Self::default();
        }
        let by_id: BTreeMap<&DeviceId, usize> =
            rooms.iter().enumerate().map(|(place, room)| (&room.device.device.id, place)).collect();
        let of_room = |place| twins(rooms, place, &by_id);
        Self { of_room: (0..rooms.len()).map(of_room).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.of_room.is_empty()
    }

    /// Compares a device that was read at `t`, if that is its first reading of a tick.
    pub(crate) fn compare(
        &self,
        rooms: &mut [Room],
        (room, t): (usize, Time),
        out: &mut Vec<Detection>,
    ) {
        let Some(twins) = self.of_room.get(room).filter(|it| !it.is_empty()) else { return };
        let Some(until) = rooms[room].memory.detector.enters_tick(t) else { return };
        let mut shown = Vec::new();
        for twins in twins {
            if rooms[room].is_doubtful(twins.own.channel(), until) {
                continue;
            }
            shown.clear();
            let like = rooms[room].plan.operating_state(&rooms[room].memory.detector, t);
            shown.extend(twins.peers.iter().filter_map(|it| it.shows(rooms, (like, until))));
            let Room { plan, memory, .. } = &mut rooms[room];
            plan.compare(&mut memory.detector, (twins.own, until), &shown, out);
        }
    }
}

impl Peer {
    /// What a sibling shows in an operating state before a time.
    fn shows(&self, rooms: &[Room], (like, until): (&StateId, Time)) -> Option<Shown<'_>> {
        let room = rooms.get(self.room).filter(|it| !it.is_doubtful(self.at.channel(), until))?;
        let standing = room.plan.stands(&room.memory.detector, self.at, (like, until))?;
        Some(Shown { device: &self.device, level: standing.level, era: standing.era })
    }
}

/// The compared channels of a room. Of many siblings those that follow in the order of ids are asked, so
/// that not all devices lean on the same few.
fn twins(rooms: &[Room], place: usize, by_id: &BTreeMap<&DeviceId, usize>) -> Vec<Twins> {
    let own = &rooms[place];
    let device = &own.device.device;
    let named = device.siblings.iter().filter_map(|it| by_id.get(it).copied());
    let of_class = (0..rooms.len()).filter(|it| rooms[*it].device.device.class == device.class);
    let mut siblings: Vec<usize> =
        if device.siblings.is_empty() { of_class.collect() } else { named.collect() };
    siblings.retain(|it| *it != place && rooms[*it].device.device.agent == device.agent);
    siblings.sort_by_key(|it| (*it < place, *it));
    siblings.dedup();
    let peer = |room: &usize, at: Compared| {
        let inside = &rooms[*room];
        let at = own.plan.twin(at, &inside.plan)?;
        Some(Peer { device: inside.device.device.id.clone(), room: *room, at })
    };
    let twins = |at: Compared| Twins {
        own: at,
        peers: siblings.iter().filter_map(|it| peer(it, at)).take(PEERS_MAX).collect(),
    };
    own.plan.compared().into_iter().map(twins).collect()
}
