//! Rolling bearings: geometry, and the orders at which their parts pass each other.
//!
//! A [`Geometry`] exists only if it can be built in steel; everything that takes one may rely on
//! that. Orders are multiples of the shaft speed for a turning inner ring and a fixed outer ring
//! (Randall, Antoni 2011, "Rolling element bearing diagnostics: a tutorial", equations 1 to 4).
//!
//! Deliberately absent: slip. Real frequencies lie 1 to 2 % off; the search allows for it.

use std::error::Error;
use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

/// A bearing as named by its maker.
#[derive(Clone, Debug, PartialEq)]
pub struct Bearing {
    pub code: String,
    pub maker: String,
    pub geometry: Geometry,
}

/// The four numbers that fix the frequencies of a bearing.
///
/// Invariant: the elements fit side by side on the pitch circle, and no order is zero. [`new`]
/// and parsing `n=9,d=7.94,D=39.04,angle=0` are the only ways in.
///
/// [`new`]: Geometry::new
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    elements: u32,
    ball_mm: f64,
    pitch_mm: f64,
    angle_deg: f64,
}

impl Geometry {
    /// A geometry of `elements` rolling elements in one row.
    ///
    /// # Errors
    ///
    /// [`GeometryError`] when the parts would not fit together.
    pub fn new(
        elements: u32,
        ball_mm: f64,
        pitch_mm: f64,
        angle_deg: f64,
    ) -> Result<Self, GeometryError> {
        if !ELEMENTS.contains(&elements) {
            return Err(GeometryError::Elements { elements });
        }
        for (name, mm) in [("ball", ball_mm), ("pitch", pitch_mm)] {
            if !mm.is_finite() || mm <= 0.0 || DIAMETER_MAX_MM < mm {
                return Err(GeometryError::Diameter { name, mm });
            }
        }
        if !(0.0..=ANGLE_MAX_DEG).contains(&angle_deg) {
            return Err(GeometryError::Angle { angle_deg });
        }
        if pitch_mm * PI <= f64::from(elements) * ball_mm {
            return Err(GeometryError::Crowded { elements, ball_mm, pitch_mm });
        }
        Ok(Self { elements, ball_mm, pitch_mm, angle_deg })
    }

    #[must_use]
    pub fn elements(&self) -> u32 {
        self.elements
    }

    #[must_use]
    pub fn ball_mm(&self) -> f64 {
        self.ball_mm
    }

    #[must_use]
    pub fn pitch_mm(&self) -> f64 {
        self.pitch_mm
    }

    #[must_use]
    pub fn angle_deg(&self) -> f64 {
        self.angle_deg
    }

    /// Defect orders: multiply by the shaft's turns per second to get Hz.
    #[must_use]
    pub fn orders(&self) -> Orders {
        let elements = f64::from(self.elements);
        let diameter_ratio = self.ball_mm / self.pitch_mm;
        let gamma = diameter_ratio * self.angle_deg.to_radians().cos();
        let ftf = 0.5 * (1.0 - gamma);
        Orders {
            ftf,
            bpfo: elements * ftf,
            bpfi: 0.5 * elements * (1.0 + gamma),
            bsf: 0.5 / diameter_ratio * (1.0 - gamma * gamma),
        }
    }
}

impl FromStr for Geometry {
    type Err = GeometryError;

    /// Parses `n=9,d=7.94,D=39.04,angle=0`: element count, ball and pitch diameter in mm, contact
    /// angle in degrees. Order and spaces are free; `angle` may be left out and is then 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut elements, mut ball, mut pitch, mut angle) = (None, None, None, None);
        for part in text.split(',') {
            let (key, value) = part.split_once('=').ok_or_else(|| malformed(text))?;
            let slot = match key.trim() {
                "n" => {
                    let count = value.trim().parse().ok().ok_or_else(|| malformed(text))?;
                    if elements.replace(count).is_some() {
                        return Err(malformed(text));
                    }
                    continue;
                }
                "d" => &mut ball,
                "D" => &mut pitch,
                "angle" => &mut angle,
                _ => return Err(malformed(text)),
            };
            let number = value.trim().parse().ok().ok_or_else(|| malformed(text))?;
            if slot.replace(number).is_some() {
                return Err(malformed(text));
            }
        }
        match (elements, ball, pitch) {
            (Some(elements), Some(ball), Some(pitch)) => {
                Self::new(elements, ball, pitch, angle.unwrap_or(0.0))
            }
            _ => Err(malformed(text)),
        }
    }
}

