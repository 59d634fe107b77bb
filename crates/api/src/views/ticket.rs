//! Tickets as they go out.

use forewarn_domain::cause::RankedCause;
use forewarn_domain::check::RepairCheck;
use forewarn_domain::evidence::SimilarCase;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{
    Command, TicketDraft, TicketState, TimelineEntry, Verdict, WaitingFor,
};
use forewarn_domain::time::Time;
use forewarn_store::records::TicketRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::{BriefView, CourseView, NormalView, PastRepairView, TextView};
use crate::state::CauseChoice;

/// A ticket in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TicketRowView {
    /// UUID.
    pub id: String,
    /// The number that people say.
    #[schema(example = "FW-2026-0317")]
    pub number: String,
    /// Device id.
    pub device: String,
    /// Name of the device.
    pub device_name: TextView,
    /// Component id.
    pub component: String,
    /// Name of the component.
    pub component_name: TextView,
    /// Family of its first symptom.
    pub fault_family: String,
    /// `machine`, `instrumentation` or `process`.
    pub kind: String,
    /// `P1` to `P4`.
    pub priority: String,
    /// Where it stands.
    pub state: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Time,
    /// When the trouble began.
    #[schema(value_type = String, format = DateTime)]
    pub onset_at: Time,
    /// Event time of the confirming reading.
    #[schema(value_type = String, format = DateTime)]
    pub detected_at: Time,
    /// How sure the first cause is, 0 to 1.
    pub confidence: f64,
    /// The first line of the summary.
    pub headline: TextView,
    /// Whose it is.
    pub owner: Option<String>,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
    /// Since when the signal is normal again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cleared_at: Option<Time>,
    /// Episodes that went to it.
    pub occurrences: i64,
    /// Its `ETag`, without the quotes.
    pub revision: i64,
    /// Number of the incident that it came in.
    pub incident: Option<String>,
}

impl TicketRowView {
    pub(crate) fn new(ticket: &TicketRow, plant: &Plant) -> Self {
        let device = plant.device(&ticket.key.device);
        let component = &ticket.key.component;
        let component_name = device
            .and_then(|it| it.device.components.iter().find(|it| it.id == *component))
            .map_or_else(|| component_without_name(component.as_str()), |it| (&it.name).into());
        Self {
            id: ticket.id.to_string(),
            number: ticket.number.clone(),
            device: ticket.key.device.to_string(),
            device_name: device.map_or_else(
                || Localized::same(ticket.key.device.as_str()).into(),
                |it| (&it.device.name).into(),
            ),
            component: component.to_string(),
            component_name,
            fault_family: ticket.key.family.to_string(),
            kind: ticket.kind.to_string(),
            priority: ticket.priority.to_string(),
            state: ticket.state.to_string(),
            opened_at: ticket.opened_at,
            onset_at: ticket.onset_at,
            detected_at: ticket.detected_at,
            confidence: ticket.confidence,
            headline: (&ticket.headline).into(),
            owner: ticket.owner.clone(),
            updated_at: ticket.updated_at,
            cleared_at: ticket.cleared_at,
            occurrences: ticket.occurrences,
            revision: ticket.revision,
            incident: ticket.incident.clone(),
        }
    }
}

/// What a channel that sits on no part belongs to.
fn component_without_name(id: &str) -> TextView {
    match id {
        "machine" => Localized::new("whole machine", "整机").into(),
        other => Localized::same(other).into(),
    }
}

