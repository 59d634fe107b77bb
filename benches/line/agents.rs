//! The agents' process: makes batches, hands them over through the product's own link, and counts
//! what the server has acknowledged.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use forewarn_domain::id::SiteId;
use forewarn_domain::reading::Stream;
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_wire::agent_link::{self, AgentLink, AgentLinkOptions, Notice, OutgoingBatch, Outlet};
use forewarn_wire::mqtt::{ConnectOptions, ConnectionState};
use forewarn_wire::payload::encode;
use forewarn_wire::topic::AgentAddress;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Scenario;
use crate::Failure;
use crate::arguments::Arguments;
use crate::load::AgentLoad;

/// Runs all agents of a scenario until everything is acknowledged, and writes what came of it as
/// one JSON line.
///
/// # Errors
///
/// When the broker does not answer or a batch cannot be written.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let start = Time::from_micros(arguments.value("--start", 0)?);
    let broker: SocketAddr = arguments.text("--broker").unwrap_or_default().parse()?;
    let scenario = Scenario::of(arguments, start)?;
    let (tasks, clock) = (Tasks::default(), Clock::system());
    let (go, may_go) = watch::channel(false);
    let (ready, mut are_ready) = mpsc::channel(1);
    let mut senders = JoinSet::new();
    for agent in 0..scenario.load.agents {
        let load = scenario.load.agent(agent)?;
        let options = options(&load, broker)?;
        let (link, driver) = agent_link::open(options, clock.clone())?;
        tasks.start("link", |stop| driver.run(stop));
        let sender = Sender { scenario, clock: clock.clone(), ready: ready.clone() };
        senders.spawn(sender.run(load, link, may_go.clone()));
    }
    drop(ready);
    for _agent in 0..scenario.load.agents {
        are_ready.recv().await.ok_or("an agent did not come up")?;
    }
    writeln!(io::stdout(), "ready")?;
    tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await??;
    go.send_replace(true);

    let mut total = Sent::default();
    while let Some(sent) = senders.join_next().await {
        let sent = sent??;
        total.batches += sent.batches;
        total.behind = total.behind.max(sent.behind);
    }
    let done = clock.now_us();
    let summary = json!({
        "acknowledged": total.batches, "behind_s": total.behind.secs_f64(), "done": done,
    });
    writeln!(io::stdout(), "{summary}")?;
    Ok(tasks.stop(GRACE).await?)
}

fn options(load: &AgentLoad, broker: SocketAddr) -> Result<AgentLinkOptions, Failure> {
    let agent = load.key.agent.clone();
    let name = agent.to_string();
    Ok(AgentLinkOptions {
        address: AgentAddress { site: SiteId::new("bench")?, agent },
        epoch: load.key.epoch,
        software: "bench".to_owned(),
        broker: ConnectOptions::new(broker.ip().to_string(), broker.port(), name),
        resend_after: RESEND_AFTER,
    })
}

/// What one agent got rid of.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    batches: u64,
    /// The longest that a batch waited for room in the window.
    behind: Span,
}

struct Sender {
    scenario: Scenario,
    clock: Clock,
    ready: mpsc::Sender<()>,
}

impl Sender {
    async fn run(
        self,
        mut load: AgentLoad,
        link: AgentLink,
        mut may_go: watch::Receiver<bool>,
    ) -> Result<Sent, Failure> {
        // The other ends must stay open for the link to run.
        let AgentLink { outlet, mut notices, mut connection, standing: _standing } = link;
        let batches = self.scenario.load.batches;
        let made = if self.scenario.is_paced { Vec::new() } else { prepare(&mut load, batches)? };
        connection.wait_for(|it| matches!(it, ConnectionState::Connected { .. })).await?;
        self.ready.send(()).await?;
        may_go.wait_for(|may| *may).await?;
        let acknowledged = async {
            while let Some(notice) = notices.recv().await {
                if let Notice::Acknowledged(ack) = notice
                    && batches < ack.next_seq()
                {
                    return Ok::<(), Failure>(());
                }
            }
            Err("the link ended before everything was acknowledged".into())
        };
        let handed_over = async {
            if self.scenario.is_paced {
                self.hand_over_in_time(&mut load, &outlet).await
            } else {
                for (payload, seq) in made.into_iter().zip(1..) {
                    outlet.send(OutgoingBatch { stream: Stream::NORMAL, seq, payload }).await?;
                }
                Ok(Span::default())
            }
        };
        let (behind, ()) = tokio::try_join!(handed_over, acknowledged)?;
        Ok(Sent { batches, behind })
    }

    /// Each batch is handed over at the time of its readings, or as soon after it as there is room.
    async fn hand_over_in_time(
        &self,
        load: &mut AgentLoad,
        outlet: &Outlet,
    ) -> Result<Span, Failure> {
        let mut behind = Span::default();
        for seq in 1..=self.scenario.load.batches {
            let due = self.scenario.load.at(seq);
            let early = due - Time::from_micros(self.clock.now_us());
            if Span::default() < early {
                tokio::time::sleep(early.to_std()).await;
            }
            let payload = Bytes::from(encode(&load.batch(seq), 1)?);
            outlet.send(OutgoingBatch { stream: Stream::NORMAL, seq, payload }).await?;
            behind = behind.max(Time::from_micros(self.clock.now_us()) - due);
        }
        Ok(behind)
    }
}

/// A backlog lies written on the agent's disk; here it lies in memory.
fn prepare(load: &mut AgentLoad, batches: u64) -> Result<Vec<Bytes>, Failure> {
    let made = (1..=batches).map(|seq| Ok(Bytes::from(encode(&load.batch(seq), 1)?)));
    made.collect()
}

/// As the agent does.
const RESEND_AFTER: Duration = Duration::from_secs(5);

const GRACE: Duration = Duration::from_secs(5);
