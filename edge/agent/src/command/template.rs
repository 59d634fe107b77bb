//! `forewarn-edge template check`: does every template of a folder load, agree with itself, plan?
//! `forewarn-edge template test`: does a device answer as its template says?

use std::io::Write;
use std::path::Path;

use forewarn_agent::config::{ConfigError, read_toml, template_paths};
use forewarn_agent::decode::Decoded;
use forewarn_agent::examine::{self, Finding};
use forewarn_agent::plan;
use forewarn_agent::source::modbus::ModbusDevice;
use forewarn_agent::source::modbus::line::Line;
use forewarn_agent::source::modbus::waveform::Fetch;
use forewarn_domain::template::DeviceTemplate;
use serde_json::json;

use super::target::Target;
use super::{Failure, Outcome, read};

pub(super) fn check(
    folder: &Path,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let mut has_fault = false;
    let is_file = folder.is_file();
    let paths = if is_file { vec![folder.to_owned()] } else { template_paths(folder)? };
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
    let template = load(path)?;
    let plans = plan::plan(&template).map_err(|error| placed(path, error.to_string()))?;
    Fetch::all(1, &template).map_err(|error| placed(path, error.to_string()))?;
    Ok(Found {
        id: template.device.id.to_string(),
        points: template.points.len(),
        requests: plans.iter().map(|it| it.reads.len()).sum(),
        waveforms: template.waveforms.len(),
    })
}

/// A template with the place of what is wrong in it.
pub(super) fn load(path: &Path) -> Result<DeviceTemplate, Failure> {
    let template: DeviceTemplate = read_toml(path).map_err(|error| match error {
        ConfigError::Toml { line, column, what, .. } => {
            Failure::from(format!("line {line}, column {column}: {what}"))
        }
        other => other.into(),
    })?;
    let checked = template.check().and_then(|()| template.check_kind());
    checked.map_err(|error| placed(path, error.what))?;
    Ok(template)
}

/// A refusal with the line of the first thing that it names.
fn placed(path: &Path, what: String) -> Failure {
    match line_of(path, &what) {
        Some(line) => format!("line {line}: {what}").into(),
        None => what.into(),
    }
}

/// Where the first thing that a refusal names is written.
fn line_of(path: &Path, what: &str) -> Option<usize> {
    let named = what.split('`').nth(1)?;
    let text = std::fs::read_to_string(path).ok()?;
    let is_there =
        |line: &str| ['"', '\''].iter().any(|it| line.contains(&format!("{it}{named}{it}")));
    text.lines().position(is_there).map(|at| at + 1)
}

pub(super) async fn test(
    path: &Path,
    target: &Target,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let template = load(path)?;
    let via = target.via()?.ok_or("say where the device is: --address or --serial")?;
    let device = ModbusDevice::new(target.unit, &template)?;
    let mut device = device.ok_or("the template has no [modbus]; there is nothing to ask")?;
    let mut line = Line::new(via);
    let points = read_all(&mut device, &mut line, &template).await;
    for (index, decoded) in &points {
        if let Some(point) = template.points.get(*index) {
            read::print_point(point, point.id.as_str(), decoded, (is_json, &mut *out))?;
        }
    }
    let findings = examine::examine(&template, &points);
    print_findings(template.device.id.as_str(), &findings, is_json, out)?;
    let has_fault = findings.iter().any(|it| it.is_fault);
    Ok(if has_fault { Outcome::NeedsAttention } else { Outcome::Ran })
}

/// One turn of every group.
pub(super) async fn read_all(
    device: &mut ModbusDevice,
    line: &mut Line,
    template: &DeviceTemplate,
) -> Vec<(usize, Decoded)> {
    let mut points = Vec::new();
    for group in 0..device.groups().len() {
        points.extend(device.take_turn(line, template, group).await.points);
    }
    points.sort_by_key(|(index, _)| *index);
    points
}

pub(super) fn print_findings(
    of: &str,
    findings: &[Finding],
    is_json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    for finding in findings {
        let Finding { is_fault, about, what } = finding;
        if is_json {
            let line = json!({
                "type": "finding", "of": of, "is_fault": is_fault, "about": about, "what": what,
            });
            writeln!(out, "{line}")?;
        } else {
            let mark = if *is_fault { "fault" } else { "ok   " };
            writeln!(out, "{mark} {of}: {about}: {what}")?;
        }
    }
    Ok(())
}
