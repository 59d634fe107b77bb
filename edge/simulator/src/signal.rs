//! The signals that the machine models know, by the names of the template points that carry them.
//!
//! A template point is bound to a signal by its id. A point that no model knows reads as zero on a
//! face and is absent from the history; the demo's own templates are tested to have none.

use forewarn_domain::id::PointId;

/// Defines the signals with the point ids that carry them.
macro_rules! signals {
    ($($variant:ident = $text:literal,)+) => {
        /// One quantity of a simulated machine.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Signal { $($variant,)+ }

        impl Signal {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The id of the points that carry it.
            #[must_use]
            pub const fn point(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

signals! {
    BearingTemp = "bearing_temp",
    Current = "current",
    Force = "force",
    Guard = "guard",
    HousingTemp = "temp",
    Load = "load",
    Mode = "mode",
    MotorTemp = "motor_temp",
    OilTemp = "oil_temp",
    Pressure = "pressure",
    Program = "program",
    Running = "running",
    Speed = "speed",
    Status = "status",
    Strokes = "strokes",
    StrokesPerMinute = "spm",
    TachSpeed = "tach_speed",
    XVelocity = "x_vel_rms",
    ZCrest = "z_acc_crest",
    ZHighFrequency = "z_acc_rms_hf",
    ZKurtosis = "z_acc_kurtosis",
    ZVelocity = "z_vel_rms",
}

impl Signal {
    /// The signal that a point carries.
    #[must_use]
    pub fn of(point: &PointId) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.point() == point.as_str())
    }
}
