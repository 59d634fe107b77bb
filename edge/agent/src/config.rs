//! What an agent is told: its own file, the site file and the device templates, read together.
//!
//! Rely on this: holding an [`AgentConfig`] means that the agent can start. A refusal names the
//! file, the line and the column.
//!
//! Deliberately absent: anything about machines, which stands in the site file and the templates.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::id::AgentId;
use forewarn_domain::site::plant::{Plant, PlantError};
use forewarn_domain::site::{SiteFile, Transport};
use forewarn_domain::template::{DeviceTemplate, TemplateError};
use forewarn_domain::time::Span;
use forewarn_wire::mqtt::{ConnectOptions, Login, Version};
use forewarn_wire::tls::{ClientCertificate, Tls};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::nearest;
use crate::spool::Limits;

/// The agent's configuration, checked.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Who it is; devices of the site file name it.
    pub agent: AgentId,
    /// The machines, with the templates of their sources.
    pub plant: Arc<Plant>,
    /// Where the spool lies.
    pub data_dir: PathBuf,
    /// The broker over which the server is reached.
    pub broker: Broker,
    /// What the spool may take.
    pub spool: Limits,
    /// When what was measured is written to disk.
    pub commit: CommitLimits,
    /// Whether brokers elsewhere may be spoken to without encryption, in a laboratory.
    pub insecure_lab: bool,
}

/// How a broker is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// `host:port`.
    pub address: String,
    /// User name, where the broker wants one.
    pub user: Option<String>,
    /// File with the password, so that it stands in no configuration.
    pub password_file: Option<PathBuf>,
    /// Authority that signed the broker's certificate; without one the connection is plain.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, where the broker wants one.
    pub certificate_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// Version of MQTT, 3 (3.1.1) or 5, which says why it refuses a message; 3 without one.
    pub version: Option<u8>,
}

/// When what was measured is written to disk, whichever comes first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CommitLimits {
    /// At the latest after this time. A commit costs one flush of the disk.
    #[serde(default = "commit_every")]
    pub every: Span,
    /// At the latest with this many readings.
    #[serde(default = "commit_readings")]
    pub readings_max: usize,
    /// At the latest with about this many bytes.
    #[serde(default = "commit_bytes")]
    pub bytes_max: usize,
}

impl Default for CommitLimits {
    fn default() -> Self {
        Self { every: commit_every(), readings_max: commit_readings(), bytes_max: commit_bytes() }
    }
}

/// `agent.toml` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentFile {
    agent: AgentId,
    site_file: PathBuf,
    templates: Vec<PathBuf>,
    data_dir: PathBuf,
    #[serde(default = "quota_bytes")]
    quota_bytes: u64,
    #[serde(default = "ballast_bytes")]
    ballast_bytes: u64,
    #[serde(default)]
    insecure_lab: bool,
    broker: Broker,
    #[serde(default)]
    commit: CommitLimits,
}

