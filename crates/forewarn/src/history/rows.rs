//! Rows of a foreign table, each good or reported; one broken row costs no other.
//!
//! A quote that is opened and never closed would swallow the rest of the file: whatever does not end
//! as a whole row is reported at its first line, and reading goes on with the next line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use crate::output::Failure;

/// A table with its header.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Result<Row, BadRow>>,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    /// Line of the (unpacked) file on which it begins; the header is line 1.
    pub(crate) line: usize,
    pub(crate) cells: Vec<String>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadRow {
    pub(crate) line: usize,
    pub(crate) column: Option<String>,
    pub(crate) reason: String,
    pub(crate) remedy: String,
}

impl BadRow {
    pub(crate) fn json(&self) -> Value {
        json!({
            "type": "bad_row",
            "line": self.line,
            "column": self.column,
            "reason": self.reason,
            "remedy": self.remedy,
        })
    }

    pub(crate) fn text(&self) -> String {
        let column = self.column.as_ref().map(|it| format!(", column {it}")).unwrap_or_default();
        format!("line {}{column}: {}; {}", self.line, self.reason, self.remedy)
    }
}

/// Reads a table, also a packed one (`.gz`).
pub(crate) fn read(path: &Path, separator: char) -> Result<Table, Failure> {
    let bytes = bytes_of(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(format!("{} is UTF-16; save it as UTF-8", path.display()).into());
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(&bytes);
    let separator = u8::try_from(separator)?;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|it| *it == b'\n').collect();
    let Some((first, rest)) = lines.split_first() else {
        return Err(format!("{} is empty", path.display()).into());
    };
    let header = cells(first, separator)
        .ok_or_else(|| format!("{}: line 1 is no header of UTF-8 cells", path.display()))?;
    let header: Vec<String> = header.into_iter().map(|it| it.trim().to_owned()).collect();
    let rows = rows(rest, &header, separator);
    Ok(Table { header, rows })
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked)?;
        return Ok(unpacked);
    }
    Ok(bytes)
}

fn rows(lines: &[&[u8]], header: &[String], separator: u8) -> Vec<Result<Row, BadRow>> {
    let mut rows = Vec::new();
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        // The header was line 1.
        let line = at + 2;
        if first.iter().all(u8::is_ascii_whitespace) {
            at += 1;
            continue;
        }
        let (row, taken) = row_at(lines.get(at..).unwrap_or_default(), header, separator);
        rows.push(match row {
            Ok(cells) => Ok(Row { line, cells }),
            Err((column, reason, remedy)) => Err(BadRow { line, column, reason, remedy }),
        });
        at += taken;
    }
    rows
}

type Refusal = (Option<String>, String, String);

/// The row that begins here and how many lines it takes; a broken one takes one.
fn row_at(
    lines: &[&[u8]],
    header: &[String],
    separator: u8,
) -> (Result<Vec<String>, Refusal>, usize) {
    let mut whole = Vec::new();
    let mut quotes = 0;
    for (taken, line) in lines.iter().take(LINES_MAX).enumerate() {
        whole.extend_from_slice(line);
        quotes += line.iter().filter(|it| **it == b'"').count();
        if quotes % 2 == 1 {
            continue;
        }
        return match checked(&whole, header, separator) {
            Ok(cells) => (Ok(cells), taken + 1),
            Err(refusal) => (Err(refusal), 1),
        };
    }
    let refusal = (
        None,
        "a quote is opened and not closed".to_owned(),
        "write every quote inside a quoted cell twice (\"\")".to_owned(),
    );
    (Err(refusal), 1)
}

fn checked(bytes: &[u8], header: &[String], separator: u8) -> Result<Vec<String>, Refusal> {
    let named = |place: usize| header.get(place).cloned();
    let Some(cells) = cells(bytes, separator) else {
        // Which cell it is can still be told.
        let lossy = String::from_utf8_lossy(bytes);
        let cells = cells(lossy.as_bytes(), separator).unwrap_or_default();
        let column = cells.iter().position(|it| it.contains(char::REPLACEMENT_CHARACTER));
        let reason = "a cell holds bytes that are not UTF-8".to_owned();
        return Err((column.and_then(named), reason, "save the file as UTF-8".to_owned()));
    };
    if cells.len() != header.len() {
        let reason = format!("{} cells where the header has {}", cells.len(), header.len());
        let remedy = "quote cells that hold the separator, a quote or a line break".to_owned();
        return Err((None, reason, remedy));
    }
    for (place, cell) in cells.iter().enumerate() {
        if let Some((reason, remedy)) = damage(cell) {
            return Err((named(place), reason.to_owned(), remedy.to_owned()));
        }
    }
    Ok(cells)
}

/// Traces of a bad export that would end up as words of a technician.
fn damage(cell: &str) -> Option<(&'static str, &'static str)> {
    if cell.contains('\\') && cell.contains('"') {
        return Some((
            "the text holds both a backslash and a quote: the export mixed two ways of quoting, and \
             letters may be lost",
            "export again with quotes written twice (\"\"), or mend this cell",
        ));
    }
    if cell.contains(char::REPLACEMENT_CHARACTER) {
        return Some((
            "a letter was lost in an earlier conversion (U+FFFD)",
            "export again as UTF-8, or mend this cell",
        ));
    }
    if cell.chars().any(|it| it.is_control() && !it.is_whitespace()) {
        return Some(("the text holds control characters", "remove them"));
    }
    None
}

fn cells(bytes: &[u8], separator: u8) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let is_read = reader.read_record(&mut record).ok()?;
    is_read.then(|| record.iter().map(str::to_owned).collect())
}

/// Longest row in lines.
const LINES_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8]) -> Table {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        read(file.path(), ',').expect("a table")
    }

    fn lines(table: &Table) -> (Vec<usize>, Vec<usize>) {
        let good = table.rows.iter().flatten().map(|it| it.line).collect();
        let bad = table.rows.iter().filter_map(|it| it.as_ref().err()).map(|it| it.line).collect();
        (good, bad)
    }

    #[test]
    fn an_open_quote_costs_its_own_row_only() {
        let table =
            table(b"id,text\n1,\"two\nlines\"\n2,\"open\n3,fine\n4,a,b\n5,\"x \"\"y\"\"\"\n");
        assert_eq!(lines(&table), (vec![2, 5, 7], vec![4, 6]));
        let last = table.rows.last().expect("a row").as_ref().expect("good");
        assert_eq!(last.cells, ["5", "x \"y\""]);
    }

    #[test]
    fn damage_is_told_with_line_and_column() {
        let table =
            table(b"\xef\xbb\xbfid,text\r\n1,caf\xe9\r\n2,\"the \\A\\\"\" line\"\r\n3,ok\r\n");
        assert_eq!(lines(&table), (vec![4], vec![2, 3]));
        for bad in table.rows.iter().filter_map(|it| it.as_ref().err()) {
            assert_eq!(bad.column.as_deref(), Some("text"), "{}", bad.text());
            assert!(!bad.remedy.is_empty());
        }
    }

    #[test]
    fn a_packed_file_reads_like_a_plain_one_and_utf16_is_refused() {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"id,text\n1,x\n").expect("packed");
        let table = table(&packed.finish().expect("packed"));
        assert_eq!((table.header.len(), table.rows.len()), (2, 1));
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), b"\xff\xfei\0d\0").expect("written");
        let error = read(file.path(), ',').expect_err("utf-16").to_string();
        assert!(error.contains("save it as UTF-8"), "{error}");
    }
}
