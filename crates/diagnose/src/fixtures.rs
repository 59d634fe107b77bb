//! A small plant with three troubles, for tests.

use std::sync::Arc;

use forewarn_domain::anomaly::{
    Anomaly, BearingDefect, BearingLine, Finding, Harmonic, Normal, RuleRef, Signal,
};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey, Phase};
use forewarn_domain::evidence::{QualityReport, SimilarCase};
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::{ComponentId, DeviceId, RuleId, SiteId, StateId};
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::site::plant::{Plant, PlantDevice};
use forewarn_domain::text::Language;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;

use crate::case::{Case, Outlook};

/// Everything that a case borrows.
pub(crate) struct Scene {
    pub(crate) device: Arc<PlantDevice>,
    pub(crate) sister: Arc<PlantDevice>,
    pub(crate) episode: Episode,
    pub(crate) repairs: Vec<RepairRecord>,
    pub(crate) similar: Vec<SimilarCase>,
    pub(crate) unchanged: Vec<Signal>,
    pub(crate) quality: QualityReport,
    pub(crate) outlook: Option<Outlook>,
}

impl Scene {
    /// Calls `look` with the case, at 06:02 in Shanghai.
    pub(crate) fn case<R>(&self, look: impl FnOnce(&Case<'_>) -> R) -> R {
        let siblings = [self.sister.as_ref()];
        look(&Case {
            device: &self.device,
            siblings: &siblings,
            episode: &self.episode,
            repairs: &self.repairs,
            similar: &self.similar,
            unchanged: &self.unchanged,
            quality: self.quality,
            spectrum: None,
            burst: None,
            outlook: self.outlook.as_ref(),
            utc_offset_minutes: 480,
            now: now(),
        })
    }

    /// A damaged outer race on the front spindle bearing; greasing did not help.
    pub(crate) fn outer_race() -> Self {
        let line = BearingLine {
            defect: BearingDefect::OuterRace,
            bearing: "6205".into(),
            shaft_hz: 29.83,
            order: 3.5848,
            expected_hz: 106.9,
            found_hz: 107.0,
            harmonics: (1..=4_u32)
                .map(|k| Harmonic { k, hz: 107.0 * f64::from(k), ratio: 12.0 })
                .collect(),
            score: 11.2,
            matched: 11,
            bursts: 12,
            waveform: Sha256([0x9f; 32]),
            captured: minutes(-4),
            waveform_channel: channel("acc"),
        };
        let hf =
            signal("acc.z.hf_rms", Quantity::AccelerationRmsHf, 0.61, Unit::G, [0.15, 0.21, 0.27]);
        let anomaly = Anomaly {
            component: component("spindle-front"),
            channel: channel("acc"),
            onset: minutes(-502),
            state: StateId::new("cut").expect("slug"),
            severity: Severity::Warning,
            finding: Finding::BearingLine(line),
            signals: vec![Signal { weight: 1.0, ..hf }],
            ..level("spindle-front", "acc", FaultFamily::Bearing, minutes(-4))
        };
        let mut scene = Self::with(rule(anomaly, "spindle-bearing", 7));
        let cause = |mut it: RepairRecord, cause: &str| {
            it.cause = Some(cause.to_owned());
            it
        };
        let mut noise = repair("mill-01", "spindle-front", Activity::Inspection, 33);
        noise.text = "noise at spindle".into();
        noise.outcome = Outcome::NothingFound;
        noise.ticket = Some("FW-2026-0960".into());
        let mut greased = repair("mill-01", "spindle-front", Activity::Service, 97);
        greased.text = "补脂 NBU15".into();
        greased.language = Language::Zh;
        greased.outcome = Outcome::Solved;
        greased.ticket = Some("FW-2026-0871".into());
        greased.cause = Some("poor-lubrication".into());
        let mut replaced =
            cause(repair("mill-01", "spindle-front", Activity::Replace, 253), "bearing-outer-race");
        replaced.part = Some("6205-2RS C3".into());
        replaced.ticket = Some("FW-2026-0317".into());
        replaced.hours = Some(2.5);
        let mut sister =
            cause(repair("mill-02", "spindle-front", Activity::Replace, 120), "bearing-outer-race");
        sister.part = Some("6205-2RS C3".into());
        sister.hours = Some(3.1);
        let mut failed =
            cause(repair("mill-02", "spindle-front", Activity::Service, 129), "bearing-outer-race");
        failed.outcome = Outcome::NoEffect;
        scene.repairs = vec![noise, greased, replaced, sister, failed];
        // Greasing twice would hide the plan; the newest service is the one that counts.
        scene.unchanged = vec![
            signal("vel", Quantity::VelocityRms, 1.21, Unit::MmPerS, [0.9, 1.2, 1.6]),
            signal("temp", Quantity::Temperature, 41.3, Unit::DegC, [36.0, 40.1, 44.0]),
        ];
        scene.outlook = Some(Outlook {
            channel: channel("vel"),
            limit: forewarn_domain::text::Localized::new("zone C is reached", "进入 C 区"),
            earliest: Span::from_secs(6 * 86_400),
            latest: Span::from_secs(15 * 86_400),
            fitted_over: Span::from_secs(34 * 3_600),
        });
        scene
    }

    /// Hydraulic oil that gets too hot while pressure, level and load are as usual.
    pub(crate) fn hot_oil() -> Self {
        let oil = signal("oil_temp", Quantity::Temperature, 61.4, Unit::DegC, [41.0, 44.2, 47.5]);
        let normal = oil.normal.clone().expect("given above");
        let anomaly = Anomaly {
            channel: channel("oil_temp"),
            onset: minutes(-95),
            severity: Severity::Warning,
            finding: Finding::Level { z: 9.4, value: 61.4, normal },
            signals: vec![Signal { weight: 1.0, ..oil }],
            ..level("hydraulics", "oil_temp", FaultFamily::Thermal, minutes(-60))
        };
        let mut scene = Self::with(rule(anomaly, "learned-level", 1));
        let mut cleaned = repair("mill-01", "hydraulics", Activity::Service, 31);
        cleaned.cause = Some("oil-overheating".into());
        cleaned.outcome = Outcome::Improved;
        cleaned.text = "吹扫冷却器".into();
        cleaned.hours = Some(1.2);
        let mut filled = repair("mill-02", "hydraulics", Activity::Service, 200);
        filled.cause = Some("oil-low".into());
        scene.repairs = vec![cleaned, filled];
        scene.unchanged = vec![
            signal("pressure", Quantity::Pressure, 118.0, Unit::Bar, [112.0, 117.5, 123.0]),
            signal("oil_level", Quantity::Level, 71.0, Unit::Percent, [66.0, 71.5, 76.0]),
            signal("load", Quantity::Load, 38.0, Unit::Percent, [21.0, 36.0, 55.0]),
        ];
        scene
    }

    /// A temperature sensor that does not move while the machine does.
    pub(crate) fn flat_sensor() -> Self {
        let anomaly = Anomaly {
            channel: channel("temp"),
            onset: minutes(-190),
            severity: Severity::Watch,
            finding: Finding::Flat { value: 38.5, lasted: Span::from_secs(186 * 60) },
            signals: Vec::new(),
            ..level("spindle-front", "temp", FaultFamily::Instrumentation, minutes(-4))
        };
        let mut scene = Self::with(rule(anomaly, "flat-line", 2));
        scene.unchanged = vec![
            signal("vel", Quantity::VelocityRms, 1.21, Unit::MmPerS, [0.9, 1.2, 1.6]),
            signal("load", Quantity::Load, 38.0, Unit::Percent, [21.0, 36.0, 55.0]),
        ];
        scene
    }

    fn with(anomaly: Anomaly) -> Self {
        let plant = plant();
        let device = |id: &str| Arc::clone(plant.device(&device_id(id)).expect("in the plant"));
        let key = EpisodeKey {
            site: site(),
            device: anomaly.device.clone(),
            component: anomaly.component.clone(),
            family: anomaly.family,
        };
        Self {
            device: device("mill-01"),
            sister: device("mill-02"),
            episode: Episode {
                id: EpisodeId::derive(&key, anomaly.confirmed),
                key,
                onset: anomaly.onset,
                confirmed: anomaly.confirmed,
                updated: anomaly.confirmed,
                phase: Phase::Active,
                anomalies: vec![anomaly],
                recurrences: 0,
            },
            repairs: Vec::new(),
            similar: Vec::new(),
            unchanged: Vec::new(),
            quality: QualityReport {
                over: Span::from_secs(86_400),
                good: 8_634,
                uncertain: 0,
                bad: 3,
                late: 2,
            },
            outlook: None,
        }
    }
}

/// A departure of one channel of `mill-01` from its learned normal.
pub(crate) fn level(part: &str, point: &str, family: FaultFamily, confirmed: Time) -> Anomaly {
    let temperature = signal(point, Quantity::Temperature, 66.0, Unit::DegC, [41.0, 44.0, 47.0]);
    let normal = temperature.normal.clone().expect("given above");
    Anomaly {
        rule: RuleRef { id: RuleId::new("learned-level").expect("slug"), version: 1 },
        device: device_id("mill-01"),
        component: component(part),
        family,
        channel: channel(point),
        onset: confirmed - Span::from_secs(60),
        confirmed,
        state: StateId::new("all").expect("slug"),
        severity: Severity::Warning,
        finding: Finding::Level { z: 8.0, value: 66.0, normal },
        signals: vec![temperature],
    }
}

/// A repair that solved something, `age_days` before now.
pub(crate) fn repair(device: &str, part: &str, activity: Activity, age_days: i64) -> RepairRecord {
    let device = device_id(device);
    let at = now() - Span::from_secs(age_days * 86_400);
    RepairRecord {
        id: RepairId::derive(&device, at, part),
        at,
        device,
        component: component(part),
        activity,
        part: None,
        text: String::new(),
        language: Language::En,
        cause: None,
        outcome: Outcome::Solved,
        hours: None,
        ticket: None,
        shape: None,
    }
}

pub(crate) fn site() -> SiteId {
    SiteId::new("plant").expect("slug")
}

/// 20 Nov 2026, 06:02 in Shanghai.
pub(crate) fn now() -> Time {
    "2026-11-19T22:02:00Z".parse().expect("time")
}

pub(crate) fn minutes(after: i64) -> Time {
    now() + Span::from_secs(after * 60)
}

fn rule(anomaly: Anomaly, id: &str, version: u32) -> Anomaly {
    Anomaly { rule: RuleRef { id: RuleId::new(id).expect("slug"), version }, ..anomaly }
}

fn device_id(id: &str) -> DeviceId {
    DeviceId::new(id).expect("slug")
}

fn component(id: &str) -> ComponentId {
    ComponentId::new(id).expect("slug")
}

fn channel(point: &str) -> ChannelId {
    format!("mill-01/box/{point}").parse().expect("channel")
}

fn signal(point: &str, quantity: Quantity, value: f64, unit: Unit, band: [f64; 3]) -> Signal {
    let [low, median, high] = band;
    let normal = Normal {
        median,
        low,
        high,
        samples: 4_120,
        since: now() - Span::from_secs(30 * 86_400 + 12 * 3_600),
        state: StateId::new("all").expect("slug"),
    };
    Signal { channel: channel(point), quantity, weight: 1.0, value, unit, normal: Some(normal) }
}

fn plant() -> Plant {
    let device = |id: &str, name: &str, sister: &str| {
        format!(
            "[[device]]\nid = '{id}'\nname = {{ en = '{name}', zh = '{name}' }}\n\
             class = 'cnc-mill'\nspeed_source = 'rpm'\nsiblings = ['{sister}']\n\
             source = [{{ id = 'box', template = 'box', link = 'line' }}]\n\
             components = [\n\
             {{ id = 'spindle-front', name = {{ en = 'Front spindle bearing', zh = '主轴前轴承' }}, \
             kind = 'spindle', bearing = '6205', lubrication_days = 90 }},\n\
             {{ id = 'hydraulics', name = {{ en = 'Hydraulic unit', zh = '液压站' }}, kind = 'hydraulics' }},\n]\n"
        )
    };
    let text = format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 'plant'\nname = {{ en = 'Plant', zh = '工厂' }}\n\
         time_zone = 'Asia/Shanghai'\n[[link]]\nid = 'line'\nvia = {{ csv = {{}} }}\n{}{}",
        device("mill-01", "CNC-07", "mill-02"),
        device("mill-02", "CNC-03", "mill-01"),
    );
    let points: [(&str, &str, &str, &str, &str); 8] = [
        ("temp", "Bearing temperature", "轴承温度", "temperature", "degC"),
        ("oil_temp", "Oil temperature", "油温", "temperature", "degC"),
        ("pressure", "System pressure", "系统压力", "pressure", "bar"),
        ("oil_level", "Oil level", "油位", "level", "%"),
        ("load", "Spindle load", "主轴负载", "load", "%"),
        ("vel", "Vibration velocity", "振动速度", "vibration.velocity.rms", "mm/s"),
        (
            "acc.z.hf_rms",
            "High-frequency vibration Z",
            "高频振动 Z",
            "vibration.acceleration.rms.hf",
            "g",
        ),
        ("rpm", "Spindle encoder", "主轴编码器", "rotation.speed", "rpm"),
    ];
    let point = |(id, en, zh, quantity, unit)| {
        format!(
            "[[point]]\nid = '{id}'\nname = {{ en = '{en}', zh = '{zh}' }}\nat = 'csv:{id}'\n\
             type = 'number'\nquantity = '{quantity}'\nunit = '{unit}'\n"
        )
    };
    let template = format!(
        "schema = 'forewarn.device/1'\n[device]\nid = 'box'\nvendor = 'x'\nmodel = 'x'\n\
         kind = 'x'\ntitle = {{ en = 'x', zh = 'x' }}\nevidence = 'manual'\nsources = ['x']\n\
         [csv]\ninterval = '10s'\n{}",
        points.map(point).concat()
    );
    let file = toml::from_str(&text).expect("a site file");
    let template = toml::from_str(&template).expect("a template");
    Plant::new(file, vec![template]).expect("a plant")
}
