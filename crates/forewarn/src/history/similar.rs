//! Questions to the repair history: from the command line, or one for each row of a table.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use forewarn_diagnose::similar::{Answer, Glossary, Guess, PastCase, Question, answer_in_time};
use forewarn_domain::repair::RepairId;
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::Clock;
use forewarn_store::records::{Records, RepairOrigin};
use serde_json::{Value, json};

use super::import::Places;
use super::map::{Field, HistoryMap, time};
use super::rows::{self, BadRow, Row};
use crate::args::SimilarOptions;
use crate::output::Failure;
use crate::progress;

/// A question with what the list of repeats needs.
pub(crate) struct Asked {
    line: Option<usize>,
    question: Question,
    device: Option<String>,
    part: Option<String>,
}

/// The history, with the names by which its devices are known.
pub(crate) struct Past {
    cases: Vec<PastCase>,
    devices: HashMap<String, String>,
}

impl Past {
    pub(crate) async fn load(records: &Records, source: Option<&str>) -> Result<Self, Failure> {
        let origins: HashMap<RepairId, RepairOrigin> =
            records.repair_origins().await?.into_iter().map(|it| (it.repair, it)).collect();
        let mut past = Self { cases: Vec::new(), devices: HashMap::new() };
        for record in records.repairs_all().await? {
            let origin = origins.get(&record.id);
            if source.is_some_and(|source| origin.is_none_or(|it| it.source != source)) {
                continue;
            }
            let mut case = PastCase::of_record(&record);
            if let Some(origin) = origin {
                case.id.clone_from(&origin.source_id);
                case.text.clone_from(&origin.observed);
                case.part.clone_from(&origin.part);
                case.failure_mode.clone_from(&origin.failure_mode);
                past.devices.insert(origin.device.to_lowercase(), record.device.to_string());
            }
            past.cases.push(case);
        }
        Ok(past)
    }

    pub(crate) fn len(&self) -> usize {
        self.cases.len()
    }

    /// Answers in the order of the questions; one value each.
    pub(crate) fn answers(&self, asked: &[Asked], k: usize, clock: &Clock) -> Vec<Value> {
        let glossary = Glossary::built_in();
        let questions: Vec<Question> = asked.iter().map(|it| it.question.clone()).collect();
        let bar = progress::steps(u64::try_from(questions.len()).unwrap_or(0), "comparing");
        let answers = answer_in_time(&glossary, self.cases.clone(), &questions, k, |_| bar.inc(1));
        bar.finish_and_clear();
        let now = Time::from_micros(clock.now_us());
        asked
            .iter()
            .zip(&answers)
            .map(|(it, (answer, cited))| self.told(it, answer, cited, now))
            .collect()
    }

    /// An id as records have it, for an id or a name of a device.
    fn device(&self, label: &str) -> String {
        self.devices.get(&label.to_lowercase()).cloned().unwrap_or_else(|| label.to_owned())
    }

    fn told(&self, asked: &Asked, answer: &Answer, cited: &[PastCase], now: Time) -> Value {
        let cases: Vec<Value> = answer
            .cases
            .iter()
            .zip(cited)
            .map(|(found, case)| {
                json!({
                    "id": case.id,
                    "score": rounded(found.score),
                    "device": case.device,
                    "part": case.part,
                    "failure_mode": case.failure_mode,
                    "outcome": case.outcome,
                    "at": case.at,
                    "text": case.text,
                    "likeness": rounded(found.likeness),
                    "terms": found.terms.iter().map(|it| &it.0).collect::<Vec<_>>(),
                })
            })
            .collect();
        let part = asked.part.clone().or_else(|| label(&answer.parts));
        json!({
            "type": "similar",
            "id": asked.question.id,
            "line": asked.line,
            "cases": cases,
            "part": label(&answer.parts),
            "failure_mode": label(&answer.failure_modes),
            "parts": guesses(&answer.parts),
            "failure_modes": guesses(&answer.failure_modes),
            "same_device_part_90d": self.repeats(asked, part.as_deref(), now),
        })
    }

