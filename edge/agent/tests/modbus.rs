//! The Modbus source against pymodbus: other people's framing, exceptions, delays and faults.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "peers/process.rs"]
#[expect(dead_code, reason = "the broker is another test's")]
mod process;

use std::time::{Duration, Instant};

use forewarn_agent::decode::{Decoded, Value};
use forewarn_agent::source::modbus::line::{Answer, Ask, Line};
use forewarn_agent::source::modbus::{ModbusDevice, Turn};
use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::site::Transport;
use forewarn_domain::template::{DeviceTemplate, Parity, Table};

use process::{Script, python};

/// A device with its line and its template.
struct Asked {
    device: ModbusDevice,
    line: Line,
    template: DeviceTemplate,
}

impl Asked {
    fn new(port: u16, unit: u8, template: DeviceTemplate) -> Self {
        let via = Transport::Tcp { address: format!("127.0.0.1:{port}") };
        Self::over(via, unit, template)
    }

    fn over(via: Transport, unit: u8, template: DeviceTemplate) -> Self {
        let device = ModbusDevice::new(unit, &template).unwrap().unwrap();
        Self { device, line: Line::new(via), template }
    }

    async fn turn(&mut self, group: usize) -> Turn {
        self.device.take_turn(&mut self.line, &self.template, group).await
    }

    fn named(&self, turn: &Turn) -> Vec<(String, Value, Quality)> {
        let name = |(index, decoded): &(usize, Decoded)| {
            let id = self.template.points[*index].id.to_string();
            (id, decoded.value.clone(), decoded.quality)
        };
        turn.points.iter().map(name).collect()
    }
}

