//! Precedents: past cases that are like a present trouble, each with how it turned out.
//!
//! Compared are the shape in the signals (where a ticket saw both), the words in either language, and
//! the codes; only the same kind of part or the same class of device is looked at, and for a sensor in
//! doubt everything. What did not work is worth as much as what did, so one such case keeps its place.
//! A function of the records and the case; likeness is rounded to hundredths, so that the order of the
//! records cannot show in it. Deliberately absent: how a summary cites them.

use std::sync::LazyLock;

use forewarn_domain::anomaly::Finding;
use forewarn_domain::evidence::SimilarCase;
use forewarn_domain::family::TicketKind;
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::repair::{Outcome, RepairRecord};
use forewarn_domain::shape::Shape;
use forewarn_domain::site::plant::{Plant, PlantDevice};

use crate::case::Case;
use crate::history::is_of_kind;
use crate::library::Library;
use crate::similar::{Glossary, Match, PastCase, Question, SimilarCases};

/// Records of a plant, ready to be compared with a case.
#[derive(Clone, Debug)]
pub struct Precedents {
    cases: SimilarCases<'static>,
    records: Vec<RepairRecord>,
    /// With how many records all words were weighed last.
    weighed: usize,
}

impl Precedents {
    /// All records of a plant.
    #[must_use]
    pub fn of(records: &[RepairRecord], plant: &Plant, library: &Library) -> Self {
        let (cases, weighed) = (SimilarCases::new(&GLOSSARY), records.len());
        let mut precedents = Self { cases, records: Vec::with_capacity(weighed), weighed };
        for record in records {
            precedents.take(record, plant, library);
        }
        precedents.cases.refresh();
        precedents
    }

    /// Adds a record. Words are weighed anew whenever a tenth has come on top.
    pub fn push(&mut self, record: &RepairRecord, plant: &Plant, library: &Library) {
        self.take(record, plant, library);
        let (known, weighed) = (self.records.len(), self.weighed);
        if weighed + weighed / 10 < known {
            self.cases.refresh();
            self.weighed = known;
        }
    }

    /// Up to [`CASES_MAX`] cases, most alike first.
    #[must_use]
    pub fn like(&self, case: &Case<'_>, library: &Library, shape: &Shape) -> Vec<SimilarCase> {
        let codes = codes(case.device, &case.episode.key.component);
        let question = Question {
            text: words(case),
            codes: codes.clone(),
            shape: (!shape.is_empty()).then(|| shape.clone()),
            id: None,
            at: Some(case.now),
        };
        // A stuck sensor is a stuck sensor, whatever it sits on.
        let is_sensor = case.episode.key.family.kind() == TicketKind::Instrumentation;
        let is_alike =
            |past: &PastCase| is_sensor || past.codes.iter().any(|it| codes.contains(it));
        let near = self.cases.nearest(&question, is_alike, LOOKED_AT);
        let mut found: Vec<SimilarCase> = Vec::new();
        for near in near.iter().filter(|it| LIKENESS_MIN <= it.likeness) {
            let Some(record) = self.records.get(near.case) else { continue };
            if !is_of_kind(case, library, record) {
                continue;
            }
            // One line for each thing that was done: the nearest speaks for the others.
            let is_told = found.iter().any(|it| {
                it.device == record.device
                    && it.activity == record.activity
                    && it.outcome == record.outcome
                    && it.cause == record.cause
            });
            if !is_told {
                found.push(similar(record, near));
            }
        }
        let failed = found.iter().position(|it| it.outcome == Outcome::NoEffect);
        if let Some(failed) = failed.filter(|place| CASES_MAX <= *place) {
            found.swap(failed, CASES_MAX - 1);
        }
        found.truncate(CASES_MAX);
        found
    }

    fn take(&mut self, record: &RepairRecord, plant: &Plant, library: &Library) {
        let of_device = |device: &PlantDevice| codes(device, &record.component);
        let cause = record.cause.as_deref().and_then(|code| library.mode(code));
        let name = cause.map(|it| format!(". {}. {}", it.name.en, it.name.zh)).unwrap_or_default();
        self.cases.push(PastCase {
            text: format!("{}{name}", record.text),
            codes: plant.device(&record.device).map(|it| of_device(it)).unwrap_or_default(),
            shape: record.shape.clone(),
            ..PastCase::of_record(record)
        });
        self.records.push(record.clone());
    }
}

