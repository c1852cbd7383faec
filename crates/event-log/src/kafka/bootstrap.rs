//! Brings back a client that knows no broker any more. librdkafka drops the brokers that an answer
//! leaves out, and those it was started with once it has heard of others. A broker that the
//! controller has fenced leaves itself out: a client that asks at that moment drops everything, has
//! nowhere to ask again, and stays away for good (a fault that is known there). Must never touch a
//! client that knows a broker, nor one that has not found its first.

use super::ffi;
use parking_lot::Mutex;
use rdkafka::client::{Client, ClientContext};
use std::{
    ffi::CString,
    thread,
    time::{Duration, Instant},
};

/// Before the brokers are named again: the ones that are being dropped still bear their names, and
/// a name that is there is not added. Doubled each time, since librdkafka keeps every list.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long the client may take to connect to them.
const CONNECT: Duration = Duration::from_secs(1);

/// Watches one client.
pub(super) struct Bootstrap {
    brokers: CString,
    known: KnownBrokers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KnownBrokers {
    /// No broker has been found yet; librdkafka goes on trying those it was started with.
    Starting,
    Found,
    Lost {
        next: Instant,
        pause: Duration,
    },
}

impl KnownBrokers {
    /// What is so now, and whether the brokers are to be named again.
    fn step(self, knows_a_broker: bool, now: Instant) -> (Self, bool) {
        match self {
            _ if knows_a_broker => (Self::Found, false),
            Self::Starting => (Self::Starting, false),
            Self::Found => {
                let pause = FIRST_PAUSE;
                let next = now + pause;
                (Self::Lost { next, pause }, false)
            }
            Self::Lost { next, pause } if now >= next => {
                let pause = (pause * 2).min(LONGEST_PAUSE);
                let next = now + pause;
                (Self::Lost { next, pause }, true)
            }
            Self::Lost { .. } => (self, false),
        }
    }
}

impl Bootstrap {
    /// `brokers` as in `bootstrap.servers`.
    pub fn new(brokers: &str) -> Self {
        // A client with such an address could not be made.
        let brokers = CString::new(brokers).unwrap_or_default();
        Self {
            brokers,
            known: KnownBrokers::Starting,
        }
    }

    /// To be called again and again; costs next to nothing while the client knows a broker, and up
    /// to a second when it is brought back.
    pub fn look<C: ClientContext>(&mut self, client: &Client<C>) {
        let (known, is_due) = self.known.step(ffi::knows_a_broker(client), Instant::now());
        self.known = known;
        if is_due {
            tracing::warn!(target: "kafka", "the client knows no broker that answers: it bootstraps again");
            ffi::add_brokers(client, &self.brokers);
            // Asking makes it connect; what it hears is its own business.
            let _ = client.fetch_metadata(None, CONNECT);
        }
    }
}

/// For a client that is used now and then.
pub(super) struct Occasional(Mutex<Bootstrap>);

impl Occasional {
    pub fn new(bootstrap: Bootstrap) -> Self {
        Self(Mutex::new(bootstrap))
    }

    /// To be called before the client is used. Blocks, up to two seconds when it is brought back.
    pub fn bring_back<C: ClientContext>(&self, client: &Client<C>) {
        let mut bootstrap = self.0.lock();
        bootstrap.look(client);
        if let KnownBrokers::Lost { next, pause } = bootstrap.known
            && pause == FIRST_PAUSE
        {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            bootstrap.look(client);
        }
    }
}

#[cfg(test)]
mod tests;
