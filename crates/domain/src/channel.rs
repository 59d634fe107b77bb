//! A channel: one measured point of one source of one device, `device/source/point`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, InvalidId, PointId, SourceId};

/// The full name of a series of readings, e.g. `mill-01/spindle/acc.z.hf_rms`.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelId(Arc<str>);

impl ChannelId {
    /// Joins the three checked parts.
    #[must_use]
    pub fn new(device: &DeviceId, source: &SourceId, point: &PointId) -> Self {
        Self(Arc::from(format!("{device}/{source}/{point}")))
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The device part.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId::new(self.part(0)).expect("checked when the channel was made")
    }

    /// The device part as text, without making an id.
    #[must_use]
    pub fn device_str(&self) -> &str {
        self.part(0)
    }

    /// The source part.
    #[must_use]
    pub fn source(&self) -> SourceId {
        SourceId::new(self.part(1)).expect("checked when the channel was made")
    }

    /// The point part.
    #[must_use]
    pub fn point(&self) -> PointId {
        PointId::new(self.part(2)).expect("checked when the channel was made")
    }

    /// The point part as text.
    #[must_use]
    pub fn point_str(&self) -> &str {
        self.part(2)
    }

    fn part(&self, index: usize) -> &str {
        self.0.split('/').nth(index).unwrap_or_default()
    }
}

impl FromStr for ChannelId {
    type Err = InvalidChannel;

    fn from_str(text: &str) -> Result<Self, InvalidChannel> {
        let parts: Vec<&str> = text.split('/').collect();
        let [device, source, point] = parts.as_slice() else {
            return Err(InvalidChannel::Parts { text: text.to_owned() });
        };
        let device = DeviceId::new(device)?;
        let source = SourceId::new(source)?;
        let point = PointId::new(point)?;
        Ok(Self::new(&device, &source, &point))
    }
}

impl TryFrom<String> for ChannelId {
    type Error = InvalidChannel;

    fn try_from(text: String) -> Result<Self, InvalidChannel> {
        text.parse()
    }
}

impl From<ChannelId> for String {
    fn from(channel: ChannelId) -> Self {
        channel.0.as_ref().to_owned()
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no channel.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidChannel {
    /// One of the parts is not an id.
    #[error(transparent)]
    Part(#[from] InvalidId),
    /// Not three parts.
    #[error("channel `{text}` is not of the form device/source/point")]
    Parts {
        /// The refused text.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_exactly_three_checked_parts() {
        let channel: ChannelId = "mill-01/spindle/acc.z.hf_rms".parse().expect("valid");
        assert_eq!(channel.device().as_str(), "mill-01");
        assert_eq!(channel.source().as_str(), "spindle");
        assert_eq!(channel.point().as_str(), "acc.z.hf_rms");
        for text in ["mill-01", "a/b", "a/b/c/d", "A/b/c", "a//c"] {
            assert!(text.parse::<ChannelId>().is_err(), "{text} was accepted");
        }
    }
}
