//! `forewarn audit`: checks that the trail of who did what is as it was written, or exports it.
//!
//! A check needs no server and, over an exported file, no database. Exit code 0 when everything fits, 4
//! when something was altered, with the first such row; 1 when it could not be looked at.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use forewarn_domain::time::Time;
use forewarn_lifecycle::Clock;
use forewarn_store::records::Records;
use forewarn_store::records::audit::Deed;
use forewarn_store::records::audit::chain::{AuditRow, Verdict, Verifier};
use forewarn_store::records::audit::seal::{Checkpoint, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::output::{self, Failure};
use crate::serve::ServerFile;

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Options {
    #[command(subcommand)]
    word: Word,
}

#[derive(Clone, Debug, Subcommand)]
enum Word {
    /// Writes the trail with its checkpoints to a file of JSON lines; the export is in the trail itself.
    Export {
        #[command(flatten)]
        place: Place,
        /// The file.
        #[arg(long)]
        to: PathBuf,
        /// Who exports it.
        #[arg(long)]
        author: String,
    },
    /// Says whether every row is as it was written; exit code 4 when one is not.
    Verify(Verify),
}

/// Where the trail is.
#[derive(Clone, Debug, ClapArgs)]
struct Place {
    /// The server's own settings; they say where the data are.
    #[arg(long, conflicts_with = "db")]
    config: Option<PathBuf>,
    /// Records: a file, or `postgres://server/database`.
    #[arg(long)]
    db: Option<String>,
}

#[derive(Clone, Debug, ClapArgs)]
struct Verify {
    #[command(flatten)]
    place: Place,
    /// An exported file, instead of a database.
    #[arg(long, conflicts_with_all = ["config", "db"])]
    file: Option<PathBuf>,
    /// Public key, or the file that holds it; beside the records it is `audit.pub`.
    #[arg(long)]
    key: Option<String>,
    /// Checkpoints that were kept elsewhere, as JSON lines; beside the records they are
    /// `audit-checkpoints.jsonl`.
    #[arg(long)]
    checkpoints: Option<PathBuf>,
    /// JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// A line of an exported file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "is")]
enum Line {
    Checkpoint(Checkpoint),
    Row(AuditRow),
}

/// Exports or checks.
pub(crate) async fn run(options: &Options) -> Result<ExitCode, Failure> {
    match &options.word {
        Word::Export { place, to, author } => export(place, to, author).await,
        Word::Verify(verify) => check(verify).await,
    }
}

async fn export(place: &Place, to: &Path, author: &str) -> Result<ExitCode, Failure> {
    let (records, _) = place.open().await?;
    let file = File::create_new(to).map_err(|error| format!("{}: {error}", to.display()))?;
    let object = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let now = Time::from_micros(Clock::system().now_us());
    records.audit(&Deed::new(author, "export.audit", &object, json!({})), now).await?;
    let mut writer = BufWriter::new(file);
    let mut rows = 0;
    let mut after = 0;
    loop {
        let page = records.audit_rows(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        rows += page.len();
        for row in page {
            serde_json::to_writer(&mut writer, &Line::Row(row))?;
            writer.write_all(b"\n")?;
        }
    }
    for checkpoint in records.checkpoints().await? {
        serde_json::to_writer(&mut writer, &Line::Checkpoint(checkpoint))?;
        writer.write_all(b"\n")?;
    }
    let file = writer.into_inner().map_err(|error| error.into_error())?;
    file.sync_all()?;
    output::remark(&format!("{rows} rows are in {}", to.display()));
    Ok(ExitCode::SUCCESS)
}

async fn check(verify: &Verify) -> Result<ExitCode, Failure> {
    let (findings, key) = match &verify.file {
        Some(file) => {
            let key = verify.key()?;
            let (rows, mut checkpoints) = read_export(file)?;
            checkpoints.extend(verify.kept(None)?);
            let mut verifier = Verifier::new(checkpoints, key.as_ref());
            rows.iter().for_each(|it| verifier.push(it));
            (Findings { verdict: verifier.finish(), differs: None }, key)
        }
        None => {
            let (records, folder) = verify.place.open().await?;
            let beside =
                |name: &str| folder.as_ref().map(|it| it.join(name)).filter(|path| path.is_file());
            let key = match (verify.key()?, beside(PUBLIC_KEY_FILE)) {
                (None, Some(path)) => Some(read_key(&path)?),
                (key, _) => key,
            };
            let mut checkpoints = records.checkpoints().await?;
            checkpoints.extend(verify.kept(beside(CHECKPOINTS_FILE))?);
            (from_records(&records, Verifier::new(checkpoints, key.as_ref())).await?, key)
        }
    };
    Ok(tell(&findings, key.as_ref(), verify.json))
}

async fn from_records(records: &Records, mut verifier: Verifier) -> Result<Findings, Failure> {
    let mut after = 0;
    let mut differs = None;
    loop {
        let page = records.audit_rows(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for row in &page {
            verifier.push(row);
            if differs.is_none() && !records.history_agrees(row).await? {
                differs = Some(row.clone());
            }
        }
    }
    Ok(Findings { verdict: verifier.finish(), differs })
}

/// What came out.
struct Findings {
    verdict: Verdict,
    /// The first row of which a ticket's history says something else.
    differs: Option<AuditRow>,
}

fn tell(findings: &Findings, key: Option<&PublicKey>, is_json: bool) -> ExitCode {
    let Findings { verdict, differs } = findings;
    let fault = verdict.fault.as_ref();
    let is_whole = fault.is_none() && differs.is_none();
    let head = verdict.head.map(|(seq, hash)| json!({"seq": seq, "hash": hash}));
    if is_json {
        output::line(&json!({
            "type": "audit",
            "ok": is_whole,
            "rows": verdict.rows,
            "head": head,
            "checkpoints": verdict.checkpoints,
            "unsealed": verdict.unsealed,
            "key": key.map(ToString::to_string),
            "first_bad": fault.map(|it| json!({"seq": it.seq(), "why": it.to_string()})),
            "history_differs": differs.as_ref().map(|it| json!({"seq": it.seq, "ticket": it.object})),
        }));
    } else {
        let Verdict { rows, checkpoints, unsealed, .. } = verdict;
        output::text(&format!(
            "{rows} rows, {checkpoints} checkpoints fit, {unsealed} rows after the last one"
        ));
        match key {
            Some(key) => output::text(&format!("checked with key {key}")),
            None => {
                output::text("no key was given: checkpoints prove only that they fit themselves");
            }
        }
        if let Some(fault) = fault {
            output::text(&format!("ALTERED: {fault}"));
        }
        if let Some(row) = differs {
            let AuditRow { seq, object, action, .. } = row;
            output::text(&format!(
                "ALTERED: the history of ticket {object} does not say what row {seq} ({action}) says"
            ));
        }
        if is_whole {
            output::text("the trail is as it was written");
        }
    }
    if is_whole { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_ATTENTION) }
}

impl Place {
    /// The records, and the folder in which key and checkpoints lie when they are a file.
    async fn open(&self) -> Result<(Records, Option<PathBuf>), Failure> {
        let db = match (&self.config, &self.db) {
            (Some(config), _) => {
                let (file, home) = ServerFile::read(config)?;
                home.join(&file.data_dir).join("records.db")
            }
            (None, Some(db)) if db.contains("://") => return Ok((Records::open(db).await?, None)),
            (None, Some(db)) => PathBuf::from(db),
            (None, None) => return Err("give --config, --db or --file".into()),
        };
        if !db.is_file() {
            return Err(
                format!("{} is no records file; is it the right folder?", db.display()).into()
            );
        }
        let folder = db.parent().map(Path::to_path_buf);
        Ok((Records::open_file(&db).await?, folder))
    }
}

impl Verify {
    fn key(&self) -> Result<Option<PublicKey>, Failure> {
        let Some(key) = &self.key else { return Ok(None) };
        match key.parse() {
            Ok(key) => Ok(Some(key)),
            Err(_not_written_out) => read_key(Path::new(key)).map(Some),
        }
    }

    /// Checkpoints that were kept outside of the database.
    fn kept(&self, beside: Option<PathBuf>) -> Result<Vec<Checkpoint>, Failure> {
        let Some(path) = self.checkpoints.clone().or(beside) else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = text.lines().filter(|it| !it.trim().is_empty()).map(|line| {
            serde_json::from_str(line)
                .map_err(|error| format!("{}: no checkpoint: {error}", path.display()).into())
        });
        lines.collect()
    }
}

fn read_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("{}: {error}; 64 hexadecimal digits do as well", path.display())
    })?;
    Ok(text.parse()?)
}

fn read_export(path: &Path) -> Result<(Vec<AuditRow>, Vec<Checkpoint>), Failure> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut rows, mut checkpoints) = (Vec::new(), Vec::new());
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let wrong = |error| format!("{} line {}: {error}", path.display(), number + 1);
        match serde_json::from_str(&line?).map_err(wrong)? {
            Line::Checkpoint(checkpoint) => checkpoints.push(checkpoint),
            Line::Row(row) => rows.push(row),
        }
    }
    Ok((rows, checkpoints))
}

/// The key that signs, in the data folder.
pub(crate) const KEY_FILE: &str = "audit.key";

/// Copies of the checkpoints, in the data folder.
pub(crate) const CHECKPOINTS_FILE: &str = "audit-checkpoints.jsonl";

const PUBLIC_KEY_FILE: &str = "audit.pub";

/// Rows that are looked at in one go.
const PAGE: i64 = 5_000;

const NEEDS_ATTENTION: u8 = 4;
