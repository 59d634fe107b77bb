//! `forewarn-edge decode --known 50.0 …`: which registers, in which order, show the known value?

use std::io::Write;
use std::time::Duration;

use forewarn_agent::propose::{self, Known, Proposal};
use forewarn_agent::source::modbus::line::{Answer, Ask, ExchangeError, Line};
use forewarn_domain::template::{ByteOrder, PointAddress, Table};
use serde_json::json;

use super::target::Target;
use super::{Failure, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct DecodeArguments {
    /// What the display of the device shows.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    known: Known,
    /// How far a reading may be from that, in per cent.
    #[arg(long, default_value_t = 1.0)]
    tolerance_percent: f64,
    /// The address as the list of registers has it; around it is read, and its base is told.
    #[arg(long, value_name = "NUMBER")]
    documented: Option<u32>,
    /// The first register on the wire, e.g. hr:3109; hr:0 without one.
    #[arg(long, value_name = "PLACE")]
    at: Option<PointAddress>,
    /// Registers to read.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=125))]
    count: u16,
    /// Registers that were read already, in hexadecimal: "4248 0000".
    #[arg(long, value_name = "HEX", conflicts_with_all = ["address", "serial"])]
    words: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn print(
    given: &DecodeArguments,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let (table, first) = place(given)?;
    let runs = match &given.words {
        Some(words) => vec![(first, parse(words)?)],
        None => read(given, table, first).await?,
    };
    let tolerance = given.tolerance_percent / 100.0;
    let proposals: Vec<(u32, Proposal)> = runs
        .iter()
        .flat_map(|(first, words)| {
            let wire =
                |it: &Proposal| u32::from(*first) + u32::try_from(it.offset).unwrap_or(u32::MAX);
            let found = propose::propose(words, given.known, tolerance);
            found.into_iter().map(move |it| (wire(&it), it))
        })
        .collect();
    let space = if table == Table::Input { "ir" } else { "hr" };
    for (rank, (wire, proposal)) in proposals.iter().enumerate() {
        let wire = *wire;
        let base = given.documented.and_then(|documented| base(documented, wire, table));
        let at = format!("{space}:{wire}");
        if is_json {
            let Proposal { kind, byte_order, scale, value, deviation, .. } = proposal;
            let line = json!({
                "type": "proposal", "rank": rank + 1, "at": at, "encoding": kind,
                "byte_order": byte_order, "scale": scale, "value": value, "deviation": deviation,
                "address_base": base,
            });
            writeln!(out, "{line}")?;
        } else {
            print_one(proposal, &at, base, out)?;
        }
    }
    if proposals.is_empty() {
        if !is_json {
            let words = runs.iter().flat_map(|(_, words)| words);
            let shown: Vec<String> = words.map(|it| format!("{it:04x}")).collect();
            let (known, tolerance) = (given.known.value, given.tolerance_percent);
            writeln!(out, "nothing in {} shows {known} within {tolerance} %", shown.join(" "))?;
        }
        return Ok(Outcome::NeedsAttention);
    }
    Ok(Outcome::Ran)
}

fn print_one(
    proposal: &Proposal,
    at: &str,
    base: Option<&str>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let Proposal { kind, byte_order, scale, value, .. } = proposal;
    let order =
        if kind.registers() == 1 { String::new() } else { format!(" {}", name(*byte_order)) };
    let base = base.map(|it| format!("  address_base = \"{it}\"")).unwrap_or_default();
    let kind = json!(kind);
    let kind = kind.as_str().unwrap_or_default();
    let value = format!("{value:.6}");
    let value = value.trim_end_matches('0').trim_end_matches('.');
    writeln!(out, "{at:<9} {kind}{order}  scale {scale}  = {value}{base}")?;
    Ok(())
}

fn name(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::Abcd => "ABCD",
        ByteOrder::Badc => "BADC",
        ByteOrder::Cdab => "CDAB",
        ByteOrder::Dcba => "DCBA",
    }
}

/// How the list counts, when the value stands at `wire` and the list says `documented`.
fn base(documented: u32, wire: u32, table: Table) -> Option<&'static str> {
    let (ref5, ref6) = if table == Table::Input { (30_001, 300_001) } else { (40_001, 400_001) };
    match documented.checked_sub(wire)? {
        0 => Some("pdu0"),
        1 => Some("reg1"),
        it if it == ref5 => Some("ref5"),
        it if it == ref6 => Some("ref6"),
        _ => None,
    }
}

