//! The whole server lets what it keeps grow old: readings, summaries, texts and waveforms go when
//! their class says so, evidence stays, and what went is counted.
//!
//! Time is handed in: the server is started again at a later date, with the policy that `serve`
//! makes of its settings. Deliberately absent: how the store deletes, which its own tests look at.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "retention/plant.rs"]
mod plant;
#[path = "../crates/forewarn/src/retention.rs"]
mod policy;
#[path = "retention/server.rs"]
mod server;

use std::collections::BTreeMap;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::reading::Batch;
use forewarn_domain::ticket::{Command, TicketId};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::WaveformHeader;
use forewarn_store::readings::RetentionPolicy;
use forewarn_store::records::{Act, StateFilter, TicketFilter, WaveformQuery};
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_wire::broker;
use plant::{HOURS, Told, channel, day};
use server::{House, Server, names_of_waveforms};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_class_goes_when_its_time_is_over_and_evidence_stays() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path(), 1 << 30);
    let mut past = Past::default();
    let server = house.serve(day(1)).await;
    let ticket = past.first_day(&server).await;
    let held = past.held(&server, ticket).await;
    server.stop().await;

    let server = past.serve(&house, day(4)).await;
    past.fourth_day(&server).await;
    server.stop().await;
    assert_eq!(past.gone, Gone::default(), "nothing is old enough yet");

    let server = past.serve(&house, day(6)).await;
    assert_eq!(past.waveforms(&server).await, ["held", "other class", "twin of the fourth day"]);
    assert_eq!(past.gone.waveforms, 2, "two of the vibration class are over five days old");
    let files = names_of_waveforms(folder.path());
    assert_eq!(files, past.files_of(&["held", "other class", "twin of the fourth day"]));
    server.stop().await;

    let server = past.serve(&house, day(11)).await;
    assert_eq!(count(&server, "vibration", day(0)).await, (0, FED), "the summaries stay");
    assert_eq!(count(&server, "vibration", day(4)).await, (FED, FED));
    assert_eq!(count(&server, "oil", day(0)).await, (FED, FED), "another class");
    assert_eq!(past.gone.readings, FED);
    assert_eq!(past.waveforms(&server).await, ["held", "other class"]);
    server.stop().await;

    let server = past.serve(&house, day(41)).await;
    let (raw, summed) = count(&server, "oil", day(0)).await;
    assert_eq!((raw, summed), (held, FED), "only the hours that the ticket rests on");
    assert_eq!(past.gone.readings, 2 * FED + (FED - held));
    assert_eq!(past.waveforms(&server).await, ["held"], "its class keeps it for twenty days");
    server.stop().await;

    let server = past.serve(&house, day(61)).await;
    assert_eq!(count(&server, "vibration", day(0)).await, (0, 0), "now its summaries are over");
    assert_eq!(past.gone.rollups, u64::try_from(HOURS).unwrap());
    assert_eq!(texts(&server).await, 2 * HOURS.unsigned_abs());
    server.stop().await;

    let server = past.serve(&house, day(101)).await;
    assert_eq!(texts(&server).await, HOURS.unsigned_abs(), "texts of the fourth day are younger");
    assert_eq!(count(&server, "oil", day(0)).await, (held, FED), "still evidence");
    dismiss(&server, ticket, day(101)).await;
    server.stop().await;

    let server = past.serve(&house, day(102)).await;
    assert_eq!(count(&server, "oil", day(0)).await, (held, FED), "a false alarm teaches rules");
    server.stop().await;

    let server = past.serve(&house, day(500)).await;
    let evidence = count(&server, "oil", day(0)).await;
    assert_eq!(evidence, (held, held), "evidence outlives even the summaries around it");
    assert_eq!(past.gone.readings, 4 * FED - held);
    assert_eq!(past.gone.texts, 2 * HOURS.unsigned_abs());
    assert_eq!(past.waveforms(&server).await, ["held"]);
    let sealed = server.records.evidence_of(ticket).await.unwrap();
    assert!(sealed.iter().all(|it| it.seal.is_some()), "{sealed:?}");
    for stretch in sealed {
        let (from, to) = (stretch.from, stretch.to);
        let found = server.readings.fingerprint(&stretch.channel, from, to).await.unwrap();
        assert_eq!(Some(found), stretch.seal, "what was sealed on the first day is still there");
    }
    server.stop().await;

    let server = past.serve(&house, day(101 + 731)).await;
    assert_eq!(count(&server, "oil", day(0)).await, (0, 0), "two years after its end");
    assert_eq!(past.gone.readings, 4 * FED, "every reading that was stored is counted as gone");
    assert_eq!(past.waveforms(&server).await, [""; 0]);
    assert_eq!(names_of_waveforms(folder.path()), [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readings_file_stays_within_its_cap_and_what_goes_for_it_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path(), CAP_BYTES);
    let server = house.serve(day(1)).await;
    let mut told = Told::default();
    let mut largest = 0;
    let batches: Vec<Batch> = (0..CAP_BATCHES)
        .map(|round| {
            let begin = day(0) + Span::from_secs(600 * round);
            told.noise(begin, CAP_READINGS, round.unsigned_abs() + 1)
        })
        .collect();
    server.hear(&told, &batches, || largest = house.readings_bytes().max(largest)).await;
    let fed = (CAP_BATCHES * CAP_READINGS).unsigned_abs();
    assert!(CAP_BYTES < 8 * fed, "not enough was fed to reach the cap");
    assert!(largest <= CAP_BYTES, "{largest} bytes are more than the cap of {CAP_BYTES}");
    server.stop().await;

    // What went since the last clean-up is counted by the next one, also by another process.
    let server = house.serve(day(1)).await;
    let noise = channel("vibration");
    let left = server.readings.range(&noise, day(0), day(2), usize::MAX).await.unwrap();
    let gone = server.counted("retain_over_cap_readings");
    assert!(0 < gone, "nothing had to go");
    assert_eq!(gone + u64::try_from(left.len()).unwrap(), fed, "stored is kept or counted as gone");
    let oldest = left.first().unwrap().t;
    assert!(day(0) < oldest, "the oldest goes first");
    let newest = day(0) + Span::from_secs(600 * (CAP_BATCHES - 1));
    assert!(newest < left.last().unwrap().t);
    server.stop().await;
}

