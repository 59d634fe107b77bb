//! Sparkplug B as a host application hears it: births, aliases, sequence numbers, deaths. Pure.
//!
//! Rely on this: a value is given out under the name of its node's last birth and never under a
//! guessed one; a missed message makes the host ask the node for another birth; a death makes
//! everything of its node or device stale. The sequence is the edge node's, shared by its devices.
//!
//! Source: Eclipse Sparkplug specification 3.0.0. Deliberately absent: the broker, and commands other
//! than the request for a birth.

pub mod payload;

use std::collections::{BTreeMap, HashMap};

use forewarn_domain::time::{Span, Time};

use crate::source::heard::NamedValue;
use crate::source::mqtt::json;
use payload::{Metric, MetricValue, Payload};

/// The host's view of all edge nodes of a broker.
#[derive(Debug, Default)]
pub struct Host {
    nodes: BTreeMap<NodeId, Node>,
    /// Nodes that are to be asked for a birth.
    requests: Vec<NodeId>,
}

/// An edge node: group and name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NodeId {
    group: String,
    name: String,
}

/// What is known of an edge node.
#[derive(Debug, Default)]
struct Node {
    /// Of the birth that is believed; `None` before one, and after something was missed.
    birth: Option<Birth>,
    seq: Option<u8>,
    asked_at: Option<Time>,
}

#[derive(Debug, Default)]
struct Birth {
    bd_seq: Option<u64>,
    /// Device (`None` is the node itself), name and type of each alias.
    aliases: HashMap<u64, Named>,
    /// Types by device and name.
    types: HashMap<(Option<String>, String), u32>,
}

#[derive(Clone, Debug)]
struct Named {
    device: Option<String>,
    name: String,
}

/// What a message told.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// Of whom.
    pub about: Option<Speaker>,
    /// Values by name.
    pub(crate) values: Vec<NamedValue>,
    /// Whether the time of some value was too far from ours.
    pub is_doubtful: bool,
    /// Whether it, and for a node all its devices, is gone.
    pub is_dead: bool,
    /// What was wrong, for a counter.
    pub trouble: Option<&'static str>,
}

/// A node, or a device of it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Speaker {
    /// The edge node.
    pub node: NodeId,
    /// The device.
    pub device: Option<String>,
}

impl Speaker {
    /// From an address in the site file, `group/node` or `group/node/device`.
    #[must_use]
    pub fn from_address(address: &str) -> Option<Self> {
        let mut parts = address.split('/').map(str::to_owned);
        let (group, name, device) = (parts.next()?, parts.next()?, parts.next());
        let is_whole = parts.next().is_none() && ![&group, &name].contains(&&String::new());
        is_whole.then_some(Self { node: NodeId { group, name }, device })
    }

    /// Everything that its node and the node's devices send.
    #[must_use]
    pub fn filter(&self) -> String {
        format!("{NAMESPACE}/{}/+/{}/#", self.node.group, self.node.name)
    }
}

impl NodeId {
    /// Where the node listens for commands.
    #[must_use]
    pub fn command_topic(&self) -> String {
        format!("{NAMESPACE}/{}/NCMD/{}", self.group, self.name)
    }
}

/// Whether a topic is one of Sparkplug's.
#[must_use]
pub fn is_topic(topic: &str) -> bool {
    topic.split('/').next() == Some(NAMESPACE)
}

/// The request for a birth (specification, section 6.4.19).
#[must_use]
pub fn rebirth(now: Time) -> Vec<u8> {
    let timestamp = u64::try_from(now.micros() / 1_000).ok();
    payload::encode(&Payload {
        timestamp,
        metrics: vec![Metric {
            name: Some("Node Control/Rebirth".to_owned()),
            timestamp,
            datatype: Some(payload::BOOLEAN),
            value: Some(MetricValue::Boolean(true)),
            ..Metric::default()
        }],
        seq: None,
    })
}

impl Host {
    /// Has a node asked for a birth: what it last said may have passed us by.
    pub fn ask(&mut self, node: NodeId, now: Time) {
        let known = self.nodes.entry(node.clone()).or_default();
        if known.asked_at.is_none_or(|at| REBIRTH_EVERY <= now - at) {
            known.asked_at = Some(now);
            self.requests.push(node);
        }
    }

