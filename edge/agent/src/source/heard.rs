//! A source that speaks by itself: what it said of which point, and when it was last heard.
//!
//! Rely on this: a point that is repeated without news is not reported, a source that falls silent
//! gets bad readings, and whatever is left out is counted on the board under its reason.
//!
//! Deliberately absent: how a message is read; see the sources.

use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::template::PointAddress;
use forewarn_domain::time::{Span, Time};

use crate::decode::{self, Decoded};
use crate::intake::{Intake, Measured};
use crate::poll::report::Reporter;
use crate::source::SourcePoints;
use crate::status::StatusBoard;

/// One source, and when it was last heard.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) points: SourcePoints,
    /// What `{asset}` stands for.
    pub(crate) address: String,
    pub(crate) last_heard: Option<Time>,
    reporter: Reporter,
    stale_after: Option<Span>,
    board: StatusBoard,
}

impl Heard {
    pub(crate) fn new(points: SourcePoints, board: &StatusBoard) -> Self {
        Self {
            address: points.source.address.clone().unwrap_or_else(|| points.device.to_string()),
            reporter: Reporter::new(&points),
            stale_after: points.template.mqtt.as_ref().and_then(|it| it.stale_after),
            last_heard: None,
            points,
            board: board.clone(),
        }
    }

    /// Counts something that was left out.
    pub(crate) fn count(&self, kind: &'static str) {
        self.board.count(&self.points.device, self.points.id(), kind);
    }

    /// Notes that something was understood.
    pub(crate) fn note(&mut self, now: Time, last_good: Option<Time>) {
        self.last_heard = Some(now);
        self.board.update(&self.points.device, self.points.id(), |it| {
            it.answers += 1;
            it.last_good = last_good.or(it.last_good);
        });
    }

    /// What a value says for a point. `None` when the template has no such point.
    pub(crate) fn decode(&self, index: usize, found: &serde_json::Value) -> Option<Decoded> {
        let point = self.points.template.points.get(index)?;
        if found.as_str() == Some(UNAVAILABLE) {
            return Some(decode::missing(point, Bad::Sentinel));
        }
        let range = self.points.points.get(index)?.range;
        Some(decode::against_range(decode::json(point, found), range))
    }

    /// A point for which the message has an error or nothing.
    pub(crate) fn missing(&self, index: usize, why: Bad) -> Option<Decoded> {
        self.points.template.points.get(index).map(|point| decode::missing(point, why))
    }

    /// Takes values by their names, as Sparkplug and SHDR send them. Gives whether one of them was
    /// of use.
    pub(crate) fn take_named(
        &mut self,
        values: &[NamedValue],
        is_doubtful: bool,
        intake: &mut Intake,
    ) -> bool {
        let mut is_of_use = false;
        for NamedValue { name, t, value } in values {
            for index in 0..self.points.points.len() {
                if !self.is_named(index, name) {
                    continue;
                }
                let decoded = match value {
                    Some(value) => self.decode(index, value),
                    None => self.missing(index, Bad::Sentinel),
                };
                let Some(decoded) = decoded else { continue };
                let decoded = if is_doubtful { with_doubtful_time(decoded) } else { decoded };
                is_of_use |= !decoded.quality.is_bad();
                self.report(index, decoded, *t, intake);
            }
        }
        is_of_use
    }

    /// Reports a value of a point where it is news.
    pub(crate) fn report(&mut self, index: usize, decoded: Decoded, t: Time, intake: &mut Intake) {
        if let Some(point) = self.points.points.get(index)
            && self.reporter.is_due(index, &decoded, t)
        {
            let channel = point.channel.clone();
            let (value, quality) = (decoded.value, decoded.quality);
            intake.readings.push(Measured { channel, t, value, quality });
        }
    }

    /// Whether it has been silent for longer than its template allows.
    pub(crate) fn is_silent(&self, began: Time, now: Time) -> bool {
        let since = self.last_heard.unwrap_or(began);
        self.stale_after.is_some_and(|limit| limit < now - since)
    }

    /// Nothing of it counts any more, until it is heard again.
    pub(crate) fn go_stale(&mut self, now: Time, intake: &mut Intake) {
        for index in 0..self.points.points.len() {
            let point = self.points.template.points.get(index);
            if point.is_some_and(|it| matches!(it.at, PointAddress::Json(_)))
                && let Some(decoded) = self.missing(index, Bad::Stale)
            {
                self.report(index, decoded, now, intake);
            }
        }
    }

    /// A pointer of one step is the name itself, with `~1` for a slash (RFC 6901).
    fn is_named(&self, index: usize, name: &str) -> bool {
        let point = self.points.template.points.get(index);
        let Some(PointAddress::Json(pointer)) = point.map(|it| &it.at) else { return false };
        let step = pointer.strip_prefix('/').unwrap_or(pointer);
        !step.contains('/') && step.replace("~1", "/").replace("~0", "~") == name
    }
}

/// A value under the name by which its sender knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedValue {
    pub(crate) name: String,
    pub(crate) t: Time,
    /// `None` where the sender says that it has none.
    pub(crate) value: Option<serde_json::Value>,
}

/// The same value, with a time that is not to be trusted.
pub(crate) fn with_doubtful_time(decoded: Decoded) -> Decoded {
    if decoded.quality.is_bad() {
        return decoded;
    }
    Decoded { quality: Quality::Uncertain(Uncertain::Clock), ..decoded }
}

/// MTConnect's word for "no value" (MTConnect standard part 1, 5.8).
const UNAVAILABLE: &str = "UNAVAILABLE";
