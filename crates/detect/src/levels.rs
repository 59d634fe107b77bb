//! Where each channel stands against its normal, for what a ticket says has not changed.

use forewarn_domain::anomaly::Signal;

use crate::device::DeviceState;
use crate::plan::DevicePlan;

impl DevicePlan {
    /// The smoothed level of every channel with a learned normal in its present operating state.
    ///
    /// The weight of each is zero: these signals contribute to nothing.
    #[must_use]
    pub fn levels(&self, state: &DeviceState) -> Vec<Signal> {
        let mut levels = Vec::new();
        for (plan, kept) in self.channels.iter().zip(&state.channels) {
            let level = kept.minds.iter().find_map(|mind| mind.memory.present(&self.states));
            if let Some((value, normal)) = level {
                levels.push(Signal {
                    channel: plan.channel.id.clone(),
                    quantity: plan.channel.quantity,
                    weight: 0.0,
                    value,
                    unit: plan.channel.unit,
                    normal: Some(normal),
                });
            }
        }
        levels
    }
}
