//! A line to Modbus devices that can only be read.
//!
//! Read-only by construction: the only frames that leave here are [`Ask`]s. Rely on this: an
//! exchange, connecting included, ends within its limit; an answer that comes late, twice or from
//! somebody else is never taken for the next one's. On TCP the connection ends with whatever goes
//! wrong, and transaction numbers go on over connections. A serial line knows no transactions: it
//! is listened out, and a unit that owes an answer is first asked for something of another length.
//!
//! Deliberately absent: repeats and schedules; see [`modbus`](super) and [`poll`](crate::poll).

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::site::{Frames, Transport};
use forewarn_domain::template::Table;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use super::failure::ExchangeError;
use super::failure::Stop;
pub use super::frame::{Answer, Ask, Framing};
use super::frame::{Mismatch, Progress};
use super::reception::Door;
use super::wire::{self, Wire};
use crate::plan::PlannedRead;

/// A line, connected when it is needed.
#[derive(Debug)]
pub struct Line {
    via: Transport,
    framing: Framing,
    /// Where the other side dials in.
    door: Option<Arc<Door>>,
    wire: Option<Wire>,
    /// Goes on over connections: a gateway may hand the answer to an old question to a new one.
    transaction: u16,
    /// Serial lines: not before this moment.
    idle_until: Option<Instant>,
    /// Serial lines: until then, what comes is thrown away.
    listen_out_until: Option<Instant>,
    /// Serial lines: what units were asked for and did not bring, as lengths of answers in bytes.
    owed: BTreeMap<u8, Vec<usize>>,
}

impl Line {
    /// A line that is not connected yet. Where the other side dials in, see [`Line::dialled`].
    #[must_use]
    pub fn new(via: Transport) -> Self {
        let framing = match &via {
            Transport::Rtu { .. } | Transport::RtuOverTcp { .. } => Framing::Rtu,
            Transport::DialIn { frames, .. } => match frames {
                Frames::Rtu => Framing::Rtu,
                Frames::Tcp => Framing::Tcp,
            },
            _ => Framing::Tcp,
        };
        // Not from zero, where every client begins.
        let [low, high, ..] = RandomState::new().hash_one("transaction").to_le_bytes();
        Self {
            via,
            framing,
            door: None,
            wire: None,
            transaction: u16::from_le_bytes([low, high]),
            idle_until: None,
            listen_out_until: None,
            owed: BTreeMap::new(),
        }
    }

    /// A line whose other side connects to us; `door` is where it comes in.
    #[must_use]
    pub fn dialled(via: Transport, door: Arc<Door>) -> Self {
        Self { door: Some(door), ..Self::new(via) }
    }

    /// Asks once for a planned read.
    ///
    /// # Errors
    ///
    /// As [`Line::ask`].
    pub async fn exchange(
        &mut self,
        unit: u8,
        read: &PlannedRead,
        limit: Duration,
    ) -> Result<Answer, ExchangeError> {
        self.ask(unit, Ask::from(read), limit).await
    }

    /// Asks once. `limit` holds for the whole exchange; a serial line that was disturbed is first
    /// listened out, at most as long again.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] says what to do about it.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await: the connection goes with it.
    pub async fn ask(
        &mut self,
        unit: u8,
        ask: Ask,
        limit: Duration,
    ) -> Result<Answer, ExchangeError> {
        self.become_quiet().await;
        let deadline = Instant::now() + limit;
        let outcome = match self.attached(deadline).await {
            Ok(mut wire) => {
                // Taken out: a future that is dropped half way leaves no connection behind.
                let outcome = self.converse(&mut wire, unit, ask, deadline).await;
                if !self.ends_connection(&outcome) {
                    self.wire = Some(wire);
                }
                outcome
            }
            Err(source) if source.kind() == io::ErrorKind::TimedOut => {
                return Err(ExchangeError::TimedOut { limit });
            }
            Err(source) => return Err(ExchangeError::Unreachable { source }),
        };
        if self.framing == Framing::Rtu {
            self.note(unit, ask, limit, &outcome);
        }
        outcome.map_err(|stop| stop.into_error(limit))
    }

    async fn become_quiet(&mut self) {
        if let Some(until) = self.idle_until.take() {
            sleep_until(until).await;
        }
        let Some(until) = self.listen_out_until.take() else { return };
        if let Some(mut wire) = self.wire.take() {
            if wire.discard(until).await.is_ok() {
                self.wire = Some(wire);
            }
        } else {
            sleep_until(until).await;
        }
    }

    /// The connection that is open and in step, or a new one. Of those who dial in the last counts.
    async fn attached(&mut self, deadline: Instant) -> io::Result<Wire> {
        let newcomer = self.door.as_ref().and_then(|door| door.newcomer());
        if let Some(mut wire) = newcomer.or_else(|| self.wire.take()) {
            // The other side may have hung up since, or said something that nobody asked for.
            match wire.take_surplus() {
                Ok(bytes) if bytes == 0 || self.framing == Framing::Rtu => return Ok(wire),
                Ok(bytes) => tracing::debug!(bytes, "surplus bytes; the connection is made anew"),
                Err(error) => tracing::debug!(%error, "hung up; the connection is made anew"),
            }
        }
        match &self.door {
            Some(door) => timeout_at(deadline, door.next()).await.map_err(io::Error::from),
            None => timeout_at(deadline, wire::connect(&self.via)).await?,
        }
    }

