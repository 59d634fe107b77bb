//! Robust statistics of a bounded set of samples.
//!
//! Nothing here grows without limit, sorts on every sample or needs a random number: a set that is
//! full keeps every second of its samples and takes half as many from then on.

use serde::{Deserialize, Serialize};

/// Evenly thinned samples of a series of any length, in order.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Thinned {
    stride: u32,
    skip: u32,
    values: Vec<f64>,
}

impl Thinned {
    pub(crate) fn push(&mut self, value: f64, capacity: usize) {
        if 0 < self.skip {
            self.skip -= 1;
            return;
        }
        self.stride = self.stride.max(1);
        if capacity <= self.values.len() {
            let mut is_odd = true;
            self.values.retain(|_| {
                is_odd = !is_odd;
                !is_odd
            });
            self.stride = self.stride.saturating_mul(2);
        }
        self.values.push(value);
        self.skip = self.stride - 1;
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        u64::from(self.skip) ^ self.values.last().map_or(0, |it| it.to_bits())
    }

    /// Gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The squared distance of two rows. Four sums side by side, so that none waits for the one before.
pub(crate) fn squared_distance(one: &[f64], other: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = ones.remainder().iter().zip(others.remainder());
    let rest: f64 = rest.map(|(a, b)| (a - b) * (a - b)).sum();
    for (one, other) in ones.zip(others) {
        for ((sum, a), b) in sums.iter_mut().zip(one).zip(other) {
            *sum += (a - b) * (a - b);
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The middle and the width of a channel in one operating state.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// Robust standard deviation: the largest of 1.4826 MAD, the width between the 10 % and 90 %
    /// quantiles over 2.563, the white noise and half a step of the converter.
    pub(crate) sd: f64,
    /// 1 % quantile.
    pub(crate) low: f64,
    /// 99 % quantile.
    pub(crate) high: f64,
    /// Standard deviation of the white noise, from differences of neighbours.
    pub(crate) noise: f64,
    /// How far the channel may be trusted to stay: 1 for white noise, towards 0 for a random walk.
    pub(crate) weight: f64,
}

impl Spread {
    /// From samples in order and from differences of direct neighbours; `None` without enough.
    pub(crate) fn of(samples: &[f64], steps: &[f64]) -> Option<Self> {
        Self::measure(settled_part(samples), steps)
    }

    /// From samples whose order says nothing, e.g. of several machines.
    pub(crate) fn of_any_order(samples: &[f64], steps: &[f64]) -> Option<Self> {
        Self::measure(samples, steps)
    }

    fn measure(settled: &[f64], steps: &[f64]) -> Option<Self> {
        let mut sorted = settled.to_vec();
        sorted.sort_by(f64::total_cmp);
        if sorted.len() < SAMPLES_MIN {
            return None;
        }
        let median = quantile(&sorted, 0.5);
        let mut distances: Vec<f64> = sorted.iter().map(|it| (it - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let mad = 1.4826 * quantile(&distances, 0.5);
        let wide = width(&sorted) / 2.563;
        let (noise, quantum) = white_noise(steps);
        Some(Self {
            median,
            sd: mad.max(wide).max(noise).max(0.5 * quantum),
            low: quantile(&sorted, 0.01),
            high: quantile(&sorted, 0.99),
            noise,
            weight: stationarity(settled, noise.max(0.5 * quantum)),
        })
    }
}

/// The second half alone where the first one is more than three times wider: a machine that was
/// still starting up.
fn settled_part(samples: &[f64]) -> &[f64] {
    let (first, second) = samples.split_at(samples.len() / 2);
    let width_of = |part: &[f64]| {
        let mut sorted = part.to_vec();
        sorted.sort_by(f64::total_cmp);
        width(&sorted)
    };
    if 3.0 * width_of(second) < width_of(first) && SAMPLES_MIN <= second.len() {
        return second;
    }
    samples
}

fn width(sorted: &[f64]) -> f64 {
    quantile(sorted, 0.9) - quantile(sorted, 0.1)
}

/// Linear between neighbours; 0 of nothing.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share.clamp(0.0, 1.0) * count(last);
    let below = index(place).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - count(below))
}

/// Standard deviation of the noise from differences, the largest 2 % left out, and the smallest
/// difference that is not zero: the step of a coarse converter.
fn white_noise(steps: &[f64]) -> (f64, f64) {
    let mut sizes: Vec<f64> = steps.iter().map(|it| it.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let kept = sizes.len() - sizes.len() / 50;
    let kept = &sizes[..kept];
    let quantum = sizes.iter().copied().find(|it| 0.0 < *it).unwrap_or(0.0);
    if kept.is_empty() {
        return (0.0, quantum);
    }
    let mean_square = kept.iter().map(|it| it * it).sum::<f64>() / count(kept.len());
    ((mean_square / 2.0).sqrt(), quantum)
}

/// Compares how far the series wanders over a twentieth of its length with what white noise would
/// do (variance ratio, Lo and `MacKinlay` 1988): 1 / (1 + (ratio / 1.5)^4).
fn stationarity(samples: &[f64], noise: f64) -> f64 {
    let lag = (samples.len() / 20).max(1);
    let pairs = samples.iter().zip(samples.iter().skip(lag));
    let squares: Vec<f64> = pairs.map(|(a, b)| (a - b) * (a - b)).collect();
    if squares.is_empty() || noise <= 0.0 {
        return 1.0;
    }
    let wander = (squares.iter().sum::<f64>() / count(squares.len()) / 2.0).sqrt();
    1.0 / (1.0 + (wander / noise / 1.5).powi(4))
}

#[expect(clippy::cast_precision_loss, reason = "sets are far smaller than 2^52")]
pub(crate) fn count(len: usize) -> f64 {
    len as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a set, rounded down"
)]
fn index(place: f64) -> usize {
    place as usize
}

/// Fewer samples have no quantiles.
const SAMPLES_MIN: usize = 16;

/// Sums of [`squared_distance`] side by side.
const LANES: usize = 4;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fixed pseudo-random series, uniform in -1 to 1.
    pub(crate) fn noise(len: usize) -> Vec<f64> {
        let mut word = 0x9e37_79b9_7f4a_7c15_u64;
        (0..len)
            .map(|_| {
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
                f64::from(u32::try_from(word >> 33).expect("31 bits")) / f64::from(1_u32 << 30)
                    - 1.0
            })
            .collect()
    }

    fn steps(values: &[f64]) -> Vec<f64> {
        values.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn a_thinned_set_keeps_an_even_sample_of_the_whole_series() {
        let mut set = Thinned::default();
        for value in 0..1_000 {
            set.push(f64::from(value), 64);
        }
        let values = set.values();
        assert!((32..=64).contains(&values.len()), "{}", values.len());
        assert!(steps(values).windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1e-9));
        assert!(values[0] < 1.0 && 960.0 < values[values.len() - 1]);
    }

    #[test]
    fn spikes_do_not_widen_the_normal() {
        let mut values = noise(256);
        let clean = Spread::of(&values, &steps(&values)).expect("enough");
        for index in [20, 200] {
            values[index] += 1_000.0;
        }
        let spiked = Spread::of(&values, &steps(&values)).expect("enough");
        assert!((spiked.sd / clean.sd - 1.0).abs() < 0.1, "{} {}", spiked.sd, clean.sd);
        assert!((0.4..0.9).contains(&clean.sd) && clean.weight > 0.6, "{clean:?}");
    }

    #[test]
    fn a_coarse_converter_does_not_make_the_normal_collapse() {
        let mut values = vec![32.0; 250];
        values[100] = 33.0;
        let spread = Spread::of(&values, &steps(&values)).expect("enough");
        assert!(0.5 <= spread.sd, "{spread:?}");
    }

    #[test]
    fn a_random_walk_gets_little_weight_and_a_start_up_is_left_out() {
        let mut sum = 0.0;
        let walk: Vec<f64> = noise(256)
            .into_iter()
            .map(|step| {
                sum += step;
                sum
            })
            .collect();
        assert!(Spread::of(&walk, &steps(&walk)).expect("enough").weight < 0.5);
        let start: Vec<f64> = (0..100)
            .map(|it| f64::from(it) * 10.0)
            .chain(noise(100).into_iter().map(|it| 1_000.0 + it))
            .collect();
        let spread = Spread::of(&start, &noise(50)).expect("enough");
        assert!((spread.median - 1_000.0).abs() < 1.0 && spread.sd < 2.0, "{spread:?}");
    }
}
