//! What the machines of this agent are doing, from their own readings.

use std::collections::HashMap;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{DeviceId, StateId};
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Unit;
use forewarn_domain::site::operating::StateFollower;
use forewarn_domain::site::operation::{OperationFollower, Said};
use forewarn_domain::site::plant::{Plant, PlantDevice};
use forewarn_domain::time::{Span, Time};

use crate::burst::Circumstances;
use crate::decode::Value;
use crate::intake::{Capture, Measured};

/// Follows all devices of a plant.
#[derive(Debug)]
pub(super) struct Machines {
    devices: HashMap<DeviceId, Machine>,
    /// For each channel that decides a state: which device, which input of it.
    inputs: HashMap<ChannelId, (DeviceId, usize)>,
    /// For each channel that gives a speed: shaft turns a second for one of its unit.
    speeds: HashMap<ChannelId, f64>,
    /// For each waveform whose template names its own speed point: that channel.
    own_speed: HashMap<ChannelId, ChannelId>,
    latest: HashMap<ChannelId, (Time, f64)>,
    /// For each channel that tells parts apart: which device, which input of it.
    contexts: HashMap<ChannelId, (DeviceId, usize)>,
    operations: HashMap<DeviceId, OperationFollower>,
}

#[derive(Debug)]
struct Machine {
    plant: Arc<PlantDevice>,
    follower: StateFollower,
}

impl Machines {
    pub(super) fn new(plant: &Plant) -> Self {
        let mut machines = Self {
            devices: HashMap::new(),
            inputs: HashMap::new(),
            speeds: HashMap::new(),
            own_speed: HashMap::new(),
            latest: HashMap::new(),
            contexts: HashMap::new(),
            operations: HashMap::new(),
        };
        for device in plant.devices() {
            let id = &device.device.id;
            for (place, channel) in device.states.inputs().iter().enumerate() {
                machines.inputs.insert(channel.clone(), (id.clone(), place));
            }
            if let Some(operations) = &device.operations {
                machines.operations.insert(id.clone(), operations.follower());
                for (place, channel) in operations.inputs().iter().enumerate() {
                    machines.contexts.insert(channel.clone(), (id.clone(), place));
                }
            }
            machines.speeds.extend(device.speed.iter().map(|it| (it.clone(), to_hz(device, it))));
            machines.note_own_speeds(plant, device);
            let follower = device.states.follower();
            let machine = Machine { plant: Arc::clone(device), follower };
            machines.devices.insert(id.clone(), machine);
        }
        machines
    }

    /// Waveforms whose template names a speed point of its own.
    fn note_own_speeds(&mut self, plant: &Plant, device: &PlantDevice) {
        let id = &device.device.id;
        for source in &device.device.sources {
            let template = plant.template(&source.template);
            for waveform in template.iter().flat_map(|it| &it.waveforms) {
                let Some(speed) = &waveform.speed else { continue };
                let speed = ChannelId::new(id, &source.id, speed);
                let whole = ChannelId::new(id, &source.id, &waveform.id);
                self.speeds.insert(speed.clone(), to_hz(device, &speed));
                self.own_speed.insert(whole, speed);
            }
        }
    }

    /// Takes a reading into account.
    pub(super) fn follow(&mut self, measured: &Measured) {
        let Measured { channel, t, value, quality } = measured;
        if let Some((device, place)) = self.inputs.get(channel)
            && let Some(Machine { plant, follower }) = self.devices.get_mut(device)
        {
            let is_usable = !quality.is_bad();
            match value {
                Value::Number(value) => {
                    follower.number(&plant.states, *place, is_usable.then_some(*value), *t);
                }
                Value::Text(text) => {
                    follower.text(&plant.states, *place, is_usable.then_some(text), *t);
                }
            }
        }
        if let (Some(factor), Value::Number(value)) = (self.speeds.get(channel), value) {
            if quality.is_bad() {
                self.latest.remove(channel);
            } else {
                self.latest.insert(channel.clone(), (*t, value * factor));
            }
        }
    }

    /// Takes a reading into account for what its machine makes; gives the record of a part that is
    /// complete by it, as a reading of its own.
    pub(super) fn follow_parts(&mut self, measured: &Measured) -> Option<Measured> {
        let Measured { channel, t, value, quality } = measured;
        let (device, place) = self.contexts.get(channel)?;
        let operations = self.devices.get(device)?.plant.operations.as_ref()?;
        let said = match value {
            Value::Number(number) => Said::Number(*number),
            Value::Text(text) => Said::Text(text.clone()),
        };
        let said = (!quality.is_bad()).then_some(said);
        let record = self.operations.get_mut(device)?.take(operations, *place, said, *t)?;
        let text = match serde_json::to_string(&record) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%device, %error, "an operation record was not written");
                return None;
            }
        };
        Some(Measured {
            channel: operations.channel.clone(),
            t: Time::from_millis(record.ended_ms),
            value: Value::Text(text),
            quality: Quality::Good,
        })
    }

    /// What a machine was doing when a waveform was taken. The speed is the message's own, else
    /// that of the template's speed point, else that of the device's `speed_source`.
    pub(super) fn circumstances(&self, capture: &Capture) -> Circumstances {
        let device = capture.channel.device();
        let machine = self.devices.get(&device);
        let state = machine
            .map_or_else(unknown, |it| it.follower.state(&it.plant.states, capture.t0).clone());
        let own = self.own_speed.get(&capture.channel);
        let speed = own.or_else(|| machine.and_then(|it| it.plant.speed.as_ref()));
        let measured = speed
            .and_then(|it| self.latest.get(it))
            .filter(|(t, _)| capture.t0 - *t <= SPEED_AGE_MAX)
            .map(|(_, hz)| *hz);
        let shaft_hz = capture.rpm.map(|rpm| rpm / 60.0).or(measured);
        Circumstances { state, shaft_hz: shaft_hz.filter(|hz| 0.0 < *hz) }
    }
}

fn to_hz(device: &PlantDevice, channel: &ChannelId) -> f64 {
    match device.channels.get(channel).map(|it| it.unit) {
        Some(Unit::Hertz) => 1.0,
        _ => 1.0 / 60.0,
    }
}

fn unknown() -> StateId {
    StateId::new("unknown").expect("the constant is a slug")
}

/// Twice the longest silence of a channel that is reported on change.
const SPEED_AGE_MAX: Span = Span::from_secs(120);