/// A whole ticket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TicketView {
    /// Always `ticket`.
    #[serde(rename = "type")]
    pub record: &'static str,
    /// Plant id.
    pub site: String,
    /// What lists show.
    #[serde(flatten)]
    pub row: TicketRowView,
    /// The second line of the summary.
    pub urgency: TextView,
    /// Ranked causes; probabilities add up to 1.
    pub causes: Vec<CauseView>,
    /// Contributing signals, heaviest first.
    pub signals: Vec<SignalView>,
    /// Past repairs of this device and its siblings.
    pub past_repairs: Vec<PastRepairView>,
    /// Past cases that are like it, most alike first, each with how it turned out.
    #[schema(value_type = Vec<Object>)]
    pub similar_cases: Vec<SimilarCase>,
    /// The root-cause summary as plain text.
    pub summary: TextView,
    /// The same, sentence by sentence.
    pub brief: BriefView,
    /// The rule that opened it.
    pub rule: RuleRefView,
    /// What it rests on, as it was hashed.
    #[schema(value_type = Object)]
    pub evidence: serde_json::Value,
    /// SHA-256 of the evidence.
    pub evidence_sha256: String,
    /// What it waits for, while it does.
    pub waiting_for: Option<String>,
    /// What was done, once somebody said so.
    pub finish: Option<FinishView>,
    /// How it turned out, once it is closed.
    pub verdict: Option<String>,
    /// What the machine's own signals say of the repair, once they have been watched.
    #[schema(value_type = Option<Object>)]
    pub repair_check: Option<RepairCheck>,
    /// Its history, oldest first.
    pub timeline: Vec<TimelineView>,
    /// Words of the commands that are legal now.
    pub allowed: Vec<&'static str>,
    /// Causes to choose from when the work is done.
    pub causes_to_choose: Vec<ChoiceView>,
    /// Its clocks, who is called next, and what is demanded of it.
    pub course: CourseView,
}

/// Everything that a whole ticket is made of.
pub(crate) struct TicketParts<'a> {
    pub(crate) row: &'a TicketRow,
    pub(crate) draft: &'a TicketDraft,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) evidence: serde_json::Value,
    pub(crate) check: Option<RepairCheck>,
    pub(crate) causes: &'a [CauseChoice],
    pub(crate) plant: &'a Plant,
    pub(crate) course: CourseView,
}

impl From<TicketParts<'_>> for TicketView {
    fn from(parts: TicketParts<'_>) -> Self {
        let TicketParts { row, draft, timeline, evidence, check, causes, plant, course } = parts;
        Self {
            record: "ticket",
            site: row.key.site.to_string(),
            row: TicketRowView::new(row, plant),
            urgency: (&draft.summary.urgency).into(),
            causes: draft.causes.iter().map(CauseView::from).collect(),
            signals: draft.signals.iter().map(SignalView::from).collect(),
            past_repairs: draft.past_repairs.iter().map(PastRepairView::from).collect(),
            similar_cases: draft.evidence.similar.clone(),
            summary: draft.summary.text().into(),
            brief: (&draft.summary).into(),
            rule: RuleRefView { id: draft.rule.id.to_string(), version: draft.rule.version },
            evidence,
            evidence_sha256: draft.evidence_sha256.to_string(),
            waiting_for: row.waiting_for.map(|it| it.to_string()),
            finish: row.finish.as_ref().map(|it| FinishView {
                cause: it.cause.clone(),
                note: it.note.clone(),
                part: it.part.clone(),
            }),
            verdict: row.verdict.map(|it| it.to_string()),
            repair_check: check,
            timeline: timeline.into_iter().map(TimelineView::from).collect(),
            allowed: allowed(row),
            causes_to_choose: choices(row, &draft.causes, causes),
            course,
        }
    }
}

/// The words of the commands that make sense now.
fn allowed(ticket: &TicketRow) -> Vec<&'static str> {
    let is_shelved = ticket.shelved_until.is_some();
    let fits = |word: &&str| match *word {
        "shelve" => !is_shelved,
        "unshelve" => is_shelved,
        _ => true,
    };
    legal(ticket.state).iter().map(Command::word).filter(fits).collect()
}

/// An example of each command that the table allows in a state.
pub(crate) fn legal(state: TicketState) -> Vec<Command> {
    let commands = [
        Command::Accept {},
        Command::Assign { to: String::new() },
        Command::Depart {},
        Command::Arrive {},
        Command::Start {},
        Command::Wait { reason: WaitingFor::Part },
        Command::Resume {},
        Command::Finish { cause: String::new(), note: String::new(), part: None },
        Command::Verify {},
        Command::Close { verdict: Verdict::Confirmed },
        Command::Reopen { reason: String::new() },
        Command::FalseAlarm { reason: String::new() },
        Command::Duplicate { of: String::new() },
        Command::Shelve { until: Time::from_micros(0), reason: String::new() },
        Command::Unshelve {},
    ];
    commands.into_iter().filter(|it| state.after(it).is_ok()).collect()
}

