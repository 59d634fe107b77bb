//! A mail server that keeps what it gets: without TLS, as old machines on a plant's network are, or with
//! a certificate of the plant's own authority and a login.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const MAIL_USER: &str = "forewarn";
pub(crate) const MAIL_PASSWORD: &str = "canary-mail-password";

/// A mail server.
#[derive(Clone, Debug)]
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
}

/// A mail as it came over the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
    /// Whether nobody on the way could read it, and whether the sender was known.
    pub(crate) is_private: bool,
}

impl Mail {
    /// A header, unfolded.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_lowercase());
        let found = unfolded.lines().find(|it| it.to_lowercase().starts_with(&prefix));
        found.map(|it| it[prefix.len()..].trim().to_owned()).unwrap_or_default()
    }
}

/// How a server protects its connections.
#[derive(Clone)]
enum Protection {
    None,
    StartTls(TlsAcceptor),
    Tls(TlsAcceptor),
}

impl MailServer {
    /// A server without TLS and without a login.
    pub(crate) async fn start() -> Self {
        Self::with(Protection::None).await
    }

    /// A server with the certificate of a folder, and a login; TLS from the first byte, or after
    /// STARTTLS.
    pub(crate) async fn start_with_tls(folder: &Path, is_from_the_start: bool) -> Self {
        let cert = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::with(match is_from_the_start {
            true => Protection::Tls(acceptor),
            false => Protection::StartTls(acceptor),
        })
        .await
    }

    #[expect(clippy::disallowed_methods, reason = "it ends with the runtime of its test")]
    async fn with(protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let server = Self { address, mails: Arc::clone(&mails) };
        drop(tokio::task::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                drop(tokio::task::spawn(serve(socket, protection.clone(), Arc::clone(&mails))));
            }
        }));
        server
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

/// A certificate authority `ca.pem`, and a certificate of it for 127.0.0.1; `false` without openssl.
pub(crate) fn make_certificates(folder: &Path) -> bool {
    std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let steps = [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=plant -days 2",
        "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=mail",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 \
         -extfile san",
    ];
    steps.iter().all(|step| {
        let arguments = step.split_whitespace();
        let done = Command::new("openssl").args(arguments).current_dir(folder).output();
        done.is_ok_and(|it| it.status.success())
    })
}

async fn serve(socket: TcpStream, protection: Protection, mails: Arc<Mutex<Vec<Mail>>>) {
    match protection {
        Protection::None => {
            talk(socket, Manner { greets: true, ..Manner::default() }, &mails).await;
        }
        Protection::Tls(acceptor) => {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            talk(stream, Manner { greets: true, is_private: true, ..Manner::default() }, &mails)
                .await;
        }
        Protection::StartTls(acceptor) => {
            let manner = Manner { greets: true, offers_tls: true, ..Manner::default() };
            let Some(socket) = talk(socket, manner, &mails).await else { return };
            let Ok(stream) = acceptor.accept(socket).await else { return };
            talk(stream, Manner { is_private: true, ..Manner::default() }, &mails).await;
        }
    }
}

/// How a server speaks.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// It speaks first.
    greets: bool,
    /// TLS must come before anything else.
    offers_tls: bool,
    /// TLS is there already, and a login is needed.
    is_private: bool,
}

/// Speaks until the other side leaves, or asks for TLS: then the connection is given back.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    manner: Manner,
    mails: &Mutex<Vec<Mail>>,
) -> Option<S> {
    let mut stream = BufReader::new(socket);
    let (mut mail, mut is_known) = (Mail::default(), !manner.is_private);
    if manner.greets {
        stream.write_all(b"220 mail.plant.example ready\r\n").await.ok()?;
    }
    loop {
        let line = read_line(&mut stream).await?;
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer: &[u8] = match word.as_str() {
            "EHLO" if manner.offers_tls => b"250-mail.plant.example\r\n250 STARTTLS\r\n",
            "EHLO" if manner.is_private => b"250-mail.plant.example\r\n250 AUTH PLAIN\r\n",
            "EHLO" => b"250-mail.plant.example\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n",
            "STARTTLS" if manner.offers_tls => {
                stream.write_all(b"220 go on\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => {
                let expected = STANDARD.encode(format!("\0{MAIL_USER}\0{MAIL_PASSWORD}"));
                is_known = line.rsplit(' ').next() == Some(expected.as_str());
                if is_known { b"235 ok\r\n" } else { b"535 5.7.8 who are you\r\n" }
            }
            "HELO" | "RSET" | "NOOP" => b"250 ok\r\n",
            "QUIT" => {
                let _gone = stream.write_all(b"221 bye\r\n").await;
                return None;
            }
            _ if manner.offers_tls => b"530 5.7.0 TLS first\r\n",
            _ if !is_known => b"530 5.7.0 login first\r\n",
            "MAIL" => {
                mail.from = line;
                b"250 ok\r\n"
            }
            "RCPT" if line.contains("<gone@") => b"550 5.1.1 no such mailbox\r\n",
            "RCPT" => {
                mail.to.push(line);
                b"250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                mail.data = read_mail(&mut stream).await?;
                mail.is_private = manner.is_private && is_known;
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                b"250 taken\r\n"
            }
            _ => b"502 not known\r\n",
        };
        stream.write_all(answer).await.ok()?;
    }
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (0 < read).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn read_mail<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut data = String::new();
    loop {
        let line = read_line(stream).await?;
        if line == "." {
            return Some(data);
        }
        data.push_str(&line);
        data.push_str("\r\n");
    }
}