impl fmt::Display for Geometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { elements, ball_mm, pitch_mm, angle_deg } = self;
        write!(f, "n={elements},d={ball_mm},D={pitch_mm},angle={angle_deg}")
    }
}

fn malformed(text: &str) -> GeometryError {
    GeometryError::Malformed { text: text.chars().take(TEXT_SHOWN_CHARS).collect() }
}

/// How often, per turn of the shaft, the parts of a bearing meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orders {
    /// Turns of the cage (fundamental train frequency).
    pub ftf: f64,
    /// Elements passing a point of the outer ring.
    pub bpfo: f64,
    /// Elements passing a point of the inner ring.
    pub bpfi: f64,
    /// Turns of an element about its own axis. A damaged element strikes both rings, so it is
    /// heard at twice this order; many tables print that one under this name.
    pub bsf: f64,
}

impl Orders {
    /// The order at which a defect is heard.
    #[must_use]
    pub fn of(&self, defect: Defect) -> f64 {
        match defect {
            Defect::OuterRace => self.bpfo,
            Defect::InnerRace => self.bpfi,
            Defect::RollingElement => 2.0 * self.bsf,
            Defect::Cage => self.ftf,
        }
    }
}

/// The part of a bearing that is damaged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Defect {
    OuterRace,
    InnerRace,
    RollingElement,
    Cage,
}

impl Defect {
    pub const ALL: [Self; 4] = [Self::OuterRace, Self::InnerRace, Self::RollingElement, Self::Cage];

    /// The code used in causes, files and messages.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OuterRace => "outer_race",
            Self::InnerRace => "inner_race",
            Self::RollingElement => "rolling_element",
            Self::Cage => "cage",
        }
    }

    /// The customary abbreviation of the frequency.
    #[must_use]
    pub fn frequency_name(self) -> &'static str {
        match self {
            Self::OuterRace => "BPFO",
            Self::InnerRace => "BPFI",
            Self::RollingElement => "2×BSF",
            Self::Cage => "FTF",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why four numbers are no bearing.
#[derive(Clone, Debug, PartialEq)]
pub enum GeometryError {
    Angle { angle_deg: f64 },
    Crowded { elements: u32, ball_mm: f64, pitch_mm: f64 },
    Diameter { name: &'static str, mm: f64 },
    Elements { elements: u32 },
    Malformed { text: String },
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Angle { angle_deg } => {
                write!(f, "contact angle {angle_deg}° is outside 0 to {ANGLE_MAX_DEG}°")
            }
            Self::Crowded { elements, ball_mm, pitch_mm } => write!(
                f,
                "{elements} elements of {ball_mm} mm do not fit on a pitch circle of {pitch_mm} mm"
            ),
            Self::Diameter { name, mm } => {
                write!(f, "{name} diameter {mm} mm is not above 0 and at most {DIAMETER_MAX_MM} mm")
            }
            Self::Elements { elements } => write!(
                f,
                "{elements} rolling elements; {} to {} are possible",
                ELEMENTS.start(),
                ELEMENTS.end()
            ),
            Self::Malformed { text } => write!(
                f,
                "`{text}` is no bearing geometry; write it like `n=9,d=7.94,D=39.04,angle=0`"
            ),
        }
    }
}

impl Error for GeometryError {}

/// Three elements hold a shaft; slewing rings end near three hundred.
const ELEMENTS: std::ops::RangeInclusive<u32> = 3..=300;

/// The bearings of the largest machines measure a few metres.
const DIAMETER_MAX_MM: f64 = 10_000.0;

