//! `server.toml`: the server's own settings. Nothing in it speaks of machines.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files::{self, Text};
use crate::output::Failure;
use crate::retention::Kept;
use crate::versions::Described;

/// `server.toml`: the server's own settings. Paths are relative to the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerFile {
    /// The plant.
    pub(crate) site_file: PathBuf,
    /// Where everything is kept.
    pub(crate) data_dir: PathBuf,
    /// Where the page is served.
    #[serde(default = "loopback")]
    pub(crate) http: SocketAddr,
    /// Over which broker agents are reached.
    pub(crate) broker: BrokerChoice,
    /// Readings store: `chunks`, or `influx://host:port/database`.
    #[serde(default = "chunks")]
    pub(crate) readings: String,
    /// Rules, where they are not the shipped ones.
    pub(crate) rules: Option<PathBuf>,
    /// Models, where they are not the shipped ones.
    pub(crate) models: Option<PathBuf>,
    /// How long what is kept, by class: `vibration`, `process`, `context`.
    #[serde(default)]
    pub(crate) retention: BTreeMap<String, Kept>,
    /// Systems that are told what happens to tickets.
    #[serde(default, rename = "webhook")]
    pub(crate) webhooks: Vec<WebhookEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum BrokerChoice {
    /// A broker in this process, on loopback: for one machine.
    Embedded {
        /// Where it listens; loopback only.
        listen: SocketAddr,
    },
    /// Any MQTT broker.
    External {
        host: String,
        port: u16,
        user: Option<String>,
        password_file: Option<PathBuf>,
        ca_file: Option<PathBuf>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookEntry {
    /// Under which name the outbox addresses it.
    pub(crate) name: String,
    pub(crate) url: String,
    /// File that holds the secret `whsec_…`.
    pub(crate) secret_file: PathBuf,
}

impl ServerFile {
    /// Reads the settings; the folder is the one that their paths are relative to.
    pub(crate) fn read(path: &Path) -> Result<(Self, PathBuf), Failure> {
        let home = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok((Text::read(path)?.parse()?, home))
    }

    /// The plant as its files describe it: site, the built-in templates and those in `devices/` beside
    /// the site file, rules.
    pub(crate) fn described(&self, home: &Path) -> Result<Described, Failure> {
        let site = home.join(&self.site_file);
        let own = site.parent().unwrap_or(home).join("devices");
        let mut templates = files::shipped("config/devices/");
        if own.is_dir() {
            let own = files::folder_texts(&own, "toml")?;
            let ids = |texts: &[Text]| -> Result<Vec<_>, Failure> {
                Ok(files::templates(texts)?.into_iter().map(|it| it.device.id).collect())
            };
            let (own_ids, shipped_ids) = (ids(&own)?, ids(&templates)?);
            let mut is_own = shipped_ids.iter().map(|id| own_ids.contains(id));
            templates.retain(|_| !is_own.next().unwrap_or(false));
            templates.extend(own);
        }
        let rules = match &self.rules {
            Some(path) => Text::read(&home.join(path))?,
            None => files::one("config/rules/default.toml")?,
        };
        Ok(Described { site: Text::read(&site)?, templates, rules, rules_version: 0 })
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn chunks() -> String {
    "chunks".to_owned()
}