    async fn converse(
        &mut self,
        wire: &mut Wire,
        unit: u8,
        ask: Ask,
        deadline: Instant,
    ) -> Result<Answer, Stop> {
        let owed = self.owed.get(&unit).cloned().unwrap_or_default();
        if !owed.is_empty() {
            // Units answer in order: once this one comes, nothing older can follow.
            let probe = probe(ask, &owed);
            match self.once(wire, unit, probe, (&owed, deadline)).await {
                Ok(_) | Err(Stop::Refused { .. }) => {}
                Err(stop) => return Err(stop),
            }
            self.owed.remove(&unit);
            if let Some(gap) = self.frame_gap() {
                sleep_until(Instant::now() + gap).await;
            }
        }
        self.once(wire, unit, ask, (&[], deadline)).await
    }

    /// One question and the bytes that come back. Whole answers of a length that is `owed` belong
    /// to older questions.
    async fn once(
        &mut self,
        wire: &mut Wire,
        unit: u8,
        ask: Ask,
        (owed, deadline): (&[usize], Instant),
    ) -> Result<Answer, Stop> {
        if self.framing == Framing::Rtu {
            wire.take_surplus()?;
        }
        self.transaction = self.transaction.wrapping_add(1);
        wire.send(&ask.frame(self.framing, unit, self.transaction), deadline).await?;
        loop {
            match ask.progress(self.framing, unit, self.transaction, wire.received()) {
                Progress::Answered(answer, bytes) => {
                    self.finish(wire, bytes)?;
                    return Ok(answer);
                }
                Progress::Refused(code, bytes) => {
                    self.finish(wire, bytes)?;
                    return Err(Stop::Refused { code });
                }
                Progress::Foreign(bytes) if owed.contains(&data_bytes(bytes)) => {
                    wire.consume(bytes);
                }
                Progress::Incomplete => wire.receive(deadline).await?,
                Progress::Wrong(_) | Progress::Foreign(_) if wire.drop_chaff() => {}
                Progress::Wrong(_) if wire.may_become_chaff() => wire.receive(deadline).await?,
                Progress::Foreign(bytes) => {
                    let expected = ask.data_bytes().unwrap_or(0);
                    return Err(Stop::Wrong(Mismatch::Bytes {
                        found: data_bytes(bytes),
                        expected,
                    }));
                }
                Progress::Wrong(mismatch) => return Err(Stop::Wrong(mismatch)),
            }
        }
    }

    /// What follows an answer on a serial line makes the answer itself doubtful: of two, which?
    fn finish(&self, wire: &mut Wire, bytes: usize) -> Result<(), Stop> {
        wire.consume(bytes);
        while wire.drop_chaff() {}
        let bytes = wire.received().len();
        if self.framing == Framing::Rtu && 0 < bytes && !wire.may_become_chaff() {
            return Err(Stop::Wrong(Mismatch::Surplus { bytes }));
        }
        Ok(())
    }

    fn ends_connection(&self, outcome: &Result<Answer, Stop>) -> bool {
        match outcome {
            Ok(_) | Err(Stop::Refused { .. }) => false,
            Err(Stop::Io(_)) => true,
            // A serial port has nobody behind it who could connect anew, and who dialled in may
            // take minutes to do it again: these are listened out.
            Err(Stop::Wrong(_) | Stop::Silent) => match &self.via {
                Transport::Rtu { .. } => false,
                Transport::DialIn { .. } => self.framing == Framing::Tcp,
                _ => true,
            },
        }
    }

    /// What a serial line must know after an exchange.
    fn note(&mut self, unit: u8, ask: Ask, limit: Duration, outcome: &Result<Answer, Stop>) {
        match outcome {
            Ok(_) | Err(Stop::Refused { .. }) => {
                self.idle_until = self.frame_gap().map(|gap| Instant::now() + gap);
            }
            Err(_) => {
                self.listen_out_until = Some(Instant::now() + limit);
                let owed = self.owed.entry(unit).or_default();
                let probe = probe(ask, owed);
                for length in [ask, probe].into_iter().filter_map(Ask::data_bytes) {
                    if !owed.contains(&length) && owed.len() < OWED_MAX {
                        owed.push(length);
                    }
                }
            }
        }
    }

    /// The silence of 3.5 letters that RTU asks for between frames, 1.75 ms above 19,200 baud.
    fn frame_gap(&self) -> Option<Duration> {
        match &self.via {
            Transport::Rtu { baud, .. } if *baud <= 19_200 => {
                Some(Duration::from_secs_f64(3.5 * 11.0 / f64::from((*baud).max(1))))
            }
            Transport::Rtu { .. } | Transport::RtuOverTcp { .. } => Some(GAP_MIN),
            Transport::DialIn { frames: Frames::Rtu, .. } => Some(GAP_MIN),
            _ => None,
        }
    }
}

/// A question about the same place whose answer has another length than all that may still come,
/// and than the one that is asked next.
fn probe(ask: Ask, owed: &[usize]) -> Ask {
    let (table, address) = match ask {
        Ask::Table { table, address, .. } => (table, address),
        Ask::Fifo { address } => (Table::Holding, address),
    };
    let step = if matches!(table, Table::Coil | Table::Discrete) { 8 } else { 1 };
    (0..u16::try_from(OWED_MAX).unwrap_or(u16::MAX) + 2)
        .map(|more| Ask::Table { table, address, count: 1 + more * step })
        .find(|it| {
            it.data_bytes() != ask.data_bytes()
                && it.data_bytes().is_some_and(|it| !owed.contains(&it))
        })
        .unwrap_or(ask)
}

/// Of a whole answer on a serial line: without unit, function, count and check sum.
fn data_bytes(frame_bytes: usize) -> usize {
    frame_bytes.saturating_sub(5)
}

/// Lengths that one unit may owe; a unit that owes more is silent, and asked ever more rarely.
const OWED_MAX: usize = 8;

/// 3.5 letters above 19,200 baud, by the serial line guide.
const GAP_MIN: Duration = Duration::from_micros(1_750);
