//! Frames of the specification and of a printed manual, and every way in which an answer can lie.

use proptest::prelude::*;

use super::*;

const READ: Ask = Ask::Table { table: Table::Holding, address: 0x6b, count: 3 };

/// The answer of the specification's own example for function 3.
const DATA: [u8; 7] = [6, 0x02, 0x2b, 0x00, 0x00, 0x00, 0x64];

fn tcp(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).expect("short");
    let mut frame = [transaction.to_be_bytes(), [0, 0], length.to_be_bytes()].concat();
    frame.push(unit);
    frame.extend(pdu);
    frame
}

fn rtu(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = [&[unit], pdu].concat();
    frame.extend(check_sum(&frame).to_le_bytes());
    frame
}

fn answer_pdu() -> Vec<u8> {
    [&[3], &DATA[..]].concat()
}

#[test]
fn the_example_of_the_specification_reads_back() {
    let answer = Answer::Words(vec![0x22b, 0, 0x64]);
    assert_eq!(READ.answer(&DATA), Ok(answer.clone()));
    let frame = tcp(7, 17, &answer_pdu());
    assert_eq!(READ.progress(Framing::Tcp, 17, 7, &frame), Progress::Answered(answer.clone(), 15));
    let frame = rtu(17, &answer_pdu());
    assert_eq!(READ.progress(Framing::Rtu, 17, 0, &frame), Progress::Answered(answer, 11));
    let coils = Ask::Table { table: Table::Coil, address: 0x13, count: 19 };
    let Ok(Answer::Bits(bits)) = coils.answer(&[3, 0xcd, 0x6b, 0x05]) else { panic!("no bits") };
    let on: Vec<usize> = (0..19).filter(|at| bits[*at]).collect();
    assert_eq!(on, [0, 2, 3, 6, 7, 8, 9, 11, 13, 14, 16, 18]);
}

#[test]
fn questions_are_written_as_the_manual_of_a_sensor_prints_them() {
    let ask = |address, count| Ask::Table { table: Table::Holding, address, count };
    for (ask, printed) in [
        (ask(0x34, 3), "500300340003 4984"),
        (ask(0x3a, 3), "5003003a0003 2847"),
        (ask(0x40, 1), "500300400001 885f"),
    ] {
        let frame = ask.frame(Framing::Rtu, 0x50, 0);
        let hex: String = frame.iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(hex, printed.replace(' ', ""));
    }
    let frame = ask(0x6b, 3).frame(Framing::Tcp, 17, 0x1234);
    assert_eq!(frame, [0x12, 0x34, 0, 0, 0, 6, 17, 3, 0, 0x6b, 0, 3]);
}

#[test]
fn an_answer_that_differs_in_anything_is_no_answer() {
    let lies: [(&str, Vec<u8>); 8] = [
        ("transaction", tcp(8, 17, &answer_pdu())),
        ("unit", tcp(7, 18, &answer_pdu())),
        ("function", tcp(7, 17, &[&[4], &DATA[..]].concat())),
        ("bytes", tcp(7, 17, &[3, 4, 0x02, 0x2b, 0, 0])),
        ("bytes", tcp(7, 17, &[3, 6, 0x02, 0x2b, 0, 0])),
        ("bytes", tcp(7, 17, &[&answer_pdu()[..], &[0]].concat())),
        ("header", tcp(7, 17, &[0; 300])),
        ("bytes", tcp(7, 17, &[0x83, 2, 0])),
    ];
    for (word, frame) in lies {
        let Progress::Wrong(mismatch) = READ.progress(Framing::Tcp, 17, 7, &frame) else {
            panic!("{word}: {frame:?} was taken");
        };
        assert!(mismatch.to_string().contains(word), "{mismatch}");
    }
    let mut flipped = rtu(17, &answer_pdu());
    flipped[4] ^= 1;
    let progress = READ.progress(Framing::Rtu, 17, 0, &flipped);
    assert!(matches!(progress, Progress::Wrong(Mismatch::CheckSum { .. })), "{progress:?}");
    let other = rtu(17, &[3, 2, 0, 9]);
    assert_eq!(READ.progress(Framing::Rtu, 17, 0, &other), Progress::Foreign(7));
}

#[test]
fn exceptions_and_queues_are_read() {
    assert_eq!(READ.progress(Framing::Tcp, 1, 7, &tcp(7, 1, &[0x83, 2])), Progress::Refused(2, 9));
    assert_eq!(READ.progress(Framing::Rtu, 1, 0, &rtu(1, &[0x83, 11])), Progress::Refused(11, 5));
    let queue = Ask::Fifo { address: 0x4de };
    let pdu = [24, 0, 6, 0, 2, 0x01, 0xb8, 0x12, 0x84];
    let words = Answer::Words(vec![0x1b8, 0x1284]);
    assert_eq!(
        queue.progress(Framing::Tcp, 1, 7, &tcp(7, 1, &pdu)),
        Progress::Answered(words.clone(), 16)
    );
    assert_eq!(queue.progress(Framing::Rtu, 1, 0, &rtu(1, &pdu)), Progress::Answered(words, 12));
}

proptest! {
    #[test]
    fn a_whole_answer_may_come_in_any_pieces(cut in 0_usize..15) {
        let frame = tcp(7, 17, &answer_pdu());
        let progress = READ.progress(Framing::Tcp, 17, 7, &frame[..cut]);
        prop_assert_eq!(progress, Progress::Incomplete);
        let frame = rtu(17, &answer_pdu());
        let progress = READ.progress(Framing::Rtu, 17, 0, &frame[..cut.min(10)]);
        prop_assert_eq!(progress, Progress::Incomplete);
    }

    #[test]
    fn no_bytes_are_taken_for_an_answer_by_chance_without_its_header(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let is_ours = bytes.starts_with(&[0, 7, 0, 0]) && bytes.get(6) == Some(&17);
        let progress = READ.progress(Framing::Tcp, 17, 7, &bytes);
        prop_assert!(is_ours || !matches!(progress, Progress::Answered(..) | Progress::Refused(..)));
        // The serial side must only not panic: a check sum of sixteen bits is met by chance.
        drop(READ.progress(Framing::Rtu, 17, 0, &bytes));
        drop(Ask::Fifo { address: 0 }.progress(Framing::Rtu, 17, 0, &bytes));
        drop(Ask::Fifo { address: 0 }.progress(Framing::Tcp, 17, 7, &bytes));
    }
}
