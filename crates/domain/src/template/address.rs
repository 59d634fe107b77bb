//! Where a point stands on the wire and how its bytes become a number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A Modbus table.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// Coils, function 1.
    Coil,
    /// Discrete inputs, function 2.
    Discrete,
    /// Holding registers, function 3.
    Holding,
    /// Input registers, function 4.
    Input,
}

/// Where a point stands: `hr:5201`, `hr:302.4` (one bit), `ir:0`, `co:0`, `di:1`,
/// `json:/values/speed`, `csv:Temperature`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum PointAddress {
    /// A column of a recorded file.
    Csv(String),
    /// A JSON pointer (RFC 6901).
    Json(String),
    /// A Modbus address, counted as the template says, and a bit of it.
    Modbus {
        /// Which table.
        table: Table,
        /// Which register or bit.
        address: u32,
        /// One bit of a register.
        bit: Option<u8>,
    },
}

impl PointAddress {
    /// Whether the point is read over Modbus.
    #[must_use]
    pub fn is_modbus(&self) -> bool {
        matches!(self, Self::Modbus { .. })
    }
}

impl FromStr for PointAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let refused = || InvalidAddress { text: text.to_owned() };
        let (space, place) = text.split_once(':').ok_or_else(refused)?;
        let table = match space {
            "co" => Table::Coil,
            "di" => Table::Discrete,
            "hr" => Table::Holding,
            "ir" => Table::Input,
            "csv" if !place.is_empty() => return Ok(Self::Csv(place.to_owned())),
            "json" if place.starts_with('/') => return Ok(Self::Json(place.to_owned())),
            _ => return Err(refused()),
        };
        let (address, bit) = match place.split_once('.') {
            None => (place, None),
            Some((address, bit)) => (address, Some(bit.parse::<u8>().ok().ok_or_else(refused)?)),
        };
        let is_register = matches!(table, Table::Holding | Table::Input);
        if bit.is_some_and(|bit| !is_register || 15 < bit) {
            return Err(refused());
        }
        let address = address.parse().ok().ok_or_else(refused)?;
        Ok(Self::Modbus { table, address, bit })
    }
}

impl fmt::Display for PointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv(column) => write!(f, "csv:{column}"),
            Self::Json(pointer) => write!(f, "json:{pointer}"),
            Self::Modbus { table, address, bit } => {
                let space = match table {
                    Table::Coil => "co",
                    Table::Discrete => "di",
                    Table::Holding => "hr",
                    Table::Input => "ir",
                };
                write!(f, "{space}:{address}")?;
                bit.map_or(Ok(()), |bit| write!(f, ".{bit}"))
            }
        }
    }
}

impl TryFrom<String> for PointAddress {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<PointAddress> for String {
    fn from(address: PointAddress) -> Self {
        address.to_string()
    }
}

/// Order of the bytes A (most significant) to D of a value in two registers; eight-byte values
/// repeat the pattern (`CDAB` is `GHEFCDAB`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ByteOrder {
    /// Big-endian throughout.
    #[default]
    Abcd,
    /// Big-endian words, bytes in each swapped.
    Badc,
    /// Low word first.
    Cdab,
    /// Little-endian throughout.
    Dcba,
}

/// Order of the two letters in a register.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StringOrder {
    /// First letter in the high byte.
    #[default]
    Ab,
    /// First letter in the low byte.
    Ba,
}

/// How a point is encoded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PointType {
    /// Four decimal digits in a register.
    Bcd16,
    /// Sixteen switches.
    Bits16,
    /// Thirty-two switches.
    Bits32,
    /// One switch.
    Bool,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
    /// Signed.
    I16,
    /// Signed.
    I32,
    /// Signed; beyond 2^53 precision is lost.
    I64,
    /// A number in JSON or CSV.
    Number,
    /// Letters in registers.
    String,
    /// A word in JSON or CSV.
    Text,
    /// Unsigned.
    U16,
    /// Unsigned.
    U32,
    /// Unsigned; beyond 2^53 precision is lost.
    U64,
}

impl PointType {
    /// How many registers a value takes; 0 when it is not a Modbus type or its length is free.
    #[must_use]
    pub fn registers(self) -> u16 {
        match self {
            Self::Bcd16 | Self::Bits16 | Self::Bool | Self::I16 | Self::U16 => 1,
            Self::Bits32 | Self::F32 | Self::I32 | Self::U32 => 2,
            Self::F64 | Self::I64 | Self::U64 => 4,
            Self::Number | Self::String | Self::Text => 0,
        }
    }

    /// Whether readings of this type are texts.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Text)
    }
}

/// A text that is no address of a point.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{text}` is no point address; write hr:N, hr:N.bit, ir:N, co:N, di:N, json:/pointer or csv:Column"
)]
pub struct InvalidAddress {
    /// The refused text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print_the_same() {
        for text in ["hr:5201", "hr:302.15", "ir:0", "co:7", "di:1", "json:/a/b", "csv:Volume Flow"]
        {
            let address: PointAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        for text in ["", "hr", "hr:", "hr:1.16", "co:1.2", "json:a", "xx:1", "hr:-1"] {
            assert!(text.parse::<PointAddress>().is_err(), "{text} was accepted");
        }
    }
}
