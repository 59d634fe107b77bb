//! The life of a ticket: which command leads from which state to which.

use serde::{Deserialize, Serialize};

use super::event::TicketEvent;
use crate::cause::CauseCode;
use crate::quantity::vocabulary;

vocabulary!(
    /// Where a ticket stands. The last three are terminal.
    TicketState, UnknownTicketState, "ticket state", {
        /// Nobody owns it yet.
        ToAssign = "to_assign",
        /// Somebody was named.
        Assigned = "assigned",
        /// Somebody took it.
        Accepted = "accepted",
        /// On the way.
        Departed = "departed",
        /// At the machine.
        OnSite = "on_site",
        /// Being worked on.
        InProgress = "in_progress",
        /// Stopped by something outside.
        Waiting = "waiting",
        /// The work is done; the check is not.
        Done = "done",
        /// The machine's own signal or a person confirmed it.
        Verified = "verified",
        /// Finished.
        Closed = "closed",
        /// There was no fault.
        FalseAlarm = "false_alarm",
        /// Another ticket covers it.
        Duplicate = "duplicate",
    }
);

vocabulary!(
    /// What a waiting ticket waits for.
    WaitingFor, UnknownWait, "reason to wait", {
        /// Somebody outside the plant.
        Outside = "outside",
        /// A spare part.
        Part = "part",
        /// A time at which the machine may stop.
        Window = "window",
    }
);

vocabulary!(
    /// How a closed ticket turned out, for the detector's score.
    Verdict, UnknownVerdict, "verdict", {
        /// The fault was real and the first cause right.
        Confirmed = "confirmed",
        /// Nothing was found.
        NothingFound = "nothing_found",
        /// It was the sensor.
        SensorFault = "sensor_fault",
        /// The fault was real, the cause another.
        WrongCause = "wrong_cause",
    }
);

/// What a person asks of a ticket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "command", deny_unknown_fields)]
pub enum Command {
    /// I take it.
    Accept {},
    /// I am at the machine.
    Arrive {},
    /// Name an owner.
    Assign {
        /// Who.
        to: String,
    },
    /// Finished for good.
    Close {
        /// How it turned out.
        verdict: Verdict,
    },
    /// I am on the way.
    Depart {},
    /// Another ticket covers it.
    Duplicate {
        /// Id or number of that ticket.
        of: String,
    },
    /// There is no fault.
    FalseAlarm {
        /// Why not.
        reason: String,
    },
    /// The work is done.
    Finish {
        /// What it was.
        cause: CauseCode,
        /// What was done, in own words.
        #[serde(default)]
        note: String,
        /// The part that was used.
        part: Option<String>,
    },
    /// It is not over.
    Reopen {
        /// Why.
        reason: String,
    },
    /// Go on after waiting.
    Resume {},
    /// Nobody is called for it for a while; it comes back by itself.
    Shelve {
        /// Until when.
        until: crate::time::Time,
        /// Why.
        reason: String,
    },
    /// I begin to work.
    Start {},
    /// Back from the shelf before its time.
    Unshelve {},
    /// The check was passed.
    Verify {},
    /// Something outside stops the work.
    Wait {
        /// What.
        reason: WaitingFor,
    },
}

impl Command {
    /// The word for the timeline.
    #[must_use]
    pub fn word(&self) -> &'static str {
        TicketEvent::from(self).as_str()
    }
}

