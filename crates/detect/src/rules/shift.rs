//! A shifted level: the mean over a trailing window against what is normal for the channel.
//!
//! The distance counts in standard errors of that mean, so a few samples need a large step and many
//! samples show a small one. The window begins anew after a break, in another operating state and
//! after a repair; then nothing is judged before it has passed once (or `run_in`, if that is longer),
//! since the beginning says more of starting up than of the new part. The normal is the channel's own;
//! until that is learned it may be that of all devices of the class (`pool`), which survives a repair.
//!
//! Deliberately absent: the exchange between devices, which is the engine's, and slow drifts, which
//! `baseline` sees.

use forewarn_domain::anomaly::{Finding, Normal};
use forewarn_domain::id::StateId;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::outcome::{Condition, WhyNot};
use crate::rule::{Fields, RuleError};
use crate::rules::{Change, Direction, Judge, Learn};
use crate::sample::Sample;
use crate::statistics::{Spread, Thinned};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    direction: Direction,
    /// In standard errors of the mean.
    on: f64,
    off: f64,
    /// In multiples of `on`.
    alarm: Option<f64>,
    window: Span,
    window_samples: u32,
    /// How long nothing is judged after a repair; the window at least.
    run_in: Span,
    pub(crate) learn: Learn,
    change: Option<Change>,
    pub(crate) pool: Pooling,
}

/// Whose normal counts while the channel has none of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pooling {
    /// The one of all devices of the same class that the same agent serves.
    Class,
    /// Nobody's.
    #[default]
    Device,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (on, off) = (fields.on.take(), fields.off.take());
        let (window, learn) = (fields.window.take(), fields.learn.take());
        let on = fields.need("on", on)?;
        let off = fields.need("off", off)?;
        let window = fields.need("window", window)?;
        let learn = fields.need("learn", learn)?;
        fields.positive("off", off)?;
        if on <= off {
            return Err(fields.wrong("on", "it must be above `off`"));
        }
        if learn.samples < LEARN_SAMPLES_MIN {
            return Err(fields.wrong("learn", "at least 32 samples are needed"));
        }
        let window_samples = fields.window_samples.take().unwrap_or(WINDOW_SAMPLES);
        if !(2..=RECENT_MAX).contains(&usize::try_from(window_samples).unwrap_or(usize::MAX)) {
            return Err(fields.wrong("window_samples", "it must be 2 to 256"));
        }
        Ok(Self {
            direction: fields.direction.take().unwrap_or(Direction::Both),
            on: fields.positive("on", on)?,
            off,
            alarm: fields.alarm.take(),
            window,
            window_samples,
            run_in: fields.run_in.take().unwrap_or(window).max(window),
            learn,
            change: fields.change.take(),
            pool: fields.pool.take().unwrap_or_default(),
        })
    }
}

/// The rule on one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    pub(crate) settings: Settings,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    pools: Vec<Pool>,
    /// The trailing window, oldest first.
    recent: Vec<(Time, f64)>,
    breaks: u32,
    state: u8,
    /// A repair was made; until when the part runs in, once it has begun.
    #[serde(default)]
    is_renewed: bool,
    #[serde(default)]
    runs_in_until: Option<Time>,
    /// Distance from the normal in units of the distance at which a finding begins.
    magnitude: f64,
}

/// What is normal in one operating state.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Pool {
    seen: u64,
    lived: Span,
    since: Option<Time>,
    values: Thinned,
    steps: Thinned,
    previous: Option<f64>,
    fitted: u64,
    own: Option<Learned>,
    class: Option<Learned>,
    /// Calm samples since the beginning; a repair does not take them back.
    taught: u64,
}

