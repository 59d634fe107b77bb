//! The chain itself: how a row is hashed, and how a trail is checked. No database is needed for it.
//!
//! A hash is SHA-256 over the hash before it (32 bytes; zeros before the first row) and the row as a
//! compact JSON list: `["forewarn.audit/1",seq,at,actor,action,object,detail]`, `at` in µs since 1970.

use forewarn_domain::time::Time;
use forewarn_domain::waveform::Sha256;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::seal::{Checkpoint, PublicKey};

/// A row of the trail.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Dense, from 1.
    pub seq: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// More, as JSON text.
    pub detail: String,
    /// Hash of this row and all before it.
    pub hash: Sha256,
}

impl AuditRow {
    /// The hash that this row must have after `before`.
    #[must_use]
    pub fn digest(&self, before: &Sha256) -> Sha256 {
        let fields = (
            "forewarn.audit/1",
            self.seq,
            self.at.micros(),
            &self.actor,
            &self.action,
            &self.object,
            &self.detail,
        );
        let row = serde_json::to_vec(&fields).expect("numbers and texts are always writable");
        let mut hasher = sha2::Sha256::new();
        hasher.update(before.0);
        hasher.update(row);
        Sha256(hasher.finalize().into())
    }
}

/// The hash before the first row.
pub const GENESIS: Sha256 = Sha256([0; 32]);

/// What is wrong with a trail: the first thing that is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A row is not what it was, or not where it was.
    #[error("row {seq} was altered")]
    Altered {
        /// Its number.
        seq: i64,
    },
    /// The end of the trail is gone.
    #[error("the trail ends with row {last}, but row {sealed} was signed: rows were cut off")]
    CutOff {
        /// The last row that is there.
        last: i64,
        /// The last row that a checkpoint knows.
        sealed: i64,
    },
    /// A checkpoint is not signed by the key.
    #[error("the checkpoint of row {seq} is not signed by this key")]
    Forged {
        /// Its row.
        seq: i64,
    },
    /// A row is gone.
    #[error("row {seq} is missing")]
    Missing {
        /// Its number.
        seq: i64,
    },
    /// The chain fits together, but is not the one that was signed.
    #[error("the rows from {from} to {to} were written anew: they do not lead to the signed hash")]
    Rewritten {
        /// First row that may have been changed.
        from: i64,
        /// The signed row.
        to: i64,
    },
}

impl Fault {
    /// The first row that is wrong, as far as it can be known.
    #[must_use]
    pub fn seq(&self) -> i64 {
        match self {
            Self::Altered { seq } | Self::Forged { seq } | Self::Missing { seq } => *seq,
            Self::CutOff { last, .. } => last + 1,
            Self::Rewritten { from, .. } => *from,
        }
    }
}

/// What came out of checking a trail.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Rows that were looked at.
    pub rows: i64,
    /// Number and hash of the last one.
    pub head: Option<(i64, Sha256)>,
    /// Checkpoints that fit.
    pub checkpoints: usize,
    /// Rows after the last checkpoint: nothing proves yet that they are all.
    pub unsealed: i64,
    /// What is wrong.
    pub fault: Option<Fault>,
}

/// Checks a trail row by row, so that it may be as long as it likes.
#[derive(Debug)]
pub struct Verifier {
    checkpoints: Vec<Checkpoint>,
    before: Sha256,
    last: i64,
    rows: i64,
    fitting: usize,
    sealed: i64,
    fault: Option<Fault>,
}

impl Verifier {
    /// A check against these checkpoints. Without a key each one only has to be signed by the key that
    /// it names itself, which proves less.
    #[must_use]
    pub fn new(mut checkpoints: Vec<Checkpoint>, key: Option<&PublicKey>) -> Self {
        checkpoints.sort_by_key(|it| it.seq);
        checkpoints.dedup();
        let forged = checkpoints.iter().find(|it| !it.is_signed_by(key));
        let fault = forged.map(|it| Fault::Forged { seq: it.seq });
        checkpoints.reverse();
        Self { checkpoints, before: GENESIS, last: 0, rows: 0, fitting: 0, sealed: 0, fault }
    }

    /// Looks at the next row.
    pub fn push(&mut self, row: &AuditRow) {
        self.rows += 1;
        let expected = self.last + 1;
        if row.seq != expected {
            let fault = if expected < row.seq {
                Fault::Missing { seq: expected }
            } else {
                Fault::Altered { seq: row.seq }
            };
            self.found(fault);
        }
        let hash = row.digest(&self.before);
        if hash != row.hash {
            self.found(Fault::Altered { seq: row.seq });
        }
        while self.checkpoints.last().is_some_and(|it| it.seq <= row.seq) {
            let Some(checkpoint) = self.checkpoints.pop() else { break };
            if checkpoint.seq == row.seq && checkpoint.hash == row.hash {
                self.fitting += 1;
                self.sealed = row.seq;
            } else {
                self.found(Fault::Rewritten { from: self.sealed + 1, to: checkpoint.seq });
            }
        }
        (self.before, self.last) = (row.hash, row.seq);
    }

