//! The bearing catalogue: CSV text in, checked bearings out.
//!
//! Public tables of bearings are full of misprints, so every row must pass physics before it may
//! predict a frequency: the pitch circle lies midway between bore and outer diameter within 5 %,
//! the element fits between the rings, and the elements fit on the circle.
//!
//! Deliberately absent: files (the caller reads them) and guesses for bearings not listed.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt;

use crate::bearing::{Bearing, Geometry, GeometryError};

/// Checked bearings, in the order of the file. Codes are unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    bearings: Vec<Bearing>,
}

impl Catalogue {
    /// Reads a catalogue whose first line is [`HEADER`], or the same without the published orders.
    ///
    /// Blank lines and lines that start with `#` are skipped. `bore_mm` and `outer_mm` may be left
    /// empty together where a maker does not publish them; the two checks that need them are then
    /// left out. The last four columns are the orders as the source prints them, empty where it does
    /// not; they must agree with the geometry. Fields hold no quotes and no commas.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`], which names the line and what is wrong with it. One bad row refuses the
    /// file: a catalogue that silently lacks a bearing is found out at the worst moment.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let mut lines = (1..)
            .zip(text.trim_start_matches('\u{feff}').lines())
            .map(|(number, line)| (number, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            Some((_, HEADER | SHORT_HEADER)) => {}
            Some((line, _)) => return Err(CatalogueError { line, fault: RowFault::Header }),
            None => return Err(CatalogueError { line: 1, fault: RowFault::Header }),
        }
        let mut catalogue = Self::default();
        for (line, row) in lines {
            let bearing = parse_row(row).map_err(|fault| CatalogueError { line, fault })?;
            if catalogue.bearings.iter().any(|it| normalised(&it.code) == normalised(&bearing.code))
            {
                let fault = RowFault::Duplicate { code: bearing.code };
                return Err(CatalogueError { line, fault });
            }
            catalogue.bearings.push(bearing);
        }
        Ok(catalogue)
    }

    /// The bearing of this code, or of this code followed by its maker; case and the number of
    /// spaces do not matter. A code without its suffix is enough where only one bearing has it:
    /// `6205` is `6205-2RS JEM`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Bearing> {
        let wanted = normalised(name);
        let exact = self.bearings.iter().find(|bearing| {
            wanted == normalised(&bearing.code)
                || wanted == normalised(&format!("{} {}", bearing.code, bearing.maker))
        });
        exact.or_else(|| {
            let mut longer = self.bearings.iter().filter(|bearing| {
                let code = normalised(&bearing.code);
                code.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with(['-', ' ']))
            });
            longer.next().filter(|_| !wanted.is_empty() && longer.next().is_none())
        })
    }

    /// A bearing by catalogue code, or by a literal such as `n=9,d=7.94,D=39.04,angle=0`.
    ///
    /// # Errors
    ///
    /// [`UnknownBearing`] when the text is neither.
    pub fn resolve(&self, text: &str) -> Result<Bearing, UnknownBearing> {
        if text.contains('=') {
            return match text.parse::<Geometry>() {
                Ok(geometry) => {
                    Ok(Bearing { code: geometry.to_string(), maker: String::new(), geometry })
                }
                Err(source) => Err(UnknownBearing::Literal(source)),
            };
        }
        self.find(text)
            .cloned()
            .ok_or_else(|| UnknownBearing::Code { code: text.chars().take(60).collect() })
    }

    /// The `count` bearings whose codes share most pairs of neighbouring letters with a name, the
    /// shorter code first where two share as many; for a question back.
    #[must_use]
    pub fn nearest(&self, name: &str, count: usize) -> Vec<&Bearing> {
        let wanted = pairs(name);
        let mut ranked: Vec<&Bearing> = self.bearings.iter().collect();
        ranked.sort_by_key(|bearing| {
            let code = pairs(&bearing.code);
            let shared = wanted.iter().filter(|it| code.contains(it)).count();
            (Reverse(shared), code.len())
        });
        ranked.truncate(count);
        ranked
    }

    #[must_use]
    pub fn bearings(&self) -> &[Bearing] {
        &self.bearings
    }
}