/// A normal with what it rests on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Learned {
    pub(crate) spread: Spread,
    pub(crate) samples: u64,
    pub(crate) since: Time,
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        u64::from(self.breaks) ^ self.recent.last().map_or(0, |it| it.0.micros().cast_unsigned())
    }

    pub(crate) fn fits(&self, states: usize) -> bool {
        self.pools.len() == states
    }

    /// The part was repaired: its window and its own normal begin anew.
    pub(crate) fn forget(&mut self) {
        self.recent.clear();
        self.magnitude = 0.0;
        (self.is_renewed, self.runs_in_until) = (true, None);
        for pool in &mut self.pools {
            let (class, taught) = (pool.class.take(), pool.taught);
            *pool = Pool { class, taught, ..Pool::default() };
        }
    }

    pub(crate) fn magnitude(&self) -> f64 {
        self.magnitude
    }

    /// The learned normal of one state.
    pub(crate) fn normal(&self, state: u8, states: &[StateId]) -> Option<Normal> {
        let place = usize::from(state);
        let (pool, id) = (self.pools.get(place)?, states.get(place)?);
        let Learned { spread, samples, since } = *pool.normal()?;
        let Spread { median, low, high, .. } = spread;
        Some(Normal { median, low, high, samples, since, state: id.clone() })
    }

    /// The mean of the window and the normal of its state.
    pub(crate) fn present(&self, states: &[StateId]) -> Option<(f64, Normal)> {
        let value = self.mean()?;
        Some((value, self.normal(self.state, states)?))
    }

    /// For each operating state: calm samples so far, and those that are kept with their steps.
    pub(crate) fn calm(&self) -> impl Iterator<Item = (u64, &[f64], &[f64])> {
        self.pools.iter().map(|it| (it.taught, it.values.values(), it.steps.values()))
    }

    /// Takes over the normal of the class for one operating state.
    pub(crate) fn take_class(&mut self, state: usize, learned: Learned) {
        if let Some(pool) = self.pools.get_mut(state) {
            pool.class = Some(learned);
        }
    }

    fn follow(&mut self, sample: &Sample, (window, run_in): (Span, Span)) {
        if self.breaks != sample.breaks || self.state != sample.state {
            self.recent.clear();
            self.pools.iter_mut().for_each(|it| it.previous = None);
        }
        (self.breaks, self.state) = (sample.breaks, sample.state);
        if std::mem::take(&mut self.is_renewed) {
            self.runs_in_until = Some(sample.t + run_in);
        }
        self.runs_in_until = self.runs_in_until.filter(|until| sample.t < *until);
        let oldest = sample.t - window;
        self.recent.retain(|(t, _)| oldest < *t);
        if RECENT_MAX <= self.recent.len() {
            self.recent.remove(0);
        }
        self.recent.push((sample.t, sample.value));
    }

    fn mean(&self) -> Option<f64> {
        let samples = count(self.recent.len());
        (0.0 < samples).then(|| self.recent.iter().map(|(_, value)| value).sum::<f64>() / samples)
    }
}

impl Pool {
    fn normal(&self) -> Option<&Learned> {
        self.own.as_ref().or(self.class.as_ref())
    }

    fn teach(&mut self, learn: &Learn, sample: &Sample) {
        self.since.get_or_insert(sample.t);
        (self.seen, self.taught) = (self.seen.saturating_add(1), self.taught.saturating_add(1));
        self.values.push(sample.value, VALUES_MAX);
        if let Some(previous) = self.previous.replace(sample.value) {
            self.lived = Span::from_micros(self.lived.micros() + sample.gap.micros());
            self.steps.push(sample.value - previous, STEPS_MAX);
        }
        if learn.is_done(self.seen, self.lived) && self.fitted.saturating_mul(2) <= self.seen {
            self.fitted = self.seen;
            let (samples, since) = (self.seen, self.since.unwrap_or_default());
            let spread = Spread::of(self.values.values(), self.steps.values());
            self.own = spread.map(|spread| Learned { spread, samples, since }).or(self.own);
        }
    }
}

impl Judge for Shift {
    type Memory = Memory;

