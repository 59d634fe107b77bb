//! A disk that is really full: the spool on a file system of a few megabytes, filled by itself and by
//! another tenant.
//!
//! The file system is made in a name space of the test's own, which ordinary users may do on most
//! systems; elsewhere the test is left out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says what it counted"
)]

use std::path::Path;
use std::process::Command;

use forewarn_agent::spool::{Depth, Limits, Moment, Spool, SpoolError};
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{BatchBody, Reading, Readings, Stream};
use forewarn_domain::time::Time;
use forewarn_wire::payload;

#[test]
fn a_full_disk_costs_the_oldest_readings_counts_them_and_needs_no_hands() {
    let test = "a_full_disk_costs_the_oldest_readings_counts_them_and_needs_no_hands";
    if let Some(disk) = std::env::var_os(DISK) {
        return on_a_small_disk(Path::new(&disk));
    }
    let folder = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=24m none '{0}' || exit 77; {DISK}='{0}' exec '{1}' --exact {test} --nocapture",
        folder.path().display(),
        this.display()
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .output();
    let is_required = std::env::var("FOREWARN_REQUIRE").is_ok_and(|it| it.contains("small_disk"));
    match output {
        Ok(output) if output.status.success() => {
            report(&String::from_utf8_lossy(&output.stdout));
        }
        Ok(output) if output.status.code() != Some(77) && !output.stdout.is_empty() => {
            panic!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        _ if is_required => panic!("{test} needs a file system of its own"),
        _ => report(&format!("SKIPPED {test}: needs unshare and a mount of its own")),
    }
}

fn on_a_small_disk(disk: &Path) {
    let limits = Limits { quota_bytes: 1 << 30, ballast_bytes: 8 << 20 };
    let (mut spool, _) = Spool::open(disk, &agent(), limits).unwrap();
    let mut offered = 0;
    // Twice what the disk holds.
    for mark in 0..1_500 {
        offered += append(&mut spool, mark);
        assert_balanced(&spool, offered);
    }
    let depth = spool.depth();
    assert!(0 < depth.evicted, "{depth:?}");
    let newest = newest(&mut spool);
    assert_eq!(newest, 1_499, "the newest batch is there");
    println!("filled by ourselves: {depth:?}");

    // Another tenant takes what is left, to the last byte.
    let other = disk.join("other");
    fill(&other);
    for mark in 1_500..1_700 {
        offered += append(&mut spool, mark);
        assert_balanced(&spool, offered);
    }
    println!("filled by another: {:?}", spool.depth());
    drop(spool);
    let (mut spool, _) = Spool::open(disk, &agent(), limits).unwrap();
    assert_balanced(&spool, offered);

    // It takes what the ballast gave up as well: nothing can be stored, and nothing ends.
    fill(&disk.join("another"));
    for mark in 1_700..1_720 {
        offered += append(&mut spool, mark);
        assert_balanced(&spool, offered);
    }
    println!("filled to the last byte: {:?}", spool.depth());

    // It leaves, and everything works again without hands.
    std::fs::remove_file(&other).unwrap();
    std::fs::remove_file(disk.join("another")).unwrap();
    let before = spool.depth();
    for mark in 1_720..1_800 {
        offered += append(&mut spool, mark);
        assert_balanced(&spool, offered);
    }
    let depth = spool.depth();
    assert_eq!(depth.rejected, before.rejected, "nothing is refused any more");
    assert_eq!(self::newest(&mut spool), 1_799);
    println!("after it left: {depth:?}");
    spool.close().unwrap();
}

/// Appends a batch; gives how many readings were offered. A refusal is counted by the spool.
fn append(spool: &mut Spool, mark: u32) -> u64 {
    let reading = |index: u32| Reading {
        channel: 0,
        t: Time::from_millis(i64::from(mark) * 1_000 + i64::from(index)),
        value: (f64::from(mark) + f64::from(index) * 0.618_033_9).sin(),
        quality: Quality::Good,
    };
    let body = BatchBody::Readings(Readings {
        channels: vec!["mill-01/plc/speed".parse().unwrap()],
        numbers: (0..READINGS).map(reading).collect(),
        ..Readings::default()
    });
    let at = Moment { wall: Time::from_millis(1_800_000_000_000), monotonic_us: 7 };
    match spool.append(&[(Stream::NORMAL, body)], at) {
        Ok(()) | Err(SpoolError::Full { .. }) => u64::from(READINGS),
        Err(error) => panic!("batch {mark}: {error}: {error:?}"),
    }
}

fn assert_balanced(spool: &Spool, offered: u64) {
    let Depth { accepted, delivered, evicted, readings, rejected, .. } = spool.depth();
    assert_eq!(accepted, delivered + evicted + readings, "{:?}", spool.depth());
    assert_eq!(offered, accepted + rejected, "{:?}", spool.depth());
}

/// The mark of the newest batch, every batch before it read and right.
fn newest(spool: &mut Spool) -> i64 {
    let (mut from, mut newest) = (0, -1);
    while let Some(parcel) = spool.next(Stream::NORMAL, from).unwrap() {
        from = parcel.last_seq + 1;
        let decoded = payload::decode(&agent(), Stream::NORMAL, &parcel.message).unwrap();
        if let BatchBody::Readings(readings) = decoded.batch.body {
            let mark = readings.numbers[0].t.micros() / 1_000_000;
            assert!(newest < mark, "in order");
            newest = mark;
        }
    }
    newest
}

fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    for chunk in [64 * 1024, 4 * 1024, 1] {
        while file.write_all(&vec![7; chunk]).is_ok() {}
    }
}

fn agent() -> AgentId {
    AgentId::new("edge-1").unwrap()
}

fn report(line: &str) {
    println!("{line}");
}

const DISK: &str = "FOREWARN_SMALL_DISK";
const READINGS: u32 = 3_000;
