//! Runs of rules over stored history: taken from the records one by one, on a thread of their own.
//!
//! Both sides of a comparison step over the same batches. Only devices on which a changed rule looks
//! are run, since an engine steps each device for itself; without a change all are, which shows
//! whether the past can be reproduced.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forewarn_api::views::TrialReportView;
use forewarn_detect::{Rule, RuleSet};
use forewarn_domain::id::{DeviceId, RuleId};
use forewarn_domain::reading::{Batch, BatchBody};
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Engine, EngineError, Notice};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::ReadingStore;
use forewarn_store::records::{
    EpisodeFilter, EpisodeRow, Judgement, LabelFilter, Origin, Records, RecordsError,
    ShadowEpisode, Standing, Trial,
};
use tokio::runtime::Handle;

use super::compare::{Found, Ground, Judged, report};
use super::history::{self, History, HistoryError, WINDOW};
use super::rulebook::{Rulebook, RulebookError, parse};
use crate::stages::decide::{DecideError, notice_of};

/// The stage and what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Trials {
    pub(crate) book: Rulebook,
    pub(crate) readings: ReadingStore,
    pub(crate) records: Records,
    pub(crate) clock: Clock,
}

/// The two engines of a run; a run of rules in shadow has no base.
struct Sides {
    base: Option<(Engine, Found)>,
    candidate: (Engine, Found),
    changed: BTreeSet<RuleId>,
    devices: BTreeSet<DeviceId>,
}

impl Trials {
    /// Works until `stop`.
    pub(crate) fn run(self, runtime: &Handle, stop: &CancellationToken) {
        if let Err(error) = runtime.block_on(self.records.drop_broken_trials(self.now())) {
            tracing::warn!(%error, "runs of an earlier process could not be marked");
        }
        while !stop.is_cancelled() {
            match runtime.block_on(self.records.take_trial()) {
                Ok(Some(trial)) => {
                    let number = trial.number;
                    let outcome = runtime.block_on(self.work(&trial, stop));
                    let outcome = match outcome {
                        Ok(report) => serde_json::to_string(&report).map_err(|it| it.to_string()),
                        Err(error) => Err(told(&error)),
                    };
                    if let Err(error) = &outcome {
                        tracing::warn!(number, %error, "a run over stored history failed");
                    }
                    let ended = self.records.end_trial(number, outcome, self.now());
                    if let Err(error) = runtime.block_on(ended) {
                        tracing::error!(number, %error, "the end of a run could not be stored");
                    }
                }
                Ok(None) => std::thread::sleep(LOOK_EVERY),
                Err(error) => {
                    tracing::warn!(%error, "the records store does not answer");
                    std::thread::sleep(RETRY_AFTER);
                }
            }
        }
    }

    async fn work(
        &self,
        trial: &Trial,
        stop: &CancellationToken,
    ) -> Result<TrialReportView, TrialError> {
        let asked = &trial.asked;
        let mut sides = self.sides(trial).await?;
        let mut past = History::of(
            &self.book.plant,
            sides.devices.clone(),
            self.readings.clone(),
            self.records.clone(),
        );
        let begins = past.begins(asked.until - REACH, asked.until).await?;
        let begins = begins.ok_or(TrialError::NoHistory)?.floor(WINDOW);
        let mut inputs = self.inputs(begins).await?.into_iter().peekable();
        let (mut readings, mut bursts) = (0_u64, 0_u64);
        let started = self.clock.monotonic();
        let mut from = begins;
        while from < asked.until {
            let to = asked.until.min(from + WINDOW);
            for batch in past.batches(from, to).await? {
                let first = history::first_time(&batch).unwrap_or(from);
                while let Some((_, notice)) = inputs.next_if(|(at, _)| *at <= first) {
                    sides.apply(&notice);
                }
                let (numbers, captured) = counts(&batch);
                (readings, bursts) = (readings + numbers, bursts + captured);
                sides.advance(&batch);
            }
            from = to;
            self.check(trial, (begins, from), stop).await?;
            let took = self.clock.monotonic().saturating_sub(started);
            if READINGS_MAX < readings || LONGEST < took {
                return Err(TrialError::TooLong { readings, reached: from });
            }
        }
        if asked.purpose == "shadow" {
            self.keep_for_review(&sides.candidate.1, asked.since).await?;
        }
        self.report(trial, sides, (begins, readings, bursts)).await
    }

