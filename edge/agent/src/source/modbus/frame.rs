//! The bytes of a read and of its answer, over TCP and over serial lines: pure.
//!
//! Rely on this: only reads can be written here, so nothing that holds a [`Ask`] can change a
//! machine; an answer counts only when every byte that could tell it from another one agrees:
//! transaction, unit, function, the number of bytes and, on serial lines, the check sum.
//!
//! Deliberately absent: waiting, connecting, and what to do about a wrong answer.
//! After the Modbus application protocol V1.1b3 and the serial line guide V1.02.

use forewarn_domain::template::Table;

use crate::plan::PlannedRead;

/// What is asked of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Functions 1 to 4.
    Table {
        /// Which table, and so which function.
        table: Table,
        /// First register or bit.
        address: u16,
        /// Registers or bits.
        count: u16,
    },
    /// Function 24: what stands in a queue, at most 31 words.
    Fifo {
        /// The queue's pointer register.
        address: u16,
    },
}

/// What a device answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Coils or discrete inputs.
    Bits(Vec<bool>),
    /// Registers.
    Words(Vec<u16>),
}

/// How frames are told apart on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// Unit, PDU, check sum; silence between frames.
    Rtu,
    /// Header with transaction and length; no check sum.
    Tcp,
}

/// What the bytes that have come so far amount to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The answer, and how many bytes it took.
    Answered(Answer, usize),
    /// The answer to an earlier question of another shape, and how many bytes it took.
    Foreign(usize),
    /// So far nothing is wrong; more must come.
    Incomplete,
    /// An exception, and how many bytes it took.
    Refused(u8, usize),
    /// This is no answer to what was asked.
    Wrong(Mismatch),
}

/// In what an answer differs from what was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// Length of the frame against its own count of bytes, or against the question.
    #[error("{found} bytes came, {expected} belong to what was asked")]
    Bytes {
        /// As the answer says.
        found: usize,
        /// As the question says.
        expected: usize,
    },
    /// The check sum.
    #[error("the check sum is {found:04x}, {expected:04x} belongs to these bytes")]
    CheckSum {
        /// As sent.
        found: u16,
        /// As computed.
        expected: u16,
    },
    /// The function code.
    #[error("function {found} answered, {expected} was asked")]
    Function {
        /// As the answer says.
        found: u8,
        /// As the question says.
        expected: u8,
    },
    /// A header that no Modbus device sends.
    #[error("protocol {protocol} and length {length} are no Modbus header")]
    Header {
        /// 0 in Modbus.
        protocol: u16,
        /// 2 to 254 in Modbus.
        length: u16,
    },
    /// Bytes behind the answer, or before the question.
    #[error("{bytes} bytes came that nobody asked for")]
    Surplus {
        /// How many.
        bytes: usize,
    },
    /// The transaction number.
    #[error("transaction {found} answered, {expected} was asked")]
    Transaction {
        /// As the answer says.
        found: u16,
        /// As the question says.
        expected: u16,
    },
    /// The unit.
    #[error("unit {found} answered, {expected} was asked")]
    Unit {
        /// As the answer says.
        found: u8,
        /// As the question says.
        expected: u8,
    },
}

impl From<&PlannedRead> for Ask {
    fn from(read: &PlannedRead) -> Self {
        Self::Table { table: read.table, address: read.address, count: read.count }
    }
}

impl Ask {
    /// The function code.
    #[must_use]
    pub fn function(self) -> u8 {
        match self {
            Self::Table { table: Table::Coil, .. } => 1,
            Self::Table { table: Table::Discrete, .. } => 2,
            Self::Table { table: Table::Holding, .. } => 3,
            Self::Table { table: Table::Input, .. } => 4,
            Self::Fifo { .. } => 24,
        }
    }

    /// Bytes of data in the answer; a queue says so itself.
    #[must_use]
    pub fn data_bytes(self) -> Option<usize> {
        match self {
            Self::Table { table: Table::Coil | Table::Discrete, count, .. } => {
                Some(usize::from(count).div_ceil(8))
            }
            Self::Table { table: Table::Holding | Table::Input, count, .. } => {
                Some(2 * usize::from(count))
            }
            Self::Fifo { .. } => None,
        }
    }

