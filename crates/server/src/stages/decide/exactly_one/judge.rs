//! Holds the tickets of a world against its truth.

use std::ops::AddAssign;

use forewarn_store::records::{Notice, TicketRow};

use serde_json::json;

use super::part::Part;
use super::plant::CONFIRMED_AFTER;
use super::world::World;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) episodes: usize,
    pub(super) tickets: usize,
    /// Faults that came back before a person closed the ticket, and belong to it.
    pub(super) covered: usize,
    pub(super) crashes: usize,
    pub(super) closes: usize,
    /// Faults without a ticket.
    missed: usize,
    /// Further tickets of the same fault.
    duplicate: usize,
    /// Tickets without a fault.
    unfounded: usize,
    /// What was wrong, in words.
    pub(super) violations: Vec<String>,
}

impl Verdict {
    pub(super) fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(super) fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// One line of JSON.
    pub(super) fn line(&self, seeds: u64, without: Option<Part>) -> String {
        let line = json!({
            "seeds": seeds,
            "without": without.map(Part::name),
            "episodes": self.episodes,
            "missed": self.missed,
            "duplicate": self.duplicate,
            "false": self.unfounded,
            "crashes": self.crashes,
            "tickets": self.tickets,
            "covered": self.covered,
            "closes": self.closes,
            "violations": self.violations.len(),
        });
        line.to_string()
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, more: Self) {
        self.episodes += more.episodes;
        self.tickets += more.tickets;
        self.covered += more.covered;
        self.crashes += more.crashes;
        self.closes += more.closes;
        self.missed += more.missed;
        self.duplicate += more.duplicate;
        self.unfounded += more.unfounded;
        self.violations.extend(more.violations);
    }
}

/// No fault without a ticket, no fault with two, no ticket without a fault.
pub(super) async fn judge(world: &World) -> Verdict {
    let tickets = world.tickets().await;
    let (crashes, closes) = (world.crashes, world.closes);
    let mut verdict = Verdict { tickets: tickets.len(), crashes, closes, ..Verdict::default() };
    let mut founded = 0;
    for (agent, truth) in world.truths.iter().enumerate() {
        let device = format!("press-{}", agent + 1);
        let of_press: Vec<&TicketRow> =
            tickets.iter().filter(|it| it.key.device.as_str() == device).collect();
        for (from, until) in truth.faults() {
            verdict.episodes += 1;
            let inside =
                |it: &&&TicketRow| (*from..*until).contains(&World::second_of(it.detected_at));
            let opened = of_press.iter().filter(inside).count();
            founded += opened;
            let place = format!("seed {}, {device}, fault {from}..{until}", world.seed);
            if 1 < opened {
                verdict.duplicate += opened - 1;
                verdict.violation(format!("{place} has {opened} tickets"));
            }
            if opened == 0 {
                let confirmed = World::seq_of_second(from + CONFIRMED_AFTER);
                if is_covered(world, agent, &of_press, *from, confirmed).await {
                    verdict.covered += 1;
                } else {
                    let at = |it: &&TicketRow| World::second_of(it.detected_at);
                    let seconds: Vec<_> = of_press.iter().map(at).collect();
                    verdict.missed += 1;
                    verdict.violation(format!("{place} has no ticket; the press has {seconds:?}"));
                }
            }
        }
    }
    verdict.unfounded = tickets.len() - founded;
    if 0 < verdict.unfounded {
        let (seed, many) = (world.seed, verdict.unfounded);
        verdict.violation(format!("seed {seed}: {many} tickets without a fault"));
    }
    verdict
}

/// Whether a ticket of an earlier fault was still open when this one came, or where the engine saw
/// it: a person who closes while readings are still on their way closes what they tell as well.
async fn is_covered(
    world: &World,
    agent: usize,
    tickets: &[&TicketRow],
    from: usize,
    confirmed: u64,
) -> bool {
    let inputs = world.records.inputs_after(0, 10_000).await.unwrap();
    tickets.iter().filter(|it| World::second_of(it.detected_at) < from).any(|ticket| {
        let close = inputs.iter().find(|input| {
            let told = serde_json::from_str::<Notice>(&input.body);
            matches!(told, Ok(Notice::TicketClosed { ticket: closed, .. }) if closed == ticket.id)
        });
        let Some(close) = close else { return true };
        if from + CONFIRMED_AFTER <= World::second_of(close.at) {
            return true;
        }
        let cursors = close.applies_after.as_deref().unwrap_or_default();
        let of_agent = cursors.iter().find(|(key, _)| key == world.key(agent));
        of_agent.is_none_or(|(_, next)| confirmed < *next)
    })
}
