//! How often somebody may try a password, by account and by address.
//!
//! The first mistakes cost nothing; then each one doubles a wait that the person is told. Nobody is locked
//! out for good, since that would let strangers lock people out: an account waits a minute at most, an
//! address a quarter of an hour. What is known here is forgotten at a restart, which takes longer than the
//! first waits.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use forewarn_domain::id::ID_LEN_MAX;
use forewarn_domain::time::{Span, Time};

/// Failed tries of late.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<HashMap<Who, Failures>>);

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Who {
    Account(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Time,
}

impl Failures {
    /// Until when nothing is tried.
    fn until(self, limit: &Limit) -> Time {
        let Some(beyond) = self.count.checked_sub(limit.free) else { return self.last };
        let wait_s = FIRST_WAIT_S.saturating_mul(1 << beyond.min(20)).min(limit.wait_max_s);
        self.last + Span::from_secs(wait_s)
    }
}

struct Limit {
    /// So many mistakes cost nothing.
    free: u32,
    wait_max_s: i64,
}

impl Who {
    /// No account has a longer name, whatever somebody types.
    fn account(name: &str) -> Self {
        Self::Account(name.chars().take(ID_LEN_MAX).collect())
    }

    fn limit(&self) -> &'static Limit {
        match self {
            Self::Account(_) => &Limit { free: 5, wait_max_s: 60 },
            // A whole site may come through one address.
            Self::Address(_) => &Limit { free: 20, wait_max_s: 900 },
        }
    }
}

impl Tries {
    /// Lets a try begin and counts it as failed until [`succeeded`](Self::succeeded) says otherwise, so
    /// that many at the same time are counted too.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub(crate) fn begin(&self, name: &str, from: IpAddr, now: Time) -> Result<(), Span> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, it| now - it.last < FORGOTTEN);
        let both = [Who::account(name), Who::Address(network(from))];
        let until = |who: &Who| tries.get(who).map_or(now, |it| it.until(who.limit()));
        let until = both.iter().map(until).max().unwrap_or(now);
        if now < until {
            return Err(until - now);
        }
        for who in both {
            make_room(&mut tries);
            let known = tries.entry(who).or_insert(Failures { count: 0, last: now });
            *known = Failures { count: known.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// The try was right: the account begins anew, and the address is given it back.
    pub(crate) fn succeeded(&self, name: &str, from: IpAddr) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.remove(&Who::account(name));
        if let Some(known) = tries.get_mut(&Who::Address(network(from))) {
            known.count = known.count.saturating_sub(1);
        }
    }
}

/// Who floods this with names loses his own oldest tries; his address stays, since each try renews it.
fn make_room(tries: &mut HashMap<Who, Failures>) {
    if tries.len() < KNOWN_MAX {
        return;
    }
    let oldest = tries.iter().min_by_key(|(_, it)| it.last).map(|(who, _)| who.clone());
    if let Some(oldest) = oldest {
        tries.remove(&oldest);
    }
}

/// A household of IPv6 has at least 2^64 addresses, and they are one here.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(it) => IpAddr::V6(Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX))),
    }
}

const FIRST_WAIT_S: i64 = 2;

/// Longer than the longest wait.
const FORGOTTEN: Span = Span::from_secs(1_800);

/// About a megabyte.
const KNOWN_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Time = Time::from_micros(1_795_334_400_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn mistakes_cost_nothing_at_first_then_twice_as_long_each_up_to_a_minute() {
        let (tries, mut now, mut waits) = (Tries::default(), T0, Vec::new());
        for last in 0..14 {
            // From a new address each time, so that only the account counts.
            while let Err(wait) = tries.begin("li", address(last), now) {
                waits.push(wait.micros() / 1_000_000);
                now = now + wait;
            }
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert!(tries.begin("wang", address(200), now).is_ok(), "another account is free");
        assert!(tries.begin("li", address(14), now + FORGOTTEN).is_ok());
    }

    #[test]
    fn an_address_waits_whatever_names_it_tries_and_a_right_password_ends_the_accounts_wait() {
        let tries = Tries::default();
        for number in 0..20 {
            assert!(tries.begin(&format!("name-{number}"), address(1), T0).is_ok());
        }
        assert!(tries.begin("name-20", address(1), T0).is_err());
        assert!(tries.begin("name-20", address(2), T0).is_ok());
        for _ in 0..5 {
            tries.begin("li", address(3), T0).unwrap();
        }
        assert!(tries.begin("li", address(3), T0).is_err());
        tries.succeeded("li", address(3));
        assert!(tries.begin("li", address(3), T0).is_ok());
    }

    #[test]
    fn a_flood_of_names_takes_no_more_room_and_frees_no_address() {
        let tries = Tries::default();
        for number in 0..2 * KNOWN_MAX {
            let network = u128::try_from(number).unwrap() << 64;
            let from = IpAddr::V6(Ipv6Addr::from_bits(network));
            let now = T0 + Span::from_micros(i64::try_from(number).unwrap());
            tries.begin(&format!("name-{number}"), from, now).unwrap();
            assert!(tries.0.lock().unwrap().len() <= KNOWN_MAX);
        }
        let one = |last: u128| IpAddr::V6(Ipv6Addr::from_bits((7 << 64) | last));
        assert_eq!(network(one(1)), network(one(2)));
    }
}
