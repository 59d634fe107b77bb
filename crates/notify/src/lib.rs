//! How a message reaches people and their systems: one file for each kind of channel.
//!
//! Rely on this: sending returns what the caller does next ([`Outcome`]), the same message keeps its
//! id over all attempts, a waiting receiver never waits for longer than a written limit, no secret
//! stands in a reason, and nothing is sent to an address that the guard does not allow.
//!
//! Deliberately absent: what has been told already and what is still to be told (the outbox keeps
//! that), and what a ticket means.
#![warn(missing_docs)]

pub mod config;
pub mod dingtalk;
pub mod email;
pub mod feishu;
pub mod guard;
mod http;
pub mod limit;
pub mod message;
pub mod pace;
pub mod provider;
mod redact;
mod render;
pub mod robot;
pub mod route;
pub mod webhook;
pub mod wecom;
pub mod window;

use std::time::Duration;

pub use config::{InvalidMessages, Messages, MessagesFile};
pub use dingtalk::DingTalk;
pub use email::Email;
pub use feishu::Feishu;
pub use guard::Guard;
pub use http::InvalidTarget;
pub use message::{Line, Message, Text, Tongue};
pub use provider::Provider;
pub use redact::Secret;
pub use webhook::Webhook;
pub use wecom::WeCom;

/// A way to tell somebody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Channel {
    /// A `DingTalk` group robot.
    DingTalk(DingTalk),
    /// Mail over SMTP.
    Email(Box<Email>),
    /// A Feishu group robot.
    Feishu(Feishu),
    /// A provider of text messages or calls, described by a template.
    Provider(Box<Provider>),
    /// A `WeCom` group robot.
    WeCom(WeCom),
    /// A signed HTTP request to a system.
    Webhook(Webhook),
}

impl Channel {
    /// Makes one attempt. `now_s` is the wall clock in seconds since 1970, for signatures and dates.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        match self {
            Self::DingTalk(robot) => robot.send(message, now_s).await,
            Self::Email(mail) => mail.send(message, now_s).await,
            Self::Feishu(robot) => robot.send(message, now_s).await,
            Self::Provider(provider) => provider.send(message, now_s).await,
            Self::WeCom(robot) => robot.send(message).await,
            Self::Webhook(webhook) => webhook.send(message, now_s).await,
        }
    }

    /// Whether people read it. Systems want every event, at once and one by one.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        !matches!(self, Self::Webhook(_))
    }

    /// The kind, as the configuration and pages write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DingTalk(_) => "dingtalk",
            Self::Email(_) => "email",
            Self::Feishu(_) => "feishu",
            Self::Provider(_) => "provider",
            Self::WeCom(_) => "wecom",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// What came of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// Nothing arrives there until somebody repairs the settings: a wrong key, signature or address.
    /// This message is as good as any other, so it waits, or goes another way.
    Locked {
        /// Why, in words for the health page.
        reason: String,
    },
    /// It did not arrive, and never will: the receiver does not want this message.
    Refused {
        /// Why, in words for the health page.
        reason: String,
    },
    /// It may arrive later.
    Retry {
        /// How long the receiver asked us to wait, when it said so.
        after: Option<Duration>,
        /// Why, in words for the health page.
        reason: String,
    },
}
