//! The sender dies between sending and marking, again and again: this test program once more, with a
//! fatal place in the environment.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::family::Priority;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_store::failpoint;

use crate::bed::{self, open, open_tickets};
use crate::samples::NOW;
use crate::services::Services;
use crate::{HEAD, WEBHOOK};

/// Kills the sender often, and compares what the receiver got with what the outbox held.
pub(crate) fn kill_and_count() {
    let runtime = runtime();
    runtime.block_on(async {
        let clock = Clock::manual(NOW.micros());
        let services = Services::start(clock).await;
        let folder = tempfile::tempdir().unwrap();
        let config = format!("{HEAD}{WEBHOOK}").replace("URL", &services.url(""));
        std::fs::write(folder.path().join("messages.toml"), &config).unwrap();
        bed::write_files(folder.path(), &services.url("/sms"));
        let (records, _lines) = open(folder.path(), &config).await;
        let which: Vec<(String, i64)> =
            (0..TICKETS).map(|it| (format!("mill-{it:03}"), it % 7)).collect();
        open_tickets(&records, &which, Priority::P2, NOW).await;
        for life in 0..KILLS {
            let mut child = start(folder.path(), life, Some(life % 3));
            // Waiting for a child closes its input, which would let it stop in order.
            let _input = child.stdin.take();
            let child = tokio::task::spawn_blocking(move || child.wait().unwrap());
            let status = tokio::time::timeout(LIFE_MAX, child).await.unwrap().unwrap();
            assert!(!status.success(), "life {life} was to die: {status}");
        }
        let mut child = start(folder.path(), KILLS, None);
        bed::until_sent(&records).await;
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());

        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let told = services.of("webhook");
        for told in &told {
            *times.entry(told.id.clone()).or_default() += 1;
        }
        let tickets = usize::try_from(TICKETS).unwrap();
        assert_eq!(times.len(), tickets, "each message came, under its own key");
        assert_eq!(
            told.len(),
            tickets + usize::try_from(KILLS).unwrap(),
            "one extra for each kill"
        );
    });
}

/// Sends, when this process was started by [`start`]; says whether it was.
pub(crate) fn serves() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else { return false };
    let life: i64 = std::env::var(LIFE).unwrap().parse().unwrap();
    runtime().block_on(async {
        let folder = Path::new(&folder);
        let config = std::fs::read_to_string(folder.join("messages.toml")).unwrap();
        let (records, lines) = open(folder, &config).await;
        // A later life has a later clock, so that what the one before had taken is due again.
        let clock = Clock::manual(Time::from_micros(NOW.micros() + life * 61_000_000).micros());
        let hands = clock.clone();
        let tasks = Tasks::default();
        let notify = bed::stage(records, Arc::clone(&lines), clock);
        tasks.start("notify", |stop| notify.run(stop));
        let ended = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin()));
        // The clock goes on, since the channel allows so many requests a second.
        tokio::select! {
            _ended = ended => {}
            () = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    hands.advance(Duration::from_millis(100));
                }
            } => {}
        }
        tasks.stop(Duration::from_secs(10)).await.unwrap();
    });
    true
}

fn start(folder: &Path, life: u32, passes: Option<u32>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["a_sender_that_is_killed", "--quiet"])
        .env(FOLDER, folder)
        .env(LIFE, life.to_string())
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    if let Some(passes) = passes {
        command.env(failpoint::PLACE, PLACE).env(failpoint::PASSES, passes.to_string());
    }
    command.spawn().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

const PLACE: &str = "server: told, not marked as told";
const FOLDER: &str = "FOREWARN_TEST_SENDER_FOLDER";
const LIFE: &str = "FOREWARN_TEST_SENDER_LIFE";
const TICKETS: i64 = 60;
const KILLS: u32 = 12;
const LIFE_MAX: Duration = Duration::from_secs(30);
