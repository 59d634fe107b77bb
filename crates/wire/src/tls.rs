//! TLS by rustls with the `ring` provider, which cross-compiles to every gateway.
//!
//! Deliberately absent: certificates themselves; `forewarn enroll` makes them, files hold them.

use rustls::crypto::{CryptoProvider, ring};

/// What an encrypted connection needs, as PEM text.
#[derive(Clone)]
pub struct Tls {
    /// The certificates of the authorities that may sign the broker's.
    pub ca_pem: Vec<u8>,
    /// Who we are, where the broker wants to know it by certificate.
    pub client: Option<ClientCertificate>,
}

/// A client's certificate chain and its private key, as PEM text.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate, then what signed it.
    pub chain_pem: Vec<u8>,
    /// The private key (PKCS#8, PKCS#1 or SEC1).
    pub key_pem: Vec<u8>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_client = self.client.is_some();
        f.debug_struct("Tls").field("has_client", &has_client).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCertificate(..)")
    }
}

/// Makes `ring` the process's provider of cryptography. Calling it again changes nothing.
pub fn install_ring() {
    if CryptoProvider::get_default().is_none()
        && let Err(_lost_race) = ring::default_provider().install_default()
    {
        tracing::debug!("another thread chose the provider of cryptography first");
    }
}
