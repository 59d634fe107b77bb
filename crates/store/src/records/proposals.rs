//! Changes of the rules that follow from what people said, and the rules that came into force.
//!
//! Rely on this: at most one proposal is open for a rule and a kind; a proposal is decided once;
//! putting rules into force names the version that the person saw, so nobody overwrites another's
//! change. Deliberately absent: why something is proposed.

use forewarn_domain::id::RuleId;
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::config::{newest, put_version};
use super::engine::put_input;
use super::journal::{self, Change};
use super::row::{localized, parsed, time, time_opt};
use super::{EngineInput, NewConfig, Records, RecordsError, next, query};

/// A proposed change of the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Dense, in the order of making.
    pub number: i64,
    /// When it was made.
    pub at: Time,
    /// What is proposed.
    pub new: NewProposal,
    /// Where it stands: `open`, `approved`, `dismissed`, `outdated`.
    pub state: String,
    /// Who decided, and when.
    pub decided: Option<(String, Time)>,
    /// The version of the rules that its approval made.
    pub version: Option<i64>,
}

/// A change of the rules to be proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewProposal {
    /// Which rule it changes.
    pub rule: RuleId,
    /// What it does to it: `gate` or `demote`.
    pub kind: String,
    /// The version of the rules from which it was made.
    pub base_version: i64,
    /// All rules as they would be.
    pub toml: String,
    /// Why, in words.
    pub why: Localized,
    /// Labels and tickets that it follows from, as JSON.
    pub evidence: String,
    /// The run that shows what it changes.
    pub backtest: i64,
}

/// Rules that are to come into force.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRules {
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The rules.
    pub toml: String,
    /// The version that the person saw.
    pub base_version: i64,
}

impl Records {
    /// Makes a proposal, unless one of the same rule and kind is open already.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn propose(&self, new: &NewProposal, at: Time) -> Result<Option<i64>, RecordsError> {
        let mut tx = self.begin().await?;
        let twin =
            query("SELECT number FROM proposal WHERE rule = $1 AND kind = $2 AND state = 'open'")
                .bind(new.rule.as_str())
                .bind(new.kind.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        if twin.is_some() {
            return Ok(None);
        }
        let number = put_proposal(&mut tx, new, at).await?;
        self.finish(tx).await?;
        Ok(Some(number))
    }

    /// Makes a proposal and puts it into force at once, since a rule has overspent its budget of false
    /// alarms: the proposal, the version and the engine's input in one transaction. Open proposals are
    /// outdated by it.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Overtaken`] when another version came into force since the caller looked.
    pub async fn demote(
        &self,
        new: &NewProposal,
        at: Time,
    ) -> Result<(i64, EngineInput), RecordsError> {
        let mut tx = self.begin().await?;
        let rules = NewRules {
            author: AUTHOR.to_owned(),
            reason: new.why.en.clone(),
            toml: new.toml.clone(),
            base_version: new.base_version,
        };
        let (version, input) = put_rules(&mut tx, &rules, at).await?;
        outdate(&mut tx).await?;
        let number = put_proposal(&mut tx, new, at).await?;
        decide(&mut tx, number, ("approved", Some(version)), (AUTHOR, at)).await?;
        self.finish(tx).await?;
        Ok((number, input))
    }

    /// Proposals, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn proposals(&self, limit: i64) -> Result<Vec<Proposal>, RecordsError> {
        query("SELECT * FROM proposal ORDER BY number DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(proposal)
            .collect()
    }

    /// Puts a proposal's rules into force.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownNumber`]; [`RecordsError::Overtaken`] when it is decided already, or
    /// the rules changed since it was made.
    pub async fn approve(
        &self,
        number: i64,
        author: &str,
        at: Time,
    ) -> Result<(Proposal, EngineInput), RecordsError> {
        let mut tx = self.begin().await?;
        let found = open_proposal(&mut tx, number).await?;
        let rules = NewRules {
            author: author.to_owned(),
            reason: format!("proposal {number}: {}", found.new.why.en),
            toml: found.new.toml.clone(),
            base_version: found.new.base_version,
        };
        let (version, input) = put_rules(&mut tx, &rules, at).await?;
        decide(&mut tx, number, ("approved", Some(version)), (author, at)).await?;
        outdate(&mut tx).await?;
        self.finish(tx).await?;
        Ok((self.proposal(number).await?, input))
    }

    /// Puts a proposal aside.
    ///
    /// # Errors
    ///
    /// As [`Records::approve`].
    pub async fn dismiss(
        &self,
        number: i64,
        author: &str,
        at: Time,
    ) -> Result<Proposal, RecordsError> {
        let mut tx = self.begin().await?;
        open_proposal(&mut tx, number).await?;
        decide(&mut tx, number, ("dismissed", None), (author, at)).await?;
        self.finish(tx).await?;
        self.proposal(number).await
    }

    /// Puts rules into force: a new version, and a numbered input of the engine in one transaction.
    /// Open proposals are outdated by it.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Overtaken`] when another version came into force since the caller looked.
    pub async fn change_rules(
        &self,
        rules: &NewRules,
        at: Time,
    ) -> Result<(i64, EngineInput), RecordsError> {
        let mut tx = self.begin().await?;
        let changed = put_rules(&mut tx, rules, at).await?;
        outdate(&mut tx).await?;
        self.finish(tx).await?;
        Ok(changed)
    }

