//! A folder of recordings with what a reference decoder found in them, compared line by line.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::exchanges::{Exchange, exchanges};
use super::pcap::packets;

/// One recording.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) exchanges: Vec<Exchange>,
    /// Lines that differ from the reference; `None` without one.
    pub(crate) differing: Option<usize>,
}

/// Reads every recording of a folder and those below it; gives also what could not be read, and why.
pub(crate) fn read(folder: &Path) -> Result<(Vec<Capture>, Vec<String>), String> {
    let (mut captures, mut unreadable) = (Vec::new(), Vec::new());
    for path in &files(folder, 0)? {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let endings = [".pcap.gz", ".pcapng.gz", ".pcap", ".pcapng", ".cap.gz", ".cap"];
        let Some(name) = endings.iter().find_map(|it| file.strip_suffix(it)) else { continue };
        match read_one(path.parent().unwrap_or(folder), path, name) {
            Ok(capture) => captures.push(capture),
            Err(why) => unreadable.push(format!("{}: {why}", path.display())),
        }
    }
    if captures.is_empty() {
        return Err(format!("`{}` holds no recording (*.pcap.gz)", folder.display()));
    }
    Ok((captures, unreadable))
}

fn files(folder: &Path, depth: u8) -> Result<Vec<PathBuf>, String> {
    let refused = |it: std::io::Error| format!("`{}`: {it}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            found.extend(files(&path, depth + 1)?);
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_one(folder: &Path, path: &Path, name: &str) -> Result<Capture, String> {
    let exchanges = exchanges(&packets(&unpacked(path)?)?);
    let reference = ["expected.jsonl.gz", "expected.jsonl"]
        .iter()
        .map(|ending| folder.join(format!("{name}.{ending}")))
        .find(|it| it.try_exists().is_ok_and(|is_there| is_there));
    let differing = match reference {
        None => None,
        Some(path) => Some(differing(&exchanges, &unpacked(&path)?)?),
    };
    Ok(Capture { name: name.to_owned(), exchanges, differing })
}

fn unpacked(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = fs::read(path).map_err(|it| it.to_string())?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(UNPACKED_MAX)
        .read_to_end(&mut unpacked)
        .map_err(|it| it.to_string())?;
    Ok(unpacked)
}

/// How many lines of ours and of the reference have no equal on the other side. Questions of one
/// moment stand in no order, so both sides are sorted by everything that names them.
fn differing(exchanges: &[Exchange], reference: &[u8]) -> Result<usize, String> {
    let text = String::from_utf8_lossy(reference);
    let mut theirs = Vec::new();
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        theirs.push(comparable(serde_json::from_str(line).map_err(|it| it.to_string())?));
    }
    let mut ours: Vec<Value> = exchanges.iter().map(Exchange::line).collect();
    let key = |it: &Value| {
        let number = |name: &str| it[name].as_i64().unwrap_or(-1);
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        (number("t_us"), text("client"), text("server"), number("tid"), text("req"))
    };
    ours.sort_by_cached_key(key);
    theirs.sort_by_cached_key(key);
    let alike = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours == theirs).count();
    Ok(ours.len().max(theirs.len()) - alike)
}

/// The reference writes seconds with six digits; ours are whole microseconds.
fn comparable(mut line: Value) -> Value {
    if let Some(line) = line.as_object_mut()
        && let Some(t) = line.remove("t").and_then(|it| it.as_f64())
    {
        #[expect(clippy::cast_possible_truncation, reason = "a recording lasts less than a year")]
        let t_us = (t * 1e6).round() as i64;
        line.insert("t_us".to_owned(), t_us.into());
    }
    line
}

/// More than any recording that is worth serving.
const UNPACKED_MAX: u64 = 2 << 30;

/// Recordings lie in the folder or in one for each source below it.
const DEPTH_MAX: u8 = 3;