    /// Records of the same device and part within 90 days before, newest first.
    fn repeats(&self, asked: &Asked, part: Option<&str>, now: Time) -> Vec<Value> {
        let (Some(device), Some(part)) = (&asked.device, part) else { return Vec::new() };
        let device = self.device(device);
        let at = asked.question.at.unwrap_or(now);
        let mut found: Vec<&PastCase> = self
            .cases
            .iter()
            .filter(|it| it.device == device && it.part.as_deref() == Some(part))
            .filter(|it| it.at <= at && at <= it.at + REPEAT)
            .filter(|it| asked.question.id.as_ref() != Some(&it.id))
            .collect();
        found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        found.iter().map(|it| json!({ "id": it.id, "at": it.at, "text": it.text })).collect()
    }
}

/// The question of the command line.
pub(crate) fn of_options(options: &SimilarOptions) -> Result<Asked, Failure> {
    let at = options.date.as_deref().map(|text| {
        moment(text)
            .ok_or_else(|| format!("`{text}` is no date; write 2009-01-31 or a time of RFC 3339"))
    });
    let question = Question {
        text: options.text.clone().unwrap_or_default(),
        id: options.id.clone(),
        at: at.transpose()?,
        ..Question::default()
    };
    Ok(Asked { line: None, question, device: options.device.clone(), part: options.part.clone() })
}

/// The questions of a table: columns by the map, else by the header `text,device,date,id,part`.
pub(crate) fn of_table(
    path: &Path,
    map: Option<&HistoryMap>,
) -> Result<Vec<Result<Asked, BadRow>>, Failure> {
    let table = rows::read(path, map.map_or(',', |it| it.separator))?;
    if let Some(map) = map {
        let excused = [
            Field::Id,
            Field::Date,
            Field::Device,
            Field::Work,
            Field::Part,
            Field::UsedPart,
            Field::FailureMode,
            Field::Activity,
            Field::Outcome,
            Field::Hours,
            Field::Cost,
            Field::Ticket,
        ];
        let places = Places::find(&table.header, map, &excused)?;
        return Ok(table.rows.into_iter().map(|row| by_map(&places, map, &row?)).collect());
    }
    let find = |name: &str| table.header.iter().position(|it| it == name);
    let Some(text) = find("text") else {
        return Err(format!(
            "{} has no column `text`; name its columns with --map",
            path.display()
        )
        .into());
    };
    let known: HashSet<&str> = ["text", "device", "date", "id", "part"].into();
    if let Some(other) = table.header.iter().find(|it| !known.contains(it.as_str())) {
        crate::output::remark(&format!("column `{other}` is not looked at"));
    }
    let columns = [Some(text), find("device"), find("date"), find("id"), find("part")];
    Ok(table.rows.into_iter().map(|row| by_header(columns, &row?)).collect())
}

fn by_map(places: &Places<'_>, map: &HistoryMap, row: &Row) -> Result<Asked, BadRow> {
    let question = Question {
        text: places.said(row, Field::Text).unwrap_or_default(),
        id: places.said(row, Field::Id),
        at: places.time(row)?,
        ..Question::default()
    };
    let device = places.said(row, Field::Device).map(|it| map.device_id(&it));
    Ok(Asked { line: Some(row.line), question, device, part: places.said(row, Field::Part) })
}

fn by_header(columns: [Option<usize>; 5], row: &Row) -> Result<Asked, BadRow> {
    let [text, device, date, id, part] = columns.map(|place| {
        let cell = row.cells.get(place?)?.trim();
        (!cell.is_empty()).then(|| cell.to_owned())
    });
    let at = match date {
        None => None,
        Some(date) => Some(moment(&date).ok_or_else(|| BadRow {
            line: row.line,
            column: Some("date".to_owned()),
            reason: format!("`{date}` is no date"),
            remedy: "write 2009-01-31 or a time of RFC 3339".to_owned(),
        })?),
    };
    let question = Question { text: text.unwrap_or_default(), id, at, ..Question::default() };
    Ok(Asked { line: Some(row.line), question, device, part })
}

fn moment(text: &str) -> Option<Time> {
    time(text, "%Y-%m-%d").or_else(|| time(text, "rfc3339"))
}

fn label(guesses: &[Guess]) -> Option<String> {
    guesses.first().map(|it| it.label.clone())
}

fn guesses(guesses: &[Guess]) -> Vec<Value> {
    guesses
        .iter()
        .take(GUESSES_SHOWN)
        .map(|it| json!({ "label": it.label, "score": rounded(it.score) }))
        .collect()
}

/// More digits than that are not meant.
fn rounded(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}

/// How long a repair of the same machine and part counts as a repeat.
const REPEAT: Span = Span::from_secs(90 * 86_400);

const GUESSES_SHOWN: usize = 5;
