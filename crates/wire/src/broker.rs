//! The embedded broker: rumqttd on loopback, for the demo and one-box sites.
//!
//! Rely on this: it is reachable when [`start`] returns. It has no TLS, no access rules and no
//! disk, so it refuses every address but loopback; what it forgets, agents send again.
//!
//! Deliberately absent: stopping it. rumqttd's threads live as long as the process.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::mqtt::PACKET_BYTES_MAX;

/// A broker that runs until the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EmbeddedBroker {
    /// Where it listens; the port is real, also when 0 was asked for.
    pub address: SocketAddr,
}

/// Starts a broker on threads of its own and waits until it can be reached. Port 0 takes a free
/// one. It blocks for some milliseconds, at most [`REACHABLE_WITHIN`].
///
/// # Errors
///
/// [`BrokerError`] names an address that is not loopback, or what keeps it from listening.
pub fn start(listen: SocketAddr) -> Result<EmbeddedBroker, BrokerError> {
    if !listen.ip().is_loopback() {
        return Err(BrokerError::NotLoopback { listen });
    }
    let address = free_address(listen).map_err(|source| BrokerError::Listen { listen, source })?;
    let mut broker = Broker::new(config(address));
    let running = thread::Builder::new()
        .name("broker".to_owned())
        .spawn(move || {
            if let Err(error) = broker.start() {
                tracing::error!(%error, "the embedded broker has ended");
            }
        })
        .map_err(|source| BrokerError::Listen { listen, source })?;
    let began = Instant::now();
    loop {
        match TcpStream::connect_timeout(&address, REACHABLE_WITHIN) {
            Ok(_probe) => break,
            Err(source) if running.is_finished() || REACHABLE_WITHIN < began.elapsed() => {
                return Err(BrokerError::Listen { listen: address, source });
            }
            Err(_not_yet) => thread::sleep(PROBE_EVERY),
        }
    }
    tracing::info!(%address, "the embedded broker listens");
    Ok(EmbeddedBroker { address })
}

/// rumqttd binds by itself and does not tell the port, so a free one is looked up first.
fn free_address(listen: SocketAddr) -> Result<SocketAddr, io::Error> {
    TcpListener::bind(listen)?.local_addr()
}

fn config(address: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: PACKET_BYTES_MAX,
        max_inflight_count: IN_FLIGHT_MAX,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "embedded".to_owned(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let router = RouterConfig {
        max_connections: CONNECTIONS_MAX,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: SEGMENTS,
        ..RouterConfig::default()
    };
    Config { router, v4: Some(HashMap::from([("1".to_owned(), server)])), ..Config::default() }
}

/// Why the embedded broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is in use, or no thread was granted.
    #[error("the embedded broker cannot listen on {listen}; is another program using the port?")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Others could reach it, and it knows neither TLS nor rights.
    #[error(
        "the embedded broker has no TLS and no access rules, so it listens on loopback only, not \
         on {listen}; use an external broker such as Mosquitto for agents on other machines"
    )]
    NotLoopback {
        /// Where it was asked to listen.
        listen: SocketAddr,
    },
}

/// How long a start may take on a loaded gateway.
pub const REACHABLE_WITHIN: Duration = Duration::from_secs(5);

const PROBE_EVERY: Duration = Duration::from_millis(5);

/// Agents, simulated machines and the server of one box.
const CONNECTIONS_MAX: usize = 1_000;

/// What one client may leave unconfirmed.
const IN_FLIGHT_MAX: usize = 200;

/// With the next: 80 MiB of memory for a filter that nobody reads; agents keep the rest.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
const SEGMENTS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_is_refused_with_the_remedy() {
        let refused = start("0.0.0.0:0".parse().unwrap()).unwrap_err().to_string();
        assert!(refused.contains("loopback only") && refused.contains("Mosquitto"), "{refused}");
    }

    #[test]
    fn port_0_becomes_a_port_that_answers() {
        let broker = start("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(broker.address.port(), 0);
        assert!(TcpStream::connect(broker.address).is_ok());
    }

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = start(taken.local_addr().unwrap()).unwrap_err().to_string();
        assert!(refused.contains(&taken.local_addr().unwrap().to_string()), "{refused}");
    }
}
