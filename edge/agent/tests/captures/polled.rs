//! The agent's own device code, asked to poll what a recorded client polled, and what it made of it.

use std::collections::BTreeMap;

use forewarn_agent::decode::{Decoded, Value};
use forewarn_agent::source::modbus::frame::{Answer, Ask};
use forewarn_agent::source::modbus::line::Line;
use forewarn_agent::source::modbus::{ModbusDevice, Turn};
use forewarn_domain::id::PointId;
use forewarn_domain::site::Transport;
use forewarn_domain::template::{DeviceTemplate, PointTemplate};
use tokio::net::TcpListener;

use super::exchanges::Exchange;
use super::serve::{Bug, Outcome, Part, Stage, outcome};

/// What came of polling.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Questions that an agent would ask.
    pub(crate) polled: u64,
    /// Answered in time, and every reading equal.
    pub(crate) right: u64,
    /// Refused by the device, and known as refused.
    pub(crate) refused: u64,
    /// Too late in the recording.
    pub(crate) late: u64,
    /// Never answered in the recording.
    pub(crate) missing: u64,
    /// Answered in time, but without a usable reading here.
    pub(crate) missed: u64,
    /// Usable readings that differ from what was answered.
    pub(crate) wrong: u64,
    /// Usable readings where there was no answer, or that belong to another question.
    pub(crate) misattributed: u64,
    /// Usable readings.
    pub(crate) readings: u64,
    /// Answers to older questions that were sent in front of the right one.
    pub(crate) stale_sent: u64,
    /// Questions that came when nobody was to ask them: given up, and still under way.
    pub(crate) strays: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.polled += other.polled;
        self.right += other.right;
        self.refused += other.refused;
        self.late += other.late;
        self.missing += other.missing;
        self.missed += other.missed;
        self.wrong += other.wrong;
        self.misattributed += other.misattributed;
        self.readings += other.readings;
        self.stale_sent += other.stale_sent;
        self.strays += other.strays;
    }
}

/// How patient the agent is, and what is put in on purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// What is later than this in the recording is late.
    pub(crate) patience_us: i64,
    /// How long the agent waits here.
    pub(crate) timeout_ms: u32,
    pub(crate) bug: Option<Bug>,
}

/// Polls everything that one recorded server was asked, in its order.
pub(crate) async fn poll_server(exchanges: &[&Exchange], manner: Manner) -> Tally {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
    let address = listener.local_addr().expect("it is bound").to_string();
    let stage = Stage::with_bug(manner.bug);
    let mut tally = tokio::select! {
        () = stage.serve(listener) => Tally::default(),
        tally = poll(exchanges, manner, &stage, address) => tally,
    };
    (tally.strays, tally.stale_sent) = stage.counts();
    tally
}

async fn poll(exchanges: &[&Exchange], manner: Manner, stage: &Stage, address: String) -> Tally {
    let mut line = Line::new(Transport::Tcp { address });
    let mut polled: BTreeMap<u8, Polled> = BTreeMap::new();
    let mut tally = Tally::default();
    let mut held: Vec<Answer> = Vec::new();
    for (place, exchange) in exchanges.iter().enumerate() {
        let Some(ask @ Ask::Table { address, count, .. }) = exchange.ask() else { continue };
        let unit = exchange.unit;
        let device = polled.entry(unit).or_insert_with(|| Polled {
            unit,
            hasty: BTreeMap::new(),
            patient: BTreeMap::new(),
        });
        let mut outcome = outcome(exchange, manner.patience_us);
        // So that the planted fault has something to work on in any recording.
        if let (Some(Bug::Transaction), Outcome::Answer(unit, function, data)) =
            (manner.bug, &outcome)
            && place % 7 == 3
        {
            outcome = Outcome::Late(*unit, *function, data.clone());
        }
        if let (Some(Bug::Silence), 3) = (manner.bug, place % 7) {
            outcome = Outcome::Missing;
        }
        let function = exchange.function;
        stage.set(Part { unit: exchange.unit, function, address, count, outcome: outcome.clone() });
        let timeout_ms = match &outcome {
            Outcome::Answer(..) => manner.timeout_ms,
            Outcome::Late(..) | Outcome::Missing => HASTY_MS,
        };
        let turn = device.take_turn(&mut line, ask, timeout_ms).await;
        let seen = seen(&turn, manner.bug);
        tally.judge(exchange, ask, &outcome, (&seen, &held));
        if let Outcome::Late(_, _, data) = &outcome {
            held.extend(ask.answer(data).ok());
            held.drain(..held.len().saturating_sub(8));
        }
    }
    tally
}

/// One unit of the recorded server, with a device for each different question.
struct Polled {
    unit: u8,
    /// For what will not come one need not wait long.
    hasty: BTreeMap<Key, Device>,
    patient: BTreeMap<Key, Device>,
}

struct Device {
    device: ModbusDevice,
    template: DeviceTemplate,
}

/// Function, address, count.
type Key = (u8, u16, u16);

