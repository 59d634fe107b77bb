//! Cuts the power between two system calls, again and again, and asks the oracle each time.
//!
//! Rely on this: the same effort over the same recording draws the same states. The second
//! exploration lets a writer go on from such a state, and cuts the power while it recovers.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use forewarn_simulator::chance::Chance;

use crate::disk::{Disk, Model};
use crate::oracle::{Oracle, Told};
use crate::trace::{Life, Op, SPOOL, Script, lay_out, record};

/// How much is to be explored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) states: usize,
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) model: Model,
    pub(crate) states: usize,
    /// States of which no other has the same cut and kept the same.
    pub(crate) distinct: usize,
    /// Places in the recording at which the power was cut.
    pub(crate) places: usize,
    pub(crate) calls: usize,
    pub(crate) lost: Vec<Loss>,
}

/// A state that breaks a promise.
#[derive(Debug)]
pub(crate) struct Loss {
    cut: usize,
    last: String,
    fate: String,
    why: String,
}

/// Draws states of a recording and judges them.
pub(crate) fn explore(ops: &[Op], oracle: &Oracle, model: Model, effort: Effort) -> Outcome {
    explore_behind(0, ops, oracle, (model, effort))
}

/// Draws a few states, lets a writer start on each, and explores what that one does.
pub(crate) fn explore_again(
    script: Script<'_>,
    ops: &[Op],
    oracle: &Oracle,
    (model, effort): (Model, Effort),
) -> Outcome {
    let chance = Chance::new(effort.seed).named("first cut");
    let mut outcome = Outcome::new(model);
    let cuts = cuts(ops, 0, (effort.states / SECOND_STATES).max(1), chance);
    visit(ops, model, cuts, |index, cut, (disk, told)| {
        let chance = chance.with(index);
        let state = disk.cut(chance);
        let fate = state.fate.clone();
        let mut start = state.into_ops();
        match judge(&start, oracle, told, chance) {
            Err(why) => {
                outcome.lost.push(Loss { cut, last: shown(&ops[cut - 1]), fate, why });
            }
            Ok(count) => {
                start.extend(told.marks().into_iter().map(Op::Say));
                let end = if index.is_multiple_of(2) { "close" } else { "stop" };
                let lives = [Life { appends: count..count + APPENDS_AGAIN, end }];
                let ops = record(Script { start: &start, lives: &lives, ..script });
                let effort = Effort { states: SECOND_STATES, seed: chance.bits() };
                outcome.add(explore_behind(start.len(), &ops, oracle, (model, effort)));
            }
        }
    });
    outcome
}

fn explore_behind(
    start: usize,
    ops: &[Op],
    oracle: &Oracle,
    (model, effort): (Model, Effort),
) -> Outcome {
    let chance = Chance::new(effort.seed).named("power");
    let cuts = cuts(ops, start, effort.states, chance);
    let mut outcome = Outcome::new(model);
    outcome.states = cuts.len();
    outcome.places = cuts.iter().collect::<BTreeSet<_>>().len();
    outcome.calls = ops[start..].iter().filter(|op| !matches!(op, Op::Say(_))).count();
    let mut distinct = BTreeSet::new();
    visit(ops, model, cuts, |index, cut, (disk, told)| {
        let chance = chance.named("state").with(index);
        let state = disk.cut(chance);
        distinct.insert((cut, state.fingerprint));
        let fate = state.fate.clone();
        if let Err(why) = judge(&state.into_ops(), oracle, told, chance) {
            outcome.lost.push(Loss { cut, last: shown(&ops[cut - 1]), fate, why });
        }
    });
    outcome.distinct = distinct.len();
    outcome
}

/// Where to cut, rising. With enough states after every single call and evenly often; with fewer,
/// half of them right after a word of the writer, when the most is promised and the least had time.
fn cuts(ops: &[Op], start: usize, states: usize, chance: Chance) -> Vec<usize> {
    let behind = start + 1..=ops.len();
    let said: Vec<usize> =
        behind.clone().filter(|cut| matches!(ops[cut - 1], Op::Say(_))).collect();
    let all: Vec<usize> = behind.collect();
    let mut cuts: Vec<usize> = (0..states)
        .map(|index| {
            let chance = chance.named("cut").with(u64::try_from(index).unwrap());
            if all.len() <= states {
                all[index % all.len()]
            } else if index.is_multiple_of(2) {
                said[chance.index(said.len())]
            } else {
                all[chance.index(all.len())]
            }
        })
        .collect();
    cuts.sort_unstable();
    cuts
}

/// Follows the recording from cut to cut.
fn visit(
    ops: &[Op],
    model: Model,
    cuts: Vec<usize>,
    mut see: impl FnMut(u64, usize, (&Disk<'_>, &Told)),
) {
    let (mut disk, mut told, mut taken) = (Disk::new(model), Told::default(), 0);
    for (index, cut) in (0..).zip(cuts) {
        for op in &ops[taken..cut] {
            disk.take(op);
            if let Op::Say(mark) = op {
                told.hear(*mark);
            }
        }
        taken = cut;
        see(index, cut, (&disk, &told));
    }
}

fn judge(state: &[Op], oracle: &Oracle, told: &Told, chance: Chance) -> Result<u64, String> {
    let root = tempfile::tempdir_in(memory()).unwrap();
    lay_out(root.path(), state);
    let folder = root.path().join(SPOOL);
    // The log's index is never synced: it may be gone, or hold anything.
    if folder.is_dir() && chance.named("index").index(2) == 0 {
        let noise = (0..4_096).flat_map(|it| chance.with(it).bits().to_le_bytes());
        std::fs::write(folder.join("spool.db-shm"), noise.collect::<Vec<u8>>()).unwrap();
    }
    oracle.judge(&folder, told)
}

/// Where files need no disk, if there is such a place: the states are many, and theirs is a model.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

fn shown(op: &Op) -> String {
    match op {
        Op::Write { inode, at, bytes } => {
            format!("write of {} bytes at {at} of file {inode}", bytes.len())
        }
        other => format!("{other:?}"),
    }
}

impl Outcome {
    fn new(model: Model) -> Self {
        Self { model, states: 0, distinct: 0, places: 0, calls: 0, lost: Vec::new() }
    }

    fn add(&mut self, other: Self) {
        self.states += other.states;
        self.distinct += other.distinct;
        self.places += other.places;
        self.calls += other.calls;
        self.lost.extend(other.lost);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, states, distinct, places, calls, lost } = self;
        write!(
            f,
            "{model:?}: {states} states ({distinct} distinct) at {places} places of {calls} calls: \
             {} lost",
            lost.len()
        )?;
        lost.iter().take(SHOWN_MAX).try_for_each(|it| write!(f, "\n  {it}"))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cut, last, fate, why } = self;
        write!(f, "cut {cut} after {last}; {fate}: {why}")
    }
}

/// What a writer adds after a first power cut, between its start and its end.
pub(crate) const APPENDS_AGAIN: u64 = 4;

/// States of each recording that begins with a first power cut.
const SECOND_STATES: usize = 20;

/// A bug shows in many states; a few are enough to begin with.
const SHOWN_MAX: usize = 3;
