//! Tables over readings for history and reports: the one home of polars.
//!
//! A frame holds one channel's good readings. Nothing here decides anything; a detector that needs a
//! number keeps it itself, reading by reading.

use forewarn_domain::time::{Span, Time};
use polars::prelude::{Column, DataFrame, PolarsError, QuantileMethod};
use serde::Serialize;

/// The good readings of one channel as a table of `t` (µs) and `value`.
#[derive(Clone, Debug)]
pub struct ChannelFrame {
    table: DataFrame,
}

/// What one channel looked like over a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// Good readings.
    pub readings: usize,
    /// Smallest.
    pub min: f64,
    /// Middle.
    pub median: f64,
    /// Largest.
    pub max: f64,
}

/// One bucket of a history chart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Period {
    /// Start of the bucket.
    pub from: Time,
    /// Good readings in it.
    pub readings: u32,
    /// Smallest.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub max: f64,
}

impl ChannelFrame {
    /// A table of `(time, value)` pairs in any order; values must be finite.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when polars refuses the columns.
    pub fn new(readings: &[(Time, f64)]) -> Result<Self, FrameError> {
        let times: Vec<i64> = readings.iter().map(|(t, _)| t.micros()).collect();
        let values: Vec<f64> = readings.iter().map(|(_, value)| *value).collect();
        let columns = vec![Column::new(T.into(), times), Column::new(VALUE.into(), values)];
        Ok(Self { table: DataFrame::new(readings.len(), columns)? })
    }

    /// The whole stretch in four numbers; `None` for an empty one.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when polars refuses.
    pub fn overview(&self) -> Result<Option<Overview>, FrameError> {
        let values = self.table.column(VALUE)?;
        let at = |share: f64| -> Result<Option<f64>, FrameError> {
            let found = values.quantile_reduce(share, QuantileMethod::Nearest)?;
            Ok(found.value().extract::<f64>())
        };
        let readings = self.table.height();
        Ok(match (at(0.0)?, at(0.5)?, at(1.0)?) {
            (Some(min), Some(median), Some(max)) => Some(Overview { readings, min, median, max }),
            _ => None,
        })
    }

    /// Buckets of equal length, aligned to the epoch; empty ones are left out.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when polars refuses.
    #[expect(
        deprecated,
        reason = "polars' lazy aggregations would bring its whole cloud stack into the build"
    )]
    pub fn periods(&self, length: Span) -> Result<Vec<Period>, FrameError> {
        let starts: Vec<i64> = self
            .table
            .column(T)?
            .i64()?
            .into_no_null_iter()
            .map(|t| Time::from_micros(t).floor(length).micros())
            .collect();
        let mut table = self.table.clone();
        table.with_column(Column::new(FROM.into(), starts))?;
        let table = table.sort([FROM], polars::prelude::SortMultipleOptions::default())?;
        let groups = || Ok::<_, PolarsError>(table.group_by_stable([FROM])?.select([VALUE]));
        let (min, max) = (groups()?.min()?, groups()?.max()?);
        let (mean, count) = (groups()?.mean()?, groups()?.count()?);
        let mut periods = Vec::with_capacity(min.height());
        for row in 0..min.height() {
            let number = |frame: &DataFrame, column: usize| -> Option<f64> {
                frame.columns().get(column)?.get(row).ok()?.extract::<f64>()
            };
            let from = min.columns().first().and_then(|it| it.get(row).ok()?.extract::<i64>());
            let readings = count.columns().get(1).and_then(|it| it.get(row).ok()?.extract::<u32>());
            if let (Some(from), Some(readings), Some(min), Some(mean), Some(max)) =
                (from, readings, number(&min, 1), number(&mean, 1), number(&max, 1))
            {
                let from = Time::from_micros(from);
                periods.push(Period { from, readings, min, mean, max });
            }
        }
        Ok(periods)
    }
}

const FROM: &str = "from";
const T: &str = "t";
const VALUE: &str = "value";

/// Why a table could not be made or read.
#[derive(Debug, thiserror::Error)]
#[error("a table over readings could not be computed")]
pub struct FrameError(#[from] PolarsError);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> ChannelFrame {
        let hour = |hour: i64, value: f64| (Time::from_micros(hour * 3_600_000_000), value);
        let readings = [hour(0, 2.0), hour(1, 4.0), hour(30, 9.0), hour(25, 1.0)];
        ChannelFrame::new(&readings).expect("two columns")
    }

    #[test]
    fn a_stretch_is_four_numbers() {
        let overview = frame().overview().expect("computes").expect("not empty");
        assert_eq!((overview.readings, overview.min, overview.max), (4, 1.0, 9.0));
        let empty = ChannelFrame::new(&[]).expect("two columns");
        assert_eq!(empty.overview().expect("computes"), None);
        assert_eq!(empty.periods(Span::from_secs(60)).expect("computes"), []);
    }

    #[test]
    fn days_are_aligned_and_empty_ones_left_out() {
        let days = frame().periods("1d".parse().expect("span")).expect("computes");
        let [first, second] = days.as_slice() else { panic!("two days, not {days:?}") };
        assert_eq!((first.readings, first.min, first.mean, first.max), (2, 2.0, 3.0, 4.0));
        assert_eq!((second.readings, second.min, second.mean, second.max), (2, 1.0, 5.0, 9.0));
        assert_eq!(second.from, Time::from_micros(86_400_000_000));
    }
}
