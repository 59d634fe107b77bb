//! Which stores a command uses: embedded ones in a folder, or an external readings store.

use std::path::Path;

use forewarn_domain::time::Span;
use forewarn_store::readings::{InfluxServer, ReadingStore, StoreConfig, StoreError};
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

/// The store that a word names: nothing or `chunks` for the embedded one in `folder`, `chunks:DIR` for
/// one elsewhere, `influx://host:port/database` or `victoria://host:port` for a server, whose local
/// file is in `folder`.
pub(crate) fn readings_config(
    named: Option<&str>,
    folder: &Path,
) -> Result<StoreConfig, StoresError> {
    let chunks = |dir: &Path| StoreConfig::Chunks {
        dir: dir.to_owned(),
        cap_bytes: CAP_BYTES,
        lateness: LATENESS,
    };
    let named = named.unwrap_or("chunks");
    if named == "chunks" {
        return Ok(chunks(folder));
    }
    if let Some(dir) = named.strip_prefix("chunks:").filter(|it| !it.is_empty()) {
        return Ok(chunks(Path::new(dir)));
    }
    let (address, server) = server_of(named)?;
    let url = format!("http://{address}");
    let dir = folder.to_owned();
    Ok(StoreConfig::Influx { url, server, dir, cap_bytes: CAP_BYTES, lateness: LATENESS })
}

fn server_of(named: &str) -> Result<(&str, InfluxServer), StoresError> {
    let text = || named.to_owned();
    let (address, server) = if let Some(rest) = named.strip_prefix("influx://") {
        match rest.split_once('/') {
            Some((address, database)) if !database.is_empty() && !database.contains('/') => {
                let database = database.to_owned();
                (address, InfluxServer::Influx1 { database, login: None })
            }
            _ => return Err(StoresError::NoDatabase { text: text() }),
        }
    } else if let Some(rest) = named.strip_prefix("victoria://") {
        (rest.strip_suffix('/').unwrap_or(rest), InfluxServer::VictoriaMetrics)
    } else {
        return Err(StoresError::Unknown { text: text() });
    };
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    if host.contains('@') {
        return Err(StoresError::Login {
            address: host.rsplit('@').next().unwrap_or_default().to_owned(),
        });
    }
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', ' ']);
    let is_port = port.parse::<u16>().is_ok_and(|it| 0 < it);
    if is_host && is_port {
        Ok((address, server))
    } else {
        Err(StoresError::NoAddress { text: text() })
    }
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
    #[error("a login in front of `{address}` is not taken here; let the server trust this machine")]
    Login { address: String },
    #[error("`{text}` names no host with a port, as in influx://127.0.0.1:8086/forewarn")]
    NoAddress { text: String },
    #[error("`{text}` names no database; write influx://host:port/database")]
    NoDatabase { text: String },
    #[error(
        "`{text}` is no readings store; write chunks, chunks:DIR, influx://host:port/database or \
         victoria://host:port"
    )]
    Unknown { text: String },
    #[error(transparent)]
    Waveforms(#[from] WaveformFileError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_an_embedded_store_or_a_server() {
        let config = |named| readings_config(named, Path::new("/data"));
        for (named, folder) in
            [(None, "/data"), (Some("chunks"), "/data"), (Some("chunks:/x"), "/x")]
        {
            let Ok(StoreConfig::Chunks { dir, .. }) = config(named) else {
                panic!("{named:?} is no embedded store");
            };
            assert_eq!(dir, Path::new(folder));
        }
        let Ok(StoreConfig::Influx { url, server, dir, .. }) =
            config(Some("influx://[::1]:8086/plant"))
        else {
            panic!("no server");
        };
        assert_eq!((url.as_str(), dir.as_path()), ("http://[::1]:8086", Path::new("/data")));
        assert!(
            matches!(server, InfluxServer::Influx1 { database, login: None } if database == "plant")
        );
        let victoria = config(Some("victoria://tsdb:8428/"));
        let Ok(StoreConfig::Influx { url, server: InfluxServer::VictoriaMetrics, .. }) = victoria
        else {
            panic!("no server: {victoria:?}");
        };
        assert_eq!(url, "http://tsdb:8428");
    }

    #[test]
    fn a_word_that_names_no_store_is_told_what_is_missing() {
        let told = |named| match readings_config(Some(named), Path::new("/data")) {
            Ok(config) => panic!("{named} became {config:?}"),
            Err(error) => error.to_string(),
        };
        assert!(told("influx://localhost:8086").contains("names no database"));
        assert!(told("influx://localhost:8086/").contains("names no database"));
        assert!(told("influx://localhost/plant").contains("no host with a port"));
        assert!(told("influx://localhost:0/plant").contains("no host with a port"));
        assert!(told("victoria://:8428").contains("no host with a port"));
        assert!(told("victoria://host:8428/path").contains("no host with a port"));
        assert!(told("chunks:").contains("no readings store"));
        assert!(told("postgres://x").contains("no readings store"));
        let told = told("influx://user:word@host:8086/plant");
        assert!(told.contains("`host`") && !told.contains("word"), "{told}");
    }
}
