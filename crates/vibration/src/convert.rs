//! The few changes of numeric type that signal processing needs, each with its bounds.

/// A count as a float: exact below 2^53, and no burst is that long.
#[expect(clippy::cast_precision_loss, reason = "counts of samples stay far below 2^53")]
pub(crate) fn count(count: usize) -> f64 {
    count as f64
}

/// The largest index at or below `position`; negative and undefined positions become 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is floored and clamped to 0..2^52 first"
)]
pub(crate) fn index_below(position: f64) -> usize {
    position.floor().clamp(0.0, INDEX_MAX) as usize
}

/// The smallest index at or above `position`; negative and undefined positions become 0.
pub(crate) fn index_above(position: f64) -> usize {
    index_below(position.ceil())
}

/// 2^52: every whole number up to here is exact in a float.
const INDEX_MAX: f64 = 4_503_599_627_370_496.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_outside_the_range_of_an_index_are_clamped() {
        assert_eq!(index_below(-3.5), 0);
        assert_eq!(index_below(f64::NAN), 0);
        assert_eq!(index_below(7.9), 7);
        assert_eq!(index_above(7.1), 8);
        assert_eq!(index_below(f64::INFINITY), 1 << 52);
    }
}
