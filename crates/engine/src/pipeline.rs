//! Detect, diagnose, decide: one batch at a time, in its agent's order.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use forewarn_detect::{
    Alike, Detection, DeviceNotice, DevicePlan, Measured, MeasuredText, Place, RuleError,
};
use forewarn_diagnose::{Clearing, EpisodeBook, Precedents};
use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::check::RepairCheck;
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey};
use forewarn_domain::id::DeviceId;
use forewarn_domain::reading::{Batch, BatchBody, Reading, Readings, StreamKey, TextReading};
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::ticket::TicketDraft;
use serde::{Deserialize, Serialize};

use crate::class::{ClassClock, Classes};
use crate::decision::Decision;
use crate::knowledge::Knowledge;
use crate::notice::Notice;
use crate::room::Room;
use crate::siblings::Fleet;

/// The pipeline with everything that it remembers.
#[derive(Debug)]
pub struct Engine {
    pub(crate) plant: Arc<Plant>,
    pub(crate) knowledge: Knowledge,
    rooms: Vec<Room>,
    by_device: BTreeMap<DeviceId, usize>,
    classes: Classes,
    fleet: Fleet,
    /// The channel table of each stream's last batch: most batches repeat it.
    tables: HashMap<StreamKey, Table>,
    pub(crate) desk: Desk,
    pub(crate) repairs: Vec<RepairRecord>,
    /// The same, ready to be compared with a case.
    pub(crate) precedents: OnceLock<Precedents>,
    tally: Tally,
    /// Repairs that were checked while a batch was taken.
    pub(crate) checked: Vec<(EpisodeId, RepairCheck)>,
    /// Reused between batches.
    found: Vec<(usize, Detection)>,
}

/// Episodes and the tickets that were drafted for them.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Desk {
    pub(crate) book: EpisodeBook,
    /// The last draft of each episode's ticket.
    pub(crate) drafts: Vec<TicketDraft>,
    /// What classes of devices have learned together.
    #[serde(default)]
    pub(crate) classes: Vec<ClassClock>,
    /// The batch that is being taken, as logs name it.
    #[serde(skip)]
    pub(crate) trace: String,
    #[serde(skip)]
    pub(crate) is_dirty: bool,
}

/// What has passed through, and what was left aside.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// Batches in order.
    pub batches: u64,
    /// Readings evaluated.
    pub readings: u64,
    /// Readings too far behind their device's newest: stored, not evaluated.
    pub late: u64,
    /// Readings of channels that the site file does not know.
    pub unknown: u64,
    /// Readings that an agent had to drop.
    pub evicted: u64,
}

#[derive(Debug)]
struct Table {
    channels: Vec<ChannelId>,
    places: Vec<Option<(usize, Place)>>,
    rooms: Vec<usize>,
}

impl Engine {
    /// An engine that has learned nothing yet.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when a rule cannot be applied to a device.
    pub fn new(
        plant: Arc<Plant>,
        knowledge: Knowledge,
        repairs: Vec<RepairRecord>,
    ) -> Result<Self, EngineError> {
        knowledge.rules.check()?;
        let (mut rooms, mut alike) = (Vec::new(), Alike::default());
        let mut by_device = BTreeMap::new();
        for device in plant.devices() {
            let mut plan = DevicePlan::new(device, &knowledge.rules, &knowledge.bearings)?;
            plan.share(&mut alike);
            by_device.insert(device.device.id.clone(), rooms.len());
            rooms.push(Room::new(Arc::clone(device), plan));
        }
        let (classes, fleet) = (Classes::new(&rooms), Fleet::new(&rooms));
        let desk = Desk { is_dirty: true, ..Desk::default() };
        let (tables, tally, found) = (HashMap::new(), Tally::default(), Vec::new());
        Ok(Self {
            plant,
            knowledge,
            rooms,
            by_device,
            classes,
            fleet,
            tables,
            desk,
            repairs,
            precedents: OnceLock::new(),
            tally,
            checked: Vec::new(),
            found,
        })
    }

    /// Takes the next batch of its stream; the caller keeps the order (see [`crate::inbox`]).
    pub fn advance(&mut self, batch: &Batch) -> Vec<Decision> {
        self.tally.batches += 1;
        match &batch.body {
            BatchBody::Evicted(evicted) => {
                self.tally.evicted += evicted.readings;
                Vec::new()
            }
            BatchBody::Readings(readings) => {
                self.take(&batch.key, readings);
                self.come_back(&batch.key);
                let mut decisions = self.checked();
                if !self.found.is_empty() {
                    self.desk.trace = batch.trace();
                    decisions.extend(self.decide());
                }
                decisions
            }
            // The raw waveform amends what people see, not what was decided from its features.
            BatchBody::Waveform(_) => Vec::new(),
        }
    }