    /// The bytes to send.
    #[must_use]
    pub fn frame(self, framing: Framing, unit: u8, transaction: u16) -> Vec<u8> {
        let mut pdu = vec![self.function()];
        match self {
            Self::Table { address, count, .. } => {
                pdu.extend(address.to_be_bytes());
                pdu.extend(count.to_be_bytes());
            }
            Self::Fifo { address } => pdu.extend(address.to_be_bytes()),
        }
        let mut frame = Vec::with_capacity(12);
        match framing {
            Framing::Tcp => {
                let length = u16::try_from(pdu.len() + 1).expect("a question has five bytes");
                frame.extend(transaction.to_be_bytes());
                frame.extend([0, 0]);
                frame.extend(length.to_be_bytes());
                frame.push(unit);
                frame.extend(pdu);
            }
            Framing::Rtu => {
                frame.push(unit);
                frame.extend(pdu);
                frame.extend(check_sum(&frame).to_le_bytes());
            }
        }
        frame
    }

    /// Reads the data behind the function code of an answer, e.g. of a captured one.
    ///
    /// # Errors
    ///
    /// [`Mismatch::Bytes`] when the data is longer or shorter than what was asked for.
    pub fn answer(self, data: &[u8]) -> Result<Answer, Mismatch> {
        let mismatch = |expected| Mismatch::Bytes { found: data.len(), expected };
        let (said, body) = match (self, data) {
            (Self::Fifo { .. }, [high, low, _, _, body @ ..]) => {
                (usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2), body)
            }
            (Self::Table { .. }, [said, body @ ..]) => (usize::from(*said), body),
            _ => return Err(mismatch(self.data_bytes().unwrap_or(4))),
        };
        let expected = self.data_bytes().unwrap_or(said);
        if said != expected || body.len() != expected || FIFO_BYTES_MAX.max(expected) < body.len() {
            return Err(mismatch(expected));
        }
        Ok(match self {
            Self::Table { table: Table::Coil | Table::Discrete, count, .. } => {
                let bit = |at: usize| body.get(at / 8).is_some_and(|it| it >> (at % 8) & 1 == 1);
                Answer::Bits((0..usize::from(count)).map(bit).collect())
            }
            Self::Table { .. } | Self::Fifo { .. } => Answer::Words(
                body.chunks_exact(2).map(|it| u16::from_be_bytes([it[0], it[1]])).collect(),
            ),
        })
    }

    /// What the bytes since the question amount to.
    #[must_use]
    pub fn progress(self, framing: Framing, unit: u8, transaction: u16, bytes: &[u8]) -> Progress {
        match framing {
            Framing::Tcp => self.progress_tcp(unit, transaction, bytes),
            Framing::Rtu => self.progress_rtu(unit, bytes),
        }
    }

    fn progress_tcp(self, unit: u8, transaction: u16, bytes: &[u8]) -> Progress {
        let Some(header) = TcpHeader::read(bytes) else {
            return Progress::Incomplete;
        };
        if let Err(mismatch) = header.check() {
            return Progress::Wrong(mismatch);
        }
        if header.transaction != transaction {
            let (found, expected) = (header.transaction, transaction);
            return Progress::Wrong(Mismatch::Transaction { found, expected });
        }
        if header.unit != unit {
            return Progress::Wrong(Mismatch::Unit { found: header.unit, expected: unit });
        }
        match bytes.get(TcpHeader::BYTES..header.frame_bytes()) {
            Some([function, data @ ..]) => self.judge(*function, data, header.frame_bytes()),
            Some([]) => Progress::Wrong(Mismatch::Bytes { found: 0, expected: 2 }),
            None => Progress::Incomplete,
        }
    }

    fn progress_rtu(self, unit: u8, bytes: &[u8]) -> Progress {
        let Some((found, rest)) = bytes.split_first() else {
            return Progress::Incomplete;
        };
        if *found != unit {
            return Progress::Wrong(Mismatch::Unit { found: *found, expected: unit });
        }
        let Some(function) = rest.first() else {
            return Progress::Incomplete;
        };
        let data_bytes = match (function, rest) {
            (it, _) if *it == self.function() | EXCEPTION => 1,
            (it, [_, said, ..]) if *it == self.function() && *it != 24 => 1 + usize::from(*said),
            (24, [_, high, low, ..]) if self.function() == 24 => {
                2 + usize::from(u16::from_be_bytes([*high, *low])).min(2 + FIFO_BYTES_MAX)
            }
            (it, _) if *it != self.function() => {
                let (found, expected) = (*it, self.function());
                return Progress::Wrong(Mismatch::Function { found, expected });
            }
            _ => return Progress::Incomplete,
        };
        let end = 2 + data_bytes;
        let Some([sum_low, sum_high]) = bytes.get(end..end + 2) else {
            return Progress::Incomplete;
        };
        let (found, expected) =
            (u16::from_le_bytes([*sum_low, *sum_high]), check_sum(&bytes[..end]));
        if found != expected {
            return Progress::Wrong(Mismatch::CheckSum { found, expected });
        }
        match self.judge(*function, &bytes[2..end], end + 2) {
            // Whole and meant for somebody with another question: see `Line` on what is unsettled.
            Progress::Wrong(Mismatch::Bytes { .. }) => Progress::Foreign(end + 2),
            progress => progress,
        }
    }

    fn judge(self, function: u8, data: &[u8], frame_bytes: usize) -> Progress {
        if function == self.function() | EXCEPTION {
            return match data {
                [code] => Progress::Refused(*code, frame_bytes),
                _ => Progress::Wrong(Mismatch::Bytes { found: data.len(), expected: 1 }),
            };
        }
        if function != self.function() {
            let (found, expected) = (function, self.function());
            return Progress::Wrong(Mismatch::Function { found, expected });
        }
        match self.answer(data) {
            Ok(answer) => Progress::Answered(answer, frame_bytes),
            Err(mismatch) => Progress::Wrong(mismatch),
        }
    }
}