fn pairs(name: &str) -> Vec<(char, char)> {
    let name = normalised(name);
    name.chars().zip(name.chars().skip(1)).collect()
}

fn normalised(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_uppercase()
}

fn parse_row(row: &str) -> Result<Bearing, RowFault> {
    let fields: Vec<&str> = row.split(',').map(str::trim).collect();
    let (&[code, maker, elements, ball, pitch, angle, bore, outer, source], printed) =
        fields.split_first_chunk().ok_or(RowFault::Fields { found: fields.len() })?;
    if !(printed.is_empty() || printed.len() == PRINTED_NAMES.len()) {
        return Err(RowFault::Fields { found: fields.len() });
    }
    if code.is_empty() {
        return Err(RowFault::Empty { column: "code" });
    }
    if source.is_empty() {
        return Err(RowFault::Empty { column: "source" });
    }
    let elements = elements.parse().ok().ok_or_else(|| not_a_number("elements", elements))?;
    let geometry = Geometry::new(
        elements,
        number("ball_mm", ball)?,
        number("pitch_mm", pitch)?,
        number("angle_deg", angle)?,
    )
    .map_err(RowFault::Geometry)?;
    if !(bore.is_empty() && outer.is_empty()) {
        check_rings(&geometry, number("bore_mm", bore)?, number("outer_mm", outer)?)?;
    }
    if printed.iter().any(|it| !it.is_empty()) {
        check_orders(&geometry, printed)?;
    }
    Ok(Bearing { code: code.to_owned(), maker: maker.to_owned(), geometry })
}

fn check_rings(geometry: &Geometry, bore_mm: f64, outer_mm: f64) -> Result<(), RowFault> {
    let ratio = geometry.pitch_mm() / (0.5 * (bore_mm + outer_mm));
    if !(PITCH_RATIO_MIN..=PITCH_RATIO_MAX).contains(&ratio) {
        return Err(RowFault::Pitch { ratio });
    }
    let gap_mm = 0.5 * (outer_mm - bore_mm);
    if gap_mm <= geometry.ball_mm() {
        return Err(RowFault::Gap { ball_mm: geometry.ball_mm(), gap_mm });
    }
    Ok(())
}

/// Orders as printed must be those of the geometry. Their own identities (BPFO + BPFI = elements,
/// BPFO = elements × FTF, FTF below one half) are looked at first, since they show a misprint
/// among the orders whatever the geometry says.
fn check_orders(geometry: &Geometry, printed: &[&str]) -> Result<(), RowFault> {
    let mut orders = [0.0; 4];
    for ((slot, name), text) in orders.iter_mut().zip(PRINTED_NAMES).zip(printed) {
        *slot = number(name, text)?;
    }
    let [ftf, bpfo, bpfi, _] = orders;
    let elements = f64::from(geometry.elements());
    for (identity, found, expected) in [
        ("bpfo + bpfi = elements", bpfo + bpfi, elements),
        ("bpfo = elements × ftf", bpfo, elements * ftf),
    ] {
        if ORDER_TOLERANCE * expected < (found - expected).abs() {
            return Err(RowFault::Identity { identity, found, expected });
        }
    }
    if 0.5 <= ftf {
        return Err(RowFault::Identity { identity: "ftf < 0.5", found: ftf, expected: 0.5 });
    }
    let own = geometry.orders();
    let expected = [own.ftf, own.bpfo, own.bpfi, own.bsf];
    for ((column, printed), geometry) in PRINTED_NAMES.into_iter().zip(orders).zip(expected) {
        if ORDER_TOLERANCE * geometry < (printed - geometry).abs() {
            return Err(RowFault::Order { column, printed, geometry });
        }
    }
    Ok(())
}

fn number(column: &'static str, text: &str) -> Result<f64, RowFault> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|number| number.is_finite()).ok_or_else(|| not_a_number(column, text))
}

fn not_a_number(column: &'static str, text: &str) -> RowFault {
    RowFault::Number { column, text: text.chars().take(20).collect() }
}

/// The line of a catalogue that cannot be used, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueError {
    /// Counted from 1, the header included.
    pub line: u32,
    pub fault: RowFault,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bearing catalogue, line {}", self.line)
    }
}

