//! `[messages]` of `server.toml`: channels, who gets what, and how fast.
//!
//! Strict: a misspelt name, an unknown channel, a channel that nobody speaks to, or a circle of
//! stand-ins is refused with its place. Secrets are named here, never written here.

mod check;

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use forewarn_domain::time::Span;
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Deserializer};

use crate::email::{self, Encryption, Server};
use crate::pace::{Cap, Pace, Quiet};
use crate::route::Route;
use crate::webhook::SigningKey;
use crate::window::{OnceADay, time_of_day};
use crate::{
    Channel, DingTalk, Email, Feishu, Guard, Provider, Secret, Tongue, WeCom, Webhook, dingtalk,
    feishu, wecom,
};
pub use check::InvalidMessages;
use check::{check_fallbacks, check_routes, usual};

/// What people and systems are told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagesFile {
    /// Under which address people reach the page; links in messages begin with it.
    pub public_url: Option<String>,
    /// Private networks that messages may be sent to, e.g. `10.20.0.0/16`.
    #[serde(default)]
    pub allow: Vec<String>,
    /// When people are told how the day went, `18:00` without it; `never`.
    #[serde(default)]
    pub daily: Daily,
    /// Channels.
    #[serde(default, rename = "channel")]
    pub channels: Vec<ChannelEntry>,
    /// Who gets what. Without any, systems get everything, and people what asks for work.
    #[serde(default, rename = "route")]
    pub routes: Vec<Route>,
}

/// A time of day, or never.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Daily(pub Option<NaiveTime>);

impl Default for Daily {
    fn default() -> Self {
        Self(NaiveTime::from_hms_opt(18, 0, 0))
    }
}

impl<'de> Deserialize<'de> for Daily {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self(None));
        }
        time_of_day(text.as_str().into_deserializer()).map(|it| Self(Some(it)))
    }
}

/// A channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelEntry {
    /// Its name in routes, on pages and in the outbox.
    pub id: String,
    /// How it is reached.
    pub via: Via,
    /// In which language it speaks: `zh`, `en` or `both`.
    pub language: Option<Tongue>,
    /// Hours in which only urgent messages are sent.
    pub quiet: Option<Quiet>,
    /// Most messages in a while.
    pub cap: Option<Cap>,
    /// How long a message waits for company.
    pub gather: Option<Span>,
    /// Most requests in a minute, where the service allows another number than most do.
    pub per_minute: Option<u32>,
    /// Who is told when this channel fails.
    pub fallback: Option<Fallback>,
    /// Last day of its key; a week before, this channel and its stand-in say so.
    pub expires: Option<NaiveDate>,
}

/// A stand-in.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Which channel.
    pub to: String,
    /// After how long without delivery; at once when a message or the whole channel is refused.
    #[serde(default = "ten_minutes")]
    pub after: Span,
}

/// How a channel is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Via {
    /// A `DingTalk` group robot with a signature.
    Dingtalk {
        /// The token in the robot's address.
        token: SecretFrom,
        /// The secret `SEC…` of its signature.
        secret: SecretFrom,
        /// Telephone numbers that each message calls.
        #[serde(default)]
        mention: Vec<String>,
        /// Where the service is.
        url: Option<String>,
    },
    /// Mail.
    Email {
        /// Name of the server.
        host: String,
        /// 465 or 587 as a rule.
        port: u16,
        /// `start_tls`, `tls` or `none`.
        #[serde(default)]
        encryption: Encryption,
        /// User of the server.
        user: Option<String>,
        /// Its password or authorisation code.
        password: Option<SecretFrom>,
        /// Certificate authority in PEM.
        ca_file: Option<PathBuf>,
        /// Mailbox that sends.
        from: String,
        /// Mailboxes that receive.
        to: Vec<String>,
    },
    /// A Feishu or Lark group robot with a signature.
    Feishu {
        /// Last part of the robot's address.
        hook: SecretFrom,
        /// The secret of its signature.
        secret: SecretFrom,
        /// The address without its last part.
        url: Option<String>,
    },
    /// A provider of text messages or calls.
    Provider {
        /// File with the template `forewarn.provider/1`.
        template: PathBuf,
        /// Key of the provider.
        secret: SecretFrom,
        /// Telephone numbers.
        to: Vec<String>,
    },
    /// A `WeCom` group robot.
    Wecom {
        /// The key in the robot's address.
        key: SecretFrom,
        /// User ids that each message calls.
        #[serde(default)]
        mention: Vec<String>,
        /// Where the service is.
        url: Option<String>,
    },
    /// A signed HTTP request to a system.
    Webhook {
        /// Its address.
        url: String,
        /// Secrets `whsec_…`; with several, each signs.
        secrets: Vec<SecretFrom>,
    },
}

