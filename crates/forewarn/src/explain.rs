//! `forewarn explain`: a ticket's bundle, probabilities and text, derived again from what is stored.
//!
//! Six things are compared: the hash of the evidence, the readings and the features of the raw waveform
//! that it rests on, the repairs that it cites, the ranked causes, and every sentence. Exit code 0 when
//! all are equal, 4 when something differs, 3 when something that would be needed is no longer stored or
//! cannot be read beside a running server. Deliberately absent: the learned normals and what was found
//! alike, which are in the evidence and are taken as they were.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use forewarn_diagnose::Diagnosis;
use forewarn_domain::evidence::Evidence;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::ticket::{TicketDraft, TicketId};
use forewarn_domain::waveform::AxisFeatures;
use forewarn_engine::explain::{again, fingerprint};
use forewarn_store::readings::{ReadingStore, StoreConfig, StoreError};
use forewarn_store::records::Records;
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_vibration::Features;
use serde::Serialize;
use serde_json::json;

use crate::files;
use crate::output::{self, Failure};
use crate::serve::ServerFile;
use crate::stores::readings_config;
use crate::versions;

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Options {
    /// Its number or id, e.g. `FW-2026-0042`.
    ticket: String,
    /// The server's own settings; they say where the data are.
    #[arg(long, conflicts_with = "db", required_unless_present = "db")]
    config: Option<PathBuf>,
    /// Records file of a data folder, instead of the settings.
    #[arg(long)]
    db: Option<PathBuf>,
    /// JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// Derives one ticket again and says what is equal.
pub(crate) async fn run(options: &Options) -> Result<ExitCode, Failure> {
    let Place { data, models, readings: store } = Place::of(options)?;
    let db = options.db.clone().unwrap_or_else(|| data.join("records.db"));
    if !db.is_file() {
        return Err(
            format!("{} is no records file; is the data folder right?", db.display()).into()
        );
    }
    let records = Records::open_file(&db).await?;
    let plant = versions::plant_of(&records).await?;
    let knowledge = files::knowledge(None, models.as_deref())?;
    let row = records.ticket(&options.ticket).await?;
    let draft = records.ticket_draft(row.id).await?;
    let derived = again(&plant, &knowledge.library, &draft.evidence);
    let files = WaveformFiles::open(&data)?;
    let kept = Kept {
        readings: readings(&records, row.id, &readings_config(store.as_deref(), &data)?).await?,
        repairs: repairs(&records.repairs_all().await?, &draft.evidence),
        waveform: raw_features(&records, &files, &draft.evidence).await?,
    };
    let findings = Findings::of(&draft, derived.as_ref(), kept);
    findings.print(&row.number, &draft, options.json);
    Ok(findings.exit())
}

/// Where things are.
struct Place {
    data: PathBuf,
    models: Option<PathBuf>,
    readings: Option<String>,
}

impl Place {
    fn of(options: &Options) -> Result<Self, Failure> {
        match (&options.config, &options.db) {
            (Some(config), _) => {
                let (file, home) = ServerFile::read(config)?;
                let models = file.models.as_ref().map(|path| home.join(path));
                Ok(Self { data: home.join(&file.data_dir), models, readings: Some(file.readings) })
            }
            (None, Some(db)) => {
                let data = db.parent().map(PathBuf::from).unwrap_or_default();
                Ok(Self { data, models: None, readings: None })
            }
            (None, None) => Err("give --config or --db".into()),
        }
    }
}

/// What came out of one comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Different,
    Equal,
    /// A running server has it open.
    InUse,
    NotStored,
    /// Too young: more readings may come, so nothing is sealed yet.
    Pending,
}

impl Outcome {
    fn of(is_equal: bool) -> Self {
        if is_equal { Self::Equal } else { Self::Different }
    }
}

/// What the evidence points to, compared with what it says of it.
struct Kept {
    readings: Outcome,
    repairs: Outcome,
    waveform: Outcome,
}

struct Findings {
    evidence: Outcome,
    kept: Kept,
    causes: Outcome,
    text: Outcome,
}

impl Findings {
    fn of(draft: &TicketDraft, derived: Option<&Diagnosis>, kept: Kept) -> Self {
        let sealed = fingerprint(&draft.evidence);
        let Some(derived) = derived else {
            let lost = Outcome::NotStored;
            let evidence = Outcome::of(sealed == Some(draft.evidence_sha256));
            return Self { evidence, kept, causes: lost, text: lost };
        };
        // The ticket's last line is the hash itself, which the diagnosis cannot know.
        let mut told = draft.summary.clone();
        told.footer.pop();
        let is_same_p = draft.confidence.to_bits() == derived.confidence.to_bits();
        Self {
            evidence: Outcome::of(sealed == Some(draft.evidence_sha256)),
            kept,
            causes: Outcome::of(is_same_p && draft.causes == derived.causes),
            text: Outcome::of(told == derived.summary),
        }
    }

    fn all(&self) -> [Outcome; 6] {
        let Kept { readings, repairs, waveform } = self.kept;
        [self.evidence, readings, waveform, repairs, self.causes, self.text]
    }