    fn start(&self, states: usize) -> Memory {
        let pools = vec![Pool::default(); states];
        Memory {
            pools,
            recent: Vec::new(),
            breaks: 0,
            state: 0,
            is_renewed: false,
            runs_in_until: None,
            magnitude: 0.0,
        }
    }

    fn look(&self, memory: &mut Memory, sample: &Sample, is_calm: bool) -> Option<Look> {
        memory.follow(sample, (self.settings.window, self.settings.run_in));
        let z = self.distance(memory, sample);
        memory.magnitude = z.map_or(0.0, |z| self.magnitude(z));
        let look = z.map(|z| self.judge(z));
        let is_usual = z.is_none_or(|z| z.abs() < self.settings.off);
        let pool = memory.pools.get_mut(usize::from(sample.state))?;
        if is_calm && is_usual {
            pool.teach(&self.settings.learn, sample);
        } else {
            pool.previous = None;
        }
        look
    }

    fn finding(&self, memory: &Memory, sample: &Sample, states: &[StateId]) -> Finding {
        let value = memory.mean().unwrap_or(sample.value);
        let normal = memory.normal(sample.state, states).unwrap_or_else(|| Normal {
            median: value,
            low: value,
            high: value,
            samples: 0,
            since: sample.t,
            state: states.last().expect("a device has at least the unknown state").clone(),
        });
        let pool = memory.pools.get(usize::from(sample.state));
        let sd = pool.and_then(Pool::normal).map_or(0.0, |it| it.spread.sd);
        let z = if 0.0 < sd { (value - normal.median) / sd } else { 0.0 };
        Finding::Level { z, value, normal }
    }

    fn condition(&self, memory: &Memory, state: u8) -> Condition {
        match memory.pools.get(usize::from(state)) {
            None => Condition::Waiting(WhyNot::NoReadings),
            Some(pool) if pool.normal().is_some() => Condition::Armed,
            Some(pool) => self.settings.learn.progress(pool.seen, pool.lived),
        }
    }
}

impl Shift {
    /// How far the window's mean is from the normal, in standard errors, signed; nothing where
    /// nobody would act on the change.
    fn distance(&self, memory: &Memory, sample: &Sample) -> Option<f64> {
        let normal = memory.pools.get(usize::from(sample.state))?.normal()?;
        let samples = memory.recent.len();
        if memory.runs_in_until.is_some()
            || samples < usize::try_from(self.settings.window_samples).unwrap_or(usize::MAX)
        {
            return None;
        }
        let off = memory.mean()? - normal.spread.median;
        let least = self.settings.change.map_or(0.0, |it| it.from(normal.spread.median));
        if normal.spread.sd <= 0.0 || off.abs() < least {
            return Some(0.0);
        }
        Some(off / normal.spread.sd * count(samples).sqrt())
    }

    fn magnitude(&self, z: f64) -> f64 {
        let towards = match self.settings.direction {
            Direction::Above => z,
            Direction::Below => -z,
            Direction::Both => z.abs(),
        };
        towards.max(0.0) / self.settings.on
    }

    fn judge(&self, z: f64) -> Look {
        let magnitude = self.magnitude(z);
        if 1.0 <= magnitude {
            let is_grave = self.settings.alarm.is_some_and(|alarm| alarm <= magnitude);
            Look::Over { magnitude, is_grave }
        } else if magnitude <= self.settings.off / self.settings.on {
            Look::Good
        } else {
            Look::Between
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "windows are far smaller than 2^52")]
fn count(len: usize) -> f64 {
    len as f64
}

/// Fewer samples have no shape.
const LEARN_SAMPLES_MIN: u32 = 32;

/// A mean of fewer samples hangs on each of them.
const WINDOW_SAMPLES: u32 = 6;

/// 4 KiB for each channel.
const RECENT_MAX: usize = 256;

/// Enough for a robust width; a class of ten devices has ten times as many.
const VALUES_MAX: usize = 64;

const STEPS_MAX: usize = 32;