fn golden(name: &str) -> DeviceTemplate {
    let path = format!("{}/../../config/devices/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn template(modbus: &str, points: &[(&str, &str)]) -> DeviceTemplate {
    let mut text = format!(
        "schema = 'forewarn.device/1'\n[device]\nid = 't'\nvendor = 'v'\nmodel = 'm'\nkind = 'plc'\n\
         title = {{ en = 'T', zh = 'T' }}\nevidence = 'unverified'\nsources = ['a test']\n\
         [modbus]\n{modbus}\n"
    );
    for (at, kind) in points {
        let id = at.replace(':', "-");
        let lines = ["[[point]]", &format!("id = '{id}'"), &format!("at = '{at}'")];
        let more = [&format!("type = '{kind}'"), "quantity = 'force'", ""];
        text.push_str(&[lines, more].concat().join(
            "
",
        ));
    }
    toml::from_str(&text).unwrap()
}

fn number(id: &str, value: f64) -> (String, Value, Quality) {
    (id.to_owned(), Value::Number(value), Quality::Good)
}

fn bad(id: &str, why: Bad) -> (String, Value, Quality) {
    (id.to_owned(), Value::Number(0.0), Quality::Bad(why))
}

#[tokio::test]
async fn a_press_is_read_in_every_type_and_order_and_never_written_to() {
    let name = "a_press_is_read_in_every_type_and_order_and_never_written_to";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let mut press = Asked::new(plant.port, 10, golden("press-plc"));
    let mut found = Vec::new();
    for group in 0..3 {
        let turn = press.turn(group).await;
        assert!(turn.errors.is_empty(), "{:?}", turn.errors);
        found.extend(press.named(&turn));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let text = ("model_text".to_owned(), Value::Text("PUMP-A7".to_owned()), Quality::Good);
    assert_eq!(
        found,
        [
            number("energy", 9_876.543_21),
            number("force", f64::from(123.456_f32)),
            number("guard_closed", 1.0),
            text,
            number("oil_temp", 21.5),
            number("running", 1.0),
            number("servo_err", -123_456.0),
            number("slide_pos", -0.2),
            number("status", 32_769.0),
            number("strokes", 4e9),
            number("total_ns", -1_234_567_890_123.0),
        ]
    );
    assert_eq!(plant.end(), "", "the simulator prints a line for each write");
}

/// mbpoll is a client of libmodbus: what it sees of a device, we see.
#[tokio::test]
async fn the_reference_client_sees_the_same_registers() {
    let name = "the_reference_client_sees_the_same_registers";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let mut line = Line::new(Transport::Tcp { address: format!("127.0.0.1:{}", plant.port) });
    for (unit, address, count) in [(10, 100, 14), (10, 160, 14), (2, 5_200, 22), (80, 52, 3)] {
        let port = plant.port.to_string();
        let (unit_text, address_text, count_text) =
            (format!("{unit}"), format!("{address}"), format!("{count}"));
        let seen = std::process::Command::new("mbpoll")
            .args([
                "-m", "tcp", "-o", "5", "-p", &port, "-0", "-1", "-a", &unit_text, "-t", "4:hex",
            ])
            .args(["-r", &address_text, "-c", &count_text, "127.0.0.1"])
            .output();
        let Ok(seen) = seen else {
            process::skip(name, "mbpoll");
            return;
        };
        let seen = String::from_utf8(seen.stdout).unwrap();
        let theirs: Vec<u16> = seen
            .lines()
            .filter_map(|it| it.split_once("0x"))
            .map(|(_, digits)| u16::from_str_radix(digits.trim(), 16).unwrap())
            .collect();
        assert_eq!(theirs.len(), usize::from(count), "{seen}");
        let ask = Ask::Table { table: Table::Holding, address, count };
        let ours = line.ask(unit, ask, Duration::from_secs(5)).await.unwrap();
        // The second register of the sensor moves from one question to the next.
        let Answer::Words(mut ours) = ours else { panic!("{ours:?}") };
        if unit == 2 {
            ours[1] = theirs[1];
        }
        assert_eq!(ours, theirs);
    }
}

#[tokio::test]
async fn a_hole_that_nobody_declared_is_found_and_costs_only_itself() {
    let name = "a_hole_that_nobody_declared_is_found_and_costs_only_itself";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let points = [("hr:400", "u16"), ("hr:409", "u16"), ("hr:412", "u16"), ("hr:415", "u16")];
    let mut asked = Asked::new(plant.port, 10, template("merge_gap = 20", &points));
    assert_eq!(asked.device.groups()[0].reads.len(), 1);
    let first = asked.turn(0).await;
    assert!(!first.errors.is_empty() && first.errors.iter().all(|it| *it == "exception_2"));
    let second = asked.turn(0).await;
    assert!(second.errors.is_empty(), "what was refused is not asked again: {:?}", second.errors);
    for turn in [first, second] {
        let mut found = asked.named(&turn);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let refused = bad("hr-412", Bad::NotConfigured);
        let good = [number("hr-400", 1.0), number("hr-409", 1.0), number("hr-415", 2.0)];
        assert_eq!(found, [&good[..2], &[refused], &good[2..]].concat());
    }
}

#[tokio::test]
async fn what_was_refused_is_tried_again_after_its_time() {
    let name = "what_was_refused_is_tried_again_after_its_time";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let points = [("hr:409", "u16"), ("hr:412", "u16"), ("hr:415", "u16")];
    let mut asked = Asked::new(plant.port, 10, template("merge_gap = 20", &points));
    asked.device = asked.device.trying_again_after(Duration::ZERO);
    for _ in 0..3 {
        let turn = asked.turn(0).await;
        assert!(turn.errors.contains(&"exception_2"), "asked again: {:?}", turn.errors);
        let mut found = asked.named(&turn);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let refused = bad("hr-412", Bad::NotConfigured);
        assert_eq!(found, [number("hr-409", 1.0), refused, number("hr-415", 2.0)]);
    }
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_the_next_one() {
    let name = "a_late_answer_is_not_taken_for_the_next_one";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let points = [("hr:300", "u16"), ("hr:500", "u16")];
    let mut asked = Asked::new(plant.port, 10, template("timeout = '300ms'", &points));
    for _ in 0..3 {
        let began = Instant::now();
        let turn = asked.turn(0).await;
        assert!(began.elapsed() < Duration::from_millis(700), "one limit for a whole exchange");
        assert!(turn.is_silent);
        let expected = [number("hr-300", 65_534.0), bad("hr-500", Bad::Timeout)];
        assert_eq!(asked.named(&turn), expected);
    }
}

#[tokio::test]
async fn a_busy_device_is_asked_again_within_its_turn() {
    let name = "a_busy_device_is_asked_again_within_its_turn";
    let Some(plant) = python(name, Script::Shared("plant_sim.py")) else { return };
    let modbus = "busy_retries = { count = 4, wait = '5ms' }";
    let mut busy = Asked::new(plant.port, 10, template(modbus, &[("hr:600", "u16")]));
    let turn = busy.turn(0).await;
    assert_eq!(turn.errors, ["exception_6", "exception_6"]);
    assert_eq!(busy.named(&turn), [number("hr-600", 9.0)]);
}

#[tokio::test]
async fn a_silent_device_is_given_up_after_its_first_block() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let points = [("hr:0", "u16"), ("hr:50", "u16"), ("hr:90", "u16")];
    let mut asked = Asked::new(port, 1, template("timeout = '100ms'\nretries = 1", &points));
    let turn = asked.turn(0).await;
    assert!(turn.is_silent);
    assert_eq!(turn.errors, ["timeout", "timeout"]);
    let silent = ["hr-0", "hr-50", "hr-90"].map(|it| bad(it, Bad::Timeout));
    assert_eq!(asked.named(&turn), silent, "the gap is visible on every point");
}

#[tokio::test]
async fn no_fault_on_the_line_becomes_a_wrong_value_of_good_quality() {
    let name = "no_fault_on_the_line_becomes_a_wrong_value_of_good_quality";
    let Some(faults) = python(name, Script::Shared("faults.py")) else { return };
    let mut template = template("timeout = '150ms'", &[("hr:3", "u16")]);
    template.points[0].range = Some([0.0, 20.0]);
    let mut asked = Asked::new(faults.port, 1, template);
    let (mut good, mut doubtful) = (0, 0);
    for _ in 0..18 {
        let turn = asked.turn(0).await;
        match asked.named(&turn).as_slice() {
            [(_, Value::Number(value), Quality::Good)] => {
                assert!((*value - 3.0).abs() < 1e-9, "{value}");
                good += 1;
            }
            // Modbus TCP has no check sum: a flipped bit is seen only by the range.
            [(_, _, Quality::Uncertain(Uncertain::Range) | Quality::Bad(_))] => doubtful += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(3 <= good && 6 <= doubtful, "{good} good, {doubtful} doubtful");
}

#[tokio::test]
async fn rtu_frames_travel_over_tcp_and_their_check_sum_counts() {
    let name = "rtu_frames_travel_over_tcp_and_their_check_sum_counts";
    let Some(gateway) = python(name, Script::Text(RTU_OVER_TCP)) else { return };
    let via = Transport::RtuOverTcp { address: format!("127.0.0.1:{}", gateway.port) };
    let points = [("hr:3", "u16"), ("hr:4", "u16")];
    let mut asked = Asked::over(via, 7, template("timeout = '300ms'", &points));
    let mut seen = (0, 0);
    for _ in 0..8 {
        let turn = asked.turn(0).await;
        match turn.points[0].1.quality {
            Quality::Good => {
                assert_eq!(asked.named(&turn), [number("hr-3", 3.0), number("hr-4", 4.0)]);
                seen.0 += 1;
            }
            Quality::Bad(_) => seen.1 += 1,
            Quality::Uncertain(_) => panic!("an answer with a wrong check sum was taken"),
        }
    }
    assert!(3 <= seen.0 && 2 <= seen.1, "{seen:?} good and bad");
}

#[tokio::test]
async fn a_serial_line_is_read_by_rtu() {
    let Some(line) = python("a_serial_line_is_read_by_rtu", Script::Text(RTU)) else { return };
    let port = std::env::temp_dir().join(format!("forewarn-rtu-{}", line.port));
    let port = port.to_str().unwrap().to_owned();
    let via = Transport::Rtu { port: port.clone(), baud: 19_200, parity: Parity::None, stop: 1 };
    let points = [("hr:3", "u16"), ("hr:4", "u16")];
    let mut asked = Asked::over(via, 7, template("timeout = '1s'\nretries = 5", &points));
    for _ in 0..3 {
        let turn = asked.turn(0).await;
        assert_eq!(asked.named(&turn), [number("hr-3", 3.0), number("hr-4", 4.0)]);
    }
    std::fs::remove_file(port).unwrap();
}

/// Two pseudo-terminals with a cable between them; the port of TCP only says that it is ready.
const RTU: &str = r#"
import asyncio, os, pty, socket, sys, tempfile, threading, tty
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import SimData, SimDevice, DataType
from pymodbus.framer import FramerType
(a, at), (b, bt) = pty.openpty(), pty.openpty()
tty.setraw(at); tty.setraw(bt)
def copy(source, sink):
    while True: os.write(sink, os.read(source, 4096))
for ends in ((a, b), (b, a)): threading.Thread(target=copy, args=ends, daemon=True).start()
os.symlink(os.ttyname(bt), os.path.join(tempfile.gettempdir(), "forewarn-rtu-" + sys.argv[1]))
async def main():
    dev = [SimDevice(id=7, simdata=[SimData(0, values=list(range(20)), datatype=DataType.REGISTERS)])]
    s = ModbusSerialServer(dev, port=os.ttyname(at), baudrate=19200, framer=FramerType.RTU)
    ready = socket.socket(); ready.bind(("127.0.0.1", int(sys.argv[1]))); ready.listen()
    print("ready", flush=True)
    await s.serve_forever()
asyncio.run(main())
"#;

/// Every third answer has a flipped byte.
const RTU_OVER_TCP: &str = r#"
import asyncio, sys
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import SimData, SimDevice, DataType
from pymodbus.framer import FramerType
count = {"n": 0}
def hook(sending, data):
    if not sending or not data: return data
    count["n"] += 1
    return data if count["n"] % 3 else data[:-3] + bytes([data[-3] ^ 0xFF]) + data[-2:]
async def main():
    dev = [SimDevice(id=7, simdata=[SimData(0, values=list(range(20)), datatype=DataType.REGISTERS)])]
    s = ModbusTcpServer(dev, address=("127.0.0.1", int(sys.argv[1])), framer=FramerType.RTU, trace_packet=hook)
    print("ready", flush=True)
    await s.serve_forever()
asyncio.run(main())
"#;
