//! Where messages may be sent: public addresses, and private ones that the configuration names.
//!
//! Rely on this: a name is resolved once for each attempt, every address is checked, and the connection
//! goes to a checked address, so a name that changes its answer between check and use gains nothing.
//! When in doubt nothing is sent. Plain text, without TLS, goes to named networks only.
//!
//! The special networks are those of RFC 6890 and its successors in the IANA registries.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

/// Decides which addresses may be reached.
#[derive(Clone)]
pub struct Guard {
    allow: Arc<[Network]>,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    /// Public addresses, and these networks, e.g. `10.20.0.0/16`, `192.168.1.7`, `fd00::/8`.
    ///
    /// # Errors
    ///
    /// [`InvalidNetwork`] names the text that is no network.
    pub fn new(allow: &[String]) -> Result<Self, InvalidNetwork> {
        let allow = allow.iter().map(|it| it.parse()).collect::<Result<Vec<Network>, _>>()?;
        Ok(Self { allow: allow.into(), lookup: Arc::new(System) })
    }

    /// The same with another way to resolve names.
    #[must_use]
    pub fn with_lookup(mut self, lookup: Arc<dyn Lookup>) -> Self {
        self.lookup = lookup;
        self
    }

    /// The addresses behind a name or a written address, all of them allowed.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] when there is none, or one that may not be reached.
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
        wire: Wire,
    ) -> Result<Vec<SocketAddr>, Forbidden> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_not_written) => self.lookup.lookup(bare.to_owned()).await.map_err(|error| {
                Forbidden::Unknown { host: bare.into(), why: error.to_string() }
            })?,
        };
        if found.is_empty() {
            return Err(Forbidden::Unknown { host: bare.into(), why: "no address".into() });
        }
        for address in &found {
            self.check(*address, wire)?;
        }
        Ok(found.into_iter().map(|it| SocketAddr::new(it, port)).collect())
    }

    /// Whether an address may be reached.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] says what to write where to allow it.
    pub fn check(&self, address: IpAddr, wire: Wire) -> Result<(), Forbidden> {
        let address = address.to_canonical();
        let is_named = self.allow.iter().any(|it| it.holds(address));
        match wire {
            _ if is_named => Ok(()),
            Wire::Encrypted if is_public(address) => Ok(()),
            Wire::Encrypted => Err(Forbidden::Private { address }),
            Wire::Plain => Err(Forbidden::Plain { address }),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("allow", &self.allow).finish_non_exhaustive()
    }
}

/// Whether others on the way can read it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire {
    /// TLS.
    Encrypted,
    /// As it is.
    Plain,
}

/// Resolves names.
pub trait Lookup: Send + Sync {
    /// Every address of a name.
    fn lookup(&self, host: String) -> Found;
}

/// The addresses of a name, when they are known.
pub type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// The resolver of the system.
struct System;

impl Lookup for System {
    fn lookup(&self, host: String) -> Found {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|it| it.ip()).collect())
        })
    }
}

/// Addresses with the same beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    base: IpAddr,
    bits: u32,
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32 - self.bits;
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128 - self.bits;
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let refused = || InvalidNetwork { text: text.to_owned() };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().ok().ok_or_else(refused)?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|it| *it <= bits_max).ok_or_else(refused)?,
            None => bits_max,
        };
        Ok(Self { base, bits })
    }
}

/// Whether an address belongs to the internet and to nobody's own network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = SPECIAL_V4.iter().any(|(base, bits)| {
        let network = Network { base: IpAddr::V4(Ipv4Addr::from(*base)), bits: *bits };
        network.holds(IpAddr::V4(address))
    });
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let special = SPECIAL_V6.iter().any(|(base, bits)| {
        let network = Network { base: IpAddr::V6(Ipv6Addr::from(*base)), bits: *bits };
        network.holds(IpAddr::V6(address))
    });
    !special
}