    /// Takes what people did or a clock noticed, between two batches.
    pub fn apply(&mut self, notice: &Notice) -> Vec<Decision> {
        self.desk.trace = "notice".to_owned();
        match notice {
            Notice::AgentSilent { agent, since, at } => {
                let silent = DeviceNotice::AgentSilent { since: *since, at: *at };
                let rooms = 0..self.rooms.len();
                let of_agent = rooms.filter(|room| self.rooms[*room].device.device.agent == *agent);
                for room in of_agent.collect::<Vec<_>>() {
                    self.tell(room, &silent);
                }
            }
            Notice::StopEnded { number, at } => {
                let (rooms, by_device) = (&self.rooms, &self.by_device);
                let room = |device: &DeviceId| by_device.get(device).and_then(|it| rooms.get(*it));
                let newest = |device: &DeviceId| room(device).map_or(*at, Room::newest);
                let back = self.desk.book.stops().end(number, *at, newest);
                self.give_back(back);
            }
            Notice::StopPlanned { stop } => {
                self.desk.book.stops().plan(stop);
                self.desk.is_dirty = true;
            }
            Notice::RepairRecorded { repair } => {
                self.remember(repair);
                self.repaired(repair);
            }
            Notice::TicketClosed { key, repair, at } => {
                self.remember(repair);
                self.watch(key, repair, *at);
                self.end_episodes(|it| it == key);
                if let Some(room) = self.by_device.get(&key.device).copied() {
                    let component = key.component.clone();
                    let inside = &mut self.rooms[room];
                    inside.triage.forget(&mut inside.memory.triage, &component);
                    self.tell(room, &DeviceNotice::Rebaseline { component, at: *at });
                }
            }
        }
        self.decide()
    }

    /// One episode, as it now is.
    #[must_use]
    pub fn episode(&self, id: EpisodeId) -> Option<&Episode> {
        self.desk.book.episode(id)
    }

    /// Every episode that is held, in the order of opening.
    pub fn episodes(&self) -> impl Iterator<Item = &Episode> {
        self.desk.book.episodes()
    }

