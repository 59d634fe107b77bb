//! How a Modbus device wants to be asked: limits, orders, waits, line settings.

use serde::{Deserialize, Serialize};

use super::{ByteOrder, StringOrder};
use crate::time::Span;

/// How a Modbus device wants to be asked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModbusSettings {
    /// How addresses in the file are counted.
    #[serde(default)]
    pub address_base: AddressBase,
    /// Order of bytes in values of several registers.
    #[serde(default)]
    pub byte_order: ByteOrder,
    /// Order of the two letters in a register of text.
    #[serde(default)]
    pub string_order: StringOrder,
    /// Most registers in one request, at most 125.
    #[serde(default = "registers_max")]
    pub max_registers: u16,
    /// Most bits in one request, at most 2000.
    #[serde(default = "bits_max")]
    pub max_bits: u16,
    /// Unused registers that may be read through to merge two requests.
    #[serde(default)]
    pub merge_gap: u16,
    /// Ranges that must never be read across, e.g. `hr:410-414`.
    #[serde(default)]
    pub holes: Vec<String>,
    /// Longest wait for one answer.
    #[serde(default = "modbus_timeout")]
    pub timeout: Span,
    /// How often a request without an answer is repeated.
    #[serde(default)]
    pub retries: u8,
    /// Waits after a silent device.
    #[serde(default)]
    pub backoff: Backoff,
    /// Repeats after exception 6 (busy).
    pub busy_retries: Option<BusyRetries>,
    /// Pause between requests.
    #[serde(default)]
    pub inter_request: Span,
    /// Line settings that the device has from the factory.
    pub serial: Option<SerialSettings>,
}

/// How addresses are counted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressBase {
    /// As on the wire, from 0.
    #[default]
    Pdu0,
    /// Register numbers, from 1.
    Reg1,
    /// Five-digit references, 40001.
    Ref5,
    /// Six-digit references, 400001.
    Ref6,
}

/// Waits that grow while a device is silent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// First wait.
    pub first: Span,
    /// Longest wait.
    pub max: Span,
    /// Growth.
    pub factor: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Span::from_secs(1), max: Span::from_secs(60), factor: 2.0 }
    }
}

/// Repeats after "busy".
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BusyRetries {
    /// How many.
    pub count: u8,
    /// Pause before each.
    pub wait: Span,
}

/// Settings of a serial line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SerialSettings {
    /// Bits per second.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop: u8,
}

/// Parity of a serial line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parity {
    /// Even.
    Even,
    /// None.
    None,
    /// Odd.
    Odd,
}

fn registers_max() -> u16 {
    125
}

fn bits_max() -> u16 {
    2_000
}

fn modbus_timeout() -> Span {
    Span::from_millis(500)
}
