//! One rule set over a whole folder, through the engine that runs live.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::DeviceId;
use forewarn_domain::reading::BatchBody;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine, Knowledge, Notice, Tally};
use indicatif::ProgressBar;

use super::folder::Folder;
use super::score::{Claim, Failure, Score, Surroundings, score};
use super::timeline::{Step, Timeline};
use crate::files;
use crate::output::Failure as Refusal;
use crate::recording::Row;

/// Readings of one channel in the order of time.
pub(super) type Series = BTreeMap<ChannelId, Vec<(Time, f64)>>;

/// What one rule set did.
pub(super) struct Trial {
    pub(super) tickets: Vec<Opened>,
    pub(super) repairs: Vec<RepairRecord>,
    pub(super) failures: Vec<Failure>,
    pub(super) score: Score,
    pub(super) tally: Tally,
    /// Rows of machines that the site does not have.
    pub(super) unknown_machines: u64,
    pub(super) span: Option<(Time, Time)>,
    /// Kept where a missed failure is to be looked into.
    pub(super) series: Series,
    pub(super) within: Span,
}

/// A ticket that would have been opened.
pub(super) struct Opened {
    /// As it stood at last.
    pub(super) draft: TicketDraft,
    /// A repair of the part closed it.
    is_closed: bool,
    is_cleared: bool,
    /// Later episodes of the same trouble that joined it.
    pub(super) joined: u32,
}

/// What is gathered while the folder passes through.
#[derive(Default)]
struct Gathered {
    tickets: Vec<Opened>,
    repairs: Vec<RepairRecord>,
    watched: BTreeMap<DeviceId, Vec<(Time, Time)>>,
    series: Series,
    keeps_series: bool,
    within: Span,
    gap: Span,
}

impl Trial {
    /// Runs the folder with the rules of a file, or the shipped ones.
    pub(super) fn run(
        folder: &Folder,
        rules: Option<&Path>,
        keeps_series: bool,
        bar: &ProgressBar,
    ) -> Result<Self, Refusal> {
        Self::with(folder, files::knowledge(rules, None)?, keeps_series, bar)
    }

    /// Runs the folder with rules that may stand in no file.
    pub(super) fn with(
        folder: &Folder,
        knowledge: Knowledge,
        keeps_series: bool,
        bar: &ProgressBar,
    ) -> Result<Self, Refusal> {
        let mut engine = Engine::new(Arc::clone(&folder.plant), knowledge, Vec::new())?;
        let failing = folder.import.failures.as_ref();
        let within = failing.map_or(Span::from_secs(72 * 3_600), |it| it.within);
        let gap = folder.gap();
        let mut gathered = Gathered { keeps_series, within, gap, ..Gathered::default() };
        let mut timeline = Timeline::of(folder, bar)?;
        while let Some((_, step)) = timeline.next()? {
            match step {
                Step::Readings(row) => {
                    gathered.watch(&row);
                    gathered.take(engine.advance(&row.batch));
                }
                Step::Repair(repair) => gathered.repair(&mut engine, repair),
            }
        }
        let failures = match folder.failures()? {
            Some(failures) => failures,
            None if failing.is_some_and(|it| it.file.is_none()) => gathered.ends(),
            None => Vec::new(),
        };
        let score = gathered.score(&failures);
        let Gathered { tickets, repairs, series, watched, .. } = gathered;
        let stretches = || watched.values().flatten();
        let span = stretches().map(|it| it.0).min().zip(stretches().map(|it| it.1).max());
        let (tally, unknown_machines) = (engine.tally(), timeline.unknown);
        Ok(Self {
            tickets,
            repairs,
            failures,
            score,
            tally,
            unknown_machines,
            span,
            series,
            within,
        })
    }
}

impl Gathered {
    fn take(&mut self, decisions: Vec<Decision>) {
        for decision in decisions {
            match decision {
                Decision::Open { draft, .. } => self.open(*draft),
                Decision::Amend { draft, .. } => {
                    let known = self.tickets.iter_mut().rev().find(|it| it.draft.id == draft.id);
                    if let Some(known) = known.filter(|it| !it.is_closed) {
                        known.draft = *draft;
                        known.is_cleared = false;
                    }
                }
                Decision::Checked { .. } | Decision::SetAside { .. } => {}
                Decision::Cleared { episode, .. } => {
                    let known =
                        self.tickets.iter_mut().rev().find(|it| it.draft.episode == episode);
                    if let Some(known) = known {
                        known.is_cleared = true;
                    }
                }
            }
        }
    }

    /// One part has one open ticket for a kind of trouble, as in the records. People are taken to
    /// have closed a ticket whose trouble went away and whose time is over.
    fn open(&mut self, draft: TicketDraft) {
        let is_open = |it: &&mut Opened| {
            let is_over = it.is_cleared && it.draft.detected_at + self.within < draft.detected_at;
            it.draft.key == draft.key && !it.is_closed && !is_over
        };
        match self.tickets.iter_mut().rev().find(is_open) {
            Some(open) => open.joined += 1,
            None => {
                let (is_closed, is_cleared, joined) = (false, false, 0);
                self.tickets.push(Opened { draft, is_closed, is_cleared, joined });
            }
        }
    }

    fn repair(&mut self, engine: &mut Engine, repair: RepairRecord) {
        for ticket in &mut self.tickets {
            let key = &ticket.draft.key;
            ticket.is_closed |= key.device == repair.device && key.component == repair.component;
        }
        let decisions = engine.apply(&Notice::RepairRecorded { repair: repair.clone() });
        self.repairs.push(repair);
        self.take(decisions);
    }

    fn watch(&mut self, row: &Row) {
        let BatchBody::Readings(readings) = &row.batch.body else { return };
        if readings.numbers.is_empty() {
            return;
        }
        let mut last = "";
        for channel in &readings.channels {
            let device = channel.device_str();
            if device == last {
                continue;
            }
            last = device;
            let stretches = self.watched.entry(channel.device()).or_default();
            match stretches.last_mut() {
                Some((_, to)) if row.t - *to <= self.gap => *to = row.t.max(*to),
                Some(_) | None => stretches.push((row.t, row.t)),
            }
        }
        if self.keeps_series {
            for reading in &readings.numbers {
                let Some(channel) = readings.channel(reading.channel) else { continue };
                match self.series.get_mut(channel) {
                    Some(known) => known.push((reading.t, reading.value)),
                    None => {
                        self.series.insert(channel.clone(), vec![(reading.t, reading.value)]);
                    }
                }
            }
        }
    }

    /// Machines that ran to their end.
    fn ends(&self) -> Vec<Failure> {
        let end = |(device, stretches): (&DeviceId, &Vec<(Time, Time)>)| {
            let at = stretches.last()?.1;
            Some(Failure { device: device.clone(), component: None, at })
        };
        self.watched.iter().filter_map(end).collect()
    }

    fn score(&self, failures: &[Failure]) -> Score {
        let claim = |it: &Opened| Claim {
            device: it.draft.key.device.clone(),
            component: it.draft.key.component.clone(),
            at: it.draft.detected_at,
        };
        let claims: Vec<Claim> = self.tickets.iter().map(claim).collect();
        let done = |it: &RepairRecord| (it.device.clone(), it.component.clone(), it.at);
        let repairs: Vec<_> = self.repairs.iter().map(done).collect();
        let around =
            Surroundings { within: self.within, watched: &self.watched, repairs: &repairs };
        score(&claims, failures, &around)
    }
}
