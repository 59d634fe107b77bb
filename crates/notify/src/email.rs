//! Mail over SMTP: text and HTML in one message, one thread for each ticket.
//!
//! Rely on this: a message keeps its `Message-ID` over all attempts, mails of a ticket refer to the
//! same thread, and TLS is required unless the configuration names the network as its own. The name of
//! the server is resolved and checked as that of every other receiver.
//! Sources: RFC 5322 (threads), RFC 3834 (`Auto-Submitted`), RFC 2919 (`List-Id`), RFC 8314 (TLS).

use std::fmt;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::guard::{Forbidden, Guard, Wire};
use crate::http::install_ring;
use crate::redact::{Secret, reason};
use crate::render::{facts, open, title, total};
use crate::{Message, Outcome, Text, Tongue};

/// A mail server with its receivers.
#[derive(Clone)]
pub struct Email {
    server: Server,
    from: Mailbox,
    to: Vec<Mailbox>,
    tongue: Tongue,
    guard: Guard,
    tls: Option<TlsParameters>,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("server", &self.server.host).finish_non_exhaustive()
    }
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name; the certificate must carry it.
    pub host: String,
    /// 465 with [`Encryption::Tls`], 587 with [`Encryption::StartTls`].
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// User and password; some services call the password an authorisation code (授权码).
    pub login: Option<(String, Secret)>,
    /// Certificate authority of the plant in PEM, beside those of the system.
    pub ca_pem: Option<Vec<u8>>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Not at all; only towards networks that are named in `allow`.
    None,
    /// A plain connection that turns to TLS before anything is said; without TLS nothing is sent.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
}

