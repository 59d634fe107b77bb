//! Small tables of a folder, row by row, by the names of their columns.

use std::io;
use std::path::Path;

use forewarn_domain::time::Time;
use indicatif::ProgressBar;

use crate::recording::{self, RecordingError};

/// The wanted cells of every row, in the order in which the columns were named, with the line.
pub(super) struct Cells {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

/// Reads the named columns of a table; `None` where the folder has no such file.
pub(super) fn read(path: &Path, columns: &[&str]) -> Result<Option<Vec<Cells>>, RecordingError> {
    let reader = match recording::open(path, &ProgressBar::hidden()) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(recording::unreadable(path, source)),
    };
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = rows.headers().map_err(|source| recording::broken(path, 1, source))?.clone();
    let mut places = Vec::new();
    for column in columns {
        let place = header.iter().position(|it| it.trim() == *column);
        places.push(place.ok_or_else(|| RecordingError::NoColumn {
            path: path.to_owned(),
            column: (*column).to_owned(),
            known: header.iter().map(str::to_owned).collect(),
        })?);
    }
    let mut read = Vec::new();
    for (row, line) in rows.into_records().zip(2_u64..) {
        let row = row.map_err(|source| recording::broken(path, line, source))?;
        let cell = |place: &usize| row.get(*place).unwrap_or_default().trim().to_owned();
        read.push(Cells { line, cells: places.iter().map(cell).collect() });
    }
    Ok(Some(read))
}

/// The time in a cell.
pub(super) fn time(path: &Path, line: u64, cell: &str) -> Result<Time, RecordingError> {
    recording::parse_time(cell, None).ok_or_else(|| RecordingError::NoTime {
        path: path.to_owned(),
        line,
        text: cell.to_owned(),
    })
}
