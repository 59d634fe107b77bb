//! One task for each Modbus link: its devices are asked in turn, fairly, one at a time.
//!
//! Rely on this: a turn that was missed is skipped and counted, never made up for; a silent device
//! is asked less and less often and does not hold up its neighbours for longer than one exchange
//! with its repeats; what did not come is a bad reading, so that the gap can be seen.
//!
//! Deliberately absent: the protocol (see [`modbus`](crate::source::modbus)) and the disk.

pub mod report;
pub mod schedule;

use std::time::Duration;

use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_domain::template::ModbusSettings;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::backoff;

use crate::decode;
use crate::intake::{Inlet, Intake, Measured};
use crate::plan::PlanError;
use crate::source::SourcePoints;
use crate::source::modbus::line::Line;
use crate::source::modbus::{ModbusDevice, Turn};
use crate::status::StatusBoard;
use report::Reporter;
use schedule::Schedule;

/// The task of one link.
#[derive(Debug)]
pub struct LinkPoll {
    link: LinkId,
    line: Line,
    polled: Vec<Polled>,
    schedule: Schedule,
    /// For each turn of the schedule: which source, which of its groups.
    turns: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Polled {
    points: SourcePoints,
    device: ModbusDevice,
    reporter: Reporter,
    failures: u32,
    seed: u64,
}

impl LinkPoll {
    /// Prepares the sources of a link; those without Modbus points are left out.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when a template cannot be planned.
    pub fn new(
        link: LinkId,
        via: Transport,
        sources: Vec<SourcePoints>,
    ) -> Result<Self, PlanError> {
        let mut schedule = Schedule::default();
        let (mut polled, mut turns) = (Vec::new(), Vec::new());
        for points in sources {
            let unit = points.source.unit.unwrap_or(UNIT_DEFAULT);
            let Some(device) = ModbusDevice::new(unit, &points.template)? else { continue };
            for (index, group) in device.groups().iter().enumerate() {
                schedule.add(group.group.every.to_std(), group.group.offset.to_std());
                turns.push((polled.len(), index));
            }
            let reporter = Reporter::new(&points);
            let seed = backoff::seed_of(&format!("{}/{}", points.device, points.id()));
            polled.push(Polled { points, device, reporter, failures: 0, seed });
        }
        Ok(Self { link, line: Line::new(via), polled, schedule, turns })
    }

    /// Asks until `stop`.
    pub async fn run(
        mut self,
        inlet: Inlet,
        board: StatusBoard,
        clock: Clock,
        stop: CancellationToken,
    ) {
        tracing::info!(link = %self.link, sources = self.polled.len(), "polling begins");
        let began = clock.monotonic();
        loop {
            let now = clock.monotonic().saturating_sub(began);
            let Some((turn, due)) = self.schedule.next() else {
                stop.cancelled().await;
                return;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(due.saturating_sub(now)) => {}
            }
            let intake = tokio::select! {
                () = stop.cancelled() => return,
                intake = self.take_turn(turn, &board, &clock) => intake,
            };
            let (source, _) = self.turns[turn];
            let points = &self.polled[source].points;
            if !intake.readings.is_empty() && inlet.send(intake).await.is_err() {
                return;
            }
            let now = clock.monotonic().saturating_sub(began);
            let skipped = self.schedule.served(turn, now);
            if 0 < skipped {
                board.update(&points.device, points.id(), |it| it.turns_skipped += skipped);
            }
            self.hold_if_silent(source, now);
        }
    }

    async fn take_turn(&mut self, turn: usize, board: &StatusBoard, clock: &Clock) -> Intake {
        let (source, group) = self.turns[turn];
        let Polled { points, device, reporter, failures, .. } = &mut self.polled[source];
        // A value is as old as the request for it, not as its answer.
        let t = Time::from_micros(clock.now_us());
        let Turn { points: decoded, errors, is_silent } =
            device.take_turn(&mut self.line, &points.template, group).await;
        *failures = if is_silent { failures.saturating_add(1) } else { 0 };
        let mut readings = Vec::new();
        let mut has_good = false;
        for (index, decoded) in decoded {
            let Some(point) = points.points.get(index) else { continue };
            let decoded = decode::against_range(decoded, point.range);
            has_good |= !decoded.quality.is_bad();
            if reporter.is_due(index, &decoded, t) {
                let (value, quality) = (decoded.value, decoded.quality);
                readings.push(Measured { channel: point.channel.clone(), t, value, quality });
            }
        }
        board.update(&points.device, points.id(), |it| {
            it.answers += u64::from(has_good);
            it.last_good = if has_good { Some(t) } else { it.last_good };
            for kind in errors {
                *it.errors.entry(kind).or_default() += 1;
            }
        });
        Intake { readings, ..Intake::default() }
    }

    /// Puts off all turns of a source that did not answer.
    fn hold_if_silent(&mut self, source: usize, now: Duration) {
        let polled = &self.polled[source];
        if polled.failures == 0 {
            return;
        }
        let until = now + pause(polled.device.settings(), polled.failures - 1, polled.seed);
        for (turn, (of, _)) in self.turns.iter().enumerate() {
            if *of == source {
                self.schedule.hold(turn, until);
            }
        }
    }
}

/// The wait after a silent turn: grows by the template's factor up to its limit, and is spread so
/// that the devices of a line that was cut do not all come back at once.
fn pause(settings: &ModbusSettings, failures: u32, seed: u64) -> Duration {
    let backoff = settings.backoff;
    let growth = backoff.factor.max(1.0).powi(i32::try_from(failures.min(64)).unwrap_or(64));
    let limit = backoff.max.to_std();
    let whole = (backoff.first.secs_f64() * growth).min(limit.as_secs_f64()).max(0.0);
    backoff::pause(Duration::from_secs_f64(whole), limit, 0, seed ^ u64::from(failures))
}

/// The unit id that stands for "the device behind this TCP address itself".
const UNIT_DEFAULT: u8 = 255;
