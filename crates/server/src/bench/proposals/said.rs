//! What people said of each rule, measured: how far and how long its anomalies went.

use std::collections::BTreeMap;

use forewarn_domain::anomaly::Finding;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::Phase;
use forewarn_domain::id::RuleId;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{ConfigVersion, EpisodeFilter, EpisodeRow, Proposal, Standing};
use serde_json::json;

use super::super::rule_text;
use super::tighten::{self, Change, Departure, Written};
use super::{EPISODES_MAX, GATE, KNOWN_MAX, ProposalError, Proposals, Told, first_onset, ids};

/// What people said of a rule.
#[derive(Default)]
struct Said {
    rejected: Vec<EpisodeRow>,
    confirmed: Vec<EpisodeRow>,
}

impl Proposals {
    /// Proposes a limit, a time or a number of readings for rules that no gate is proposed for.
    pub(super) async fn tighten(
        &self,
        config: &ConfigVersion,
        now: Time,
    ) -> Result<(), ProposalError> {
        let known = self.records.proposals(KNOWN_MAX).await?;
        let (text, version) = (&config.config.toml, config.version);
        for (rule, said) in self.said().await? {
            let of_rule = |it: &&Proposal| it.new.rule == rule && it.new.base_version == version;
            let is_gated = known.iter().filter(of_rule).any(|it| it.new.kind == GATE);
            let Some(lines) = rule_text::lines_of(text, rule.as_str()) else { continue };
            let own = rule_text::excerpt(text, &lines).replacen("[[rule]]", "", 1);
            let Ok(own) = toml::from_str::<toml::Table>(&own) else { continue };
            if is_gated {
                continue;
            }
            let written = Written::read(&own);
            let rejected = self.departures(&written, &said.rejected).await?;
            let confirmed = self.departures(&written, &said.confirmed).await?;
            for change in tighten::changes(&written, &rejected, &confirmed) {
                let is_known = known.iter().filter(of_rule).any(|it| it.new.kind == change.kind);
                let Change { kind, field, value, what } = change;
                let changed = rule_text::with_field(text, rule.as_str(), field, Some(&value));
                let Some(toml) = changed.filter(|_| !is_known) else { continue };
                let evidence = json!({
                    "field": field, "value": value,
                    "rejected": ids(&said.rejected), "confirmed": ids(&said.confirmed),
                });
                let counts = (said.rejected.len(), said.confirmed.len());
                let told = Told { kind, why: tightened(&rule, counts, &what), evidence };
                let changed = (toml, version);
                let first = first_onset(&said.rejected).unwrap_or(now);
                self.propose((&rule, told), first, changed, now).await?;
            }
        }
        Ok(())
    }

    /// What people said of each rule, whatever the state.
    async fn said(&self) -> Result<BTreeMap<RuleId, Said>, ProposalError> {
        let rows = self.records.episodes(&EpisodeFilter::default(), None, EPISODES_MAX).await?;
        let mut said: BTreeMap<RuleId, Said> = BTreeMap::new();
        for row in rows.into_iter().filter(|it| !it.is_merged()) {
            let Some(first) = row.episode.anomalies.first() else { continue };
            let entry = said.entry(first.rule.id.clone()).or_default();
            match row.standing() {
                Standing::Confirmed => entry.confirmed.push(row),
                Standing::Rejected => entry.rejected.push(row),
                Standing::Open => {}
            }
        }
        Ok(said)
    }

    /// How far and how long anomalies went; against a fixed limit by the stored readings.
    async fn departures(
        &self,
        rule: &Written,
        rows: &[EpisodeRow],
    ) -> Result<Vec<Departure>, ProposalError> {
        let mut departures = Vec::new();
        for row in rows {
            let episode = &row.episode;
            let Some(first) = episode.anomalies.first() else { continue };
            let reached = match &first.finding {
                Finding::Limit { value, .. } => {
                    let to = episode.updated + Span::from_micros(1);
                    let asked = (&first.channel, episode.onset, to);
                    Some(self.worst(asked, rule.is_below).await?.unwrap_or(*value))
                }
                Finding::Level { z, .. } | Finding::Siblings { z, .. } => Some(z.abs()),
                Finding::Rate { per_minute, .. } => Some(per_minute.abs()),
                Finding::BearingLine(_)
                | Finding::Code { .. }
                | Finding::Count { .. }
                | Finding::Flat { .. }
                | Finding::NoData { .. }
                | Finding::Zone { .. } => None,
            };
            let is_over = episode.phase == Phase::Cleared;
            let lasted = is_over.then(|| episode.updated - episode.onset);
            departures.push(Departure { reached, lasted });
        }
        Ok(departures)
    }

    async fn worst(
        &self,
        (channel, from, to): (&ChannelId, Time, Time),
        is_below: bool,
    ) -> Result<Option<f64>, ProposalError> {
        let samples = self.readings.range(channel, from, to, SAMPLES_MAX).await?;
        let good = samples.iter().filter(|it| !it.quality.is_bad()).map(|it| it.value);
        Ok(good.reduce(if is_below { f64::min } else { f64::max }))
    }
}

fn tightened(rule: &RuleId, (rejected, confirmed): (usize, usize), what: &Localized) -> Localized {
    Localized::new(
        format!(
            "{rejected} anomalies of rule {rule} were rejected and {confirmed} confirmed, and the two \
             lie apart; {}",
            what.en
        ),
        format!(
            "规则 {rule} 的异常中 {rejected} 个被判为误报、{confirmed} 个已确认，二者可以区分；{}",
            what.zh
        ),
    )
}

/// Readings of one anomaly that are looked at.
const SAMPLES_MAX: usize = 100_000;
