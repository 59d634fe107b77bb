//! What goes out over HTTP: shapes of their own, written by hand from the nouns of the domain.
//!
//! A change in the domain can change nothing here by accident. Evidence is the exception: it goes
//! out as it was hashed, so that its SHA-256 can be checked.

mod anomaly;
mod brief;
mod burst;
mod device;
mod health;
mod repair;
mod rules;
mod series;
mod ticket;

pub use anomaly::{AnomalyPartView, AnomalyView, LabelView, SisterView};
pub use brief::{BriefView, SentenceView};
pub use burst::{BurstAxisView, BurstLineView, BurstView, FaultOrderView};
pub use device::{
    ChannelRow, ChannelView, ComponentView, DeviceRow, DeviceView, LastView, NormalView, RuleView,
};
pub use health::{AgentView, HealthView, StageView};
pub use repair::{PastRepairView, RepairView};
pub use rules::{
    FindingView, JudgedView, KeptView, RuleCheckView, RuleFactsView, RuleProblemView,
    TrialReportView, TrialSideView,
};
pub use series::{BucketView, SeriesView, StateSpanView, WaveformRowView, WaveformView};
pub(crate) use ticket::TicketParts;
pub use ticket::{
    CauseView, ChoiceView, FinishView, RuleRefView, SignalView, TicketRowView, TicketView,
    TimelineView,
};

use forewarn_domain::text::Localized;
use serde::Serialize;
use utoipa::ToSchema;

/// The same text in both languages; neither is empty where the other is not.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TextView {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl From<&Localized> for TextView {
    fn from(text: &Localized) -> Self {
        let zh = if text.zh.is_empty() { &text.en } else { &text.zh };
        Self { en: text.en.clone(), zh: zh.clone() }
    }
}

impl From<Localized> for TextView {
    fn from(text: Localized) -> Self {
        Self::from(&text)
    }
}
