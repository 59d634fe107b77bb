//! Round trips, limits, frozen bytes and hostile bytes.

use forewarn_domain::id::StateId;
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{Evicted, Reading, Readings, TextReading};
use forewarn_domain::time::Time;
use forewarn_domain::waveform::{
    AxisFeatures, Burst, EnvelopeLine, Sha256, WaveformHeader, WaveformPart,
};
use proptest::prelude::*;

use super::*;

fn agent() -> AgentId {
    AgentId::new("gw-7").unwrap()
}

fn batch(stream: Stream, seq: u64, body: BatchBody) -> Batch {
    let key = StreamKey { agent: agent(), epoch: Epoch(0xfeed_beef), stream };
    Batch { key, seq, body }
}

fn header() -> WaveformHeader {
    WaveformHeader {
        channel: "mill-01/spindle/acc".parse().unwrap(),
        t0: Time::from_micros(1_760_000_000_000_000),
        rate_hz: 25_600.0,
        axes: vec![Axis::X, Axis::Z],
        samples: 4_096,
        scale_g: 0.000_5,
        rpm: Some(2_950.0),
        state: StateId::new("cut").unwrap(),
        quality: Quality::Good,
        sha256: Sha256([0xa5; 32]),
    }
}

fn burst() -> Burst {
    let features = AxisFeatures {
        axis: Axis::Z,
        velocity_rms: 1.8,
        acc_rms: 0.4,
        hf_rms: 0.2,
        acc_peak: 2.5,
        crest: 6.25,
        kurtosis: 4.1,
        envelope_df_hz: 0.5,
        envelope: vec![EnvelopeLine { hz: 107.3, ratio: 8.5 }],
    };
    let WaveformHeader { channel, t0, rate_hz, samples, state, quality, sha256, .. } = header();
    let (shaft_hz, axes) = (Some(49.2), vec![features]);
    Burst { channel, t0, rate_hz, samples, state, shaft_hz, sha256, quality, axes }
}

/// The batch of the frozen sample: every field of readings in use.
fn sample_readings() -> BatchBody {
    let t = |ms: i64| Time::from_micros(1_760_000_000_000_000 + 1_000 * ms);
    let number = |channel, ms, value, quality| Reading { channel, t: t(ms), value, quality };
    BatchBody::Readings(Readings {
        channels: vec![
            "mill-01/spindle/z_vel_rms".parse().unwrap(),
            "mill-01/spindle/temperature".parse().unwrap(),
        ],
        numbers: vec![
            number(0, 0, 1.234, Quality::Good),
            number(1, 0, 41.25, Quality::Good),
            number(0, 1_000, std::f64::consts::PI, Quality::Good),
            number(1, 900, 0.0, Quality::Bad(Bad::Timeout)),
        ],
        texts: vec![TextReading {
            channel: 1,
            t: t(5),
            text: "O1234 精铣".to_owned(),
            quality: Quality::Good,
        }],
        bursts: vec![burst()],
    })
}

fn check_round_trip(batch: &Batch) -> Vec<u8> {
    let message = encode(batch, 1).unwrap();
    let decoded = decode(&agent(), batch.key.stream, &message).unwrap();
    assert_eq!(decoded, Decoded { batch: batch.clone(), first_available: 1 });
    message
}

#[test]
fn every_kind_of_batch_comes_back() {
    check_round_trip(&batch(Stream::NORMAL, 5, sample_readings()));
    check_round_trip(&batch(Stream::URGENT, 1, BatchBody::Readings(Readings::default())));
    let evicted = Evicted { to_seq: 99, readings: 12_345, reason: "quota".to_owned() };
    check_round_trip(&batch(Stream::BULK, 7, BatchBody::Evicted(evicted)));
    // Samples without any pattern, so that the whole part has to fit uncompressed.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(state >> 24).unwrap()
    };
    let bytes = (0..WAVEFORM_PART_BYTES).map(|_| noise()).collect();
    let part = WaveformPart { header: header(), first_seq: 3, part: 0, parts: 2, bytes };
    check_round_trip(&batch(Stream::BULK, 3, BatchBody::Waveform(part)));
}

#[test]
fn a_thousand_readings_of_two_hundred_channels_cost_at_most_eight_bytes_each() {
    let channels =
        (0..200).map(|n| format!("mill-{:02}/spindle/point_{n}", n / 10).parse().unwrap());
    let mut state = 1_u32;
    let mut walk = vec![2_000_i32; 200];
    let mut numbers = Vec::new();
    for round in 0..5_i64 {
        for channel in 0..200_u16 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let step = i32::try_from(state >> 28).unwrap() - 8;
            let register = &mut walk[usize::from(channel)];
            *register += step;
            let jitter = i64::from(state >> 20);
            let t = Time::from_micros(1_760_000_000_000_000 + 1_000_000 * round + 37 * jitter);
            let value = f64::from(*register) * 0.001;
            numbers.push(Reading { channel, t, value, quality: Quality::Good });
        }
    }
    let readings = Readings { channels: channels.collect(), numbers, ..Readings::default() };
    let message = check_round_trip(&batch(Stream::NORMAL, 1, BatchBody::Readings(readings)));
    assert!(message.len() < 8 * 1_000, "{} bytes for 1,000 readings", message.len());
}