impl Error for CatalogueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.fault)
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub enum RowFault {
    Duplicate { code: String },
    Empty { column: &'static str },
    Fields { found: usize },
    Gap { ball_mm: f64, gap_mm: f64 },
    Geometry(GeometryError),
    Header,
    Identity { identity: &'static str, found: f64, expected: f64 },
    Number { column: &'static str, text: String },
    Order { column: &'static str, printed: f64, geometry: f64 },
    Pitch { ratio: f64 },
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { code } => write!(f, "code `{code}` is listed twice"),
            Self::Empty { column } => write!(f, "column `{column}` is empty"),
            Self::Fields { found } => write!(f, "{found} columns instead of 9 or 13"),
            Self::Gap { ball_mm, gap_mm } => write!(
                f,
                "elements of {ball_mm} mm do not fit into the {gap_mm} mm between the rings"
            ),
            Self::Geometry(_) => f.write_str("impossible geometry"),
            Self::Header => write!(f, "the first line is not `{HEADER}`"),
            Self::Identity { identity, found, expected } => {
                write!(f, "the printed orders break {identity}: {found:.4} against {expected:.4}")
            }
            Self::Order { column: "bsf", printed, geometry }
                if (printed - 2.0 * geometry).abs() <= ORDER_TOLERANCE * printed =>
            {
                write!(f, "column `bsf` holds {printed}, which is 2×BSF; write {geometry:.4}")
            }
            Self::Order { column, printed, geometry } => {
                write!(f, "column `{column}` holds {printed}, and the geometry gives {geometry:.4}")
            }
            Self::Number { column, text } => write!(f, "column `{column}`: `{text}` is no number"),
            Self::Pitch { ratio } => write!(
                f,
                "pitch diameter is {ratio:.3} of the mean of bore and outer diameter; \
                 {PITCH_RATIO_MIN} to {PITCH_RATIO_MAX} are possible"
            ),
        }
    }
}

impl Error for RowFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Geometry(source) => Some(source),
            _ => None,
        }
    }
}

/// A text that names no bearing.
#[derive(Clone, Debug, PartialEq)]
pub enum UnknownBearing {
    Code { code: String },
    Literal(GeometryError),
}

impl fmt::Display for UnknownBearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { code } => write!(
                f,
                "bearing `{code}` is not in the catalogue; add a row to it, or write its geometry \
                 like `n=9,d=7.94,D=39.04,angle=0`"
            ),
            Self::Literal(_) => f.write_str("bearing geometry cannot be used"),
        }
    }
}

impl Error for UnknownBearing {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Code { .. } => None,
            Self::Literal(source) => Some(source),
        }
    }
}

/// The columns of the catalogue.
pub const HEADER: &str = "code,maker,elements,ball_mm,pitch_mm,angle_deg,bore_mm,outer_mm,source,\
                          ftf,bpfo,bpfi,bsf";

/// The columns without the printed orders.
pub const SHORT_HEADER: &str =
    "code,maker,elements,ball_mm,pitch_mm,angle_deg,bore_mm,outer_mm,source";

const PRINTED_NAMES: [&str; 4] = ["ftf", "bpfo", "bpfi", "bsf"];

/// Tables are printed with three or four digits.
const ORDER_TOLERANCE: f64 = 0.004;