    /// Nodes that are to be asked for a birth, each once.
    pub fn requests(&mut self) -> Vec<NodeId> {
        std::mem::take(&mut self.requests)
    }

    /// Takes a message.
    pub fn take(&mut self, topic: &str, bytes: &[u8], now: Time) -> Told {
        let Some((kind, speaker)) = parts(topic) else {
            return Told { trouble: Some("sparkplug_topic"), ..Told::default() };
        };
        let about = Some(speaker.clone());
        let payload = match payload::decode(bytes) {
            Ok(payload) => payload,
            Err(_not_protobuf) => {
                return Told { about, trouble: Some("parse"), ..Told::default() };
            }
        };
        let mut told = match kind {
            "NBIRTH" | "DBIRTH" => self.birth(&speaker, kind == "NBIRTH", &payload, now),
            "NDATA" | "DDATA" => self.data(&speaker, &payload, now),
            "NDEATH" | "DDEATH" => self.death(&speaker, kind == "NDEATH", &payload, now),
            // Commands to nodes pass by here as well, our own among them.
            "NCMD" | "DCMD" => return Told::default(),
            _ => Told { trouble: Some("sparkplug_topic"), ..Told::default() },
        };
        told.about = about;
        told
    }

    fn birth(&mut self, speaker: &Speaker, is_node: bool, payload: &Payload, now: Time) -> Told {
        let node = self.nodes.entry(speaker.node.clone()).or_default();
        let trouble = if is_node {
            node.seq = payload.seq.and_then(seq_of);
            node.birth = Some(Birth { bd_seq: bd_seq(payload), ..Birth::default() });
            node.asked_at = None;
            None
        } else {
            node.follow(payload.seq)
        };
        if trouble.is_some_and(is_gap) {
            node.birth = None;
        }
        if node.birth.is_none() {
            self.ask(speaker.node.clone(), now);
            let trouble = trouble.or(Some("sparkplug_before_birth"));
            return Told { trouble, ..Told::default() };
        }
        if let Some(birth) = &mut node.birth {
            for metric in &payload.metrics {
                birth.learn(&speaker.device, metric);
            }
        }
        let (values, is_doubtful) = node.values(speaker, payload, now);
        Told { values, is_doubtful, trouble, ..Told::default() }
    }

    fn data(&mut self, speaker: &Speaker, payload: &Payload, now: Time) -> Told {
        let node = self.nodes.entry(speaker.node.clone()).or_default();
        let trouble = node.follow(payload.seq);
        if trouble == Some(REPEAT) {
            return Told { trouble, ..Told::default() };
        }
        if trouble.is_some_and(is_gap) {
            // What was missed may have been a birth that gave the aliases other names.
            node.birth = None;
        }
        if node.birth.is_none() {
            self.ask(speaker.node.clone(), now);
            let trouble = trouble.or(Some("sparkplug_before_birth"));
            return Told { trouble, ..Told::default() };
        }
        let (values, is_doubtful) = node.values(speaker, payload, now);
        Told { values, is_doubtful, trouble, ..Told::default() }
    }

    fn death(&mut self, speaker: &Speaker, is_node: bool, payload: &Payload, now: Time) -> Told {
        let node = self.nodes.entry(speaker.node.clone()).or_default();
        if !is_node {
            let trouble = node.follow(payload.seq);
            if trouble.is_some_and(is_gap) {
                node.birth = None;
                self.ask(speaker.node.clone(), now);
            }
            return Told { is_dead: true, trouble, ..Told::default() };
        }
        // The broker may publish the will of a session that was replaced long since. Some nodes say
        // their goodbye with the number of the next one, which is a death all the same.
        let known = node.birth.as_ref().and_then(|it| it.bd_seq);
        if let (Some(known), Some(found)) = (known, bd_seq(payload))
            && (1..BD_SEQ_HALF).contains(&(known.wrapping_sub(found) % BD_SEQS))
        {
            return Told { trouble: Some("sparkplug_old_death"), ..Told::default() };
        }
        node.birth = None;
        node.seq = None;
        Told { is_dead: true, ..Told::default() }
    }
}

