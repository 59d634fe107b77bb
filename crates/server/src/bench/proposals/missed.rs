//! Faults that a person marked in a chart and that no rule had seen: which stored signal left its usual
//! range then, and a limit that would have told.
//!
//! The usual range is what windows of the fortnight before show of the channel; what the limit costs is
//! told by its run over the stored history, which also decides whether it is offered at all. Deliberately
//! absent: trouble that no single level shows, and limits by operating state.

use forewarn_diagnose::amount;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::RuleId;
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{
    ConfigVersion, EpisodeFilter, Judgement, Label, LabelFilter, Proposal,
};
use serde_json::json;

use super::super::compare::{Judged, touches};
use super::super::rule_text;
use super::{EPISODES_MAX, KNOWN_MAX, MINED, ProposalError, Proposals, Told};

/// A signal that left its usual range.
struct Move<'a> {
    channel: &'a Channel,
    /// Where it was in the marked stretch.
    value: f64,
    /// The usual range.
    low: f64,
    high: f64,
    /// The limit between both.
    on: f64,
}

impl Proposals {
    /// Proposes a limit for each marked fault that no rule had seen.
    pub(super) async fn mine(
        &self,
        config: &ConfigVersion,
        now: Time,
    ) -> Result<(), ProposalError> {
        let missed = self.missed().await?;
        if missed.is_empty() {
            return Ok(());
        }
        let known = self.records.proposals(KNOWN_MAX).await?;
        let (text, version) = (&config.config.toml, config.version);
        for label in missed.iter().take(LABELS_MAX) {
            let Some(device) = self.book.plant.device(&label.key.device) else { continue };
            let Some(found) = self.farthest(device, label).await? else { continue };
            let Some(rule) = found.id(label) else { continue };
            let is_about = |it: &&Proposal| it.new.rule == rule && it.new.kind == MINED;
            let is_known = known
                .iter()
                .filter(is_about)
                .any(|it| it.state == "open" || it.new.base_version == version);
            if is_known || rule_text::lines_of(text, rule.as_str()).is_some() {
                continue;
            }
            let toml = format!("{}\n\n{}", text.trim_end(), found.rule(&rule, label));
            let told = Told { kind: MINED, why: found.why(label), evidence: found.evidence(label) };
            self.propose((&rule, told), label.since, (toml, version), now).await?;
        }
        Ok(())
    }

    /// What people marked as faults and no anomaly touches.
    async fn missed(&self) -> Result<Vec<Label>, ProposalError> {
        let labels = self.records.labels(&LabelFilter::default(), EPISODES_MAX).await?;
        let is_fault = |it: &Label| it.episode.is_none() && it.judgement == Judgement::Confirmed;
        let mut marked: Vec<Label> = labels.into_iter().filter(is_fault).collect();
        if !marked.is_empty() {
            let rows = self.records.episodes(&EpisodeFilter::default(), None, EPISODES_MAX).await?;
            marked.retain(|label| {
                let judged = Judged::of_fault(label);
                !rows.iter().any(|row| touches(&row.episode, &judged))
            });
        }
        Ok(marked)
    }

    /// The marked channel if it left its usual range, else the one of the device that went farthest.
    async fn farthest<'a>(
        &self,
        device: &'a PlantDevice,
        label: &Label,
    ) -> Result<Option<Move<'a>>, ProposalError> {
        let mut found: Option<(f64, Move<'a>)> = None;
        for channel in device.channels.values().filter(|it| is_level(it)) {
            let Some(moved) = self.moved(channel, label).await? else { continue };
            let is_marked = channel.id == label.channel;
            let far = if is_marked { f64::INFINITY } else { moved.far() };
            if found.as_ref().is_none_or(|(best, _)| *best < far) {
                found = Some((far, moved));
            }
        }
        Ok(found.map(|(_, moved)| moved))
    }

    async fn moved<'a>(
        &self,
        channel: &'a Channel,
        label: &Label,
    ) -> Result<Option<Move<'a>>, ProposalError> {
        let mut inside = self.values(&channel.id, label.since, label.until, INSIDE_MAX).await?;
        if inside.len() < INSIDE_MIN {
            return Ok(None);
        }
        inside.sort_by(f64::total_cmp);
        let value = inside[inside.len() / 2];
        let mut usual: Option<(f64, f64)> = None;
        let mut seen = 0;
        for window in 1..=WINDOWS {
            let from = label.since - Span::from_micros(EVERY.micros() * window);
            let values = self.values(&channel.id, from, from + WINDOW, WINDOW_MAX).await?;
            seen += values.len();
            for value in values {
                let (low, high) = usual.unwrap_or((value, value));
                usual = Some((low.min(value), high.max(value)));
            }
        }
        let Some((low, high)) = usual.filter(|_| USUAL_MIN <= seen) else { return Ok(None) };
        let on = if high < value { f64::midpoint(high, value) } else { f64::midpoint(low, value) };
        let is_out = value < low || high < value;
        Ok(is_out.then_some(Move { channel, value, low, high, on }))
    }

    async fn values(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<f64>, ProposalError> {
        let samples = self.readings.range(channel, from, to, limit).await?;
        let good = samples.iter().filter(|it| !it.quality.is_bad()).map(|it| it.value);
        Ok(good.filter(|it| it.is_finite()).collect())
    }
}

