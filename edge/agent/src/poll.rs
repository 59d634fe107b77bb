//! One task for each Modbus link: its devices are asked in turn, fairly, one at a time.
//!
//! Rely on this: a turn that was missed is skipped and counted, never made up for; a silent device
//! is asked less and less often and does not hold up its neighbours for longer than one exchange
//! with its repeats; what did not come is a bad reading, so that the gap can be seen.
//!
//! Deliberately absent: the protocol (see [`modbus`](crate::source::modbus)) and the disk.

pub mod judge;
pub mod report;
pub mod schedule;

use std::time::Duration;

use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_domain::template::ModbusSettings;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::backoff;

use crate::decode::{self, Value};
use crate::intake::{Inlet, Intake, Measured};
use crate::plan::PlanError;
use crate::source::SourcePoints;
use crate::source::modbus::line::Line;
use crate::source::modbus::waveform::{Fetch, Step};
use crate::source::modbus::{ModbusDevice, Turn};
use crate::status::StatusBoard;
use judge::Judge;
use report::Reporter;
use schedule::Schedule;

/// The task of one link.
#[derive(Debug)]
pub struct LinkPoll {
    link: LinkId,
    line: Line,
    polled: Vec<Polled>,
    schedule: Schedule,
    turns: Vec<TurnOf>,
}

/// What a turn of the schedule is for: a source, and which of its groups or waveforms.
#[derive(Clone, Copy, Debug)]
enum TurnOf {
    Group(usize, usize),
    Waveform(usize, usize),
}

impl TurnOf {
    fn source(self) -> usize {
        match self {
            Self::Group(source, _) | Self::Waveform(source, _) => source,
        }
    }
}

/// When a turn comes again.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// At its time.
    InTurn,
    /// As soon as the others had theirs.
    Soon,
    /// Its machine is not in the right state yet.
    WhenReady,
}

#[derive(Debug)]
struct Polled {
    points: SourcePoints,
    device: ModbusDevice,
    judge: Judge,
    reporter: Reporter,
    fetches: Vec<Fetch>,
    /// Of each point, while it is good.
    latest: Vec<Option<f64>>,
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
        Self::over(link, Line::new(via), sources)
    }

    /// As [`LinkPoll::new`], over a line that is there already.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when a template cannot be planned.
    pub fn over(link: LinkId, line: Line, sources: Vec<SourcePoints>) -> Result<Self, PlanError> {
        let mut schedule = Schedule::default();
        let (mut polled, mut turns) = (Vec::new(), Vec::new());
        for points in sources {
            let unit = points.source.unit.unwrap_or(UNIT_DEFAULT);
            let Some(device) = ModbusDevice::new(unit, &points.template)? else { continue };
            for (index, group) in device.groups().iter().enumerate() {
                schedule.add(group.group.every.to_std(), group.group.offset.to_std());
                turns.push(TurnOf::Group(polled.len(), index));
            }
            let fetches = Fetch::all(unit, &points.template)?;
            for (index, fetch) in fetches.iter().enumerate() {
                schedule.add(fetch.every.to_std(), Duration::ZERO);
                turns.push(TurnOf::Waveform(polled.len(), index));
            }
            let reporter = Reporter::new(&points);
            let seed = backoff::seed_of(&format!("{}/{}", points.device, points.id()));
            let judge = Judge::new(&points.template);
            let latest = vec![None; points.points.len()];
            let failures = 0;
            polled.push(Polled {
                points,
                device,
                judge,
                reporter,
                fetches,
                latest,
                failures,
                seed,
            });
        }
        Ok(Self { link, line, polled, schedule, turns })
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
            let (intake, next) = tokio::select! {
                () = stop.cancelled() => return,
                done = self.take_turn(turn, &board, &clock) => done,
            };
            let has_something = !intake.readings.is_empty() || intake.capture.is_some();
            if has_something && inlet.send(intake).await.is_err() {
                return;
            }
            let now = clock.monotonic().saturating_sub(began);
            self.plan_next(turn, next, now, &board);
            self.hold_if_silent(self.turns[turn].source(), now);
        }
    }

    fn plan_next(&mut self, turn: usize, next: Next, now: Duration, board: &StatusBoard) {
        match next {
            Next::InTurn => {
                let skipped = self.schedule.served(turn, now);
                let points = &self.polled[self.turns[turn].source()].points;
                if 0 < skipped {
                    board.update(&points.device, points.id(), |it| it.turns_skipped += skipped);
                }
            }
            Next::Soon => self.schedule.yielded(turn, now),
            Next::WhenReady => self.schedule.yielded(turn, now + READY_CHECK_EVERY),
        }
    }

    async fn take_turn(
        &mut self,
        turn: usize,
        board: &StatusBoard,
        clock: &Clock,
    ) -> (Intake, Next) {
        // A value is as old as the request for it, not as its answer.
        let t = Time::from_micros(clock.now_us());
        match self.turns[turn] {
            TurnOf::Group(source, group) => {
                let polled = &mut self.polled[source];
                (polled.take_group(group, &mut self.line, board, t).await, Next::InTurn)
            }
            TurnOf::Waveform(source, fetch) => {
                self.polled[source].take_waveform(fetch, &mut self.line, board, t).await
            }
        }
    }

    /// Puts off all turns of a source that did not answer.
    fn hold_if_silent(&mut self, source: usize, now: Duration) {
        let polled = &self.polled[source];
        if polled.failures == 0 {
            return;
        }
        let until = now + pause(polled.device.settings(), polled.failures - 1, polled.seed);
        for (turn, of) in self.turns.iter().enumerate() {
            if of.source() == source {
                self.schedule.hold(turn, until);
            }
        }
    }
}

