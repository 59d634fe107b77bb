//! `forewarn explain`: a ticket's bundle, probabilities and text, derived again from what is stored.
//!
//! Four things are compared: the hash of the evidence, the features of the raw waveform, the ranked
//! causes, and every sentence. Exit code 0 when all are equal, 4 when something differs, 3 when
//! something that would be needed is no longer stored. Deliberately absent: the learned normals, which
//! are in the evidence and are taken as they were.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use forewarn_diagnose::Diagnosis;
use forewarn_domain::evidence::Evidence;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::waveform::AxisFeatures;
use forewarn_engine::explain::{again, fingerprint};
use forewarn_store::records::Records;
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_vibration::Features;
use serde::Serialize;
use serde_json::json;

use crate::files;
use crate::output::{self, Failure};
use crate::serve::ServerFile;
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
    let (data, models) = match (&options.config, &options.db) {
        (Some(config), _) => {
            let (file, home) = ServerFile::read(config)?;
            (home.join(&file.data_dir), file.models.as_ref().map(|path| home.join(path)))
        }
        (None, Some(db)) => (db.parent().map(PathBuf::from).unwrap_or_default(), None),
        (None, None) => return Err("give --config or --db".into()),
    };
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
    let repairs = records.repairs_all().await?;
    let derived = again(&plant, &knowledge.library, &repairs, &draft.evidence);
    let raw = raw_features(&records, &WaveformFiles::open(&data)?, &draft.evidence).await?;
    let findings = Findings::of(&draft, derived.as_ref(), raw);
    findings.print(&row.number, &draft, options.json);
    Ok(findings.exit())
}

/// What came out of one comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Different,
    Equal,
    NotStored,
}

impl Outcome {
    fn of(is_equal: bool) -> Self {
        if is_equal { Self::Equal } else { Self::Different }
    }
}

struct Findings {
    evidence: Outcome,
    waveform: Outcome,
    causes: Outcome,
    text: Outcome,
}

impl Findings {
    fn of(draft: &TicketDraft, derived: Option<&Diagnosis>, waveform: Outcome) -> Self {
        let sealed = fingerprint(&draft.evidence);
        let Some(derived) = derived else {
            let lost = Outcome::NotStored;
            let evidence = Outcome::of(sealed == Some(draft.evidence_sha256));
            return Self { evidence, waveform, causes: lost, text: lost };
        };
        // The ticket's last line is the hash itself, which the diagnosis cannot know.
        let mut told = draft.summary.clone();
        told.footer.pop();
        let is_same_p = draft.confidence.to_bits() == derived.confidence.to_bits();
        Self {
            evidence: Outcome::of(sealed == Some(draft.evidence_sha256)),
            waveform,
            causes: Outcome::of(is_same_p && draft.causes == derived.causes),
            text: Outcome::of(told == derived.summary),
        }
    }

    fn all(&self) -> [Outcome; 4] {
        [self.evidence, self.waveform, self.causes, self.text]
    }

    fn exit(&self) -> ExitCode {
        if self.all().contains(&Outcome::Different) {
            return ExitCode::from(4);
        }
        ExitCode::from(if self.all().contains(&Outcome::NotStored) { 3 } else { 0 })
    }

    fn print(&self, number: &str, draft: &TicketDraft, is_json: bool) {
        let is_equal = self.all().iter().all(|it| *it == Outcome::Equal);
        if is_json {
            output::line(&json!({
                "type": "explanation", "ticket": number, "id": draft.id,
                "rule": draft.rule, "revision": draft.revision,
                "evidence_sha256": draft.evidence_sha256,
                "evidence": self.evidence, "waveform": self.waveform,
                "causes": self.causes, "text": self.text, "equal": is_equal,
            }));
            return;
        }
        output::text(&draft.summary.text().en);
        let word = |outcome| match outcome {
            Outcome::Equal => "equal",
            Outcome::Different => "DIFFERENT",
            Outcome::NotStored => "not stored any more",
        };
        output::text(&format!(
            "\n{number}, derived again: evidence {}, waveform {}, causes {}, text {}.",
            word(self.evidence),
            word(self.waveform),
            word(self.causes),
            word(self.text)
        ));
    }
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