/// The seven bytes in front of a PDU on TCP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpHeader {
    /// Chosen by the client, repeated by the server.
    pub transaction: u16,
    /// 0.
    pub protocol: u16,
    /// Bytes that follow, the unit among them.
    pub length: u16,
    /// Which device behind this address.
    pub unit: u8,
}

impl TcpHeader {
    /// Bytes of a header.
    pub const BYTES: usize = 7;

    /// The header at the beginning of `bytes`; `None` while it is not whole.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [t0, t1, p0, p1, l0, l1, unit, ..] = bytes else { return None };
        Some(Self {
            transaction: u16::from_be_bytes([*t0, *t1]),
            protocol: u16::from_be_bytes([*p0, *p1]),
            length: u16::from_be_bytes([*l0, *l1]),
            unit: *unit,
        })
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_bytes(self) -> usize {
        Self::BYTES - 1 + usize::from(self.length)
    }

    /// Whether a Modbus device could have sent it.
    ///
    /// # Errors
    ///
    /// [`Mismatch::Header`] for another protocol or a length that no PDU has.
    pub fn check(self) -> Result<(), Mismatch> {
        let Self { protocol, length, .. } = self;
        if protocol != 0 || !(2..=LENGTH_MAX).contains(&length) {
            return Err(Mismatch::Header { protocol, length });
        }
        Ok(())
    }
}

/// CRC-16 of the serial line guide: polynomial A001, low byte sent first.
#[must_use]
pub fn check_sum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        (0..8).fold(
            sum ^ u16::from(*byte),
            |sum, _| {
                if sum & 1 == 1 { sum >> 1 ^ 0xa001 } else { sum >> 1 }
            },
        )
    })
}

/// Set in the function code of a refusal.
const EXCEPTION: u8 = 0x80;

/// 31 words, the most that a queue gives at once.
const FIFO_BYTES_MAX: usize = 62;

/// Unit and a PDU of 253 bytes.
const LENGTH_MAX: u16 = 254;

#[cfg(test)]
mod tests;
