//! A thousand Modbus TCP devices in one thread: each connection is one, and answers at once.
//!
//! Deliberately absent: everything a device may do wrong.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What came while it was watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: u32,
    pub(crate) requests: u32,
    /// Between two requests on one connection.
    pub(crate) gaps_s: Vec<f64>,
}

pub(crate) struct Responder {
    port: u16,
    seen: Arc<Mutex<(bool, Seen)>>,
}

impl Responder {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new((false, Seen::default())));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, shared));
        });
        Self { port, seen }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on it counts.
    pub(crate) fn begin(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
    }

    pub(crate) fn end(&self) -> Seen {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0 = false;
        seen.1.clone()
    }
}

async fn serve(listener: std::net::TcpListener, seen: Arc<Mutex<(bool, Seen)>>) {
    let listener = TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        seen.lock().unwrap_or_else(PoisonError::into_inner).1.connections += 1;
        connections.spawn(answer(stream, Arc::clone(&seen)));
    }
}

/// Function 3 of any address, with the number of the request as every register.
async fn answer(mut stream: TcpStream, seen: Arc<Mutex<(bool, Seen)>>) {
    let (mut last, mut count) = (None::<Instant>, 0_u16);
    let mut request = [0_u8; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        let now = Instant::now();
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.0 {
                seen.1.requests += 1;
                seen.1.gaps_s.extend(last.map(|it| now.duration_since(it).as_secs_f64()));
            }
        }
        last = Some(now);
        count = count.wrapping_add(1);
        let registers = request[11];
        let mut response = request[..4].to_vec();
        response.extend((3 + 2 * u16::from(registers)).to_be_bytes());
        response.extend([request[6], 3, 2 * registers]);
        (0..registers).for_each(|_| response.extend(count.to_be_bytes()));
        if stream.write_all(&response).await.is_err() {
            return;
        }
    }
}