    /// What came out.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        if let Some(sealed) = self.checkpoints.first().map(|it| it.seq) {
            self.found(Fault::CutOff { last: self.last, sealed });
        }
        Verdict {
            rows: self.rows,
            head: (0 < self.rows).then_some((self.last, self.before)),
            checkpoints: self.fitting,
            unsealed: self.last - self.sealed,
            fault: self.fault,
        }
    }

    fn found(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::Sealer;
    use super::*;

    fn trail(rows: i64) -> Vec<AuditRow> {
        let mut before = GENESIS;
        (1..=rows)
            .map(|seq| {
                let mut row = AuditRow {
                    seq,
                    at: Time::from_micros(1_795_334_400_000_000 + seq),
                    actor: "li".into(),
                    action: "ticket.accept".into(),
                    object: format!("FW-{seq}"),
                    detail: r#"{"state":"accepted"}"#.into(),
                    hash: GENESIS,
                };
                row.hash = row.digest(&before);
                before = row.hash;
                row
            })
            .collect()
    }

    fn checked(rows: &[AuditRow], checkpoints: &[Checkpoint], key: &PublicKey) -> Option<Fault> {
        let mut verifier = Verifier::new(checkpoints.to_vec(), Some(key));
        rows.iter().for_each(|it| verifier.push(it));
        verifier.finish().fault
    }

    /// Writes a part of the chain anew, as somebody with the database and without the key can.
    fn forge_from(rows: &mut [AuditRow], place: usize) {
        let mut before = if place == 0 { GENESIS } else { rows[place - 1].hash };
        for row in &mut rows[place..] {
            row.hash = row.digest(&before);
            before = row.hash;
        }
    }

    #[test]
    fn every_edit_deletion_swap_and_cut_of_every_row_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(&folder.path().join("audit.key")).unwrap();
        let key = sealer.public_key();
        let rows = trail(20);
        let seal = |place: usize| sealer.seal(rows[place].seq, rows[place].hash, rows[place].at);
        let checkpoints = [seal(9), seal(19)];
        assert_eq!(checked(&rows, &checkpoints, &key), None);
        for place in 0..20 {
            let seq = rows[place].seq;
            let edits: [fn(&mut AuditRow); 6] = [
                |it| it.at = Time::from_micros(0),
                |it| it.actor = "wang".into(),
                |it| it.action.push('x'),
                |it| it.object.clear(),
                |it| it.detail = "{}".into(),
                |it| it.hash = Sha256([7; 32]),
            ];
            for edit in edits {
                let mut edited = rows.clone();
                edit(&mut edited[place]);
                assert_eq!(checked(&edited, &checkpoints, &key), Some(Fault::Altered { seq }));
            }
            let mut rewritten = rows.clone();
            rewritten[place].actor = "wang".into();
            forge_from(&mut rewritten, place);
            let (from, to) = if place < 10 { (1, 10) } else { (11, 20) };
            let fault = checked(&rewritten, &checkpoints, &key);
            assert_eq!(fault, Some(Fault::Rewritten { from, to }));
            let mut deleted = rows.clone();
            deleted.remove(place);
            let expected = match place {
                19 => Fault::CutOff { last: 19, sealed: 20 },
                _ => Fault::Missing { seq },
            };
            assert_eq!(checked(&deleted, &checkpoints, &key), Some(expected));
            let cut = &rows[..place];
            let last = seq - 1;
            let expected = Fault::CutOff { last, sealed: 20 };
            assert_eq!(checked(cut, &checkpoints, &key), Some(expected));
            if place < 19 {
                let mut swapped = rows.clone();
                swapped.swap(place, place + 1);
                (swapped[place].seq, swapped[place + 1].seq) = (seq, seq + 1);
                assert_eq!(checked(&swapped, &checkpoints, &key), Some(Fault::Altered { seq }));
            }
        }
    }

    #[test]
    fn a_checkpoint_of_another_key_or_with_another_content_is_forged() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(&folder.path().join("audit.key")).unwrap();
        let other = Sealer::open(&folder.path().join("other.key")).unwrap();
        let rows = trail(3);
        let own = sealer.seal(3, rows[2].hash, rows[2].at);
        let foreign = other.seal(3, rows[2].hash, rows[2].at);
        let key = sealer.public_key();
        assert_eq!(checked(&rows, &[foreign], &key), Some(Fault::Forged { seq: 3 }));
        let moved = Checkpoint { seq: 2, ..own.clone() };
        assert_eq!(checked(&rows, &[moved], &key), Some(Fault::Forged { seq: 2 }));
        let again = Sealer::open(&folder.path().join("audit.key")).unwrap();
        assert_eq!(again.public_key(), key, "the key is kept");
        assert_eq!(checked(&rows, &[own], &again.public_key()), None);
    }
}
