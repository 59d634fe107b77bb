//! The spool against a plain queue, over reopenings, quota and damage.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Reading, Readings};
use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { quota_bytes: 1 << 30, ballast_bytes: 0 };
const AT: Moment = Moment { wall: Time::from_millis(1_800_000_000_000), monotonic_us: 7 };

fn agent() -> AgentId {
    AgentId::new("edge-1").unwrap()
}

fn open(folder: &Path, limits: Limits) -> Spool {
    Spool::open(folder, &agent(), limits).unwrap().0
}

/// A body of `count` readings that no other body has and that does not compress away.
fn body(count: u32) -> BatchBody {
    static MARK: AtomicU32 = AtomicU32::new(0);
    let mark = MARK.fetch_add(1, Ordering::Relaxed);
    let reading = |index: u32| Reading {
        channel: 0,
        t: Time::from_millis(i64::from(index)),
        value: (f64::from(mark) + f64::from(index) * 0.618_033_9).sin(),
        quality: Quality::Good,
    };
    BatchBody::Readings(Readings {
        channels: vec!["mill-01/plc/speed".parse().unwrap()],
        numbers: (0..count).map(reading).collect(),
        ..Readings::default()
    })
}

fn ranges(ranges: &[(u64, u64)]) -> SeqRanges {
    SeqRanges::try_from(ranges.to_vec()).unwrap()
}

fn all(spool: &mut Spool, stream: Stream) -> Vec<Parcel> {
    let mut parcels = Vec::new();
    let mut from = 0;
    while let Some(parcel) = spool.next(stream, from).unwrap() {
        from = parcel.last_seq + 1;
        parcels.push(parcel);
    }
    parcels
}

fn decoded(parcel: &Parcel) -> BatchBody {
    let decoded = payload::decode(&agent(), parcel.stream, &parcel.message).unwrap();
    assert_eq!(decoded.batch.seq, parcel.seq);
    decoded.batch.body
}

fn assert_balanced(spool: &Spool) {
    let Depth { accepted, delivered, evicted, readings, .. } = spool.depth();
    assert_eq!(accepted, delivered + evicted + readings, "{:?}", spool.depth());
}

#[test]
fn commits_are_synced_in_full_and_survive_a_reopening_under_the_same_numbering() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    let synchronous: i64 =
        spool.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 2);
    let (epoch, first) = (spool.epoch(), body(3));
    spool.append(&[(Stream::NORMAL, first.clone()), (Stream::URGENT, body(1))], AT).unwrap();
    drop(spool);

    let (mut spool, opened) = Spool::open(folder.path(), &agent(), LIMITS).unwrap();
    assert_eq!((opened, spool.epoch()), (Opened::Existing, epoch));
    assert_eq!(decoded(&all(&mut spool, Stream::NORMAL)[0]), first);
    spool.append(&[(Stream::NORMAL, body(2))], AT).unwrap();
    assert_eq!(spool.bounds(Stream::NORMAL), (1, 3));
    assert_eq!(spool.bounds(Stream::URGENT), (1, 2));
    assert_balanced(&spool);
}

#[test]
fn a_number_is_not_used_twice_although_its_row_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    spool.append(&[(Stream::NORMAL, body(1))], AT).unwrap();
    assert_eq!(spool.acknowledge(Stream::NORMAL, &ranges(&[(1, 1)])).unwrap(), 1);
    spool.close().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    assert_eq!(spool.bounds(Stream::NORMAL), (2, 2));
    spool.append(&[(Stream::NORMAL, body(1))], AT).unwrap();
    assert_eq!(all(&mut spool, Stream::NORMAL)[0].seq, 2);
}

#[test]
fn the_quota_takes_the_oldest_of_the_least_urgent_stream_and_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), Limits { quota_bytes: 20_000, ballast_bytes: 0 });
    for _ in 0..10 {
        spool.append(&[(Stream::NORMAL, body(200)), (Stream::BULK, body(200))], AT).unwrap();
    }
    spool.append(&[(Stream::URGENT, body(200))], AT).unwrap();
    assert!(spool.depth().bytes <= 20_000);
    assert_balanced(&spool);
    assert_eq!(spool.bounds(Stream::URGENT), (1, 2), "the urgent batch stays");
    let bulk = all(&mut spool, Stream::BULK);
    let BatchBody::Evicted(evicted) = decoded(&bulk[0]) else { panic!("no gap first") };
    assert_eq!((bulk[0].seq, evicted.reason.as_str()), (1, "quota"));
    let covered: Vec<u64> = [&bulk, &all(&mut spool, Stream::NORMAL)]
        .iter()
        .flat_map(|it| it.iter().flat_map(|parcel| parcel.seq..=parcel.last_seq))
        .collect();
    assert_eq!(covered, [(1..=10).collect::<Vec<u64>>(), (1..=10).collect()].concat());

    let last = bulk[0].last_seq;
    spool.acknowledge(Stream::BULK, &ranges(&[(1, last)])).unwrap();
    assert_eq!(spool.bounds(Stream::BULK).0, last + 1, "a gap goes once the server knows of it");
}