    fn is_equal(&self) -> bool {
        self.all().iter().all(|it| matches!(it, Outcome::Equal | Outcome::Pending))
    }

    fn exit(&self) -> ExitCode {
        if self.all().contains(&Outcome::Different) {
            return ExitCode::from(4);
        }
        ExitCode::from(if self.is_equal() { 0 } else { 3 })
    }

    fn print(&self, number: &str, draft: &TicketDraft, is_json: bool) {
        let is_equal = self.is_equal();
        if is_json {
            output::line(&json!({
                "type": "explanation", "ticket": number, "id": draft.id,
                "rule": draft.rule, "revision": draft.revision,
                "evidence_sha256": draft.evidence_sha256,
                "evidence": self.evidence, "readings": self.kept.readings,
                "waveform": self.kept.waveform, "repairs": self.kept.repairs,
                "causes": self.causes, "text": self.text, "equal": is_equal,
            }));
            return;
        }
        output::text(&draft.summary.text().en);
        let word = |outcome| match outcome {
            Outcome::Equal => "equal",
            Outcome::Different => "DIFFERENT",
            Outcome::InUse => "not read beside the running server",
            Outcome::NotStored => "not stored any more",
            Outcome::Pending => "not sealed yet",
        };
        let names = ["evidence", "readings", "waveform", "repairs", "causes", "text"];
        let told: Vec<String> = names
            .iter()
            .zip(self.all())
            .map(|(name, outcome)| format!("{name} {}", word(outcome)))
            .collect();
        output::text(&format!("\n{number}, derived again: {}.", told.join(", ")));
    }
}

/// Whether the readings that are held for the ticket are those that were sealed.
async fn readings(
    records: &Records,
    ticket: TicketId,
    config: &StoreConfig,
) -> Result<Outcome, Failure> {
    let held = records.evidence_of(ticket).await?;
    let sealed: Vec<_> = held.iter().filter_map(|it| Some((it, it.seal?))).collect();
    if sealed.is_empty() {
        return Ok(if held.is_empty() { Outcome::Equal } else { Outcome::Pending });
    }
    let store = match ReadingStore::open(config).await {
        Ok(store) => store,
        Err(StoreError::InUse { .. }) => return Ok(Outcome::InUse),
        Err(error) => return Err(error.into()),
    };
    let mut outcome = Outcome::Equal;
    for (hold, (count, sha256)) in sealed {
        let found = store.fingerprint(&hold.channel, hold.from, hold.to).await?;
        match found {
            found if found == (count, sha256) => {}
            (0, _) if outcome == Outcome::Equal => outcome = Outcome::NotStored,
            _ => outcome = Outcome::Different,
        }
    }
    store.close().await?;
    Ok(outcome)
}

/// Whether the repairs that the diagnosis looked at still read as they did.
fn repairs(known: &[RepairRecord], evidence: &Evidence) -> Outcome {
    let mut outcome = Outcome::Equal;
    for cited in &evidence.repairs {
        match known.iter().find(|it| it.id == cited.id) {
            Some(record) if RepairRecord { shape: None, ..record.clone() } == *cited => {}
            Some(_) => return Outcome::Different,
            None => outcome = Outcome::NotStored,
        }
    }
    outcome
}

/// Whether the raw samples give the features and the spectrum that the evidence shows; a ticket without
/// a burst has nothing to compare, which is as good as equal.
async fn raw_features(
    records: &Records,
    files: &WaveformFiles,
    evidence: &Evidence,
) -> Result<Outcome, Failure> {
    let Some(burst) = &evidence.burst else { return Ok(Outcome::Equal) };
    let (Some(row), Some(bytes)) =
        (records.waveform(burst.sha256).await?, files.get(&burst.sha256)?)
    else {
        return Ok(Outcome::NotStored);
    };
    let samples: Vec<f64> = bytes
        .chunks_exact(2)
        .map(|it| f64::from(i16::from_le_bytes([it[0], it[1]])) * row.header.scale_g)
        .collect();
    let step = burst.axes.len().max(1);
    let is_equal = burst.axes.iter().enumerate().all(|(place, axis)| {
        let of_axis: Vec<f64> = samples.iter().copied().skip(place).step_by(step).collect();
        Features::of(&of_axis, burst.rate_hz, burst.shaft_hz).is_ok_and(|it| is_same(&it, axis))
    });
    Ok(Outcome::of(is_equal))
}

/// Equal up to the last digits: another computer may round a sine otherwise.
fn is_same(features: &Features, axis: &AxisFeatures) -> bool {
    let near =
        |one: f64, other: f64| (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-9);
    let lines = &features.envelope.lines;
    near(features.velocity_rms_mm_s, axis.velocity_rms)
        && near(features.acc_rms_g, axis.acc_rms)
        && near(features.hf_rms_g, axis.hf_rms)
        && near(features.kurtosis, axis.kurtosis)
        && lines.len() == axis.envelope.len()
        && lines.iter().zip(&axis.envelope).all(|(a, b)| near(a.hz, b.hz) && near(a.ratio, b.ratio))
}
