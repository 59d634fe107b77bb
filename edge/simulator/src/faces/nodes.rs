//! Sensor nodes that publish over MQTT: one connection and one task for each link.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_domain::time::Span;
use forewarn_lifecycle::Tasks;
use forewarn_wire::mqtt::{self, ConnectOptions, Connection, Publication, Publisher};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{FaceError, LiveMachine, LiveMachines};
use crate::burst::RawBurst;
use crate::node::{self, Node, NodeMessage};
use crate::plant::SimulatedPlant;

pub(super) fn start(
    plant: &SimulatedPlant,
    machines: &LiveMachines,
    broker: SocketAddr,
    tasks: &Tasks,
) -> Result<(), FaceError> {
    for (link, nodes) in nodes_by_link(plant, machines)? {
        let client = format!("simulated-nodes-{link}");
        let options = ConnectOptions::new(broker.ip().to_string(), broker.port(), client);
        let (connection, driver) =
            mqtt::open(options).map_err(|source| FaceError::Mqtt { link: link.clone(), source })?;
        tasks.start("node connection", |stop| driver.run(stop));
        tasks.start("nodes", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = publish(nodes, connection) => {}
            }
        });
    }
    Ok(())
}

fn nodes_by_link(
    plant: &SimulatedPlant,
    machines: &LiveMachines,
) -> Result<BTreeMap<LinkId, Vec<LiveNode>>, FaceError> {
    let mut links: BTreeMap<LinkId, Vec<LiveNode>> = BTreeMap::new();
    for device in plant.site().devices() {
        for source in &device.device.sources {
            let is_mqtt = plant
                .site()
                .link(&source.link)
                .is_some_and(|link| matches!(link.via, Transport::Mqtt { .. }));
            let template = plant.site().template(&source.template);
            if let (true, Some(template), Some(machine)) =
                (is_mqtt, template, machines.one(&device.device.id))
            {
                let address = source.address.clone();
                let address = address.unwrap_or_else(|| device.device.id.to_string());
                let node = Node::new(Arc::clone(template), address)?;
                let trend = Turn::new(node.trend_every());
                let bursts = node.waveforms().map(|(_, every)| Turn::new(every)).collect();
                links.entry(source.link.clone()).or_default().push(LiveNode {
                    node: Arc::new(node),
                    machine,
                    trend,
                    bursts,
                });
            }
        }
    }
    Ok(links)
}

struct LiveNode {
    node: Arc<Node>,
    machine: LiveMachine,
    trend: Turn,
    /// One for each waveform of the node.
    bursts: Vec<Turn>,
}

/// Something that is done every so often, and as soon as possible when its time has passed.
struct Turn {
    every_ticks: u32,
    waited: u32,
}

impl Turn {
    fn new(every: Span) -> Self {
        let ticks = every.micros() / TICK_SPAN.micros();
        let every_ticks = u32::try_from(ticks.max(1)).unwrap_or(u32::MAX);
        Self { every_ticks, waited: every_ticks }
    }

    /// Whether it is due, counting one more tick.
    fn is_due(&mut self) -> bool {
        self.waited = self.waited.saturating_add(1);
        self.every_ticks <= self.waited
    }

    fn done(&mut self) {
        self.waited = 0;
    }
}

async fn publish(mut nodes: Vec<LiveNode>, connection: Connection) {
    let tick = TICK_SPAN.to_std();
    let mut ticks = interval_at(Instant::now() + tick, tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        for node in &mut nodes {
            for message in node.messages().await {
                send(&connection.publisher, message).await;
            }
        }
    }
}

impl LiveNode {
    async fn messages(&mut self) -> Vec<NodeMessage> {
        let mut messages = Vec::new();
        if self.trend.is_due() {
            self.trend.done();
            messages.extend(self.node.trend(&self.machine.now()));
        }
        let node = Arc::clone(&self.node);
        for ((waveform, _), turn) in node.waveforms().zip(&mut self.bursts) {
            if !turn.is_due() {
                continue;
            }
            let machine = self.machine.now().clone();
            if !node::is_ready(waveform, &machine) {
                continue;
            }
            turn.done();
            let axes = waveform.samples.axes.clone();
            // Two milliseconds of sine and noise are too long for a task's turn.
            let captured = tokio::task::spawn_blocking(move || RawBurst::capture(&machine, &axes));
            match captured.await {
                Ok(raw) => messages.extend(node.burst(waveform, &raw)),
                Err(error) => tracing::error!(%error, "a burst was not captured"),
            }
        }
        messages
    }
}

async fn send(publisher: &Publisher, NodeMessage { topic, payload }: NodeMessage) {
    let sent = timeout(SEND_WITHIN, publisher.publish(Publication::new(topic, payload))).await;
    match sent {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a node's message was not sent"),
        Err(_elapsed) => tracing::warn!("the broker is away; a node's message was dropped"),
    }
}

/// Fine enough for a node that sends every second.
const TICK_SPAN: Span = Span::from_millis(500);

/// A node has no memory: what the broker does not take at once is lost, as on a real one.
const SEND_WITHIN: Duration = Duration::from_secs(1);
