//! Where modems dial in: one port, and who is who by the packet with which each introduces itself.
//!
//! Rely on this: a connection that does not introduce itself in time, or as nobody who is expected,
//! is closed and said; of two that introduce themselves alike the newer counts, since a modem that
//! lost its link often leaves a dead connection behind. How many may stand at the door is limited.
//!
//! Deliberately absent: what is asked of them; see [`Line::dialled`](super::line::Line::dialled).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forewarn_domain::id::LinkId;
use forewarn_domain::site::{Registration, Transport};
use forewarn_lifecycle::CancellationToken;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::wire::Wire;

/// A port on which modems dial in.
#[derive(Debug)]
pub struct Reception {
    address: String,
    listener: std::net::TcpListener,
    guests: Vec<Guest>,
}

#[derive(Debug)]
struct Guest {
    link: LinkId,
    register: Option<Registration>,
    chaff: Vec<Vec<u8>>,
    door: Arc<Door>,
}

impl Guest {
    /// Whether one that introduces itself as the other might be taken for this one.
    fn is_like(&self, other: Option<&Registration>) -> bool {
        let (Some(own), Some(other)) = (&self.register, other) else { return true };
        let (own, other) = (own.bytes.bytes(), other.bytes.bytes());
        own.starts_with(other) || other.starts_with(own)
    }
}

/// Where one link's connections come in.
#[derive(Debug, Default)]
pub struct Door {
    arrived: Mutex<Option<Wire>>,
    rang: Notify,
}

impl Door {
    /// Who has come since this was last asked.
    pub(super) fn newcomer(&self) -> Option<Wire> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until somebody stands at the door, and leaves them there.
    pub async fn knocked(&self) {
        loop {
            let ring = self.rang.notified();
            if self.arrived.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return;
            }
            ring.await;
        }
    }

    /// Waits for somebody to come.
    pub(super) async fn next(&self) -> Wire {
        loop {
            let ring = self.rang.notified();
            if let Some(wire) = self.newcomer() {
                return wire;
            }
            ring.await;
        }
    }

    fn let_in(&self, wire: Wire) {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) = Some(wire);
        self.rang.notify_one();
    }
}

impl Reception {
    /// Listens on an address; nobody is expected yet.
    ///
    /// # Errors
    ///
    /// What the system says, e.g. that the port is taken.
    pub fn bind(address: &str) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self { address: address.to_owned(), listener, guests: Vec::new() })
    }

    /// The address on which it listens, with the port that the system chose for port 0.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Expects a link's modem and gives the door through which it will come. A link that has no
    /// registration takes whoever comes, and so must be alone.
    ///
    /// # Errors
    ///
    /// When nobody could tell its modem from that of a link which is expected already.
    pub fn expect(&mut self, link: LinkId, via: &Transport) -> io::Result<Arc<Door>> {
        let door = Arc::new(Door::default());
        if let Transport::DialIn { register, heartbeat, .. } = via {
            if let Some(other) = self.guests.iter().find(|it| it.is_like(register.as_ref())) {
                let why = format!(
                    "links `{link}` and `{}` on {} cannot be told apart; give each a `register` that \
                     is not the beginning of the other's",
                    other.link, self.address
                );
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            let mut chaff: Vec<Vec<u8>> = heartbeat.iter().map(|it| it.bytes().to_vec()).collect();
            // Some modems introduce themselves again and again.
            chaff.extend(register.iter().map(|it| it.bytes.bytes().to_vec()));
            let (register, door) = (register.clone(), Arc::clone(&door));
            self.guests.push(Guest { link, register, chaff, door });
        }
        Ok(door)
    }

    /// Lets in who is expected, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let Self { address, listener, guests } = self;
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%address, %error, "nobody can dial in");
                return;
            }
        };
        tracing::info!(%address, links = guests.len(), "modems may dial in");
        let mut strangers = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                came = listener.accept(), if strangers.len() < STRANGERS_MAX => match came {
                    Ok((stream, from)) => strangers.push(introduce(&guests, stream, from)),
                    // Out of file handles, most likely: a little later there may be some again.
                    Err(error) => {
                        tracing::warn!(%address, %error, "a modem could not be let in");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(()) = strangers.next() => {}
            }
        }
    }
}

async fn introduce(guests: &[Guest], stream: TcpStream, from: std::net::SocketAddr) {
    let within = guests.iter().filter_map(|it| it.register.as_ref()).map(|it| it.within.to_std());
    let within = within.max().unwrap_or_default();
    let known = match timeout(within, recognise(guests, stream)).await {
        Ok(Ok(known)) => known,
        Ok(Err(why)) => {
            tracing::warn!(%from, %why, "who dialled in is not known and was turned away");
            return;
        }
        Err(_elapsed) => {
            tracing::warn!(%from, ?within, "who dialled in did not introduce itself in time");
            return;
        }
    };
    let (guest, stream) = known;
    match Wire::over(stream, guest.chaff.clone()) {
        Ok(wire) => {
            tracing::info!(link = %guest.link, %from, "dialled in");
            guest.door.let_in(wire);
        }
        Err(error) => {
            tracing::warn!(link = %guest.link, %from, %error, "gone before it was let in");
        }
    }
}

async fn recognise(guests: &[Guest], mut stream: TcpStream) -> io::Result<(&Guest, TcpStream)> {
    if let Some(guest) = guests.iter().find(|it| it.register.is_none()) {
        return Ok((guest, stream));
    }
    let mut said = Vec::new();
    loop {
        let matches = |it: &&Guest| {
            it.register.as_ref().is_some_and(|register| said.starts_with(register.bytes.bytes()))
        };
        if let Some(guest) = guests.iter().find(matches) {
            return Ok((guest, stream));
        }
        let could_match = guests.iter().filter_map(|it| it.register.as_ref());
        if !could_match.into_iter().any(|it| it.bytes.bytes().starts_with(&said)) {
            let shown: String = said.iter().take(32).map(|it| format!("{it:02x}")).collect();
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it said hex:{shown}")));
        }
        let mut bytes = [0; 64];
        match stream.read(&mut bytes).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => said.extend_from_slice(&bytes[..count]),
        }
    }
}

/// More at once than a plant has modems is somebody knocking at random.
const STRANGERS_MAX: usize = 64;
