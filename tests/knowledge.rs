//! What closed tickets teach, on simulated fleets: the next ticket of the same fault finds the first
//! one in either language, and a repair counts as one when the machine's own signals say so.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

#[path = "calibration/fleet.rs"]
#[expect(dead_code, reason = "shared with the calibration, which uses all of it")]
mod fleet;

use forewarn_domain::check::{CheckVerdict, RepairCheck};
use forewarn_domain::evidence::SimilarCase;
use forewarn_domain::reading::{Batch, BatchBody};
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine, Notice};
use forewarn_simulator::{FaultKind, Plan, Truth};

use fleet::{Fleet, Ticket};

#[test]
fn the_next_ticket_of_the_same_fault_finds_the_first_in_either_language() {
    let fleet = Fleet::learned(41, 40, 5);
    let course = |seed, repairs| {
        let plan = Plan::fault_set(seed, &fleet.plant, &KINDS);
        let truth = fleet.simulated(plan.clone()).truth();
        (fleet.tickets(plan, 6, repairs), truth)
    };
    let (first, truth) = course(1, Vec::new());
    let with_shapes = records(&fleet, &pairs(&first, &truth));
    let wordless: Vec<RepairRecord> =
        with_shapes.iter().map(|it| RepairRecord { text: String::new(), ..it.clone() }).collect();
    let words_only: Vec<RepairRecord> =
        with_shapes.iter().map(|it| RepairRecord { shape: None, ..it.clone() }).collect();
    let (next, truth) = course(2, with_shapes);
    let pairs = pairs(&next, &truth);
    assert!(KINDS.len() <= 2 * pairs.len(), "{} of {} faults were seen", pairs.len(), KINDS.len());
    let rates = [
        rate("signals and words", &pairs),
        rate("signals, no words", &self::pairs(&course(2, wordless).0, &truth)),
        rate("words, no signals", &self::pairs(&course(2, words_only).0, &truth)),
    ];
    println!("same cause among the similar cases: {rates:?}");
    for ((found, asked), least) in rates.into_iter().zip([0.6, 0.6, 0.4]) {
        assert!(least * f64::from(asked) <= f64::from(found), "{rates:?}");
    }
    // Sentences name what was found, with its outcome, in both languages.
    let told = pairs.iter().find(|(_, ticket)| {
        let similar = ticket.draft.evidence.similar.first();
        similar.is_some_and(|it| it.shape.is_some_and(|alike| 0.8 < alike))
    });
    let (_, ticket) = told.expect("a case whose signals are alike");
    let text = ticket.draft.summary.text();
    assert!(text.en.contains("Similar case: ") && text.en.contains("by signals"), "{}", text.en);
    assert!(text.zh.contains("相似案例："), "{}", text.zh);
}

#[test]
fn a_repair_is_verified_when_the_signal_comes_back_and_did_not_help_when_it_stays_away() {
    let fleet = Fleet::learned(42, 12, 5);
    let kinds = [FaultKind::OilTemperatureDrift];
    let plan = Plan::fault_set(1, &fleet.plant, &kinds);
    let mended = checked(&fleet, &plan, true);
    assert_eq!(mended.check.verdict, CheckVerdict::Returned, "{:?}", mended.check);
    let pretended = checked(&fleet, &plan, false);
    assert_eq!(pretended.check.verdict, CheckVerdict::NotReturned, "{:?}", pretended.check);
    for check in [&mended.check, &pretended.check] {
        for signal in &check.signals {
            let (high, after) = (signal.high.unwrap(), signal.after.unwrap());
            assert!(high < signal.before, "the ticket's value was out of its band: {signal:?}");
            let is_back = after <= high + 0.1 * (signal.before - high);
            assert_eq!(signal.is_back, Some(is_back), "{signal:?}");
        }
    }
    let again = checked(&fleet, &plan, false);
    assert_eq!(again.check, pretended.check, "a replay checks the same");
}

/// A repair as the engine judged it.
struct Checked {
    check: RepairCheck,
}

/// Closes the ticket of a plan's only fault two hours after it opened, with or without an end of the
/// fault, and lets time pass until the repair is judged.
fn checked(fleet: &Fleet, plan: &Plan, is_mended: bool) -> Checked {
    let mut engine = fleet.engine(Vec::new());
    let faulty: Vec<Batch> = fleet.course(plan.clone(), HOURS).collect();
    let healthy: Vec<Batch> = fleet.course(Plan::healthy(), HOURS).collect();
    assert_eq!(faulty.len(), healthy.len(), "the same stretches of time");
    let mut open: Option<(usize, TicketDraft)> = None;
    let mut is_closed = false;
    for (place, (faulty, healthy)) in faulty.iter().zip(&healthy).enumerate() {
        let batch = if is_closed && is_mended { healthy } else { faulty };
        for decision in engine.advance(batch) {
            match decision {
                Decision::Open { draft, .. } => {
                    open.get_or_insert((place, *draft));
                }
                Decision::Checked { check, .. } => return Checked { check: *check },
                Decision::Amend { .. } | Decision::Cleared { .. } | Decision::SetAside { .. } => {}
            }
        }
        let is_due = |it: &&(usize, TicketDraft)| !is_closed && it.0 + 4 <= place;
        if let Some((_, draft)) = open.as_ref().filter(is_due) {
            close(&mut engine, draft, newest(faulty));
            is_closed = true;
        }
    }
    panic!("the repair was not judged within {HOURS} h; ticket: {}", open.is_some());
}

