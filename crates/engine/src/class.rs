//! Devices of one class teach each other what is normal, on ticks of event time.
//!
//! Only devices that the same agent serves learn together: they are stepped in the order of one
//! stream, so no delay of another agent can change the answer. A normal is made again whenever twice
//! as many calm samples stand behind it.

use std::collections::BTreeMap;

use forewarn_detect::{ClassNormal, Lesson, PoolKey};
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::pipeline::Desk;
use crate::room::Room;

/// Which rooms learn together.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    classes: Vec<Class>,
    /// The class of each room, by place.
    of_room: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Class {
    name: String,
    rooms: Vec<usize>,
}

/// When a class learns next, and how much stood behind each of its normals.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ClassClock {
    name: String,
    next: Time,
    fitted: Vec<Fitted>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Fitted {
    key: PoolKey,
    taught: u64,
}

impl Classes {
    pub(crate) fn new(rooms: &[Room]) -> Self {
        let mut classes = Self { classes: Vec::new(), of_room: vec![None; rooms.len()] };
        for (place, room) in rooms.iter().enumerate() {
            if !room.plan.is_pooled() {
                continue;
            }
            let device = &room.device.device;
            let name = format!("{}/{}", device.agent, device.class);
            let class = match classes.classes.iter().position(|it| it.name == name) {
                Some(known) => known,
                None => {
                    classes.classes.push(Class { name, rooms: Vec::new() });
                    classes.classes.len() - 1
                }
            };
            classes.classes[class].rooms.push(place);
            classes.of_room[place] = Some(class);
        }
        classes
    }

    /// Lets the classes of the rooms that a batch speaks of learn, if their time has come.
    pub(crate) fn learn(
        &self,
        rooms: &mut [Room],
        spoken_of: &[usize],
        now: Time,
        desk: &mut Desk,
    ) {
        let mut due: Vec<usize> =
            spoken_of.iter().filter_map(|room| *self.of_room.get(*room)?).collect();
        due.dedup();
        for class in due.into_iter().filter_map(|it| self.classes.get(it)) {
            let clock = desk.clock_of(&class.name);
            if desk.classes[clock].next <= now {
                desk.classes[clock].next = now.floor(TICK) + TICK;
                if class.learn(rooms, now, &mut desk.classes[clock]) {
                    desk.is_dirty = true;
                }
            }
        }
    }
}

impl Class {
    /// Makes the normals anew for which enough has come; says whether there were any.
    fn learn(&self, rooms: &mut [Room], now: Time, clock: &mut ClassClock) -> bool {
        let mut lessons: BTreeMap<PoolKey, Vec<Lesson<'_>>> = BTreeMap::new();
        for room in self.rooms.iter().filter_map(|place| rooms.get(*place)) {
            for lesson in room.plan.lessons(&room.memory.detector) {
                lessons.entry(lesson.key.clone()).or_default().push(lesson);
            }
        }
        let mut learned = Vec::new();
        for (key, lessons) in lessons {
            let taught: u64 = lessons.iter().map(|it| it.taught).sum();
            let needed = lessons.iter().map(|it| it.needed).max().unwrap_or(u64::MAX);
            let before = clock.taught(&key);
            if taught < needed.max(before.saturating_mul(2)) {
                continue;
            }
            if let Some(normal) = ClassNormal::of(&lessons, now) {
                learned.push((key, taught, normal));
            }
        }
        for (key, taught, normal) in &learned {
            clock.fitted.retain(|it| it.key != *key);
            clock.fitted.push(Fitted { key: key.clone(), taught: *taught });
            for place in &self.rooms {
                if let Some(room) = rooms.get_mut(*place) {
                    room.plan.take_class(&mut room.memory.detector, key, *normal);
                    room.is_dirty = true;
                }
            }
        }
        !learned.is_empty()
    }
}

impl ClassClock {
    fn taught(&self, key: &PoolKey) -> u64 {
        self.fitted.iter().find(|it| it.key == *key).map_or(0, |it| it.taught)
    }
}

impl Desk {
    fn clock_of(&mut self, name: &str) -> usize {
        if let Some(known) = self.classes.iter().position(|it| it.name == name) {
            return known;
        }
        let (name, next) = (name.to_owned(), Time::default());
        self.classes.push(ClassClock { name, next, fitted: Vec::new() });
        self.classes.len() - 1
    }
}

/// As often as a class looks whether enough has come.
const TICK: Span = Span::from_secs(600);
