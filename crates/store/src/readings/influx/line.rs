//! Readings as InfluxDB line protocol.
//!
//! Rely on this: every line that leaves here was parsed again before. That is not pedantry:
//! VictoriaMetrics answers 204 to a malformed field and stores 0 for it.
//!
//! One measurement `forewarn`, one tag `channel`. Fields: `value` for readings that are not bad,
//! `bad_value` for bad ones that have a number at all, `quality` (code), `late` (0 or 1), and `us`,
//! the microseconds within the millisecond, since VictoriaMetrics keeps whole milliseconds.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use forewarn_domain::reading::{Batch, Reading};

use crate::readings::judge::readings;

/// The lines of new batches with the places of their late readings, in bodies of bounded size.
pub(crate) fn bodies(batches: &[(Arc<Batch>, Vec<u32>)]) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut body = String::new();
    for (batch, late) in batches {
        let Some(of_batch) = readings(batch) else { continue };
        // Of two readings with one time the later one in the batch has the greater id.
        let last_of: HashMap<(u16, i64), usize> = (0..)
            .zip(&of_batch.numbers)
            .map(|(idx, reading)| ((reading.channel, reading.t.micros()), idx))
            .collect();
        for (idx, reading) in of_batch.numbers.iter().enumerate() {
            let is_last = last_of.get(&(reading.channel, reading.t.micros())) == Some(&idx);
            let channel = of_batch.channel(reading.channel);
            let (true, Some(channel)) = (is_last, channel) else { continue };
            let is_late = u32::try_from(idx).is_ok_and(|idx| late.binary_search(&idx).is_ok());
            push_line(&mut body, channel.as_str(), reading, is_late);
            if BODY_BYTES_MAX <= body.len() {
                bodies.push(std::mem::take(&mut body));
            }
        }
    }
    if !body.is_empty() {
        bodies.push(body);
    }
    bodies
}

fn push_line(body: &mut String, channel: &str, reading: &Reading, is_late: bool) {
    let start = body.len();
    let t = reading.t.micros();
    let written = t.checked_mul(1_000).is_some_and(|nanos| {
        let (code, late) = (reading.quality.code(), u8::from(is_late));
        let us = t.rem_euclid(1_000);
        let mut write = || {
            write!(body, "{MEASUREMENT},channel={channel} ")?;
            if reading.value.is_finite() {
                let field = if reading.quality.is_bad() { "bad_value" } else { "value" };
                write!(body, "{field}={:?},", reading.value)?;
            }
            writeln!(body, "quality={code}i,late={late}i,us={us}i {nanos}")
        };
        write().is_ok()
    });
    let is_line = body.get(start..).and_then(|line| line.strip_suffix('\n')).is_some_and(is_valid);
    if !written || !is_line {
        tracing::error!(channel, t, value = reading.value, "no line of a reading; it is left out");
        body.truncate(start);
    }
}

/// Whether a server would read a line as we mean it.
fn is_valid(line: &str) -> bool {
    let parts: Vec<&str> = line.split(' ').collect();
    let [series, fields, nanos] = parts.as_slice() else { return false };
    let tag = series.strip_prefix(MEASUREMENT).and_then(|tag| tag.strip_prefix(",channel="));
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-_./".contains(&letter);
    let has_channel = tag.is_some_and(|tag| !tag.is_empty() && tag.bytes().all(is_plain));
    let is_field = |field: &str| match field.split_once('=') {
        Some(("value" | "bad_value", number)) => number.parse::<f64>().is_ok_and(f64::is_finite),
        Some(("quality" | "late" | "us", number)) => {
            number.strip_suffix('i').is_some_and(|number| number.parse::<u16>().is_ok())
        }
        Some(_) | None => false,
    };
    has_channel && fields.split(',').all(is_field) && nanos.parse::<i64>().is_ok()
}

/// The one measurement.
pub(crate) const MEASUREMENT: &str = "forewarn";

/// Some ten thousand lines: few enough to repeat, many enough for one round trip.
const BODY_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use forewarn_domain::quality::{Bad, Quality};
    use forewarn_domain::time::Time;

    use super::*;

    fn line(value: f64, quality: Quality, micros: i64) -> String {
        let mut body = String::new();
        let t = Time::from_micros(micros);
        push_line(&mut body, "mill/s/p", &Reading { channel: 0, t, value, quality }, true);
        body
    }

    #[test]
    fn each_reading_is_one_line() {
        let crc = Quality::Bad(Bad::Crc);
        assert_eq!(
            line(20.5, Quality::Good, 1_000_007),
            "forewarn,channel=mill/s/p value=20.5,quality=0i,late=1i,us=7i 1000007000\n"
        );
        assert_eq!(
            line(1e300, crc, 0),
            "forewarn,channel=mill/s/p bad_value=1e300,quality=128i,late=1i,us=0i 0\n"
        );
        assert_eq!(
            line(f64::NAN, crc, -1),
            "forewarn,channel=mill/s/p quality=128i,late=1i,us=999i -1000\n"
        );
        assert_eq!(line(1.0, Quality::Good, i64::MAX), "", "beyond the server's calendar");
    }

    #[test]
    fn a_line_that_a_server_would_misread_is_refused() {
        for line in [
            "",
            "forewarn value=1 0",
            "forewarn,channel=a/b/c value=abc 0",
            "forewarn,channel=a/b/c value=NaN 0",
            "forewarn,channel=a/b/c value=1,quality=1 0",
            "forewarn,channel=a b value=1 0",
            "forewarn,channel=a/b/c value=1",
            "forewarn,channel=a/b/c value=1 now",
        ] {
            assert!(!is_valid(line), "{line}");
        }
    }
}
