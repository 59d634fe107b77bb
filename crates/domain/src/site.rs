//! The site file `forewarn.site/1`: the machines of a plant, how they are reached, when they run.
//!
//! One file is read by the server, the agents and a replay. [`SiteFile`] is its text; a
//! [`Plant`](plant::Plant) is the file joined with its templates and checked: whoever holds one can
//! start. Deliberately absent: rules, people, settings of a process.

mod dial_in;
pub mod import;
pub mod operating;
pub mod operation;
pub mod plant;
pub mod shared;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use dial_in::{Frames, Registration, WireBytes};

use crate::expression::Condition;
use crate::family::Criticality;
use crate::id::{
    AgentId, ComponentId, DeviceId, LinkId, PointId, SiteId, SourceId, StateId, TemplateId,
};
use crate::template::{Deadband, Parity};
use crate::text::Localized;
use crate::time::Span;

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.site/1";

/// A site file as it was written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// Always `forewarn.site/1`.
    pub schema: String,
    /// The plant.
    pub site: SiteHead,
    /// Lines, gateways and brokers.
    #[serde(default, rename = "link")]
    pub links: Vec<Link>,
    /// Machines.
    #[serde(default, rename = "device")]
    pub devices: Vec<Device>,
    /// How recorded folders are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<import::Import>,
}

/// The plant as a whole.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SiteHead {
    /// Its id.
    pub id: SiteId,
    /// Its name.
    pub name: Localized,
    /// IANA time zone in which people read times, e.g. `Asia/Shanghai`.
    pub time_zone: String,
    /// How far behind a device's newest reading another one may be and still be evaluated.
    #[serde(default = "lateness")]
    pub lateness: Span,
}

/// A serial line, gateway or broker.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// How it is reached.
    pub via: Transport,
}

/// How a link is reached; one variant for each way, so that no half-filled mixture parses.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transport {
    /// Recorded files, for a replay.
    Csv {},
    /// Modbus frames over a connection that a modem (DTU) opens to us.
    DialIn {
        /// `host:port` on which the agent listens; several links may share one.
        listen: String,
        /// How frames are told apart.
        #[serde(default)]
        frames: Frames,
        /// With what the modem introduces itself; without one, whoever comes is this link.
        register: Option<Registration>,
        /// What it sends now and then to show that it is alive; dropped.
        heartbeat: Option<WireBytes>,
    },
    /// A broker on which devices publish by themselves.
    Mqtt {
        /// `host:port`.
        broker: String,
        /// User name.
        user: Option<String>,
        /// File that holds the password.
        password_file: Option<String>,
        /// Certificate authority for TLS; plain without one, and then only on loopback.
        ca_file: Option<String>,
        /// Our certificate, where the broker wants one.
        certificate_file: Option<String>,
        /// Its private key.
        key_file: Option<String>,
        /// Version of the protocol, 3 (3.1.1) or 5; 3 without one.
        version: Option<u8>,
    },
    /// An MTConnect agent that is asked over HTTP.
    Mtconnect {
        /// `host:port`.
        address: String,
    },
    /// Modbus RTU on a serial port.
    Rtu {
        /// Device file.
        port: String,
        /// Bits per second.
        baud: u32,
        /// Parity bit.
        parity: Parity,
        /// Stop bits.
        stop: u8,
    },
    /// Modbus RTU frames over a TCP connection to a converter.
    RtuOverTcp {
        /// `host:port`.
        address: String,
    },
    /// An MTConnect adapter that sends SHDR.
    Shdr {
        /// `host:port`.
        address: String,
    },
    /// Modbus TCP.
    Tcp {
        /// `host:port`.
        address: String,
    },
}

/// A machine that people repair.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its name on the shop floor.
    pub name: Localized,
    /// Its class, e.g. `cnc-mill`; siblings and failure modes go by it.
    pub class: String,
    /// Hall or area.
    #[serde(default)]
    pub area: String,
    /// Production line.
    #[serde(default)]
    pub production_line: String,
    /// How much the plant depends on it.
    #[serde(default = "medium")]
    pub criticality: Criticality,
    /// The agent that serves all its sources.
    #[serde(default = "only_agent")]
    pub agent: AgentId,
    /// Devices of the same make and duty.
    #[serde(default)]
    pub siblings: Vec<DeviceId>,
    /// Parts that tickets speak of.
    #[serde(default)]
    pub components: Vec<Component>,
    /// `source/point` that gives the shaft speed in rpm.
    pub speed_source: Option<String>,
    /// Severity zones that apply, where the standard does.
    pub iso: Option<IsoClass>,
    /// Where its readings come from.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
    /// Operating states, first match wins; none means one state, `all`.
    #[serde(default, rename = "state")]
    pub states: Vec<OperatingState>,
    /// How the parts that it makes are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<operation::OperationSettings>,
}

/// A maintainable part.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its id.
    pub id: ComponentId,
    /// Its name.
    pub name: Localized,
    /// Bearing code in the catalogue, or its geometry written out.
    pub bearing: Option<String>,
    /// What kind of part, for failure modes: `spindle`, `hydraulics`, `pump`, `motor`, `gearbox`.
    #[serde(default)]
    pub kind: String,
    /// Days between greasing or oil changes, where there is a plan.
    pub lubrication_days: Option<u32>,
}

/// How ISO 20816-3 classes a machine.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IsoClass {
    /// Machine group, 1 or 2.
    pub group: u8,
    /// Support.
    pub support: Support,
}

/// How a machine stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Flexible.
    Flexible,
    /// Rigid.
    Rigid,
}

/// A sensor, controller or gateway of a device.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// What type of device it is.
    pub template: TemplateId,
    /// Over which link.
    pub link: LinkId,
    /// Modbus unit id.
    pub unit: Option<u8>,
    /// What `{asset}` stands for in the template's topics; the device id without one.
    pub address: Option<String>,
    /// The component on which it sits; `machine` without one.
    pub mount: Option<ComponentId>,
    /// What differs from the template for single points.
    #[serde(default, rename = "point")]
    pub points: BTreeMap<PointId, PointOverride>,
}

/// What a site may change of a template's point.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PointOverride {
    /// Another component than the source's.
    pub mount: Option<ComponentId>,
    /// Another deadband.
    pub deadband: Option<Deadband>,
    /// Another physical range.
    pub range: Option<[f64; 2]>,
}

/// One operating state.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingState {
    /// Its id, e.g. `cut`.
    pub id: StateId,
    /// Its name for people, e.g. `cutting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Localized>,
    /// When the device is in it.
    pub when: Condition,
    /// How long that must have held.
    #[serde(default)]
    pub settle: Span,
    /// Speed bands inside the state.
    pub bands: Option<Bands>,
}

/// Speed bands of a state: `cut` with edges 900 and 1500 becomes `cut-0`, `cut-1`, `cut-2`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    /// `point` or `source/point`.
    pub channel: String,
    /// Rising edges between the bands.
    pub edges: Vec<f64>,
}

/// The agent of a site that names none.
pub const ONLY_AGENT: &str = "edge-1";

fn lateness() -> Span {
    Span::from_secs(60)
}

fn medium() -> Criticality {
    Criticality::Medium
}

fn only_agent() -> AgentId {
    AgentId::new(ONLY_AGENT).expect("the constant is a slug")
}
