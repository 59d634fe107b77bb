//! What a channel is called when neither template nor site file names it: after its quantity.

use crate::quantity::{Axis, Quantity};
use crate::text::Localized;

/// The quantity's name, with the axis where there is one: "acceleration Z", "振动加速度 Z".
pub(super) fn named_after(quantity: Quantity, axis: Option<Axis>) -> Localized {
    let (en, zh) = quantity_name(quantity);
    match axis {
        Some(axis) => Localized::new(
            format!("{en} {}", axis.as_str().to_uppercase()),
            format!("{zh} {}", axis.as_str().to_uppercase()),
        ),
        None => Localized::new(en, zh),
    }
}

fn quantity_name(quantity: Quantity) -> (&'static str, &'static str) {
    match quantity {
        Quantity::AccelerationCrest => ("crest factor", "峰值因子"),
        Quantity::AccelerationKurtosis => ("kurtosis", "峭度"),
        Quantity::AccelerationPeak => ("acceleration peak", "加速度峰值"),
        Quantity::AccelerationRms => ("acceleration", "振动加速度"),
        Quantity::AccelerationRmsHf => ("high-frequency vibration", "高频振动"),
        Quantity::ApparentPower => ("apparent power", "视在功率"),
        Quantity::Context => ("context", "工况信息"),
        Quantity::ControllerValue => ("controller value", "控制器数值"),
        Quantity::Current => ("current", "电流"),
        Quantity::Cycles => ("cycles", "循环计数"),
        Quantity::Displacement => ("displacement", "振动位移"),
        Quantity::Energy => ("energy", "电能"),
        Quantity::Flow => ("flow", "流量"),
        Quantity::Force => ("force", "力"),
        Quantity::Frequency => ("frequency", "频率"),
        Quantity::HarmonicDistortion => ("harmonic distortion", "谐波畸变率"),
        Quantity::Level => ("level", "液位"),
        Quantity::LinearVelocity => ("axis speed", "轴速度"),
        Quantity::Load => ("load", "负载"),
        Quantity::Position => ("position", "位置"),
        Quantity::PositionError => ("following error", "跟随误差"),
        Quantity::Power => ("power", "功率"),
        Quantity::PowerFactor => ("power factor", "功率因数"),
        Quantity::Pressure => ("pressure", "压力"),
        Quantity::ReactivePower => ("reactive power", "无功功率"),
        Quantity::RotationSpeed => ("speed", "转速"),
        Quantity::RunTime => ("run time", "运行时间"),
        Quantity::StateGuard => ("guard", "防护门"),
        Quantity::StateMode => ("mode", "模式"),
        Quantity::StateRunning => ("running", "运行"),
        Quantity::StateWord => ("status word", "状态字"),
        Quantity::Temperature => ("temperature", "温度"),
        Quantity::Torque => ("torque", "扭矩"),
        Quantity::VelocityPeak => ("velocity peak", "振动速度峰值"),
        Quantity::VelocityRms => ("vibration velocity", "振动速度"),
        Quantity::VibrationFrequency => ("vibration frequency", "振动主频"),
        Quantity::Voltage => ("voltage", "电压"),
        Quantity::Volume => ("volume", "体积"),
    }
}