/// The pitch circle of real bearings lies this near to the middle between bore and outer ring.
const PITCH_RATIO_MIN: f64 = 0.95;
const PITCH_RATIO_MAX: f64 = 1.05;

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../models/bearings.csv");

    #[track_caller]
    fn check_refused(row: &str, fault: RowFault) {
        let text = format!("{HEADER}\n# a comment\n{row}\n");
        assert_eq!(Catalogue::parse(&text), Err(CatalogueError { line: 3, fault }));
    }

    #[test]
    fn the_shipped_catalogue_passes_its_own_checks() {
        let catalogue = Catalogue::parse(SHIPPED).unwrap();
        assert_eq!(catalogue.bearings().len(), 11);
        let orders = catalogue.find("6205-2rs  jem skf").unwrap().geometry.orders();
        assert!((orders.bpfo - 3.5848).abs() < 6e-4);
    }

    #[test]
    fn a_row_against_physics_is_refused_with_its_line_and_reason() {
        check_refused("6205,SKF,9,7.94,44.0,0,25,52,x", RowFault::Pitch { ratio: 44.0 / 38.5 });
        check_refused(
            "6205,SKF,4,14.0,38.5,0,25,52,x",
            RowFault::Gap { ball_mm: 14.0, gap_mm: 13.5 },
        );
        check_refused(
            "6205,SKF,19,7.94,38.5,0,25,52,x",
            RowFault::Geometry(GeometryError::Crowded {
                elements: 19,
                ball_mm: 7.94,
                pitch_mm: 38.5,
            }),
        );
    }

    #[test]
    fn printed_orders_that_break_an_identity_or_the_geometry_are_refused() {
        let row = "6205,SKF,9,7.94,39.04,0,25,52,x";
        let fault = |orders: &str| {
            let text = format!("{HEADER}\n{row},{orders}\n");
            Catalogue::parse(&text).map_err(|refused| refused.fault.to_string())
        };
        assert!(fault("0.3983,3.5848,5.4152,2.3567").is_ok());
        assert!(fault(",,,").is_ok());
        let misprint = fault("0.3983,3.5848,5.8152,2.3567").unwrap_err();
        assert!(misprint.contains("bpfo + bpfi = elements"), "{misprint}");
        let misprint = fault("0.4083,3.5848,5.4152,2.3567").unwrap_err();
        assert!(misprint.contains("bpfo = elements × ftf"), "{misprint}");
        let doubled = fault("0.3983,3.5848,5.4152,4.7134").unwrap_err();
        assert!(doubled.contains("2×BSF") && doubled.contains("2.3567"), "{doubled}");
        let swapped = fault("0.6017,5.4152,3.5848,2.3567").unwrap_err();
        assert!(swapped.contains("ftf < 0.5"), "{swapped}");
        let other = fault("0.40,3.60,5.40,2.40").unwrap_err();
        assert!(other.contains("the geometry gives"), "{other}");
    }

    #[test]
    fn a_malformed_row_is_refused_with_its_column() {
        check_refused("6205,SKF,9", RowFault::Fields { found: 3 });
        check_refused(",SKF,9,7.94,38.5,0,25,52,x", RowFault::Empty { column: "code" });
        check_refused("6205,SKF,9,7.94,38.5,0,25,52,", RowFault::Empty { column: "source" });
        check_refused(
            "6205,SKF,9,NaN,38.5,0,25,52,x",
            RowFault::Number { column: "ball_mm", text: "NaN".to_owned() },
        );
        check_refused(
            "6205,SKF,9,7.94,38.5,0,25,,x",
            RowFault::Number { column: "outer_mm", text: String::new() },
        );
    }

    #[test]
    fn a_code_listed_twice_is_refused() {
        let row = "6205,SKF,9,7.94,38.5,0,25,52,x";
        let text = format!("{HEADER}\n{row}\n{row}\n");
        let refused = Catalogue::parse(&text).unwrap_err();
        assert_eq!(refused.fault, RowFault::Duplicate { code: "6205".to_owned() });
        assert_eq!(Catalogue::parse("").unwrap_err().fault, RowFault::Header);
    }

    #[test]
    fn a_bearing_is_found_by_code_or_by_its_literal_geometry() {
        let catalogue = Catalogue::parse(SHIPPED).unwrap();
        assert_eq!(catalogue.resolve("6205").unwrap().code, "6205-2RS JEM");
        let near: Vec<&str> =
            catalogue.nearest("6205ZZ", 2).iter().map(|it| it.code.as_str()).collect();
        assert_eq!(near, ["6205-2RS JEM", "6206"]);
        assert!(catalogue.resolve("620").is_err(), "half a number is no bearing");
        assert_eq!(catalogue.resolve("6308").unwrap().geometry.elements(), 8);
        assert_eq!(catalogue.resolve("n=9,d=7.94,D=39.04").unwrap().geometry.elements(), 9);
        let unknown = catalogue.resolve("NU206").unwrap_err();
        assert!(unknown.to_string().contains("add a row"), "{unknown}");
        assert!(matches!(catalogue.resolve("n=9"), Err(UnknownBearing::Literal(_))));
    }
}
