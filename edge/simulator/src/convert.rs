//! The few changes of numeric type that encoding needs, each with its bounds.

/// The nearest whole number; beyond the range of `i64` its ends, 0 for NaN.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what a converter at its rail does"
)]
pub(crate) fn nearest(value: f64) -> i64 {
    value.round() as i64
}

/// The single that lies nearest.
#[expect(clippy::cast_possible_truncation, reason = "rounding to a single is what is asked for")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

/// A whole number as a float: exact below 2^53, and no counter here goes further.
#[expect(clippy::cast_precision_loss, reason = "counters and register values stay below 2^53")]
pub(crate) fn float(value: i64) -> f64 {
    value as f64
}

/// A whole number limited to the range of an unsigned register.
pub(crate) fn word(value: i64) -> u16 {
    u16::try_from(value.clamp(0, i64::from(u16::MAX))).expect("it was clamped to the range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_limited_and_never_wraps() {
        assert_eq!(nearest(1e300), i64::MAX);
        assert_eq!(nearest(f64::NAN), 0);
        assert_eq!(nearest(-2.5), -3);
        assert_eq!(word(-1), 0);
        assert_eq!(word(70_000), u16::MAX);
    }
}
