//! Codes that a machine reports itself, in a text channel: error numbers, alarms, messages.
//!
//! A text may hold several codes, separated by commas or semicolons. The rule holds from the code
//! that completes it until so many are no longer within the window; it needs no learning. What a
//! code means for which part stands in the rule, since only the maker's manual knows it.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::rule::{Fields, RuleError};
use crate::select::matches;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Patterns, with `*` for any run of letters.
    codes: Vec<String>,
    times: u32,
    window: Span,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (codes, window) = (fields.codes.take(), fields.window.take());
        let codes = fields.need("codes", codes)?;
        let window = fields.need("window", window)?;
        let times = fields.times.take().unwrap_or(1);
        if codes.is_empty() || codes.iter().any(String::is_empty) {
            return Err(fields.wrong("codes", "name at least one code, none of them empty"));
        }
        if !(1..=TIMES_MAX).contains(&times) {
            return Err(fields.wrong("times", "it must be 1 to 64"));
        }
        if window <= Span::ZERO {
            return Err(fields.wrong("window", "it must be longer than nothing"));
        }
        Ok(Self { codes, times, window })
    }

    /// Takes a text; says whether one of its codes is meant.
    pub(crate) fn take(&self, memory: &mut Memory, t: Time, text: &str) -> bool {
        let codes = text.split([',', ';']).map(str::trim).filter(|it| !it.is_empty());
        let meant = codes.filter(|code| self.codes.iter().any(|it| matches(it, code)));
        let before = memory.seen.len();
        memory.seen.extend(meant.map(|code| (t, code.to_owned())));
        let has_any = before < memory.seen.len();
        let surplus = memory.seen.len().saturating_sub(SEEN_MAX);
        memory.seen.drain(..surplus);
        self.pass(memory, t);
        has_any
    }

    /// Lets time pass: codes leave the window.
    pub(crate) fn pass(&self, memory: &mut Memory, now: Time) {
        if memory.seen.first().is_some_and(|(t, _)| *t + self.window <= now) {
            memory.seen.retain(|(t, _)| now < *t + self.window);
        }
    }

    /// What was found, while enough codes are within the window.
    pub(crate) fn finding(&self, memory: &Memory) -> Option<(Time, Finding)> {
        let times = u32::try_from(memory.seen.len()).unwrap_or(u32::MAX);
        let (first, last) = (memory.seen.first()?, memory.seen.last()?);
        let finding = Finding::Code { code: last.1.clone(), times, window: self.window };
        (self.times <= times).then_some((first.0, finding))
    }
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// Codes within the window, oldest first.
    seen: Vec<(Time, String)>,
    pub(crate) is_active: bool,
}

impl Memory {
    /// The part was repaired: its codes speak of the old one.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }
}

const TIMES_MAX: u32 = 64;

/// A machine that reports without end is not remembered without end.
const SEEN_MAX: usize = 64;
