//! The messages between the publishers and the broker's confirmation: pure.
//!
//! Three places in a row: *waiting* here, *handed* to rumqttc, *in flight* on the wire. Rely on
//! this: order is kept, also when a lost connection puts everything back to the beginning.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Outbound, Publication, PublishError, Qos, Resend};

#[derive(Debug)]
pub(super) struct Outbox {
    resend: Resend,
    waiting: VecDeque<Outbound>,
    handed: VecDeque<(Outbound, Instant)>,
    in_flight: VecDeque<InFlight>,
}

#[derive(Debug)]
struct InFlight {
    pkid: u16,
    outbound: Outbound,
    since: Instant,
}

impl Outbox {
    pub(super) fn new(resend: Resend) -> Self {
        let (waiting, handed, in_flight) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { resend, waiting, handed, in_flight }
    }

    pub(super) fn push(&mut self, outbound: Outbound) {
        self.waiting.push_back(outbound);
    }

    /// The next message for rumqttc, which is then expected to tell when it is on the wire.
    pub(super) fn hand_over(&mut self, now: Instant) -> Option<Publication> {
        let outbound = self.waiting.pop_front()?;
        let publication = outbound.publication.clone();
        self.handed.push_back((outbound, now));
        Some(publication)
    }

    /// What rumqttc says of the message that was handed over first.
    pub(super) fn on_sent(&mut self, pkid: u16, now: Instant) {
        let Some((outbound, _)) = self.handed.pop_front() else { return };
        match outbound.publication.qos {
            Qos::AtMostOnce => confirm(outbound, None),
            Qos::AtLeastOnce => {
                self.in_flight.push_back(InFlight { pkid, outbound, since: now });
            }
        }
    }

    /// The broker has a message, or refuses it for a reason. Gives the message's topic.
    pub(super) fn on_puback(&mut self, pkid: u16, refused: Option<&str>) -> Option<String> {
        let place = self.in_flight.iter().position(|it| it.pkid == pkid)?;
        let InFlight { outbound, .. } = self.in_flight.remove(place)?;
        let topic = outbound.publication.topic.clone();
        confirm(outbound, refused);
        Some(topic)
    }

    /// After a lost connection: everything from the beginning, or from the caller.
    pub(super) fn on_lost(&mut self) {
        let (in_flight, handed) = (self.in_flight.drain(..), self.handed.drain(..));
        let under_way = in_flight.map(|it| it.outbound).chain(handed.map(|(it, _)| it));
        let mut all: VecDeque<Outbound> = under_way.collect();
        all.append(&mut self.waiting);
        if self.resend == Resend::ByClient {
            self.waiting = all;
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.messages() < MESSAGES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages() == 0
    }

    /// Since when the broker owes us something.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let handed = self.handed.front().map(|(_, since)| *since);
        let in_flight = self.in_flight.front().map(|it| it.since);
        handed.into_iter().chain(in_flight).min()
    }

    fn messages(&self) -> usize {
        let under_way = self.handed.len().saturating_add(self.in_flight.len());
        self.waiting.len().saturating_add(under_way)
    }
}

fn confirm(outbound: Outbound, refused: Option<&str>) {
    let Outbound { publication, confirmed } = outbound;
    let outcome = match refused {
        None => Ok(()),
        Some(reason) => {
            Err(PublishError::Refused { topic: publication.topic, reason: reason.to_owned() })
        }
    };
    if let Some(confirmed) = confirmed
        && confirmed.send(outcome).is_err()
    {
        tracing::trace!("nobody waits for this confirmation any more");
    }
}

/// Below rumqttc's own window, so that its flow control never has to stop us.
pub(super) const MESSAGES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(resend: Resend, topics: &[&str]) -> Outbox {
        let mut outbox = Outbox::new(resend);
        for topic in topics {
            let publication = Publication::new(*topic, "");
            outbox.push(Outbound { publication, confirmed: None });
        }
        outbox
    }

    fn send(outbox: &mut Outbox, pkid: u16) -> String {
        let topic = outbox.hand_over(Instant::now()).unwrap().topic;
        outbox.on_sent(pkid, Instant::now());
        topic
    }

    #[tokio::test]
    async fn a_lost_connection_puts_everything_back_in_its_order() {
        let mut outbox = outbox(Resend::ByClient, &["a", "b", "c", "d", "e"]);
        assert_eq!(
            [send(&mut outbox, 1), send(&mut outbox, 2), send(&mut outbox, 3)],
            ["a", "b", "c"]
        );
        outbox.on_puback(2, None);
        outbox.hand_over(Instant::now()).unwrap();
        outbox.on_lost();
        let again: Vec<String> =
            std::iter::from_fn(|| outbox.hand_over(Instant::now())).map(|it| it.topic).collect();
        assert_eq!(again, ["a", "c", "d", "e"]);
    }

    #[tokio::test]
    async fn a_caller_that_sends_again_itself_finds_nothing_left() {
        let mut outbox = outbox(Resend::ByCaller, &["a", "b"]);
        send(&mut outbox, 1);
        outbox.on_lost();
        assert!(outbox.is_empty());
        assert_eq!(outbox.oldest(), None);
    }

    #[tokio::test]
    async fn a_confirmation_reaches_the_one_who_waits_for_it() {
        let mut outbox = Outbox::new(Resend::ByClient);
        let (confirmed, mut confirmation) = tokio::sync::oneshot::channel();
        let publication = Publication::new("a", "");
        outbox.push(Outbound { publication, confirmed: Some(confirmed) });
        send(&mut outbox, 7);
        assert_eq!(outbox.on_puback(6, None), None);
        assert!(confirmation.try_recv().is_err());
        assert_eq!(outbox.on_puback(7, None).as_deref(), Some("a"));
        assert_eq!(confirmation.try_recv(), Ok(Ok(())));
    }

    #[tokio::test]
    async fn a_refusal_reaches_the_one_who_waits_and_is_not_sent_again() {
        let mut outbox = Outbox::new(Resend::ByClient);
        let (confirmed, mut confirmation) = tokio::sync::oneshot::channel();
        let publication = Publication::new("a", "");
        outbox.push(Outbound { publication, confirmed: Some(confirmed) });
        send(&mut outbox, 7);
        outbox.on_puback(7, Some("not authorized"));
        let refused = confirmation.try_recv().unwrap().unwrap_err().to_string();
        assert!(refused.contains("`a`") && refused.contains("not authorized"), "{refused}");
        outbox.on_lost();
        assert!(outbox.is_empty());
    }
}