impl Polled {
    async fn take_group(
        &mut self,
        group: usize,
        line: &mut Line,
        board: &StatusBoard,
        t: Time,
    ) -> Intake {
        let Self { points, device, judge, reporter, fetches, latest, failures, .. } = self;
        let Turn { points: decoded, errors, is_silent } =
            device.take_turn(line, &points.template, group).await;
        *failures = if is_silent { failures.saturating_add(1) } else { 0 };
        let mut readings = Vec::new();
        let mut has_good = false;
        for (index, decoded) in decoded {
            let Some(point) = points.points.get(index) else { continue };
            let decoded = judge.judge(index, decode::against_range(decoded, point.range), t);
            has_good |= !decoded.quality.is_bad();
            latest[index] = match decoded.value {
                Value::Number(value) if !decoded.quality.is_bad() => Some(value),
                _ => None,
            };
            if reporter.is_due(index, &decoded, t) {
                let (value, quality) = (decoded.value, decoded.quality);
                readings.push(Measured { channel: point.channel.clone(), t, value, quality });
            }
        }
        for fetch in fetches {
            fetch.follow(&points.template, t, |name| value_of(points, latest, name));
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

    async fn take_waveform(
        &mut self,
        fetch: usize,
        line: &mut Line,
        board: &StatusBoard,
        t: Time,
    ) -> (Intake, Next) {
        let Self { points, fetches, .. } = self;
        let Some(fetch) = fetches.get_mut(fetch) else {
            return (Intake::default(), Next::InTurn);
        };
        match fetch.step(line, points, t).await {
            Step::Done(capture) => {
                (Intake { capture: Some(*capture), ..Intake::default() }, Next::InTurn)
            }
            Step::More => (Intake::default(), Next::Soon),
            Step::NotNow => (Intake::default(), Next::WhenReady),
            Step::Failed(kind) => {
                board.count(&points.device, points.id(), kind);
                (Intake::default(), Next::InTurn)
            }
        }
    }
}

/// A point of the source by its name, as `point` or `source/point`.
fn value_of(points: &SourcePoints, latest: &[Option<f64>], name: &str) -> Option<f64> {
    let name = match name.split_once('/') {
        Some((source, point)) if source == points.id().as_str() => point,
        Some(_) => return None,
        None => name,
    };
    let index = points.template.points.iter().position(|it| it.id.as_str() == name)?;
    latest.get(index).copied().flatten()
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

/// How soon after its machine is in the right state a waveform is fetched.
const READY_CHECK_EVERY: Duration = Duration::from_secs(1);

/// The unit id that stands for "the device behind this TCP address itself".
const UNIT_DEFAULT: u8 = 255;