impl AgentConfig {
    /// Reads `agent.toml` and everything that it names. Paths in it are relative to it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file and what is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file: AgentFile = read_toml(path)?;
        let home = path.parent().unwrap_or(Path::new("."));
        let mut templates = Vec::new();
        for folder in &file.templates {
            for (path, template) in read_templates(&home.join(folder))? {
                template.check().map_err(|source| ConfigError::Template { path, source })?;
                templates.push(template);
            }
        }
        let site_path = home.join(&file.site_file);
        let site: SiteFile = read_toml(&site_path)?;
        let plant = Plant::new(site, templates)
            .map_err(|source| ConfigError::Site { path: site_path.clone(), source })?;
        if !plant.agents().contains(&file.agent) {
            let known = plant.agents().iter().map(ToString::to_string).collect();
            return Err(ConfigError::NoDevices { agent: file.agent, path: site_path, known });
        }
        let absolute = |path: Option<PathBuf>| path.map(|it| home.join(it));
        let broker = Broker {
            password_file: absolute(file.broker.password_file),
            ca_file: absolute(file.broker.ca_file),
            certificate_file: absolute(file.broker.certificate_file),
            key_file: absolute(file.broker.key_file),
            ..file.broker
        };
        Ok(Self {
            agent: file.agent,
            plant: Arc::new(plant),
            data_dir: home.join(file.data_dir),
            broker,
            spool: Limits { quota_bytes: file.quota_bytes, ballast_bytes: file.ballast_bytes },
            commit: file.commit,
            insecure_lab: file.insecure_lab,
        })
    }

    /// An agent as the demo and tests run it: everything usual, a plain broker on loopback.
    #[must_use]
    pub fn local(agent: AgentId, plant: Arc<Plant>, data_dir: PathBuf, broker: String) -> Self {
        Self {
            agent,
            plant,
            data_dir,
            broker: Broker {
                address: broker,
                user: None,
                password_file: None,
                ca_file: None,
                certificate_file: None,
                key_file: None,
                version: None,
            },
            spool: Limits { quota_bytes: quota_bytes(), ballast_bytes: 0 },
            commit: CommitLimits::default(),
            insecure_lab: false,
        }
    }
}

impl Broker {
    /// The broker of a link on which devices publish; `None` for other links.
    #[must_use]
    pub fn of_link(via: &Transport) -> Option<Self> {
        let Transport::Mqtt {
            broker,
            user,
            password_file,
            ca_file,
            certificate_file,
            key_file,
            version,
        } = via.clone()
        else {
            return None;
        };
        let [password_file, ca_file, certificate_file, key_file] =
            [password_file, ca_file, certificate_file, key_file].map(|it| it.map(PathBuf::from));
        let address = broker;
        Some(Self { address, user, password_file, ca_file, certificate_file, key_file, version })
    }

    /// What the MQTT client needs, with the files read.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for an address without a port, a file that cannot be read, or a broker
    /// elsewhere without encryption.
    pub fn connect_options(
        &self,
        client_id: String,
        insecure_lab: bool,
    ) -> Result<ConnectOptions, ConfigError> {
        let refused = || ConfigError::Address { address: self.address.clone() };
        let (host, port) = self.address.rsplit_once(':').ok_or_else(refused)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| 0_u16 < *port).ok_or_else(refused)?;
        if self.ca_file.is_none() && !insecure_lab && !is_loopback(host) {
            return Err(ConfigError::Plain { address: self.address.clone() });
        }
        let mut options = ConnectOptions::new(host, port, client_id);
        options.version = match self.version {
            None | Some(3) => Version::V311,
            Some(5) => Version::V5,
            Some(found) => {
                return Err(ConfigError::Version { address: self.address.clone(), found });
            }
        };
        if let Some(ca_file) = &self.ca_file {
            let client = match (&self.certificate_file, &self.key_file) {
                (Some(chain), Some(key)) => {
                    Some(ClientCertificate { chain_pem: read(chain)?, key_pem: read(key)? })
                }
                (None, None) => None,
                (Some(_), None) | (None, Some(_)) => {
                    return Err(ConfigError::HalfCertificate { address: self.address.clone() });
                }
            };
            options.tls = Some(Tls { ca_pem: read(ca_file)?, client });
        }
        if let Some(user) = &self.user {
            let password = match &self.password_file {
                Some(path) => read_text(path)?.trim_end_matches(['\n', '\r']).to_owned(),
                None => String::new(),
            };
            options.login = Some(Login { user: user.clone(), password });
        }
        Ok(options)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// Reads every template of a folder, sorted by file name. A template is only read, not checked.
///
/// # Errors
///
/// [`ConfigError`] for the first file that cannot be read.
pub fn read_templates(folder: &Path) -> Result<Vec<(PathBuf, DeviceTemplate)>, ConfigError> {
    let paths = template_paths(folder)?;
    paths.into_iter().map(|path| read_toml(&path).map(|template| (path, template))).collect()
}

/// The template files of a folder, sorted.
///
/// # Errors
///
/// [`ConfigError::Io`] when the folder cannot be listed.
pub fn template_paths(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let io = |source| ConfigError::Io { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads a TOML file into a checked type.
///
/// # Errors
///
/// [`ConfigError::Io`], or [`ConfigError::Toml`] with line and column.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = read_text(path)?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ConfigError::Toml {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            what: nearest::hinted(error.message()),
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Io { path: path.to_owned(), source })
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An address that is none.
    #[error("broker `{address}` is not of the form host:port")]
    Address {
        /// As it stands in the file.
        address: String,
    },
    /// A certificate without key, or the other way around.
    #[error("broker `{address}` has only one of `certificate_file` and `key_file`; give both")]
    HalfCertificate {
        /// Which broker.
        address: String,
    },
    /// A file or folder cannot be read.
    #[error("`{}` was not read", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The site file gives this agent nothing to do.
    #[error("`{}` has no device of agent `{agent}`; its agents are {}", path.display(), known.join(", "))]
    NoDevices {
        /// Who was looked for.
        agent: AgentId,
        /// The site file.
        path: PathBuf,
        /// Who is named there.
        known: Vec<String>,
    },
    /// A broker elsewhere without encryption.
    #[error(
        "broker `{address}` is not on this machine and has no `ca_file`; give one, or set \
         `insecure_lab = true` in a laboratory"
    )]
    Plain {
        /// Which broker.
        address: String,
    },
    /// The site file contradicts itself or the templates.
    #[error("`{}`", path.display())]
    Site {
        /// The site file.
        path: PathBuf,
        /// What is wrong with it.
        source: PlantError,
    },
    /// A template contradicts itself.
    #[error("`{}`", path.display())]
    Template {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// Not the TOML that was expected.
    #[error("{}:{line}:{column}: {what}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A version of MQTT that nobody speaks.
    #[error("broker `{address}` has `version = {found}`; MQTT has 3 (3.1.1) and 5")]
    Version {
        /// Which broker.
        address: String,
        /// What stands there.
        found: u8,
    },
}

