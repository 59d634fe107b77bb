//! How modems that dial in are recognised: packets of bytes, written as letters or in hexadecimal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// With what a modem introduces itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Its first bytes.
    pub bytes: WireBytes,
    /// How long it may take to say them.
    #[serde(default = "within")]
    pub within: Span,
}

/// How Modbus frames are told apart on a connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Frames {
    /// As on a serial line: unit, PDU, check sum.
    #[default]
    Rtu,
    /// With the header of Modbus TCP.
    Tcp,
}

/// 1 to 64 bytes, written `ascii:WS3-0007` or `hex:fe01`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct WireBytes {
    text: String,
    bytes: Vec<u8>,
}

impl WireBytes {
    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for WireBytes {
    type Err = InvalidWireBytes;

    fn from_str(text: &str) -> Result<Self, InvalidWireBytes> {
        let bytes = match text.split_once(':') {
            Some(("ascii", letters)) if letters.is_ascii() => Some(letters.as_bytes().to_vec()),
            Some(("hex", digits)) => from_hex(digits),
            _ => None,
        };
        match bytes {
            Some(bytes) if (1..=BYTES_MAX).contains(&bytes.len()) => {
                Ok(Self { text: text.to_owned(), bytes })
            }
            Some(_) | None => Err(InvalidWireBytes { text: text.to_owned() }),
        }
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Vec<u8> = digits
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|it| u8::try_from(it).ok()))
        .collect::<Option<_>>()?;
    let pairs = nibbles.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

impl TryFrom<String> for WireBytes {
    type Error = InvalidWireBytes;

    fn try_from(text: String) -> Result<Self, InvalidWireBytes> {
        text.parse()
    }
}

impl From<WireBytes> for String {
    fn from(bytes: WireBytes) -> Self {
        bytes.text
    }
}

impl fmt::Display for WireBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text that names no bytes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` names no bytes; write ascii:WS3-0007 or hex:fe01, 1 to 64 bytes")]
pub struct InvalidWireBytes {
    /// The refused text.
    pub text: String,
}

/// Longer is no name of a modem.
const BYTES_MAX: usize = 64;

fn within() -> Span {
    Span::from_secs(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_letters_or_pairs_of_digits() {
        let bytes = |text: &str| text.parse::<WireBytes>().map(|it| it.bytes().to_vec()).ok();
        assert_eq!(bytes("ascii:WS3"), Some(b"WS3".to_vec()));
        assert_eq!(bytes("hex:fE01"), Some(vec![0xfe, 1]));
        for text in ["", "fe", "hex:", "hex:f", "hex:zz", "ascii:", "ascii:é", "dec:1"] {
            assert_eq!(bytes(text), None, "{text} was accepted");
        }
    }
}
