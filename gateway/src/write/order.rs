//! The order of one connection's writes: what arrived first is handed to the log first, however
//! long each takes to be validated. A turn is given when a request arrives and ends when its last
//! event was handed over, also when the request fails or is dropped; only the hand-over waits for
//! earlier turns. Nothing here may keep a turn for ever, or wait for anything but earlier turns.

use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::poll_fn,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    task::{Poll, Waker},
};

/// Hand-overs that are remembered at most, for requests that may have to repeat one.
const REMEMBERED: usize = 1 << 16;

/// Gives the requests of a connection their turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteOrder(Arc<Mutex<TurnQueue>>);

#[derive(Debug, Default)]
struct TurnQueue {
    given: u64,
    /// Turns that may still hand something over, and who waits for his to come.
    open: BTreeMap<u64, Option<Waker>>,
    /// Turns of requests that are not done: each may repeat what it handed over.
    held: BTreeSet<u64>,
    handed: u64,
    recent: VecDeque<RecentKeys>,
    /// Hand-overs up to this one are forgotten though a request that made one is not done.
    forgotten: u64,
}

#[derive(Debug)]
struct RecentKeys {
    turn: u64,
    handed: HandOver,
    key: u64,
}

/// Names one hand-over among those of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HandOver(u64);

/// One request's place in the order. Dropped, it is over.
#[derive(Debug)]
pub(crate) struct WriteTurn {
    line: Arc<Mutex<TurnQueue>>,
    number: u64,
}

impl WriteOrder {
    /// The turn behind all that were given before.
    pub(crate) fn turn(&self) -> WriteTurn {
        let mut line = self.0.lock();
        line.given += 1;
        let number = line.given;
        line.open.insert(number, None);
        line.held.insert(number);
        WriteTurn {
            line: self.0.clone(),
            number,
        }
    }
}

impl WriteTurn {
    /// The turn of a request that has no neighbours.
    pub(crate) fn alone() -> Self {
        WriteOrder::default().turn()
    }

    /// Resolves when all earlier turns are over. Cancel-safe.
    pub(crate) async fn come(&self) {
        poll_fn(|context| {
            let mut line = self.line.lock();
            if line.open.range(..self.number).next().is_none() {
                return Poll::Ready(());
            }
            if let Some(waker) = line.open.get_mut(&self.number) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Hands events over, those of these keys; only when the turn has [`come`](Self::come).
    pub(crate) fn hand_over<T>(
        &self,
        keys: impl Iterator<Item = u64>,
        send: impl FnOnce() -> T,
    ) -> (HandOver, T) {
        let mut line = self.line.lock();
        debug_assert!(
            line.open.first_key_value().map(|(first, _)| *first) == Some(self.number),
            "a write was handed over out of its turn"
        );
        line.handed += 1;
        let handed = HandOver(line.handed);
        for key in keys {
            line.remember(RecentKeys {
                turn: self.number,
                handed,
                key,
            });
        }
        (handed, send())
    }

    /// Hands over once more what was handed over as `first` and came to nothing, unless something
    /// behind it has one of its keys: nothing may be overtaken by a repeat.
    pub(crate) fn hand_over_again<T>(
        &self,
        first: HandOver,
        keys: impl Iterator<Item = u64>,
        send: impl FnOnce() -> T,
    ) -> Option<T> {
        let line = self.line.lock();
        let later: BTreeSet<u64> = line
            .recent
            .iter()
            .rev()
            .take_while(|recent| recent.handed > first)
            .map(|recent| recent.key)
            .collect();
        let overtakes =
            line.forgotten > first.0 || keys.into_iter().any(|key| later.contains(&key));
        (!overtakes).then(send)
    }

    /// Nothing more is handed over, but for repeats.
    pub(crate) fn end(&self) {
        self.line.lock().end(self.number);
    }
}

impl Drop for WriteTurn {
    fn drop(&mut self) {
        let mut line = self.line.lock();
        line.end(self.number);
        line.held.remove(&self.number);
        let oldest = line.held.first().copied().unwrap_or(u64::MAX);
        while line
            .recent
            .front()
            .is_some_and(|recent| recent.turn < oldest)
        {
            line.recent.pop_front();
        }
    }
}

impl TurnQueue {
    fn end(&mut self, number: u64) {
        let was_first = self.open.first_key_value().map(|(first, _)| *first) == Some(number);
        self.open.remove(&number);
        if was_first
            && let Some(mut next) = self.open.first_entry()
            && let Some(waker) = next.get_mut().take()
        {
            waker.wake();
        }
    }

    fn remember(&mut self, recent: RecentKeys) {
        if self.recent.len() == REMEMBERED
            && let Some(oldest) = self.recent.pop_front()
        {
            self.forgotten = oldest.handed.0;
        }
        self.recent.push_back(recent);
    }
}

/// What stands for an entity's key, or a channel's.
pub(crate) fn turn_key(topic: &str, key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (topic, key).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