#[test]
fn the_oldest_available_batch_can_be_rewritten_without_touching_the_body() {
    let message = encode(&batch(Stream::NORMAL, 500, sample_readings()), 1).unwrap();
    let later = with_first_available(&message, 400).unwrap();
    assert_eq!(later, encode(&batch(Stream::NORMAL, 500, sample_readings()), 400).unwrap());
    assert_eq!(decode(&agent(), Stream::NORMAL, &later).unwrap().first_available, 400);
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let message = encode(&batch(Stream::NORMAL, 5, sample_readings()), 1).unwrap();
    for place in 0..message.len() {
        let mut damaged = message.clone();
        damaged[place] ^= 0x10;
        assert!(decode(&agent(), Stream::NORMAL, &damaged).is_err(), "byte {place}");
    }
}

#[track_caller]
fn check_refused(message: &[u8], expected: &str) {
    let refused = decode(&agent(), Stream::NORMAL, message).unwrap_err().to_string();
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn a_refusal_names_its_reason() {
    check_refused(&[], "message is empty");
    check_refused(&[9, 1, 2], "version 9");
    check_refused(&vec![1; MESSAGE_BYTES_MAX + 1], "196609 bytes long");
    let bulk = encode(&batch(Stream::BULK, 1, sample_readings()), 1).unwrap();
    check_refused(&bulk, "stream 2 came on the topic of stream 1");
    let early = encode(&batch(Stream::NORMAL, 3, sample_readings()), 4).unwrap();
    check_refused(&early, "the agent has from 4");
    let nameless = Readings {
        numbers: vec![Reading {
            channel: 3,
            t: Time::default(),
            value: 1.0,
            quality: Quality::Good,
        }],
        ..Readings::default()
    };
    let nameless = encode(&batch(Stream::NORMAL, 1, BatchBody::Readings(nameless)), 1).unwrap();
    check_refused(&nameless, "column of channels");
    let quality = Quality::Good;
    let no_number = Readings {
        channels: vec!["a/b/c".parse().unwrap()],
        numbers: vec![Reading { channel: 0, t: Time::default(), value: f64::NAN, quality }],
        ..Readings::default()
    };
    let no_number = encode(&batch(Stream::NORMAL, 1, BatchBody::Readings(no_number)), 1).unwrap();
    check_refused(&no_number, "only a bad reading has no number");
}

#[test]
fn a_decompression_bomb_is_refused_before_it_grows() {
    let zeros = vec![0_u8; 64 * 1024 * 1024];
    let bomb = zstd::bulk::compress(&zeros, 1).unwrap();
    let header = Header {
        epoch: 1,
        stream: 1,
        seq: 1,
        readings: 0,
        columns_bytes: u32::try_from(zeros.len()).unwrap(),
        crc: 0,
        first_available: 1,
    };
    check_refused(&join(&header, &bomb).unwrap(), "bytes of columns");
    let lying = Header { columns_bytes: 1_000, ..header };
    check_refused(&join(&lying, &bomb).unwrap(), "not decompressed");
}

#[test]
fn too_many_readings_are_refused_at_the_sender() {
    let one = Reading { channel: 0, t: Time::default(), value: 1.0, quality: Quality::Good };
    let readings = Readings {
        channels: vec!["a/b/c".parse().unwrap()],
        numbers: vec![one; READINGS_MAX + 1],
        ..Readings::default()
    };
    let refused = encode(&batch(Stream::NORMAL, 1, BatchBody::Readings(readings)), 1).unwrap_err();
    assert!(refused.to_string().contains("20001 readings"), "{refused}");
}

#[test]
fn control_messages_come_back() {
    let received = SeqRanges::try_from(vec![(1, 40), (43, 44)]).unwrap();
    let ack = Ack { epoch: Epoch(1), stream: Stream::BULK, received };
    assert_eq!(ack.next_seq(), 41);
    assert_eq!(Ack::decode(&ack.encode().unwrap()).unwrap(), ack);
    let hello = Hello {
        epoch: Epoch(1),
        software: "0.1.0".to_owned(),
        sent_at: Time::from_micros(7),
        streams: vec![StreamPosition { stream: Stream::URGENT, first_available: 3, next_seq: 9 }],
    };
    assert_eq!(Hello::decode(&hello.encode().unwrap()).unwrap(), hello);
    let status = AgentStatus {
        state: AgentState::Online,
        epoch: Epoch(1),
        software: "0.1.0".to_owned(),
        at: Time::from_micros(7),
        waiting: Waiting { batches: 1, readings: 200, bytes: 1_400 },
        evicted_readings: 0,
    };
    assert_eq!(AgentStatus::decode(&status.encode().unwrap()).unwrap(), status);
}

fn frozen_batches() -> [(&'static str, Batch); 3] {
    let evicted = Evicted { to_seq: 99, readings: 12_345, reason: "quota".to_owned() };
    let bytes = (0..64).collect();
    let part = WaveformPart { header: header(), first_seq: 3, part: 1, parts: 2, bytes };
    [
        ("readings", batch(Stream::NORMAL, 5, sample_readings())),
        ("evicted", batch(Stream::URGENT, 7, BatchBody::Evicted(evicted))),
        ("waveform", batch(Stream::BULK, 4, BatchBody::Waveform(part))),
    ]
}

fn frozen_ack() -> Ack {
    let received = SeqRanges::try_from(vec![(1, 40), (43, 44)]).unwrap();
    Ack { epoch: Epoch(0xfeed_beef), stream: Stream::NORMAL, received }
}

fn frozen_hello() -> Hello {
    let position = StreamPosition { stream: Stream::URGENT, first_available: 3, next_seq: 9 };
    Hello {
        epoch: Epoch(0xfeed_beef),
        software: "0.1.0".to_owned(),
        sent_at: Time::from_micros(1_760_000_000_000_000),
        streams: vec![position],
    }
}

/// Bytes that the first release wrote. They are never changed: an agent that was offline for a
/// year still sends them.
#[test]
fn frozen_messages_of_version_1_still_read() {
    let files = [
        include_str!("../../tests/frozen/v1-readings.hex"),
        include_str!("../../tests/frozen/v1-evicted.hex"),
        include_str!("../../tests/frozen/v1-waveform.hex"),
    ];
    for ((name, batch), file) in frozen_batches().into_iter().zip(files) {
        let decoded = decode(&agent(), batch.key.stream, &hex(file)).expect(name);
        assert_eq!(decoded, Decoded { batch, first_available: 2 }, "{name}");
    }
    let ack = hex(include_str!("../../tests/frozen/v1-ack.hex"));
    assert_eq!(Ack::decode(&ack).unwrap(), frozen_ack());
    assert_eq!(frozen_ack().encode().unwrap(), ack);
    let hello = hex(include_str!("../../tests/frozen/v1-hello.hex"));
    assert_eq!(Hello::decode(&hello).unwrap(), frozen_hello());
    assert_eq!(frozen_hello().encode().unwrap(), hello);
    let status = r#"{"state":"online","epoch":"000000000000000000000000feedbeef","software":"0.1.0",
        "at":"2025-10-09T08:53:20.000Z","waiting":{"batches":1,"readings":200,"bytes":1400},
        "evicted_readings":0}"#;
    let status = AgentStatus::decode(status.as_bytes()).unwrap();
    assert_eq!((status.state, status.waiting.readings), (AgentState::Online, 200));
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn any_readings() -> impl Strategy<Value = Readings> {
    let number = (0_u16..4, any::<i64>(), any::<i32>(), 0_usize..14, any::<f64>());
    prop::collection::vec(number, 0..200).prop_map(|rows| {
        let names = ["a/b/c", "a/b/d", "mill-01/spindle/z", "x/y/z.k"];
        let qualities: Vec<Quality> = Quality::all().collect();
        let numbers = rows.into_iter().map(|(channel, t, whole, quality, any)| {
            let quality = qualities[quality];
            let is_plain = quality == Quality::Good || !any.is_finite();
            let value = if is_plain { f64::from(whole) / 100.0 } else { any };
            Reading { channel, t: Time::from_micros(t), value, quality }
        });
        Readings {
            channels: names.map(|name| name.parse().unwrap()).to_vec(),
            numbers: numbers.collect(),
            ..Readings::default()
        }
    })
}

proptest! {
    #[test]
    fn any_readings_come_back(readings in any_readings(), seq in 1_u64..u64::MAX) {
        check_round_trip(&batch(Stream::NORMAL, seq, BatchBody::Readings(readings)));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let versioned: Vec<u8> = std::iter::once(VERSION).chain(bytes.iter().copied()).collect();
        for message in [&bytes, &versioned] {
            prop_assert!(decode(&agent(), Stream::NORMAL, message).is_err());
            let parsed = Ack::decode(message).is_ok() | Hello::decode(message).is_ok();
            let status = AgentStatus::decode(message).is_ok();
            prop_assert!(!status, "{parsed}");
        }
    }

    /// Past the check sum, where a hostile sender gets to: the columns themselves.
    #[test]
    fn arbitrary_columns_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let body = zstd::bulk::compress(&bytes, 1).unwrap();
        let header = Header {
            epoch: 1,
            stream: 1,
            seq: 1,
            readings: 0,
            columns_bytes: u32::try_from(bytes.len()).unwrap(),
            crc: 0,
            first_available: 1,
        };
        let message = join(&header, &body).unwrap();
        if let Ok(decoded) = decode(&agent(), Stream::NORMAL, &message) {
            prop_assert_eq!(count(&decoded.batch.body), 0);
        }
    }
}
