//! Where the page is served: TCP, with TLS where the plant has a certificate.
//!
//! Rely on this: a client that is slow to shake hands, or does not know how, holds up nobody else; TLS is
//! 1.2 or 1.3, by rustls with `ring`. Deliberately absent: client certificates, and reading the files
//! again; a new certificate needs a restart.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::{Listener, ListenerExt as _};
use forewarn_api::ApiState;
use forewarn_lifecycle::CancellationToken;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Serves until `stop`.
pub(crate) async fn serve(
    (tcp, certificate): (TcpListener, Option<Certificate>),
    api: ApiState,
    stop: CancellationToken,
) {
    let app = forewarn_api::router(api).into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stop.cancelled_owned();
    let served = match certificate {
        None => {
            let listener = tcp.tap_io(|it| at_once(it));
            axum::serve(listener, app).with_graceful_shutdown(stopped).await
        }
        Some(certificate) => {
            let listener = TlsListener::new(tcp, certificate);
            let listener = listener.tap_io(|it| at_once(it.get_ref().0));
            axum::serve(listener, app).with_graceful_shutdown(stopped).await
        }
    };
    if let Err(error) = served {
        tracing::error!(%error, "the page is no longer served");
    }
}

/// Sends what is small at once: events are.
fn at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%error, "small packets may wait");
    }
}

/// The certificate of a server with its private key.
#[derive(Clone)]
pub struct Certificate(TlsAcceptor);

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl Certificate {
    /// Reads a certificate (then what signed it) and its private key from PEM files.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] names the file and what is wrong with it.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let bad = |path: &Path| {
            let path = path.to_owned();
            move |source| CertificateError::Pem { path, source }
        };
        let certificates = CertificateDer::pem_file_iter(chain).map_err(bad(chain))?;
        let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(bad(chain))?;
        if certificates.is_empty() {
            return Err(bad(chain)(pem::Error::NoItemsFound));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(bad(key))?;
        let refused = |source| CertificateError::Unfit {
            chain: chain.to_owned(),
            key: key.to_owned(),
            source,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(refused)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Why a certificate cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or is not PEM of the right kind.
    #[error("{} is no PEM file of the right kind", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: pem::Error,
    },
    /// They are read, but do not fit together.
    #[error("certificate {} and key {} do not fit together", chain.display(), key.display())]
    Unfit {
        /// The certificate.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

type Shaken = Option<(TlsStream<TcpStream>, SocketAddr)>;

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    shaking: JoinSet<Shaken>,
}

impl TlsListener {
    fn new(tcp: TcpListener, Certificate(acceptor): Certificate) -> Self {
        Self { tcp, acceptor, shaking: JoinSet::new() }
    }

    fn shake(&mut self, stream: TcpStream, from: SocketAddr) {
        let shaking = self.acceptor.accept(stream);
        self.shaking.spawn(async move {
            match timeout(SHAKE_TIMEOUT, shaking).await {
                Ok(Ok(stream)) => Some((stream, from)),
                Ok(Err(error)) => {
                    tracing::debug!(%error, %from, "a client speaks no TLS that we know");
                    None
                }
                Err(_elapsed) => None,
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.shaking.len() < SHAKING_MAX;
            tokio::select! {
                (stream, from) = Listener::accept(&mut self.tcp), if has_room => {
                    self.shake(stream, from);
                }
                Some(done) = self.shaking.join_next() => {
                    if let Ok(Some(shaken)) = done {
                        return shaken;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// Longer than a handshake over a bad mobile line.
const SHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Clients beyond it wait in the queue of the system.
const SHAKING_MAX: usize = 256;