/// Two gigabytes are two weeks of 200 readings a second.
fn quota_bytes() -> u64 {
    2 * 1024 * 1024 * 1024
}

/// Twice what the write-ahead log may grow to.
fn ballast_bytes() -> u64 {
    32 * 1024 * 1024
}

fn commit_every() -> Span {
    Span::from_millis(250)
}

fn commit_readings() -> usize {
    5_000
}

fn commit_bytes() -> usize {
    64 * 1024
}

/// How long the server's first acknowledgement may take before a batch is sent again.
pub const RESEND_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        AgentConfig::load(&path).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_agent_file_loads_with_everything_that_it_names() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/demo/agent.toml");
        let config = AgentConfig::load(&path).unwrap();
        assert_eq!(config.agent.as_str(), "edge-1");
        assert_eq!(config.plant.devices().count(), 7);
    }

    #[test]
    fn a_misspelt_key_is_refused_with_its_line() {
        let text = "agent = 'edge-1'\nsite_file = 's.toml'\n  quota_byte = 1\n";
        let refused = refused("agent.toml", text);
        assert!(refused.contains("agent.toml:3:3"), "{refused}");
        assert!(refused.contains("quota_bytes"), "{refused}");
    }

    #[test]
    fn a_plain_broker_elsewhere_is_refused_outside_a_laboratory() {
        let broker: Broker = toml::from_str("address = '10.0.0.7:1883'").unwrap();
        let options = |lab| broker.connect_options("c".to_owned(), lab);
        assert!(matches!(options(false), Err(ConfigError::Plain { .. })));
        assert_eq!(options(true).unwrap().port, 1883);
        let local: Broker = toml::from_str("address = '[::1]:1883'").unwrap();
        assert_eq!(local.connect_options("c".to_owned(), false).unwrap().host, "::1");
    }
}
