//! What the engine decided, in one transaction: tickets, episodes, messages, cursor and snapshot.
//!
//! The order of the engine's work is: step, commit, then acknowledge to itself. A kill before the
//! commit leaves the cursor behind and the same decisions are made again; a kill after it finds them
//! made. So every write here recognises itself.

use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::check::RepairCheck;
use forewarn_domain::episode::{Episode, EpisodeId};
use forewarn_domain::reading::StreamKey;
use forewarn_domain::ticket::{TicketDraft, TicketId};
use forewarn_domain::time::Time;

use super::desk::{Desk, Opened};
use super::{Records, RecordsError, engine, episodes, stops};

/// What one step of the engine leads to.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// What happens to tickets, in this order.
    pub tickets: Vec<TicketWrite>,
    /// Episodes as they now are.
    pub episodes: Vec<Episode>,
    /// Where the engine stands after it; `None` leaves that as it is.
    pub snapshot: Option<Snapshot>,
    /// When it is recorded; tickets open at this time and their numbers carry its year.
    pub at: Time,
}

/// What the engine wants of a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum TicketWrite {
    /// An episode calls for work: opens a ticket, or joins the one that is open for the same key.
    Open(Box<TicketDraft>),
    /// More is known: replaces causes, summary, evidence and priority, never state or owner. A
    /// ticket that is no longer open stays as it was when people decided.
    Amend(Box<TicketDraft>),
    /// A repair was checked by the signals that had led to its ticket.
    Checked {
        /// The episode that the repair ended.
        episode: EpisodeId,
        /// What the signals say.
        check: Box<RepairCheck>,
    },
    /// Something was found in a planned stop.
    SetAside {
        /// The stop's number.
        stop: String,
        /// What was found.
        anomaly: Box<Anomaly>,
    },
    /// The signal came back to normal. Only a note: people close tickets.
    EpisodeCleared {
        /// Which episode.
        episode: EpisodeId,
        /// Event time of the clearing.
        at: Time,
    },
}

/// Where the engine stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Its state as named texts. A part that is not named stays; an empty text removes it.
    pub parts: Vec<(String, String)>,
    /// The next sequence number of each stream.
    pub cursors: Vec<(StreamKey, u64)>,
    /// Number of the newest engine input whose effect is in the parts.
    pub inputs_applied: i64,
}

/// What a commit led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// Tickets that are new, with their numbers.
    pub opened: Vec<(TicketId, String)>,
    /// Open tickets that an episode joined.
    pub joined: Vec<(TicketId, String)>,
    /// Tickets whose content was replaced.
    pub amended: Vec<TicketId>,
    /// How many writes were known already, or came for a ticket that is no longer open.
    pub unchanged: u32,
}

impl Records {
    /// Makes the engine's decisions durable, all or none of them.
    ///
    /// # Errors
    ///
    /// [`RecordsError`]; nothing was changed then and the same commit may be tried again.
    pub async fn commit(&self, commit: &Commit) -> Result<Committed, RecordsError> {
        let mut tx = self.begin().await?;
        for episode in &commit.episodes {
            episodes::put(&mut tx, episode).await?;
        }
        let mut committed = Committed::default();
        let process = self.process(&mut tx).await?;
        let mut desk = Desk { tx: &mut tx, channels: &self.notify, at: commit.at, process };
        for write in &commit.tickets {
            match write {
                TicketWrite::Open(draft) => match desk.open(draft).await? {
                    Opened::New(number) => committed.opened.push((draft.id, number)),
                    Opened::Joined(id, number) => committed.joined.push((id, number)),
                    Opened::Known => committed.unchanged += 1,
                },
                TicketWrite::Amend(draft) => match desk.amend(draft).await? {
                    Some(ticket) => committed.amended.push(ticket),
                    None => committed.unchanged += 1,
                },
                TicketWrite::Checked { episode, check } => {
                    if !desk.checked(*episode, check).await? {
                        committed.unchanged += 1;
                    }
                }
                TicketWrite::SetAside { stop, anomaly } => {
                    if !stops::set_aside(desk.tx, stop, anomaly).await? {
                        committed.unchanged += 1;
                    }
                }
                TicketWrite::EpisodeCleared { episode, at } => {
                    if !desk.episode_cleared(*episode, *at).await? {
                        committed.unchanged += 1;
                    }
                }
            }
        }
        if let Some(snapshot) = &commit.snapshot {
            engine::put_snapshot(&mut tx, snapshot, commit.at).await?;
        }
        self.finish(tx).await?;
        Ok(committed)
    }
}
