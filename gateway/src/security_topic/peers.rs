//! The other gateways, as their beacons tell of them: how far each has come, and whether what it believes
//! must have ended by itself. Pure; times are the reader's own.

use event_schema::security::LEASE_IS_OVER;
use std::{collections::HashMap, time::Duration};

/// One that may believe something.
#[derive(Clone, Copy, Debug)]
struct Peer {
    /// When its last beacon was read.
    heard: Duration,
    /// Everything below this offset is taken into account there.
    folded: u64,
}

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: HashMap<String, Peer>,
    /// Until when there may be some that made their last beacon before this gateway read any.
    strangers_until: Duration,
}

impl Peers {
    /// The topic is read from here on. Some may hold a lease by a beacon from before.
    pub fn begin(&mut self, now: Duration) {
        self.strangers_until = now + LEASE_IS_OVER;
    }

    /// There is no other process that could have made a beacon before.
    pub fn has_no_strangers(&mut self) {
        self.strangers_until = Duration::ZERO;
    }

    pub fn heard(&mut self, instance: &str, folded: u64, now: Duration) {
        let heard = Peer { heard: now, folded };
        match self.known.get_mut(instance) {
            Some(known) => *known = heard,
            None => _ = self.known.insert(instance.to_owned(), heard),
        }
    }

    pub fn ended(&mut self, instance: &str) {
        self.known.remove(instance);
    }

    /// Does each of them take the record at this offset into account, or believe nothing by now?
    pub fn have_all_passed(&mut self, offset: u64, now: Duration) -> bool {
        self.known
            .retain(|_, peer| now < peer.heard + LEASE_IS_OVER);
        now >= self.strangers_until && self.known.values().all(|peer| peer.folded > offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn all_must_have_come_past_it() {
        let mut peers = Peers::default();
        assert!(peers.have_all_passed(7, at(0)), "there are no others");
        peers.heard("a", 8, at(0));
        peers.heard("b", 7, at(0));
        assert!(!peers.have_all_passed(7, at(10)), "b has not read it");
        peers.heard("b", 8, at(20));
        assert!(peers.have_all_passed(7, at(20)));
        peers.heard("c", 3, at(30));
        assert!(!peers.have_all_passed(7, at(30)));
        peers.ended("c");
        assert!(peers.have_all_passed(7, at(30)));
    }

    #[test]
    fn one_that_says_nothing_is_waited_for_as_long_as_it_may_believe() {
        let mut peers = Peers::default();
        peers.heard("frozen", 7, at(1_000));
        assert!(!peers.have_all_passed(7, at(6_249)));
        assert!(peers.have_all_passed(7, at(6_250)));
    }

    #[test]
    fn those_who_spoke_before_anything_was_read_are_waited_for() {
        let mut peers = Peers::default();
        peers.begin(at(1_000));
        assert!(!peers.have_all_passed(7, at(6_249)));
        assert!(peers.have_all_passed(7, at(6_250)));
        peers.begin(at(7_000));
        peers.has_no_strangers();
        assert!(peers.have_all_passed(7, at(7_000)), "one process alone");
    }
}
