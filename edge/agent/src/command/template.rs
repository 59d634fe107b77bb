//! `forewarn-edge template check`: does every template of a folder load, agree with itself, plan?

use std::io::Write;
use std::path::Path;

use forewarn_agent::config::{ConfigError, read_toml, template_paths};
use forewarn_agent::plan;
use forewarn_domain::template::DeviceTemplate;
use serde_json::json;

use super::{Failure, Outcome};

pub(super) fn check(
    folder: &Path,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let mut has_fault = false;
    let paths = template_paths(folder)?;
    if paths.is_empty() {
        return Err(format!("`{}` holds no template (*.toml)", folder.display()).into());
    }
    for path in paths {
        let outcome = check_one(&path);
        has_fault |= outcome.is_err();
        let file = path.display().to_string();
        match (&outcome, is_json) {
            (Ok(found), true) => {
                let Found { id, points, requests, waveforms } = found;
                writeln!(
                    out,
                    "{}",
                    json!({
                        "type": "template", "file": file, "id": id, "points": points,
                        "requests": requests, "waveforms": waveforms, "fault": null,
                    })
                )?;
            }
            (Ok(found), false) => {
                let Found { id, points, requests, .. } = found;
                writeln!(out, "ok    {file}: `{id}`, {points} points, {requests} requests")?;
            }
            (Err(fault), true) => {
                let fault = fault.to_string();
                writeln!(out, "{}", json!({"type": "template", "file": file, "fault": fault}))?;
            }
            (Err(fault), false) => writeln!(out, "fault {file}: {fault}")?,
        }
    }
    Ok(if has_fault { Outcome::NeedsAttention } else { Outcome::Ran })
}

struct Found {
    id: String,
    points: usize,
    requests: usize,
    waveforms: usize,
}

fn check_one(path: &Path) -> Result<Found, Failure> {
    let template: DeviceTemplate = read_toml(path).map_err(|error| match error {
        ConfigError::Toml { line, column, what, .. } => {
            Failure::from(format!("line {line}, column {column}: {what}"))
        }
        other => other.into(),
    })?;
    template.check()?;
    let plans = plan::plan(&template)?;
    Ok(Found {
        id: template.device.id.to_string(),
        points: template.points.len(),
        requests: plans.iter().map(|it| it.reads.len()).sum(),
        waveforms: template.waveforms.len(),
    })
}
