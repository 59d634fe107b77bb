//! The text of a rule, field by field, and the one way from it to a checked [`Rule`].
//!
//! Each kind takes the fields that it knows out of [`Fields`]; what is left over is refused, so a
//! misplaced field is never silently ignored.

use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::{ComponentId, RuleId, StateId};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::time::Span;
use serde::{Deserialize, Serialize};

use super::{Rule, RuleError};
use crate::confirm::Hold;
use crate::rule::{Budget, Mode};
use crate::rules::count::About;
use crate::rules::shift::Pooling;
use crate::rules::{Change, Direction, Kind, KindName, Learn};
use crate::select::{Origin, Selector};

/// A rule as it stands in the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    id: RuleId,
    kind: KindName,
    #[serde(default, skip_serializing_if = "Mode::is_live")]
    mode: Mode,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quantity: Vec<Quantity>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Origin>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    component_kinds: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not_component_kinds: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<Vec<StateId>>,
    severity: Severity,
    fault_family: FaultFamily,
    #[serde(default, skip_serializing_if = "is_false")]
    evidence: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<ComponentId>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    span: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_of_m: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clear_for: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clear_samples: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    off: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refine_for: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    learn: Option<Learn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_samples: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_in: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<Pooling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<About>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
}

impl TryFrom<RuleText> for Rule {
    type Error = RuleError;

    fn try_from(text: RuleText) -> Result<Self, RuleError> {
        let mut fields = Fields::of(&text);
        let kind = Kind::read(text.kind, &mut fields)?;
        fields.check_nothing_left()?;
        let wrong = |field, why| RuleError::Value { rule: text.id.clone(), field, why };
        let selector = Selector {
            quantities: text.quantity.clone(),
            patterns: text.channels.clone(),
            origin: text.from,
            component_kinds: text.component_kinds.clone(),
            not_component_kinds: text.not_component_kinds.clone(),
            bearing: text.bearing,
        };
        let hold = Hold {
            span: text.span.unwrap_or_default(),
            samples: text.samples.unwrap_or(1),
            n_of_m: text.n_of_m,
            clear_span: text.clear_for.unwrap_or(CLEAR_FOR),
            clear_samples: text.clear_samples.unwrap_or(1),
        };
        if selector.quantities.is_empty() && selector.patterns.is_empty() && kind.reads_numbers() {
            return Err(wrong("quantity", "name at least one quantity or channel pattern"));
        }
        if hold.n_of_m.is_some_and(|(n, m)| n == 0 || m < n || Hold::M_MAX < m) {
            return Err(wrong("n_of_m", "write [n, m] with 1 <= n <= m <= 64"));
        }
        let budget = text.budget.unwrap_or_default();
        if budget.within <= Span::ZERO {
            return Err(wrong("budget", "`within` must be longer than nothing"));
        }
        Ok(Self {
            id: text.id.clone(),
            budget,
            selector,
            states: text.states.clone(),
            hold,
            severity: text.severity,
            family: text.fault_family,
            component: text.component.clone(),
            kind,
            is_evidence: text.evidence,
            mode: text.mode,
            text,
        })
    }
}

impl From<Rule> for RuleText {
    fn from(rule: Rule) -> Self {
        rule.text
    }
}

/// The fields that only some kinds know, to be taken out by the kind.
#[derive(Debug)]
pub(crate) struct Fields {
    rule: RuleId,
    pub(crate) on: Option<f64>,
    pub(crate) off: Option<f64>,
    pub(crate) alarm: Option<f64>,
    pub(crate) direction: Option<Direction>,
    pub(crate) window: Option<Span>,
    pub(crate) margin: Option<f64>,
    pub(crate) intervals: Option<u32>,
    pub(crate) weight_least: Option<f64>,
    pub(crate) refine_for: Option<Span>,
    pub(crate) learn: Option<Learn>,
    pub(crate) change: Option<Change>,
    pub(crate) window_samples: Option<u32>,
    pub(crate) run_in: Option<Span>,
    pub(crate) pool: Option<Pooling>,
    pub(crate) least: Option<u32>,
    pub(crate) times: Option<u32>,
    pub(crate) about: Option<About>,
    pub(crate) codes: Option<Vec<String>>,
    pub(crate) of: Option<Vec<String>>,
    pub(crate) within: Option<Span>,
}

impl Fields {
    fn of(text: &RuleText) -> Self {
        Self {
            rule: text.id.clone(),
            on: text.on,
            off: text.off,
            alarm: text.alarm,
            direction: text.direction,
            window: text.window,
            margin: text.margin,
            intervals: text.intervals,
            weight_least: text.weight_least,
            refine_for: text.refine_for,
            learn: text.learn,
            change: text.change,
            window_samples: text.window_samples,
            run_in: text.run_in,
            pool: text.pool,
            least: text.least,
            times: text.times,
            about: text.about,
            codes: text.codes.clone(),
            of: text.of.clone(),
            within: text.within,
        }
    }

    /// What a kind cannot do without.
    pub(crate) fn need<T>(&self, field: &'static str, taken: Option<T>) -> Result<T, RuleError> {
        taken.ok_or_else(|| RuleError::Missing { rule: self.rule.clone(), field })
    }

    /// A value that contradicts itself or another one.
    pub(crate) fn wrong(&self, field: &'static str, why: &'static str) -> RuleError {
        RuleError::Value { rule: self.rule.clone(), field, why }
    }

    /// Refuses what is not a finite number above zero.
    pub(crate) fn positive(&self, field: &'static str, value: f64) -> Result<f64, RuleError> {
        if value.is_finite() && 0.0 < value {
            return Ok(value);
        }
        Err(self.wrong(field, "it must be a number above 0"))
    }

    fn check_nothing_left(&self) -> Result<(), RuleError> {
        let left = [
            ("on", self.on.is_some()),
            ("off", self.off.is_some()),
            ("alarm", self.alarm.is_some()),
            ("direction", self.direction.is_some()),
            ("window", self.window.is_some()),
            ("margin", self.margin.is_some()),
            ("intervals", self.intervals.is_some()),
            ("weight_least", self.weight_least.is_some()),
            ("refine_for", self.refine_for.is_some()),
            ("learn", self.learn.is_some()),
            ("change", self.change.is_some()),
            ("window_samples", self.window_samples.is_some()),
            ("run_in", self.run_in.is_some()),
            ("pool", self.pool.is_some()),
            ("least", self.least.is_some()),
            ("times", self.times.is_some()),
            ("about", self.about.is_some()),
            ("codes", self.codes.is_some()),
            ("of", self.of.is_some()),
            ("within", self.within.is_some()),
        ];
        match left.iter().find(|(_, is_left)| *is_left) {
            Some((field, _)) => Err(RuleError::Surplus { rule: self.rule.clone(), field }),
            None => Ok(()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A cleared finding must have stayed clear for this long, where the rule says nothing.
const CLEAR_FOR: Span = Span::from_secs(300);
