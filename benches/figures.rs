//! Figures on standard output: one JSON line each as they come, and a table at the end.

use std::io::{self, Write as _};

use serde_json::json;

/// What one bench has measured.
#[derive(Debug)]
pub struct Figures {
    bench: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    bar: Option<Bar>,
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

impl Bar {
    fn is_kept(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bar) => bar <= value,
            Self::AtMost(bar) => value <= bar,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bar) => format!("at least {}", grouped(bar)),
            Self::AtMost(bar) => format!("at most {}", grouped(bar)),
        }
    }
}

impl Figures {
    /// None yet.
    #[must_use]
    pub fn of(bench: &'static str) -> Self {
        Self { bench, rows: Vec::new() }
    }

    /// Prints a figure and keeps it for the table.
    ///
    /// # Errors
    ///
    /// When standard output is closed.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        bar: Option<Bar>,
    ) -> io::Result<()> {
        let row = Row { name: name.into(), value, unit, bar };
        let mut line = json!({
            "bench": self.bench, "figure": row.name, "value": row.value, "unit": row.unit,
        });
        if let Some(bar) = row.bar {
            line["bar"] = json!(bar.text());
            line["is_kept"] = json!(bar.is_kept(value));
        }
        self.rows.push(row);
        writeln!(io::stdout(), "{line}")
    }

    /// Prints the table.
    ///
    /// # Errors
    ///
    /// When standard output is closed.
    pub fn print_table(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "\n| {} | figure | unit | bar |\n|---|---:|---|---|", self.bench)?;
        for Row { name, value, unit, bar } in &self.rows {
            let bar = bar.map_or_else(String::new, |bar| {
                let mark = if bar.is_kept(*value) { "kept" } else { "MISSED" };
                format!("{}: {mark}", bar.text())
            });
            writeln!(out, "| {name} | {} | {unit} | {bar} |", grouped(*value))?;
        }
        Ok(())
    }
}

/// The value below which a share of the sorted values lies; 0 of none.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let places = u32::try_from(sorted.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let place = (share * f64::from(places)).round();
    let found = sorted.iter().zip(0_u32..).find(|(_, at)| place <= f64::from(*at));
    found.map_or(0.0, |(value, _)| *value)
}

/// A count as a figure; those of a bench are far below 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^53")]
pub fn figure(count: u64) -> f64 {
    count as f64
}

/// 1234567.8 as `1,234,568`; small values keep three digits.
fn grouped(value: f64) -> String {
    if value.abs() < 100.0 && 1e-9 < value.fract().abs() {
        return format!("{value:.3}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if 0 < at && left % 3 == 0 && text != "-" {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_figures_are_grouped_and_small_ones_keep_digits() {
        assert_eq!(grouped(1_234_567.8), "1,234,568");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(0.125), "0.125");
        assert_eq!(grouped(0.0), "0");
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 5.0];
        let found = [0.5, 0.95, 1.0].map(|share| quantile(&sorted, share).to_bits());
        assert_eq!(found, [3.0_f64, 5.0, 5.0].map(f64::to_bits));
        assert_eq!(quantile(&[], 0.5).to_bits(), 0);
    }
}