fn similar(record: &RepairRecord, near: &Match) -> SimilarCase {
    let rounded = |share: f64| (share * 100.0).round() / 100.0;
    SimilarCase {
        id: record.id,
        at: record.at,
        device: record.device.clone(),
        component: record.component.clone(),
        cause: record.cause.clone(),
        activity: record.activity,
        part: record.part.clone(),
        text: record.text.clone(),
        outcome: record.outcome,
        hours: record.hours,
        ticket: record.ticket.clone(),
        likeness: rounded(near.likeness),
        shape: near.shape.map(rounded),
        words: near.terms.iter().map(|(term, _)| term.clone()).collect(),
    }
}

/// What makes two parts comparable: the same kind of part, or for a part without a kind the same
/// class of device.
fn codes(device: &PlantDevice, component: &ComponentId) -> Vec<String> {
    let kind = device.component(component).kind;
    let of = |id: &DeviceId| format!("device={id}");
    match kind.as_str() {
        "" => vec![format!("class={}", device.device.class), of(&device.device.id)],
        kind => vec![format!("kind={kind}"), of(&device.device.id)],
    }
}

/// What a person would write of it, in both languages: where, which signal, and what it does.
fn words(case: &Case<'_>) -> String {
    let component = case.component().name;
    let mut words = vec![component.en, component.zh];
    for anomaly in &case.episode.anomalies {
        if let Some(channel) = case.device.channels.get(&anomaly.channel) {
            words.extend([channel.name.en.clone(), channel.name.zh.clone()]);
        }
        let quantity = case.measured(anomaly).map(|(quantity, _)| quantity);
        words.push(said(&anomaly.finding, quantity).to_owned());
    }
    words.sort();
    words.dedup();
    words.join(". ")
}

fn said(finding: &Finding, quantity: Option<Quantity>) -> &'static str {
    use forewarn_domain::anomaly::BearingDefect as Defect;
    match (finding, quantity) {
        (Finding::BearingLine(line), _) => match line.defect {
            Defect::Cage => "bearing cage noise. 轴承 保持架 异响",
            Defect::InnerRace => "bearing inner race noise. 轴承 内圈 异响",
            Defect::OuterRace => "bearing outer race noise. 轴承 外圈 异响",
            Defect::RollingElement => "bearing ball roller noise. 轴承 滚珠 异响",
        },
        (Finding::Code { .. }, _) => "alarm code. 报警 代码",
        (Finding::Flat { .. }, _) => "sensor stuck, value does not change. 传感器 数值不变",
        (Finding::NoData { .. }, _) => "sensor no signal, cable. 传感器 无信号 电缆",
        (_, Some(Quantity::Temperature)) => "hot, temperature high. 温度高 过热",
        (_, Some(Quantity::Pressure)) => "pressure. 压力",
        (_, Some(Quantity::Flow | Quantity::Level)) => "flow, level, leak. 流量 液位 泄漏",
        (Finding::Zone { .. }, _) => "vibration high. 振动大",
        (_, Some(Quantity::Load | Quantity::Current | Quantity::Torque)) => "load high. 负载大",
        (
            Finding::Count { .. }
            | Finding::Level { .. }
            | Finding::Limit { .. }
            | Finding::Rate { .. }
            | Finding::Siblings { .. },
            _,
        ) => "vibration noise. 振动 异响",
    }
}

static GLOSSARY: LazyLock<Glossary> = LazyLock::new(Glossary::built_in);

/// Cases on a ticket: more than a person reads on a phone is noise.
pub const CASES_MAX: usize = 4;

/// Below this two cases have little more in common than the part.
const LIKENESS_MIN: f64 = 0.1;

/// Enough to find one that did not work behind those that did.
const LOOKED_AT: usize = 200;
