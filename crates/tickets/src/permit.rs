//! Whether a command has the evidence that the ticket's type demands, skipped states included.

use forewarn_domain::ticket::course::{Asked, Missing, Permit, Refusal};
use forewarn_domain::ticket::kind::TicketType;
use forewarn_domain::ticket::{Command, TicketState};

use crate::course::{WAY, brings};
use crate::words;

/// Checks a command that the transition table allows.
pub(crate) fn check(kind: &TicketType, asked: &Asked<'_>) -> Result<Permit, Refusal> {
    if let Command::Shelve { until, .. } = asked.command
        && (*until <= asked.at || asked.at + kind.shelve_max < *until)
    {
        return Err(Refusal::Shelf { longest: kind.shelve_max });
    }
    let word = asked.command.word();
    let passed = passed(asked.ticket.state, word);
    let commands = passed.iter().map(|(_, command)| *command).chain([word]);
    let mut missing = Vec::new();
    for command in commands {
        for evidence in kind.evidence.get(command).into_iter().flatten() {
            let is_there = asked.evidence.contains(evidence)
                || (command == word && brings(asked.command, *evidence));
            if !is_there {
                missing.push(Missing { command: command.to_owned(), evidence: *evidence });
            }
        }
    }
    if missing.is_empty() {
        let skipped: Vec<TicketState> = passed.into_iter().map(|(state, _)| state).collect();
        let note = words::skipped(&skipped);
        return Ok(Permit { skipped, note });
    }
    Err(Refusal::Missing(missing))
}

/// States of the usual way between the present one and that to which a command leads.
fn passed(state: TicketState, command: &str) -> Vec<(TicketState, &'static str)> {
    let Some(to) = WAY.iter().position(|(_, it)| *it == command) else { return Vec::new() };
    let here = if state == TicketState::Waiting { TicketState::InProgress } else { state };
    let from = WAY.iter().position(|(it, _)| *it == here).map_or(0, |it| it + 1);
    WAY.get(from..to).unwrap_or_default().to_vec()
}
