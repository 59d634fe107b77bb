//! The live faces of a simulated plant: Modbus TCP servers and MQTT nodes on real sockets.
//!
//! Rely on this: every face listens on a free port of loopback before [`Faces::open`] returns, and
//! all faces of a device show one machine, advanced to the wall clock by whoever asks. Everything
//! ends with the tasks that it was opened on.
//!
//! Deliberately absent: a way to write to a machine; a write is refused and logged.

mod modbus;
mod nodes;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forewarn_domain::id::{DeviceId, LinkId};
use forewarn_domain::site::{SiteFile, Transport};
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{Clock, Tasks};

use crate::machine::Machine;
use crate::node::NodeError;
use crate::plant::SimulatedPlant;
use crate::registers::MapError;

/// The open faces.
#[derive(Debug)]
pub struct Faces {
    /// Where the Modbus TCP links of the site can be reached.
    pub modbus: BTreeMap<LinkId, SocketAddr>,
}

impl Faces {
    /// Opens a server for each Modbus TCP link of the site, and lets the nodes of each MQTT link
    /// publish to `broker`, which may come up later.
    ///
    /// # Errors
    ///
    /// [`FaceError`] when a template cannot be played or no port is to be had.
    pub async fn open(
        plant: &SimulatedPlant,
        broker: SocketAddr,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Self, FaceError> {
        let machines = LiveMachines::new(plant, clock);
        nodes::start(plant, &machines, broker, tasks)?;
        let modbus = modbus::start(plant, &machines, tasks).await?;
        Ok(Self { modbus })
    }

    /// Replaces the placeholder addresses of a site file with the real ones.
    pub fn patch(&self, file: &mut SiteFile, broker: SocketAddr) {
        for link in &mut file.links {
            match &mut link.via {
                Transport::Tcp { address } => {
                    if let Some(real) = self.modbus.get(&link.id) {
                        *address = real.to_string();
                    }
                }
                Transport::Mqtt { broker: named, .. } => *named = broker.to_string(),
                Transport::Csv {}
                | Transport::DialIn { .. }
                | Transport::Mtconnect { .. }
                | Transport::Rtu { .. }
                | Transport::RtuOverTcp { .. }
                | Transport::Shdr { .. } => {}
            }
        }
    }
}

/// The machines behind all faces, and the clock that they follow.
#[derive(Clone, Debug)]
pub(crate) struct LiveMachines {
    machines: BTreeMap<DeviceId, Arc<Mutex<Machine>>>,
    clock: Clock,
}

impl LiveMachines {
    fn new(plant: &SimulatedPlant, clock: &Clock) -> Self {
        let machines = plant
            .machines(plant.origin())
            .into_iter()
            .map(|it| (it.device().clone(), Arc::new(Mutex::new(it))))
            .collect();
        Self { machines, clock: clock.clone() }
    }

    fn one(&self, device: &DeviceId) -> Option<LiveMachine> {
        let machine = Arc::clone(self.machines.get(device)?);
        Some(LiveMachine { machine, clock: self.clock.clone() })
    }
}

/// One machine that follows the clock.
#[derive(Clone, Debug)]
pub(crate) struct LiveMachine {
    machine: Arc<Mutex<Machine>>,
    clock: Clock,
}

impl LiveMachine {
    /// The machine as it is now. Time passes in steps of [`INSTANT`], so that the requests of one
    /// poll see one moment.
    fn now(&self) -> MutexGuard<'_, Machine> {
        let now = Time::from_micros(self.clock.now_us()).floor(INSTANT);
        // A panic while a machine was advanced leaves it at an earlier time, which is no harm.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.advance(now);
        machine
    }
}

/// Shorter than the fastest poll and longer than the requests of one.
const INSTANT: Span = Span::from_millis(100);

/// Why a plant has no faces.
#[derive(Debug, thiserror::Error)]
pub enum FaceError {
    /// No port.
    #[error("no port on loopback for the Modbus face of link `{link}`")]
    Listen {
        /// For which link.
        link: LinkId,
        /// What the system says.
        source: io::Error,
    },
    /// The registers of a template cannot be played.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The connection to the broker cannot be opened.
    #[error("no connection for the nodes of link `{link}`")]
    Mqtt {
        /// For which link.
        link: LinkId,
        /// What is wrong with it.
        source: forewarn_wire::mqtt::InvalidOptions,
    },
    /// The messages of a template cannot be played.
    #[error(transparent)]
    Node(#[from] NodeError),
}
