//! What was measured, and in which unit: two closed vocabularies.
//!
//! The quantity decides which rules and texts apply; the unit travels with every number. A new word is
//! a new variant here, and the compiler shows what else must know it. Unit spelling follows UCUM where
//! a shop floor would.

/// Defines a closed vocabulary: an enum with one fixed spelling for each variant.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $error:ident, $what:literal,
     { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd,
            serde::Deserialize, serde::Serialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The fixed spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|word| word.as_str() == text)
                    .ok_or_else(|| $error { text: text.to_owned() })
            }
        }

        /// A word that is not in the vocabulary.
        #[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
        #[error("`{text}` is no known {}", $what)]
        pub struct $error {
            /// The refused word.
            pub text: String,
        }
    };
}
pub(crate) use vocabulary;

vocabulary!(
    /// What was measured.
    Quantity, UnknownQuantity, "quantity", {
        /// Speed or feed override, cycle phase and the like: a bare number of a controller.
        ControllerValue = "controller.value",
        /// Counts of cycles, strokes or parts.
        Cycles = "counter.cycles",
        /// Electrical current.
        Current = "electrical.current",
        /// Electrical power, active.
        Power = "electrical.power",
        /// Electrical power, apparent.
        ApparentPower = "electrical.power.apparent",
        /// Active power over apparent power.
        PowerFactor = "electrical.power_factor",
        /// Electrical power, reactive.
        ReactivePower = "electrical.power.reactive",
        /// Total harmonic distortion of a current or voltage.
        HarmonicDistortion = "electrical.thd",
        /// Electrical voltage.
        Voltage = "electrical.voltage",
        /// Active energy.
        Energy = "energy.active",
        /// Flow of a liquid or gas.
        Flow = "flow",
        /// Force.
        Force = "force",
        /// Mains or output frequency.
        Frequency = "frequency",
        /// Level of a tank.
        Level = "level",
        /// Load of a drive or spindle in percent of rated.
        Load = "load",
        /// Position of an axis.
        Position = "position",
        /// Following error of an axis.
        PositionError = "position.error",
        /// Pressure of a liquid or gas.
        Pressure = "pressure",
        /// Part program, tool, operation or batch: context of a reading.
        Context = "context",
        /// Rotational speed.
        RotationSpeed = "rotation.speed",
        /// Guard, door or interlock closed.
        StateGuard = "state.guard",
        /// Machine mode as a number or word.
        StateMode = "state.mode",
        /// Machine is running.
        StateRunning = "state.running",
        /// Status word of bits.
        StateWord = "state.word",
        /// Speed of a linear axis.
        LinearVelocity = "velocity.linear",
        /// Temperature.
        Temperature = "temperature",
        /// Time in operation.
        RunTime = "time.run",
        /// Torque.
        Torque = "torque",
        /// Vibration acceleration, crest factor.
        AccelerationCrest = "vibration.acceleration.crest_factor",
        /// Vibration acceleration, kurtosis (3 for Gaussian noise).
        AccelerationKurtosis = "vibration.acceleration.kurtosis",
        /// Vibration acceleration, peak.
        AccelerationPeak = "vibration.acceleration.peak",
        /// Vibration acceleration, root mean square.
        AccelerationRms = "vibration.acceleration.rms",
        /// Vibration acceleration, root mean square of the high band (1 kHz and more).
        AccelerationRmsHf = "vibration.acceleration.rms.hf",
        /// Vibration displacement.
        Displacement = "vibration.displacement",
        /// Vibration velocity, peak.
        VelocityPeak = "vibration.velocity.peak",
        /// Vibration velocity, root mean square (10 to 1000 Hz unless the point says otherwise).
        VelocityRms = "vibration.velocity.rms",
        /// Frequency of the strongest vibration.
        VibrationFrequency = "vibration.frequency",
        /// Volume of a liquid or gas.
        Volume = "volume",
    }
);

