//! The servers' answers as samples and summaries. Pure functions over text.
//!
//! An answer that is not understood is an error; guessing here would be silent wrong data.

use std::collections::BTreeMap;

use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::time::Time;
use serde::Deserialize;
use serde_json::Value;

use crate::readings::error::ServerError;
use crate::readings::sample::{Axis, Sample, Summary};

/// Rows of `time, value, bad_value, quality, late` from `InfluxQL`.
pub(crate) fn selected(text: &str) -> Result<Vec<Sample>, ServerError> {
    let mut samples = Vec::new();
    for row in rows(text)? {
        let [t, value, bad_value, quality, late] = row.as_slice() else {
            return Err(not_understood("a row has not five columns"));
        };
        let t = Time::from_micros(whole(t)?);
        let value = value.as_f64().or(bad_value.as_f64()).unwrap_or(f64::NAN);
        let quality = quality_of(whole(quality)?);
        samples.push(Sample { t, value, quality, late: whole(late)? != 0 });
    }
    Ok(samples)
}

/// Rows of `time, n, min, max, sum, all` from `InfluxQL`, one for each step.
pub(crate) fn grouped(text: &str, axis: &Axis) -> Result<Vec<Summary>, ServerError> {
    let mut summaries = axis.summaries();
    for row in rows(text)? {
        let [t, n, min, max, sum, all] = row.as_slice() else {
            return Err(not_understood("a row has not six columns"));
        };
        let Some(step) = axis.step(whole(t)?) else { continue };
        let n = whole(n).unwrap_or(0).unsigned_abs();
        let bad = whole(all).unwrap_or(0).unsigned_abs().saturating_sub(n);
        let mut summary = Summary { n, bad, ..Summary::default() };
        if let (Some(min), Some(max), Some(sum)) = (min.as_f64(), max.as_f64(), sum.as_f64()) {
            (summary.min, summary.max, summary.sum) = (min, max, sum);
        }
        summaries[step] = summary;
    }
    Ok(summaries)
}

/// JSON lines of `/api/v1/export`: one for each field, joined here by their times.
pub(crate) fn exported(text: &str) -> Result<Vec<Sample>, ServerError> {
    let mut moments: BTreeMap<i64, Moment> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let exported: Exported = serde_json::from_str(line).map_err(|error| unreadable(&error))?;
        let field = exported.metric.get("__name__").map_or("", String::as_str);
        for (millis, value) in exported.timestamps.iter().zip(&exported.values) {
            let Some(value) = value.as_f64() else { continue };
            let moment = moments.entry(*millis).or_default();
            let known = match field {
                "forewarn_value" | "forewarn_bad_value" => &mut moment.value,
                "forewarn_quality" => &mut moment.quality,
                "forewarn_late" => &mut moment.late,
                "forewarn_us" => &mut moment.us,
                other => return Err(not_understood(&format!("a field `{other}` is unknown"))),
            };
            // The server keeps both of two readings with one time, in no order that is promised.
            *known = Some(known.map_or(value, |known| known.max(value)));
        }
    }
    let mut samples = Vec::with_capacity(moments.len());
    for (millis, moment) in moments {
        let us = whole_f64(moment.us.unwrap_or(0.0));
        samples.push(Sample {
            t: Time::from_micros(millis * 1_000 + us),
            value: moment.value.unwrap_or(f64::NAN),
            quality: quality_of(moment.quality.map_or(-1, whole_f64)),
            late: moment.late.is_some_and(|late| 0.5 < late),
        });
    }
    Ok(samples)
}

#[derive(Debug, Default)]
struct Moment {
    value: Option<f64>,
    quality: Option<f64>,
    late: Option<f64>,
    us: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Exported {
    metric: BTreeMap<String, String>,
    values: Vec<Value>,
    timestamps: Vec<i64>,
}

/// Matrix of `/api/v1/query_range`: one series for each figure.
pub(crate) fn rolled_up(text: &str, axis: &Axis) -> Result<Vec<Summary>, ServerError> {
    let answer: Ranged = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let mut summaries = axis.summaries();
    for series in answer.data.result {
        let figure = series.metric.get("figure").map_or("", String::as_str);
        for (at, text) in series.values {
            let value: f64 = text.parse().map_err(|error| unreadable(&error))?;
            // The answer's time is a window's last millisecond.
            let Some(step) = axis.step(whole_f64((at * 1e3).round()) * 1_000) else { continue };
            let summary = &mut summaries[step];
            match figure {
                "n" => summary.n = whole_f64(value).unsigned_abs(),
                "min" => summary.min = value,
                "max" => summary.max = value,
                "sum" => summary.sum = value,
                "all" => summary.bad = whole_f64(value).unsigned_abs(),
                other => return Err(not_understood(&format!("a figure `{other}` is unknown"))),
            }
        }
    }
    for summary in &mut summaries {
        summary.bad = summary.bad.saturating_sub(summary.n);
    }
    Ok(summaries)
}

#[derive(Debug, Deserialize)]
struct Ranged {
    data: RangedData,
}

#[derive(Debug, Deserialize)]
struct RangedData {
    result: Vec<RangedSeries>,
}

#[derive(Debug, Deserialize)]
struct RangedSeries {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// The rows of an `InfluxQL` answer with at most one series.
fn rows(text: &str) -> Result<Vec<Vec<Value>>, ServerError> {
    let answer: Answer = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let mut rows = Vec::new();
    for result in answer.results {
        if let Some(error) = result.error {
            return Err(not_understood(&error));
        }
        rows.extend(result.series.into_iter().flat_map(|series| series.values));
    }
    Ok(rows)
}

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Outcome>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Table>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Table {
    values: Vec<Vec<Value>>,
}

fn whole(value: &Value) -> Result<i64, ServerError> {
    value.as_i64().ok_or_else(|| not_understood(&format!("`{value}` is no whole number")))
}

#[expect(clippy::cast_possible_truncation, reason = "codes, counts and times are small and whole")]
fn whole_f64(value: f64) -> i64 {
    value as i64
}

fn quality_of(code: i64) -> Quality {
    let code = u8::try_from(code).ok();
    code.and_then(Quality::from_code).unwrap_or(Quality::Bad(Bad::Parse))
}

fn unreadable(error: &dyn std::error::Error) -> ServerError {
    not_understood(&error.to_string())
}

fn not_understood(text: &str) -> ServerError {
    ServerError::Answer { text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_influxql_error_is_an_error_and_an_empty_answer_is_not() {
        let refused = "{\"results\":[{\"statement_id\":0,\"error\":\"database not found: x\"}]}";
        assert!(selected(refused).is_err());
        assert_eq!(selected("{\"results\":[{\"statement_id\":0}]}").expect("empty"), []);
        assert!(selected("<html>").is_err());
    }

    #[test]
    fn exported_fields_join_by_their_time() {
        let line = |name: &str, value: &str| {
            format!(
                "{{\"metric\":{{\"__name__\":\"forewarn_{name}\"}},\"values\":[{value}],\
                 \"timestamps\":[1000]}}\n"
            )
        };
        let text = line("us", "7") + &line("quality", "64") + &line("value", "2.5");
        let samples = exported(&text).expect("read");
        let quality = Quality::from_code(64).expect("known");
        let t = Time::from_micros(1_000_007);
        assert_eq!(samples, [Sample { t, value: 2.5, quality, late: false }]);
        assert!(exported(&line("surprise", "1")).is_err());
    }
}
