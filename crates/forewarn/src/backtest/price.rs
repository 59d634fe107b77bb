//! What a mined rule costs: the folder passes again with it beside the rules in force.
//!
//! Told are the failures that it catches with their lead, and the tickets that it opens for nothing, by
//! month. Each rule is priced by itself. Deliberately absent: how a rule is found.

use std::collections::BTreeSet;

use forewarn_detect::RuleSet;
use forewarn_domain::ticket::TicketId;
use forewarn_engine::Knowledge;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::folder::Folder;
use super::score::quantile;
use super::trial::Trial;
use crate::output::Failure as Refusal;

/// One line for each rule that would have caught a missed failure, in the order of the failures.
pub(super) fn proposed(
    folder: &Folder,
    (knowledge, now): (&Knowledge, &Trial),
    missed: &[Value],
    bar: &ProgressBar,
) -> Result<Vec<Value>, Refusal> {
    let mut texts: Vec<&str> = Vec::new();
    for text in missed.iter().filter_map(|it| it["first"]["would_catch"].as_str()) {
        let id = |text: &str| text.lines().nth(1).map(str::to_owned);
        if !texts.iter().any(|it| id(it) == id(text)) {
            texts.push(text);
        }
    }
    let mut lines = Vec::new();
    for text in texts.into_iter().take(RULES_MAX) {
        let added: RuleSet =
            toml::from_str(&format!("schema = \"forewarn.rule/1\"\nversion = 1\n{text}"))?;
        let id = added.rules.first().map(|it| it.id().clone());
        let mut tried = knowledge.clone();
        tried.rules.rules.extend(added.rules);
        let trial = Trial::with(folder, tried, false, bar)?;
        lines.push(json!({ "type": "proposed_rule", "rule": id, "toml": text }));
        if let Some(line) = lines.last_mut() {
            price(line, now, &trial);
        }
    }
    Ok(lines)
}

/// A priced rule for people.
pub(super) fn sentence(line: &Value) -> String {
    let lead = line["lead_h_median"].as_f64().map_or("-".to_owned(), |it| format!("{it:.0} h"));
    format!(
        "rule {} would have caught {} of {} missed failures, {lead} before; price: {:.1} false \
         tickets a month\n{}",
        line["rule"].as_str().unwrap_or("-"),
        line["catches"],
        line["missed"],
        line["false_tickets_per_month"].as_f64().unwrap_or(0.0),
        line["toml"].as_str().unwrap_or_default()
    )
}

fn price(line: &mut Value, now: &Trial, tried: &Trial) {
    let failures = now.score.lead_h.iter().zip(&tried.score.lead_h);
    let mut leads: Vec<f64> =
        failures.filter(|(before, _)| before.is_none()).filter_map(|(_, lead)| *lead).collect();
    leads.sort_by(f64::total_cmp);
    let known: BTreeSet<TicketId> = now.tickets.iter().map(|it| it.draft.id).collect();
    let new = tried.tickets.iter().zip(&tried.score.foretold);
    let new: Vec<_> = new.filter(|(it, _)| !known.contains(&it.draft.id)).collect();
    let for_nothing = new.iter().filter(|(_, foretold)| foretold.is_none()).count();
    let months = tried.span.map_or(1.0, |(from, to)| (to - from).secs_f64() / MONTH_S);
    #[expect(clippy::cast_precision_loss, reason = "tickets are far fewer than 2^52")]
    let monthly = for_nothing as f64 / months.max(f64::EPSILON);
    line["missed"] = json!(now.score.lead_h.iter().filter(|it| it.is_none()).count());
    line["catches"] = json!(leads.len());
    line["lead_h_median"] = json!(quantile(&leads, 0.5));
    line["tickets"] = json!(new.len());
    line["false"] = json!(for_nothing);
    line["false_tickets_per_month"] = json!(monthly);
}

/// Each costs a pass over the folder.
const RULES_MAX: usize = 4;

const MONTH_S: f64 = 365.25 / 12.0 * 86_400.0;
