//! What people say of anomalies becomes a change of the rule that they may approve: a limit that
//! separates the rejected ones from the confirmed ones, with its run over the stored history.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "retention/plant.rs"]
#[expect(dead_code, reason = "shared with the test of retention, which uses all of it")]
mod plant;
#[path = "retention/server.rs"]
#[expect(dead_code, reason = "shared with the test of retention, which uses all of it")]
mod server;

use std::time::{Duration, Instant};

use forewarn_api::views::TrialReportView;
use forewarn_domain::episode::EpisodeId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Reading, Readings, Stream};
use forewarn_domain::time::Span;
use forewarn_store::readings::{ClassRetention, RetentionPolicy};
use forewarn_store::records::{
    EpisodeFilter, Judgement, Marked, Proposal, Reason, Records, Saying, TrialState,
};
use forewarn_wire::broker;
use plant::{Told, channel, day};
use server::{House, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_proposed_that_spares_the_false_alarms_and_loses_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let server = house(folder.path()).serve(day(1)).await;
    let mut told = Told::default();
    let batches: Vec<Batch> = (0..16).map(|hour| oil(&mut told, hour)).collect();
    server.hear(&told, &batches, || {}).await;
    let (mild, hot) = episodes(&server).await;
    assert_eq!((mild.len(), hot.len()), (6, 2), "six peaks of 72 and two of 80 degrees");

    say(&server.records, &hot, Judgement::Confirmed).await;
    say(&server.records, &mild, Judgement::Rejected).await;

    let (proposal, report) = judged(&server.records).await;
    assert_eq!((proposal.new.rule.as_str(), proposal.new.kind.as_str()), ("hot", "limit"));
    assert_eq!(proposal.state, "open", "its own run speaks for it: {report:?}");
    let on: f64 = on_of(&proposal.new.toml);
    assert!((72.5..79.0).contains(&on), "between both, nearer to the false alarms: {on}");
    assert_eq!((report.judged.rejected_in_base, report.judged.rejected_in_candidate), (6, 0));
    assert_eq!((report.judged.confirmed_in_base, report.judged.confirmed_in_candidate), (2, 2));
    assert_eq!((report.gone.len(), report.lost.len()), (6, 0), "{report:?}");
    assert!(proposal.new.why.en.contains("6 anomalies") && proposal.new.why.zh.contains("6 个"));

    let (approved, _) = server.records.approve(proposal.number, "li", day(1)).await.unwrap();
    assert_eq!(approved.state, "approved");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marked_fault_that_no_rule_saw_becomes_a_limit_with_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = house(folder.path()).serve(day(1)).await;
    let mut told = Told::default();
    let batches: Vec<Batch> = (0..24).map(|hour| vibration(&mut told, hour)).collect();
    server.hear(&told, &batches, || {}).await;
    assert_eq!(server.records.episodes(&EpisodeFilter::default(), None, 10).await.unwrap(), []);

    let at = |minute: i64| day(0) + Span::from_secs(60 * minute);
    let marked = Marked {
        site: "plant".parse().unwrap(),
        channel: channel("oil"),
        component: "spindle".parse().unwrap(),
        family: FaultFamily::Rotor,
        since: at(ROUGH),
        until: at(ROUGH + 30),
        judgement: Judgement::Confirmed,
        reason: None,
        note: "noise".to_owned(),
        author: "li".to_owned(),
        at: day(1),
    };
    server.records.mark(&marked).await.unwrap();

    let (proposal, report) = judged(&server.records).await;
    assert_eq!((proposal.new.kind.as_str(), proposal.state.as_str()), ("mined", "open"));
    assert_eq!(proposal.new.rule.as_str(), "mined-spindle-vibration-above");
    let mined = proposal.new.toml.split("mined-").nth(1).unwrap();
    let on = on_of(mined);
    assert!((1.2..5.0).contains(&on), "between the usual range and what was marked: {on}");
    assert_eq!((report.judged.confirmed_in_base, report.judged.confirmed_in_candidate), (0, 1));
    assert_eq!(report.new.len(), 1, "nothing else would have been told: {report:?}");
    assert!(proposal.new.why.en.contains("li marked a fault of spindle"), "{:?}", proposal.new.why);
    assert!(proposal.new.why.zh.contains("li 标记了 spindle"), "{:?}", proposal.new.why);
    server.stop().await;
}

