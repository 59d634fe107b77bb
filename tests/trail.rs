//! The audit trail of a running server: signed while it runs and when it stops, and checked afterwards.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::{Duration, Instant};

use forewarn_domain::time::Time;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_server::witness::Witness;
use forewarn_store::records::Records;
use forewarn_store::records::audit::Deed;
use forewarn_store::records::audit::chain::{Fault, Verifier};
use forewarn_store::records::audit::seal::{Checkpoint, Sealer};
use serde_json::json;

const NOW: Time = Time::from_micros(1_795_334_400_000_000);

async fn write(records: &Records, count: u32) {
    for number in 0..count {
        let deed = Deed::new("li", "export", &number.to_string(), json!({}));
        records.audit(&deed, NOW).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_trail_is_signed_at_the_start_and_at_the_stop_in_two_places() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open_file(&folder.path().join("records.db")).await.unwrap();
    write(&records, 3).await;
    let key_file = folder.path().join("audit.key");
    let key = Sealer::open(&key_file).unwrap().public_key();
    let copy = folder.path().join("audit-checkpoints.jsonl");
    let tasks = Tasks::default();
    let witness = Witness {
        records: records.clone(),
        sealer: Sealer::open(&key_file).unwrap(),
        copy: copy.clone(),
        clock: Clock::manual(NOW.micros()),
    };
    tasks.start("audit", |stop| witness.run(stop));
    let began = Instant::now();
    while records.checkpoints().await.unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing was signed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    write(&records, 2).await;
    tasks.stop(Duration::from_secs(10)).await.unwrap();

    let signed = records.checkpoints().await.unwrap();
    assert_eq!(signed.iter().map(|it| it.seq).collect::<Vec<_>>(), [3, 5]);
    let kept: Vec<Checkpoint> = std::fs::read_to_string(&copy)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kept, signed);
    let rows = records.audit_rows(0, 100).await.unwrap();
    let check = |rows: &[_]| {
        let mut verifier = Verifier::new(kept.clone(), Some(&key));
        rows.iter().for_each(|it| verifier.push(it));
        verifier.finish()
    };
    let whole = check(&rows);
    assert_eq!((whole.fault, whole.checkpoints, whole.unsealed), (None, 2, 0));
    assert_eq!(check(&rows[..4]).fault, Some(Fault::CutOff { last: 4, sealed: 5 }));
    let public = std::fs::read_to_string(folder.path().join("audit.pub")).unwrap();
    assert_eq!(public.trim(), key.to_string());
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&key_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the key is for its owner only");
}