impl TicketState {
    /// Whether the ticket counts as open: at most one is, for each device, part and fault family.
    #[must_use]
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Closed | Self::FalseAlarm | Self::Duplicate)
    }

    /// The transition table.
    ///
    /// Skipping forward (from accepted straight to done, say) is legal where the ticket type demands
    /// no evidence on the way; that check belongs to the type, not to this table.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`] for every pair that the table does not grant.
    pub fn after(self, command: &Command) -> Result<Self, IllegalTransition> {
        use TicketState as S;
        let next = match (self, command) {
            (S::ToAssign | S::Assigned, Command::Assign { .. }) => S::Assigned,
            (S::ToAssign | S::Assigned, Command::Accept {}) => S::Accepted,
            (S::Accepted, Command::Assign { .. }) => S::Assigned,
            (S::Accepted, Command::Depart {}) => S::Departed,
            (S::Accepted | S::Departed, Command::Arrive {}) => S::OnSite,
            (S::Accepted | S::Departed | S::OnSite, Command::Start {}) => S::InProgress,
            (S::Accepted | S::OnSite | S::InProgress, Command::Wait { .. }) => S::Waiting,
            (S::Waiting, Command::Resume {}) => S::InProgress,
            (
                S::Accepted | S::Departed | S::OnSite | S::InProgress | S::Waiting,
                Command::Finish { .. },
            ) => S::Done,
            (S::Done, Command::Verify {}) => S::Verified,
            (S::Done | S::Verified, Command::Close { .. }) => S::Closed,
            (S::Done | S::Verified | S::Closed | S::FalseAlarm, Command::Reopen { .. }) => {
                S::InProgress
            }
            (
                S::ToAssign
                | S::Assigned
                | S::Accepted
                | S::Departed
                | S::OnSite
                | S::InProgress
                | S::Waiting
                | S::Done,
                Command::FalseAlarm { .. },
            ) => S::FalseAlarm,
            (
                S::ToAssign
                | S::Assigned
                | S::Accepted
                | S::Departed
                | S::OnSite
                | S::InProgress
                | S::Waiting,
                Command::Duplicate { .. },
            ) => S::Duplicate,
            // The shelf is a flag: the state stays.
            (
                S::ToAssign
                | S::Assigned
                | S::Accepted
                | S::Departed
                | S::OnSite
                | S::InProgress
                | S::Waiting,
                Command::Shelve { .. } | Command::Unshelve {},
            ) => self,

            // Named one by one: a new state does not compile until it is placed.
            (
                S::ToAssign
                | S::Assigned
                | S::Accepted
                | S::Departed
                | S::OnSite
                | S::InProgress
                | S::Waiting
                | S::Done
                | S::Verified
                | S::Closed
                | S::FalseAlarm
                | S::Duplicate,
                command,
            ) => return Err(IllegalTransition { from: self, command: command.word() }),
        };
        Ok(next)
    }
}

/// A command that the state does not allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a ticket that is {from} does not allow `{command}`")]
pub struct IllegalTransition {
    /// Where the ticket stands.
    pub from: TicketState,
    /// What was asked.
    pub command: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Vec<Command> {
        vec![
            Command::Assign { to: "li".into() },
            Command::Accept {},
            Command::Depart {},
            Command::Arrive {},
            Command::Start {},
            Command::Wait { reason: WaitingFor::Part },
            Command::Resume {},
            Command::Finish { cause: "other".into(), note: String::new(), part: None },
            Command::Verify {},
            Command::Close { verdict: Verdict::Confirmed },
            Command::Reopen { reason: "noise again".into() },
            Command::FalseAlarm { reason: "test run".into() },
            Command::Duplicate { of: "FW-2026-1".into() },
            Command::Shelve { until: crate::time::Time::from_micros(0), reason: "stop".into() },
            Command::Unshelve {},
        ]
    }

    #[test]
    fn the_whole_table_is_as_agreed() {
        let mut table = String::new();
        for state in TicketState::ALL {
            table.push_str(state.as_str());
            table.push(':');
            for command in commands() {
                if let Ok(next) = state.after(&command) {
                    table += &[" ", command.word(), ">", next.as_str()].concat();
                }
            }
            table.push('\n');
        }
        assert_eq!(table, AGREED);
    }

    #[test]
    fn the_straight_line_leads_to_closed() {
        let line = [
            Command::Accept {},
            Command::Start {},
            Command::Finish { cause: "bearing-outer-race".into(), note: String::new(), part: None },
            Command::Close { verdict: Verdict::Confirmed },
        ];
        let end = line.iter().try_fold(TicketState::ToAssign, |state, it| state.after(it));
        assert_eq!(end, Ok(TicketState::Closed));
    }

    const AGREED: &str = "\
to_assign: assign>assigned accept>accepted false_alarm>false_alarm duplicate>duplicate shelve>to_assign unshelve>to_assign
assigned: assign>assigned accept>accepted false_alarm>false_alarm duplicate>duplicate shelve>assigned unshelve>assigned
accepted: assign>assigned depart>departed arrive>on_site start>in_progress wait>waiting finish>done false_alarm>false_alarm duplicate>duplicate shelve>accepted unshelve>accepted
departed: arrive>on_site start>in_progress finish>done false_alarm>false_alarm duplicate>duplicate shelve>departed unshelve>departed
on_site: start>in_progress wait>waiting finish>done false_alarm>false_alarm duplicate>duplicate shelve>on_site unshelve>on_site
in_progress: wait>waiting finish>done false_alarm>false_alarm duplicate>duplicate shelve>in_progress unshelve>in_progress
waiting: resume>in_progress finish>done false_alarm>false_alarm duplicate>duplicate shelve>waiting unshelve>waiting
done: verify>verified close>closed reopen>in_progress false_alarm>false_alarm
verified: close>closed reopen>in_progress
closed: reopen>in_progress
false_alarm: reopen>in_progress
duplicate:
";
}