    /// One proposal.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownNumber`].
    pub async fn proposal(&self, number: i64) -> Result<Proposal, RecordsError> {
        let row = query("SELECT * FROM proposal WHERE number = $1")
            .bind(number)
            .fetch_optional(&self.reader)
            .await?;
        proposal(&row.ok_or(RecordsError::UnknownNumber { what: "proposal", number })?)
    }
}

async fn put_proposal(
    tx: &mut AnyConnection,
    new: &NewProposal,
    at: Time,
) -> Result<i64, RecordsError> {
    let number = next(&mut *tx, "proposal").await?;
    query(
        "INSERT INTO proposal (number, at, rule, kind, base_version, toml, why_en, why_zh,
             evidence, backtest, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open')",
    )
    .bind(number)
    .bind(at.micros())
    .bind(new.rule.as_str())
    .bind(new.kind.as_str())
    .bind(new.base_version)
    .bind(new.toml.as_str())
    .bind(new.why.en.as_str())
    .bind(new.why.zh.as_str())
    .bind(new.evidence.as_str())
    .bind(new.backtest)
    .execute(&mut *tx)
    .await?;
    let subject = number.to_string();
    let change = Change { at, kind: "proposal.made", subject: &subject, device: "" };
    journal::write_change(tx, change).await?;
    Ok(number)
}

/// Other rules are in force, so what was proposed for those before is no longer to be decided.
async fn outdate(tx: &mut AnyConnection) -> Result<(), RecordsError> {
    query("UPDATE proposal SET state = 'outdated' WHERE state = 'open'").execute(tx).await?;
    Ok(())
}

async fn put_rules(
    tx: &mut AnyConnection,
    rules: &NewRules,
    at: Time,
) -> Result<(i64, EngineInput), RecordsError> {
    let now = newest(&mut *tx, RULES, RULES).await?.map_or(0, |it| it.version);
    if now != rules.base_version {
        let what = format!("the rules: version {now} is in force, not {};", rules.base_version);
        return Err(RecordsError::Overtaken { what });
    }
    let NewRules { author, reason, toml, .. } = rules.clone();
    let new = NewConfig { kind: RULES.to_owned(), id: RULES.to_owned(), author, reason, toml };
    let version = put_version(&mut *tx, &new, at).await?;
    let subject = version.to_string();
    let change = Change { at, kind: "rules.changed", subject: &subject, device: "" };
    journal::write_change(&mut *tx, change).await?;
    let input = put_input(tx, RULES_CHANGED, format!("{{\"version\":{version}}}"), at).await?;
    Ok((version, input))
}

async fn open_proposal(tx: &mut AnyConnection, number: i64) -> Result<Proposal, RecordsError> {
    let row =
        query("SELECT * FROM proposal WHERE number = $1").bind(number).fetch_optional(tx).await?;
    let found = proposal(&row.ok_or(RecordsError::UnknownNumber { what: "proposal", number })?)?;
    if found.state != "open" {
        let what = format!("proposal {number}, which is {},", found.state);
        return Err(RecordsError::Overtaken { what });
    }
    Ok(found)
}

async fn decide(
    tx: &mut AnyConnection,
    number: i64,
    (state, version): (&str, Option<i64>),
    (author, at): (&str, Time),
) -> Result<(), RecordsError> {
    query(
        "UPDATE proposal SET state = $1, version = $2, decided_by = $3, decided_at = $4
         WHERE number = $5",
    )
    .bind(state.to_owned())
    .bind(version)
    .bind(author.to_owned())
    .bind(at.micros())
    .bind(number)
    .execute(&mut *tx)
    .await?;
    let subject = number.to_string();
    let deed = Deed::new(
        author,
        "proposal.decide",
        &format!("proposal/{number}"),
        serde_json::json!({"decision": state, "rules_version": version}),
    );
    audit::append(&mut *tx, &deed, at).await?;
    let change = Change { at, kind: "proposal.decided", subject: &subject, device: "" };
    journal::write_change(tx, change).await
}

fn proposal(row: &AnyRow) -> Result<Proposal, RecordsError> {
    let decided_by: Option<String> = row.try_get("decided_by")?;
    Ok(Proposal {
        number: row.try_get("number")?,
        at: time(row, "at")?,
        new: NewProposal {
            rule: parsed(row, "rule")?,
            kind: row.try_get("kind")?,
            base_version: row.try_get("base_version")?,
            toml: row.try_get("toml")?,
            why: localized(row, "why_en", "why_zh")?,
            evidence: row.try_get("evidence")?,
            backtest: row.try_get("backtest")?,
        },
        state: row.try_get("state")?,
        decided: decided_by.zip(time_opt(row, "decided_at")?),
        version: row.try_get("version")?,
    })
}

/// The kind and the id under which the rules are kept as configuration.
pub const RULES: &str = "rules";

/// Who changes rules where no person does.
const AUTHOR: &str = "forewarn";

/// The word of the engine's input that says that other rules are in force.
pub const RULES_CHANGED: &str = "rules_changed";
