//! Who asks: a person with a session, a program with a key, or everybody on a loopback demo.
//!
//! On a loopback demo everybody is the demo lead, so the check is that the request comes from our own
//! page: its Host is a loopback name and its Origin, where it has one, the same. Elsewhere a key or the
//! cookie of a session is needed, and a request that changes something on the strength of a cookie must
//! come from our own page. What the caller may do then is in [`rights`](crate::rights).

pub(crate) mod passwords;
pub(crate) mod tries;

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use forewarn_store::records::{Role, Sites};

use crate::problem::ApiError;
use crate::state::{Access, ApiState};

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    /// As it stands in histories and in the audit trail: an account's name, or `key:` and a key's id.
    pub(crate) name: String,
    /// The name that others read.
    pub(crate) display: String,
    pub(crate) power: Power,
    pub(crate) sites: Sites,
    pub(crate) proof: Proof,
}

/// What somebody may do rests on this.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Power {
    Role(Role),
    Scopes(Vec<KeyScope>),
}

impl Power {
    /// In one word, for refusals.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Role(role) => format!("role {}", role.as_str()),
            Self::Scopes(scopes) => {
                let words: Vec<&str> = scopes.iter().map(|it| it.as_str()).collect();
                format!("a key for {}", words.join(", "))
            }
        }
    }
}

/// How somebody is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    Demo,
    Key,
    Session,
}

/// What a key may be for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyScope {
    /// Changing rules, rotas and documents; trying channels.
    Admin,
    /// Bringing facts in from other systems.
    Ingest,
    /// Looking.
    Read,
    /// Working on tickets and anomalies.
    Tickets,
}

impl KeyScope {
    pub(crate) const ALL: [Self; 4] = [Self::Admin, Self::Ingest, Self::Read, Self::Tickets];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Tickets => "tickets",
        }
    }
}

impl FromStr for KeyScope {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == word).ok_or(())
    }
}

impl Account {
    fn demo_lead() -> Self {
        let name = "demo-lead".to_owned();
        let (power, sites) = (Power::Role(Role::Lead), Sites::All);
        Self { display: name.clone(), name, power, sites, proof: Proof::Demo }
    }

    pub(crate) fn of(account: forewarn_store::records::Account) -> Self {
        Self {
            name: account.name.to_string(),
            display: account.display,
            power: Power::Role(account.role),
            sites: account.sites,
            proof: Proof::Session,
        }
    }
}

/// What guards the passwords of a server.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) passwords: passwords::Passwords,
    pub(crate) tries: tries::Tries,
}

/// Refuses requests that reach a loopback demo under a name or from a page that is not its own.
pub(crate) async fn require_own_origin(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if state.access == Access::LoopbackDemo {
        let host = host(request.headers(), request.uri()).ok_or(ApiError::ForeignOrigin)?;
        if !is_loopback(host) || !is_from(request.headers(), host) {
            return Err(ApiError::ForeignOrigin);
        }
    }
    Ok(next.run(request).await)
}

/// Who sends a request.
pub(crate) async fn account(state: &ApiState, request: &Parts) -> Result<Account, ApiError> {
    if state.access == Access::LoopbackDemo {
        return Ok(Account::demo_lead());
    }
    let (headers, now) = (&request.headers, state.now());
    if let Some(secret) = bearer(headers) {
        let key = state.records.key(secret, now).await?.ok_or(ApiError::NotSignedIn)?;
        state.records.use_key(&key, now).await?;
        // A scope that this version does not know allows nothing.
        let scopes = key.scopes.iter().filter_map(|it| it.parse().ok()).collect();
        let (name, power) = (format!("key:{}", key.id), Power::Scopes(scopes));
        return Ok(Account { name, display: key.name, power, sites: key.sites, proof: Proof::Key });
    }
    let secret = session_secret(state, headers).ok_or(ApiError::NotSignedIn)?;
    let session = state.records.session(secret, now).await?.ok_or(ApiError::NotSignedIn)?;
    let is_reading = matches!(request.method, Method::GET | Method::HEAD);
    if !is_reading {
        require_own_page(headers, &request.uri)?;
    }
    // What a page asks for by itself, while nobody touches it, must not keep somebody signed in.
    if !(is_reading && headers.contains_key(UNATTENDED)) {
        state.records.use_session(&session, now).await?;
    }
    Ok(Account::of(session.account))
}

