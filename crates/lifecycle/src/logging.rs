//! Log lines: JSON (or text for a person at a terminal) on standard error.
//!
//! Rely on this: standard output stays free for a command's own answer, and a panic is a log
//! line like any other. The variable `FOREWARN_LOG` takes the filter of `tracing`, for example
//! `info,forewarn_wire=debug`.
//!
//! Deliberately absent: log files and their rotation, which systemd and containers do better.

use std::{io::IsTerminal as _, panic};

use serde::Deserialize;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, util::TryInitError};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text on a terminal, JSON lines everywhere else.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// One line of text for a person.
    Text,
}

/// Starts logging for the whole process; to be called once, before any task is started.
///
/// # Errors
///
/// [`LoggingError`] when `FOREWARN_LOG` does not parse or logging has already been started.
pub fn init(format: Format) -> Result<(), LoggingError> {
    let text = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_unset| FILTER_DEFAULT.to_owned());
    let filter = EnvFilter::builder()
        .parse(&text)
        .map_err(|source| LoggingError::Filter { text, source })?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        Format::Json => start_json(lines)?,
        Format::Auto if !std::io::stderr().is_terminal() => start_json(lines)?,
        Format::Auto | Format::Text => {
            tracing_subscriber::util::SubscriberInitExt::try_init(lines.finish())?;
        }
    }
    log_panics();
    Ok(())
}

fn start_json<W>(
    lines: fmt::SubscriberBuilder<fmt::format::DefaultFields, fmt::format::Format, EnvFilter, W>,
) -> Result<(), TryInitError>
where
    W: for<'w> fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
    tracing_subscriber::util::SubscriberInitExt::try_init(lines.finish())
}

/// A panic would otherwise be the one line on standard error that no log collector can read.
fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(ToString::to_string);
        let reason = panicked.payload_as_str().unwrap_or("no reason given");
        tracing::error!(place, reason, "a task panicked");
    }));
}

/// Why logging was not started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// Logging was started before.
    #[error("logging is already running; start it once")]
    AlreadyRunning(#[from] TryInitError),
    /// The filter is not one that `tracing` understands.
    #[error(
        "`{FILTER_VARIABLE}={text}` is no log filter; try `info` or `info,forewarn_wire=debug`"
    )]
    Filter {
        /// What the variable holds.
        text: String,
        /// What is wrong with it.
        source: ParseError,
    },
}

const FILTER_VARIABLE: &str = "FOREWARN_LOG";

/// The MQTT libraries write a line for each connection at `info`, which is our own story to tell.
const FILTER_DEFAULT: &str = "info,rumqttc=warn,rumqttd=warn";
