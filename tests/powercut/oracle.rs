//! Whether a spool that was opened after a power cut holds what the writer was promised.
//!
//! Rely on this: a verdict compares every batch with the one that was appended, value by value, and
//! every number with what may be missing, so that a loss cannot hide behind a count.

use std::collections::BTreeSet;
use std::path::Path;

use forewarn_agent::spool::{Depth, Moment, Opened, Spool};
use forewarn_domain::reading::{BatchBody, Epoch, Stream};
use forewarn_domain::time::Time;
use forewarn_wire::payload;

use crate::plan::{LIMITS, Mark, agent, bodies};

/// What the writer had said when the power was cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    epoch: Option<Epoch>,
    begun: u64,
    accepted: u64,
    granted: [BTreeSet<u64>; 3],
}

impl Told {
    pub(crate) fn hear(&mut self, mark: Mark) {
        match mark {
            Mark::Opened(epoch) => self.epoch = Some(epoch),
            Mark::Begun(count) => self.begun = count,
            Mark::Accepted(count) => self.accepted = count,
            Mark::Granted(stream, first, last) => {
                self.granted[usize::from(stream.number())].extend(first..=last);
            }
        }
    }

    /// Everything that was said, for a writer that goes on from here.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.epoch.into_iter().map(Mark::Opened).collect();
        marks.extend([Mark::Begun(self.begun), Mark::Accepted(self.accepted)]);
        for (stream, granted) in Stream::ALL.into_iter().zip(&self.granted) {
            marks.extend(granted.iter().map(|seq| Mark::Granted(stream, *seq, *seq)));
        }
        marks
    }
}

/// Knows everything that the writer ever appends.
#[derive(Debug)]
pub(crate) struct Oracle {
    /// By stream; number 1 comes first.
    appended: [Vec<BatchBody>; 3],
    /// After so many appends: the next number of each stream, and all readings.
    standing: Vec<([u64; 3], u64)>,
}

impl Oracle {
    /// Of a writer that makes so many appends.
    pub(crate) fn new(appends: u64) -> Self {
        let mut oracle = Self { appended: Default::default(), standing: vec![([1; 3], 0)] };
        // One more than the writer makes: a state goes on from where it was cut.
        for index in 0..=appends {
            let (mut next, mut readings) = *oracle.standing.last().unwrap();
            for (stream, body) in bodies(index) {
                let number = usize::from(stream.number());
                next[number] += 1;
                readings += readings_of(&body);
                oracle.appended[number].push(body);
            }
            oracle.standing.push((next, readings));
        }
        oracle
    }

    /// Opens the spool that a power cut left, compares it, and appends once more. Gives how many
    /// appends the cut left.
    ///
    /// # Errors
    ///
    /// What was lost, changed or made up.
    pub(crate) fn judge(&self, folder: &Path, told: &Told) -> Result<u64, String> {
        let (mut spool, opened) = Spool::open(folder, &agent(), LIMITS)
            .map_err(|error| format!("does not open: {error}: {error:?}"))?;
        if let Some(epoch) = told.epoch {
            if let Opened::Replaced { why, .. } = opened {
                return Err(format!("was set aside: {why}"));
            }
            if spool.epoch() != epoch {
                return Err(format!("{opened:?}: another numbering"));
            }
        }
        let next = Stream::ALL.map(|stream| spool.bounds(stream).1);
        let (accepted, begun) = (index(told.accepted), index(told.begun));
        let Some(count) = (accepted..=begun).find(|count| self.standing[*count].0 == next) else {
            let wanted = self.standing[accepted].0;
            return Err(format!(
                "goes on at {next:?}; {wanted:?} was promised, and {begun} appends were begun"
            ));
        };
        self.compare(&mut spool, told)?;
        self.balance(spool.depth(), count)?;

        let at = Moment { wall: Time::from_millis(1_900_000_000_000), monotonic_us: 1 };
        spool
            .append(&bodies(told_count(count)), at)
            .map_err(|error| format!("takes nothing any more: {error}: {error:?}"))?;
        self.compare(&mut spool, told)?;
        self.balance(spool.depth(), count + 1)?;
        Ok(told_count(count))
    }

    /// Every number that was given out is there as it was appended, or the server has it.
    fn compare(&self, spool: &mut Spool, told: &Told) -> Result<(), String> {
        for stream in Stream::ALL {
            let number = usize::from(stream.number());
            let (_, next) = spool.bounds(stream);
            let (mut from, mut found) = (0, BTreeSet::new());
            while let Some(parcel) =
                spool.next(stream, from).map_err(|error| format!("unreadable: {error:?}"))?
            {
                let name = format!("batch {} of stream {stream}", parcel.seq);
                let decoded = payload::decode(&agent(), stream, &parcel.message)
                    .map_err(|error| format!("{name}: {error:?}"))?;
                let wanted = index(parcel.seq).checked_sub(1);
                let wanted = wanted.and_then(|place| self.appended[number].get(place));
                let is_itself = decoded.batch.key.epoch == spool.epoch()
                    && decoded.batch.seq == parcel.seq
                    && wanted == Some(&decoded.batch.body);
                if !is_itself {
                    return Err(format!("{name} is not what was appended"));
                }
                found.insert(parcel.seq);
                from = parcel.last_seq + 1;
            }
            let granted = &told.granted[number];
            let lost: Vec<u64> =
                (1..next).filter(|seq| !found.contains(seq) && !granted.contains(seq)).collect();
            if !lost.is_empty() {
                return Err(format!("batches {lost:?} of stream {stream} are gone"));
            }
            if let Some(beyond) = found.last().filter(|last| next <= **last) {
                return Err(format!("batch {beyond} of stream {stream} lies behind the end"));
            }
        }
        Ok(())
    }

    fn balance(&self, depth: Depth, count: usize) -> Result<(), String> {
        let Depth { accepted, delivered, evicted, rejected, readings, .. } = depth;
        let is_right = accepted == self.standing[count].1
            && accepted == delivered + readings
            && (evicted, rejected) == (0, 0);
        if is_right { Ok(()) } else { Err(format!("miscounts: {depth:?}")) }
    }
}

fn readings_of(body: &BatchBody) -> u64 {
    match body {
        BatchBody::Readings(readings) => u64::try_from(readings.count()).unwrap(),
        BatchBody::Evicted(_) | BatchBody::Waveform(_) => 0,
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn told_count(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}
