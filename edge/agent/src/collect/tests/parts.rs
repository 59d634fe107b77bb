//! Parts of a recorded mill: 18 runs of one part on a CNC machine, ten readings a second.

use std::io::Read as _;

use forewarn_domain::site::operation::{EndedBy, OperationRecord};

use super::*;
use crate::collect::machine::Machines;

fn mill() -> Arc<Plant> {
    let template: DeviceTemplate = toml::from_str(
        "schema = 'forewarn.device/1'\n[device]\nid = 'mill'\nvendor = 'v'\nmodel = 'm'\n\
         kind = 'machine.cnc'\ntitle = { en = 'Mill' }\nevidence = 'one-source'\nsources = ['s']\n\
         [[point]]\nid = 'process'\nat = 'json:/Machining_Process'\ntype = 'text'\n\
         quantity = 'context'\n\
         [[point]]\nid = 'program'\nat = 'json:/M1_CURRENT_PROGRAM_NUMBER'\ntype = 'number'\n\
         quantity = 'context'\n",
    )
    .unwrap();
    let site: SiteFile = toml::from_str(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = { en = 'S' }\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'broker'\nvia = { mqtt = { broker = '127.0.0.1:1883' } }\n\
         [[device]]\nid = 'mill'\nname = { en = 'Mill' }\nclass = 'cnc-mill'\n\
         [device.operation]\nsource = 'cnc'\ncontext = ['process']\n\
         cycle = 'process != \"End\" && process != \"end\"'\n\
         [[device.source]]\nid = 'cnc'\ntemplate = 'mill'\nlink = 'broker'\n",
    )
    .unwrap();
    Arc::new(Plant::new(site, vec![template]).unwrap())
}

#[test]
fn recorded_runs_fall_into_their_parts_and_processes() {
    let Some(runs) = runs() else { return };
    let mut parts = 0;
    for (run, processes) in &runs {
        let end = processes.iter().position(|it| it.eq_ignore_ascii_case("end")).unwrap();
        assert_eq!(records(&processes[..end]), [], "{run}, broken off before its end");
        let records = records(processes);
        let [part] = records.as_slice() else { panic!("{run}: {} records", records.len()) };
        parts += 1;
        assert_eq!((part.ended_by, part.ended_ms), (EndedBy::CycleStop, t(end).micros() / 1_000));
        let mut wanted: Vec<(i64, &str)> = Vec::new();
        for (row, process) in processes[..end].iter().enumerate() {
            if wanted.last().is_none_or(|(_, last)| last != process) {
                wanted.push((t(row).micros() / 1_000, process));
            }
        }
        let found: Vec<(i64, &str)> =
            part.segments.iter().map(|it| (it.began_ms, it.context["process"].as_str())).collect();
        assert_eq!(found, wanted, "{run}");
        assert!(part.segments.windows(2).all(|it| it[0].ended_ms == it[1].began_ms), "{run}");
    }
    assert!(10 <= parts, "{parts} runs were looked at");
}

/// Ten rows a second.
fn t(row: usize) -> Time {
    T + forewarn_domain::time::Span::from_millis(100 * i64::try_from(row).unwrap())
}

/// What an agent makes of a run.
fn records(processes: &[String]) -> Vec<OperationRecord> {
    let plant = mill();
    let mut machines = Machines::new(&plant);
    let mut records: Vec<OperationRecord> = Vec::new();
    for (row, process) in processes.iter().enumerate() {
        let measured = Measured {
            channel: "mill/cnc/process".parse().unwrap(),
            t: t(row),
            value: Value::Text(process.clone()),
            quality: Quality::Good,
        };
        machines.follow(&measured);
        if let Some(record) = machines.follow_parts(&measured) {
            assert_eq!(record.channel.as_str(), "mill/cnc/operation");
            let Value::Text(text) = record.value else { panic!("not a text") };
            records.push(serde_json::from_str(&text).unwrap());
        }
    }
    records
}

/// Each run's processes, row by row.
fn runs() -> Option<Vec<(String, Vec<String>)>> {
    let shared = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || format!("{}/../../../shared", env!("CARGO_MANIFEST_DIR")).into(),
        std::path::PathBuf::from,
    );
    let folder = shared.join("data/cnc_milling_umich");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        let is_required = std::env::var("FOREWARN_REQUIRE").is_ok_and(|it| it.contains("data"));
        assert!(!is_required, "{} is missing", folder.display());
        report(
            "SKIPPED recorded_runs_fall_into_their_parts_and_processes: needs data/cnc_milling_umich",
        );
        return None;
    };
    let mut runs = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".csv.gz") {
            continue;
        }
        let mut text = String::new();
        let file = std::fs::File::open(&path).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        let mut lines = text.lines();
        let column =
            |name: &str, header: &str| header.split(',').position(|it| it == name).unwrap();
        let place = column("Machining_Process", lines.next().unwrap());
        let processes = lines.map(|it| it.split(',').nth(place).unwrap().to_owned()).collect();
        runs.push((name, processes));
    }
    runs.sort();
    Some(runs)
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn report(line: &str) {
    println!("{line}");
}
