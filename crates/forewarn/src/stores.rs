//! Which stores a command uses: embedded ones in a folder, or an external readings store.

use std::path::Path;

use forewarn_domain::time::Span;
use forewarn_store::readings::{
    ClassRetention, ReadingStore, RetentionPolicy, StoreConfig, StoreError,
};
use forewarn_store::records::{Records, RecordsError};
use forewarn_store::waveform_files::{WaveformFileError, WaveformFiles};

/// The stores of one data folder.
pub(crate) struct Stores {
    pub(crate) readings: ReadingStore,
    pub(crate) records: Records,
    pub(crate) files: WaveformFiles,
}

impl Stores {
    /// Opens the stores in a folder; `readings` names an external readings store.
    pub(crate) async fn open(folder: &Path, readings: Option<&str>) -> Result<Self, StoresError> {
        std::fs::create_dir_all(folder)
            .map_err(|source| StoresError::Folder { folder: folder.to_owned(), source })?;
        Ok(Self {
            readings: ReadingStore::open(&readings_config(readings, folder)?).await?,
            records: Records::open_file(&folder.join("records.db")).await?,
            files: WaveformFiles::open(folder)?,
        })
    }
}

/// The store that a word names: nothing or `chunks` for the embedded one in `folder`,
/// `influx://host:port/database` for a server.
pub(crate) fn readings_config(
    named: Option<&str>,
    folder: &Path,
) -> Result<StoreConfig, StoresError> {
    let dir = folder.to_owned();
    match named {
        None | Some("chunks") => Ok(StoreConfig::Chunks { dir, cap_bytes: CAP_BYTES, lateness: LATENESS }),
        Some(text) => Err(StoresError::Unknown { text: text.to_owned() }),
    }
}

/// How long a plant keeps what, unless its settings say otherwise.
pub(crate) fn retention() -> RetentionPolicy {
    let days = |days: i64| Span::from_secs(days * 86_400);
    RetentionPolicy::uniform(ClassRetention {
        raw: days(100),
        rollup: days(3 * 365),
        waveform: days(30),
    })
}

/// About two years of a small plant, or the demo a thousand times over.
const CAP_BYTES: u64 = 4 * 1024 * 1024 * 1024;

const LATENESS: Span = Span::from_secs(60);

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoresError {
    #[error("the data folder {} cannot be made", folder.display())]
    Folder { folder: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Readings(#[from] StoreError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error("`{text}` is no readings store; write chunks, or influx://host:port/database")]
    Unknown { text: String },
    #[error(transparent)]
    Waveforms(#[from] WaveformFileError),
}
