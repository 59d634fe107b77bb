//! A server that answers as a recorded one did: in time, too late, never, or with an exception.
//!
//! What came too late is held back and sent in front of the next answer, on whatever connection is
//! then open, as a gateway does that mixes up its clients.

use std::sync::{Arc, Mutex, PoisonError};

use forewarn_agent::source::modbus::frame::TcpHeader;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::exchanges::Exchange;

/// What the server is to do next; the asking side sets it before each question.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    now: Option<Part>,
    /// Late answers: the transaction of their question, and everything behind it.
    held: Vec<(u16, Vec<u8>)>,
    bug: Option<Bug>,
    strays: u64,
    stale_sent: u64,
}

/// What is to be asked next, and how it is answered.
pub(crate) struct Part {
    pub(crate) unit: u8,
    /// Function, address and count as they must be asked.
    pub(crate) function: u8,
    pub(crate) address: u16,
    pub(crate) count: u16,
    pub(crate) outcome: Outcome,
}

#[derive(Clone)]
pub(crate) enum Outcome {
    /// Unit, function and data as recorded.
    Answer(u8, u8, Vec<u8>),
    /// The same, when it is too late.
    Late(u8, u8, Vec<u8>),
    Missing,
}

/// A fault put in on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bug {
    /// Every register is its neighbour.
    Address,
    /// The decoder reads one more than there is.
    Decode,
    /// The bytes of each register are turned around.
    Order,
    /// What does not come is a zero.
    Silence,
    /// The transaction number is not looked at: late answers carry the present one.
    Transaction,
}

impl Bug {
    pub(crate) const ALL: [(&str, Self); 5] = [
        ("address", Self::Address),
        ("decode", Self::Decode),
        ("order", Self::Order),
        ("silence", Self::Silence),
        ("transaction", Self::Transaction),
    ];
}

impl Stage {
    pub(crate) fn with_bug(bug: Option<Bug>) -> Self {
        Self(Arc::new(Mutex::new(Script { bug, ..Script::default() })))
    }

    pub(crate) fn set(&self, part: Part) {
        self.lock().now = Some(part);
    }

    /// Questions that nobody should have asked, and late answers that were sent.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let script = self.lock();
        (script.strays, script.stale_sent)
    }

    /// Serves until it is dropped.
    pub(crate) async fn serve(&self, listener: TcpListener) {
        let mut connections = futures::stream::FuturesUnordered::new();
        loop {
            tokio::select! {
                came = listener.accept() => {
                    let (stream, _) = came.expect("loopback accepts");
                    connections.push(self.talk(stream));
                }
                Some(()) = futures::StreamExt::next(&mut connections) => {}
            }
        }
    }

    async fn talk(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).expect("a fresh socket");
        let mut question = [0; 12];
        while stream.read_exact(&mut question).await.is_ok() {
            let frames = self.lock().answer(&question);
            for frame in frames {
                if stream.write_all(&frame).await.is_err() {
                    return;
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    fn answer(&mut self, question: &[u8; 12]) -> Vec<Vec<u8>> {
        let header = TcpHeader::read(question).expect("twelve bytes");
        let (function, address) = (question[7], u16::from_be_bytes([question[8], question[9]]));
        let count = u16::from_be_bytes([question[10], question[11]]);
        let Some(part) = &self.now else {
            self.strays += 1;
            return Vec::new();
        };
        let end = u32::from(part.address) + u32::from(part.count);
        let is_within = part.address <= address && u32::from(address) + u32::from(count) <= end;
        let is_whole = (address, count) == (part.address, part.count);
        let is_refused =
            matches!(part.outcome, Outcome::Answer(_, function, _) if function & 0x80 != 0);
        if (header.unit, function) != (part.unit, part.function)
            || !(is_whole || is_refused && is_within)
        {
            self.strays += 1;
            return Vec::new();
        }
        let mut frames = Vec::new();
        for (transaction, rest) in self.held.drain(..) {
            let is_blind = self.bug == Some(Bug::Transaction);
            let transaction = if is_blind { header.transaction } else { transaction };
            frames.push([&transaction.to_be_bytes(), &rest[..]].concat());
            self.stale_sent += 1;
        }
        match &part.outcome {
            Outcome::Missing => {}
            Outcome::Answer(unit, function, data) => {
                let rest = rest(*unit, *function, &self.distorted(*function, data));
                frames.push([&header.transaction.to_be_bytes(), &rest[..]].concat());
            }
            Outcome::Late(unit, function, data) => {
                self.held.push((header.transaction, rest(*unit, *function, data)));
            }
        }
        frames
    }

    fn distorted(&self, function: u8, data: &[u8]) -> Vec<u8> {
        let [said, body @ ..] = data else { return data.to_vec() };
        let mut body = body.to_vec();
        match (self.bug, function) {
            (Some(Bug::Address), 3 | 4) if 4 <= body.len() => body.rotate_left(2),
            (Some(Bug::Address), 1 | 2) => body.iter_mut().for_each(|it| *it = it.rotate_right(1)),
            (Some(Bug::Order), 3 | 4) => body.chunks_exact_mut(2).for_each(<[u8]>::reverse),
            _ => {}
        }
        [&[*said], &body[..]].concat()
    }
}

/// What follows the transaction number.
fn rest(unit: u8, function: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("a PDU is short");
    let mut rest = vec![0, 0];
    rest.extend(length.to_be_bytes());
    rest.extend([unit, function]);
    rest.extend(data);
    rest
}

/// How the recorded server behaved towards somebody with this much patience.
pub(crate) fn outcome(exchange: &Exchange, patience_us: i64) -> Outcome {
    match &exchange.answer {
        None => Outcome::Missing,
        Some(it) if it.after_us <= patience_us => {
            Outcome::Answer(it.unit, it.function, it.data.clone())
        }
        Some(it) => Outcome::Late(it.unit, it.function, it.data.clone()),
    }
}
