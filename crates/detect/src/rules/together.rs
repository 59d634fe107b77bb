//! Several findings on the same part at the same time: a finding that none of them is alone.
//!
//! The members are other rules, usually marked `evidence`, so that they raise nothing themselves.
//! With `within` a member still counts that long after it ended. What is raised are the members'
//! own findings under the name, family and severity of this rule, so that a ticket shows all of them.

use forewarn_domain::id::RuleId;
use forewarn_domain::time::Span;

use crate::rule::{Fields, RuleError};
use crate::select::matches;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Patterns over rule ids; each must be met by a finding.
    pub(crate) of: Vec<String>,
    pub(crate) within: Span,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let of = fields.of.take();
        let of = fields.need("of", of)?;
        if of.len() < 2 || of.iter().any(String::is_empty) {
            return Err(fields.wrong("of", "name at least two rules, none of them empty"));
        }
        Ok(Self { of, within: fields.within.take().unwrap_or_default() })
    }

    /// Which of the members a rule is.
    pub(crate) fn member(&self, rule: &RuleId) -> Option<usize> {
        self.of.iter().position(|it| matches(it, rule.as_str()))
    }
}