/// The ranked causes first, then what else the family knows, then `other`.
fn choices(ticket: &TicketRow, ranked: &[RankedCause], known: &[CauseChoice]) -> Vec<ChoiceView> {
    let mut choices: Vec<ChoiceView> = Vec::new();
    let ranked = ranked.iter().map(|it| (it.code.as_str(), &it.name));
    let known = known
        .iter()
        .filter(|it| it.family.is_none_or(|family| family == ticket.key.family))
        .map(|it| (it.code.as_str(), &it.name));
    let other = Localized::new("something else", "其他原因");
    for (code, name) in ranked.chain(known).chain([("other", &other)]) {
        if !choices.iter().any(|it| it.code == code) {
            choices.push(ChoiceView { code: code.to_owned(), name: name.into() });
        }
    }
    // `other` is the way out, so it stands last wherever it was ranked.
    choices.sort_by_key(|it| it.code == "other");
    choices
}

/// A ranked cause.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CauseView {
    /// Entry of the failure-mode library.
    pub code: String,
    /// Its name.
    pub name: TextView,
    /// Probability, 0 to 1.
    pub p: f64,
    /// What speaks for it.
    #[serde(rename = "for")]
    pub supporting: Vec<TextView>,
    /// What speaks against it.
    pub against: Vec<TextView>,
    /// The cheapest test that would decide.
    pub test: Option<TextView>,
    /// Confirmed closes with this cause on this device and its siblings.
    pub confirmed: u32,
    /// Confirmed closes of any cause that were looked at.
    pub closes: u32,
}

impl From<&RankedCause> for CauseView {
    fn from(cause: &RankedCause) -> Self {
        Self {
            code: cause.code.clone(),
            name: (&cause.name).into(),
            p: cause.p,
            supporting: cause.supporting.iter().map(TextView::from).collect(),
            against: cause.against.iter().map(TextView::from).collect(),
            test: cause.test.as_ref().map(TextView::from),
            confirmed: cause.confirmed,
            closes: cause.closes,
        }
    }
}

/// A contributing signal.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SignalView {
    /// `device/source/point`.
    pub channel: String,
    /// What it measures.
    pub quantity: String,
    /// Its share, 0 to 1.
    pub weight: f64,
    /// Its value at confirmation.
    pub value: f64,
    /// In which unit.
    pub unit: String,
    /// Its normal, where one was learned.
    pub normal: Option<NormalView>,
}

impl From<&forewarn_domain::anomaly::Signal> for SignalView {
    fn from(signal: &forewarn_domain::anomaly::Signal) -> Self {
        Self {
            channel: signal.channel.to_string(),
            quantity: signal.quantity.to_string(),
            weight: signal.weight,
            value: signal.value,
            unit: signal.unit.to_string(),
            normal: signal.normal.as_ref().map(NormalView::from),
        }
    }
}

/// A rule and the version that fired.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleRefView {
    /// Rule id.
    pub id: String,
    /// Version of the rule file.
    pub version: u32,
}

/// What a person said when the work was done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FinishView {
    /// What it was.
    pub cause: String,
    /// What was done.
    pub note: String,
    /// The part that was used.
    pub part: Option<String>,
}

/// One line of a ticket's history.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TimelineView {
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Who: an account, or `forewarn`.
    pub actor: String,
    /// What happened, as a word.
    pub what: String,
    /// The state after it.
    pub state: String,
    /// More, in words.
    pub note: TextView,
}

impl From<TimelineEntry> for TimelineView {
    fn from(entry: TimelineEntry) -> Self {
        Self {
            at: entry.at,
            actor: entry.actor,
            what: entry.what,
            state: entry.state.to_string(),
            note: entry.note.into(),
        }
    }
}

/// A cause to choose.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChoiceView {
    /// Entry of the failure-mode library.
    pub code: String,
    /// Its name.
    pub name: TextView,
}