impl Email {
    /// Mail from one mailbox to others, e.g. `Forewarn <forewarn@plant.example>`.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] names the mailbox or certificate that is none.
    pub fn new(
        server: Server,
        from: &str,
        to: &[String],
        guard: &Guard,
    ) -> Result<Self, InvalidEmail> {
        install_ring();
        let mailbox = |text: &str| {
            let refused = |why: lettre::address::AddressError| InvalidEmail::Mailbox {
                text: text.into(),
                why,
            };
            text.parse::<Mailbox>().map_err(refused)
        };
        if to.is_empty() {
            return Err(InvalidEmail::NoReceiver);
        }
        let tls = match server.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Tls => {
                let mut parameters = TlsParameters::builder(server.host.clone());
                if let Some(pem) = &server.ca_pem {
                    parameters = parameters.add_root_certificate(Certificate::from_pem(pem)?);
                }
                Some(parameters.build()?)
            }
        };
        let to = to.iter().map(|it| mailbox(it)).collect::<Result<_, _>>()?;
        let (from, guard) = (mailbox(from)?, guard.clone());
        Ok(Self { server, from, to, tongue: Tongue::Both, guard, tls })
    }

    /// The same in another language.
    #[must_use]
    pub fn speaking(mut self, tongue: Tongue) -> Self {
        self.tongue = tongue;
        self
    }

    /// Makes one attempt. `now_s` is the wall clock in seconds since 1970.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        let password = self.server.login.as_ref().map(|(_, password)| password);
        let secrets: Vec<&Secret> = password.into_iter().collect();
        let mail = match self.mail(message, now_s) {
            Ok(mail) => mail,
            Err(error) => {
                return Outcome::Refused { reason: reason(&error.to_string(), &secrets) };
            }
        };
        let transport = match self.transport().await {
            Ok(transport) => transport,
            Err(error @ Forbidden::Unknown { .. }) => {
                return Outcome::Retry { after: None, reason: error.to_string() };
            }
            Err(error) => return Outcome::Locked { reason: error.to_string() },
        };
        match transport.send(mail).await {
            Ok(_response) => Outcome::Delivered,
            Err(error) => outcome(&error, &secrets),
        }
    }

    /// A connection to a checked address; the certificate is still that of the name.
    async fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, Forbidden> {
        let Server { host, port, encryption, login, .. } = &self.server;
        let wire = match encryption {
            Encryption::None => Wire::Plain,
            Encryption::StartTls | Encryption::Tls => Wire::Encrypted,
        };
        let addresses = self.guard.resolve(host, *port, wire).await?;
        let address = addresses.first().map(|it| it.ip().to_string()).unwrap_or_default();
        let tls = match (encryption, &self.tls) {
            (Encryption::Tls, Some(tls)) => Tls::Wrapper(tls.clone()),
            (Encryption::StartTls, Some(tls)) => Tls::Required(tls.clone()),
            (Encryption::None, _) | (_, None) => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address)
            .port(*port)
            .tls(tls)
            .timeout(Some(ANSWER_WITHIN))
            .hello_name(ClientId::Domain(self.from.email.domain().to_owned()));
        if let Some((user, password)) = login {
            let password = password.reveal().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(transport.build())
    }

    fn mail(&self, message: &Message, now_s: i64) -> Result<lettre::Message, lettre::error::Error> {
        let domain = self.from.email.domain();
        let at = Duration::from_secs(u64::try_from(now_s).unwrap_or(0));
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(title(&message.text, self.tongue))
            .date(SystemTime::UNIX_EPOCH + at)
            .message_id(Some(format!("<{}@{domain}>", digest(&message.id))));
        let called = message.text.addresses(&[], |it| it.email.as_ref());
        let called = called.iter().filter_map(|it| it.parse::<Mailbox>().ok());
        let others = called.filter(|it| !self.to.iter().any(|to| to.email == it.email));
        for to in self.to.iter().cloned().chain(others) {
            mail = mail.to(to);
        }
        if let Some(thread) = &message.text.thread {
            let thread = format!("<{}@{domain}>", digest(thread));
            mail = mail.in_reply_to(thread.clone()).references(thread);
        }
        let headers = [
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("List-Id", format!("Forewarn <forewarn.{}.{domain}>", message.site)),
            ("X-Forewarn-Key", digest(&message.id)),
        ];
        for (name, value) in headers {
            mail = mail.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
        let (text, html) = (words(&message.text, self.tongue), html(&message.text, self.tongue));
        mail.multipart(MultiPart::alternative_plain_html(text, html))
    }
}

/// What a reply of the server, or the lack of one, means. Reply codes: RFC 5321, RFC 4954.
fn outcome(error: &lettre::transport::smtp::Error, secrets: &[&Secret]) -> Outcome {
    let causes = std::iter::successors(std::error::Error::source(error), |it| it.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    let reason = reason(&text, secrets);
    let code = error.status().map(|it| it.to_string());
    match code.as_deref() {
        Some("454" | "500" | "502" | "530" | "534" | "535" | "538") => Outcome::Locked { reason },
        Some(code) if code.starts_with('5') => Outcome::Refused { reason },
        Some(_) => Outcome::Retry { after: None, reason },
        None if error.is_client() || error.is_tls() => Outcome::Locked { reason },
        None => Outcome::Retry { after: None, reason },
    }
}

/// Letters that may stand in a `Message-ID`, the same for the same key.
fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().take(16).map(|it| format!("{it:02x}")).collect()
}

fn words(text: &Text, tongue: Tongue) -> String {
    let mut words = title(text, tongue);
    words.push_str("\n\n");
    for (label, value) in facts(text, tongue) {
        let line = if label.is_empty() { value } else { format!("{label}: {value}") };
        words.push_str(&line);
        words.push('\n');
    }
    for line in [Some(total(text, tongue)), text.link.clone()].into_iter().flatten() {
        if !line.is_empty() {
            words.push('\n');
            words.push_str(&line);
            words.push('\n');
        }
    }
    words
}

fn html(text: &Text, tongue: Tongue) -> String {
    let rows: String = facts(text, tongue)
        .map(|(label, value)| {
            format!(
                "<tr><td style=\"padding:2px 12px 2px 0;color:#555;vertical-align:top\">{}</td>\
                 <td style=\"padding:2px 0\">{}</td></tr>",
                escaped(&label),
                escaped(&value)
            )
        })
        .collect();
    let total = match total(text, tongue) {
        total if total.is_empty() => total,
        total => format!("<p>{}</p>", escaped(&total)),
    };
    let link = text.link.as_ref().map_or_else(String::new, |it| {
        format!("<p><a href=\"{}\">{}</a></p>", escaped(it), escaped(&open(tongue)))
    });
    format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"></head>\
         <body style=\"font:15px/1.5 system-ui,'PingFang SC','Microsoft YaHei',sans-serif\">\
         <h3>{}</h3><table>{rows}</table>{total}{link}</body></html>",
        escaped(&title(text, tongue))
    )
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Why mail cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEmail {
    /// A mailbox is none.
    #[error("`{text}` is no mailbox; write name@plant.example or Name <name@plant.example>")]
    Mailbox {
        /// The refused text.
        text: String,
        /// What is wrong with it.
        #[source]
        why: lettre::address::AddressError,
    },
    /// Nobody would get it.
    #[error("the mail has no receiver; give `to` at least one mailbox")]
    NoReceiver,
    /// The certificate authority, or TLS as a whole.
    #[error("TLS towards the mail server cannot be set up")]
    Tls(#[from] lettre::transport::smtp::Error),
}

/// RFC 5321 grants minutes; the outbox tries again anyway.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Mails in a minute; a corporate server takes many more.
pub const PER_MINUTE: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Line;
    use forewarn_domain::family::Priority;
    use forewarn_domain::text::Localized;

    fn email(to: &str) -> Result<Email, InvalidEmail> {
        let server = Server {
            host: "mail.plant.example".into(),
            port: 587,
            encryption: Encryption::StartTls,
            login: Some(("forewarn".into(), Secret::new("pw"))),
            ca_pem: None,
        };
        let guard = Guard::new(&[]).unwrap();
        Email::new(server, "Forewarn <forewarn@plant.example>", &[to.to_owned()], &guard)
    }

    fn message() -> Message {
        Message {
            id: "opened/1".into(),
            site: "plant".parse().unwrap(),
            kind: "ticket.opened.v1".into(),
            subject: "FW-2026-0001".into(),
            at: "2026-11-20T06:02:00Z".parse().unwrap(),
            body: serde_json::Value::Null,
            text: Text {
                title: Localized::new("bearing wears\r\nBcc: all@plant.example", "轴承磨损"),
                lines: vec![Line::new(Localized::same("x"), Localized::same("<b>&"))],
                priority: Some(Priority::P2),
                thread: Some("ticket-1".into()),
                ..Text::default()
            },
        }
    }

    #[test]
    fn a_mail_keeps_its_id_belongs_to_a_thread_and_no_text_becomes_a_header() {
        let email = email("li@plant.example").unwrap();
        let mail = |message: &Message, now_s| {
            String::from_utf8(email.mail(message, now_s).unwrap().formatted()).unwrap()
        };
        let (first, second) = (mail(&message(), 1_760_000_000), mail(&message(), 1_760_000_600));
        let header = |mail: &str, name: &str| {
            let line = mail.lines().find(|it| it.starts_with(&format!("{name}: ")));
            line.map(str::to_owned).unwrap_or_default()
        };
        assert_eq!(header(&first, "Message-ID"), header(&second, "Message-ID"));
        let other = mail(&Message { id: "closed/1".into(), ..message() }, 1_760_000_000);
        assert_ne!(header(&first, "Message-ID"), header(&other, "Message-ID"));
        assert_eq!(header(&first, "References"), header(&other, "References"));
        assert_eq!(header(&first, "Auto-Submitted"), "Auto-Submitted: auto-generated");
        assert_eq!(header(&first, "Bcc"), "");
        assert!(first.contains("multipart/alternative"), "{first}");
        assert!(!first.contains("<b>"), "{first}");
    }

    #[test]
    fn what_is_no_mailbox_is_refused_by_name() {
        let refused = email("li").unwrap_err().to_string();
        assert!(refused.contains("`li`"), "{refused}");
    }
}
