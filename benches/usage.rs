//! What a process uses, as Linux tells it in `/proc`; zero where there is no such file.

use std::fs;
use std::time::Duration;

/// Memory and processor time of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Resident now, MiB.
    pub resident_mib: f64,
    /// The most that was resident, MiB.
    pub peak_mib: f64,
    /// User and system time of all threads, seconds.
    pub cpu_s: f64,
    /// Bytes handed to the disk, MB.
    pub written_mb: f64,
}

impl Usage {
    /// Of this process.
    #[must_use]
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|it| it.trim_end_matches("kB").trim().parse::<f64>().ok());
            kib.unwrap_or(0.0) / 1_024.0
        };
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name of the program stands in parentheses and may hold blanks.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let ticks: f64 = fields
            .split(' ')
            .skip(UTIME)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        let written: Option<f64> = written.and_then(|bytes| bytes.parse().ok());
        Self {
            written_mb: written.unwrap_or(0.0) / 1e6,
            resident_mib: mib("VmRSS:"),
            peak_mib: mib("VmHWM:"),
            cpu_s: ticks / TICKS_PER_SECOND,
        }
    }
}

/// How long the calling thread has run on a processor; `None` where Linux does not tell.
#[must_use]
pub fn thread_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// Place of `utime` behind the program's name; `stime` follows. See proc(5).
const UTIME: usize = 11;

/// `USER_HZ`, the same on every Linux that we know.
const TICKS_PER_SECOND: f64 = 100.0;
