//! `forewarn-edge read`: every Modbus point once, as it stands on the wire and as it is meant.

use std::io::Write;
use std::time::Duration;

use forewarn_agent::AgentConfig;
use forewarn_agent::decode::{self, Decoded, Raw, Value};
use forewarn_agent::run::sources_by_link;
use forewarn_agent::source::SourcePoints;
use forewarn_agent::source::modbus::line::Line;
use forewarn_agent::source::modbus::reception::Reception;
use forewarn_agent::source::modbus::{ModbusDevice, Turn};
use forewarn_domain::id::LinkId;
use forewarn_domain::quantity::Unit;
use forewarn_domain::site::Transport;
use forewarn_domain::template::PointTemplate;
use forewarn_lifecycle::Tasks;
use serde_json::json;

use super::{Failure, Outcome};

pub(super) async fn print(
    config: &AgentConfig,
    device: Option<&str>,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let (mut good, mut bad) = (0_u32, 0_u32);
    let tasks = Tasks::default();
    for (link, sources) in sources_by_link(config) {
        let Some(via) = config.plant.link(&link).map(|it| it.via.clone()) else { continue };
        let mut line = attached(&link, via, &tasks).await?;
        for source in sources {
            let is_wanted = device.is_none_or(|it| it == source.device.as_str());
            let unit = source.source.unit.unwrap_or(255);
            let asked = ModbusDevice::new(unit, &source.template)?.filter(|_| is_wanted);
            let Some(mut asked) = asked else { continue };
            for group in 0..asked.groups().len() {
                let turn = asked.take_turn(&mut line, &source.template, group).await;
                let (came, missing) = print_turn(&source, turn, is_json, out)?;
                (good, bad) = (good + came, bad + missing);
            }
        }
    }
    match (good, bad) {
        (0, 0) => Err("no Modbus point was asked for; check --device and the site file".into()),
        (0, _) => Err("no point was read".into()),
        (_, 0) => Ok(Outcome::Ran),
        (_, _) => Ok(Outcome::Partly),
    }
}

/// A line; where a modem dials in, once it has.
async fn attached(link: &LinkId, via: Transport, tasks: &Tasks) -> Result<Line, Failure> {
    let Transport::DialIn { listen, .. } = &via else { return Ok(Line::new(via)) };
    let mut reception = Reception::bind(listen)?;
    let door = reception.expect(link.clone(), &via)?;
    tasks.start("reception", |stop| Box::pin(reception.run(stop)));
    if tokio::time::timeout(DIALS_IN_WITHIN, door.knocked()).await.is_err() {
        tracing::warn!(%link, "no modem dialled in within {DIALS_IN_WITHIN:?}");
    }
    Ok(Line::dialled(via, door))
}

/// Gives how many points came and how many did not.
fn print_turn(
    source: &SourcePoints,
    turn: Turn,
    is_json: bool,
    out: &mut impl Write,
) -> Result<(u32, u32), Failure> {
    let (mut good, mut bad) = (0, 0);
    for (index, decoded) in turn.points {
        let range = source.points.get(index).and_then(|it| it.range);
        let decoded = decode::against_range(decoded, range);
        let is_bad = decoded.quality.is_bad();
        (good, bad) = (good + u32::from(!is_bad), bad + u32::from(is_bad));
        let point = source.template.points.get(index);
        if let (Some(point), Some(site)) = (point, source.points.get(index)) {
            print_point(point, site.channel.as_str(), &decoded, (is_json, &mut *out))?;
        }
    }
    Ok((good, bad))
}

/// What one point says, raw and scaled.
pub(super) fn print_point(
    point: &PointTemplate,
    name: &str,
    decoded: &Decoded,
    (is_json, out): (bool, &mut impl Write),
) -> Result<(), Failure> {
    let word = decoded.raw.as_ref().and_then(|raw| decode::word(point, raw));
    let raw = match &decoded.raw {
        None => serde_json::Value::Null,
        Some(Raw::Float(number)) => json!(number),
        Some(Raw::Signed(number)) => json!(number),
        Some(Raw::Unsigned(number)) => json!(number),
        Some(Raw::Text(text)) => json!(text),
    };
    let value = match &decoded.value {
        _ if decoded.quality.is_bad() => serde_json::Value::Null,
        Value::Number(number) => json!(number),
        Value::Text(text) => json!(text),
    };
    let (quality, unit) = (decoded.quality, point.unit);
    if is_json {
        let line = json!({
            "type": "reading", "channel": name, "at": point.at, "raw": raw, "value": value,
            "unit": unit, "quality": quality, "word": word, "bits": bits(point, decoded),
        });
        writeln!(out, "{line}")?;
    } else {
        let word = word.map(|it| format!(" ({it})")).unwrap_or_default();
        let at = point.at.to_string();
        let unit = if unit == Unit::One { String::new() } else { format!(" {unit}") };
        writeln!(out, "{name}  {at}  raw {raw}  = {value}{unit}{word}  {quality}")?;
        for bit in bits(point, decoded) {
            writeln!(out, "    {bit}")?;
        }
    }
    Ok(())
}

/// What the bits that are set mean.
fn bits(point: &PointTemplate, decoded: &Decoded) -> Vec<String> {
    let Some(Raw::Unsigned(word)) = decoded.raw else { return Vec::new() };
    let is_set = |key: &str| key.parse::<u32>().is_ok_and(|bit| bit < 64 && word >> bit & 1 == 1);
    point
        .bits
        .iter()
        .filter(|(key, _)| is_set(key))
        .map(|(key, meaning)| format!("bit {key}: {} ({})", meaning.en, meaning.zh))
        .collect()
}

/// Modems that were cut off try again every half minute or so.
const DIALS_IN_WITHIN: Duration = Duration::from_secs(60);
