//! The task that owns the connection: the only one that polls rumqttc.
//!
//! Each connection is a new rumqttc client. Its own memory of the last one is not used, since a
//! packet id that two messages share, together with a lost session, stops that client for good.
//!
//! Rely on this: the loop never waits for the caller, so publishing and receiving cannot block
//! each other.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use forewarn_lifecycle::CancellationToken;
use futures::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::outbox::Outbox;
use super::session::{Happened, Polled, Session};
use super::{
    ConnectOptions, ConnectionState, INBOUND_MAX, Incoming, Outbound, Puback, PubackDue, Refusals,
    Resend,
};
use crate::backoff::{Backoff, seed_of};

/// Keeps one connection alive. Made by [`super::open`].
#[derive(Debug)]
pub struct Driver {
    options: ConnectOptions,
    outbound: mpsc::Receiver<Outbound>,
    outbox: Outbox,
    to_caller: mpsc::Sender<Incoming>,
    held: Held,
    pubacks_due: mpsc::Receiver<PubackDue>,
    to_pubacks: mpsc::Sender<PubackDue>,
    state: watch::Sender<ConnectionState>,
    refusals: watch::Sender<Refusals>,
    sessions: u64,
}

impl Driver {
    pub(super) fn new(
        options: ConnectOptions,
        outbound: mpsc::Receiver<Outbound>,
        to_caller: mpsc::Sender<Incoming>,
        (state, refusals): (watch::Sender<ConnectionState>, watch::Sender<Refusals>),
    ) -> Self {
        let (to_pubacks, pubacks_due) = mpsc::channel(INBOUND_MAX);
        let outbox = Outbox::new(options.resend);
        let (held, sessions) = (Held::default(), 0);
        Self {
            options,
            outbound,
            outbox,
            to_caller,
            held,
            pubacks_due,
            to_pubacks,
            state,
            refusals,
            sessions,
        }
    }

    /// Connects, and connects again, until `stop`; then sends what was handed over, within
    /// [`DRAIN_MAX`], and says goodbye, which keeps the broker from publishing the will.
    pub async fn run(mut self, stop: CancellationToken) {
        let seed = seed_of(&self.options.client_id);
        let mut backoff = Backoff::new(RECONNECT_AFTER, RECONNECT_AFTER_MAX, seed);
        while !stop.is_cancelled() {
            self.sessions = self.sessions.saturating_add(1);
            let mut session = Session::new(&self.options, self.sessions);
            let reason = match Box::pin(self.serve(&mut session, &stop)).await {
                End::Stopped => break,
                End::Lost { reason } => reason,
            };
            if session.was_ready {
                backoff.reset();
            }
            let pause = backoff.next_pause();
            let (broker, attempts) = (&self.options.host, backoff.attempts());
            tracing::warn!(broker, attempts, reason, pause_ms = ?pause, "no connection to the broker");
            self.outbox.on_lost();
            self.held.clear();
            self.state.send_replace(ConnectionState::Disconnected { reason: Some(reason) });
            self.wait(pause, &stop).await;
        }
        self.state.send_replace(ConnectionState::Stopped);
    }

    /// Serves one connection to its end.
    async fn serve(&mut self, session: &mut Session, stop: &CancellationToken) -> End {
        let mut drain_until = None;
        loop {
            if session.is_ready && self.hand_over(session).is_err() {
                return End::lost("rumqttc takes no more messages");
            }
            if drain_until.is_some() && (!session.is_ready || self.is_drained()) {
                session.say_goodbye().await;
                return End::Stopped;
            }
            let to_caller = self.to_caller.clone();
            let overdue =
                self.outbox.oldest().and_then(|since| since.checked_add(PUBACK_AFTER_MAX));
            tokio::select! {
                event = session.events.next() => {
                    if let Err(reason) = self.on_event(session, event) {
                        return End::Lost { reason };
                    }
                }
                Some(outbound) = self.outbound.recv(), if self.takes_more(session) => {
                    self.outbox.push(outbound);
                }
                Some(due) = self.pubacks_due.recv() => session.confirm(&due),
                Ok(permit) = to_caller.reserve(), if !self.held.is_empty() => {
                    self.held.release(permit);
                }
                () = until(overdue) => return End::lost("the broker owes a PUBACK for too long"),
                () = until(drain_until) => {
                    session.say_goodbye().await;
                    return End::Stopped;
                }
                () = stop.cancelled(), if drain_until.is_none() => {
                    drain_until = Instant::now().checked_add(DRAIN_MAX);
                }
            }
        }
    }

    /// Waits between two connections. Confirmations of the last one are void by now.
    async fn wait(&mut self, pause: Duration, stop: &CancellationToken) {
        let pause = sleep(pause);
        tokio::pin!(pause);
        loop {
            let (forgets, has_room) =
                (self.options.resend == Resend::ByCaller, self.outbox.has_room());
            tokio::select! {
                () = &mut pause => return,
                () = stop.cancelled() => return,
                Some(_void) = self.pubacks_due.recv() => {}
                Some(outbound) = self.outbound.recv(), if forgets || has_room => {
                    if !forgets {
                        self.outbox.push(outbound);
                    }
                }
            }
        }
    }