impl Polled {
    async fn take_turn(&mut self, line: &mut Line, ask: Ask, timeout_ms: u32) -> Turn {
        let devices = if timeout_ms == HASTY_MS { &mut self.hasty } else { &mut self.patient };
        if DEVICES_MAX < devices.len() {
            devices.clear();
        }
        let key = key(ask).expect("only tables are asked");
        let unit = self.unit;
        let device = devices.entry(key).or_insert_with(|| Device::new(unit, key, timeout_ms));
        let turn = device.device.take_turn(line, &device.template, 0).await;
        // Each question of a recording stands for itself: what was refused once is asked again.
        if turn.errors.iter().any(|it| it.starts_with("exception")) {
            devices.remove(&key);
        }
        turn
    }
}

impl Device {
    /// A device with one group that reads exactly this block, a point for each register or bit.
    fn new(unit: u8, (function, address, count): Key, timeout_ms: u32) -> Self {
        let (space, kind) = match function {
            1 => ("co", "bool"),
            2 => ("di", "bool"),
            3 => ("hr", "u16"),
            _ => ("ir", "u16"),
        };
        let mut template: DeviceTemplate = toml::from_str(&format!(
            "schema = 'forewarn.device/1'\n[device]\nid = 'recorded'\nvendor = 'v'\nmodel = 'm'\n\
             kind = 'plc'\ntitle = {{ en = 'T', zh = 'T' }}\nevidence = 'unverified'\n\
             sources = ['a recording']\n[modbus]\ntimeout = '{timeout_ms}ms'\nretries = 1\n\
             busy_retries = {{ count = 1, wait = '1ms' }}\n[[point]]\nid = 'p0'\nat = '{space}:{address}'\ntype = '{kind}'\n\
             quantity = 'controller.value'\n"
        ))
        .expect("a template as we write it");
        let first = template.points[0].clone();
        template.points.extend((1..count).map(|place| PointTemplate {
            id: PointId::new(&format!("p{place}")).expect("a plain name"),
            at: format!("{space}:{}", address + place).parse().expect("an address"),
            ..first.clone()
        }));
        let device = ModbusDevice::new(unit, &template);
        let device = device.expect("it can be planned").expect("it is on Modbus");
        Self { device, template }
    }
}

fn key(ask: Ask) -> Option<Key> {
    match ask {
        Ask::Table { address, count, .. } => Some((ask.function(), address, count)),
        Ask::Fifo { .. } => None,
    }
}

/// The values of a turn in the order of their addresses; `None` for those that are not usable.
fn seen(turn: &Turn, bug: Option<Bug>) -> Vec<Option<f64>> {
    let mut points: Vec<&(usize, Decoded)> = turn.points.iter().collect();
    points.sort_by_key(|(index, _)| *index);
    let value = |(_, decoded): &&(usize, Decoded)| match &decoded.value {
        Value::Number(_) if decoded.quality.is_bad() => (bug == Some(Bug::Silence)).then_some(0.0),
        Value::Number(value) => Some(*value),
        Value::Text(_) => None,
    };
    points.iter().map(value).collect()
}

fn values(answer: &Answer) -> Vec<Option<f64>> {
    match answer {
        Answer::Bits(bits) => bits.iter().map(|it| Some(f64::from(u8::from(*it)))).collect(),
        Answer::Words(words) => words.iter().map(|it| Some(f64::from(*it))).collect(),
    }
}

impl Tally {
    fn judge(
        &mut self,
        exchange: &Exchange,
        ask: Ask,
        outcome: &Outcome,
        (seen, held): (&[Option<f64>], &[Answer]),
    ) {
        let usable = seen.iter().flatten().count();
        self.polled += 1;
        self.readings += u64::try_from(usable).unwrap_or(u64::MAX);
        let expected = match outcome {
            Outcome::Late(..) => {
                self.late += 1;
                None
            }
            Outcome::Missing => {
                self.missing += 1;
                None
            }
            Outcome::Answer(unit, function, data) => {
                // An answer with another unit, function or length is none: it must be refused.
                let is_ours = (*unit, *function) == (exchange.unit, exchange.function);
                let answer = ask.answer(data).ok().filter(|_| is_ours);
                self.refused += u64::from(answer.is_none());
                answer
            }
        };
        let Some(expected) = expected else {
            self.misattributed += u64::from(0 < usable);
            return;
        };
        let expected = values(&expected);
        if seen == expected {
            self.right += 1;
        } else if seen
            .iter()
            .zip(&expected)
            .all(|(seen, expected)| seen.is_none() || seen == expected)
        {
            self.missed += 1;
        } else if held.iter().any(|it| values(it) == seen) {
            self.misattributed += 1;
        } else {
            self.wrong += 1;
        }
    }
}

/// Nobody needs long for what will not come; a wait that ends early cannot miss anything.
const HASTY_MS: u32 = 15;

/// A recorded scan asks for everything once; what was asked long ago need not be kept.
const DEVICES_MAX: usize = 200;
