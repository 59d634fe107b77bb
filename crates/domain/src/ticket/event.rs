//! What can happen to a ticket that people may be told of: one list for histories, messages, routes and
//! ticket types.

use super::state::Command;
use crate::quantity::vocabulary;

vocabulary!(
    /// What happened to a ticket.
    TicketEvent, UnknownTicketEvent, "event of a ticket", {
        /// A person took it.
        Accept = "accept",
        /// Somebody is at the machine.
        Arrive = "arrive",
        /// It has a new owner.
        Assign = "assign",
        /// The signal is back to normal.
        Cleared = "cleared",
        /// Finished for good.
        Close = "close",
        /// Somebody is on the way.
        Depart = "depart",
        /// A deadline is near.
        DueSoon = "due_soon",
        /// Another ticket covers it.
        Duplicate = "duplicate",
        /// A step of its policy called somebody.
        Escalated = "escalated",
        /// A person found no fault.
        FalseAlarm = "false_alarm",
        /// The work is done.
        Finish = "finish",
        /// The machine's own signal did not return after the repair.
        NotVerified = "not_verified",
        /// It is new.
        Opened = "opened",
        /// A deadline has passed.
        Overdue = "overdue",
        /// The same fault came again while it was open.
        Recurred = "recurred",
        /// A person took it up again.
        Reopen = "reopen",
        /// The work goes on.
        Resume = "resume",
        /// A person laid it aside for a while.
        Shelve = "shelve",
        /// Somebody began to work.
        Start = "start",
        /// A person took it from the shelf.
        Unshelve = "unshelve",
        /// Its time on the shelf is over.
        Unshelved = "unshelved",
        /// The check was passed.
        Verify = "verify",
        /// Something outside stops the work.
        Wait = "wait",
    }
);

impl TicketEvent {
    /// What asks a person to act: told to everybody where no table of routes says otherwise.
    pub const ASKS_FOR_WORK: &'static [Self] = &[
        Self::Opened,
        Self::Recurred,
        Self::DueSoon,
        Self::Escalated,
        Self::Overdue,
        Self::Reopen,
        Self::NotVerified,
        Self::Unshelved,
    ];

    /// Whether a person's command leads to it; the others are the engine's and the clocks'.
    #[must_use]
    pub const fn is_command(self) -> bool {
        !matches!(
            self,
            Self::Cleared
                | Self::DueSoon
                | Self::Escalated
                | Self::NotVerified
                | Self::Opened
                | Self::Overdue
                | Self::Recurred
                | Self::Unshelved
        )
    }
}

impl From<&Command> for TicketEvent {
    fn from(command: &Command) -> Self {
        match command {
            Command::Accept {} => Self::Accept,
            Command::Arrive {} => Self::Arrive,
            Command::Assign { .. } => Self::Assign,
            Command::Close { .. } => Self::Close,
            Command::Depart {} => Self::Depart,
            Command::Duplicate { .. } => Self::Duplicate,
            Command::FalseAlarm { .. } => Self::FalseAlarm,
            Command::Finish { .. } => Self::Finish,
            Command::Reopen { .. } => Self::Reopen,
            Command::Resume {} => Self::Resume,
            Command::Shelve { .. } => Self::Shelve,
            Command::Start {} => Self::Start,
            Command::Unshelve {} => Self::Unshelve,
            Command::Verify {} => Self::Verify,
            Command::Wait { .. } => Self::Wait,
        }
    }
}