/// Where a secret is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretFrom {
    /// In a variable of the environment.
    Env(String),
    /// In a file, relative to `server.toml`.
    File(PathBuf),
}

/// Everything that messages need, checked.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// The channels.
    pub outlets: Vec<Outlet>,
    /// Who gets what.
    pub routes: Vec<Route>,
    /// The plant's time zone.
    pub zone: Tz,
}

/// A channel with how it speaks.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// Its name.
    pub id: String,
    /// How it is reached.
    pub channel: Channel,
    /// How it speaks.
    pub pace: Pace,
    /// Most requests in a minute.
    pub per_minute: u32,
    /// Who is told when it fails.
    pub fallback: Option<Fallback>,
    /// Last day of its key.
    pub expires: Option<NaiveDate>,
    /// Where links begin, without a slash at the end.
    pub links: Option<String>,
    /// When it is told how the day went.
    pub daily: Option<OnceADay>,
}

impl MessagesFile {
    /// Reads the secrets and templates, and checks that everything fits together. `home` is the folder
    /// that paths are relative to, `zone` the plant's time zone.
    ///
    /// # Errors
    ///
    /// [`InvalidMessages`] names the channel or route.
    pub fn open(&self, home: &Path, zone: &str) -> Result<Messages, InvalidMessages> {
        let zone: Tz = zone
            .parse()
            .map_err(|source| InvalidMessages::Zone { found: zone.to_owned(), source })?;
        let guard = Guard::new(&self.allow).map_err(wrong("allow"))?;
        let mut outlets: Vec<Outlet> = Vec::new();
        for entry in &self.channels {
            let is_name = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
            if entry.id.is_empty() || entry.id == LOG || !entry.id.chars().all(is_name) {
                return Err(InvalidMessages::Name { found: entry.id.clone() });
            }
            if outlets.iter().any(|it| it.id == entry.id) {
                return Err(InvalidMessages::Twice { id: entry.id.clone() });
            }
            outlets.push(entry.open(home, &guard, zone)?);
        }
        let routes = if self.routes.is_empty() { usual(&outlets) } else { self.routes.clone() };
        check_routes(&routes, &outlets)?;
        check_fallbacks(&outlets)?;
        let stand_ins: Vec<&str> =
            self.channels.iter().filter_map(|it| Some(it.fallback.as_ref()?.to.as_str())).collect();
        let links = self.public_url.as_ref().map(|it| it.trim_end_matches('/').to_owned());
        for outlet in &mut outlets {
            outlet.links.clone_from(&links);
            let is_read =
                outlet.channel.is_for_people() && !stand_ins.contains(&outlet.id.as_str());
            outlet.daily = self.daily.0.filter(|_| is_read).map(|at| OnceADay { at, zone });
        }
        Ok(Messages { outlets, routes, zone })
    }
}

impl ChannelEntry {
    fn open(&self, home: &Path, guard: &Guard, zone: Tz) -> Result<Outlet, InvalidMessages> {
        let (channel, per_minute) = self.channel(home, guard)?;
        let usual =
            if channel.is_for_people() { Pace::for_people(zone) } else { Pace::for_systems() };
        let pace = Pace {
            gather: self.gather.unwrap_or(usual.gather),
            cap: self.cap.or(usual.cap),
            quiet: self.quiet,
            zone,
            ..usual
        };
        Ok(Outlet {
            id: self.id.clone(),
            channel,
            pace,
            per_minute: self.per_minute.unwrap_or(per_minute).max(1),
            fallback: self.fallback.clone(),
            expires: self.expires,
            links: None,
            daily: None,
        })
    }