#[test]
fn a_full_disk_costs_the_oldest_readings_and_not_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    spool.connection.execute_batch("PRAGMA max_page_count = 100").unwrap();
    for _ in 0..200 {
        spool.append(&[(Stream::NORMAL, body(300))], AT).unwrap();
    }
    assert!(0 < spool.depth().evicted);
    assert_eq!(spool.bounds(Stream::NORMAL).1, 201);
    assert_balanced(&spool);
}

#[test]
fn a_damaged_row_costs_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    for _ in 0..3 {
        spool.append(&[(Stream::NORMAL, body(5))], AT).unwrap();
    }
    let flip = "UPDATE batch SET body = zeroblob(length(body)) WHERE id = ?1";
    spool.connection.execute(flip, [row_id(Stream::NORMAL, 2)]).unwrap();
    let parcels = all(&mut spool, Stream::NORMAL);
    assert_eq!(parcels.len(), 3);
    let BatchBody::Evicted(evicted) = decoded(&parcels[1]) else { panic!("not a gap") };
    assert_eq!((evicted.readings, evicted.reason.as_str()), (5, "damaged"));
    assert_balanced(&spool);
}

#[test]
fn an_unreadable_file_is_kept_aside_and_the_agent_starts() {
    let folder = tempfile::tempdir().unwrap();
    let old = open(folder.path(), LIMITS).epoch();
    std::fs::write(folder.path().join("spool.db"), vec![0x5a; 8_192]).unwrap();
    let (spool, opened) = Spool::open(folder.path(), &agent(), LIMITS).unwrap();
    let Opened::Replaced { kept, .. } = opened else { panic!("{opened:?}") };
    assert_eq!(std::fs::read(kept).unwrap(), vec![0x5a; 8_192]);
    assert_ne!(spool.epoch(), old);
}

#[test]
fn a_file_that_has_lost_its_numbering_is_kept_aside_and_the_agent_starts() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), LIMITS));
    let file = Connection::open(folder.path().join("spool.db")).unwrap();
    assert_eq!(file.execute("DELETE FROM meta WHERE k = 'epoch'", []).unwrap(), 1);
    drop(file);
    let (_spool, opened) = Spool::open(folder.path(), &agent(), LIMITS).unwrap();
    assert!(matches!(opened, Opened::Replaced { .. }), "{opened:?}");
}

#[test]
fn what_a_set_aside_file_still_holds_is_brought_over_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    let bodies: Vec<BatchBody> = (0..40).map(|_| body(50)).collect();
    for body in &bodies {
        spool
            .append(&[(Stream::NORMAL, body.clone()), (Stream::URGENT, body.clone())], AT)
            .unwrap();
    }
    let flip = "UPDATE batch SET body = zeroblob(length(body)) WHERE id = ?1";
    spool.connection.execute(flip, [row_id(Stream::NORMAL, 3)]).unwrap();
    spool.close().unwrap();
    let path = folder.path().join("spool.db");
    std::fs::rename(&path, folder.path().join("spool.corrupt.1")).unwrap();
    std::fs::write(folder.path().join("spool.corrupt.2"), vec![0x5a; 8_192]).unwrap();

    let mut spool = open(folder.path(), LIMITS);
    let salvaged = spool.salvage(AT).unwrap();
    assert_eq!((salvaged.batches, salvaged.damaged, salvaged.files.len()), (79, 1, 2));
    assert_eq!(salvaged.unreadable, [folder.path().join("spool.corrupt.2")]);
    let found: Vec<BatchBody> = all(&mut spool, Stream::NORMAL).iter().map(decoded).collect();
    let wanted: Vec<BatchBody> =
        bodies.iter().enumerate().filter(|it| it.0 != 2).map(|it| it.1.clone()).collect();
    assert_eq!(found, wanted);
    assert_balanced(&spool);
    let again = spool.salvage(AT).unwrap();
    assert_eq!((again.batches, again.files.len()), (0, 1), "only the unreadable one is left");
}

#[test]
fn a_flipped_bit_costs_a_batch_and_never_gives_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    let bodies: Vec<BatchBody> = (0..60).map(|index| body(20 + 30 * (index % 4))).collect();
    for body in &bodies {
        spool.append(&[(Stream::NORMAL, body.clone())], AT).unwrap();
    }
    spool.close().unwrap();
    let whole = std::fs::read(folder.path().join("spool.db")).unwrap();
    let (mut without_effect, mut one_lost, mut more_lost, mut salvaged) = (0, 0, 0, 0_u64);
    for turn in 0..FLIPS {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        // Every part of the file is hit: 7,919 is a prime and no part of its length.
        let place = (turn * 7_919 * 613) % (bytes.len() * 8);
        bytes[place / 8] ^= 1 << (place % 8);
        std::fs::write(folder.path().join("spool.db"), &bytes).unwrap();
        let (lost, brought) = after_a_flip(folder.path(), &bodies);
        salvaged += brought;
        match lost {
            0 => without_effect += 1,
            1 => one_lost += 1,
            _ => more_lost += 1,
        }
    }
    report(&format!(
        "{FLIPS} flips: {without_effect} without effect, {one_lost} cost a batch, {more_lost} more; \
         {salvaged} batches salvaged"
    ));
    assert!(more_lost * 10 < FLIPS, "{more_lost} of {FLIPS} flips cost more than a batch");
}