impl Move<'_> {
    fn is_above(&self) -> bool {
        self.high < self.value
    }

    /// How far outside, in widths of the usual range.
    fn far(&self) -> f64 {
        let edge = if self.is_above() { self.value - self.high } else { self.low - self.value };
        edge / (self.high - self.low).max(f64::MIN_POSITIVE)
    }

    /// What it watches is its name, so that two faults of one kind propose one rule.
    fn id(&self, label: &Label) -> Option<RuleId> {
        let way = if self.is_above() { "above" } else { "below" };
        let point = self.channel.id.point();
        let id = format!("mined-{}-{point}-{way}", label.key.component);
        let id: String =
            id.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect();
        id.to_lowercase().parse().ok()
    }

    fn rule(&self, rule: &RuleId, label: &Label) -> String {
        let way = if self.is_above() { "above" } else { "below" };
        let edge = if self.is_above() { self.high } else { self.low };
        let off = f64::midpoint(edge, self.on);
        format!(
            "# A marked fault that no rule had seen.\n[[rule]]\nid = \"{rule}\"\nkind = \"limit\"\n\
             channels = [\"{}/{}\"]\ncomponent = \"{}\"\ndirection = \"{way}\"\non = {:?}\n\
             off = {off:?}\nsamples = 3\nseverity = \"warning\"\nfault_family = \"{}\"\n",
            self.channel.id.source(),
            self.channel.id.point(),
            label.key.component,
            self.on,
            label.key.family,
        )
    }

    fn why(&self, label: &Label) -> Localized {
        let unit = self.channel.unit;
        let [value, low, high, on] =
            [self.value, self.low, self.high, self.on].map(|it| amount(it, unit));
        let (name, at) = (&self.channel.name, label.since);
        Localized::new(
            format!(
                "{} marked a fault of {} from {at} that no rule had seen; {} stood at {value} then and \
                 between {low} and {high} in the fortnight before; a limit at {on} would have told",
                label.author, label.key.component, name.en,
            ),
            format!(
                "{} 标记了 {} 自 {at} 起的故障，当时没有规则发现；{}当时为 {value}，此前两周在 {low} 至 \
                 {high} 之间；设 {on} 为限值即可发现",
                label.author, label.key.component, name.zh,
            ),
        )
    }

    fn evidence(&self, label: &Label) -> serde_json::Value {
        json!({
            "label": label.number, "channel": self.channel.id, "value": self.value,
            "usual": [self.low, self.high], "on": self.on,
        })
    }
}

/// Whether a limit on the channel makes sense: what only counts on leaves every earlier range.
fn is_level(channel: &Channel) -> bool {
    !channel.is_text && channel.waveform.is_none() && channel.quantity.is_condition()
}

/// Marks are looked at again at every change of the records; more are not worth the reading.
const LABELS_MAX: usize = 20;

/// A fortnight, in ten minutes out of every six hours.
const WINDOWS: i64 = 56;
const EVERY: Span = Span::from_secs(6 * 3_600);
const WINDOW: Span = Span::from_secs(600);
const WINDOW_MAX: usize = 2_000;

/// Fewer readings show no usual range.
const USUAL_MIN: usize = 24;

const INSIDE_MIN: usize = 3;
const INSIDE_MAX: usize = 20_000;
