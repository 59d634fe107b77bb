//! Real maintenance records through `forewarn history`: what is kept, and how well the past answers.
//!
//! Every figure comes from the command, on records that it has not seen: excavators are split by time
//! (before 2008 known, from 2008 asked), the logbook by a hash of the words (a quarter asked; no text
//! stands on both sides), failure modes by the publisher's own train and dev tables and, since those
//! are 62 rows, by five hash parts of both. Any folder of the same layout will do.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use forewarn_domain::time::Time;
use forewarn_tests::{own_program, root, shared, skipped};
use serde_json::Value;

/// One table with its map and the columns by which answers are judged.
struct Set {
    map: &'static str,
    text: &'static str,
    part: &'static str,
    failure_mode: &'static str,
}

const EXCAVATORS: Set =
    Set { map: "excavators", text: "OriginalShorttext", part: "Part", failure_mode: "FM" };
const AVIATION: Set =
    Set { map: "aviation", text: "problem", part: "part", failure_mode: "tagged_problem" };
const MODES: Set = Set {
    map: "failure-modes",
    text: "observation",
    part: "",
    failure_mode: "iso14224_failure_mode",
};

/// A table in memory.
#[derive(Clone)]
struct Table {
    header: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

#[derive(Debug, Default)]
struct Score {
    parts: usize,
    part_first: usize,
    part_in_five: usize,
    modes: usize,
    mode_first: usize,
}

#[test]
fn every_row_of_the_mended_table_is_kept_and_a_second_import_adds_none() {
    let Some(data) = data("the mended table") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = data.join("excavators.csv");
    let rows = Table::read(&file).rows.len();
    for (new, known) in [(rows, 0), (0, rows)] {
        let (code, lines) = import(&EXCAVATORS, &file, &folder.path().join("records.db"));
        let sum = lines.last().unwrap();
        assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
        assert_eq!((&sum["rows"], &sum["kept"]), (&rows.into(), &rows.into()));
        assert_eq!((&sum["new"], &sum["known"]), (&new.into(), &known.into()));
    }
}

#[test]
fn every_broken_row_of_the_published_table_is_told_and_the_others_are_kept() {
    let Some(data) = data("the published table") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = data.join("excavators-as-published.csv.gz");
    let (code, lines) = import(&EXCAVATORS, &file, &folder.path().join("records.db"));
    let (sum, told) = lines.split_last().unwrap();
    // Broken are the rows with a backslash quote, and those whose last cell is no number.
    let plain = Command::new("gzip").args(["-dc"]).arg(&file).output().unwrap().stdout;
    let plain = String::from_utf8(plain).unwrap();
    let is_number = |it: &str| it.trim().parse::<f64>().is_ok();
    let broken: Vec<u64> = (1..)
        .zip(plain.lines())
        .skip(1)
        .filter(|(_, it)| it.contains('\\') || !it.rsplit(',').next().is_some_and(is_number))
        .map(|it| it.0)
        .collect();
    let lines: Vec<u64> = told.iter().map(|it| it["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, broken);
    assert_eq!(code, 3, "it ran in part");
    assert_eq!(sum["kept"].as_u64().unwrap() + sum["bad"].as_u64().unwrap(), sum["rows"]);
    for bad in told {
        assert!(bad["column"].is_string() && bad["remedy"].is_string(), "{bad}");
    }
    println!("published table: {} rows, {} kept, {} told", sum["rows"], sum["kept"], broken.len());
}

#[test]
fn the_past_answers_for_machines_and_words_that_it_has_not_seen() {
    let Some(data) = data("answers of the past") else { return };
    println!("set            asked  part@1  part@5 |  asked  failure mode");
    let table = Table::read(&data.join("excavators.csv"));
    let day = table.column("BscStartDate");
    let excavators = judged(&EXCAVATORS, &table, |row| "2008-01-01" <= &row[day]);
    excavators.print("excavators");
    let table = Table::read(&data.join("aviation_logbook.csv"));
    let text = table.column(AVIATION.text);
    let aviation = judged(&AVIATION, &table, |row| hash(&row[text]).is_multiple_of(4));
    aviation.print("aviation");
    let train = Table::read(&data.join("failure_mode_train.csv"));
    let dev = Table::read(&data.join("failure_mode_dev.csv"));
    let published = answered(&MODES, &train, &dev);
    published.print("modes dev");
    let mut all = train;
    all.rows.extend(dev.rows);
    let text = all.column(MODES.text);
    let mut crossed = Score::default();
    for part in 0..5 {
        crossed.add(&judged(&MODES, &all, |row| hash(&row[text]) % 5 == part));
    }
    crossed.print("modes 5 parts");
    assert!(0.83 <= excavators.part_in_five(), "{excavators:?}");
    assert!(0.90 <= excavators.failure_mode(), "{excavators:?}");
    assert!(0.80 <= aviation.part_in_five(), "{aviation:?}");
    assert!(0.77 <= crossed.failure_mode(), "{crossed:?}");
}

#[test]
fn repeats_on_the_same_machine_and_part_within_90_days_are_listed_exactly() {
    let Some(data) = data("repeats") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = data.join("excavators.csv");
    let table = Table::read(&file);
    let db = folder.path().join("records.db");
    import(&EXCAVATORS, &file, &db);
    let [id, day, device, part] =
        ["work_order", "BscStartDate", "Asset", "Part"].map(|it| table.column(it));
    // Questions of one year keep the test short; the whole table is their past and their future.
    let asked = table.part(|row| row[day].starts_with("2006") && !row[part].is_empty());
    let mut repeats = 0;
    for (row, answer) in asked.rows.iter().zip(ask(&EXCAVATORS, &asked, &db, folder.path())) {
        let mut expected: Vec<&str> = table
            .rows
            .iter()
            .filter(|it| it[device] == row[device] && it[part] == row[part] && it[id] != row[id])
            .filter(|it| (0..=90).contains(&(days(&row[day]) - days(&it[day]))))
            .map(|it| &it[id])
            .collect();
        let listed = answer["same_device_part_90d"].as_array().unwrap();
        let mut listed: Vec<&str> = listed.iter().map(|it| it["id"].as_str().unwrap()).collect();
        expected.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, expected, "{row:?}");
        repeats += usize::from(!expected.is_empty());
        for case in answer["cases"].as_array().unwrap() {
            assert_ne!(case["id"].as_str(), Some(&row[id]), "its own record is no answer");
            assert!(days(&case["at"].as_str().unwrap()[..10]) <= days(&row[day]), "{case}");
        }
    }
    assert!(100 <= repeats, "{repeats} repeats among {}", asked.rows.len());
}

impl Table {
    fn read(file: &Path) -> Self {
        let mut reader = csv::Reader::from_path(file).unwrap();
        let header = reader.headers().unwrap().clone();
        Self { header, rows: reader.records().map(Result::unwrap).collect() }
    }

    fn write(&self, file: &Path, without: &[&str]) {
        let mut writer = csv::Writer::from_path(file).unwrap();
        let kept: Vec<usize> =
            (0..self.header.len()).filter(|it| !without.contains(&&self.header[*it])).collect();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            writer.write_record(kept.iter().map(|it| &row[*it])).unwrap();
        }
        writer.flush().unwrap();
    }

    fn column(&self, name: &str) -> usize {
        self.header.iter().position(|it| it == name).unwrap()
    }

    fn part(&self, is_in: impl Fn(&csv::StringRecord) -> bool) -> Self {
        let rows = self.rows.iter().filter(|it| is_in(it)).cloned().collect();
        Self { header: self.header.clone(), rows }
    }
}

impl Score {
    fn add(&mut self, other: &Self) {
        self.parts += other.parts;
        self.part_first += other.part_first;
        self.part_in_five += other.part_in_five;
        self.modes += other.modes;
        self.mode_first += other.mode_first;
    }

