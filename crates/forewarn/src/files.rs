//! Site files, templates, rules and models: read from a folder, or the ones that are built in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forewarn_detect::RuleSet;
use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_engine::Knowledge;

use crate::output::Failure;

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// A text with the name under which it is spoken of.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Text {
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self { name: path.display().to_string(), text }),
            Err(source) => Err(FileError::Unreadable { path: path.to_owned(), source }),
        }
    }

    pub(crate) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, FileError> {
        toml::from_str(&self.text).map_err(|source| FileError::Invalid {
            name: self.name.clone(),
            source: Box::new(source),
        })
    }
}

/// The built-in files whose path begins with a folder, e.g. `config/devices/`.
pub(crate) fn shipped(folder: &str) -> Vec<Text> {
    SHIPPED
        .iter()
        .filter(|(path, _)| path.starts_with(folder))
        .map(|(path, text)| Text { name: (*path).to_owned(), text: (*text).to_owned() })
        .collect()
}

/// Reads a site file, with the templates in `devices/` beside it and the built-in ones.
pub(crate) fn plant(site: &Path) -> Result<Arc<Plant>, Failure> {
    let (file, templates) = site_file(site)?;
    Ok(Arc::new(Plant::new(file, templates)?))
}

/// Reads a site file and the templates that it may name, without joining them.
pub(crate) fn site_file(site: &Path) -> Result<(SiteFile, Vec<DeviceTemplate>), FileError> {
    let folder = site.parent().unwrap_or(Path::new(".")).join("devices");
    let mut texts = shipped("config/devices/");
    if folder.is_dir() {
        texts.extend(folder_texts(&folder, "toml")?);
    }
    Ok((Text::read(site)?.parse()?, templates(&texts)?))
}

/// The templates of several texts; a later one of the same id counts.
pub(crate) fn templates(texts: &[Text]) -> Result<Vec<DeviceTemplate>, FileError> {
    texts.iter().map(Text::parse).collect()
}

/// The built-in rules and models; `rules` and `models` name others.
pub(crate) fn knowledge(rules: Option<&Path>, models: Option<&Path>) -> Result<Knowledge, Failure> {
    let rules = match rules {
        Some(path) => Text::read(path)?,
        None => one("config/rules/default.toml")?,
    };
    let (modes, bearings) = match models {
        Some(folder) => {
            let modes = folder_texts(&folder.join("failure-modes"), "toml")?;
            (modes, Text::read(&folder.join("bearings.csv"))?)
        }
        None => (shipped("models/failure-modes/"), one("models/bearings.csv")?),
    };
    let rules: RuleSet = rules.parse()?;
    let modes = modes.iter().map(|it| (it.name.as_str(), it.text.as_str()));
    let library = Arc::new(Library::parse(modes)?);
    let bearings = Arc::new(Catalogue::parse(&bearings.text)?);
    Ok(Knowledge { rules, library, bearings })
}

/// Writes every built-in file below a prefix into a folder.
pub(crate) fn write_shipped(prefix: &str, into: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut written = Vec::new();
    for (path, text) in SHIPPED.iter().filter(|(path, _)| path.starts_with(prefix)) {
        let path = into.join(path);
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, text)
        };
        write().map_err(|source| FileError::Unwritable { path: path.clone(), source })?;
        written.push(path);
    }
    Ok(written)
}

/// One built-in file.
pub(crate) fn one(path: &str) -> Result<Text, FileError> {
    let found = shipped(path).into_iter().next();
    found.ok_or_else(|| FileError::NotShipped { name: path.to_owned() })
}

pub(crate) fn folder_texts(folder: &Path, ending: &str) -> Result<Vec<Text>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|it| it == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| Text::read(path)).collect()
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{name}")]
    Invalid { name: String, source: Box<toml::de::Error> },
    #[error("`{name}` is not built into this program")]
    NotShipped { name: String },
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} cannot be written", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
}
