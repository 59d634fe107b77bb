//! In which operating state a device is, from its own readings.
//!
//! The same evaluator runs at the edge, which stamps waveforms, and in the engine, which keeps one
//! normal for each state. A state counts once its condition has held for its settling time; before
//! that, and when a needed value is missing, the device is in `unknown`, which feeds no baseline.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::channel::ChannelId;
use crate::expression::{Condition, Operand};
use crate::id::{DeviceId, StateId};
use crate::site::Device;
use crate::site::plant::{Channel, PlantError, resolve};
use crate::time::{Span, Time};

/// The states of a device, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    states: Vec<State>,
    inputs: Vec<ChannelId>,
    all: StateId,
    unknown: StateId,
}

#[derive(Clone, Debug, PartialEq)]
struct State {
    ids: Vec<StateId>,
    when: Condition,
    /// For each name of the condition, the place of its channel among the inputs.
    places: Vec<usize>,
    settle: Span,
    band: Option<(usize, Vec<f64>)>,
}

/// Follows one device through its states.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StateFollower {
    values: Vec<Option<Value>>,
    candidate: Option<(usize, usize)>,
    since: Time,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Value {
    Number(f64),
    Text(String),
}

impl States {
    /// Resolves the names of a device's conditions.
    ///
    /// # Errors
    ///
    /// [`InvalidStates`] names the state and what is wrong with it.
    pub(crate) fn new(
        device: &Device,
        channels: &BTreeMap<ChannelId, Arc<Channel>>,
    ) -> Result<Self, PlantError> {
        let mut inputs: Vec<ChannelId> = Vec::new();
        let mut place = |name: &str| -> Result<usize, PlantError> {
            let channel = resolve(device, channels, name)?;
            if let Some(known) = inputs.iter().position(|it| *it == channel) {
                return Ok(known);
            }
            inputs.push(channel);
            Ok(inputs.len() - 1)
        };
        let mut states = Vec::new();
        for state in &device.states {
            let places =
                state.when.names().iter().map(|name| place(name)).collect::<Result<Vec<_>, _>>()?;
            let band = match &state.bands {
                None => None,
                Some(bands) if bands.edges.is_sorted() && !bands.edges.is_empty() => {
                    Some((place(&bands.channel)?, bands.edges.clone()))
                }
                Some(_) => return Err(refuse(device, &state.id, "its band edges do not rise")),
            };
            let bands = band.as_ref().map_or(0, |(_, edges)| edges.len() + 1);
            let ids = match bands {
                0 => vec![state.id.clone()],
                _ => (0..bands)
                    .map(|band| StateId::new(&format!("{}-{band}", state.id)))
                    .collect::<Result<_, _>>()
                    .map_err(|source| PlantError::Id { source })?,
            };
            states.push(State {
                ids,
                when: state.when.clone(),
                places,
                settle: state.settle,
                band,
            });
        }
        Ok(Self { states, inputs, all: fixed("all"), unknown: fixed("unknown") })
    }

    /// The channels that decide the state.
    #[must_use]
    pub fn inputs(&self) -> &[ChannelId] {
        &self.inputs
    }

    /// Every state that can be reported, `unknown` last.
    pub fn ids(&self) -> impl Iterator<Item = &StateId> {
        let only = self.states.is_empty().then_some(&self.all);
        only.into_iter()
            .chain(self.states.iter().flat_map(|it| &it.ids))
            .chain(std::iter::once(&self.unknown))
    }

    /// A follower that has seen nothing yet.
    #[must_use]
    pub fn follower(&self) -> StateFollower {
        StateFollower {
            values: vec![None; self.inputs.len()],
            candidate: None,
            since: Time::default(),
        }
    }

    /// The state `unknown`.
    #[must_use]
    pub fn unknown(&self) -> &StateId {
        &self.unknown
    }

    fn matching(&self, values: &[Option<Value>]) -> Option<(usize, usize)> {
        let mut operands: Vec<Option<Operand<'_>>> = Vec::with_capacity(4);
        for (index, state) in self.states.iter().enumerate() {
            operands.clear();
            operands.extend(state.places.iter().map(|place| operand(values, *place)));
            match state.when.holds(&operands) {
                Some(true) => return Some((index, state.band_of(values)?)),
                Some(false) => {}
                None => return None,
            }
        }
        None
    }
}

impl State {
    fn band_of(&self, values: &[Option<Value>]) -> Option<usize> {
        let Some((place, edges)) = &self.band else {
            return Some(0);
        };
        match operand(values, *place)? {
            Operand::Number(value) => Some(edges.iter().filter(|edge| **edge <= value).count()),
            Operand::Text(_) => None,
        }
    }
}

fn operand(values: &[Option<Value>], place: usize) -> Option<Operand<'_>> {
    match values.get(place)?.as_ref()? {
        Value::Number(number) => Some(Operand::Number(*number)),
        Value::Text(text) => Some(Operand::Text(text)),
    }
}

impl StateFollower {
    /// Takes a number of the input at `place` (see [`States::inputs`]); `None` for a bad reading.
    pub fn number(&mut self, states: &States, place: usize, value: Option<f64>, t: Time) {
        let value = value.map(Value::Number);
        if self.values.get(place) != Some(&value) {
            self.take(states, place, value, t);
        }
    }

    /// Takes a text of the input at `place`.
    pub fn text(&mut self, states: &States, place: usize, value: Option<&str>, t: Time) {
        self.take(states, place, value.map(|text| Value::Text(text.to_owned())), t);
    }

    fn take(&mut self, states: &States, place: usize, value: Option<Value>, t: Time) {
        if let Some(slot) = self.values.get_mut(place) {
            *slot = value;
        }
        let candidate = states.matching(&self.values);
        if candidate != self.candidate {
            self.candidate = candidate;
            self.since = t;
        }
    }

    /// The state at `t`.
    #[must_use]
    pub fn state<'a>(&self, states: &'a States, t: Time) -> &'a StateId {
        if states.states.is_empty() {
            return &states.all;
        }
        let settled = self.candidate.and_then(|(index, band)| {
            let state = states.states.get(index)?;
            if t - self.since < state.settle {
                return None;
            }
            state.ids.get(band)
        });
        settled.unwrap_or(&states.unknown)
    }
}

fn fixed(id: &str) -> StateId {
    StateId::new(id).expect("the constant is a slug")
}

fn refuse(device: &Device, state: &StateId, what: &'static str) -> PlantError {
    PlantError::States(Box::new(InvalidStates {
        device: device.id.clone(),
        state: state.clone(),
        what,
    }))
}

/// A state that cannot be evaluated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("state `{state}` of device `{device}`: {what}")]
pub struct InvalidStates {
    /// The device.
    pub device: DeviceId,
    /// The state.
    pub state: StateId,
    /// What is wrong.
    pub what: &'static str,
}
