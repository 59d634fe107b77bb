//! tmp
use std::sync::Arc;
use std::time::Instant;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::*;
use forewarn_domain::id::AgentId;
use forewarn_domain::time::*;
use forewarn_store::readings::*;
#[tokio::test(flavor = "multi_thread")]
async fn speed() {
    let dir = tempfile::tempdir_in("/work/main/target").unwrap();
    let store = ReadingStore::open(&StoreConfig::Chunks { dir: dir.path().to_owned(), cap_bytes: 8 << 30, lateness: Span::from_secs(60) }).await.unwrap();
    let key = StreamKey { agent: AgentId::new("a").unwrap(), epoch: Epoch(1), stream: Stream::NORMAL };
    let channels: Vec<_> = (0..12_000).map(|n| format!("mill-{}/s/p{}", n / 12, n % 12).parse().unwrap()).collect();
    let n = 1500_u64;
    let mut worst = 0.0_f64;
    let mut spent = 0.0;
    for seq in 1..=n {
        let numbers = (0..12_000_u16).map(|c| Reading { channel: c, t: Time::from_micros(1_748_844_000_000_000 + seq as i64 * 1_000_000), value: f64::from((u32::from(c) * 7 + seq as u32 * 13) % 1000) / 10.0, quality: Quality::Good }).collect();
        let b = Arc::new(Batch { key: key.clone(), seq, body: BatchBody::Readings(Readings { channels: channels.clone(), numbers, ..Default::default() }) });
        let s = Instant::now();
        store.append(vec![b]).await.unwrap();
        let e = s.elapsed().as_secs_f64();
        worst = worst.max(e);
        spent += e;
        store.release(&[(key.clone(), seq)]);
    }
    println!("SPEED {} readings/s, worst {} ms", n as f64 * 12_000.0 / spent, worst * 1e3);
    let s = Instant::now(); store.seal().await.unwrap(); println!("SPEED seal {:?}", s.elapsed());
    let c = channels[77].clone();
    for _ in 0..2 { let s = Instant::now(); let r = store.range(&c, Time::from_micros(0), Time::from_micros(i64::MAX/2), 999_999).await.unwrap(); println!("SPEED range {} {:?}", r.len(), s.elapsed()); }
    for e in std::fs::read_dir(dir.path()).unwrap() { let e = e.unwrap(); println!("SPEED {:?} {}", e.file_name(), e.metadata().unwrap().len()); }
    drop(store);
    let s = Instant::now();
    let _store = ReadingStore::open(&StoreConfig::Chunks { dir: dir.path().to_owned(), cap_bytes: 8 << 30, lateness: Span::from_secs(60) }).await.unwrap();
    println!("SPEED reopen {:?}", s.elapsed());
}
#[tokio::test(flavor = "multi_thread")]
async fn year() {
    let dir = tempfile::tempdir_in("/work/main/target").unwrap();
    let store = ReadingStore::open(&StoreConfig::Chunks { dir: dir.path().to_owned(), cap_bytes: 8 << 30, lateness: Span::from_secs(60) }).await.unwrap();
    let key = StreamKey { agent: AgentId::new("a").unwrap(), epoch: Epoch(1), stream: Stream::NORMAL };
    let channels: Vec<ChannelId> = vec!["mill/s/p".parse().unwrap()];
    let t0 = 1_748_844_000_000_000_i64;
    for day in 0..365_i64 {
        let numbers = (0..86_400_i64).map(|s| Reading { channel: 0, t: Time::from_micros(t0 + (day * 86_400 + s) * 1_000_000), value: ((s * 7) % 1000) as f64 / 10.0, quality: Quality::Good }).collect();
        let b = Arc::new(Batch { key: key.clone(), seq: day as u64 + 1, body: BatchBody::Readings(Readings { channels: channels.clone(), numbers, ..Default::default() }) });
        store.append(vec![b]).await.unwrap();
        store.release(&[(key.clone(), day as u64 + 1)]);
    }
    store.seal().await.unwrap();
    let y = Time::from_micros(t0 + 365 * 86_400 * 1_000_000);
    for (from, count) in [(t0, 500), (t0, 2000), (t0 + 275 * 86_400_000_000, 2160), (t0, 10_000)] {
        let s = Instant::now();
        let b = store.buckets(&channels[0], Time::from_micros(from), y, count).await.unwrap();
        println!("SPEED buckets {} {} {:?}", b.len(), b.iter().map(|b| b.n).sum::<u64>(), s.elapsed());
    }
}
use forewarn_domain::channel::ChannelId;