fn close(engine: &mut Engine, draft: &TicketDraft, at: Time) {
    let repair = RepairRecord {
        id: RepairId::derive(&draft.key.device, at, "closed"),
        at,
        device: draft.key.device.clone(),
        component: draft.key.component.clone(),
        activity: Activity::Repair,
        part: None,
        text: "closed".to_owned(),
        language: Language::En,
        cause: draft.causes.first().map(|it| it.code.clone()),
        outcome: Outcome::Solved,
        hours: None,
        ticket: Some("FW-2026-0001".to_owned()),
        shape: Some(draft.evidence.shape.clone()),
    };
    engine.apply(&Notice::TicketClosed { key: draft.key.clone(), repair, at });
}

fn newest(batch: &Batch) -> Time {
    let BatchBody::Readings(readings) = &batch.body else { return Time::default() };
    readings.numbers.iter().map(|it| it.t).max().unwrap_or_default()
}

/// Every ticket with the fault that it is about.
fn pairs<'a>(tickets: &'a [Ticket], truth: &'a [Truth]) -> Vec<(&'a Truth, &'a Ticket)> {
    let of = |told: &'a Truth| {
        let ticket = tickets
            .iter()
            .find(|it| it.draft.key.device == told.device && it.draft.kind == told.kind)?;
        Some((told, ticket))
    };
    truth.iter().filter_map(of).collect()
}

/// The tickets as people closed them: every other one in Chinese, with the true cause.
fn records(fleet: &Fleet, pairs: &[(&Truth, &Ticket)]) -> Vec<RepairRecord> {
    let record = |(place, (told, ticket)): (usize, &(&Truth, &Ticket))| {
        let name = &fleet.library.mode(&told.cause).unwrap().name;
        let is_zh = place % 2 == 0;
        let (text, language) = match is_zh {
            true => (format!("检查确认：{}", name.zh), Language::Zh),
            false => (format!("Checked and confirmed: {}", name.en), Language::En),
        };
        let draft = &ticket.draft;
        let at = draft.detected_at - Span::from_secs(30 * 86_400);
        RepairRecord {
            id: RepairId::derive(&draft.key.device, at, &text),
            at,
            device: draft.key.device.clone(),
            component: draft.key.component.clone(),
            activity: Activity::Repair,
            part: None,
            text,
            language,
            // Written in words only: the code would be found by itself.
            cause: None,
            outcome: if place % 3 == 0 { Outcome::NoEffect } else { Outcome::Solved },
            hours: Some(1.0),
            ticket: Some(format!("FW-2026-{place:04}/{}", told.cause)),
            shape: Some(draft.evidence.shape.clone()),
        }
    };
    pairs.iter().enumerate().map(record).collect()
}

/// For how many tickets a case of the same cause is among the similar ones, and for how many there
/// was one to find.
fn rate(what: &str, pairs: &[(&Truth, &Ticket)]) -> (u32, u32) {
    let (mut found, mut asked) = (0, 0);
    for (told, ticket) in pairs {
        let similar = &ticket.draft.evidence.similar;
        let is_same = |it: &SimilarCase| {
            it.ticket.as_ref().is_some_and(|it| it.ends_with(&format!("/{}", told.cause)))
        };
        asked += 1;
        if similar.iter().any(is_same) {
            found += 1;
        } else {
            let causes: Vec<_> = similar.iter().map(|it| (&it.ticket, it.likeness)).collect();
            println!("{what}: {:?} on {} found {causes:?}", told.fault, told.component);
        }
    }
    (found, asked)
}

/// Faults of one kind of part each that the rules see, of machines and of sensors.
const KINDS: [FaultKind; 10] = [
    FaultKind::OuterRace,
    FaultKind::InnerRace,
    FaultKind::OilTemperatureDrift,
    FaultKind::FlatSensor,
    FaultKind::Imbalance,
    FaultKind::MotorOverheating,
    FaultKind::PressureLoss,
    FaultKind::SaturatedSensor,
    FaultKind::SpindleOverheating,
    FaultKind::CommunicationLoss,
];

/// Half an hour is one batch.
const HOURS: i64 = 12;
