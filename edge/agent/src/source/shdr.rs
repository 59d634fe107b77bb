//! MTConnect adapters over TCP: lines of SHDR to points.
//!
//! Rely on this: an adapter that falls silent or hangs up makes its sources stale at once and is
//! called again with growing pauses; a line that is not understood is counted and left out.
//!
//! A point's address is the adapter's key, `json:/S1load`. Deliberately absent: assets, and writing,
//! which the protocol knows and this file does not.

pub mod line;

use std::io;
use std::time::Duration;

use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::backoff::{Backoff, seed_of};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::intake::{Inlet, Intake};
use crate::source::SourcePoints;
use crate::source::heard::{Heard, NamedValue};
use crate::source::mqtt::json;
use crate::status::StatusBoard;
use line::{Line, Reader};

/// The sources behind one adapter.
#[derive(Debug)]
pub struct ShdrLink {
    address: String,
    sources: Vec<Heard>,
}

impl ShdrLink {
    /// Prepares the sources of a link.
    #[must_use]
    pub fn new(address: String, sources: Vec<SourcePoints>, board: &StatusBoard) -> Self {
        let sources = sources.into_iter().map(|it| Heard::new(it, board)).collect();
        Self { address, sources }
    }

    /// Listens until `stop`.
    pub async fn run(mut self, inlet: Inlet, clock: Clock, stop: CancellationToken) {
        let mut backoff = Backoff::new(CALL_AFTER, CALL_AFTER_MAX, seed_of(&self.address));
        let began = Time::from_micros(clock.now_us());
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.serve(&inlet, &clock, began) => outcome,
            };
            let End { was_heard, why } = outcome;
            if was_heard {
                backoff.reset();
            }
            let pause = backoff.next_pause();
            tracing::warn!(adapter = self.address, why, ?pause, "no connection to the adapter");
            let mut intake = Intake::default();
            for heard in &mut self.sources {
                heard.count("unreachable");
                heard.go_stale(Time::from_micros(clock.now_us()), &mut intake);
            }
            if !intake.readings.is_empty() && inlet.send(intake).await.is_err() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Serves one connection to its end.
    async fn serve(&mut self, inlet: &Inlet, clock: &Clock, began: Time) -> End {
        let mut end = End { was_heard: false, why: String::new() };
        let stream = match timeout(CALL_MAX, TcpStream::connect(&self.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return End { why: error.to_string(), ..end },
            Err(_elapsed) => return End { why: format!("no answer within {CALL_MAX:?}"), ..end },
        };
        let (from, mut to) = stream.into_split();
        let (mut from, mut bytes) = (BufReader::new(from), Vec::new());
        let (mut reader, mut heartbeat) = (Reader::default(), Heartbeat::default());
        loop {
            let mut limited = (&mut from).take(LINE_BYTES_MAX);
            let step = tokio::select! {
                read = limited.read_until(b'\n', &mut bytes) => Step::Read(read),
                () = sleep_until(heartbeat.next) => Step::Ping,
            };
            let now = Time::from_micros(clock.now_us());
            let mut intake = Intake::default();
            match step {
                Step::Read(Ok(0)) => return End { why: "it hung up".to_owned(), ..end },
                Step::Read(Err(error)) => return End { why: error.to_string(), ..end },
                // Half a line is all there is for now, or more than any line may be.
                Step::Read(Ok(_)) if !bytes.ends_with(b"\n") => {
                    if LINE_BYTES_MAX <= u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
                        return End { why: "a line without an end".to_owned(), ..end };
                    }
                    continue;
                }
                Step::Read(Ok(_)) => {
                    end.was_heard = true;
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    bytes.clear();
                    match reader.read(&text) {
                        Ok(Line::Pong { every }) => heartbeat.heard(every),
                        Ok(line) => self.take(&line, now, &mut intake),
                        Err(error) => {
                            tracing::debug!(adapter = self.address, %error, "line left out");
                            self.sources.iter().for_each(|it| it.count("parse"));
                        }
                    }
                }
                Step::Ping if heartbeat.is_dead() => {
                    return End { why: "it answers no ping".to_owned(), ..end };
                }
                Step::Ping => {
                    if let Err(error) = to.write_all(b"* PING\n").await {
                        return End { why: error.to_string(), ..end };
                    }
                    heartbeat.sent();
                    self.silence(began, now, &mut intake);
                }
            }
            if !intake.readings.is_empty() && inlet.send(intake).await.is_err() {
                return End { why: "nobody takes readings any more".to_owned(), ..end };
            }
        }
    }

    /// What a line brings.
    pub fn take(&mut self, line: &Line, now: Time, intake: &mut Intake) {
        let (stated, pairs) = match line {
            Line::Observations { t, pairs } => (t, pairs.clone()),
            Line::Condition { t, key, .. } => (t, vec![(key.clone(), line.condition_text())]),
            Line::Asset | Line::Body | Line::Comment | Line::Pong { .. } => return,
        };
        let (t, is_off) = json::judged(stated.unwrap_or(now), now, json::SKEW_MAX);
        let named =
            |(key, text): (String, String)| NamedValue { name: key, t, value: Some(text.into()) };
        let values: Vec<NamedValue> = pairs.into_iter().map(named).collect();
        for heard in &mut self.sources {
            let before = intake.readings.len();
            let has_good = heard.take_named(&values, is_off, intake);
            if has_good || before < intake.readings.len() {
                heard.note(now, has_good.then_some(t));
            }
        }
    }

    fn silence(&mut self, began: Time, now: Time, intake: &mut Intake) {
        for heard in self.sources.iter_mut().filter(|it| it.is_silent(began, now)) {
            heard.go_stale(now, intake);
        }
    }
}

enum Step {
    Ping,
    Read(io::Result<usize>),
}

/// How a connection ended.
struct End {
    was_heard: bool,
    why: String,
}

/// The adapter says how often it wants to be asked; one that never answers is asked all the same.
struct Heartbeat {
    next: Instant,
    every: Duration,
    has_answered: bool,
    unanswered: u32,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { next: Instant::now(), every: PING_EVERY, has_answered: false, unanswered: 0 }
    }
}

impl Heartbeat {
    fn heard(&mut self, every: Option<Duration>) {
        (self.has_answered, self.unanswered) = (true, 0);
        if let Some(every) = every {
            self.every = every.clamp(PING_LEAST, PING_MOST);
        }
    }

    fn sent(&mut self) {
        self.next = Instant::now() + self.every;
        self.unanswered += u32::from(self.has_answered);
    }

    fn is_dead(&self) -> bool {
        UNANSWERED_MAX <= self.unanswered
    }
}

/// Until the adapter says otherwise.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_LEAST: Duration = Duration::from_millis(100);
const PING_MOST: Duration = Duration::from_secs(60);

/// The standard gives up after twice the time between two pings.
const UNANSWERED_MAX: u32 = 2;

/// A line holds all that changed at one moment; a machine has some hundred keys.
const LINE_BYTES_MAX: u64 = 64 * 1024;

const CALL_MAX: Duration = Duration::from_secs(5);
const CALL_AFTER: Duration = Duration::from_millis(500);
const CALL_AFTER_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