/// Whether somebody who was let in still is: signed out, disabled and revoked ones are not.
pub(crate) async fn is_still(state: &ApiState, headers: &HeaderMap) -> Result<bool, ApiError> {
    if state.access == Access::LoopbackDemo {
        return Ok(true);
    }
    let now = state.now();
    if let Some(secret) = bearer(headers) {
        return Ok(state.records.key(secret, now).await?.is_some());
    }
    let Some(secret) = session_secret(state, headers) else { return Ok(false) };
    Ok(state.records.session(secret, now).await?.is_some())
}

/// Refuses what a page of somebody else sends.
pub(crate) fn require_own_page(headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
    match host(headers, uri) {
        Some(host) if is_from(headers, host) => Ok(()),
        Some(_) | None => Err(ApiError::ForeignOrigin),
    }
}

/// The address from which a request comes: behind a proxy, the one that the proxy saw.
pub(crate) fn address(access: Access, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|it| it.0.ip());
    let peer = peer.unwrap_or(IpAddr::from([127, 0, 0, 1])).to_canonical();
    match access {
        Access::Accounts(transport) if transport.is_behind_proxy => {
            // Whatever stands before the last entry was written by the caller.
            let all = headers.get_all("x-forwarded-for").iter().next_back();
            let last = all.and_then(|it| it.to_str().ok()?.rsplit(',').next());
            last.and_then(|it| it.trim().parse().ok()).unwrap_or(peer)
        }
        Access::Accounts(_) | Access::LoopbackDemo => peer,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The secret of a session, from its cookie.
pub(crate) fn session_secret<'a>(state: &ApiState, headers: &'a HeaderMap) -> Option<&'a str> {
    let cookie = cookie_name(state.access);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'))
        .filter_map(|it| it.trim().split_once('='))
        .find(|(name, _)| *name == cookie)
        .map(|(_, secret)| secret)
}

/// The cookie of a session. Its prefix makes browsers refuse one that another host or plain http set.
pub(crate) fn cookie_name(access: Access) -> &'static str {
    match access {
        Access::Accounts(transport) if transport.is_secure => "__Host-forewarn_session",
        Access::Accounts(_) | Access::LoopbackDemo => "forewarn_session",
    }
}

/// The name and port under which a request came.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    match headers.get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => uri.authority().map(axum::http::uri::Authority::as_str),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether the page that asks is ours. A request without an Origin is not from a page.
fn is_from(headers: &HeaderMap, host: &str) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    own == Some(host)
}

/// Stands on what a page asks for by itself.
const UNATTENDED: &str = "x-forewarn-unattended";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Transport;

    #[test]
    fn only_loopback_names_are_loopback() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "forewarn.example:8080", "127.0.0.1.example", "localhost.example:80"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn the_origin_must_be_the_host_to_the_letter() {
        let from = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            is_from(&headers, "127.0.0.1:8080")
        };
        assert!(from("http://127.0.0.1:8080"));
        for origin in
            ["http://127.0.0.1:8081", "http://evil.example", "null", "ftp://127.0.0.1:8080"]
        {
            assert!(!from(origin), "{origin}");
        }
    }

    #[test]
    fn the_address_is_the_proxys_word_only_behind_a_proxy_and_only_its_last_one() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.9".parse().unwrap());
        headers.append("x-forwarded-for", "203.0.113.8, 198.51.100.7".parse().unwrap());
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4_000))));
        let seen = |is_behind_proxy| {
            let transport = Transport { is_secure: true, is_behind_proxy };
            address(Access::Accounts(transport), &headers, &extensions).to_string()
        };
        assert_eq!(seen(false), "192.0.2.1");
        assert_eq!(seen(true), "198.51.100.7");
    }
}
