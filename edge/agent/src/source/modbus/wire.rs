//! An open connection as bytes: what was received and not yet understood, and chaff to be dropped.
//!
//! Rely on this: nothing here waits beyond the deadline that it is given; what is buffered is
//! bounded. Chaff are the packets with which a modem says that it is alive, at any moment.
//!
//! Deliberately absent: the meaning of the bytes; see [`frame`](super::frame).

use std::io;

use forewarn_domain::site::Transport;
use forewarn_domain::template::Parity;
use futures::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_serial::SerialPortBuilderExt as _;

/// An open connection.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
    chaff: Vec<Vec<u8>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

/// Opens the connection of a link that is ours to open.
///
/// # Errors
///
/// What the system says, or that the link does not speak Modbus.
pub(super) async fn connect(via: &Transport) -> io::Result<Wire> {
    match via {
        Transport::Tcp { address } | Transport::RtuOverTcp { address } => {
            Wire::over(TcpStream::connect(address).await?, Vec::new())
        }
        Transport::Rtu { port, baud, parity, stop } => {
            let parity = match parity {
                Parity::Even => tokio_serial::Parity::Even,
                Parity::None => tokio_serial::Parity::None,
                Parity::Odd => tokio_serial::Parity::Odd,
            };
            let stop =
                if *stop == 2 { tokio_serial::StopBits::Two } else { tokio_serial::StopBits::One };
            let stream = tokio_serial::new(port, *baud)
                .parity(parity)
                .stop_bits(stop)
                .open_native_async()
                .map_err(io::Error::from)?;
            Ok(Wire { stream: Box::new(stream), received: Vec::new(), chaff: Vec::new() })
        }
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "nobody can be called on this link")),
    }
}

impl Wire {
    /// A connection of TCP on which `chaff` may come between frames.
    ///
    /// # Errors
    ///
    /// What the system says about a socket that is gone already.
    pub(super) fn over(stream: TcpStream, chaff: Vec<Vec<u8>>) -> io::Result<Self> {
        // Requests are small and each waits for its answer.
        stream.set_nodelay(true)?;
        Ok(Self { stream: Box::new(stream), received: Vec::new(), chaff })
    }

    pub(super) fn received(&self) -> &[u8] {
        &self.received
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.received.drain(..bytes.min(self.received.len()));
    }

    /// Removes one packet of chaff from the front.
    pub(super) fn drop_chaff(&mut self) -> bool {
        let found = self.chaff.iter().find(|it| self.received.starts_with(it)).map(Vec::len);
        self.consume(found.unwrap_or(0));
        found.is_some()
    }

    /// Whether what was received may be the beginning of a packet of chaff.
    pub(super) fn may_become_chaff(&self) -> bool {
        self.chaff
            .iter()
            .any(|it| it.starts_with(&self.received) && it.len() != self.received.len())
    }

    /// Throws away what came before the next question was asked; gives how much, without chaff.
    pub(super) fn take_surplus(&mut self) -> io::Result<usize> {
        // What is there at once cannot answer what was not asked yet.
        while let Some(came) = self.read_some().now_or_never() {
            came?;
        }
        while self.drop_chaff() {}
        let surplus = if self.may_become_chaff() { 0 } else { self.received.len() };
        self.consume(surplus);
        Ok(surplus)
    }

    /// Throws away whatever comes until then.
    pub(super) async fn discard(&mut self, until: Instant) -> io::Result<()> {
        loop {
            self.received.clear();
            match timeout_at(until, self.read_some()).await {
                Ok(came) => came?,
                Err(_elapsed) => return Ok(()),
            }
        }
    }

    pub(super) async fn send(&mut self, frame: &[u8], deadline: Instant) -> io::Result<()> {
        timeout_at(deadline, async {
            self.stream.write_all(frame).await?;
            self.stream.flush().await
        })
        .await?
    }

    /// Waits for more bytes.
    pub(super) async fn receive(&mut self, deadline: Instant) -> io::Result<()> {
        timeout_at(deadline, self.read_some()).await?
    }

    async fn read_some(&mut self) -> io::Result<()> {
        let mut bytes = [0; 512];
        if RECEIVED_MAX < self.received.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the other side never stops talking",
            ));
        }
        match self.stream.read(&mut bytes).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}

/// Many times the longest frame.
const RECEIVED_MAX: usize = 8_192;