    /// Both engines, and where they differ.
    async fn sides(&self, trial: &Trial) -> Result<Sides, TrialError> {
        let asked = &trial.asked;
        let candidate = parse(&asked.toml, asked.base_version + 1)?;
        let all = || self.book.plant.devices().map(|it| it.device.id.clone()).collect();
        if asked.purpose == "shadow" {
            let engine = self.book.engine(candidate.shadow())?;
            let changed = candidate.shadow().rules.iter().map(|it| it.id().clone()).collect();
            let devices = devices_of(&engine, &changed);
            let candidate = (engine, Found::default());
            return Ok(Sides { base: None, candidate, changed, devices });
        }
        let (_, base) = self.book.version(&self.records, asked.base_version).await?;
        let changed = differing(&base, &candidate);
        let old = self.book.engine(as_run(&base, &candidate, &changed))?;
        let new = self.book.engine(as_run(&candidate, &base, &changed))?;
        let mut devices = devices_of(&old, &changed);
        devices.extend(devices_of(&new, &changed));
        if changed.is_empty() {
            devices = all();
        }
        let (base, candidate) = ((old, Found::default()), (new, Found::default()));
        Ok(Sides { base: Some(base), candidate, changed, devices })
    }

    /// What people did, from the beginning of the stored past on, by time; planned stops may have been
    /// planned long before.
    async fn inputs(&self, since: Time) -> Result<Vec<(Time, Notice)>, TrialError> {
        let mut inputs = Vec::new();
        let mut after = 0;
        loop {
            let page = self.records.inputs_after(after, INPUTS_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for input in &page {
                let is_of_a_stop = |it: &Notice| {
                    matches!(it, Notice::StopPlanned { .. } | Notice::StopEnded { .. })
                };
                if let Some(notice) =
                    notice_of(input)?.filter(|it| since <= input.at || is_of_a_stop(it))
                {
                    inputs.push((input.at, notice));
                }
            }
        }
        Ok(inputs)
    }

    /// Notes how far it has come; an error when it is to end.
    async fn check(
        &self,
        trial: &Trial,
        (begins, reached): (Time, Time),
        stop: &CancellationToken,
    ) -> Result<(), TrialError> {
        if stop.is_cancelled() {
            return Err(TrialError::Stopping);
        }
        let whole = (trial.asked.until - begins).secs_f64().max(1.0);
        let share = (reached - begins).secs_f64() / whole;
        let goes_on = self.records.trial_progress(trial.number, share.clamp(0.0, 1.0)).await?;
        if goes_on { Ok(()) } else { Err(TrialError::Cancelled) }
    }

    /// What rules in shadow found, for people to review.
    async fn keep_for_review(&self, found: &Found, since: Time) -> Result<(), TrialError> {
        let recent = found.episodes.values().filter(|(it, _)| since <= it.confirmed);
        let mut episodes: Vec<ShadowEpisode> =
            recent.map(|(it, draft)| ShadowEpisode::new(it.clone(), draft.clone())).collect();
        episodes.sort_by_key(|it| it.episode.confirmed);
        episodes.truncate(REVIEW_MAX);
        self.records.put_shadow_episodes(&episodes, self.now()).await?;
        Ok(())
    }

    async fn report(
        &self,
        trial: &Trial,
        sides: Sides,
        (learned_from, readings, bursts): (Time, u64, u64),
    ) -> Result<TrialReportView, TrialError> {
        let asked = &trial.asked;
        let (judged, rows) = self.judged(asked.since, &sides.devices).await?;
        let live = rows.iter().filter(|it| it.origin == Origin::Live);
        let recorded: Vec<_> = live.map(|it| it.episode.id).collect();
        let ground = Ground {
            since: asked.since,
            until: asked.until,
            learned_from,
            readings,
            bursts,
            devices: sides.devices.iter().map(ToString::to_string).collect(),
            changed_rules: sides.changed.iter().map(ToString::to_string).collect(),
            judged: &judged,
            recorded: &recorded,
        };
        let nothing = Found::default();
        let base = sides.base.as_ref().map_or(&nothing, |(_, found)| found);
        let (old, new) = (asked.base_version, asked.base_version + 1);
        Ok(report(ground, (old, base), (new, &sides.candidate.1)))
    }

    /// What people said of some devices since a time, and the episodes that were recorded then.
    async fn judged(
        &self,
        since: Time,
        devices: &BTreeSet<DeviceId>,
    ) -> Result<(Vec<Judged>, Vec<EpisodeRow>), TrialError> {
        let rows = self.records.episodes(&EpisodeFilter::default(), None, EPISODES_MAX).await?;
        let is_wanted = |it: &EpisodeRow| {
            since <= it.episode.confirmed && devices.contains(&it.episode.key.device)
        };
        let rows: Vec<EpisodeRow> = rows.into_iter().filter(is_wanted).collect();
        let mut judged: Vec<Judged> = rows
            .iter()
            .filter_map(|row| {
                let is_fault = row.standing() == Standing::Confirmed;
                let is_said = row.standing() != Standing::Open && !row.is_merged();
                let episode = &row.episode;
                let (key, since, until) = (episode.key.clone(), episode.onset, episode.updated);
                is_said.then_some(Judged { key, since, until, is_fault })
            })
            .collect();
        let labels = self.records.labels(&LabelFilter::default(), EPISODES_MAX).await?;
        for label in labels.into_iter().filter(|it| it.episode.is_none() && since <= it.until) {
            if devices.contains(&label.key.device) {
                let is_fault = label.judgement == Judgement::Confirmed;
                let (key, since, until) = (label.key, label.since, label.until);
                judged.push(Judged { key, since, until, is_fault });
            }
        }
        Ok((judged, rows))
    }

    fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }
}

