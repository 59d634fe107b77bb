//! The rule file `forewarn.rule/1`.
//!
//! The text of a rule is flat; [`Rule`] is what it becomes once every field was found to belong to
//! its kind and to make sense. Whoever holds a [`Rule`] need not check it again. What the fields
//! mean is written in `docs/rules.md`.

mod text;

use std::collections::BTreeSet;

use forewarn_domain::anomaly::RuleRef;
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::{ComponentId, DeviceId, RuleId, StateId};
use forewarn_domain::time::Span;
use forewarn_vibration::catalogue::UnknownBearing;
use serde::{Deserialize, Serialize};

use crate::confirm::Hold;
use crate::rules::Kind;
use crate::select::{Selector, matches};
use text::RuleText;

/// A version of the rules.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Always `forewarn.rule/1`.
    pub schema: String,
    /// Which version; tickets name it.
    pub version: u32,
    /// The rules. Of two `no_data` rules that fit a channel, the first counts.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

impl RuleSet {
    /// Checks what no single rule can know.
    ///
    /// # Errors
    ///
    /// [`RuleError`] for another schema or an id that stands twice.
    pub fn check(&self) -> Result<(), RuleError> {
        if self.schema != SCHEMA {
            return Err(RuleError::Schema { found: self.schema.clone() });
        }
        let mut ids = BTreeSet::new();
        match self.rules.iter().find(|rule| !ids.insert(&rule.id)) {
            Some(twice) => Err(RuleError::Twice { rule: twice.id.clone() }),
            None => self.check_members(),
        }
    }

    fn check_members(&self) -> Result<(), RuleError> {
        for rule in &self.rules {
            let Kind::Together(settings) = &rule.kind else { continue };
            let is_missing = |member: &&String| {
                !self.rules.iter().any(|it| it.id != rule.id && matches(member, it.id.as_str()))
            };
            if let Some(member) = settings.of.iter().find(is_missing) {
                let (rule, member) = (rule.id.clone(), member.clone());
                return Err(RuleError::Member { rule, member });
            }
        }
        Ok(())
    }

    /// Only the rules that run in shadow, as if they were live.
    #[must_use]
    pub fn shadow(&self) -> Self {
        let shadow = self.rules.iter().filter(|it| it.is_shadow());
        let rules = shadow.map(|it| Rule { mode: Mode::Live, ..it.clone() }).collect();
        Self { schema: self.schema.clone(), version: self.version, rules }
    }

    /// All rules, those that run in shadow as if they were live.
    #[must_use]
    pub fn promoted(&self) -> Self {
        let rules = self.rules.iter().map(|it| Rule { mode: Mode::Live, ..it.clone() }).collect();
        Self { schema: self.schema.clone(), version: self.version, rules }
    }
}

/// What comes of a rule's findings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Tickets.
    #[default]
    Live,
    /// Anomalies to be reviewed, no tickets; a plan leaves the rule out.
    Shadow,
}

impl Mode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_live(&self) -> bool {
        *self == Self::Live
    }
}

/// How many false alarms a rule may raise within some time.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Findings that people rejected.
    pub rejected: u32,
    /// Within this time.
    pub within: Span,
}

impl Default for Budget {
    /// Five in a week: more than one every other day is what makes people stop reading.
    fn default() -> Self {
        Self { rejected: 5, within: Span::from_secs(7 * 86_400) }
    }
}

/// One rule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "RuleText", into = "RuleText")]
pub struct Rule {
    pub(crate) id: RuleId,
    pub(crate) selector: Selector,
    /// Operating states in which it looks; every settled state without a list.
    pub(crate) states: Option<Vec<StateId>>,
    pub(crate) hold: Hold,
    pub(crate) severity: Severity,
    pub(crate) family: FaultFamily,
    /// Another component than the channel's.
    pub(crate) component: Option<ComponentId>,
    pub(crate) kind: Kind,
    /// Whether its findings count only through `together` rules.
    pub(crate) is_evidence: bool,
    mode: Mode,
    budget: Budget,
    /// As it was written, so that it is written back as it was.
    text: RuleText,
}

impl Rule {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &RuleId {
        &self.id
    }

    /// The operating states in which it looks; `None` for every settled one.
    #[must_use]
    pub fn states(&self) -> Option<&[StateId]> {
        self.states.as_deref()
    }

    /// Whether it runs without opening tickets.
    #[must_use]
    pub fn is_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }

    /// How often it may be wrong before it goes to shadow by itself.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.budget
    }

    pub(crate) fn reference(&self, version: u32) -> RuleRef {
        RuleRef { id: self.id.clone(), version }
    }
}

/// Why rules cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuleError {
    /// A component names a bearing that nobody knows.
    #[error("component `{component}` of device `{device}` cannot be watched")]
    Bearing {
        /// The device.
        device: DeviceId,
        /// The component.
        component: ComponentId,
        /// Why.
        source: UnknownBearing,
    },
    /// A field that the kind needs is not there.
    #[error("rule `{rule}` has no `{field}`, which its kind needs")]
    Missing {
        /// The rule.
        rule: RuleId,
        /// The field.
        field: &'static str,
    },
    /// Another schema.
    #[error("schema is `{found}`; `{SCHEMA}` is expected")]
    Schema {
        /// What was found.
        found: String,
    },
    /// A field that means nothing for the kind.
    #[error("rule `{rule}` has `{field}`, which means nothing for its kind; remove it")]
    Surplus {
        /// The rule.
        rule: RuleId,
        /// The field.
        field: &'static str,
    },
    /// More operating states than a rule can tell apart.
    #[error("device `{device}` has {states} operating states; at most {STATES_MAX} are allowed")]
    TooManyStates {
        /// The device.
        device: DeviceId,
        /// How many there are.
        states: usize,
    },
    /// A `together` rule names a member that no rule is.
    #[error("`of` of rule `{rule}` names `{member}`, which no rule of this set is called")]
    Member {
        /// The rule.
        rule: RuleId,
        /// The member.
        member: String,
    },
    /// An id stands twice.
    #[error("rule `{rule}` stands twice; each rule needs its own id")]
    Twice {
        /// The id.
        rule: RuleId,
    },
    /// A value that makes no sense.
    #[error("`{field}` of rule `{rule}` is wrong: {why}")]
    Value {
        /// The rule.
        rule: RuleId,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.rule/1";

/// The states of a device are kept as bits of one word.
pub(crate) const STATES_MAX: usize = 64;

pub(crate) use text::Fields;
