//! `forewarn config`: site, templates and rules as versioned texts in the records store.
//!
//! Files seed version 1 at the first start; from then on the store is the truth, append-only, and a
//! change is a new version with an author and a reason. A running server takes it at its next start.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use forewarn_detect::RuleSet;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::Time;
use forewarn_lifecycle::Clock;
use forewarn_store::records::audit::Deed;
use forewarn_store::records::{NewConfig, Records};

use crate::args::{ConfigOptions, ConfigWord};
use crate::files::{self, Text};
use crate::output::{self, Failure};
use crate::serve::ServerFile;

/// Everything that a plant is described by.
pub(crate) struct Described {
    pub(crate) site: Text,
    pub(crate) templates: Vec<Text>,
    pub(crate) rules: Text,
    /// The version of the rules that is in force; tickets name it.
    pub(crate) rules_version: i64,
}

impl Described {
    /// Reads the folder that [`ConfigWord::Export`] writes.
    fn read(folder: &Path) -> Result<Self, Failure> {
        Ok(Self {
            site: Text::read(&folder.join(SITE_FILE))?,
            templates: files::folder_texts(&folder.join(TEMPLATE_FOLDER), "toml")?,
            rules: Text::read(&folder.join(RULES_FILE))?,
            rules_version: 0,
        })
    }

    /// Loads everything once, so that nothing comes into force that a server cannot start with.
    pub(crate) fn check(&self) -> Result<(Plant, RuleSet), Failure> {
        let plant = Plant::new(self.site.parse()?, files::templates(&self.templates)?)?;
        let mut rules: RuleSet = self.rules.parse()?;
        rules.check()?;
        if let Ok(version @ 1..) = u32::try_from(self.rules_version) {
            rules.version = version;
        }
        Ok((plant, rules))
    }

    /// Every text with its kind, its id and the file that it is exported to.
    fn parts(&self) -> Result<Vec<(&'static str, String, PathBuf, &Text)>, Failure> {
        let mut parts = vec![
            (SITE, "site".to_owned(), PathBuf::from(SITE_FILE), &self.site),
            (RULES, "rules".to_owned(), PathBuf::from(RULES_FILE), &self.rules),
        ];
        for (text, template) in self.templates.iter().zip(files::templates(&self.templates)?) {
            let id = template.device.id.to_string();
            let file = Path::new(TEMPLATE_FOLDER).join(format!("{id}.toml"));
            parts.push((TEMPLATE, id, file, text));
        }
        Ok(parts)
    }
}

/// What is in force; seeds what is not there yet.
pub(crate) async fn in_force(
    records: &Records,
    seed: Described,
    now: Time,
) -> Result<Described, Failure> {
    seed.check()?;
    let mut described = Described { templates: Vec::new(), ..seed };
    let seeds = Described { templates: seed.templates, ..described.borrowed() };
    for (kind, id, _, text) in seeds.parts()? {
        let known = records.config(kind, &id).await?;
        let (version, toml) = match known {
            Some(known) => (known.version, known.config.toml),
            None => {
                let new = entry(kind, &id, text, ("forewarn", "first start"));
                (records.add_config(&new, now).await?, text.text.clone())
            }
        };
        let text = Text { name: format!("{kind} {id}, version {version}"), text: toml };
        match kind {
            SITE => described.site = text,
            RULES => (described.rules, described.rules_version) = (text, version),
            _ => described.templates.push(text),
        }
    }
    Ok(described)
}