impl Sides {
    fn advance(&mut self, batch: &Batch) {
        for (engine, found) in self.base.iter_mut().chain([&mut self.candidate]) {
            let decisions = engine.advance(batch);
            found.take(engine, decisions);
        }
    }

    fn apply(&mut self, notice: &Notice) {
        for (engine, found) in self.base.iter_mut().chain([&mut self.candidate]) {
            let decisions = engine.apply(notice);
            found.take(engine, decisions);
        }
    }
}

/// Rules whose text is not the same on both sides.
fn differing(one: &RuleSet, other: &RuleSet) -> BTreeSet<RuleId> {
    let by_id = |rules: &RuleSet| -> BTreeMap<RuleId, Rule> {
        rules.rules.iter().map(|it| (it.id().clone(), it.clone())).collect()
    };
    let (one, other) = (by_id(one), by_id(other));
    let ids = one.keys().chain(other.keys());
    ids.filter(|id| one.get(*id) != other.get(*id)).cloned().collect()
}

/// The rules of a side as they are run: those in force, and of those in shadow the ones that the
/// comparison is about, as if they were in force.
fn as_run(rules: &RuleSet, other: &RuleSet, changed: &BTreeSet<RuleId>) -> RuleSet {
    let is_shadow_in_both = |rule: &Rule| {
        let twin = other.rules.iter().find(|it| it.id() == rule.id());
        rule.is_shadow() && twin.is_none_or(Rule::is_shadow)
    };
    let runs = |rule: &&Rule| {
        !rule.is_shadow() || (is_shadow_in_both(rule) && changed.contains(rule.id()))
    };
    let kept: Vec<Rule> = rules.rules.iter().filter(runs).cloned().collect();
    RuleSet { rules: kept, ..rules.clone() }.promoted()
}

fn devices_of(engine: &Engine, rules: &BTreeSet<RuleId>) -> BTreeSet<DeviceId> {
    let looks = |it: &&forewarn_engine::Room| {
        it.rule_statuses().iter().any(|status| rules.contains(&status.rule))
    };
    engine.rooms().filter(looks).map(|it| it.device().device.id.clone()).collect()
}

fn counts(batch: &Batch) -> (u64, u64) {
    let BatchBody::Readings(readings) = &batch.body else { return (0, 0) };
    let number = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
    (number(readings.count()), number(readings.bursts.len()))
}

/// The error with what led to it.
fn told(error: &TrialError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What rules learn in is at most this long ago; more would not change their normal.
const REACH: Span = Span::from_secs(35 * 86_400);

/// A month of a small plant at one reading a second.
const READINGS_MAX: u64 = 200_000_000;

/// Longer runs belong on a command line.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Anomalies that a person can review; a rule that finds more needs no review to be too noisy.
const REVIEW_MAX: usize = 500;

/// More than a plant has in the time that a run covers.
const EPISODES_MAX: i64 = 20_000;

const INPUTS_PAGE: i64 = 500;

/// A person who asked waits this much longer at most.
const LOOK_EVERY: Duration = Duration::from_millis(300);

const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why a run gave no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrialError {
    #[error("it was cancelled")]
    Cancelled,
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Input(#[from] DecideError),
    #[error("no readings are stored for the machines on which the changed rules look")]
    NoHistory,
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Rules(#[from] RulebookError),
    #[error("the server stops; ask again")]
    Stopping,
    #[error(
        "{readings} readings were evaluated up to {reached}, which is the limit of a run on the \
         server; choose fewer days, or use `forewarn backtest`"
    )]
    TooLong { readings: u64, reached: Time },
}
