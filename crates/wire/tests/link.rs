//! Agents and server over real brokers: the embedded one and Mosquitto, killed and restarted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "link/mosquitto.rs"]
mod mosquitto;
#[path = "link/plant.rs"]
mod plant;

use std::time::Duration;

use forewarn_lifecycle::{CancellationToken, Clock, Tasks};
use forewarn_wire::agent_link::{self, Notice};
use forewarn_wire::mqtt::{self, ConnectOptions, ConnectionState, Publication};
use forewarn_wire::payload::AgentState;
use forewarn_wire::server_link::{self, Delivery};

use mosquitto::Mosquitto;
use plant::{GRACE, Plant, agent_options, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_comes_back_over_the_embedded_broker() {
    round_trip(embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_comes_back_over_mosquitto() {
    let Some(broker) = Mosquitto::start_or_skip("what_is_published_comes_back_over_mosquitto")
    else {
        return;
    };
    round_trip(broker.port()).await;
}

async fn round_trip(port: u16) {
    let tasks = Tasks::default();
    let options = ConnectOptions::new("127.0.0.1", port, "round-trip").subscribe("shop/+/readings");
    let (mut connection, driver) = mqtt::open(options).unwrap();
    tasks.start("mqtt", |stop| driver.run(stop));
    let ready = |state: &ConnectionState| matches!(state, ConnectionState::Connected { .. });
    within(connection.state.wait_for(ready)).await.unwrap();
    let big = vec![7_u8; mqtt::PAYLOAD_BYTES_MAX];
    for payload in [b"{}".to_vec(), big] {
        let publication = Publication::new("shop/mill-01/readings", payload.clone());
        within(connection.publisher.publish_confirmed(publication)).await.unwrap();
        let mut incoming = within(connection.incoming.recv()).await.unwrap();
        incoming.acknowledge().await;
        assert_eq!((incoming.topic.as_str(), incoming.retain), ("shop/mill-01/readings", false));
        assert_eq!(incoming.payload, payload);
    }
    tasks.stop(GRACE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_messages_than_any_queue_holds_all_arrive() {
    let tasks = Tasks::default();
    let port = embedded();
    let options = ConnectOptions::new("127.0.0.1", port, "flood").subscribe("flood");
    let (mut connection, driver) = mqtt::open(options).unwrap();
    tasks.start("mqtt", |stop| driver.run(stop));
    let publisher = connection.publisher.clone();
    tasks.start_errand("publisher", |_stop| async move {
        for n in 0..5_000_u32 {
            publisher.publish(Publication::new("flood", n.to_string())).await.unwrap();
        }
    });
    for n in 0..5_000_u32 {
        let mut incoming = within(connection.incoming.recv()).await.unwrap();
        incoming.acknowledge().await;
        assert_eq!(incoming.payload, n.to_string());
    }
    tasks.stop(GRACE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_batch_is_acknowledged_over_the_embedded_broker() {
    let mut plant = Plant::new(embedded());
    plant.agent_commits(1..=200);
    plant.wait_until_acknowledged(200).await;
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_and_restarted_loses_nothing() {
    let name = "a_broker_that_is_killed_and_restarted_loses_nothing";
    let Some(mut broker) = Mosquitto::start_or_skip(name) else { return };
    let mut plant = Plant::new(broker.port());
    for round in 0..3_u64 {
        let first = 1 + 60 * round;
        plant.agent_commits(first..=first + 29);
        plant.drain_to(15).await;
        broker.kill();
        plant.agent_commits(first + 30..=first + 59);
        broker.restart();
    }
    plant.wait_until_acknowledged(180).await;
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_gets_everything_that_it_missed() {
    let mut plant = Plant::without_server(embedded());
    plant.agent_commits(1..=20);
    plant.start_server();
    plant.wait_until_acknowledged(20).await;
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_tells_when_an_agent_is_lost_and_the_agent_when_it_is_stopped() {
    let name = "the_broker_tells_when_an_agent_is_lost_and_the_agent_when_it_is_stopped";
    let Some(broker) = Mosquitto::start_or_skip(name) else { return };
    let server = Tasks::default();
    let options = ConnectOptions::new("127.0.0.1", broker.port(), "server");
    let (mut link, driver) = server_link::open(options).unwrap();
    server.start("server link", |stop| driver.run(stop));

    let agent = Tasks::default();
    let (agent_side, driver) =
        agent_link::open(agent_options(broker.port()), Clock::system()).unwrap();
    agent.start("agent link", |stop| driver.run(stop));
    wait_for_status(&mut link.deliveries, AgentState::Online).await;
    agent.stop(GRACE).await.unwrap();
    wait_for_status(&mut link.deliveries, AgentState::Stopped).await;
    drop(agent_side);

    let lost = Tasks::default();
    let (agent_side, driver) =
        agent_link::open(agent_options(broker.port()), Clock::system()).unwrap();
    lost.start_errand("agent link", |stop| async move {
        // Dropping the driver closes the socket without a goodbye, as a crash does.
        tokio::select! {
            () = driver.run(CancellationToken::new()) => {}
            () = stop.cancelled() => {}
        }
    });
    wait_for_status(&mut link.deliveries, AgentState::Online).await;
    lost.stop(GRACE).await.unwrap();
    wait_for_status(&mut link.deliveries, AgentState::Lost).await;
    drop(agent_side);
    server.stop(GRACE).await.unwrap();
}

async fn wait_for_status(
    deliveries: &mut tokio::sync::mpsc::Receiver<Delivery>,
    expected: AgentState,
) {
    loop {
        match within(deliveries.recv()).await.unwrap() {
            Delivery::Status { status, .. } if status.state == expected => return,
            Delivery::Status { .. } | Delivery::Hello { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configuration_waits_at_the_broker_and_foreign_messages_are_named() {
    let port = embedded();
    let server = Tasks::default();
    let (mut link, driver) =
        server_link::open(ConnectOptions::new("127.0.0.1", port, "server")).unwrap();
    server.start("server link", |stop| driver.run(stop));
    let options = agent_options(port);
    within(link.answers.configure(&options.address, b"version = 2".to_vec().into())).await.unwrap();

    let agent = Tasks::default();
    let (mut agent_side, driver) = agent_link::open(options, Clock::system()).unwrap();
    agent.start("agent link", |stop| driver.run(stop));
    let notice = within(agent_side.notices.recv()).await.unwrap();
    assert_eq!(notice, Notice::Configured(b"version = 2".to_vec().into()));

    let (stranger, driver) =
        mqtt::open(ConnectOptions::new("127.0.0.1", port, "stranger")).unwrap();
    server.start("stranger", |stop| driver.run(stop));
    for topic in ["forewarn/v1/plant-1/gw-7/d/9", "forewarn/v1/plant-1/gw-7/hello"] {
        stranger.publisher.publish(Publication::new(topic, "nonsense")).await.unwrap();
    }
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        if let Delivery::Unreadable { reason, .. } = within(link.deliveries.recv()).await.unwrap() {
            reasons.push(reason.to_string());
        }
    }
    assert!(reasons[0].contains("stream 9 does not exist"), "{reasons:?}");
    assert!(reasons[1].contains("version 110"), "{reasons:?}");
    agent.stop(GRACE).await.unwrap();
    server.stop(GRACE).await.unwrap();
}

fn embedded() -> u16 {
    forewarn_wire::broker::start("127.0.0.1:0".parse().unwrap()).unwrap().address.port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_not_there_is_named_and_a_stop_does_not_wait_for_it() {
    let port = mosquitto::free_port();
    let tasks = Tasks::default();
    let options = ConnectOptions::new("127.0.0.1", port, "lonely");
    let (mut connection, driver) = mqtt::open(options).unwrap();
    tasks.start("mqtt", |stop| driver.run(stop));
    let refused = |state: &ConnectionState| matches!(state, ConnectionState::Disconnected { reason: Some(reason) } if reason.contains("refused"));
    within(connection.state.wait_for(refused)).await.unwrap();
    tasks.stop(Duration::from_secs(2)).await.unwrap();
    assert_eq!(*connection.state.borrow(), ConnectionState::Stopped);
}