    /// The channel, and how many requests in a minute its like allows.
    fn channel(&self, home: &Path, guard: &Guard) -> Result<(Channel, u32), InvalidMessages> {
        let id = self.id.as_str();
        let secret = |from: &SecretFrom| from.read(home, id);
        let tongue = |usual| self.language.unwrap_or(usual);
        Ok(match &self.via {
            Via::Dingtalk { token, secret: key, mention, url } => {
                let url = url.as_deref().unwrap_or(dingtalk::URL);
                let robot = DingTalk::new(url, secret(token)?, secret(key)?, guard);
                let robot = robot.map_err(wrong(id))?.speaking(tongue(Tongue::Zh), mention.clone());
                (Channel::DingTalk(robot), dingtalk::PER_MINUTE)
            }
            Via::Feishu { hook, secret: key, url } => {
                let url = url.as_deref().unwrap_or(feishu::URL);
                let robot = Feishu::new(url, secret(hook)?, secret(key)?, guard);
                let robot = robot.map_err(wrong(id))?.speaking(tongue(Tongue::Zh));
                (Channel::Feishu(robot), feishu::PER_MINUTE)
            }
            Via::Wecom { key, mention, url } => {
                let url = url.as_deref().unwrap_or(wecom::URL);
                let robot = WeCom::new(url, secret(key)?, guard).map_err(wrong(id))?;
                let robot = robot.speaking(tongue(Tongue::Zh), mention.clone());
                (Channel::WeCom(robot), wecom::PER_MINUTE)
            }
            Via::Email { .. } => {
                let mail = self.mail(home, guard)?.speaking(tongue(Tongue::Both));
                (Channel::Email(Box::new(mail)), email::PER_MINUTE)
            }
            Via::Provider { template, secret: key, to } => {
                let text = read(&home.join(template), id)?;
                let template = toml::from_str(&text).map_err(wrong(id))?;
                let provider = Provider::new(template, secret(key)?, to.clone(), guard);
                let provider = provider.map_err(wrong(id))?.speaking(tongue(Tongue::Zh));
                (Channel::Provider(Box::new(provider)), PROVIDER_PER_MINUTE)
            }
            Via::Webhook { url, secrets } => {
                let keys = secrets.iter().map(|it| {
                    let secret = secret(it)?;
                    SigningKey::new(&secret).map_err(wrong(id))
                });
                let keys = keys.collect::<Result<Vec<_>, _>>()?;
                let webhook = Webhook::new(url, keys, guard).map_err(wrong(id))?;
                (Channel::Webhook(webhook), WEBHOOK_PER_MINUTE)
            }
        })
    }

    fn mail(&self, home: &Path, guard: &Guard) -> Result<Email, InvalidMessages> {
        let Via::Email { host, port, encryption, user, password, ca_file, from, to } = &self.via
        else {
            unreachable!("the caller looked")
        };
        let id = self.id.as_str();
        let login = match (user, password) {
            (Some(user), Some(password)) => Some((user.clone(), password.read(home, id)?)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(InvalidMessages::HalfLogin { id: id.to_owned() });
            }
        };
        let ca_pem = match ca_file {
            Some(path) => Some(read(&home.join(path), id)?.into_bytes()),
            None => None,
        };
        let (host, port, encryption) = (host.clone(), *port, *encryption);
        let server = Server { host, port, encryption, login, ca_pem };
        Email::new(server, from, to, guard).map_err(wrong(id))
    }
}

impl SecretFrom {
    fn read(&self, home: &Path, id: &str) -> Result<Secret, InvalidMessages> {
        let (text, place) = match self {
            Self::Env(name) => (std::env::var(name).unwrap_or_default(), format!("${name}")),
            Self::File(path) => {
                let path = home.join(path);
                (read(&path, id)?, path.display().to_string())
            }
        };
        let secret = Secret::new(&text);
        if secret.is_empty() {
            return Err(InvalidMessages::NoSecret { id: id.to_owned(), place });
        }
        Ok(secret)
    }
}

fn read(path: &Path, id: &str) -> Result<String, InvalidMessages> {
    std::fs::read_to_string(path).map_err(|source| InvalidMessages::File {
        id: id.to_owned(),
        path: path.to_owned(),
        source,
    })
}

fn wrong<E>(id: &str) -> impl FnOnce(E) -> InvalidMessages
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| InvalidMessages::Channel { id: id.to_owned(), source: Box::new(source) }
}

fn ten_minutes() -> Span {
    Span::from_secs(600)
}

/// The name under which the outbox addresses the log of the server.
pub(crate) const LOG: &str = "log";

/// Most providers allow more; a person does not read more.
const PROVIDER_PER_MINUTE: u32 = 20;

/// Ten a second, so that a storm of a thousand tickets reaches a system within two minutes.
const WEBHOOK_PER_MINUTE: u32 = 600;
