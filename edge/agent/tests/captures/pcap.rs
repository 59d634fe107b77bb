//! Recorded packets: pcap and pcapng, and the TCP segments in them.
//!
//! What is cut off, of another protocol or unknown is left out; nothing here fails on any bytes
//! but those that are no recording at all.

use std::net::IpAddr;

/// One packet as it was recorded.
pub(crate) struct Packet {
    /// Microseconds of its own clock.
    pub(crate) t_us: i64,
    link_type: u32,
    bytes: Vec<u8>,
}

/// What one packet carried of a TCP connection.
pub(crate) struct Segment {
    pub(crate) from: (IpAddr, u16),
    pub(crate) to: (IpAddr, u16),
    pub(crate) sequence: u32,
    pub(crate) is_syn: bool,
    pub(crate) payload: Vec<u8>,
}

/// Reads a recording of either format.
pub(crate) fn packets(file: &[u8]) -> Result<Vec<Packet>, String> {
    match file.get(..4) {
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => Ok(classic(file, u32::from_le_bytes, 1)),
        Some([0xa1, 0xb2, 0xc3, 0xd4]) => Ok(classic(file, u32::from_be_bytes, 1)),
        Some([0x4d, 0x3c, 0xb2, 0xa1]) => Ok(classic(file, u32::from_le_bytes, 1_000)),
        Some([0xa1, 0xb2, 0x3c, 0x4d]) => Ok(classic(file, u32::from_be_bytes, 1_000)),
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => Ok(next_generation(file)),
        _ => Err("this is neither pcap nor pcapng".to_owned()),
    }
}

fn classic(file: &[u8], word: fn([u8; 4]) -> u32, per_us: i64) -> Vec<Packet> {
    let at = |place: usize| {
        file.get(place..place + 4).map(|it| word(it.try_into().expect("four bytes")))
    };
    let link_type = at(20).unwrap_or(0) & 0xffff;
    let (mut packets, mut place) = (Vec::new(), 24);
    while let (Some(secs), Some(fraction), Some(length)) = (at(place), at(place + 4), at(place + 8))
    {
        let start = place + 16;
        let Some(bytes) = file.get(start..start + length as usize) else { break };
        let t_us = i64::from(secs) * 1_000_000 + i64::from(fraction) / per_us;
        packets.push(Packet { t_us, link_type, bytes: bytes.to_vec() });
        place = start + length as usize;
    }
    packets
}

fn next_generation(file: &[u8]) -> Vec<Packet> {
    let (mut packets, mut place) = (Vec::new(), 0);
    let mut word: fn([u8; 4]) -> u32 = u32::from_le_bytes;
    let mut interfaces: Vec<(u32, f64)> = Vec::new();
    while let Some(head) = file.get(place..place + 12) {
        if head[..4] == [0x0a, 0x0d, 0x0d, 0x0a] {
            let is_little = head[8..12] == [0x4d, 0x3c, 0x2b, 0x1a];
            word = if is_little { u32::from_le_bytes } else { u32::from_be_bytes };
            interfaces.clear();
        }
        let at = |place: usize| {
            file.get(place..place + 4).map_or(0, |it| word(it.try_into().expect("four bytes")))
        };
        let (kind, length) = (at(place), at(place + 4) as usize);
        let Some(body) = file.get(place + 8..(place + length).saturating_sub(4)) else { break };
        match kind {
            1 => {
                let half = |it: &[u8]| word([it[0], it[1], 0, 0]) | word([0, 0, it[0], it[1]]);
                let link_type = body.get(..2).map_or(0, half) & 0xffff;
                interfaces.push((link_type, ticks_per_us(body.get(8..).unwrap_or(&[]), word)));
            }
            6 if 20 <= body.len() => {
                let (link_type, per_us) =
                    interfaces.get(at(place + 8) as usize).copied().unwrap_or((1, 1.0));
                let ticks = u64::from(at(place + 12)) << 32 | u64::from(at(place + 16));
                let bytes = body.get(20..20 + at(place + 20) as usize).unwrap_or(&[]).to_vec();
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    reason = "the times of recordings are far below 2^53 microseconds"
                )]
                let t_us = (ticks as f64 / per_us) as i64;
                packets.push(Packet { t_us, link_type, bytes });
            }
            _ => {}
        }
        if length < 12 {
            break;
        }
        place += length.next_multiple_of(4);
    }
    packets
}

/// Option 9 of an interface: a power of ten, or of two with the top bit set.
fn ticks_per_us(mut options: &[u8], word: fn([u8; 4]) -> u32) -> f64 {
    while let [c0, c1, l0, l1, rest @ ..] = options {
        let half = |a: u8, b: u8| (word([a, b, 0, 0]) | word([0, 0, a, b])) & 0xffff;
        let (code, length) = (half(*c0, *c1), half(*l0, *l1) as usize);
        if let (9, Some(resolution)) = (code, rest.first()) {
            let power = i32::from(resolution & 0x7f);
            let base: f64 = if resolution & 0x80 == 0 { 10.0 } else { 2.0 };
            return base.powi(power) / 1e6;
        }
        options = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    1.0
}

impl Packet {
    /// The TCP segment in it, where there is a whole one.
    pub(crate) fn segment(&self) -> Option<Segment> {
        let bytes = self.bytes.as_slice();
        let ip = match self.link_type {
            0 | 108 => bytes.get(4..)?,
            1 => without_tags(bytes.get(12..)?)?,
            12 | 14 | 101 => bytes,
            113 => bytes.get(16..)?,
            276 => bytes.get(20..)?,
            _ => return None,
        };
        match ip.first()? >> 4 {
            4 => {
                let length = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
                let ip = ip.get(..length).unwrap_or(ip);
                let is_later_fragment = ip.get(6)? & 0x1f != 0 || *ip.get(7)? != 0;
                if *ip.get(9)? != TCP || is_later_fragment {
                    return None;
                }
                let from: [u8; 4] = ip.get(12..16)?.try_into().ok()?;
                let to: [u8; 4] = ip.get(16..20)?.try_into().ok()?;
                let start = usize::from(ip[0] & 0xf) * 4;
                tcp(from.into(), to.into(), ip.get(start..)?)
            }
            6 => {
                let length = usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?]));
                if *ip.get(6)? != TCP {
                    return None;
                }
                let from: [u8; 16] = ip.get(8..24)?.try_into().ok()?;
                let to: [u8; 16] = ip.get(24..40)?.try_into().ok()?;
                tcp(from.into(), to.into(), ip.get(40..40 + length)?)
            }
            _ => None,
        }
    }
}

/// Past the type of an Ethernet frame, which VLAN tags may stand before.
fn without_tags(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        match bytes {
            [0x81, 0x00, _, _, rest @ ..] | [0x88, 0xa8, _, _, rest @ ..] => bytes = rest,
            [0x08, 0x00, rest @ ..] | [0x86, 0xdd, rest @ ..] => return Some(rest),
            _ => return None,
        }
    }
}

fn tcp(from: IpAddr, to: IpAddr, bytes: &[u8]) -> Option<Segment> {
    let port =
        |place: usize| Some(u16::from_be_bytes([*bytes.get(place)?, *bytes.get(place + 1)?]));
    let sequence = u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?);
    let start = usize::from(bytes.get(12)? >> 4) * 4;
    Some(Segment {
        from: (from, port(0)?),
        to: (to, port(2)?),
        sequence,
        is_syn: bytes.get(13)? & 2 != 0,
        payload: bytes.get(start..)?.to_vec(),
    })
}

/// The number of TCP among the protocols of IP.
const TCP: u8 = 6;
