//! Why an exchange brought nothing, and what to do about it.

use std::io;
use std::time::Duration;

use forewarn_domain::quality::Bad;

use super::frame::Mismatch;

/// Why an exchange stopped, before it is known how long it was allowed to take.
#[derive(Debug)]
pub(super) enum Stop {
    Io(io::Error),
    Refused { code: u8 },
    Silent,
    Wrong(Mismatch),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::TimedOut { Self::Silent } else { Self::Io(error) }
    }
}

impl Stop {
    pub(super) fn into_error(self, limit: Duration) -> ExchangeError {
        match self {
            Self::Io(source) => ExchangeError::Unreachable { source },
            Self::Refused { code } => ExchangeError::Refused { code },
            Self::Silent => ExchangeError::TimedOut { limit },
            Self::Wrong(mismatch) => ExchangeError::Garbled { why: mismatch },
        }
    }
}

/// Why an exchange brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Something came that is no answer to this request.
    #[error("the answer makes no sense")]
    Garbled {
        /// What is wrong with it.
        #[source]
        why: Mismatch,
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
            Self::Garbled { why } => match why {
                Mismatch::Bytes { .. } => "garbled_length",
                Mismatch::CheckSum { .. } => "garbled_crc",
                Mismatch::Function { .. } => "garbled_function",
                Mismatch::Header { .. } => "garbled_header",
                Mismatch::Surplus { .. } => "garbled_surplus",
                Mismatch::Transaction { .. } => "garbled_transaction",
                Mismatch::Unit { .. } => "garbled_unit",
            },
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
