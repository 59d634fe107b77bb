//! `forewarn-edge read`: every Modbus point once, as it stands on the wire and as it is meant.

use std::io::Write;

use forewarn_agent::AgentConfig;
use forewarn_agent::decode::{self, Decoded, Raw, Value};
use forewarn_agent::run::sources_by_link;
use forewarn_agent::source::SourcePoints;
use forewarn_agent::source::modbus::line::Line;
use forewarn_agent::source::modbus::{ModbusDevice, Turn};
use forewarn_domain::quantity::Unit;
use serde_json::json;

use super::{Failure, Outcome};

pub(super) async fn print(
    config: &AgentConfig,
    device: Option<&str>,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let (mut good, mut bad) = (0_u32, 0_u32);
    for (link, sources) in sources_by_link(config) {
        let Some(via) = config.plant.link(&link).map(|it| it.via.clone()) else { continue };
        let mut line = Line::new(via);
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
        print_point(source, index, &decoded, is_json, out)?;
    }
    Ok((good, bad))
}

fn print_point(
    source: &SourcePoints,
    index: usize,
    decoded: &Decoded,
    is_json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let (Some(point), Some(site)) = (source.template.points.get(index), source.points.get(index))
    else {
        return Ok(());
    };
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
            "type": "reading", "channel": site.channel, "at": point.at, "raw": raw,
            "value": value, "unit": unit, "quality": quality, "word": word,
        });
        writeln!(out, "{line}")?;
    } else {
        let word = word.map(|it| format!(" ({it})")).unwrap_or_default();
        let (channel, at) = (&site.channel, point.at.to_string());
        let unit = if unit == Unit::One { String::new() } else { format!(" {unit}") };
        writeln!(out, "{channel}  {at}  raw {raw}  = {value}{unit}{word}  {quality}")?;
    }
    Ok(())
}