    fn on_event(&mut self, session: &mut Session, event: Option<Polled>) -> Result<(), String> {
        match event.ok_or("rumqttc has ended")?? {
            Happened::Connected => {
                session.subscribe(&self.options)?;
                if self.options.subscriptions.is_empty() {
                    self.become_ready(session);
                }
            }
            Happened::Subscribed { refused: None } => self.become_ready(session),
            Happened::Subscribed { refused: Some(why) } => {
                let filters = &self.options.subscriptions;
                return Err(format!("the broker refused one of the filters {filters:?}: {why}"));
            }
            Happened::Arrived { topic, payload, retain, pkid } => {
                let puback = pkid.map(|pkid| Puback {
                    due: self.to_pubacks.clone(),
                    session: session.number,
                    pkid,
                });
                return self.on_publish(session, Incoming { topic, payload, retain, puback });
            }
            Happened::Sent { pkid } => self.outbox.on_sent(pkid, Instant::now()),
            Happened::Confirmed { pkid, refused } => self.on_confirmed(pkid, refused),
            Happened::SaidGoodbye | Happened::Other => {}
        }
        Ok(())
    }

    /// A message that the broker refuses is not sent again by us: it would refuse it again.
    fn on_confirmed(&mut self, pkid: u16, refused: Option<String>) {
        let Some(topic) = self.outbox.on_puback(pkid, refused.as_deref()) else { return };
        if let Some(reason) = refused {
            tracing::warn!(
                broker = self.options.host,
                topic,
                reason,
                "the broker refused a message"
            );
            self.refusals.send_modify(|known| {
                known.count = known.count.saturating_add(1);
                known.last = Some((topic, reason));
            });
        }
    }

    fn on_publish(&mut self, session: &Session, incoming: Incoming) -> Result<(), String> {
        if self.to_caller.is_closed() {
            // Nobody listens, and an open confirmation would stop the broker's sending.
            if let Some(Puback { session: number, pkid, .. }) = incoming.puback {
                session.confirm(&PubackDue { session: number, pkid });
            }
            return Ok(());
        }
        if self.held.is_empty() {
            match self.to_caller.try_send(incoming) {
                Ok(()) => Ok(()),
                Err(unsent) => self.held.hold(unsent.into_inner()),
            }
        } else {
            self.held.hold(incoming)
        }
    }

    fn become_ready(&mut self, session: &mut Session) {
        (session.is_ready, session.was_ready) = (true, true);
        tracing::info!(broker = self.options.host, session = session.number, "connected");
        self.state.send_replace(ConnectionState::Connected { session: session.number });
    }

    fn hand_over(&mut self, session: &Session) -> Result<(), String> {
        while let Some(publication) = self.outbox.hand_over(Instant::now()) {
            session.publish(publication)?;
        }
        Ok(())
    }

    /// A caller who sends again itself hands nothing over before the connection is ready: it
    /// would be taken for sent.
    fn takes_more(&self, session: &Session) -> bool {
        let waits_for_ready = self.options.resend == Resend::ByCaller && !session.is_ready;
        self.outbox.has_room() && !waits_for_ready
    }

    fn is_drained(&self) -> bool {
        self.outbox.is_empty() && self.outbound.is_empty()
    }
}

/// How a connection ended.
enum End {
    Lost { reason: String },
    Stopped,
}

impl End {
    fn lost(reason: &str) -> Self {
        Self::Lost { reason: reason.to_owned() }
    }
}

/// What arrived faster than the caller takes it.
#[derive(Debug, Default)]
struct Held {
    messages: VecDeque<Incoming>,
    bytes: usize,
}

impl Held {
    /// Holds a message. Above the limit a `QoS` 0 message is dropped, which is what `QoS` 0 means;
    /// for `QoS` 1 the connection is given up, and the broker sends again what was not confirmed.
    fn hold(&mut self, incoming: Incoming) -> Result<(), String> {
        let bytes = self.bytes.saturating_add(incoming.payload.len());
        if bytes <= HELD_BYTES_MAX && self.messages.len() < HELD_MAX {
            self.bytes = bytes;
            self.messages.push_back(incoming);
            return Ok(());
        }
        if incoming.puback.is_none() {
            tracing::warn!(topic = incoming.topic, "dropped a QoS 0 message: nobody takes them");
            return Ok(());
        }
        Err(format!("{} messages wait and nobody takes them", self.messages.len()))
    }

    fn release(&mut self, permit: mpsc::Permit<'_, Incoming>) {
        if let Some(incoming) = self.messages.pop_front() {
            self.bytes = self.bytes.saturating_sub(incoming.payload.len());
            permit.send(incoming);
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// Twice the longest that a healthy broker was seen to take under full load.
const PUBACK_AFTER_MAX: Duration = Duration::from_secs(20);

/// A broker that restarts is found again within half a second.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// A broker that is away for the night costs two attempts a minute.
const RECONNECT_AFTER_MAX: Duration = Duration::from_secs(30);

/// What a stop may cost to send the last messages; systemd waits longer.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Behind [`INBOUND_MAX`] messages the driver holds these, about the open window of a broker.
const HELD_MAX: usize = 4_096;

/// The memory that a slow caller may cost.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;
