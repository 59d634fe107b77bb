//! Progress on stderr: a bar on a terminal, nothing elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` bytes with rate and time to go; hidden when stderr is no terminal.
pub(crate) fn bytes(total: u64) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(total)
    } else {
        ProgressBar::hidden()
    };
    let style = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} to go {msg}";
    bar.with_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}

/// A bar over whole steps.
pub(crate) fn steps(total: u64, what: &'static str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(total)
    } else {
        ProgressBar::hidden()
    };
    let style = "{msg} {bar:30} {percent}% {eta} to go";
    bar.with_message(what).with_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}
