//! A line to Modbus devices that can only be read.
//!
//! Read-only by construction: the library's context, with which one could also write, is a private
//! field here, and the only requests that this file makes are functions 1 to 4. Rely on this: each
//! exchange, connecting included, ends within its limit, and whatever goes wrong in an exchange
//! ends the connection, so that a late answer cannot be taken for the next one's.

use std::io;
use std::time::Duration;

use forewarn_domain::quality::Bad;
use forewarn_domain::site::Transport;
use forewarn_domain::template::{Parity, Table};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Client as _, Context};
use tokio_modbus::slave::{Slave, SlaveContext as _};
use tokio_modbus::{Request, Response};
use tokio_serial::SerialPortBuilderExt as _;

use crate::plan::PlannedRead;

/// A line, connected when it is needed.
#[derive(Debug)]
pub struct Line {
    via: Transport,
    open: Option<ReadOnly>,
    /// Not before this moment: answers of a silent device may still be on the wire.
    quiet_until: Option<Instant>,
}

/// What a device answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Coils or discrete inputs.
    Bits(Vec<bool>),
    /// Registers.
    Words(Vec<u16>),
}

impl Line {
    /// A line that is not connected yet.
    #[must_use]
    pub fn new(via: Transport) -> Self {
        Self { via, open: None, quiet_until: None }
    }

    /// Asks once. `limit` holds for the whole exchange.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] says what to do about it; after any but a refusal the line is closed.
    pub async fn exchange(
        &mut self,
        unit: u8,
        read: &PlannedRead,
        limit: Duration,
    ) -> Result<Answer, ExchangeError> {
        if let Some(quiet_until) = self.quiet_until.take() {
            sleep_until(quiet_until).await;
        }
        // Taken out: a future that is dropped half way leaves no connection behind.
        let opened = self.open.take();
        let (mut open, left) = match opened {
            Some(open) => (open, limit),
            None => {
                let began = Instant::now();
                let open = connect(&self.via, limit).await?;
                (open, limit.saturating_sub(began.elapsed()))
            }
        };
        let outcome = match timeout(left, open.read(unit, read)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(ExchangeError::TimedOut { limit }),
        };
        match &outcome {
            Ok(_) | Err(ExchangeError::Refused { .. }) => {
                self.open = Some(open);
                self.quiet_until = self.frame_gap().map(|gap| Instant::now() + gap);
            }
            Err(_) if self.is_serial() => self.quiet_until = Some(Instant::now() + limit),
            Err(_) => {}
        }
        outcome
    }

    /// The silence of 3.5 letters that RTU asks for between frames, 1.75 ms above 19,200 baud.
    fn frame_gap(&self) -> Option<Duration> {
        match &self.via {
            Transport::Rtu { baud, .. } if 19_200 < *baud => Some(Duration::from_micros(1_750)),
            Transport::Rtu { baud, .. } => {
                Some(Duration::from_secs_f64(3.5 * 11.0 / f64::from((*baud).max(1))))
            }
            Transport::RtuOverTcp { .. } => Some(Duration::from_micros(1_750)),
            Transport::Csv {} | Transport::Mqtt { .. } | Transport::Tcp { .. } => None,
        }
    }

    fn is_serial(&self) -> bool {
        matches!(self.via, Transport::Rtu { .. } | Transport::RtuOverTcp { .. })
    }
}

async fn connect(via: &Transport, limit: Duration) -> Result<ReadOnly, ExchangeError> {
    match timeout(limit, attach(via)).await {
        Ok(Ok(context)) => Ok(ReadOnly { context }),
        Ok(Err(source)) => Err(ExchangeError::Unreachable { source }),
        Err(_elapsed) => Err(ExchangeError::TimedOut { limit }),
    }
}

async fn attach(via: &Transport) -> io::Result<Context> {
    match via {
        Transport::Tcp { address } => {
            let stream = TcpStream::connect(address).await?;
            // Requests are small and each waits for its answer.
            stream.set_nodelay(true)?;
            Ok(tokio_modbus::client::tcp::attach(stream))
        }
        Transport::RtuOverTcp { address } => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(tokio_modbus::client::rtu::attach(stream))
        }
        Transport::Rtu { port, baud, parity, stop } => {
            let parity = match parity {
                Parity::Even => tokio_serial::Parity::Even,
                Parity::None => tokio_serial::Parity::None,
                Parity::Odd => tokio_serial::Parity::Odd,
            };
            let stop =
                if *stop == 2 { tokio_serial::StopBits::Two } else { tokio_serial::StopBits::One };
            let stream = tokio_serial::new(port, *baud)
                .parity(parity)
                .stop_bits(stop)
                .open_native_async()
                .map_err(io::Error::from)?;
            Ok(tokio_modbus::client::rtu::attach(stream))
        }
        Transport::Csv {} | Transport::Mqtt { .. } => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "the link does not speak Modbus"))
        }
    }
}

