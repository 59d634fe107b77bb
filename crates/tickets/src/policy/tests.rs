//! The policy, checked as a whole table and by single changes.

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::episode::{EpisodeId, EpisodeKey, Phase};
use forewarn_domain::evidence::{QualityReport, SpectrumEvidence};
use forewarn_domain::family::FaultFamily;
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::time::{Span, Time};

use super::*;

#[test]
fn the_whole_priority_table_is_as_agreed() {
    let mut table: Vec<String> = Vec::new();
    for kind in TicketKind::ALL {
        for severity in Severity::ALL {
            let row: Vec<&str> = Criticality::ALL
                .iter()
                .map(|criticality| priority(*kind, *severity, *criticality).as_str())
                .collect();
            table.push(format!("{kind} {severity}: {}\n", row.join(" ")));
        }
    }
    assert_eq!(table.concat(), AGREED);
}

#[test]
fn a_graver_finding_is_never_less_urgent() {
    for kind in TicketKind::ALL {
        for criticality in Criticality::ALL {
            let order: Vec<Priority> =
                Severity::ALL.iter().map(|it| priority(*kind, *it, *criticality)).collect();
            assert!(order.is_sorted_by(|mild, grave| grave <= mild), "{kind} {criticality}");
        }
    }
}

#[test]
fn urgency_is_scarce_in_a_usual_mix_of_tickets() {
    // Shares of severities and of machines as a plant declares them.
    let severities = [(Severity::Watch, 50), (Severity::Warning, 38), (Severity::Alarm, 12)];
    let machines = [(Criticality::High, 25), (Criticality::Medium, 50), (Criticality::Low, 25)];
    let mut shares = [0; 4];
    for (severity, severity_share) in severities {
        for (criticality, machine_share) in machines {
            let place = match priority(TicketKind::Machine, severity, criticality) {
                Priority::P1 => 0,
                Priority::P2 => 1,
                Priority::P3 => 2,
                Priority::P4 => 3,
            };
            shares[place] += severity_share * machine_share;
        }
    }
    let [high, medium, low, lowest] = shares;
    assert!(high <= 500, "P1 is {high} of 10000");
    assert!(medium <= 1_600, "P2 is {medium} of 10000");
    assert!(7_900 <= low + lowest, "P3 and P4 are {} of 10000", low + lowest);
}

#[test]
fn a_draft_is_the_same_however_often_it_is_made() {
    let (first, second) = (sample(), sample());
    assert_eq!(first, second);
    assert_eq!(first.id, TicketId::derive(first.episode));
    assert_eq!(first.kind, TicketKind::Machine);
    assert_eq!(first.priority, Priority::P2);
    assert_eq!(first.revision, 1);
    let last = first.summary.footer.last().expect("the fingerprint");
    assert_eq!(last.text.en, "Evidence sha256 abab…abab.");
    assert_eq!(last.source, first.evidence_sha256.to_string());
}

#[test]
fn another_reading_alone_amends_nothing() {
    let old = sample();
    let mut new = sample();
    new.confidence = 0.7;
    new.causes[0].p = 0.7;
    new.signals[0].value = 70.0;
    new.evidence.signals[0].value = 70.0;
    new.evidence_sha256 = Sha256([1; 32]);
    assert!(!should_amend(&old, &new));
}

#[test]
fn whatever_changes_what_to_do_amends_the_ticket() {
    let old = sample();
    type Change = fn(&mut TicketDraft);
    let changes: [(&str, Change); 5] = [
        ("more urgent", |it| it.priority = Priority::P1),
        ("another cause", |it| it.causes[0].code = "oil-low".into()),
        ("a new signal", |it| {
            let channel = "mill-01/box/pressure".parse().expect("channel");
            it.signals.push(Signal { channel, ..it.signals[0].clone() });
        }),
        ("a new rule", |it| it.evidence.rules.push(rule("zone", 1))),
        ("the first spectrum", |it| {
            it.evidence.spectrum = Some(SpectrumEvidence {
                channel: it.signals[0].channel.clone(),
                captured: it.detected_at,
                waveform: it.evidence_sha256,
                shaft_hz: 30.0,
                df_hz: 0.5,
                lines: Vec::new(),
                cursors: Vec::new(),
            });
        }),
    ];
    for (name, change) in changes {
        let mut new = sample();
        change(&mut new);
        assert!(should_amend(&old, &new), "{name}");
    }
    let calmer = TicketDraft { priority: Priority::P3, ..sample() };
    assert!(!should_amend(&old, &calmer), "a ticket does not become less urgent by itself");
}

fn sample() -> TicketDraft {
    let at = Time::from_micros(1_800_000_000_000_000);
    let key = EpisodeKey {
        site: "plant".parse().expect("slug"),
        device: "mill-01".parse().expect("slug"),
        component: "hydraulics".parse().expect("slug"),
        family: FaultFamily::Thermal,
    };
    let signal = signal();
    let anomaly = Anomaly {
        rule: rule("learned-level", 1),
        device: key.device.clone(),
        component: key.component.clone(),
        family: key.family,
        channel: signal.channel.clone(),
        onset: at - Span::from_secs(60),
        confirmed: at,
        state: "all".parse().expect("slug"),
        severity: Severity::Warning,
        finding: Finding::Limit { value: 61.4, limit: 60.0, above: true },
        signals: vec![signal.clone()],
    };
    let episode = Episode {
        id: EpisodeId::derive(&key, at),
        key,
        onset: anomaly.onset,
        confirmed: at,
        updated: at,
        phase: Phase::Active,
        anomalies: vec![anomaly],
        recurrences: 0,
    };
    let evidence = Evidence {
        trace: "edge-1.00000000.1.1".to_owned(),
        onset: episode.onset,
        confirmed: at,
        state: "all".parse().expect("slug"),
        rules: vec![rule("learned-level", 1)],
        trends: Vec::new(),
        spectrum: None,
        signals: vec![signal],
        unchanged: Vec::new(),
        quality: QualityReport::default(),
        episode: None,
        burst: None,
        outlook: None,
        models: Vec::new(),
        repairs: Vec::new(),
        shape: Default::default(),
        similar: Vec::new(),
    };
    let cause = RankedCause {
        code: "oil-overheating".into(),
        name: Localized::new("oil cooler fouled", "油冷却器脏堵"),
        p: 0.67,
        supporting: Vec::new(),
        against: Vec::new(),
        test: None,
        confirmed: 0,
        closes: 0,
    };
    let diagnosed = Diagnosed {
        causes: vec![cause],
        past_repairs: Vec::new(),
        summary: Summary::default(),
        confidence: 0.67,
    };
    let sealed = SealedEvidence { evidence, sha256: Sha256([0xab; 32]) };
    draft(&episode, diagnosed, sealed, rule("learned-level", 1), Criticality::High)
}

fn rule(id: &str, version: u32) -> RuleRef {
    RuleRef { id: id.parse().expect("slug"), version }
}

/// Columns: high, medium, low criticality.
const AGREED: &str = "\
machine watch: P3 P4 P4
machine warning: P2 P3 P4
machine alarm: P1 P2 P3
instrumentation watch: P3 P4 P4
instrumentation warning: P3 P4 P4
instrumentation alarm: P2 P3 P4
process watch: P3 P4 P4
process warning: P2 P3 P4
process alarm: P1 P2 P3
";

fn signal() -> Signal {
    Signal {
        channel: "mill-01/box/oil_temp".parse().expect("channel"),
        quantity: Quantity::Temperature,
        weight: 1.0,
        value: 61.4,
        unit: Unit::DegC,
        normal: None,
    }
}
