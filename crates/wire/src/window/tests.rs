//! The window against a model of a lossy channel and a server that keeps a ledger.

use std::collections::BTreeMap;

use forewarn_domain::ledger::SeqRanges;
use proptest::prelude::*;

use super::*;

const EPOCH: Epoch = Epoch(7);
const SECOND: Duration = Duration::from_secs(1);

fn window() -> Window {
    Window::new(EPOCH, SECOND, 1)
}

fn batch(seq: u64) -> Bytes {
    Bytes::from(seq.to_string())
}

fn ack(stream: Stream, ranges: &[(u64, u64)]) -> Ack {
    let received = SeqRanges::try_from(ranges.to_vec()).unwrap();
    Ack { epoch: EPOCH, stream, received }
}

fn due_now(window: &mut Window, now: Duration) -> Vec<(u8, u64)> {
    std::iter::from_fn(|| window.next_due(now)).map(|it| (it.stream.number(), it.seq)).collect()
}

#[test]
fn urgent_batches_go_first_and_each_stream_goes_in_order() {
    let mut window = window();
    for (stream, seq) in
        [(Stream::BULK, 1), (Stream::NORMAL, 2), (Stream::NORMAL, 1), (Stream::URGENT, 9)]
    {
        window.append(stream, seq, batch(seq), Duration::ZERO).unwrap();
    }
    assert_eq!(due_now(&mut window, Duration::ZERO), [(0, 9), (1, 1), (1, 2), (2, 1)]);
    assert_eq!(due_now(&mut window, Duration::ZERO), []);
}

#[test]
fn a_full_stream_waits_and_leaves_the_others_their_room() {
    let mut window = window();
    for seq in 1..=32 {
        window.append(Stream::BULK, seq, batch(seq), Duration::ZERO).unwrap();
    }
    let refused = window.append(Stream::BULK, 33, batch(33), Duration::ZERO);
    assert_eq!(refused, Err(WindowFull { stream: Stream::BULK, seq: 33 }));
    assert_eq!(window.append(Stream::URGENT, 1, batch(1), Duration::ZERO), Ok(()));
    assert_eq!(window.acknowledge(&ack(Stream::BULK, &[(1, 2), (30, 30)])), 3);
    assert!(window.has_room(Stream::BULK));
}

#[test]
fn an_unacknowledged_batch_comes_up_again_later_and_later_but_at_least_once_a_minute() {
    let mut window = window();
    window.append(Stream::NORMAL, 1, batch(1), Duration::ZERO).unwrap();
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for _ in 0..12 {
        assert_eq!(due_now(&mut window, now), [(1, 1)]);
        let next = window.next_due_at().unwrap();
        waits.push(next - now);
        now = next;
    }
    assert!(SECOND <= waits[0] && waits[0] <= 2 * SECOND, "{waits:?}");
    assert!(30 * SECOND <= waits[11] && waits[11] <= 60 * SECOND, "{waits:?}");
}

#[test]
fn a_reconnect_makes_everything_due_from_the_lowest() {
    let mut window = window();
    for seq in 1..=3 {
        window.append(Stream::NORMAL, seq, batch(seq), Duration::ZERO).unwrap();
    }
    due_now(&mut window, Duration::ZERO);
    window.acknowledge(&ack(Stream::NORMAL, &[(1, 1), (3, 3)]));
    window.reconnected(Duration::from_millis(1));
    assert_eq!(due_now(&mut window, Duration::from_millis(1)), [(1, 2)]);
}

#[test]
fn an_acknowledgement_of_another_numbering_changes_nothing() {
    let mut window = window();
    window.append(Stream::NORMAL, 1, batch(1), Duration::ZERO).unwrap();
    let foreign = Ack { epoch: Epoch(8), ..ack(Stream::NORMAL, &[(1, 9)]) };
    assert_eq!(window.acknowledge(&foreign), 0);
    assert_eq!(window.acknowledge(&ack(Stream::URGENT, &[(1, 9)])), 0);
    assert_eq!(window.batches(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Append,
    Deliver { is_lost: bool },
    AckArrives,
    Reconnect,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Append),
        4 => any::<bool>().prop_map(|is_lost| Step::Deliver { is_lost }),
        2 => Just(Step::AckArrives),
        1 => Just(Step::Reconnect),
        2 => (1_u64..90).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..300)
}

proptest! {
    /// The model: what a lossy channel and a server with a ledger do to a window.
    #[test]
    fn nothing_leaves_before_the_server_has_it_and_everything_gets_there(steps in steps()) {
        let mut window = window();
        let mut ledger = SeqRanges::default();
        let (mut now, mut next) = (Duration::ZERO, 1_u64);
        let mut kept = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append => {
                    if window.append(Stream::NORMAL, next, batch(next), now).is_ok() {
                        kept.insert(next, batch(next));
                        next += 1;
                    }
                }
                Step::Deliver { is_lost } => {
                    if let Some(due) = window.next_due(now)
                        && !is_lost
                    {
                        prop_assert_eq!(due.payload, batch(due.seq));
                        ledger.insert(due.seq, due.seq);
                    }
                }
                Step::AckArrives => {
                    let left = window.acknowledge(&ack(Stream::NORMAL, ledger.ranges()));
                    let before = kept.len();
                    kept.retain(|seq, _| !ledger.contains(*seq));
                    prop_assert_eq!(before - kept.len(), left);
                }
                Step::Reconnect => window.reconnected(now),
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
            }
            prop_assert_eq!(window.batches(), kept.len());
            prop_assert!(window.batches() <= WINDOW_BATCHES_MAX);
        }
        // A channel that works for one longest wait brings over whatever is left.
        now += RESEND_AFTER_MAX;
        while let Some(due) = window.next_due(now) {
            ledger.insert(due.seq, due.seq);
        }
        window.acknowledge(&ack(Stream::NORMAL, ledger.ranges()));
        prop_assert_eq!(window.batches(), 0);
        prop_assert_eq!(ledger.next_seq(), next);
    }
}
