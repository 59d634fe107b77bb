//! Beside the engine: other rules come into force while it works, and rules in shadow watch too.
//!
//! A new engine takes over what the old one remembers, by channel and rule, as after a restart. What
//! rules in shadow find is kept for review; nobody is told of it. Nothing here may hold the engine
//! up: what cannot be kept is logged, and its batches come again after a restart.

use std::sync::Arc;

use forewarn_domain::reading::{Batch, BatchBody};
use forewarn_domain::waveform::Burst;
use forewarn_engine::{Engine, EngineError, Knowledge};
use forewarn_store::records::{EngineInput, Records, RecordsError, ShadowEpisode};
use serde::Deserialize;

use super::{Decide, DecideError};
use crate::bench::compare::Found;
use crate::bench::rulebook::Rulebook;

/// What works beside the engine.
pub(crate) struct Beside {
    pub(crate) book: Rulebook,
    /// The engine of the rules that open no tickets, where there are any.
    shadow: Option<Engine>,
    /// Bursts that are not kept yet.
    bursts: Vec<Burst>,
}

#[derive(Deserialize)]
struct Changed {
    version: i64,
}

impl Decide {
    /// Puts the rules of a version into force.
    pub(super) async fn change_rules(&mut self, input: &EngineInput) -> Result<(), DecideError> {
        let unreadable = |source| DecideError::Input { number: input.number, source };
        let Changed { version } = serde_json::from_str(&input.body).map_err(unreadable)?;
        let (_, rules) = self.beside.book.version(&self.records, version).await?;
        let repairs = self.records.repairs_all().await?;
        let mut shadow = self.beside.book.shadow(&rules)?;
        let knowledge = Knowledge { rules, ..self.beside.book.knowledge.clone() };
        let mut engine = Engine::new(Arc::clone(&self.beside.book.plant), knowledge, repairs)?;
        take_over(&mut engine, &mut self.engine)?;
        if let (Some(new), Some(old)) = (&mut shadow, &mut self.beside.shadow) {
            take_over(new, old)?;
        }
        // A rule that changes sides keeps what it has learned.
        if let Some(new) = &mut shadow {
            new.learn_missing(&self.engine);
        }
        if let Some(old) = &self.beside.shadow {
            engine.learn_missing(old);
        }
        (self.engine, self.beside.shadow) = (engine, shadow);
        tracing::info!(stage = "decide", version, "other rules are in force");
        Ok(())
    }
}

impl Beside {
    /// With the rules of a version, and what was remembered of those in shadow.
    pub(crate) fn new(
        book: Rulebook,
        rules: &forewarn_detect::RuleSet,
        parts: &[(String, String)],
    ) -> Result<Self, DecideError> {
        let mut shadow = book.shadow(rules)?;
        if let Some(shadow) = &mut shadow {
            let own = parts.iter().filter_map(|(name, text)| {
                Some((name.strip_prefix(PREFIX)?.to_owned(), text.clone()))
            });
            shadow.restore(&own.collect::<Vec<_>>())?;
        }
        Ok(Self { book, shadow, bursts: Vec::new() })
    }

    /// Takes a batch after the engine took it.
    pub(super) async fn advance(&mut self, batch: &Batch, records: &Records) {
        if let BatchBody::Readings(readings) = &batch.body {
            self.bursts.extend(readings.bursts.iter().cloned());
        }
        let kept = match BURSTS_HELD <= self.bursts.len() {
            true => self.keep_bursts(records).await,
            false => Ok(()),
        };
        let watched = self.watch(batch, records).await;
        if let Err(error) = kept.and(watched) {
            tracing::warn!(%error, "what rules in shadow need could not be kept");
        }
    }

    /// Writes the bursts that came since the last time; before the cursor passes them.
    pub(super) async fn keep_bursts(&mut self, records: &Records) -> Result<(), RecordsError> {
        if !self.bursts.is_empty() {
            records.put_bursts(&self.bursts).await?;
            self.bursts.clear();
        }
        Ok(())
    }

    /// What the engine in shadow remembers, as parts of the snapshot.
    pub(super) fn changed_parts(&mut self) -> Result<Vec<(String, String)>, DecideError> {
        let Some(shadow) = &mut self.shadow else { return Ok(Vec::new()) };
        let parts = shadow.changed_parts()?.into_iter();
        Ok(parts.map(|(name, text)| (format!("{PREFIX}{name}"), text)).collect())
    }

    async fn watch(&mut self, batch: &Batch, records: &Records) -> Result<(), RecordsError> {
        let Some(shadow) = &mut self.shadow else { return Ok(()) };
        let mut found = Found::default();
        let decisions = shadow.advance(batch);
        found.take(shadow, decisions);
        if found.episodes.is_empty() {
            return Ok(());
        }
        let found = found.episodes.into_values();
        let found: Vec<_> = found.map(|(it, draft)| ShadowEpisode::new(it, draft)).collect();
        let at = found.iter().map(|it| it.episode.updated).max().unwrap_or_default();
        records.put_shadow_episodes(&found, at).await
    }
}

impl Rulebook {
    /// An engine with the rules that open no tickets; `None` when there are none.
    fn shadow(&self, rules: &forewarn_detect::RuleSet) -> Result<Option<Engine>, EngineError> {
        let rules = rules.shadow();
        if rules.rules.is_empty() { Ok(None) } else { self.engine(rules).map(Some) }
    }
}

fn take_over(new: &mut Engine, old: &mut Engine) -> Result<(), DecideError> {
    old.mark_all_changed();
    new.restore(&old.changed_parts()?)?;
    new.mark_all_changed();
    Ok(())
}

/// Under which the parts of the engine in shadow stand in the snapshot.
const PREFIX: &str = "shadow/";

/// A commit for each would slow the learning of a long history down.
const BURSTS_HELD: usize = 200;
