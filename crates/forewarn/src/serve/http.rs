//! Where the page is served, and whether that is safe enough to be done.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use forewarn_api::Transport;
use forewarn_server::http::Certificate;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::output::Failure;

/// `http = "127.0.0.1:8080"`, or a table with more.
#[derive(Debug, Default)]
pub(crate) struct HttpChoice(HttpTable);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTable {
    /// Where the page is served.
    #[serde(default = "loopback")]
    listen: SocketAddr,
    /// The server's certificate, then what signed it (PEM).
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    tls_key: Option<PathBuf>,
    /// A proxy of the plant's own is in front, ends TLS there, and sets `X-Forwarded-For`.
    #[serde(default)]
    behind_proxy: bool,
}

impl Default for HttpTable {
    fn default() -> Self {
        Self { listen: loopback(), tls_cert: None, tls_key: None, behind_proxy: false }
    }
}

impl<'de> Deserialize<'de> for HttpChoice {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherWay)
    }
}

struct EitherWay;

impl<'de> Visitor<'de> for EitherWay {
    type Value = HttpChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as \"127.0.0.1:8080\", or a table with `listen`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HttpChoice, E> {
        let listen = text.parse().map_err(|error| E::custom(format!("`{text}`: {error}")))?;
        Ok(HttpChoice(HttpTable { listen, ..HttpTable::default() }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HttpChoice, A::Error> {
        HttpTable::deserialize(MapAccessDeserializer::new(map)).map(HttpChoice)
    }
}

/// What is behind the choice, once it is found safe enough.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) listen: SocketAddr,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) transport: Transport,
}

impl Door {
    /// How browsers spell it.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

impl HttpChoice {
    /// Reads the certificate and refuses what would send passwords over the network in clear.
    pub(crate) fn open(&self, home: &Path, is_lab: bool) -> Result<Door, Failure> {
        let HttpTable { listen, tls_cert, tls_key, behind_proxy } = &self.0;
        let certificate = match (tls_cert, tls_key) {
            (Some(chain), Some(key)) => {
                Some(Certificate::read(&home.join(chain), &home.join(key))?)
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err("[http] needs both tls_cert and tls_key, or neither".into());
            }
        };
        let is_safe = listen.ip().is_loopback() || certificate.is_some() || *behind_proxy;
        if !is_safe && !is_lab {
            return Err(format!(
                "[http] listen = {listen} is not loopback, and passwords would go over the network \
                 in clear; set tls_cert and tls_key, or behind_proxy = true where a proxy of your \
                 own ends TLS, or pass --insecure-lab in a laboratory"
            )
            .into());
        }
        let is_secure = certificate.is_some() || *behind_proxy;
        let transport = Transport { is_secure, is_behind_proxy: *behind_proxy };
        Ok(Door { listen: *listen, certificate, transport })
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        #[serde(default)]
        http: HttpChoice,
    }

    #[track_caller]
    fn opened(text: &str, is_lab: bool) -> Result<Door, String> {
        let file: File = toml::from_str(text).map_err(|it| it.to_string())?;
        file.http.open(Path::new("."), is_lab).map_err(|it| it.to_string())
    }

    #[test]
    fn an_address_alone_and_a_table_mean_the_same() {
        for text in ["", "http = '127.0.0.1:8080'", "[http]\nlisten = '127.0.0.1:8080'", "[http]\n"]
        {
            let door = opened(text, false).expect("loopback needs nothing");
            assert_eq!(door.listen.to_string(), "127.0.0.1:8080");
            assert_eq!(door.transport, Transport::default());
        }
        assert!(opened("http = 'here'", false).expect_err("refused").contains("here"));
        let error = opened("[http]\ntls_crt = 'a'", false).expect_err("refused");
        assert!(error.contains("tls_crt"), "{error}");
    }

    #[test]
    fn off_loopback_one_needs_tls_or_a_proxy_and_the_error_says_so() {
        let error = opened("http = '0.0.0.0:8443'", false).expect_err("refused");
        for remedy in ["tls_cert", "tls_key", "behind_proxy = true", "--insecure-lab"] {
            assert!(error.contains(remedy), "{error}");
        }
        assert!(opened("http = '0.0.0.0:8443'", true).is_ok(), "a laboratory may");
        let proxied = "[http]\nlisten = '0.0.0.0:8443'\nbehind_proxy = true";
        let door = opened(proxied, false).expect("the proxy ends TLS");
        assert_eq!(door.transport, Transport { is_secure: true, is_behind_proxy: true });
        let half = opened("[http]\ntls_cert = 'a.pem'", false).expect_err("refused");
        assert!(half.contains("both"), "{half}");
        let missing = "[http]\ntls_cert = 'no.pem'\ntls_key = 'no.key'";
        assert!(opened(missing, false).expect_err("refused").contains("no.pem"));
    }
}
