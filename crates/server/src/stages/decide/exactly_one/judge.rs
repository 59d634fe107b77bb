//! Holds the tickets of a world against its truth.

use std::ops::AddAssign;

use forewarn_store::records::{Notice, TicketRow};

use super::plant::CONFIRMED_AFTER;
use super::world::World;

/// What was found, when nothing was wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    pub(super) faults: usize,
    pub(super) tickets: usize,
    /// Faults that came back before a person closed the ticket, and belong to it.
    pub(super) covered: usize,
    pub(super) crashes: usize,
    pub(super) closes: usize,
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, more: Self) {
        self.faults += more.faults;
        self.tickets += more.tickets;
        self.covered += more.covered;
        self.crashes += more.crashes;
        self.closes += more.closes;
    }
}

/// No fault without a ticket, no fault with two, no ticket without a fault.
pub(super) async fn judge(world: &World) -> Verdict {
    let tickets = world.tickets().await;
    let (crashes, closes) = (world.crashes, world.closes);
    let mut verdict = Verdict { tickets: tickets.len(), crashes, closes, ..Verdict::default() };
    let mut opened_by_a_fault = 0;
    for (agent, truth) in world.truths.iter().enumerate() {
        let device = format!("press-{}", agent + 1);
        let of_press: Vec<&TicketRow> =
            tickets.iter().filter(|it| it.key.device.as_str() == device).collect();
        for (from, until) in truth.faults() {
            verdict.faults += 1;
            let inside =
                |it: &&&TicketRow| (*from..*until).contains(&World::second_of(it.detected_at));
            let opened = of_press.iter().filter(inside).count();
            opened_by_a_fault += opened;
            let place = format!("seed {}, {device}, fault {from}..{until}", world.seed);
            assert!(opened <= 1, "{place} has {opened} tickets");
            if opened == 0 {
                let confirmed = World::seq_of_second(from + CONFIRMED_AFTER);
                assert!(
                    is_covered(world, agent, &of_press, *from, confirmed).await,
                    "{place} has no ticket; the press has {:?}",
                    of_press.iter().map(|it| World::second_of(it.detected_at)).collect::<Vec<_>>()
                );
                verdict.covered += 1;
            }
        }
    }
    assert_eq!(opened_by_a_fault, tickets.len(), "seed {}: a ticket without a fault", world.seed);
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
