//! Power cuts: a real spool's system calls are recorded, and what a cut between any two of them may
//! leave on a disk is opened by the real spool again.
//!
//! Short by itself; `FOREWARN_POWER_CUTS=20000` draws that many states for each model of a file
//! system, `FOREWARN_SEED` draws others. The same exploration must find each bug that is planted.
//! Deliberately absent: disks that lie about a sync.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says what it counted"
)]

#[path = "powercut/disk.rs"]
mod disk;
#[path = "powercut/explorer.rs"]
mod explorer;
#[path = "powercut/oracle.rs"]
mod oracle;
#[path = "powercut/plan.rs"]
mod plan;
#[path = "powercut/trace.rs"]
mod trace;

use std::path::{Path, PathBuf};

use forewarn_tests::{program, skipped};

use disk::Model;
use explorer::{APPENDS_AGAIN, Effort, Outcome, explore, explore_again};
use oracle::Oracle;
use plan::Mark;
use trace::{Inode, Life, Op, SPOOL, Script, may_trace, record};

#[test]
fn a_power_cut_between_any_two_system_calls_loses_nothing_that_was_accepted() {
    let Some(strace) = strace() else { return };
    let ops = record(sound(&strace));
    check_is_eventful(&ops);
    let (oracle, effort) = (Oracle::new(APPENDS), Effort { states: states(), seed: seed() });
    for outcome in of_both(|model| explore(&ops, &oracle, model, effort)) {
        println!("power cuts: {outcome}");
        assert!(outcome.lost.is_empty(), "{outcome}");
    }
}

#[test]
fn a_second_power_cut_while_the_first_is_recovered_from_loses_nothing_either() {
    let Some(strace) = strace() else { return };
    let script = sound(&strace);
    let (ops, oracle) = (record(script), Oracle::new(APPENDS + APPENDS_AGAIN));
    let effort = Effort { states: states(), seed: seed() };
    for outcome in of_both(|model| explore_again(script, &ops, &oracle, (model, effort))) {
        println!("second power cuts: {outcome}");
        assert!(outcome.lost.is_empty(), "{outcome}");
    }
}

#[test]
fn each_planted_bug_is_found() {
    let Some(strace) = strace() else { return };
    let sound = record(sound(&strace));
    let effort = Effort { states: PLANT_STATES, seed: seed() };
    let oracle = Oracle::new(APPENDS);
    for plant in PLANTS {
        let ops = plant.record(&strace, &sound);
        for outcome in of_both(|model| explore(&ops, &oracle, model, effort)) {
            println!("planted, {}: {outcome}", plant.what);
            let must_find = plant.shows_in.contains(&outcome.model);
            assert_eq!(!outcome.lost.is_empty(), must_find, "{}: {outcome}", plant.what);
        }
    }
}

/// A bug, and where it shows.
struct Plant {
    what: &'static str,
    how: How,
    shows_in: &'static [Model],
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
    fn record(&self, strace: &Path, sound: &[Op]) -> Vec<Op> {
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

/// The recording shows what can go wrong: the log is brought into the file and begins anew while
/// the spool is open, is found by a start after a kill, and is removed by a stop in order.
fn check_is_eventful(ops: &[Op]) {
    let (files, logs) = (inodes(ops, "spool.db"), inodes(ops, "spool.db-wal"));
    let checkpoints = ops.windows(2).filter(|pair| {
        let is_of =
            |op: &Op, of: &[Inode]| matches!(op, Op::Write { inode, .. } if of.contains(inode));
        !is_of(&pair[0], &files) && is_of(&pair[1], &files)
    });
    let begins = ops
        .iter()
        .filter(|op| matches!(op, Op::Write { inode, at: 0, .. } if logs.contains(inode)));
    let starts = ops.iter().filter(|op| matches!(op, Op::Say(Mark::Opened(_))));
    let (checkpoints, begins, starts) = (checkpoints.count(), begins.count(), starts.count());
    assert_eq!((files.len(), starts), (1, LIVES.len()));
    assert!(LIVES.len() <= checkpoints, "{checkpoints} checkpoints");
    assert!(logs.len() < begins, "{} logs, and {begins} beginnings", logs.len());
    assert!(2 <= logs.len() && logs.len() < starts, "{} logs, and {starts} starts", logs.len());
}

/// Everything that was ever made under a name in the spool's folder.
fn inodes(ops: &[Op], name: &str) -> Vec<Inode> {
    let wanted = Path::new(SPOOL).join(name);
    let made = ops.iter().filter_map(|op| match op {
        Op::Create { inode, path } if *path == wanted => Some(*inode),
        _ => None,
    });
    made.collect()
}

fn sound(strace: &Path) -> Script<'_> {
    Script { strace, start: &[], how: "sound", lives: LIVES, are_syncs_swallowed: false }
}

fn of_both(explore: impl Fn(Model) -> Outcome + Sync) -> Vec<Outcome> {
    let (models, explore) = ([Model::Ordered, Model::Strict], &explore);
    std::thread::scope(|scope| {
        let begun = models.map(|model| scope.spawn(move || explore(model)));
        begun.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

fn strace() -> Option<PathBuf> {
    let found = program("strace").filter(|it| may_trace(it));
    if found.is_none() {
        skipped("powercut", "peers", "strace (the package of that name), and permission to trace");
    }
    found
}

/// For each model.
fn states() -> usize {
    number("FOREWARN_POWER_CUTS", 300).max(1)
}

fn seed() -> u64 {
    u64::try_from(number("FOREWARN_SEED", 1)).unwrap()
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

const PLANTS: &[Plant] = &[
    Plant {
        what: "no sync reaches the disk",
        how: How::Swallows,
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        what: "synchronous=NORMAL",
        how: How::Writes("normal"),
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        what: "a journal in memory, so that a torn page is believed",
        how: How::Writes("memory"),
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        what: "a batch is forgotten when it was sent",
        how: How::Writes("early"),
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant {
        what: "the log begins anew although the file was not synced",
        how: How::NeverSyncsFile,
        shows_in: &[Model::Ordered, Model::Strict],
    },
    Plant { what: "no folder is synced", how: How::NeverSyncsFolders, shows_in: &[Model::Strict] },
];

/// What the sound writer lives through: long enough for its log to be brought into the file and to
/// begin anew on its own, killed twice, closed twice.
const LIVES: &[Life] = &[
    Life { appends: 0..130, end: "stop" },
    Life { appends: 130..150, end: "close" },
    Life { appends: 150..270, end: "stop" },
    Life { appends: 270..APPENDS, end: "close" },
];
const APPENDS: u64 = 280;

const APPENDS_PLANTED: u64 = 60;
const PLANT_STATES: usize = 150;