/// An hour of calm oil and of vibration that is rough for half an hour of the day.
fn vibration(told: &mut Told, hour: i64) -> Batch {
    let mut readings =
        Readings { channels: ["vibration", "oil"].map(channel).to_vec(), ..Readings::default() };
    for minute in hour * 60..(hour + 1) * 60 {
        let t = day(0) + Span::from_secs(60 * minute);
        let rough = if (ROUGH..ROUGH + 30).contains(&minute) { 4.0 } else { 0.0 };
        let good = |channel, value| Reading { channel, t, value, quality: Quality::Good };
        readings
            .numbers
            .extend([good(0, 1.0 + rough + noise(minute)), good(1, 55.0 + noise(minute))]);
    }
    told.batch(Stream::NORMAL, BatchBody::Readings(readings))
}

/// The minute from which the mill shakes.
const ROUGH: i64 = 1_200;

/// An hour of oil, each minute.
fn oil(told: &mut Told, hour: i64) -> Batch {
    let of = |minute: i64| Reading {
        channel: 0,
        t: day(0) + Span::from_secs(60 * minute),
        value: 55.0 + peak(minute) + noise(minute),
        quality: Quality::Good,
    };
    let numbers = (hour * 60..(hour + 1) * 60).map(of).collect();
    let readings = Readings { channels: vec![channel("oil")], numbers, ..Readings::default() };
    told.batch(Stream::NORMAL, BatchBody::Readings(readings))
}

/// Eight peaks two hours apart, each of ten minutes: the third and the sixth are hot.
fn peak(minute: i64) -> f64 {
    match (minute / 120, minute % 120) {
        (2 | 5, 60..70) => 25.0,
        (_, 60..70) => 17.0,
        _ => 0.0,
    }
}

fn noise(minute: i64) -> f64 {
    f64::from(i32::try_from(minute * 37 % 101).unwrap()) / 1_000.0
}

/// Episodes of the hot oil: those of the mild peaks and those of the hot ones.
async fn episodes(server: &Server) -> (Vec<EpisodeId>, Vec<EpisodeId>) {
    let rows = server.records.episodes(&EpisodeFilter::default(), None, 100).await.unwrap();
    let (mut mild, mut hot) = (Vec::new(), Vec::new());
    for row in rows {
        let minute = (row.episode.onset - day(0)).micros() / 60_000_000;
        if matches!(minute / 120, 2 | 5) { &mut hot } else { &mut mild }.push(row.episode.id);
    }
    (mild, hot)
}

async fn say(records: &Records, episodes: &[EpisodeId], judgement: Judgement) {
    let saying = Saying {
        episodes: episodes.to_vec(),
        judgement,
        reason: (judgement == Judgement::Rejected).then_some(Reason::TooTight),
        note: String::new(),
        merged_into: None,
        author: "li".to_owned(),
        at: day(1),
        request: None,
    };
    records.say(&saying).await.unwrap();
}

/// The only proposal, when its run is over and has been looked at.
async fn judged(records: &Records) -> (Proposal, TrialReportView) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(120), "no proposal with a run came");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let all = records.proposals(10).await.unwrap();
        let Some(first) = all.first() else { continue };
        assert_eq!(all.len(), 1, "one way is enough: {all:?}");
        let trial = records.trial(first.new.backtest).await.unwrap();
        match trial.state {
            TrialState::Done => {}
            TrialState::Queued | TrialState::Running => continue,
            TrialState::Cancelled | TrialState::Failed => panic!("{:?}", trial.why),
        }
        // The end of a run is a change, upon which proposals are looked at once more.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let report = serde_json::from_str(&trial.report.unwrap()).unwrap();
        return (records.proposal(first.number).await.unwrap(), report);
    }
}

fn on_of(toml: &str) -> f64 {
    let line = toml.lines().find_map(|it| it.strip_prefix("on = ")).unwrap();
    line.parse().unwrap()
}

fn house(folder: &std::path::Path) -> House {
    let broker = broker::start("127.0.0.1:0".parse().unwrap()).unwrap().address.port();
    let spans = |days: i64| Span::from_secs(days * 86_400);
    let kept = ClassRetention { raw: spans(90), rollup: spans(900), waveform: spans(30) };
    let policy = RetentionPolicy::uniform(kept);
    House { folder: folder.to_owned(), broker, policy, cap_bytes: 1 << 30 }
}