/// The right to read. Nothing else can be asked through it.
struct ReadOnly {
    context: Context,
}

impl std::fmt::Debug for ReadOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadOnly(..)")
    }
}

impl ReadOnly {
    async fn read(&mut self, unit: u8, read: &PlannedRead) -> Result<Answer, ExchangeError> {
        self.context.set_slave(Slave(unit));
        let (address, count) = (read.address, read.count);
        let request = match read.table {
            Table::Coil => Request::ReadCoils(address, count),
            Table::Discrete => Request::ReadDiscreteInputs(address, count),
            Table::Holding => Request::ReadHoldingRegisters(address, count),
            Table::Input => Request::ReadInputRegisters(address, count),
        };
        let response = match self.context.call(request).await {
            Ok(Ok(response)) => response,
            Ok(Err(exception)) => return Err(ExchangeError::Refused { code: exception.into() }),
            Err(tokio_modbus::Error::Protocol(mismatch)) => {
                return Err(ExchangeError::Garbled { why: mismatch.to_string() });
            }
            Err(tokio_modbus::Error::Transport(source)) => {
                return Err(match source.kind() {
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                        ExchangeError::Garbled { why: source.to_string() }
                    }
                    _ => ExchangeError::Unreachable { source },
                });
            }
        };
        answer_of(response, usize::from(count))
    }
}

/// The library checks who answered and with which function, not how much was said.
fn answer_of(response: Response, count: usize) -> Result<Answer, ExchangeError> {
    let short = |found| ExchangeError::Garbled {
        why: format!("{found} registers or bits came, {count} were asked for"),
    };
    match response {
        Response::ReadCoils(mut bits) | Response::ReadDiscreteInputs(mut bits) => {
            // Bits come in whole bytes.
            if bits.len() < count || count.next_multiple_of(8) < bits.len() {
                return Err(short(bits.len()));
            }
            bits.truncate(count);
            Ok(Answer::Bits(bits))
        }
        Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words) => {
            if words.len() == count { Ok(Answer::Words(words)) } else { Err(short(words.len())) }
        }
        other => Err(ExchangeError::Garbled { why: format!("{other:?} is no answer to a read") }),
    }
}

/// Why an exchange brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Something came that is no answer to this request.
    #[error("the answer makes no sense: {why}")]
    Garbled {
        /// What is wrong with it.
        why: String,
    },
    /// The device answered with an exception.
    #[error("the device refused with exception {code}")]
    Refused {
        /// The code of the Modbus specification.
        code: u8,
    },
    /// No answer in time.
    #[error("no answer within {limit:?}")]
    TimedOut {
        /// How long was waited.
        limit: Duration,
    },
    /// There is no connection.
    #[error("the line is not connected")]
    Unreachable {
        /// What the system says.
        source: io::Error,
    },
}

impl ExchangeError {
    /// Whether the same request may succeed at once: exceptions 5, 6 and 11, silence, garble.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Garbled { .. } | Self::TimedOut { .. } | Self::Unreachable { .. } => true,
            Self::Refused { code } => *code == 11,
        }
    }

    /// Whether the device itself did not answer.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Unreachable { .. } => true,
            Self::Garbled { .. } => false,
            Self::Refused { code } => matches!(code, 10 | 11),
        }
    }

    /// The quality of a reading that did not come for this reason.
    #[must_use]
    pub fn quality(&self) -> Bad {
        match self {
            Self::Garbled { .. } => Bad::Crc,
            Self::Refused { code: 10 | 11 } | Self::TimedOut { .. } | Self::Unreachable { .. } => {
                Bad::Timeout
            }
            Self::Refused { .. } => Bad::Exception,
        }
    }

    /// One word for counters.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Garbled { .. } => "garbled",
            Self::Refused { code } => match code {
                1 => "exception_1",
                2 => "exception_2",
                3 => "exception_3",
                4 => "exception_4",
                5 => "exception_5",
                6 => "exception_6",
                8 => "exception_8",
                10 => "exception_10",
                11 => "exception_11",
                _ => "exception_other",
            },
            Self::TimedOut { .. } => "timeout",
            Self::Unreachable { .. } => "unreachable",
        }
    }
}
