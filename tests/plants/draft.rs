//! A ticket draft of a bearing, for the tests of several packages; each changes what matters to it.

use forewarn_domain::anomaly::RuleRef;
use forewarn_domain::episode::{EpisodeId, EpisodeKey};
use forewarn_domain::evidence::{Evidence, QualityReport};
use forewarn_domain::family::{FaultFamily, Priority, TicketKind};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{Summary, TicketDraft, TicketId};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;

/// A draft on a device of the site `plant`, confirmed then and begun ten minutes before.
pub(crate) fn draft(device: &str, confirmed: Time) -> TicketDraft {
    let key = EpisodeKey {
        site: "plant".parse().expect("a slug"),
        device: device.parse().expect("a slug"),
        component: "spindle-front".parse().expect("a slug"),
        family: FaultFamily::Bearing,
    };
    let onset = confirmed - Span::from_secs(600);
    let episode = EpisodeId::derive(&key, confirmed);
    let rule = RuleRef { id: "spindle-bearing".parse().expect("a slug"), version: 1 };
    TicketDraft {
        id: TicketId::derive(episode),
        episode,
        key,
        kind: TicketKind::Machine,
        priority: Priority::P2,
        onset_at: onset,
        detected_at: confirmed,
        confidence: 0.75,
        causes: Vec::new(),
        signals: Vec::new(),
        past_repairs: Vec::new(),
        summary: Summary {
            headline: Localized::new("front bearing wears", "前轴承磨损"),
            ..Summary::default()
        },
        rule: rule.clone(),
        evidence: Evidence {
            trace: "edge-1.00000000.1.1".to_owned(),
            onset,
            confirmed,
            state: "cut".parse().expect("a slug"),
            rules: vec![rule],
            trends: Vec::new(),
            spectrum: None,
            signals: Vec::new(),
            unchanged: Vec::new(),
            quality: QualityReport::default(),
            episode: None,
            burst: None,
            outlook: None,
            models: Vec::new(),
            repairs: Vec::new(),
            shape: Default::default(),
            similar: Vec::new(),
        },
        evidence_sha256: Sha256([7; 32]),
        revision: 1,
    }
}