/// At 90° a bearing carries thrust only, and the orders lose their meaning.
const ANGLE_MAX_DEG: f64 = 80.0;

/// Enough of a bad text to recognise it, not enough to flood a log.
const TEXT_SHOWN_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn skf_6205() -> Geometry {
        Geometry::new(9, 7.94, 39.04, 0.0).unwrap()
    }

    #[track_caller]
    fn check_orders(geometry: Geometry, [ftf, bpfo, bpfi, bsf]: [f64; 4]) {
        let orders = geometry.orders();
        for (found, expected) in
            [(orders.ftf, ftf), (orders.bpfo, bpfo), (orders.bpfi, bpfi), (orders.bsf, bsf)]
        {
            assert!((found - expected).abs() < 6e-4, "{found} is not {expected} in {orders:?}");
        }
    }

    #[test]
    fn the_orders_of_published_bearings_come_out() {
        check_orders(skf_6205(), [0.3983, 3.5848, 5.4152, 2.3567]);
        check_orders(
            Geometry::new(16, 8.407, 71.50, 15.17).unwrap(),
            [0.4433, 7.092, 8.908, 4.1975],
        );
        check_orders(Geometry::new(13, 3.5, 25.6, 0.0).unwrap(), [0.4316, 5.611, 7.389, 3.589]);
    }

    #[test]
    fn a_damaged_element_is_heard_at_twice_its_spin() {
        let orders = skf_6205().orders();
        assert!((orders.of(Defect::RollingElement) - 4.7135).abs() < 6e-4);
        assert!((orders.of(Defect::Cage) - orders.ftf).abs() < f64::EPSILON);
    }

    #[test]
    fn a_geometry_reads_back_what_it_shows() {
        let text = skf_6205().to_string();
        assert_eq!(text, "n=9,d=7.94,D=39.04,angle=0");
        assert_eq!(text.parse(), Ok(skf_6205()));
        assert_eq!(" D = 39.04, n=9 ,d=7.94".parse(), Ok(skf_6205()));
    }

    #[test]
    fn a_text_that_is_no_geometry_is_refused_with_an_example() {
        for text in ["", "6205", "n=9", "n=9,d=7.94,D=39.04,n=9", "n=9,d=x,D=39", "n=9,d=1,D=5,e=2"]
        {
            let refused = text.parse::<Geometry>().unwrap_err();
            assert!(refused.to_string().contains("n=9,d=7.94"), "{refused}");
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        assert!(matches!(Geometry::new(20, 7.94, 39.04, 0.0), Err(GeometryError::Crowded { .. })));
        assert!(matches!(Geometry::new(2, 7.94, 39.04, 0.0), Err(GeometryError::Elements { .. })));
        assert!(matches!(Geometry::new(9, 0.0, 39.04, 0.0), Err(GeometryError::Diameter { .. })));
        assert!(matches!(Geometry::new(9, 7.94, 39.04, 90.0), Err(GeometryError::Angle { .. })));
        assert!(matches!(
            Geometry::new(9, f64::NAN, 39.04, 0.0),
            Err(GeometryError::Diameter { name: "ball", .. })
        ));
    }

    proptest! {
        #[test]
        fn the_identities_of_the_orders_hold(
            elements in 3_u32..40,
            fill in 0.1..0.99_f64,
            pitch_mm in 5.0..2000.0_f64,
            angle_deg in 0.0..45.0_f64,
        ) {
            let ball_mm = fill * PI * pitch_mm / f64::from(elements);
            prop_assume!(ball_mm < pitch_mm);
            let orders = Geometry::new(elements, ball_mm, pitch_mm, angle_deg).unwrap().orders();
            let sum = orders.bpfo + orders.bpfi;
            prop_assert!((sum - f64::from(elements)).abs() < 1e-9);
            prop_assert!((orders.bpfo - f64::from(elements) * orders.ftf).abs() < 1e-9);
            prop_assert!(0.0 < orders.ftf && orders.ftf < 0.5 + 1e-12);
            prop_assert!(0.0 <= orders.bsf);
        }
    }
}
