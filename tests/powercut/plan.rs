//! What the writer stores, and what it says meanwhile; the oracle knows both from here.
//!
//! Rely on this: an append's bodies depend on its number alone, no two bodies are alike, and they
//! do not compress away, so that they fill pages.

use std::fmt;
use std::str::FromStr;

use forewarn_agent::spool::Limits;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{BatchBody, Epoch, Reading, Readings, Stream};
use forewarn_domain::time::Time;

/// What the writer says, one line each, at the moment at which it is true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// The spool is open and has this numbering.
    Opened(Epoch),
    /// So many appends were begun.
    Begun(u64),
    /// So many appends returned: what they stored is promised.
    Accepted(u64),
    /// The server has these numbers of a stream, so the spool may forget them.
    Granted(Stream, u64, u64),
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(epoch) => write!(f, "opened {epoch}"),
            Self::Begun(count) => write!(f, "begun {count}"),
            Self::Accepted(count) => write!(f, "accepted {count}"),
            Self::Granted(stream, first, last) => write!(f, "granted {stream} {first} {last}"),
        }
    }
}

impl FromStr for Mark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is nothing that the writer says");
        let number = |word: &str| word.parse::<u64>().ok().ok_or_else(refused);
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            ["opened", epoch] => epoch.parse().map(Self::Opened).ok().ok_or_else(refused),
            ["begun", count] => number(count).map(Self::Begun),
            ["accepted", count] => number(count).map(Self::Accepted),
            ["granted", stream, first, last] => {
                let stream = stream.parse::<u8>().ok().and_then(|it| Stream::try_from(it).ok());
                Ok(Self::Granted(stream.ok_or_else(refused)?, number(first)?, number(last)?))
            }
            _ => Err(refused()),
        }
    }
}

/// What append number `index` stores, counted from 0: from a few bytes to more than a page's worth
/// of overflow, in one stream or in all three.
pub(crate) fn bodies(index: u64) -> Vec<(Stream, BatchBody)> {
    let count = match index % 4 {
        0 => 1,
        1 => 40,
        2 => 400,
        _ => 2_500,
    };
    let mut bodies = vec![(Stream::NORMAL, body(3 * index, count))];
    if index.is_multiple_of(3) {
        bodies.push((Stream::URGENT, body(3 * index + 1, 2)));
    }
    if index.is_multiple_of(5) {
        bodies.push((Stream::BULK, body(3 * index + 2, 8_000)));
    }
    bodies
}

fn body(mark: u64, count: u32) -> BatchBody {
    // Exact: a trace has some hundred appends.
    let phase = f64::from(u32::try_from(mark).unwrap_or(u32::MAX)) * 0.754_877_666_246_693;
    let reading = |index: u32| Reading {
        channel: 0,
        t: Time::from_millis(i64::from(index)),
        value: (phase + f64::from(index) * 0.618_033_988_749_895).sin(),
        quality: Quality::Good,
    };
    BatchBody::Readings(Readings {
        channels: vec!["mill-01/plc/speed".parse().expect("it is a channel's id")],
        numbers: (0..count).map(reading).collect(),
        ..Readings::default()
    })
}

/// Whose spool it is.
pub(crate) fn agent() -> AgentId {
    AgentId::new("edge-1").expect("it is an id")
}

/// Nothing is evicted, so whatever is missing was lost.
pub(crate) const LIMITS: Limits = Limits { quota_bytes: 1 << 30, ballast_bytes: 16 * 1024 };
