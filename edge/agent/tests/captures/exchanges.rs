//! Questions and answers of Modbus TCP in recorded packets, put together from segments.
//!
//! A segment that was sent again counts once; after a lost one a stream begins anew at the next.
//! An answer belongs to the last question of its connection with its transaction number.

use std::collections::HashMap;
use std::net::IpAddr;

use forewarn_agent::source::modbus::frame::{Answer, Ask, TcpHeader};
use forewarn_domain::template::Table;
use serde_json::{Map, Value, json};

use super::pcap::Packet;

/// One question, and what came back.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Since the first packet.
    pub(crate) t_us: i64,
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    pub(crate) function: u8,
    pub(crate) question: Vec<u8>,
    pub(crate) answer: Option<Answered>,
}

#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) after_us: i64,
    pub(crate) unit: u8,
    /// With the top bit set for an exception.
    pub(crate) function: u8,
    pub(crate) data: Vec<u8>,
}

type End = (IpAddr, u16);

#[derive(Default)]
struct Stream {
    next: Option<u32>,
    waiting: Vec<u8>,
}

/// Every question in the order of time.
pub(crate) fn exchanges(packets: &[Packet]) -> Vec<Exchange> {
    let began = packets.first().map_or(0, |it| it.t_us);
    let mut streams: HashMap<(End, End), Stream> = HashMap::new();
    let mut open: HashMap<(End, End, u16), usize> = HashMap::new();
    let mut exchanges: Vec<Exchange> = Vec::new();
    for packet in packets {
        let Some(segment) = packet.segment() else { continue };
        let (from, to) = (segment.from, segment.to);
        if from.1 != PORT && to.1 != PORT {
            continue;
        }
        let stream = streams.entry((from, to)).or_default();
        if segment.is_syn {
            *stream = Stream { next: Some(segment.sequence.wrapping_add(1)), waiting: Vec::new() };
            continue;
        }
        let t_us = packet.t_us - began;
        for (header, pdu) in stream.take(segment.sequence, &segment.payload) {
            let Some((function, data)) = pdu.split_first() else { continue };
            if to.1 == PORT {
                open.insert((from, to, header.transaction), exchanges.len());
                exchanges.push(Exchange {
                    t_us,
                    client: format!("{}:{}", from.0, from.1),
                    server: to.0.to_string(),
                    transaction: header.transaction,
                    unit: header.unit,
                    function: *function,
                    question: data.to_vec(),
                    answer: None,
                });
            } else if let Some(place) = open.remove(&(to, from, header.transaction)) {
                let exchange = &mut exchanges[place];
                exchange.answer = Some(Answered {
                    after_us: t_us - exchange.t_us,
                    unit: header.unit,
                    function: *function,
                    data: data.to_vec(),
                });
            }
        }
    }
    exchanges
}

impl Stream {
    /// The frames that are whole with this segment.
    fn take(&mut self, sequence: u32, payload: &[u8]) -> Vec<(TcpHeader, Vec<u8>)> {
        let next = self.next.unwrap_or(sequence);
        let ahead = sequence.wrapping_sub(next).cast_signed();
        let fresh = if 0 < ahead {
            self.waiting.clear();
            payload
        } else {
            let known = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
            payload.get(known..).unwrap_or(&[])
        };
        if fresh.is_empty() {
            self.next = Some(next);
            return Vec::new();
        }
        let end = sequence.wrapping_add(u32::try_from(payload.len()).expect("a segment is short"));
        self.next = Some(end);
        self.waiting.extend_from_slice(fresh);
        let mut frames = Vec::new();
        while let Some(header) = TcpHeader::read(&self.waiting) {
            if header.check().is_err() {
                self.waiting.clear();
                break;
            }
            let Some(pdu) = self.waiting.get(TcpHeader::BYTES..header.frame_bytes()) else { break };
            frames.push((header, pdu.to_vec()));
            self.waiting.drain(..header.frame_bytes());
        }
        frames
    }
}

impl Exchange {
    /// The question as the agent would ask it; `None` for what an agent never asks.
    pub(crate) fn ask(&self) -> Option<Ask> {
        let table = table(self.function)?;
        let [a0, a1, c0, c1] = self.question[..] else { return None };
        let (address, count) = (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([c0, c1]));
        let most = if self.function <= 2 { 2_000 } else { 125 };
        let end = u32::from(address) + u32::from(count);
        let is_possible = (1..=most).contains(&count) && end <= 65_536;
        is_possible.then_some(Ask::Table { table, address, count })
    }

    /// The line that a reference decoder writes about it.
    pub(crate) fn line(&self) -> Value {
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("t_us", json!(self.t_us));
        put("client", json!(self.client));
        put("server", json!(self.server));
        put("tid", json!(self.transaction));
        put("unit", json!(self.unit));
        put("fc", json!(self.function));
        put("req", json!(hex(&self.question)));
        if let (1..=6 | 15 | 16, [a0, a1, q0, q1, ..]) = (self.function, &self.question[..]) {
            put("addr", json!(u16::from_be_bytes([*a0, *a1])));
            put("qty_or_value", json!(u16::from_be_bytes([*q0, *q1])));
        }
        match &self.answer {
            Some(Answered { function, data, .. }) if function & 0x80 != 0 => {
                put("exception", json!(data.first()));
            }
            Some(Answered { function, data, .. }) => {
                put("rsp", json!(hex(data)));
                match decoded(*function, data) {
                    Some(Answer::Words(words)) => put("regs", json!(words)),
                    Some(Answer::Bits(bits)) => put("bits", json!(hex(&packed(&bits)))),
                    None => None,
                };
            }
            None => {}
        }
        Value::Object(line)
    }
}

/// The data of an answer by the agent's own decoder, taken at its own word for its length; of one
/// that is torn, what there is. (The agent takes no torn answer; a recorded one is still listed.)
fn decoded(function: u8, data: &[u8]) -> Option<Answer> {
    let table = table(function)?;
    let (said, body) = data.split_first()?;
    let unit = if function <= 2 { 1 } else { 2 };
    let whole = body.len().min(usize::from(*said)) / unit * unit;
    let said = u16::try_from(whole).ok()?;
    let data = &[&[u8::try_from(whole).ok()?], &body[..whole]].concat();
    let count = if function <= 2 { 8 * said } else { said / 2 };
    Ask::Table { table, address: 0, count }.answer(data).ok()
}

fn table(function: u8) -> Option<Table> {
    match function {
        1 => Some(Table::Coil),
        2 => Some(Table::Discrete),
        3 => Some(Table::Holding),
        4 => Some(Table::Input),
        _ => None,
    }
}

fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| {
        bits.iter().enumerate().fold(0, |byte, (place, is_on)| byte | u8::from(*is_on) << place)
    };
    bits.chunks(8).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// Where Modbus TCP lives.
const PORT: u16 = 502;
