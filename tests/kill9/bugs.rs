//! Bugs that kills must bring to light, each of a peer or of the disk.

use std::fs::File;
use std::path::Path;

/// A planted bug.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bug {
    /// Of the server: it acknowledges what it has not stored, and dies together with the agent.
    AckBeforeStore,
    /// Of the server: it stores what arrives without looking whether it has it.
    NoLedger,
    /// Of the disk: what was committed last is not there after a kill.
    NoSync,
    /// Of the server: it acknowledges what the greeting says is on the way.
    TrustTheBroker,
}

impl Bug {
    pub(crate) const ALL: [Self; 4] =
        [Self::AckBeforeStore, Self::NoLedger, Self::NoSync, Self::TrustTheBroker];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AckBeforeStore => "ack-before-store",
            Self::NoLedger => "no-ledger",
            Self::NoSync => "no-sync",
            Self::TrustTheBroker => "trust-the-broker",
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::AckBeforeStore => "the server acknowledges what it has not stored yet",
            Self::NoLedger => "the server stores what arrives, known or not",
            Self::NoSync => "the disk forgets the last commits",
            Self::TrustTheBroker => "the server acknowledges what a greeting says is on its way",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| format!("`{name}` is no bug that can be planted"))
    }

    /// What the bug does to the files of a killed agent.
    pub(crate) fn strike(self, spool: &Path) {
        if self != Self::NoSync {
            return;
        }
        let path = spool.join("spool.db-wal");
        let Ok(log) = File::options().write(true).open(path) else { return };
        let bytes = log.metadata().unwrap().len();
        log.set_len(bytes.saturating_sub(LOST_BYTES)).unwrap();
    }
}

/// Eight frames of the write-ahead log, each a page and 24 bytes: two commits or so.
const LOST_BYTES: u64 = 8 * (4_096 + 24);
