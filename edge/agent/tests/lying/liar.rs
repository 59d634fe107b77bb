//! The liar: for each question it draws whether and how to lie.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use forewarn_agent::source::modbus::frame::Framing;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::slave::{Question, answer, framed, question, question_bytes};

/// Numbers by a seed.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below a bound, by xorshift64*.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// A fault put in on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bug {
    /// Every answer is that of the next register.
    Address,
    /// The transaction number is not looked at: late answers carry the present one.
    Transaction,
}

impl Bug {
    pub(crate) const ALL: [(&str, Self); 2] =
        [("address", Self::Address), ("transaction", Self::Transaction)];
}

pub(crate) struct Liar {
    framing: Framing,
    bug: Option<Bug>,
    state: Mutex<State>,
}

struct State {
    chance: Chance,
    /// Answers that are still under way, in the order of their questions.
    late: Vec<(Question, Vec<u8>)>,
    told: BTreeMap<&'static str, u64>,
}

/// What is sent: pieces with pauses between them.
type Pieces = Vec<(Duration, Vec<u8>)>;

impl Liar {
    pub(crate) fn new(framing: Framing, seed: u64, bug: Option<Bug>) -> Self {
        let state = State { chance: Chance::new(seed), late: Vec::new(), told: BTreeMap::new() };
        Self { framing, bug, state: Mutex::new(state) }
    }

    /// How often each lie was told.
    pub(crate) fn told(&self) -> BTreeMap<&'static str, u64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told.clone()
    }

    pub(crate) async fn serve(&self, listener: &TcpListener) {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                came = listener.accept() => {
                    let (stream, _) = came.expect("loopback accepts");
                    connections.push(self.talk(stream));
                }
                Some(()) = connections.next() => {}
            }
        }
    }

    /// Dials in, again whenever it was thrown out.
    pub(crate) async fn call(&self, port: std::net::SocketAddr) {
        loop {
            let stream = TcpStream::connect(port).await.expect("loopback connects");
            self.talk(stream).await;
        }
    }

    async fn talk(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).expect("a fresh socket");
        let mut bytes = vec![0; question_bytes(self.framing)];
        while stream.read_exact(&mut bytes).await.is_ok() {
            for (pause, piece) in self.lie(question(self.framing, &bytes)) {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
            }
        }
    }

    fn lie(&self, asked: Question) -> Pieces {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = match self.bug {
            Some(Bug::Address) => Question { address: asked.address + 1, ..asked },
            Some(Bug::Transaction) | None => asked,
        };
        let mut right = answer(self.framing, shown);
        let mut pieces = Pieces::new();
        // A unit answers in order, so what is late comes before what is new, on any connection.
        for (late, bytes) in std::mem::take(&mut state.late) {
            if self.framing == Framing::Rtu && late.unit != asked.unit {
                state.late.push((late, bytes));
                continue;
            }
            let bytes = match self.bug {
                Some(Bug::Transaction) if self.framing == Framing::Tcp => {
                    [&asked.transaction.to_be_bytes(), &bytes[2..]].concat()
                }
                _ => bytes,
            };
            pieces.push((Duration::ZERO, bytes));
        }
        let kind = match (self.bug, kind(state.chance.below(1_000))) {
            // So that the planted fault has enough to work on.
            (Some(Bug::Transaction), Some("unit" | "function")) => Some("late"),
            (_, kind) => kind,
        };
        if let Some(kind) = kind {
            *state.told.entry(kind).or_default() += 1;
        }
        let cut = 1 + usize::try_from(state.chance.below(64)).unwrap_or(0) % (right.len() - 1);
        match kind {
            None => pieces.push((Duration::ZERO, right)),
            Some("late") => state.late.push((asked, right)),
            Some("short") => pieces.push((Duration::ZERO, right[..cut].to_vec())),
            Some("doubled") => pieces.push((Duration::ZERO, [&right[..], &right].concat())),
            Some("in pieces") => {
                let rest = right.split_off(cut);
                pieces.push((Duration::ZERO, right));
                pieces.push((Duration::from_millis(2), rest));
            }
            Some("slow loris") => {
                pieces.extend(right.iter().map(|it| (Duration::from_millis(15), vec![*it])));
            }
            Some("silence") => {}
            Some(other) => pieces.push((Duration::ZERO, self.false_answer(other, asked))),
        }
        pieces
    }

    /// The answer to another question, whole and well formed.
    fn false_answer(&self, kind: &str, asked: Question) -> Vec<u8> {
        let other = Question { address: asked.address + 37, ..asked };
        match kind {
            "transaction" if self.framing == Framing::Tcp => {
                let transaction = asked.transaction.wrapping_sub(1);
                answer(self.framing, Question { transaction, ..other })
            }
            "function" => {
                let function = if asked.function == 3 { 4 } else { 3 };
                answer(self.framing, Question { function, ..asked })
            }
            "count" => answer(self.framing, Question { count: asked.count + 1, ..asked }),
            "header" => framed(self.framing, asked, &[0xff; 40]),
            // On a serial line there is no transaction to lie about.
            _ => answer(self.framing, Question { unit: asked.unit % 3 + 1, ..asked }),
        }
    }
}

/// About a quarter are lies; those that cost a whole wait are rare.
fn kind(drawn: u64) -> Option<&'static str> {
    match drawn {
        0..25 => Some("late"),
        25..65 => Some("transaction"),
        65..105 => Some("unit"),
        105..125 => Some("function"),
        125..145 => Some("count"),
        145..150 => Some("short"),
        150..190 => Some("doubled"),
        190..230 => Some("in pieces"),
        230..240 => Some("header"),
        240..243 => Some("slow loris"),
        243..247 => Some("silence"),
        _ => None,
    }
}

/// How many lies there are.
pub(crate) const KINDS: usize = 11;
