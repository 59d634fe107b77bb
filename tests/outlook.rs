//! When a ticket says that the alarm level is reached in so many hours, it is: on simulated faults that
//! grow over half a day to two days, at least eight of ten intervals of 80 % hold the truth.
//!
//! The truth is the moment at which the same engine finds the same channel grave. A level that is still not
//! reached at the late end counts as late, unless the fault has stopped growing. Prints the figures;
//! `FOREWARN_SEEDS=5` looks at five seeds, `FOREWARN_COURSES=FILE` writes every answer to a file.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

#[path = "calibration/fleet.rs"]
#[expect(dead_code, reason = "shared with the calibration, which uses all of it")]
mod fleet;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId};
use forewarn_domain::family::Severity;
use forewarn_domain::id::DeviceId;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::Decision;
use forewarn_simulator::{FaultKind, Plan};

use fleet::Fleet;

#[test]
fn eight_of_ten_intervals_to_the_alarm_level_hold_what_comes() {
    let fleet = Fleet::learned(33, 30, 5);
    let mut written = std::env::var_os("FOREWARN_COURSES").map(|it| File::create(it).unwrap());
    let mut total = Told::default();
    for (curve, name) in [(1.0, "in a straight line"), (2.0, "ever faster")] {
        let mut told = Told::default();
        for seed in seeds() {
            let mut plan = Plan::fault_set(seed, &fleet.plant, &GROWING);
            let hours = [12, 20, 28, 36, 44].into_iter().cycle();
            for (fault, hours) in plan.faults.iter_mut().zip(hours) {
                (fault.growth, fault.strength) = (Some(Span::from_secs(hours * 3_600)), 1.8);
                fault.curve = curve;
            }
            for answer in of_course(&fleet, plan) {
                if let Some(file) = &mut written {
                    let hours = |it: Time| (it - answer.told_at).secs_f64() / 3_600.0;
                    let (from, to) = (hours(answer.from), hours(answer.to));
                    let (channel, came) = (&answer.channel, answer.came_at.map(hours));
                    let outcome = answer.outcome;
                    writeln!(file, "{name}, seed {seed}, {channel}: {from:.1} to {to:.1} h, came {came:?}: {outcome:?}").unwrap();
                }
                told.add(answer.outcome);
            }
        }
        println!("{name}: {told:?}");
        total += told;
    }
    let Told { held, early, late, .. } = total;
    let all = held + early + late;
    println!("{held} of {all} intervals to the alarm level held the truth: {total:?}");
    assert!(10 <= all, "too few tickets told when: {total:?}");
    assert!(8 * all <= 10 * held, "{total:?}");
}

/// How many of the first answers were right.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    held: usize,
    early: usize,
    late: usize,
    /// The fault had stopped growing before the level, or time was up within the interval.
    unseen: usize,
}

impl Told {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Held => self.held += 1,
            Outcome::Early => self.early += 1,
            Outcome::Late => self.late += 1,
            Outcome::Unseen => self.unseen += 1,
        }
    }
}

impl std::ops::AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        self.held += other.held;
        self.early += other.early;
        self.late += other.late;
        self.unseen += other.unseen;
    }
}

/// What came of the first outlook of one ticket.
#[derive(Clone, Debug)]
struct Answer {
    channel: ChannelId,
    told_at: Time,
    from: Time,
    to: Time,
    came_at: Option<Time>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Held,
    Early,
    Late,
    Unseen,
}

fn of_course(fleet: &Fleet, plan: Plan) -> Vec<Answer> {
    let mut engine = fleet.engine(Vec::new());
    let mut answers: BTreeMap<EpisodeId, Answer> = BTreeMap::new();
    let growth_ends: BTreeMap<DeviceId, Time> = (plan.faults.iter())
        .map(|it| (it.device.clone(), fleet.origin + it.start_after + it.growth.unwrap()))
        .collect();
    let mut now = fleet.origin;
    for batch in fleet.course(plan, 54) {
        let decisions = engine.advance(&batch);
        now = engine.rooms().map(forewarn_engine::Room::newest).max().unwrap();
        for decision in decisions {
            let (Decision::Open { draft, .. } | Decision::Amend { draft, .. }) = decision else {
                continue;
            };
            let Some(outlook) = &draft.evidence.outlook else { continue };
            let episode = engine.episode(draft.episode).unwrap();
            if outlook.limit.en.starts_with("the alarm level")
                && !is_grave(episode, &outlook.channel)
            {
                let (from, to) = (now + outlook.earliest, now + outlook.latest);
                answers.entry(draft.episode).or_insert_with(|| Answer {
                    channel: outlook.channel.clone(),
                    told_at: now,
                    from,
                    to,
                    came_at: None,
                    outcome: Outcome::Unseen,
                });
            }
        }
        for (id, it) in answers.iter_mut().filter(|(_, it)| it.outcome == Outcome::Unseen) {
            if engine.episode(*id).is_some_and(|episode| is_grave(episode, &it.channel)) {
                // It came at any time within the last half hour, which is what a batch holds.
                it.came_at = Some(now);
                it.outcome = match () {
                    () if now < it.from => Outcome::Early,
                    () if it.to < now - Span::from_secs(1_800) => Outcome::Late,
                    () => Outcome::Held,
                };
            }
        }
    }
    // What has still not come at the late end was told too early, unless the trouble itself stood still.
    for it in answers.values_mut().filter(|it| it.outcome == Outcome::Unseen) {
        let grew_until = growth_ends.get(&it.channel.device()).copied().unwrap_or(now);
        if it.to < now.min(grew_until) {
            it.outcome = Outcome::Late;
        }
    }
    answers.into_values().collect()
}

/// Whether the alarm level of a channel has been reached.
fn is_grave(episode: &Episode, channel: &ChannelId) -> bool {
    episode.anomalies.iter().any(|it| it.channel == *channel && it.severity == Severity::Alarm)
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    let count = std::env::var("FOREWARN_SEEDS").ok().and_then(|it| it.parse().ok());
    1..=count.unwrap_or(2)
}

/// Faults that grow and end in a grave level.
const GROWING: [FaultKind; 9] = [
    FaultKind::Imbalance,
    FaultKind::Looseness,
    FaultKind::Misalignment,
    FaultKind::MotorOverheating,
    FaultKind::OilTemperatureDrift,
    FaultKind::PoorLubrication,
    FaultKind::PressureLoss,
    FaultKind::SpindleOverheating,
    FaultKind::WornTool,
];