/// Opens a damaged spool as the agent does, salvage included. Gives how many batches are missing and
/// how many came back by salvage. Each that is there must be one that was stored.
fn after_a_flip(folder: &Path, bodies: &[BatchBody]) -> (usize, u64) {
    let mut spool = open(folder, LIMITS);
    let mut brought = 0;
    let found = loop {
        brought += spool.salvage(AT).unwrap().batches;
        let mut found = Vec::new();
        let mut from = 0;
        let outcome = loop {
            match spool.next(Stream::NORMAL, from) {
                Ok(Some(parcel)) => {
                    from = parcel.last_seq + 1;
                    found.push(parcel);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match outcome {
            Ok(()) => break found,
            // The writer opens a file in trouble anew; the check then sets it aside.
            Err(_trouble) => {
                drop(spool);
                spool = open(folder, LIMITS);
            }
        }
    };
    let mut held = 0;
    for parcel in &found {
        match decoded(parcel) {
            BatchBody::Evicted(_) => {}
            body => {
                assert!(bodies.contains(&body), "a batch that nobody stored");
                held += 1;
            }
        }
    }
    (bodies.len() - held, brought)
}

const FLIPS: usize = 300;

#[expect(clippy::print_stdout, reason = "the figures are the point")]
fn report(line: &str) {
    println!("{line}");
}

#[test]
fn a_file_that_the_server_knows_better_gets_a_new_numbering_and_keeps_its_readings() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), LIMITS);
    let bodies: Vec<BatchBody> = (1..5).map(body).collect();
    for body in &bodies {
        spool.append(&[(Stream::NORMAL, body.clone())], AT).unwrap();
    }
    spool.acknowledge(Stream::NORMAL, &ranges(&[(1, 2)])).unwrap();
    let old = spool.epoch();
    let refused = spool.acknowledge(Stream::NORMAL, &ranges(&[(1, 9)])).unwrap_err();
    assert!(matches!(refused, SpoolError::RolledBack { server: 9, next_seq: 5, .. }));
    spool.renumber().unwrap();
    drop(spool);
    let mut spool = open(folder.path(), LIMITS);
    assert_ne!(spool.epoch(), old);
    let kept: Vec<BatchBody> = all(&mut spool, Stream::NORMAL).iter().map(decoded).collect();
    assert_eq!(kept, bodies[2..]);
    assert_eq!(spool.bounds(Stream::NORMAL), (1, 3));
    assert_balanced(&spool);
}

#[test]
fn two_agents_cannot_share_a_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), LIMITS);
    let refused = Spool::open(folder.path(), &agent(), LIMITS).unwrap_err();
    assert!(matches!(refused, SpoolError::Locked { .. }), "{refused}");
    drop(spool);
    open(folder.path(), LIMITS);
}

#[test]
fn ballast_is_real_space_that_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), Limits { ballast_bytes: 100_000, ..LIMITS });
    let path = folder.path().join("ballast");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 100_000);
    spool.ballast.release().unwrap();
    assert!(!path.try_exists().unwrap());
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize, u32),
    Acknowledge(usize, u64, u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..3, 0_u32..4).prop_map(|(stream, count)| Step::Append(stream, count)),
        3 => (0_usize..3, 1_u64..12, 0_u64..4)
            .prop_map(|(stream, first, more)| Step::Acknowledge(stream, first, more)),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_spool_agrees_with_a_plain_queue(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), LIMITS);
        let mut model: [(u64, BTreeMap<u64, BatchBody>); 3] =
            std::array::from_fn(|_| (1, BTreeMap::new()));
        for step in steps {
            match step {
                Step::Append(stream, count) => {
                    let body = body(count);
                    spool.append(&[(Stream::ALL[stream], body.clone())], AT).unwrap();
                    let (next, queue) = &mut model[stream];
                    queue.insert(*next, body);
                    *next += 1;
                }
                Step::Acknowledge(stream, first, more) => {
                    let (next, queue) = &mut model[stream];
                    let last = first + more;
                    if last < *next {
                        spool.acknowledge(Stream::ALL[stream], &ranges(&[(first, last)])).unwrap();
                        queue.retain(|seq, _| *seq < first || last < *seq);
                    }
                }
                Step::Reopen => {
                    drop(spool);
                    spool = open(folder.path(), LIMITS);
                }
            }
        }
        for (stream, (next, queue)) in Stream::ALL.into_iter().zip(&model) {
            let found: BTreeMap<u64, BatchBody> =
                all(&mut spool, stream).iter().map(|it| (it.seq, decoded(it))).collect();
            prop_assert_eq!(&found, queue);
            let oldest = queue.keys().next().copied().unwrap_or(*next);
            prop_assert_eq!(spool.bounds(stream), (oldest, *next));
        }
        assert_balanced(&spool);
    }
}
