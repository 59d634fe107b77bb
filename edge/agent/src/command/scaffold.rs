//! `forewarn-edge template scaffold`: a new template, from a table of registers where there is one.
//!
//! What is printed is read back and checked before it is printed; what was guessed is marked.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use forewarn_domain::id::TemplateId;
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::template::DeviceTemplate;

use super::{Failure, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct ScaffoldArguments {
    /// The template's id, e.g. `acme-press`.
    #[arg(long)]
    id: TemplateId,
    /// Maker.
    #[arg(long, default_value = "unknown")]
    vendor: String,
    /// Model.
    #[arg(long, default_value = "unknown")]
    model: String,
    /// What it is, e.g. `drive.vfd`, `meter.energy`, `sensor.vibration`, `plc`, `machine.press`.
    #[arg(long, default_value = "plc")]
    kind: String,
    /// A table with a head line: address, name, and where known type, scale, unit, note.
    #[arg(long, value_name = "CSV")]
    from: Option<PathBuf>,
}

/// One line of the table.
#[derive(Debug, Default)]
struct Register {
    address: u32,
    name: String,
    kind: String,
    scale: f64,
    unit: Option<Unit>,
    note: String,
}

pub(super) fn print(given: &ScaffoldArguments, out: &mut impl Write) -> Result<Outcome, Failure> {
    let registers = match &given.from {
        Some(path) => table(path)?,
        None => vec![Register {
            name: "first_value".to_owned(),
            kind: "u16".to_owned(),
            scale: 1.0,
            note: "an example; replace it".to_owned(),
            ..Register::default()
        }],
    };
    let text = text(given, &registers);
    let template: DeviceTemplate = toml::from_str(&text)?;
    template.check()?;
    forewarn_agent::plan::plan(&template)?;
    out.write_all(text.as_bytes())?;
    Ok(Outcome::Ran)
}

fn text(given: &ScaffoldArguments, registers: &[Register]) -> String {
    let ScaffoldArguments { id, vendor, model, kind, from } = given;
    let source =
        from.as_ref().map_or_else(|| "nobody yet".to_owned(), |it| it.display().to_string());
    let (vendor, model, kind) = (quoted(vendor), quoted(model), quoted(kind));
    let source = quoted(&format!("{source}, not compared with a device"));
    let mut text = format!(
        "# Made by a machine: check every line against the manual, then `forewarn-edge template test`.\n\
         schema = \"forewarn.device/1\"\n\n[device]\nid       = \"{id}\"\nvendor   = {vendor}\n\
         model    = {model}\nkind     = {kind}\ntitle    = {{ en = {model}, zh = {model} }}\n\
         evidence = \"unverified\"\nsources  = [{source}]\n\n[modbus]\naddress_base  = \"pdu0\"\n\
         byte_order    = \"ABCD\"\nmax_registers = 60\nmerge_gap     = 4\ntimeout       = \"500ms\"\n\
         retries       = 2\n\n[[group]]\nid    = \"all\"\nevery = \"2s\"\n"
    );
    for register in registers {
        let Register { address, name, kind, scale, unit, note } = register;
        let (quantity, is_guess) = quantity(*unit);
        let unit = unit.unwrap_or(Unit::One);
        let comment = if note.is_empty() { String::new() } else { format!("# {note}\n") };
        let guess = if is_guess { "  # not known; see docs/modbus.md" } else { "" };
        // Writing to a string cannot fail.
        write!(
            text,
            "\n{comment}[[point]]\nid       = \"{name}\"\nat       = \"hr:{address}\"\n\
             type     = \"{kind}\"\nscale    = {scale:?}\nunit     = \"{unit}\"\n\
             quantity = \"{quantity}\"{guess}\ngroup    = \"all\"\n"
        )
        .unwrap_or_default();
    }
    text
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What is most likely measured in a unit.
fn quantity(unit: Option<Unit>) -> (Quantity, bool) {
    let known = match unit {
        Some(Unit::MmPerS | Unit::InchPerS) => Quantity::VelocityRms,
        Some(Unit::G | Unit::MetrePerS2) => Quantity::AccelerationRms,
        Some(Unit::DegC | Unit::DegF | Unit::Kelvin) => Quantity::Temperature,
        Some(Unit::Hertz) => Quantity::Frequency,
        Some(Unit::Ampere) => Quantity::Current,
        Some(Unit::Volt) => Quantity::Voltage,
        Some(Unit::Watt | Unit::Kilowatt) => Quantity::Power,
        Some(Unit::KilowattHour) => Quantity::Energy,
        Some(Unit::Rpm) => Quantity::RotationSpeed,
        Some(Unit::Percent) => Quantity::Load,
        Some(Unit::Bar | Unit::Kilopascal | Unit::Megapascal) => Quantity::Pressure,
        Some(Unit::LitrePerMin) => Quantity::Flow,
        Some(Unit::Micrometre) => Quantity::Displacement,
        _ => return (Quantity::ControllerValue, true),
    };
    (known, false)
}

fn table(path: &std::path::Path) -> Result<Vec<Register>, Failure> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let head = reader.headers()?.clone();
    let column = |names: &[&str]| {
        head.iter().position(|it| names.contains(&it.trim().to_ascii_lowercase().as_str()))
    };
    let address = column(&["address_0based", "address", "register", "pdu"])
        .ok_or("the table has no column `address`")?;
    let name = column(&["name", "id", "point"]).ok_or("the table has no column `name`")?;
    let columns =
        (column(&["type"]), column(&["scale"]), column(&["unit"]), column(&["note", "comment"]));
    let mut registers = Vec::new();
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let field = |at: Option<usize>| at.and_then(|at| row.get(at)).unwrap_or_default().trim();
        let address = number(field(Some(address)))
            .ok_or_else(|| format!("line {line}: `{}` is no address", field(Some(address))))?;
        let kind = Some(field(columns.0).to_ascii_lowercase()).filter(|it| !it.is_empty());
        registers.push(Register {
            address,
            name: slug(field(Some(name))),
            kind: kind.unwrap_or_else(|| "u16".to_owned()),
            scale: scale(field(columns.1))
                .ok_or_else(|| format!("line {line}: `{}` is no scale", field(columns.1)))?,
            unit: field(columns.2).parse().ok(),
            note: field(columns.3).to_owned(),
        });
    }
    registers.sort_by_key(|it| it.address);
    Ok(registers)
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `0.1`, `1/10000`, `16/32768`; nothing is 1.
fn scale(text: &str) -> Option<f64> {
    match text.split_once('/') {
        _ if text.is_empty() => Some(1.0),
        Some((above, below)) => {
            let (above, below) =
                (above.trim().parse::<f64>().ok()?, below.trim().parse::<f64>().ok()?);
            Some(above / below).filter(|it| it.is_finite() && *it != 0.0)
        }
        None => text.parse().ok().filter(|it: &f64| it.is_finite() && *it != 0.0),
    }
}

/// A name as a point may have it.
fn slug(name: &str) -> String {
    let letter = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '_' };
    let slug: String = name.chars().take(60).map(letter).collect();
    if slug.starts_with(|it: char| it.is_ascii_lowercase()) { slug } else { format!("p{slug}") }
}