/// The plant that the records describe; a data folder without such texts is the demo's.
pub(crate) async fn plant_of(records: &Records) -> Result<Plant, Failure> {
    let Some(site) = records.config(SITE, "site").await? else {
        let demo = files::shipped("config/demo/site.toml");
        let site = demo.first().ok_or("the demo's site file is not built in")?;
        return Ok(Plant::new(
            site.parse()?,
            files::templates(&files::shipped("config/devices/"))?,
        )?);
    };
    let text = |name: &str, text: String| Text { name: name.to_owned(), text };
    let site: forewarn_domain::site::SiteFile =
        text("the stored site", site.config.toml).parse()?;
    let mut templates = Vec::new();
    for source in site.devices.iter().flat_map(|it| &it.sources) {
        if let Some(stored) = records.config(TEMPLATE, source.template.as_str()).await? {
            templates.push(text(source.template.as_str(), stored.config.toml));
        }
    }
    templates.dedup_by(|a, b| a.name == b.name);
    let mut all = files::shipped("config/devices/");
    all.extend(templates);
    Ok(Plant::new(site, files::templates(&all)?)?)
}

impl Described {
    fn borrowed(&self) -> Self {
        Self {
            site: self.site.clone(),
            templates: Vec::new(),
            rules: self.rules.clone(),
            rules_version: self.rules_version,
        }
    }
}

/// Runs `forewarn config …`.
pub(crate) async fn run(options: &ConfigOptions) -> Result<ExitCode, Failure> {
    let (file, home) = ServerFile::read(&options.config)?;
    let data = home.join(&file.data_dir);
    fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    let records = Records::open_file(&data.join("records.db")).await?;
    let now = Time::from_micros(Clock::system().now_us());
    let described = in_force(&records, file.described(&home)?, now).await?;
    match &options.word {
        ConfigWord::Export { to } => {
            let object = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let deed = Deed::new("command", "export.config", &object, serde_json::json!({}));
            records.audit(&deed, now).await?;
            export(&described, to)
        }
        ConfigWord::Diff { from } => {
            let changed = differences(&described, &Described::read(from)?)?;
            changed.iter().for_each(|it| output::text(it));
            let is_same = changed.is_empty();
            Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_ATTENTION) })
        }
        ConfigWord::Apply { from, author, reason } => {
            let wanted = Described::read(from)?;
            wanted.check()?;
            for (kind, id, _, text) in wanted.parts()? {
                let before = records.config(kind, &id).await?.map(|it| it.version);
                let new = entry(kind, &id, text, (author, reason));
                let version = records.add_config(&new, now).await?;
                if before != Some(version) {
                    output::text(&format!("{kind} {id}: version {version}"));
                }
            }
            output::remark("a running server takes it at its next start");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn export(described: &Described, to: &Path) -> Result<ExitCode, Failure> {
    fs::create_dir_all(to.join(TEMPLATE_FOLDER))?;
    for (_, _, file, text) in described.parts()? {
        fs::write(to.join(&file), &text.text)?;
        output::text(&to.join(&file).display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// One line for each line that differs, in the order of the files.
fn differences(now: &Described, wanted: &Described) -> Result<Vec<String>, Failure> {
    let (now, wanted) = (now.parts()?, wanted.parts()?);
    let mut lines = Vec::new();
    for (kind, id, _, text) in &wanted {
        let known = now.iter().find(|(it, name, ..)| it == kind && name == id);
        let old: BTreeSet<&str> = known.map(|it| it.3.text.lines().collect()).unwrap_or_default();
        let new: BTreeSet<&str> = text.text.lines().collect();
        let removed = old.difference(&new).map(|line| format!("{kind} {id}: - {line}"));
        let added = new.difference(&old).map(|line| format!("{kind} {id}: + {line}"));
        lines.extend(removed.chain(added));
    }
    Ok(lines)
}

fn entry(kind: &str, id: &str, text: &Text, (author, reason): (&str, &str)) -> NewConfig {
    NewConfig {
        kind: kind.to_owned(),
        id: id.to_owned(),
        author: author.to_owned(),
        reason: reason.to_owned(),
        toml: text.text.clone(),
    }
}

const SITE: &str = "site";
const RULES: &str = "rules";
const TEMPLATE: &str = "template";
const SITE_FILE: &str = "site.toml";
const RULES_FILE: &str = "rules.toml";
const TEMPLATE_FOLDER: &str = "devices";

/// The exit code that says: it ran, and a person should look.
const NEEDS_ATTENTION: u8 = 4;
