//! The readings of the bench plant: which batch of which agent holds what.
//!
//! A batch is a function of its number, so the sender, the engine that checks it and the clock that
//! times it agree without talking to each other.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::time::{Span, Time};

use crate::Failure;
use crate::plant::{self, OIL, POINT, POINTS};

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Machines of twelve channels.
    pub devices: u32,
    /// Agents that share them.
    pub agents: u32,
    /// Time between two readings of a channel.
    pub period: Span,
    /// In how many batches an agent sends one period; each holds other machines.
    pub phases: u32,
    /// Event time of the first batch.
    pub start: Time,
    /// Batches of each agent.
    pub batches: u64,
    /// What breaks.
    pub faults: Option<Faults>,
}

/// The oil of every n-th machine gets hot, one machine after the other.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Every n-th machine breaks.
    pub every: u32,
    /// After the start, the first one breaks.
    pub first: Span,
    /// After the start, the last one has broken.
    pub last: Span,
}

impl Load {
    /// Readings of all agents.
    #[must_use]
    pub fn readings(&self) -> u64 {
        // Machines divide evenly, which `agent` checks.
        let points = u64::try_from(POINTS).unwrap_or(0);
        u64::from(self.devices / self.phases) * points * self.batches
    }

    /// When the readings of a batch are taken.
    #[must_use]
    pub fn at(&self, seq: u64) -> Time {
        let step = self.period.micros() / i64::from(self.phases);
        self.start + Span::from_micros(step * i64::try_from(seq - 1).unwrap_or(i64::MAX))
    }

    /// One agent's part, counted from 0.
    ///
    /// # Errors
    ///
    /// When the machines cannot be dealt out evenly.
    pub fn agent(&self, agent: u32) -> Result<AgentLoad, Failure> {
        if !self.devices.is_multiple_of(self.agents * self.phases) {
            return Err("the machines must divide evenly among agents and phases".into());
        }
        let share = self.devices / self.agents;
        let own: Vec<u32> = (agent * share..(agent + 1) * share).collect();
        let mut phases = Vec::new();
        for phase in 0..self.phases {
            let in_phase = own.iter().zip(0_u32..).filter(|(_, at)| at % self.phases == phase);
            let devices: Vec<u32> = in_phase.map(|(device, _)| *device).collect();
            let mut channels = Vec::new();
            for device in &devices {
                channels.extend(plant::channels(*device)?);
            }
            phases.push(Phase { devices, channels });
        }
        let agent = plant::agent_id(agent)?;
        let key = StreamKey { agent, epoch: EPOCH, stream: Stream::NORMAL };
        Ok(AgentLoad { load: *self, key, phases, chance: 0 })
    }

    fn is_hot(&self, device: u32, t: Time) -> bool {
        let Some(Faults { every, first, last }) = self.faults else { return false };
        if !device.is_multiple_of(every) {
            return false;
        }
        let rank = i64::from(device / every);
        let ranks = i64::from((self.devices / every).max(1));
        let wait = first.micros() + (last.micros() - first.micros()) * rank / ranks;
        self.start + Span::from_micros(wait) <= t
    }
}

/// One agent's part of a load.
#[derive(Debug)]
pub struct AgentLoad {
    load: Load,
    /// Its numbering.
    pub key: StreamKey,
    phases: Vec<Phase>,
    chance: u64,
}

#[derive(Debug)]
struct Phase {
    devices: Vec<u32>,
    channels: Vec<ChannelId>,
}

impl AgentLoad {
    /// The batch of a number, from 1.
    pub fn batch(&mut self, seq: u64) -> Batch {
        let t = self.load.at(seq);
        let phases = u64::from(self.load.phases);
        let phase = usize::try_from((seq - 1) % phases).unwrap_or(0);
        let Phase { devices, channels } = &self.phases[phase];
        let mut numbers = Vec::with_capacity(devices.len() * POINTS);
        for (device, first) in devices.iter().zip((0_u16..).step_by(POINTS)) {
            // The seed is the machine and the time, whoever asks and however often.
            self.chance = t.micros().cast_unsigned() ^ (u64::from(*device) << 48);
            for (place, (point, channel)) in POINT.iter().zip(first..).enumerate() {
                let is_hot = place == OIL && self.load.is_hot(*device, t);
                let middle = if is_hot { HOT_OIL } else { point.middle };
                let noise = f64::from(below(&mut self.chance, 2 * point.noise + 1));
                let steps = (middle * point.steps).round() + noise - f64::from(point.noise);
                let value = steps / point.steps;
                numbers.push(Reading { channel, t, value, quality: Quality::Good });
            }
        }
        let readings = Readings { channels: channels.clone(), numbers, ..Readings::default() };
        Batch { key: self.key.clone(), seq, body: BatchBody::Readings(readings) }
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014), scaled without bias that would matter here.
fn below(state: &mut u64, limit: u32) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let bits = (bits ^ (bits >> 31)) >> 32;
    u32::try_from((bits * u64::from(limit)) >> 32).unwrap_or(0)
}

/// Beyond the warning limit of the shipped rules, short of the alarm.
const HOT_OIL: f64 = 75.0;

/// Any number; a fresh folder knows no other.
const EPOCH: Epoch = Epoch(0xbe9c);