impl Node {
    /// Compares a sequence number with the one that must come next.
    fn follow(&mut self, seq: Option<u64>) -> Option<&'static str> {
        let Some(seq) = seq.and_then(seq_of) else { return Some("sparkplug_no_seq") };
        let last = self.seq.replace(seq);
        match last {
            Some(last) if seq == last => Some(REPEAT),
            Some(last) if seq != last.wrapping_add(1) => Some(GAP),
            _ => None,
        }
    }

    fn values(&self, speaker: &Speaker, payload: &Payload, now: Time) -> (Vec<NamedValue>, bool) {
        let (mut values, mut is_doubtful) = (Vec::new(), false);
        let Some(birth) = &self.birth else { return (values, false) };
        for metric in &payload.metrics {
            let Some(name) = birth.name(&speaker.device, metric) else { continue };
            let stated = metric.timestamp.or(payload.timestamp);
            let stated = stated.and_then(|ms| i64::try_from(ms).ok()).map(millis);
            let (t, is_off) = json::judged(stated.unwrap_or(now), now, json::SKEW_MAX);
            is_doubtful |= is_off && metric.is_historical != Some(true);
            let type_known = birth.types.get(&(speaker.device.clone(), name.clone())).copied();
            let datatype = metric.datatype.or(type_known);
            let value = metric
                .value
                .as_ref()
                .filter(|_| metric.is_null != Some(true))
                .and_then(|it| payload::json(it, datatype));
            values.push(NamedValue { name, t, value });
        }
        (values, is_doubtful)
    }
}

impl Birth {
    fn learn(&mut self, device: &Option<String>, metric: &Metric) {
        let Some(name) = &metric.name else { return };
        if METRICS_MAX <= self.types.len() {
            return;
        }
        if let Some(alias) = metric.alias {
            self.aliases.insert(alias, Named { device: device.clone(), name: name.clone() });
        }
        if let Some(datatype) = metric.datatype {
            self.types.insert((device.clone(), name.clone()), datatype);
        }
    }

    /// An alias belongs to whoever gave birth to it; under another it means nothing.
    fn name(&self, device: &Option<String>, metric: &Metric) -> Option<String> {
        if let Some(name) = metric.name.as_ref().filter(|it| !it.is_empty()) {
            return Some(name.clone());
        }
        let named = self.aliases.get(&metric.alias?)?;
        (named.device == *device).then(|| named.name.clone())
    }
}

fn parts(topic: &str) -> Option<(&str, Speaker)> {
    let mut levels = topic.split('/').skip(1);
    let (group, kind, name) = (levels.next()?, levels.next()?, levels.next()?);
    let device = levels.next().map(str::to_owned);
    let node = NodeId { group: group.to_owned(), name: name.to_owned() };
    levels.next().is_none().then_some((kind, Speaker { node, device }))
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|it| it.name.as_deref() == Some("bdSeq"))?;
    match metric.value {
        Some(MetricValue::Long(number)) => Some(number),
        Some(MetricValue::Int(number)) => Some(u64::from(number)),
        _ => None,
    }
}

fn seq_of(seq: u64) -> Option<u8> {
    u8::try_from(seq).ok()
}

fn millis(ms: i64) -> Time {
    Time::from_micros(ms.saturating_mul(1_000))
}

fn is_gap(trouble: &str) -> bool {
    trouble == GAP
}

/// The numbers of births and deaths go round as those of messages do.
const BD_SEQS: u64 = 256;
const BD_SEQ_HALF: u64 = BD_SEQS / 2;

const NAMESPACE: &str = "spBv1.0";

const GAP: &str = "sparkplug_gap";
const REPEAT: &str = "sparkplug_repeat";

/// A node that cannot give birth is not asked more often than this.
const REBIRTH_EVERY: Span = Span::from_secs(10);

/// Far above any edge node; a birth must not fill our memory.
const METRICS_MAX: usize = 100_000;

#[cfg(test)]
mod tests;
