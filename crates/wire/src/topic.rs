//! The names of all topics: the only place that writes or reads one.
//!
//! `forewarn/v1/<site>/<agent>/…` and then `d/<stream>` for batches, `a` for acknowledgements,
//! `hello`, `status` and `c` for configuration. Ids need no escaping, since their letters were
//! checked where they were parsed.
//!
//! Deliberately absent: the topics on which foreign devices publish; those stand in site files.

use std::fmt;
use std::str::FromStr;

use forewarn_domain::id::{AgentId, InvalidId, SiteId};
use forewarn_domain::reading::{InvalidStream, Stream};

/// Where an agent is at home: its part of a topic's name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AgentAddress {
    /// The plant.
    pub site: SiteId,
    /// The agent in it.
    pub agent: AgentId,
}

impl AgentAddress {
    /// One of this agent's topics.
    #[must_use]
    pub fn topic(&self, purpose: Purpose) -> Topic {
        Topic { address: self.clone(), purpose }
    }
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.agent)
    }
}

/// A checked topic name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Topic {
    /// Whose topic it is.
    pub address: AgentAddress,
    /// What travels on it.
    pub purpose: Purpose,
}

/// What travels on a topic.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Purpose {
    /// Server to agent: which batches are durable.
    Ack,
    /// Server to agent: configuration, retained.
    Config,
    /// Agent to server: the batches of one stream.
    Data(Stream),
    /// Agent to server, after each connect: where its streams stand.
    Hello,
    /// Agent to server, retained, and the broker's word when the agent is lost.
    Status,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AgentAddress { site, agent } = &self.address;
        write!(f, "{ROOT}/{VERSION}/{site}/{agent}/")?;
        match self.purpose {
            Purpose::Ack => f.write_str(ACK),
            Purpose::Config => f.write_str(CONFIG),
            Purpose::Data(stream) => write!(f, "{DATA}/{stream}"),
            Purpose::Hello => f.write_str(HELLO),
            Purpose::Status => f.write_str(STATUS),
        }
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let foreign = || InvalidTopic::Foreign { text: shortened(text) };
        let mut levels = text.split('/');
        let (root, version) = (levels.next(), levels.next());
        if root != Some(ROOT) {
            return Err(foreign());
        }
        if version != Some(VERSION) {
            let found = shortened(version.unwrap_or_default());
            return Err(InvalidTopic::Version { found });
        }
        let (Some(site), Some(agent)) = (levels.next(), levels.next()) else {
            return Err(foreign());
        };
        let address = AgentAddress { site: SiteId::new(site)?, agent: AgentId::new(agent)? };
        let purpose = match (levels.next(), levels.next(), levels.next()) {
            (Some(ACK), None, None) => Purpose::Ack,
            (Some(CONFIG), None, None) => Purpose::Config,
            (Some(DATA), Some(stream), None) => Purpose::Data(stream_of(stream)?),
            (Some(HELLO), None, None) => Purpose::Hello,
            (Some(STATUS), None, None) => Purpose::Status,
            _ => return Err(InvalidTopic::Purpose { text: shortened(text) }),
        };
        Ok(Self { address, purpose })
    }
}

/// The filters under which a server hears all agents of all its sites.
#[must_use]
pub fn server_filters() -> [String; 3] {
    let all = format!("{ROOT}/{VERSION}/+/+");
    [format!("{all}/{DATA}/+"), format!("{all}/{HELLO}"), format!("{all}/{STATUS}")]
}

/// The topics that an agent reads: its own acknowledgements and its own configuration.
#[must_use]
pub fn agent_filters(address: &AgentAddress) -> [String; 2] {
    [address.topic(Purpose::Ack).to_string(), address.topic(Purpose::Config).to_string()]
}

fn stream_of(text: &str) -> Result<Stream, InvalidTopic> {
    match text.parse::<u8>() {
        // `+1` and `01` also parse, and would give one stream two names.
        Ok(number) if number.to_string() == text => Ok(Stream::try_from(number)?),
        Ok(_) | Err(_) => Err(InvalidTopic::StreamText { text: shortened(text) }),
    }
}

/// A name from outside may be 64 KiB long; a log line needs only its beginning.
fn shortened(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// Why a topic name is not one of ours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTopic {
    /// It does not have our beginning.
    #[error("topic `{text}` does not begin with {ROOT}/{VERSION}/<site>/<agent>")]
    Foreign {
        /// Its beginning.
        text: String,
    },
    /// The site or the agent is not an id.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// The end says none of the things that travel here.
    #[error("topic `{text}` must end in d/<stream>, a, hello, status or c")]
    Purpose {
        /// Its beginning.
        text: String,
    },
    /// A stream that does not exist.
    #[error(transparent)]
    Stream(#[from] InvalidStream),
    /// The stream is not a plain number.
    #[error("topic names stream `{text}`; a plain number is expected")]
    StreamText {
        /// What stands there.
        text: String,
    },
    /// An agent or server of another generation.
    #[error("topic has version `{found}`; this program speaks {VERSION}")]
    Version {
        /// What stands there.
        found: String,
    },
}

const ROOT: &str = "forewarn";
const VERSION: &str = "v1";
const ACK: &str = "a";
const CONFIG: &str = "c";
const DATA: &str = "d";
const HELLO: &str = "hello";
const STATUS: &str = "status";

/// Two whole addresses fit, and a log line stays one line.
const SHOWN_CHARS_MAX: usize = 160;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address() -> AgentAddress {
        AgentAddress { site: SiteId::new("plant-1").unwrap(), agent: AgentId::new("gw-7").unwrap() }
    }

    #[test]
    fn every_purpose_has_its_frozen_name_and_reads_back() {
        let data = Stream::ALL.map(Purpose::Data);
        let purposes = [Purpose::Ack, Purpose::Config, Purpose::Hello, Purpose::Status]
            .into_iter()
            .chain(data);
        let names: Vec<String> =
            purposes.map(|purpose| address().topic(purpose).to_string()).collect();
        let ends = ["a", "c", "hello", "status", "d/0", "d/1", "d/2"];
        for (name, end) in names.iter().zip(ends) {
            assert_eq!(name, &format!("forewarn/v1/plant-1/gw-7/{end}"));
            assert_eq!(&name.parse::<Topic>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn a_refusal_names_its_reason() {
        let check = |text: &str, expected: &str| {
            let refused = text.parse::<Topic>().unwrap_err().to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        };
        check("", "does not begin");
        check("forewarn", "version ``");
        check("forewarn/v2/plant-1/gw-7/a", "speaks v1");
        check("forewarn/v1/plant-1", "does not begin");
        check("forewarn/v1/Plant/gw-7/a", "site id");
        check("forewarn/v1/plant-1//a", "agent id");
        check("forewarn/v1/plant-1/gw-7/d/3", "stream 3 does not exist");
        check("forewarn/v1/plant-1/gw-7/d/01", "plain number");
        check("forewarn/v1/plant-1/gw-7/d", "must end in");
        check("forewarn/v1/plant-1/gw-7/a/b", "must end in");
        check("forewarn/v1/plant-1/gw-7/d/1/x/y", "must end in");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_what_is_accepted_is_canonical(text in "(forewarn/v1/)?.{0,60}") {
            if let Ok(topic) = text.parse::<Topic>() {
                prop_assert_eq!(topic.to_string(), text);
            }
        }
    }
}
