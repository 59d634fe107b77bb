//! The engine's memory as named texts, for the store that keeps its cursor.
//!
//! One part for each device, so that only what changed is written. What a changed rule or a changed
//! channel cannot take over is learned anew; everything else is kept.

use serde::{Deserialize, Serialize};

use crate::pipeline::{Desk, Engine};
use crate::room::Memory;

const DESK: &str = "desk";
const DEVICE: &str = "device/";

#[derive(Serialize, Deserialize)]
struct Part<T> {
    format: u32,
    body: T,
}

impl Engine {
    /// The parts that changed since the last call; all of them the first time.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Write`] when a memory cannot be written down, such as a number that is none.
    pub fn changed_parts(&mut self) -> Result<Vec<(String, String)>, SnapshotError> {
        let mut parts = Vec::new();
        let written = |source| SnapshotError::Write { source };
        if std::mem::take(&mut self.desk.is_dirty) {
            let part = Part { format: FORMAT, body: &self.desk };
            parts.push((DESK.to_owned(), serde_json::to_string(&part).map_err(written)?));
        }
        for room in self.rooms_mut().filter(|it| it.is_dirty) {
            room.is_dirty = false;
            let part = Part { format: FORMAT, body: &room.memory };
            let name = format!("{DEVICE}{}", room.device.device.id);
            parts.push((name, serde_json::to_string(&part).map_err(written)?));
        }
        Ok(parts)
    }

    /// Forgets that parts were handed out, because they could not be stored.
    pub fn mark_all_changed(&mut self) {
        self.desk.is_dirty = true;
        self.rooms_mut().for_each(|room| room.is_dirty = true);
    }

    /// Takes over what an earlier engine remembered. Parts of devices that the plant no longer has,
    /// and parts of another format, are left aside.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Read`] for a part that is damaged.
    pub fn restore(&mut self, parts: &[(String, String)]) -> Result<(), SnapshotError> {
        for (name, text) in parts {
            let damaged = |source| SnapshotError::Read { part: name.clone(), source };
            if name == DESK {
                let part: Part<Desk> = serde_json::from_str(text).map_err(damaged)?;
                self.desk = part.body;
                continue;
            }
            let Some(room) = name.strip_prefix(DEVICE).and_then(|id| self.room_named(id)) else {
                continue;
            };
            let part: Part<Memory> = serde_json::from_str(text).map_err(damaged)?;
            if part.format == FORMAT {
                let detector = room.plan.adopt(part.body.detector.clone());
                room.memory = part.body;
                room.memory.detector = detector;
                room.is_dirty = false;
            }
        }
        Ok(())
    }

    /// Takes over what another engine has learned by rules that know nothing here: a rule that went to
    /// shadow, or came back from it, goes on where it was.
    pub fn learn_missing(&mut self, other: &Self) {
        for room in self.rooms_mut() {
            let Some(known) = other.room(&room.device.device.id) else { continue };
            room.plan.learn_missing(&mut room.memory.detector, &known.memory.detector);
            room.is_dirty = true;
        }
    }
}

/// Grows when the memory of a device changes its shape.
const FORMAT: u32 = 1;

/// Why a memory cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A stored part is damaged.
    #[error("part `{part}` of the engine's snapshot is damaged; remove it to learn that part anew")]
    Read {
        /// Which part.
        part: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A memory cannot be written down.
    #[error("the engine's memory cannot be written down")]
    Write {
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