/// Where the reading begins.
fn place(given: &DecodeArguments) -> Result<(Table, u16), Failure> {
    match (&given.at, given.documented) {
        (Some(PointAddress::Modbus { table, address, bit: None }), _)
            if matches!(table, Table::Holding | Table::Input) =>
        {
            let first =
                u16::try_from(*address).map_err(|_too_far| "the address is beyond 65535")?;
            Ok((*table, first))
        }
        (Some(other), _) => Err(format!("`{other}` names no register; write hr:N or ir:N").into()),
        // Two registers before what the list says: it may count from 1, and mean the word before.
        (None, Some(documented)) => {
            let (table, base) = match documented {
                400_001..=465_536 => (Table::Holding, 400_001),
                300_001..=365_536 => (Table::Input, 300_001),
                40_001..=49_999 => (Table::Holding, 40_001),
                30_001..=39_999 => (Table::Input, 30_001),
                _ => (Table::Holding, 0),
            };
            let first = u16::try_from(documented.saturating_sub(base).saturating_sub(2));
            Ok((table, first.map_err(|_too_far| "the address is beyond 65535")?))
        }
        (None, None) => Ok((Table::Holding, 0)),
    }
}

/// Runs of registers that can be read, each with its first address. Around a place that nobody knows
/// for sure there may be registers that the device refuses: then each is asked for by itself.
async fn read(
    given: &DecodeArguments,
    table: Table,
    first: u16,
) -> Result<Vec<(u16, Vec<u16>)>, Failure> {
    let via = given.target.via()?;
    let via =
        via.ok_or("give the registers with --words, or a device with --address or --serial")?;
    let count = given.count.min((u16::MAX - first).saturating_add(1).max(1));
    let mut line = Line::new(via);
    let ask = |address, count| Ask::Table { table, address, count };
    match line.ask(given.target.unit, ask(first, count), PATIENCE).await {
        Ok(Answer::Words(words)) => return Ok(vec![(first, words)]),
        Ok(Answer::Bits(_)) => return Err("the device answered with bits".into()),
        Err(ExchangeError::Refused { code: 1..=3 }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut runs: Vec<(u16, Vec<u16>)> = Vec::new();
    for address in first..first.saturating_add(count) {
        match line.ask(given.target.unit, ask(address, 1), PATIENCE).await {
            Ok(Answer::Words(words)) => match runs.last_mut() {
                Some((first, run)) if usize::from(address - *first) == run.len() => {
                    run.extend(words);
                }
                _ => runs.push((address, words)),
            },
            Ok(Answer::Bits(_)) | Err(ExchangeError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if runs.is_empty() {
        return Err(
            format!("the device refuses all registers from {first}; other table or unit?").into()
        );
    }
    Ok(runs)
}

fn parse(words: &str) -> Result<Vec<u16>, Failure> {
    let digits: String = words.chars().filter(|it| !it.is_whitespace() && *it != ',').collect();
    let digits = digits.replace("0x", "");
    let refused =
        || format!("`{words}` is no list of registers; write four digits each: \"4248 0000\"");
    if !digits.is_ascii() || !digits.len().is_multiple_of(4) || digits.is_empty() {
        return Err(refused().into());
    }
    let word = |at: usize| u16::from_str_radix(&digits[at..at + 4], 16);
    let words: Result<Vec<u16>, _> = (0..digits.len()).step_by(4).map(word).collect();
    words.map_err(|error| format!("{}: {error}", refused()).into())
}

/// By hand one waits longer than a poller would.
const PATIENCE: Duration = Duration::from_secs(3);