    fn part_in_five(&self) -> f64 {
        ratio(self.part_in_five, self.parts)
    }

    fn failure_mode(&self) -> f64 {
        ratio(self.mode_first, self.modes)
    }

    fn print(&self, name: &str) {
        println!(
            "{name:14} {:5}  {:.3}   {:.3} |  {:5}  {:.3}",
            self.parts,
            ratio(self.part_first, self.parts),
            self.part_in_five(),
            self.modes,
            self.failure_mode()
        );
    }
}

/// Asks for the rows that `is_asked` picks, and knows the others.
fn judged(set: &Set, table: &Table, is_asked: impl Fn(&csv::StringRecord) -> bool) -> Score {
    answered(set, &table.part(|row| !is_asked(row)), &table.part(&is_asked))
}

fn answered(set: &Set, known: &Table, asked: &Table) -> Score {
    let folder = tempfile::tempdir().unwrap();
    let (file, db) = (folder.path().join("known.csv"), folder.path().join("records.db"));
    known.write(&file, &[]);
    import(set, &file, &db);
    let labels: BTreeMap<&str, usize> =
        (0..asked.header.len()).map(|it| (&asked.header[it], it)).collect();
    let mut score = Score::default();
    for (row, answer) in asked.rows.iter().zip(ask(set, asked, &db, folder.path())) {
        let said =
            |column: &str| labels.get(column).map(|it| &row[*it]).filter(|it| !it.is_empty());
        if let Some(part) = said(set.part) {
            let cases = answer["cases"].as_array().unwrap();
            assert!(cases.len() <= 5);
            score.parts += 1;
            score.part_first += usize::from(answer["part"] == part);
            score.part_in_five += usize::from(cases.iter().any(|it| it["part"] == part));
        }
        if let Some(mode) = said(set.failure_mode) {
            score.modes += 1;
            score.mode_first += usize::from(answer["failure_mode"] == mode);
        }
    }
    score
}

/// One answer for each row; the labels are not in the questions (but for the list of repeats).
fn ask(set: &Set, asked: &Table, db: &Path, folder: &Path) -> Vec<Value> {
    let file = folder.join("asked.csv");
    asked.write(&file, &[set.failure_mode]);
    let (code, lines) = run(&[
        "similar".as_ref(),
        "--db".as_ref(),
        db.as_os_str(),
        "--query".as_ref(),
        file.as_os_str(),
        "--map".as_ref(),
        map(set).as_os_str(),
    ]);
    assert_eq!((code, lines.len()), (0, asked.rows.len()));
    lines
}

fn import(set: &Set, file: &Path, db: &Path) -> (i32, Vec<Value>) {
    run(&[
        "import".as_ref(),
        "--csv".as_ref(),
        file.as_os_str(),
        "--map".as_ref(),
        map(set).as_os_str(),
        "--db".as_ref(),
        db.as_os_str(),
    ])
}

fn run(args: &[&std::ffi::OsStr]) -> (i32, Vec<Value>) {
    let mut command = Command::new(own_program("forewarn"));
    let output = command.arg("history").args(args).arg("--json").output().unwrap();
    let code = output.status.code().unwrap();
    assert!([0, 3].contains(&code), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    (code, text.lines().map(|it| serde_json::from_str(it).unwrap()).collect())
}

fn map(set: &Set) -> PathBuf {
    root().join(format!("config/examples/history/{}.toml", set.map))
}

fn data(test: &str) -> Option<PathBuf> {
    let folder = shared().join("data/mwo");
    if !folder.is_dir() {
        skipped(test, "data", "the maintenance records in data/mwo");
        return None;
    }
    Some(folder)
}

/// FNV-1a: the same split everywhere.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    hash >> 7
}

/// Days since 1970 of a date `2006-05-31`.
fn days(date: &str) -> i64 {
    let midnight: Time = format!("{date}T00:00:00Z").parse().unwrap();
    midnight.micros() / 86_400_000_000
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
