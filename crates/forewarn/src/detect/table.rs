//! Tables of signals: one file or a folder of files with the same columns, row by row.
//!
//! The order of a folder is the order of the first moments of its files. A cell that holds nothing
//! or NaN is missing, anything else that is no number is an error with its line.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use forewarn_domain::time::Time;
use indicatif::ProgressBar;

use super::Options;
use crate::recording::{self, parse_time};

/// One file of the series, opened.
pub(super) struct Table {
    path: PathBuf,
    rows: csv::Reader<Box<dyn Read>>,
    record: StringRecord,
    /// The line of the last row read.
    line: u64,
    time: usize,
    columns: Vec<usize>,
    pub(super) signals: Vec<String>,
    pub(super) missing: u64,
}

/// When a row was measured: as it is written, and as it is meant.
pub(super) struct Moment {
    pub(super) text: String,
    pub(super) t: Time,
}

impl Table {
    pub(super) fn open(
        path: &Path,
        options: &Options,
        bar: &ProgressBar,
    ) -> Result<Self, TableError> {
        let source = recording::open(path, bar)
            .map_err(|source| TableError::Unreadable { path: path.to_owned(), source })?;
        let separator = u8::try_from(options.separator)
            .map_err(|source| TableError::Separator { text: options.separator, source })?;
        let mut rows = csv::ReaderBuilder::new().delimiter(separator).from_reader(source);
        let head = rows.headers().map_err(|source| broken(path, 1, source))?.clone();
        let names: Vec<String> = head.iter().map(|it| it.trim().to_owned()).collect();
        let place = |name: &str| {
            names.iter().position(|it| it == name).ok_or_else(|| TableError::NoColumn {
                path: path.to_owned(),
                column: name.to_owned(),
                known: names.clone(),
            })
        };
        let time = place(&options.time_column)?;
        // One list serves several files, not all of which have every column that is to be ignored.
        let is_ignored = |name: &String| options.ignore_columns.iter().any(|it| it.trim() == name);
        let ignored: Vec<usize> = (0..names.len()).filter(|it| is_ignored(&names[*it])).collect();
        let columns: Vec<usize> =
            (0..names.len()).filter(|it| *it != time && !ignored.contains(it)).collect();
        if columns.is_empty() {
            return Err(TableError::NoSignal { path: path.to_owned(), known: names });
        }
        let signals = columns.iter().map(|it| names[*it].clone()).collect();
        let (path, record) = (path.to_owned(), StringRecord::new());
        Ok(Self { path, rows, record, line: 1, time, columns, signals, missing: 0 })
    }

    /// Reads the next row into `values`; `None` at the end.
    pub(super) fn next_row(&mut self, values: &mut Vec<f64>) -> Result<Option<Moment>, TableError> {
        self.line += 1;
        let line = self.line;
        let is_row = self.rows.read_record(&mut self.record);
        if !is_row.map_err(|source| broken(&self.path, line, source))? {
            return Ok(None);
        }
        values.clear();
        for (column, signal) in self.columns.iter().zip(&self.signals) {
            let cell = self.record.get(*column).unwrap_or_default().trim();
            let value = number(cell).ok_or_else(|| TableError::NoNumber {
                path: self.path.clone(),
                line,
                column: signal.clone(),
                text: cell.to_owned(),
            })?;
            self.missing += u64::from(!value.is_finite());
            values.push(value);
        }
        let text = self.record.get(self.time).unwrap_or_default().to_owned();
        let t = parse_time(text.trim(), None).ok_or_else(|| TableError::NoTime {
            path: self.path.clone(),
            line,
            text: text.clone(),
        })?;
        Ok(Some(Moment { text, t }))
    }
}

/// The files of the series in the order of time, each with the name it has in the result.
pub(super) fn files_of(options: &Options) -> Result<Vec<(String, PathBuf)>, TableError> {
    let Some(folder) = &options.stream else {
        return Ok(options.csv.iter().map(|it| (String::new(), it.clone())).collect());
    };
    let mut found = Vec::new();
    collect(folder, &mut found)?;
    found.extend(options.csv.iter().filter(|it| !it.starts_with(folder)).cloned());
    let mut dated = Vec::new();
    for path in found {
        let mut table = Table::open(&path, options, &ProgressBar::hidden())?;
        let first = table.next_row(&mut Vec::new())?;
        let base = if path.parent() == Some(folder.as_path()) {
            folder.parent()
        } else {
            Some(folder.as_path())
        };
        let name = base.and_then(|base| path.strip_prefix(base).ok()).unwrap_or(&path);
        dated.extend(first.map(|it| (it.t, name.display().to_string(), path.clone())));
    }
    if dated.is_empty() {
        return Err(TableError::NoFiles { folder: folder.clone() });
    }
    dated.sort();
    Ok(dated.into_iter().map(|(_, name, path)| (name, path)).collect())
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), TableError> {
    let unreadable = |source| TableError::Unreadable { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|it| it == "csv") {
            found.push(path);
        }
    }
    Ok(())
}

/// A number, NaN for a cell that says that there is none.
fn number(cell: &str) -> Option<f64> {
    if cell.is_empty() || ["nan", "null", "na", "n/a"].contains(&cell.to_ascii_lowercase().as_str())
    {
        return Some(f64::NAN);
    }
    cell.parse().ok()
}

fn broken(path: &Path, line: u64, source: csv::Error) -> TableError {
    TableError::Broken { path: path.to_owned(), line, source }
}

/// Why a table cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    #[error("{}, line {line}: not a row of the table; is the separator right?", path.display())]
    Broken { path: PathBuf, line: u64, source: csv::Error },
    #[error("{} has no column `{column}`; it has: {}; is the separator right?", path.display(), known.join(", "))]
    NoColumn { path: PathBuf, column: String, known: Vec<String> },
    #[error("{} holds no .csv file with rows", folder.display())]
    NoFiles { folder: PathBuf },
    #[error("{}, line {line}: `{text}` in column `{column}` is no number; leave the cell empty where nothing was measured, or name the column in --ignore-columns", path.display())]
    NoNumber { path: PathBuf, line: u64, column: String, text: String },
    #[error("{} has no column of signals besides time and what is ignored; it has: {}", path.display(), known.join(", "))]
    NoSignal { path: PathBuf, known: Vec<String> },
    #[error("{}, line {line}: `{text}` is no time; write it like 2026-01-31 12:00:00", path.display())]
    NoTime { path: PathBuf, line: u64, text: String },
    #[error("`{text}` cannot separate cells; use one ASCII character")]
    Separator { text: char, source: std::char::TryFromCharError },
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}
