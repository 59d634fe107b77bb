//! How a message reaches people and their systems: one file for each kind of channel.
//!
//! Rely on this: sending returns what the caller does next ([`Outcome`]), the same message keeps its
//! id over all attempts, and a waiting receiver never waits for longer than a written limit.
//!
//! Deliberately absent: whom to tell, when to try again, and what has been told already; the
//! outbox keeps that.
#![warn(missing_docs)]

pub mod message;
pub mod webhook;

use std::time::Duration;

pub use message::Message;
pub use webhook::Webhook;

/// A way to tell somebody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Channel {
    /// A signed HTTP request to a system.
    Webhook(Webhook),
}

impl Channel {
    /// Makes one attempt. `now_s` is the wall clock in seconds since 1970, for the signature.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        match self {
            Self::Webhook(webhook) => webhook.send(message, now_s).await,
        }
    }
}

/// What came of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It did not arrive, and never will: the receiver does not want it.
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
