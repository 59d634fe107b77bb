//! Columns of numbers: small differences instead of large values.
//!
//! Times are differences from the reading before. Values are whole multiples of a decimal step
//! wherever every value of a channel is one, bit for bit, else the eight bytes of the double.
//!
//! Rely on this: what [`values_back`] returns is bit for bit what [`Values::new`] was given.

use serde::{Deserialize, Serialize};

use super::v1::InvalidBody;

/// The values of all channels of a batch. Frozen: a change is a new version byte.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    /// How each channel is written.
    scales: Vec<Scale>,
    /// For scaled channels: the difference from the channel's value before, in reading order.
    steps: Vec<i64>,
    /// For raw channels: eight planes, the highest bytes of all values first. Neighbouring
    /// doubles share sign and exponent, which only zstd over whole planes can see.
    planes: Vec<u8>,
}

/// How the values of a channel are written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
enum Scale {
    /// Whole number divided by 10^k: how `0.123` comes out of a text.
    Divided(u8),
    /// Whole number times 10^-k: how a register times its scale comes out of a template.
    Multiplied(u8),
    /// Eight bytes.
    Raw,
}

impl Values {
    /// Writes the values of `(channel, value)` pairs; channels are below `channels`.
    pub(super) fn new(channels: usize, readings: &[(u16, f64)]) -> Self {
        let mut by_channel: Vec<Vec<f64>> = vec![Vec::new(); channels];
        for (channel, value) in readings {
            if let Some(values) = by_channel.get_mut(usize::from(*channel)) {
                values.push(*value);
            }
        }
        let scales: Vec<Scale> = by_channel.iter().map(|values| Scale::of(values)).collect();
        let mut before = vec![0_i64; channels];
        let mut steps = Vec::new();
        let mut raw = Vec::new();
        for (channel, value) in readings {
            let channel = usize::from(*channel);
            let scale = scales.get(channel).copied().unwrap_or(Scale::Raw);
            match (scale.whole(*value), before.get_mut(channel)) {
                (Some(whole), Some(before)) => {
                    steps.push(whole.wrapping_sub(*before));
                    *before = whole;
                }
                _ => raw.push(value.to_bits()),
            }
        }
        Self { scales, steps, planes: planes(&raw) }
    }

    /// The values in the order in which the channels are named.
    pub(super) fn back(&self, channels: usize, order: &[u16]) -> Result<Vec<f64>, InvalidBody> {
        let refused = |what| InvalidBody::Column { what };
        if self.scales.len() != channels {
            return Err(refused("scales"));
        }
        let raw = values_of(&self.planes).ok_or_else(|| refused("planes"))?;
        let (mut raw, mut steps) = (raw.into_iter(), self.steps.iter());
        let mut before = vec![0_i64; channels];
        let mut values = Vec::with_capacity(order.len());
        for channel in order {
            let channel = usize::from(*channel);
            let scale = self.scales.get(channel).ok_or_else(|| refused("channels"))?;
            if matches!(scale, Scale::Raw) {
                values.push(raw.next().ok_or_else(|| refused("planes"))?);
                continue;
            }
            let step = steps.next().ok_or_else(|| refused("steps"))?;
            let before = before.get_mut(channel).ok_or_else(|| refused("channels"))?;
            *before = before.wrapping_add(*step);
            values.push(scale.value(*before).ok_or_else(|| refused("scales"))?);
        }
        if raw.next().is_some() || steps.next().is_some() {
            return Err(refused("values"));
        }
        Ok(values)
    }
}

impl Scale {
    /// The coarsest step of which every value is a whole multiple, bit for bit.
    fn of(values: &[f64]) -> Self {
        let candidates = (0..=DECIMALS_MAX).flat_map(|k| [Self::Divided(k), Self::Multiplied(k)]);
        let mut fitting =
            candidates.filter(|scale| values.iter().all(|value| scale.whole(*value).is_some()));
        fitting.next().unwrap_or(Self::Raw)
    }

    /// The whole number that reads back as exactly this value.
    fn whole(self, value: f64) -> Option<i64> {
        let k = match self {
            Self::Divided(k) | Self::Multiplied(k) => k,
            Self::Raw => return None,
        };
        let scaled = (value * power_of_ten(k)?).round();
        let is_whole = scaled.abs() < WHOLE_MAX;
        let whole = is_whole.then(|| whole_part(scaled))?;
        let back = self.value(whole)?;
        (back.to_bits() == value.to_bits()).then_some(whole)
    }

