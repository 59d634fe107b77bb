//! The bearing catalogue: CSV text in, checked bearings out.
//!
//! Public tables of bearings are full of misprints, so every row must pass physics before it may
//! predict a frequency: the pitch circle lies midway between bore and outer diameter within 5 %,
//! the element fits between the rings, and the elements fit on the circle.
//!
//! Deliberately absent: files (the caller reads them) and guesses for bearings not listed.

use std::error::Error;
use std::fmt;

use crate::bearing::{Bearing, Geometry, GeometryError};

/// Checked bearings, in the order of the file. Codes are unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    bearings: Vec<Bearing>,
}

impl Catalogue {
    /// Reads a catalogue whose first line is [`HEADER`].
    ///
    /// Blank lines and lines that start with `#` are skipped. `bore_mm` and `outer_mm` may be left
    /// empty together where a maker does not publish them; the two checks that need them are then
    /// left out. Fields hold no quotes and no commas.
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
            Some((_, HEADER)) => {}
            Some((line, _)) => return Err(CatalogueError { line, fault: RowFault::Header }),
            None => return Err(CatalogueError { line: 1, fault: RowFault::Header }),
        }
        let mut catalogue = Self::default();
        for (line, row) in lines {
            let bearing = parse_row(row).map_err(|fault| CatalogueError { line, fault })?;
            if catalogue.find(&bearing.code).is_some() {
                let fault = RowFault::Duplicate { code: bearing.code };
                return Err(CatalogueError { line, fault });
            }
            catalogue.bearings.push(bearing);
        }
        Ok(catalogue)
    }

    /// The bearing of this code, or of this code followed by its maker; case and the number of
    /// spaces do not matter.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Bearing> {
        let wanted = normalised(name);
        self.bearings.iter().find(|bearing| {
            wanted == normalised(&bearing.code)
                || wanted == normalised(&format!("{} {}", bearing.code, bearing.maker))
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

    #[must_use]
    pub fn bearings(&self) -> &[Bearing] {
        &self.bearings
    }
}

fn normalised(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_uppercase()
}

fn parse_row(row: &str) -> Result<Bearing, RowFault> {
    let fields: Vec<&str> = row.split(',').map(str::trim).collect();
    let &[code, maker, elements, ball, pitch, angle, bore, outer, source] = fields.as_slice()
    else {
        return Err(RowFault::Fields { found: fields.len() });
    };
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
    Number { column: &'static str, text: String },
    Pitch { ratio: f64 },
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { code } => write!(f, "code `{code}` is listed twice"),
            Self::Empty { column } => write!(f, "column `{column}` is empty"),
            Self::Fields { found } => write!(f, "{found} columns instead of 9"),
            Self::Gap { ball_mm, gap_mm } => write!(
                f,
                "elements of {ball_mm} mm do not fit into the {gap_mm} mm between the rings"
            ),
            Self::Geometry(_) => f.write_str("impossible geometry"),
            Self::Header => write!(f, "the first line is not `{HEADER}`"),
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
pub const HEADER: &str = "code,maker,elements,ball_mm,pitch_mm,angle_deg,bore_mm,outer_mm,source";

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
        assert_eq!(catalogue.bearings().len(), 10);
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
        assert_eq!(catalogue.resolve("6308").unwrap().geometry.elements(), 8);
        assert_eq!(catalogue.resolve("n=9,d=7.94,D=39.04").unwrap().geometry.elements(), 9);
        let unknown = catalogue.resolve("NU206").unwrap_err();
        assert!(unknown.to_string().contains("add a row"), "{unknown}");
        assert!(matches!(catalogue.resolve("n=9"), Err(UnknownBearing::Literal(_))));
    }
}
