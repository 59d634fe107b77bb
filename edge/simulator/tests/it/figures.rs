//! Mean and spread of what a test has seen.

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// Standard deviation.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|it| (it - middle).powi(2)).collect();
    mean(&squares).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "no test counts to 2^53")]
pub(crate) fn count(values: usize) -> f64 {
    values as f64
}