vocabulary!(
    /// The unit of a number.
    Unit, UnknownUnit, "unit", {
        /// A plain ratio.
        One = "1",
        /// Per cent.
        Percent = "%",
        /// Standard gravity.
        G = "g",
        /// Acceleration.
        MetrePerS2 = "m/s2",
        /// Acceleration of an axis.
        MmPerS2 = "mm/s2",
        /// Vibration velocity and axis speed.
        MmPerS = "mm/s",
        /// Vibration velocity, inch.
        InchPerS = "in/s",
        /// Micrometre.
        Micrometre = "um",
        /// Millimetre.
        Millimetre = "mm",
        /// Degree Celsius.
        DegC = "degC",
        /// Degree Fahrenheit.
        DegF = "degF",
        /// Kelvin, for differences.
        Kelvin = "K",
        /// Revolutions per minute.
        Rpm = "rpm",
        /// Strokes per minute of a press, one for each turn of its crank.
        StrokesPerMin = "spm",
        /// Hertz.
        Hertz = "Hz",
        /// Ampere.
        Ampere = "A",
        /// Volt.
        Volt = "V",
        /// Watt.
        Watt = "W",
        /// Kilowatt.
        Kilowatt = "kW",
        /// Kilovolt-ampere reactive.
        Kilovar = "kvar",
        /// Kilovolt-ampere.
        KilovoltAmpere = "kVA",
        /// Kilowatt-hour.
        KilowattHour = "kWh",
        /// Newton.
        Newton = "N",
        /// Kilonewton.
        Kilonewton = "kN",
        /// Newton metre.
        NewtonMetre = "N.m",
        /// Bar.
        Bar = "bar",
        /// Kilopascal.
        Kilopascal = "kPa",
        /// Megapascal.
        Megapascal = "MPa",
        /// Litre per minute.
        LitrePerMin = "l/min",
        /// Litre.
        Litre = "l",
        /// A count.
        Count = "count",
        /// Second.
        Second = "s",
        /// Millisecond.
        Millisecond = "ms",
        /// Nanosecond.
        Nanosecond = "ns",
        /// Hour.
        Hour = "h",
        /// Moment of inertia.
        KgM2 = "kg.m2",
        /// Feed.
        MmPerMin = "mm/min",
    }
);

vocabulary!(
    /// Direction of a vibration measurement.
    Axis, UnknownAxis, "axis", {
        /// Sensor X.
        X = "x",
        /// Sensor Y.
        Y = "y",
        /// Sensor Z.
        Z = "z",
    }
);

impl Quantity {
    /// Whether this is a measured condition of the machine, which a learned normal makes sense for,
    /// and not a switch, a counter or a setting.
    #[must_use]
    pub fn is_condition(self) -> bool {
        !matches!(
            self,
            Self::Context
                | Self::ControllerValue
                | Self::Cycles
                | Self::Energy
                | Self::Position
                | Self::RunTime
                | Self::StateGuard
                | Self::StateMode
                | Self::StateRunning
                | Self::StateWord
        )
    }
}

impl Unit {
    /// How the unit is shown to people, e.g. `°C`.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::One | Self::Count => "",
            Self::DegC => "°C",
            Self::DegF => "°F",
            Self::MetrePerS2 => "m/s²",
            Self::MmPerS2 => "mm/s²",
            Self::Micrometre => "µm",
            Self::NewtonMetre => "N·m",
            Self::KgM2 => "kg·m²",
            Self::Percent
            | Self::G
            | Self::MmPerS
            | Self::InchPerS
            | Self::Millimetre
            | Self::Kelvin
            | Self::Rpm
            | Self::StrokesPerMin
            | Self::Hertz
            | Self::Ampere
            | Self::Volt
            | Self::Watt
            | Self::Kilovar
            | Self::KilovoltAmpere
            | Self::Kilowatt
            | Self::KilowattHour
            | Self::Newton
            | Self::Kilonewton
            | Self::Bar
            | Self::Kilopascal
            | Self::Megapascal
            | Self::LitrePerMin
            | Self::Litre
            | Self::Second
            | Self::Millisecond
            | Self::Nanosecond
            | Self::Hour
            | Self::MmPerMin => self.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_from_its_spelling() {
        for quantity in Quantity::ALL {
            assert_eq!(quantity.as_str().parse(), Ok(*quantity));
        }
        for unit in Unit::ALL {
            assert_eq!(unit.as_str().parse(), Ok(*unit));
        }
        assert!("vibration.loudness".parse::<Quantity>().is_err());
    }
}
