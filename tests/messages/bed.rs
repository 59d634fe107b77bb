//! The real stage over a real outbox, with a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forewarn_api::channels::MessageChannels as _;
use forewarn_domain::family::Priority;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::ticket::TicketId;
use forewarn_domain::ticket::course::PEOPLE;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_notify::MessagesFile;
use forewarn_server::{ChannelDesk, Lines, Notify};
use forewarn_store::records::{Commit, MessageFilter, MessageRow, Records, TicketWrite};
use forewarn_tickets::Handbook;
use tempfile::TempDir;

use crate::samples::{NOW, draft, episode};
use crate::services;

pub(crate) const SITE: &str = r#"
schema = "forewarn.site/1"
[site]
id = "plant"
name = { en = "Plant", zh = "工厂" }
time_zone = "Asia/Shanghai"
[[device]]
id = "mill-01"
name = { en = "Mill 1", zh = "一号铣床" }
class = "cnc-mill"
area = "hall-a"
source = []
[[device]]
id = "mill-02"
name = { en = "Mill 2", zh = "二号铣床" }
class = "cnc-mill"
area = "hall-b"
source = []
"#;

const SECRETS: [(&str, &str); 7] = [
    ("wecom.key", services::WECOM_KEY),
    ("dingtalk.token", services::DINGTALK_TOKEN),
    ("dingtalk.secret", services::DINGTALK_SECRET),
    ("feishu.hook", services::FEISHU_HOOK),
    ("feishu.secret", services::FEISHU_SECRET),
    ("webhook.secret", services::WEBHOOK_SECRET),
    ("sms.secret", services::SMS_SECRET),
];

pub(crate) struct Bed {
    pub(crate) records: Records,
    pub(crate) clock: Clock,
    pub(crate) desk: ChannelDesk,
    tasks: Tasks,
    _folder: TempDir,
}

impl Bed {
    /// A stage with the channels of a configuration; secrets and the template of the provider lie in
    /// its folder.
    pub(crate) async fn start(config: &str, clock: Clock, sms_url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), sms_url);
        let (records, lines) = open(folder.path(), config).await;
        Self::over(folder, (records, lines), clock)
    }

    /// The same with the handbook that a new plant begins with, its people changed.
    pub(crate) async fn with_handbook(
        config: &str,
        clock: Clock,
        sms_url: &str,
        change: impl Fn(&str) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), sms_url);
        let (records, lines) = open(folder.path(), config).await;
        let mut documents = forewarn_tickets::seeds();
        for document in documents.iter_mut().filter(|it| it.kind == PEOPLE) {
            document.toml = change(&document.toml);
        }
        records.seed_documents(&documents, NOW).await.unwrap();
        let reader = Handbook::reader(Arc::new(plant()));
        Self::over(folder, (records.with_handbook(Arc::new(reader)), lines), clock)
    }

    fn over(folder: TempDir, (records, lines): (Records, Arc<Lines>), clock: Clock) -> Self {
        let tasks = Tasks::default();
        let notify = stage(records.clone(), Arc::clone(&lines), clock.clone());
        tasks.start("notify", |stop| notify.run(stop));
        let desk = ChannelDesk { site: "plant".parse().unwrap(), lines, clock: clock.clone() };
        Self { records, clock, desk, tasks, _folder: folder }
    }

    pub(crate) async fn open_ticket(
        &self,
        device: &str,
        minute: i64,
        priority: Priority,
    ) -> TicketId {
        open_tickets(&self.records, &[(device.to_owned(), minute)], priority, self.now()).await[0]
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass in steps until nothing waits in the outbox any more.
    pub(crate) async fn drain(&self, step_s: u64) {
        let began = Instant::now();
        while 0 < self.records.outbox_counts().await.unwrap().waiting {
            assert!(began.elapsed() < PATIENCE, "messages still wait: {:?}", self.desk.list());
            self.advance(step_s);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn messages(&self) -> Vec<MessageRow> {
        let mut rows = self.records.messages(&MessageFilter::default(), 5_000).await.unwrap();
        rows.reverse();
        rows
    }

    pub(crate) async fn stop(self) {
        self.tasks.stop(Duration::from_secs(20)).await.unwrap();
    }
}

pub(crate) fn write_files(folder: &Path, sms_url: &str) {
    for (name, secret) in SECRETS {
        std::fs::write(folder.join(name), format!("{secret}\n")).unwrap();
    }
    let template = format!(
        "schema = 'forewarn.provider/1'\nurl = '{sms_url}'\nbody_as = 'json'\n\
         text_letters_max = 70\nheaders = {{ authorization = 'Bearer {{secret}}' }}\n\
         body = {{ phones = '{{to}}', content = '{{text}}', reference = '{{id}}' }}\n\
         accepted = {{ field = '/code', is = ['OK'] }}\n\
         refused = {{ field = '/code', is = ['TOO_LONG'] }}\n"
    );
    std::fs::write(folder.join("sms.toml"), template).unwrap();
}

/// The records store of a folder, addressed by the routes of a configuration, and its channels.
pub(crate) async fn open(folder: &Path, config: &str) -> (Records, Arc<Lines>) {
    let file: MessagesFile = toml::from_str(config).unwrap();
    let messages = file.open(folder, "Asia/Shanghai").unwrap();
    let records = Records::open_file(&folder.join("records.db")).await.unwrap();
    let records = records.with_routes(forewarn_server::routes(&messages, &plant()));
    (records, Arc::new(Lines::new(messages.outlets)))
}

fn plant() -> Plant {
    Plant::new(toml::from_str(SITE).unwrap(), Vec::new()).unwrap()
}

pub(crate) fn stage(records: Records, lines: Arc<Lines>, clock: Clock) -> Notify {
    Notify {
        plant: Arc::new(plant()),
        records,
        lines,
        clock,
        metrics: Arc::default(),
        health: Arc::default(),
    }
}

/// Opens tickets in one commit.
pub(crate) async fn open_tickets(
    records: &Records,
    which: &[(String, i64)],
    priority: Priority,
    at: Time,
) -> Vec<TicketId> {
    let mut commit = Commit { at, ..Commit::default() };
    for (device, minute) in which {
        let mut draft = draft(device, *minute);
        draft.priority = priority;
        commit.episodes.push(episode(&draft));
        commit.tickets.push(TicketWrite::Open(Box::new(draft)));
    }
    let committed = records.commit(&commit).await.unwrap();
    committed.opened.into_iter().map(|(id, _)| id).collect()
}

pub(crate) fn clock() -> Clock {
    Clock::manual(NOW.micros())
}

/// Waits until something holds; the stage looks once a second.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until nothing waits in the outbox any more.
pub(crate) async fn until_sent(records: &Records) {
    let began = Instant::now();
    while 0 < records.outbox_counts().await.unwrap().waiting {
        assert!(began.elapsed() < PATIENCE, "messages still wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