#[test]
fn a_waveform_is_of_the_class_of_what_is_computed_from_it() {
    let policy = retention();
    assert_eq!(policy.class(&channel("acc")), "vibration");
    assert_eq!(policy.class(&channel("acc.z.vel_rms")), "vibration");
    assert_eq!(policy.spans("vibration").waveform, Span::from_secs(5 * 86_400));
}

/// What was kept and what went, by name and over all lives of the server.
#[derive(Default)]
struct Past {
    told: Told,
    waveforms: BTreeMap<String, WaveformHeader>,
    gone: Gone,
}

#[derive(Debug, Default, Eq, PartialEq)]
struct Gone {
    readings: u64,
    rollups: u64,
    texts: u64,
    waveforms: u64,
}

impl Past {
    /// Tells the first day; gives the ticket that it opens.
    async fn first_day(&mut self, server: &Server) -> TicketId {
        let mut batches = self.told.hours_of(day(0));
        let class = channel("acc");
        for (name, samples, of) in [
            ("held", 1, class.clone()),
            ("free", 2, class.clone()),
            ("twin", 3, class),
            // No channel of the plant: it is of the class for everything else.
            ("other class", 4, channel("current")),
        ] {
            batches.push(self.waveform((name, samples), of, day(0)));
        }
        server.hear(&self.told, &batches, || {}).await;
        let open = TicketFilter { state: StateFilter::Open, ..TicketFilter::default() };
        let tickets = server.records.tickets(&open, None, 10).await.unwrap();
        assert_eq!(tickets.len(), 1, "the oil was hot once");
        let held = self.waveforms["held"].sha256;
        let until = day(0) + Span::from_secs(2 * 365 * 86_400);
        server.records.hold_waveform(held, tickets[0].id, until).await.unwrap();
        tickets[0].id
    }

    async fn fourth_day(&mut self, server: &Server) {
        let mut batches = self.told.hours_of(day(4));
        let twin = ("twin of the fourth day", 3);
        batches.push(self.waveform(twin, channel("acc"), day(4)));
        server.hear(&self.told, &batches, || {}).await;
    }

    fn waveform(&mut self, (name, samples): (&str, u8), channel: ChannelId, begin: Time) -> Batch {
        let t0 = begin + Span::from_secs(60 * i64::from(samples));
        // Only to learn the hash of the samples; the server gets them over the line.
        let scratch = tempfile::tempdir().unwrap();
        let files = WaveformFiles::open(scratch.path()).unwrap();
        let (batch, header) = self.told.waveform(channel, t0, samples, &files);
        self.waveforms.insert(name.to_owned(), header);
        batch
    }