/// This host, private use, shared (CGNAT), loopback, link-local (with the metadata service of clouds),
/// protocol assignments, documentation, 6to4 relays, benchmarks, multicast, reserved.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Unspecified, loopback and mapped; translated (a private IPv4 address may hide in it); discard;
/// Teredo and other assignments; documentation; 6to4; unique local; link-local; site-local; multicast.
const SPECIAL_V6: [([u16; 8], u32); 11] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 96),
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 32),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// Why nothing is sent to an address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Forbidden {
    /// Without TLS only named networks are reached.
    #[error("{address} would be reached without TLS; use https, or name its network in `allow`")]
    Plain {
        /// The address.
        address: IpAddr,
    },
    /// It is somebody's own network, and not named.
    #[error("{address} is not a public address; name its network in `allow` if it is meant")]
    Private {
        /// The address.
        address: IpAddr,
    },
    /// The name has no address now.
    #[error("`{host}` has no address: {why}")]
    Unknown {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
}

/// A text that is no network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no network; write e.g. 10.20.0.0/16, 192.168.1.7 or fd00::/8")]
pub struct InvalidNetwork {
    /// The refused text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[&str]) -> Guard {
        Guard::new(&allow.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn special_addresses_are_refused_in_every_spelling() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2001::1",
            "2002:a00:1::",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            let refused = guard(&[]).check(address.parse().unwrap(), Wire::Encrypted);
            assert!(matches!(refused, Err(Forbidden::Private { .. })), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2400:3200::1"] {
            let address = address.parse().unwrap();
            assert_eq!(guard(&[]).check(address, Wire::Encrypted), Ok(()), "{address}");
            let plain = guard(&[]).check(address, Wire::Plain);
            assert!(matches!(plain, Err(Forbidden::Plain { .. })), "{address}");
        }
    }

    #[test]
    fn a_named_network_is_reached_and_its_neighbour_is_not() {
        let guard = guard(&["10.20.0.0/16", "192.168.1.7", "fd12::/16"]);
        for address in ["10.20.255.1", "192.168.1.7", "fd12::5", "::ffff:10.20.0.1"] {
            assert_eq!(guard.check(address.parse().unwrap(), Wire::Plain), Ok(()), "{address}");
        }
        for address in ["10.21.0.1", "192.168.1.8", "fd13::5"] {
            assert!(guard.check(address.parse().unwrap(), Wire::Encrypted).is_err(), "{address}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "plant"] {
            assert!(Guard::new(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_of_all_addresses_holds_all() {
        let all = guard(&["0.0.0.0/0"]);
        assert_eq!(all.check("10.1.1.1".parse().unwrap(), Wire::Plain), Ok(()));
    }

    /// Answers with the next list at each question, as an attacker's name server does.
    struct Flipping(std::sync::Mutex<Vec<Vec<IpAddr>>>);

    impl Lookup for Flipping {
        fn lookup(&self, _host: String) -> Found {
            let next = self.0.lock().unwrap().remove(0);
            Box::pin(async move { Ok(next) })
        }
    }

    #[tokio::test]
    async fn one_bad_address_among_good_ones_refuses_the_name() {
        let good: IpAddr = "1.1.1.1".parse().unwrap();
        let bad: IpAddr = "127.0.0.1".parse().unwrap();
        let answers = vec![vec![good], vec![good, bad], vec![bad], vec![]];
        let guard = guard(&[]).with_lookup(Arc::new(Flipping(answers.into())));
        let resolve = || guard.resolve("rebind.example", 443, Wire::Encrypted);
        assert_eq!(resolve().await.unwrap(), ["1.1.1.1:443".parse().unwrap()]);
        assert!(matches!(resolve().await, Err(Forbidden::Private { .. })));
        assert!(matches!(resolve().await, Err(Forbidden::Private { .. })));
        assert!(matches!(resolve().await, Err(Forbidden::Unknown { .. })));
    }
}
