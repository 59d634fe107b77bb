//! What the readings store gives back: samples, texts, and summaries of many samples.
//!
//! Times are event times. A bad reading is kept and returned but never enters a minimum, maximum
//! or mean; it is counted beside them.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::ReadingId;
use forewarn_domain::time::Time;

/// One stored number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Event time.
    pub t: Time,
    /// In the channel's unit; NaN only where the quality is bad.
    pub value: f64,
    /// How far it may be trusted.
    pub quality: Quality,
    /// Whether it arrived after its device had moved on, beyond the lateness bound.
    pub late: bool,
}

/// One stored text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSample {
    /// Event time.
    pub t: Time,
    /// The text.
    pub text: String,
    /// How far it may be trusted.
    pub quality: Quality,
    /// As in [`Sample::late`].
    pub late: bool,
    /// Which reading said so.
    pub id: ReadingId,
}

/// The newest that is known of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// The channel.
    pub channel: ChannelId,
    /// Its newest number by event time.
    pub number: Option<Sample>,
    /// Its newest text by event time.
    pub text: Option<TextSample>,
}

/// A stretch of a channel's time in a few figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its beginning.
    pub t: Time,
    /// Minimum, maximum and mean; `None` when every reading in it was bad.
    pub spread: Option<Spread>,
    /// How many readings the figures come from.
    pub n: u64,
    /// How many bad readings there were besides.
    pub bad: u64,
}

/// Where the values of a bucket lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

/// A running summary; two of them merge without looking at the readings again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) n: u64,
    pub(crate) bad: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
}

impl Default for Summary {
    fn default() -> Self {
        Self { n: 0, bad: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl Summary {
    /// Takes one more reading in.
    pub(crate) fn add(&mut self, value: f64, is_bad: bool) {
        if is_bad || !value.is_finite() {
            self.bad += 1;
            return;
        }
        self.n += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
    }

    /// Takes in what another summary has seen.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.bad += other.bad;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }

    /// The figures for the stretch that begins at `t`; `None` when nothing was in it.
    pub(crate) fn bucket(&self, t: Time) -> Option<Bucket> {
        if self.n + self.bad == 0 {
            return None;
        }
        let spread = (0 < self.n).then(|| Spread {
            min: self.min,
            max: self.max,
            mean: self.sum / count_f64(self.n),
        });
        Some(Bucket { t, spread, n: self.n, bad: self.bad })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of readings stay far below 2^53")]
fn count_f64(count: u64) -> f64 {
    count as f64
}

/// A question's time axis: equal steps from `from`, the last one ending at or after `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) width: i64,
}

impl Axis {
    /// `None` for an empty range or no steps.
    pub(crate) fn new(from: Time, to: Time, count: u32) -> Option<Self> {
        let (from, to) = (from.micros(), to.micros());
        let length = to.checked_sub(from).filter(|length| 0 < *length)?;
        let count = i64::from(count.min(BUCKETS_MAX));
        if count == 0 {
            return None;
        }
        let width = length / count + i64::from(length % count != 0);
        Some(Self { from, to, width })
    }

    /// In which step a time lies, if it lies inside.
    pub(crate) fn step(&self, t: i64) -> Option<usize> {
        if t < self.from || self.to <= t {
            return None;
        }
        usize::try_from((t - self.from) / self.width).ok()
    }

    /// The one step in which all of `first..end` lies.
    pub(crate) fn step_holding(&self, first: i64, end: i64) -> Option<usize> {
        let step = self.step(first)?;
        (self.step(end - 1)? == step).then_some(step)
    }

    /// One empty summary for each step.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let steps = self.step(self.to - 1).map_or(0, |last| last + 1);
        vec![Summary::default(); steps]
    }

    /// The steps in which something was.
    pub(crate) fn buckets(&self, summaries: &[Summary]) -> Vec<Bucket> {
        let starts = (0..).map(|step: i64| Time::from_micros(self.from + step * self.width));
        starts.zip(summaries).filter_map(|(t, summary)| summary.bucket(t)).collect()
    }
}

/// More steps than any screen has pixels; a larger wish gets this many.
pub const BUCKETS_MAX: u32 = 10_000;