    fn value(self, whole: i64) -> Option<f64> {
        match self {
            Self::Divided(k) => Some(as_double(whole) / power_of_ten(k)?),
            Self::Multiplied(k) => Some(as_double(whole) * negative_power_of_ten(k)?),
            Self::Raw => None,
        }
    }
}

/// Differences from the one before; the first from zero.
pub(super) fn deltas(times: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut before = 0_i64;
    times
        .map(|time| {
            let delta = time.wrapping_sub(before);
            before = time;
            delta
        })
        .collect()
}

/// Undoes [`deltas`].
pub(super) fn sums(deltas: &[i64]) -> Vec<i64> {
    let mut sum = 0_i64;
    deltas
        .iter()
        .map(|delta| {
            sum = sum.wrapping_add(*delta);
            sum
        })
        .collect()
}

fn planes(values: &[u64]) -> Vec<u8> {
    let byte = |value: &u64, place: usize| value.to_be_bytes().get(place).copied();
    (0..8).flat_map(|place| values.iter().filter_map(move |value| byte(value, place))).collect()
}

/// Undoes [`planes`]; `None` when the length is no multiple of eight.
fn values_of(planes: &[u8]) -> Option<Vec<f64>> {
    let count = planes.len() / 8;
    if !planes.len().is_multiple_of(8) {
        return None;
    }
    let mut bits = vec![0_u64; count];
    for plane in planes.chunks(count.max(1)) {
        for (value, byte) in bits.iter_mut().zip(plane) {
            *value = (*value << 8) | u64::from(*byte);
        }
    }
    Some(bits.into_iter().map(f64::from_bits).collect())
}

fn power_of_ten(k: u8) -> Option<f64> {
    POWERS.get(usize::from(k)).map(|(power, _)| *power)
}

fn negative_power_of_ten(k: u8) -> Option<f64> {
    POWERS.get(usize::from(k)).map(|(_, negative)| *negative)
}

#[expect(clippy::cast_possible_truncation, reason = "callers checked that it is below 2^53")]
fn whole_part(value: f64) -> i64 {
    value as i64
}

#[expect(clippy::cast_precision_loss, reason = "what we wrote is below 2^53, where it is exact")]
fn as_double(whole: i64) -> f64 {
    whole as f64
}

/// 2^53: above it, whole numbers are not exact in a double.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

const DECIMALS_MAX: u8 = 6;

/// Both directions as literals, since `1.0 / 1000.0` need not be the double nearest to 0.001.
const POWERS: [(f64, f64); 7] =
    [(1.0, 1.0), (1e1, 1e-1), (1e2, 1e-2), (1e3, 1e-3), (1e4, 1e-4), (1e5, 1e-5), (1e6, 1e-6)];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_exact(readings: &[(u16, f64)]) -> Values {
        let values = Values::new(3, readings);
        let order: Vec<u16> = readings.iter().map(|(channel, _)| *channel).collect();
        let back = values.back(3, &order).unwrap();
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(back), bits(readings.iter().map(|(_, value)| *value).collect()));
        values
    }

    #[test]
    fn a_register_times_its_scale_is_written_as_a_whole_number() {
        let readings: Vec<_> =
            (0..300).map(|n| (u16::try_from(n % 3).unwrap(), f64::from(n) * 0.001)).collect();
        assert!(check_exact(&readings).planes.is_empty());
    }

    #[test]
    fn a_decimal_text_is_written_as_a_whole_number() {
        assert!(check_exact(&[(0, 21.5), (0, 21.55), (1, -0.3), (2, 1e6)]).planes.is_empty());
    }

    #[test]
    fn what_is_no_decimal_keeps_its_bits() {
        let odd = [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE, std::f64::consts::PI, 1e300];
        let readings: Vec<_> = odd.into_iter().map(|value| (1_u16, value)).collect();
        assert_eq!(check_exact(&readings).planes.len(), 8 * odd.len());
    }

    proptest! {
        #[test]
        fn any_values_come_back_bit_for_bit(
            readings in prop::collection::vec((0_u16..3, prop_oneof![
                any::<f64>(),
                (any::<i32>(), 0_i32..7).prop_map(|(n, k)| f64::from(n) / 10_f64.powi(k)),
            ]), 0..200)
        ) {
            check_exact(&readings);
        }

        #[test]
        fn any_times_come_back(times in prop::collection::vec(any::<i64>(), 0..200)) {
            prop_assert_eq!(sums(&deltas(times.iter().copied())), times);
        }
    }
}
