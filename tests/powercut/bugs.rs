//! Bugs of a writer or of its disk that the exploration must bring to light.
//!
//! Deliberately absent: bugs of the spool itself, which cannot be asked to have one.

use std::path::Path;

use crate::disk::Model;
use crate::trace::{Inode, Life, Op, SPOOL, Script, record};

/// A bug, and where it shows.
pub(crate) struct Plant {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    how: How,
    pub(crate) shows_in: &'static [Model],
}

enum How {
    /// The writer has it.
    Writes(&'static str),
    /// Every sync says that it worked and does nothing.
    Swallows,
    /// The sound writer, but what the log held is brought into the file and not synced there.
    NeverSyncsFile,
    /// The sound writer without the syncs of folders.
    NeverSyncsFolders,
}

impl Plant {
    /// What a writer with the bug asks of the system.
    pub(crate) fn record(&self, strace: &Path, sound: &[Op]) -> Vec<Op> {
        let once = [Life { appends: 0..APPENDS_PLANTED, end: "stop" }];
        let script =
            Script { strace, start: &[], how: "sound", lives: &once, are_syncs_swallowed: false };
        match self.how {
            How::Writes(how) => record(Script { how, ..script }),
            How::Swallows => record(Script { are_syncs_swallowed: true, ..script }),
            How::NeverSyncsFile => {
                let promised = sound.iter().position(|op| matches!(op, Op::Say(_))).unwrap();
                let files = inodes(sound, "spool.db");
                let is_synced =
                    |op: &Op| matches!(op, Op::Sync { inode, .. } if files.contains(inode));
                let numbered = sound.iter().enumerate();
                let kept = numbered.filter(|(at, op)| *at < promised || !is_synced(op));
                kept.map(|(_, op)| op.clone()).collect()
            }
            How::NeverSyncsFolders => {
                let is_kept = |op: &&Op| !matches!(op, Op::SyncFolder { .. });
                sound.iter().filter(is_kept).cloned().collect()
            }
        }
    }
}

/// Everything that was ever made under a name in the spool's folder.
pub(crate) fn inodes(ops: &[Op], name: &str) -> Vec<Inode> {
    let wanted = Path::new(SPOOL).join(name);
    let made = ops.iter().filter_map(|op| match op {
        Op::Create { inode, path } if *path == wanted => Some(*inode),
        _ => None,
    });
    made.collect()
}

pub(crate) const PLANTS: &[Plant] = &[
    Plant {
        name: "no-sync",
        what: "no sync reaches the disk",
        how: How::Swallows,
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        name: "synchronous-normal",
        what: "synchronous=NORMAL",
        how: How::Writes("normal"),
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        name: "memory-journal",
        what: "a journal in memory, so that a torn page is believed",
        how: How::Writes("memory"),
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        name: "early-forget",
        what: "a batch is forgotten when it was sent",
        how: How::Writes("early"),
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        name: "file-unsynced",
        what: "the log begins anew although the file was not synced",
        how: How::NeverSyncsFile,
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        name: "folder-unsynced",
        what: "no folder is synced",
        how: How::NeverSyncsFolders,
        shows_in: &[Model::Strict],
    },
];

const APPENDS_PLANTED: u64 = 60;