    /// What has passed through.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What the engine knows of each device right now.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.iter()
    }

    pub(crate) fn room(&self, id: &DeviceId) -> Option<&Room> {
        self.by_device.get(id).and_then(|room| self.rooms.get(*room))
    }

    pub(crate) fn room_named(&mut self, id: &str) -> Option<&mut Room> {
        let id = DeviceId::new(id).ok()?;
        let room = *self.by_device.get(&id)?;
        self.rooms.get_mut(room)
    }

    pub(crate) fn room_at(&mut self, place: usize) -> Option<&mut Room> {
        self.rooms.get_mut(place)
    }

    pub(crate) fn rooms_mut(&mut self) -> impl Iterator<Item = &mut Room> {
        self.rooms.iter_mut()
    }

    /// Lets go of the episodes that are closed; what a broken sensor muted may speak then.
    pub(crate) fn end_episodes(&mut self, is_closed: impl Fn(&EpisodeKey) -> bool) {
        let closed: Vec<EpisodeId> =
            self.desk.book.episodes().filter(|it| is_closed(&it.key)).map(|it| it.id).collect();
        for id in closed {
            self.desk.book.forget(id);
            self.desk.drafts.retain(|it| it.episode != id);
        }
        let spoken = self.desk.book.unmuted();
        self.give_back(spoken);
    }

    /// What was muted or set aside is found anew.
    fn give_back(&mut self, anomalies: Vec<Anomaly>) {
        self.desk.is_dirty = true;
        for anomaly in anomalies {
            if let Some(room) = self.by_device.get(&anomaly.device).copied() {
                self.found.push((room, Detection::Raised(anomaly)));
            }
        }
    }

    /// Machines that are back after a planned stop: what has not ended counts.
    fn come_back(&mut self, key: &StreamKey) {
        if self.desk.book.stops().is_quiet() {
            return;
        }
        let rooms = self.tables.get(key).map_or_else(Vec::new, |it| it.rooms.clone());
        for room in rooms {
            let Room { device, memory, .. } = &self.rooms[room];
            let back = self.desk.book.stops().outlasted(&device.device.id, memory.newest);
            if !back.is_empty() {
                self.give_back(back);
            }
        }
    }

    pub(crate) fn place_of(&self, device: &DeviceId) -> Option<usize> {
        self.by_device.get(device).copied()
    }

    fn take(&mut self, key: &StreamKey, readings: &Readings) {
        self.learn_table(key, &readings.channels);
        if let Some(now) = readings.numbers.iter().map(|it| it.t).max() {
            let rooms = self.tables.get(key).map_or(&[][..], |it| &it.rooms);
            self.classes.learn(&mut self.rooms, rooms, now, &mut self.desk);
        }
        let Some(table) = self.tables.get(key) else { return };
        let (lateness, is_compared) = (self.plant.site.lateness, !self.fleet.is_empty());
        let mut out = Vec::new();
        let mut present = usize::MAX;
        for (number, reading) in readings.numbers.iter().enumerate() {
            let Some((room, place)) = table.place(reading.channel) else {
                self.tally.unknown += 1;
                continue;
            };
            if std::mem::replace(&mut present, room) != room {
                let ahead = readings.numbers[number..].iter().map(|it| table.place(it.channel));
                self.rooms[room].touch(room, ahead.take(TOUCHED_MAX));
            }
            let inside = &mut self.rooms[room];
            if !inside.triage(place, reading, &mut out) {
                self.found.extend(out.drain(..).map(|it| (room, it)));
                self.tally.late += 1;
                continue;
            }
            if !inside.memory.admit(reading.t, reading.quality, lateness) {
                self.tally.late += 1;
                continue;
            }
            self.tally.readings += 1;
            inside.is_dirty = true;
            let Reading { t, value, quality, .. } = *reading;
            let measured = Measured { place, t, value, quality };
            inside.plan.number(&mut inside.memory.detector, measured, &mut out);
            if !inside.memory.watches.is_empty() {
                inside.check(place, reading, &mut self.checked);
            }
            if is_compared {
                self.fleet.compare(&mut self.rooms, (room, t), &mut out);
            }
            self.found.extend(out.drain(..).map(|it| (room, it)));
        }
        for text in &readings.texts {
            let Some((room, place)) = table.place(text.channel) else {
                self.tally.unknown += 1;
                continue;
            };
            let inside = &mut self.rooms[room];
            if !inside.memory.admit(text.t, text.quality, lateness) {
                self.tally.late += 1;
                continue;
            }
            self.tally.readings += 1;
            inside.is_dirty = true;
            let TextReading { t, text, quality, .. } = text;
            let measured = MeasuredText { place, t: *t, text, quality: *quality };
            inside.plan.text(&mut inside.memory.detector, measured, &mut out);
            self.found.extend(out.drain(..).map(|it| (room, it)));
        }
        for burst in &readings.bursts {
            let device = burst.channel.device();
            let Some(room) = self.by_device.get(&device).copied() else {
                self.tally.unknown += 1;
                continue;
            };
            self.rooms[room].is_dirty = true;
            self.rooms[room].burst(burst, &mut out);
            self.found.extend(out.drain(..).map(|it| (room, it)));
        }
    }

    fn learn_table(&mut self, key: &StreamKey, channels: &[ChannelId]) {
        if self.tables.get(key).is_some_and(|it| it.channels == channels) {
            return;
        }
        let place = |channel: &ChannelId| {
            let room = *self.by_device.get(&channel.device())?;
            Some((room, self.rooms[room].plan.place(channel)?))
        };
        let places: Vec<Option<(usize, Place)>> = channels.iter().map(place).collect();
        let mut rooms: Vec<usize> = places.iter().flatten().map(|(room, _)| *room).collect();
        rooms.dedup();
        self.tables.insert(key.clone(), Table { channels: channels.to_vec(), places, rooms });
    }

    pub(crate) fn tell(&mut self, room: usize, notice: &DeviceNotice) {
        let mut out = Vec::new();
        let inside = &mut self.rooms[room];
        inside.is_dirty = true;
        inside.plan.notice(&mut inside.memory.detector, notice, &mut out);
        self.found.extend(out.into_iter().map(|it| (room, it)));
    }

    /// Turns what the rules found into decisions, in the order of finding.
    fn decide(&mut self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for (room, detection) in std::mem::take(&mut self.found) {
            self.desk.is_dirty = true;
            let detection = self.rooms[room].doubted(detection);
            let change = match &detection {
                Detection::Raised(anomaly) | Detection::Updated(anomaly) => {
                    if let Finding::BearingLine(line) = &anomaly.finding {
                        let memory = &mut self.rooms[room].memory;
                        memory.keep_burst(&line.waveform_channel, line.waveform);
                    }
                    Some(self.desk.book.raise(&self.plant.site.id, anomaly))
                }
                Detection::Cleared { rule, component, family, channel, at } => {
                    self.desk.book.clear(&Clearing {
                        rule: &rule.id,
                        component,
                        family: *family,
                        channel,
                        at: *at,
                    })
                }
            };
            if let Some(change) = change {
                decisions.extend(self.answer(change, &detection));
            }
            // A machine anomaly that rested on a broken sensor speaks again once the sensor is sound.
            for anomaly in self.desk.book.unmuted() {
                let change = self.desk.book.raise(&self.plant.site.id, &anomaly);
                decisions.extend(self.answer(change, &Detection::Raised(anomaly)));
            }
        }
        decisions
    }
}

impl Table {
    #[inline]
    fn place(&self, channel: u16) -> Option<(usize, Place)> {
        self.places.get(usize::from(channel)).copied().flatten()
    }
}

/// More channels than most machines have, and less than the nearest cache holds.
const TOUCHED_MAX: usize = 64;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A rule cannot be applied.
    #[error(transparent)]
    Rule(#[from] RuleError),
}
