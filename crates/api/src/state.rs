//! What the interface needs from the rest of the server: handles, facts and functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use forewarn_domain::waveform::WaveformHeader;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::ReadingStore;
use forewarn_store::records::{EngineInput, Records, Sites};
use forewarn_store::waveform_files::WaveformFiles;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use utoipa::ToSchema;

use crate::channels::MessageChannels;
use crate::live::LiveView;
use crate::views::{FaultOrderView, RuleCheckView};

/// Everything that the handlers may use.
#[derive(Clone)]
pub struct ApiState {
    /// Tickets, episodes, repairs.
    pub records: Records,
    /// Readings.
    pub readings: ReadingStore,
    /// Raw waveforms.
    pub waveform_files: WaveformFiles,
    /// The machines.
    pub plant: Arc<Plant>,
    /// What the stages know right now; the server replaces it as a whole.
    pub live: watch::Receiver<Arc<LiveView>>,
    /// Wakes the engine for an input that is stored already; a full queue loses nothing, since the
    /// engine also looks for stored inputs by itself.
    pub inputs: mpsc::Sender<EngineInput>,
    /// Computes the spectra of a stored waveform.
    pub spectrum: SpectrumOf,
    /// Fault frequencies of the bearing under each waveform channel, as multiples of the shaft's.
    pub fault_orders: Arc<BTreeMap<ChannelId, Vec<FaultOrderView>>>,
    /// The metrics in the text format of Prometheus.
    pub metrics: Metrics,
    /// Causes that a person may choose when the work is done.
    pub causes: Arc<[CauseChoice]>,
    /// Reads a text of rules as if it were to come into force.
    pub check_rules: RulesCheck,
    /// The channels over which people are told.
    pub message_channels: Arc<dyn MessageChannels>,
    /// Who may come in.
    pub access: Access,
    /// What time it is.
    pub clock: Clock,
    /// Ends the streams of live events when the server stops.
    pub stop: CancellationToken,
}

/// Computes the spectra of a waveform from its header and sample bytes.
pub type SpectrumOf = Arc<dyn Fn(&WaveformHeader, &[u8]) -> SpectrumView + Send + Sync>;

/// Reads a text of rules as if it were to come into force; may take a second on a large plant.
pub type RulesCheck = Arc<dyn Fn(&str) -> RuleCheckView + Send + Sync>;

/// Writes all metrics.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Who may come in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Everybody who reaches the port is the demo lead. Only for a listener on loopback; the Host
    /// and Origin of each request are checked, so that a page from elsewhere cannot reach in.
    LoopbackDemo,
    /// People with accounts and programs with keys.
    Accounts(Transport),
}

/// How requests arrive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Transport {
    /// Browsers reach it by https only, here or at a proxy: cookies and pages say so too.
    pub is_secure: bool,
    /// A proxy of our own is in front, so the last address of `X-Forwarded-For` is the caller's.
    pub is_behind_proxy: bool,
}

/// A cause that a person may choose.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseChoice {
    /// To which family of faults it belongs; `None` fits every family.
    pub family: Option<FaultFamily>,
    /// Entry of the failure-mode library.
    pub code: String,
    /// Its name.
    pub name: Localized,
}

/// The spectra of a waveform, ready to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct SpectrumView {
    /// The envelope spectrum.
    pub spectrum: EnvelopeView,
    /// The velocity spectrum.
    pub velocity: VelocityView,
}

/// An envelope spectrum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct EnvelopeView {
    /// Distance of two lines in Hz; the first one is at 0 Hz.
    pub df_hz: f64,
    /// Height of each line over the floor.
    pub ratio: Vec<f64>,
}

/// A velocity spectrum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct VelocityView {
    /// Distance of two lines in Hz; the first one is at 0 Hz.
    pub df_hz: f64,
    /// Height of each line in mm/s.
    pub mm_s: Vec<f64>,
}

impl ApiState {
    /// Now.
    pub(crate) fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }

    /// What the stages know right now.
    pub(crate) fn live(&self) -> Arc<LiveView> {
        Arc::clone(&self.live.borrow())
    }

    /// What somebody sees who may see these sites only: no ticket, machine or reading of another one.
    pub(crate) fn within(self: &Arc<Self>, sites: &Sites) -> Arc<Self> {
        if *sites == Sites::All {
            return Arc::clone(self);
        }
        let plant = match sites.include(&self.plant.site.id) {
            true => Arc::clone(&self.plant),
            false => Arc::new(self.plant.without_devices()),
        };
        let records = self.records.within(sites.clone());
        Arc::new(Self { records, plant, ..Self::clone(self) })
    }

    /// Wakes the engine for an input that is stored already.
    pub(crate) fn wake_engine(&self, input: Option<EngineInput>) {
        if let Some(input) = input
            && let Err(refused) = self.inputs.try_send(input)
        {
            tracing::debug!(%refused, "the engine will find the input in the store");
        }
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("access", &self.access).finish_non_exhaustive()
    }
}
