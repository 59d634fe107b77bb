//! What goes out over HTTP: shapes of their own, written by hand from the nouns of the domain.
//!
//! A change in the domain can change nothing here by accident. Evidence is the exception: it goes
//! out as it was hashed, so that its SHA-256 can be checked.

mod anomaly;
mod brief;
mod burst;
mod course;
mod device;
mod health;
mod incident;
mod message;
mod repair;
mod rules;
mod series;
mod stop;
mod ticket;

pub use anomaly::{AnomalyPartView, AnomalyView, LabelView, SisterView};
pub use brief::{BriefView, SentenceView};
pub use burst::{BurstAxisView, BurstLineView, BurstView, FaultOrderView};
pub(crate) use course::CourseParts;
pub use course::{
    CallView, CandidateView, ClockView, CourseView, MissingView, NamedView, PersonView, ShownView,
    TypeView,
};
pub use device::{
    ChannelRow, ChannelView, ComponentView, DeviceRow, DeviceView, LastView, NormalView, RuleView,
};
pub use health::{AgentView, HealthView, StageView};
pub use incident::{IncidentView, SharedView};
pub use message::{MessageChannelView, MessageView};
pub use repair::{PastRepairView, RepairView};
pub use rules::{
    FindingView, JudgedView, KeptView, RuleCheckView, RuleFactsView, RuleProblemView,
    TrialReportView, TrialSideView,
};
pub use series::{BucketView, SeriesView, StateSpanView, WaveformRowView, WaveformView};
pub use stop::{SetAsideView, StopView};
pub use ticket::{
    CauseView, ChoiceView, FinishView, RuleRefView, SignalView, TicketRowView, TicketView,
    TimelineView,
};
pub(crate) use ticket::{TicketParts, legal};

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

impl TextView {
    /// A text that is the same in both, such as an id.
    pub(crate) fn same(text: &str) -> Self {
        Self { en: text.to_owned(), zh: text.to_owned() }
    }
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
