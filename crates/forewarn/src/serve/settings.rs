//! `server.toml`: the server's own settings. Nothing in it speaks of machines.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use forewarn_notify::MessagesFile;
use serde::Deserialize;

use super::http::HttpChoice;
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
    #[serde(default)]
    pub(crate) http: HttpChoice,
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
    /// Whom to tell what happens to tickets.
    #[serde(default)]
    pub(crate) messages: MessagesFile,
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

fn chunks() -> String {
    "chunks".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_describe_a_plant_that_a_server_can_start_with() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/demo/server.toml");
        let (file, home) = ServerFile::read(&path).expect("the file loads");
        let described = file.described(&home).expect("its files load");
        let (plant, rules) = described.check().expect("they fit together");
        assert_eq!(plant.devices().count(), 7);
        assert!(!rules.rules.is_empty());
        let policy = crate::retention::policy(&plant, &file.retention).expect("known classes");
        let raw =
            |channel: &str| policy.spans(policy.class(&channel.parse().expect("a channel"))).raw;
        assert_eq!(raw("press-01/plc/oil_temp").to_string(), "400d");
        assert_eq!(raw("pump-01/sensor/z_vel_rms").to_string(), "100d");
    }

    #[test]
    fn a_misspelt_setting_is_named_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.toml");
        let text = "site_file = 's'\ndata_dir = 'd'\nhtpp = '127.0.0.1:1'\n\
                    broker = { embedded = { listen = '127.0.0.1:1' } }\n";
        std::fs::write(&path, text).expect("written");
        let error = ServerFile::read(&path).expect_err("refused");
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains("htpp") && cause.contains("line 3"), "{cause}");
    }
}
