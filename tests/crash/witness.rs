//! Sees what the processes had promised at each kill, from outside.
//!
//! Rely on this: whatever the witness has seen in a spool was accepted, so it must be in the store at
//! the end; and a batch that has left the spool was durable at the server before.

use std::collections::BTreeMap;

use crate::disk::{self, Readings, SpoolState};
use crate::schedule::Stroke;
use crate::testbed::{Kill, Part, Testbed};

/// Everything seen so far.
#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) kills: BTreeMap<Part, usize>,
    pub(crate) young: usize,
    pub(crate) agent_kills: Vec<Kill>,
    /// Readings seen in spools.
    pub(crate) accepted: Readings,
    /// Batches found gone from the spool while the server was dead, each with its ledger.
    pub(crate) acknowledged: usize,
    last: Option<SpoolState>,
}

impl Witness {
    /// Looks at the files of a process that was just killed.
    pub(crate) fn note(&mut self, stroke: &Stroke, kill: Kill, testbed: &Testbed) {
        *self.kills.entry(stroke.part).or_default() += 1;
        self.young += usize::from(stroke.is_young);
        match stroke.part {
            Part::Agent => self.look_at_spool(kill, testbed),
            Part::Broker => {}
            Part::Server => self.look_at_ledger(testbed),
        }
    }

    pub(crate) fn seen(&self) -> usize {
        self.accepted.values().map(BTreeMap::len).sum()
    }

    fn look_at_spool(&mut self, kill: Kill, testbed: &Testbed) {
        self.agent_kills.push(kill);
        let copy = tempfile::tempdir().unwrap();
        disk::copy_database(&testbed.spool(), "spool.db", copy.path());
        let state = SpoolState::read(copy.path());
        let out = state.delivered + state.evicted + state.waiting;
        assert_eq!(state.accepted, out, "accepted = delivered + evicted + waiting");
        if let Some(last) = &self.last {
            assert_eq!(state.epoch, last.epoch, "the spool was replaced");
            assert!(last.accepted <= state.accepted, "accepted readings were taken back");
            assert!(last.next_seq <= state.next_seq, "numbers were given out twice");
        }
        self.last = Some(state);
        self.see(disk::readings_in_spool(copy.path()));
    }

    /// Looks at a spool whose owner lives, before the server comes back and empties it.
    pub(crate) fn look_at_waiting(&mut self, testbed: &Testbed) {
        self.see(disk::readings_in_spool(&testbed.spool()));
    }

    fn see(&mut self, readings: Readings) {
        for (channel, readings) in readings {
            let known = self.accepted.entry(channel).or_default();
            for (t, value) in readings {
                let before = known.insert(t, value.clone());
                assert!(before.is_none_or(|it| it == value), "a reading changed in the spool");
            }
        }
    }

    /// The server is dead, so its file says all that it ever promised. The agent lives, so the file
    /// is read first.
    fn look_at_ledger(&mut self, testbed: &Testbed) {
        let epoch = SpoolState::read(&testbed.spool()).epoch;
        let ledger = disk::ledger_of_dead_server(&testbed.data(), &epoch);
        let mut acknowledged = 0;
        // Acknowledgements that the broker still holds are covered by the ledger as well.
        for seq in SpoolState::read(&testbed.spool()).gone() {
            assert!(ledger.contains(seq), "batch {seq} left the spool; the server has {ledger:?}");
            acknowledged += 1;
        }
        self.acknowledged = self.acknowledged.max(acknowledged);
    }
}
