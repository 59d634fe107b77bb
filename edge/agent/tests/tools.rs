//! The commands of `forewarn-edge` as a person or a script meets them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "peers/process.rs"]
#[expect(dead_code, reason = "the broker is another test's")]
mod process;

use std::path::Path;
use std::process::{Command, Output};

use process::{Script, python};
use serde_json::Value;

fn edge(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forewarn-edge")).args(words).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|it| serde_json::from_str(it).expect(it)).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn template(name: &str) -> String {
    format!("{}/../../config/devices/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_known_value_names_type_order_scale_and_base() {
    // 49.98 as a single with the low word first, between two other registers.
    let words = ["decode", "--known", "50.0", "--words", "0007 eb85 4247 0001", "--at", "hr:3108"];
    let found = edge(&[&words[..], &["--documented", "3110", "--json"]].concat());
    assert_eq!(found.status.code(), Some(0), "{}", text(&found));
    let first = &lines(&found)[0];
    assert_eq!(
        (&first["at"], &first["encoding"], &first["byte_order"], &first["address_base"]),
        (&"hr:3109".into(), &"f32".into(), &"CDAB".into(), &"reg1".into())
    );
    let none = edge(&["decode", "--known", "777", "--words", "0001 0002"]);
    assert_eq!(none.status.code(), Some(4), "{}", text(&none));
    assert!(text(&none).contains("nothing in 0001 0002 shows 777"), "{}", text(&none));
    let wrong = edge(&["decode", "--known", "1", "--words", "12"]);
    assert_eq!(wrong.status.code(), Some(1));
}

#[test]
fn a_misspelt_key_is_refused_with_its_line_and_the_word_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(template("delta-vfd")).unwrap();
    let check = |name: &str, from: &str, to: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let output = edge(&["template", "check", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(4), "{}", text(&output));
        text(&output)
    };
    let key = check("key.toml", "max_registers =", "max_register =");
    assert!(
        key.contains("line 20, column 1") && key.contains("did you mean `max_registers`?"),
        "{key}"
    );
    let word = check("word.toml", "\"electrical.current\"", "\"electrical.curent\"");
    assert!(word.contains("did you mean `electrical.current`?"), "{word}");
    let group = check("group.toml", "group    = \"process\"", "group    = \"proces\"");
    assert!(
        group.contains("line ") && group.contains("`proces`, which is not declared"),
        "{group}"
    );
    let burst = "[[point]]\nid       = \"error\"";
    let queue = "[[waveform]]\nid = 'burst'\nsource = { modbus_fifo = 'hr:1' }\nsamples = { type = \
         'u16', layout = 'single', axes = ['z'], unit = 'g' }\n";
    let queue = check("queue.toml", burst, &format!("{queue}{burst}"));
    assert!(queue.contains("`hr:1` is none; write hr:1000-5095 or fifo:0"), "{queue}");
    let far = check("far.toml", "\"hr:8448\"", "\"hr:84480\"");
    assert!(far.contains("line 29: point `error`: address hr:84480 does not fit"), "{far}");
    let long = check("long.toml", "max_registers = 8", "max_registers = 800");
    assert!(long.contains("`max_registers` must be 1 to 125"), "{long}");
    let output = edge(&["template", "check", &template("delta-vfd"), "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(&output)[0]["requests"], 1);
}

#[test]
fn a_table_of_registers_becomes_a_template_that_loads() {
    let name = "a_table_of_registers_becomes_a_template_that_loads";
    let shared = std::env::var_os("FOREWARN_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), Into::into);
    let table = shared.join("data/register_maps/banner_qm30vt2.csv");
    if !table.try_exists().unwrap() {
        process::skip(name, &table.display().to_string());
        return;
    }
    let words =
        ["template", "scaffold", "--id", "my-sensor", "--kind", "sensor.vibration", "--from"];
    let output = edge(&[&words[..], &[table.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let made = String::from_utf8(output.stdout).unwrap();
    assert!(made.contains("at       = \"hr:5201\"") && made.contains("scale    = 0.001"), "{made}");
    assert_eq!(made.matches("[[point]]").count(), 22);
}

#[test]
fn a_template_is_tried_on_a_device_and_the_self_tests_speak() {
    let name = "a_template_is_tried_on_a_device_and_the_self_tests_speak";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let address = format!("127.0.0.1:{}", plant.port);
    let tried = |file: &str, unit: &str| {
        let words = ["template", "test", file, "--address", &address, "--unit", unit, "--json"];
        edge(&words)
    };
    let sensor = tried(&template("banner-qm30vt2-all"), "2");
    let found = lines(&sensor);
    let readings = found.iter().filter(|it| it["type"] == "reading" && it["quality"] == "good");
    assert_eq!(readings.count(), 22, "{}", text(&sensor));
    let findings: Vec<&Value> = found.iter().filter(|it| it["type"] == "finding").collect();
    assert!(4 <= findings.len(), "{}", text(&sensor));
    // The same template on another device: its registers are not there.
    let other = tried(&template("banner-qm30vt2-all"), "80");
    assert_eq!(other.status.code(), Some(4), "{}", text(&other));
    let live =
        ["decode", "--known", "123.456", "--at", "hr:119", "--unit", "10", "--address", &address];
    let live = edge(&[&live[..], &["--count", "4", "--json"]].concat());
    assert_eq!(live.status.code(), Some(0), "{}", text(&live));
    assert_eq!(
        (&lines(&live)[0]["at"], &lines(&live)[0]["byte_order"]),
        (&"hr:120".into(), &"CDAB".into())
    );
    assert_eq!(plant.end(), "", "the simulator prints a line for each write");
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put(
        "site.toml",
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = { en = 'S' }\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'serial-1'\nvia = { rtu = { port = '/dev/no-such-port', baud = 9600, \
         parity = 'none', stop = 1 } }\n\
         [[link]]\nid = 'nobody'\nvia = { tcp = { address = '127.0.0.1:9' } }\n\
         [[device]]\nid = 'pump-1'\nname = { en = 'Pump' }\nclass = 'pump'\n\
         [[device.source]]\nid = 'drive'\ntemplate = 'delta-vfd'\nlink = 'serial-1'\nunit = 1\n\
         [[device.source]]\nid = 'meter'\ntemplate = 'eastron-sdm630'\nlink = 'nobody'\nunit = 2\n",
    );
    let templates = format!("{}/../../config/devices", env!("CARGO_MANIFEST_DIR"));
    put(
        "agent.toml",
        &format!(
            "agent = 'edge-1'\nsite_file = 'site.toml'\ntemplates = ['{templates}']\n\
             data_dir = 'data'\n[broker]\naddress = '127.0.0.1:9'\n"
        ),
    );
    let config = folder.path().join("agent.toml");
    let output = edge(&["doctor", "--config", config.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    let found = lines(&output);
    let about = |word: &str| {
        let is_it = |it: &&Value| it["about"].as_str().is_some_and(|it| it.contains(word));
        found.iter().find(is_it).unwrap_or_else(|| panic!("{word}: {}", text(&output)))
    };
    assert!(about("serial-1")["fault"].as_str().unwrap().contains("plugged in"));
    assert!(about("nobody")["fault"].is_string() && about("broker")["fault"].is_string());
    assert!(about("data folder")["fault"].is_null() && about("clock")["fault"].is_null());
}

#[test]
fn shells_learn_the_words() {
    for shell in ["bash", "zsh", "fish"] {
        let output = edge(&["completions", shell]);
        assert!(text(&output).contains("doctor"), "{shell}");
    }
}