    /// How many readings of the oil lie in hours that the ticket rests on.
    async fn held(&self, server: &Server, ticket: TicketId) -> u64 {
        let draft = server.records.ticket_draft(ticket).await.unwrap();
        let trends = draft.evidence.trends.iter().filter(|it| it.channel == channel("oil"));
        let spans: Vec<(Time, Time)> = trends.map(|it| (it.from, it.to)).collect();
        let hours = (0..HOURS).filter(|hour| {
            let (from, to) = (hour_at(*hour), hour_at(hour + 1));
            spans.iter().any(|(first, last)| *first < to && from < *last)
        });
        let held = 60 * u64::try_from(hours.count()).unwrap();
        assert!(0 < held && held < FED, "a ticket rests on some hours, not on {held} of {FED}");
        held
    }

    /// Starts the server, and takes down what it has counted as gone.
    async fn serve(&mut self, house: &House, now: Time) -> Server {
        let server = house.serve(now).await;
        self.gone.readings += server.counted("retain_expired_readings");
        self.gone.rollups += server.counted("retain_expired_rollups");
        self.gone.texts += server.counted("retain_expired_texts");
        self.gone.waveforms += server.counted("retain_expired_waveforms");
        server
    }

    /// Names of the waveforms that the records know.
    async fn waveforms(&self, server: &Server) -> Vec<&str> {
        let mut found = Vec::new();
        for channel in server.records.waveform_channels().await.unwrap() {
            let all = WaveformQuery { channel, from: day(-1), to: day(9_999), limit: 100 };
            for row in server.records.waveforms(&all).await.unwrap() {
                let name = self.waveforms.iter().find(|(_, header)| **header == row.header);
                found.push(name.unwrap().0.as_str());
            }
        }
        found.sort_unstable();
        found
    }

    fn files_of(&self, names: &[&str]) -> Vec<String> {
        let mut files: Vec<String> =
            names.iter().map(|it| self.waveforms[*it].sha256.to_string()).collect();
        files.sort();
        files
    }
}

fn house(folder: &std::path::Path, cap_bytes: u64) -> House {
    let broker = broker::start("127.0.0.1:0".parse().unwrap()).unwrap().address.port();
    House { folder: folder.to_owned(), broker, policy: retention(), cap_bytes }
}

/// The policy of `serve` for these settings.
fn retention() -> RetentionPolicy {
    let settings: BTreeMap<String, policy::Kept> = toml::from_str(SETTINGS).unwrap();
    policy::policy(&plant::plant(), &settings).unwrap()
}

/// Readings of a channel on a day: single ones, and those that the summaries count.
async fn count(server: &Server, point: &str, begin: Time) -> (u64, u64) {
    let (channel, end) = (channel(point), begin + Span::from_secs(86_400));
    let raw = server.readings.range(&channel, begin, end, usize::MAX).await.unwrap().len();
    let buckets = server.readings.buckets(&channel, begin, end, 24).await.unwrap();
    (u64::try_from(raw).unwrap(), buckets.iter().map(|it| it.n).sum())
}

async fn texts(server: &Server) -> u64 {
    let texts = server.readings.texts(&channel("program"), day(-1), day(9_999), 10_000).await;
    u64::try_from(texts.unwrap().len()).unwrap()
}

async fn dismiss(server: &Server, ticket: TicketId, at: Time) {
    let act = Act {
        ticket: ticket.to_string(),
        command: Command::FalseAlarm { reason: "a test".to_owned() },
        actor: "test".to_owned(),
        at,
        if_revision: None,
        request: None,
    };
    server.records.act(&act).await.unwrap();
}

fn hour_at(hour: i64) -> Time {
    day(0) + Span::from_secs(3_600 * hour)
}

/// As a site would write it into `server.toml`; what is not named keeps its default.
const SETTINGS: &str = r#"
[vibration]
raw = "10d"
rollup = "60d"
waveform = "5d"
[process]
raw = "40d"
rollup = "400d"
waveform = "20d"
"#;

/// Readings of one channel on one day.
const FED: u64 = 60 * HOURS.unsigned_abs();

/// Small, so that little has to be fed; a real one is a thousand times as large.
const CAP_BYTES: u64 = 16 << 20;
const CAP_BATCHES: i64 = 250;
const CAP_READINGS: i64 = 10_000;
