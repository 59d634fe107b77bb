//! Every number that the server counts: one list, one spelling.
//!
//! Names follow the Prometheus convention, `forewarn_<noun>_<unit>_total`. Whatever is dropped or
//! refused is counted here with its reason as part of the name.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counter {
    /// Waveform parts that the assembler fetches from the store later.
    AssembleBehind,
    /// Waveforms that do not match their hash.
    AssembleDamaged,
    /// Waveforms that are complete.
    AssembleWaveforms,
    /// Readings evaluated.
    DecideReadings,
    /// Readings too far behind their device.
    DecideLate,
    /// Readings of channels that the site file does not know.
    DecideUnknown,
    /// Tickets opened.
    DecideTickets,
    /// Commits that had to be tried again.
    DecideFailures,
    /// Batches understood.
    IngestBatches,
    /// Bytes of batches.
    IngestBytes,
    /// Readings understood.
    IngestReadings,
    /// Messages refused.
    IngestRefused,
    /// Messages delivered to people or systems.
    NotifySent,
    /// Messages to be tried again.
    NotifyRetried,
    /// Messages given up.
    NotifyDead,
    /// Readings deleted because their time was over.
    RetainExpired,
    /// Readings deleted to stay within the cap.
    RetainOverCap,
    /// Hourly summaries deleted because their time was over.
    RetainRollups,
    /// Times that old data was looked for.
    RetainRuns,
    /// Texts deleted because their time was over.
    RetainTexts,
    /// Raw waveforms deleted because their time was over.
    RetainWaveforms,
    /// Batches made durable.
    StoreBatches,
    /// Readings made durable.
    StoreReadings,
    /// Commits that had to be tried again.
    StoreFailures,
    /// Batches that an agent was told to forget by a ledger that is gone.
    StoreLostBatches,
    /// Batches that were durable already.
    StoreKnown,
    /// Readings that came late.
    StoreLate,
    /// Batches refused.
    StoreRefused,
    /// Times that deadlines could not be watched.
    TimersFailures,
    /// Timers of tickets that fired.
    TimersFired,
    /// Jumps of the wall clock.
    TimersJumps,
}

const NAMES: [(Counter, &str); 31] = [
    (Counter::AssembleBehind, "forewarn_assemble_deferred_parts_total"),
    (Counter::AssembleDamaged, "forewarn_assemble_damaged_waveforms_total"),
    (Counter::AssembleWaveforms, "forewarn_assemble_waveforms_total"),
    (Counter::DecideReadings, "forewarn_decide_readings_total"),
    (Counter::DecideLate, "forewarn_decide_late_readings_total"),
    (Counter::DecideUnknown, "forewarn_decide_unknown_channel_readings_total"),
    (Counter::DecideTickets, "forewarn_decide_tickets_total"),
    (Counter::DecideFailures, "forewarn_decide_commit_retries_total"),
    (Counter::IngestBatches, "forewarn_ingest_batches_total"),
    (Counter::IngestBytes, "forewarn_ingest_bytes_total"),
    (Counter::IngestReadings, "forewarn_ingest_readings_total"),
    (Counter::IngestRefused, "forewarn_ingest_refused_messages_total"),
    (Counter::NotifySent, "forewarn_notify_sent_messages_total"),
    (Counter::NotifyRetried, "forewarn_notify_retried_messages_total"),
    (Counter::NotifyDead, "forewarn_notify_dead_messages_total"),
    (Counter::RetainExpired, "forewarn_retain_expired_readings_total"),
    (Counter::RetainOverCap, "forewarn_retain_over_cap_readings_total"),
    (Counter::RetainRollups, "forewarn_retain_expired_rollups_total"),
    (Counter::RetainRuns, "forewarn_retain_runs_total"),
    (Counter::RetainTexts, "forewarn_retain_expired_texts_total"),
    (Counter::RetainWaveforms, "forewarn_retain_expired_waveforms_total"),
    (Counter::StoreBatches, "forewarn_store_batches_total"),
    (Counter::StoreReadings, "forewarn_store_readings_total"),
    (Counter::StoreFailures, "forewarn_store_commit_retries_total"),
    (Counter::StoreLostBatches, "forewarn_store_lost_batches_total"),
    (Counter::StoreKnown, "forewarn_store_known_batches_total"),
    (Counter::StoreLate, "forewarn_store_late_readings_total"),
    (Counter::StoreRefused, "forewarn_store_refused_batches_total"),
    (Counter::TimersFailures, "forewarn_timers_failures_total"),
    (Counter::TimersFired, "forewarn_timers_fired_total"),
    (Counter::TimersJumps, "forewarn_timers_clock_jumps_total"),
];

/// All counters of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    values: [AtomicU64; NAMES.len()],
}

impl Metrics {
    /// Counts.
    pub(crate) fn add(&self, counter: Counter, by: u64) {
        if let Some(value) = self.slot(counter) {
            value.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Sets a counter that is kept elsewhere.
    pub(crate) fn set(&self, counter: Counter, to: u64) {
        if let Some(value) = self.slot(counter) {
            value.store(to, Ordering::Relaxed);
        }
    }

    /// The present value.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.slot(counter).map_or(0, |it| it.load(Ordering::Relaxed))
    }

    /// Counters whose name begins with `forewarn_<stage>_`, by the rest of the name.
    #[must_use]
    pub fn of_stage(&self, stage: &str) -> Vec<(&'static str, u64)> {
        let prefix = format!("forewarn_{stage}_");
        NAMES
            .iter()
            .filter_map(|(counter, name)| {
                let short = name.strip_prefix(prefix.as_str())?;
                Some((short.trim_end_matches("_total"), self.get(*counter)))
            })
            .collect()
    }

    /// Prometheus text exposition.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (counter, name) in NAMES {
            // Writing into a string cannot fail.
            let _ok = writeln!(text, "# TYPE {name} counter\n{name} {}", self.get(counter));
        }
        text
    }

    fn slot(&self, counter: Counter) -> Option<&AtomicU64> {
        let place = NAMES.iter().position(|(it, _)| *it == counter)?;
        self.values.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name_and_slot() {
        let metrics = Metrics::default();
        for (place, (counter, _)) in NAMES.iter().enumerate() {
            metrics.add(*counter, u64::try_from(place).expect("small") + 1);
        }
        let text = metrics.text();
        for (place, (counter, name)) in NAMES.iter().enumerate() {
            assert_eq!(metrics.get(*counter), u64::try_from(place).expect("small") + 1);
            assert!(text.contains(&format!("\n{name} {}\n", place + 1)), "{name}");
        }
        assert_eq!(metrics.of_stage("retain").len(), 6);
    }
}
