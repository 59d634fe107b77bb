//! A Modbus device of our own whose registers say where they stand.

use forewarn_agent::source::modbus::frame::{Framing, check_sum};

/// What stands in a register: unit, table and address, so that no two registers look alike.
/// Holds for units below 16 and addresses below 2048.
pub(crate) fn value(unit: u8, function: u8, address: u16) -> u16 {
    u16::from(unit) << 12 | u16::from(function == 4) << 11 | address & 0x07ff
}

/// A question as it was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    pub(crate) function: u8,
    pub(crate) address: u16,
    pub(crate) count: u16,
}

/// Bytes of a question in each framing; both have the same, by the sizes of header and check sum.
pub(crate) fn question_bytes(framing: Framing) -> usize {
    if framing == Framing::Tcp { 12 } else { 8 }
}

pub(crate) fn question(framing: Framing, bytes: &[u8]) -> Question {
    let at = if framing == Framing::Tcp { 6 } else { 0 };
    let word = |place: usize| u16::from_be_bytes([bytes[place], bytes[place + 1]]);
    Question {
        transaction: if framing == Framing::Tcp { word(0) } else { 0 },
        unit: bytes[at],
        function: bytes[at + 1],
        address: word(at + 2),
        count: word(at + 4),
    }
}

/// The right answer.
pub(crate) fn answer(framing: Framing, asked: Question) -> Vec<u8> {
    let words = (0..asked.count)
        .flat_map(|it| value(asked.unit, asked.function, asked.address + it).to_be_bytes());
    let data: Vec<u8> = words.collect();
    let length = u8::try_from(data.len()).expect("at most 125 registers are asked");
    framed(framing, asked, &[&[asked.function, length], &data[..]].concat())
}

/// A PDU with the header or check sum that belongs to a question.
pub(crate) fn framed(framing: Framing, asked: Question, pdu: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Tcp => {
            let length = u16::try_from(pdu.len() + 1).expect("a PDU is short");
            let header = [asked.transaction.to_be_bytes(), [0, 0], length.to_be_bytes()].concat();
            [&header[..], &[asked.unit], pdu].concat()
        }
        Framing::Rtu => {
            let frame = [&[asked.unit], pdu].concat();
            let sum = check_sum(&frame).to_le_bytes();
            [&frame[..], &sum].concat()
        }
    }
}
