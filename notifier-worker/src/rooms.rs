//! The rooms as all lanes of this process see them: one fold of the topic `rooms`, kept by one
//! task, read by lanes a batch at a time.
//!
//! The fence: a lane handles no record before its own claim to the partition was read back here, it
//! reads its batch first and looks here after, and gateways are told how far the fold is only when
//! it is there for all lanes to see. So whatever is decided after a gateway was told is matched
//! against at least that much.

pub(crate) mod engines;
pub(crate) mod expiry;
pub(crate) mod follow;
pub(crate) mod state;

use event_schema::notification::{FeedOwner, FeedPosition};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use state::RoomsState;
use std::collections::BTreeMap;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// What tasks of the process share.
pub(crate) struct Registry {
    state: RwLock<RoomsState>,
    /// The offset after the last record folded.
    folded: watch::Sender<u64>,
    /// Partitions that are being handled, since when, and how far they are told.
    handling: Mutex<BTreeMap<u16, (Instant, FeedOwner)>>,
    /// A partition has begun to be handled: every gateway is to hear how far it is.
    begun: Notify,
}

impl Registry {
    pub fn new(partitions: u16, presence_kept: usize) -> Self {
        Self {
            state: RwLock::new(RoomsState::new(partitions, presence_kept)),
            folded: watch::channel(0).0,
            handling: Mutex::default(),
            begun: Notify::new(),
        }
    }

    /// For the time of one batch: the fold waits meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, RoomsState> {
        self.state.read()
    }

    /// Tells how far the fold is: the offset after the last record.
    pub fn folded(&self) -> watch::Receiver<u64> {
        self.folded.subscribe()
    }

    /// From now on the partition is handled, until the answer is dropped.
    pub fn begin(&self, owner: FeedOwner) -> Handling<'_> {
        self.handling
            .lock()
            .insert(owner.partition, (Instant::now(), owner));
        self.begun.notify_one();
        Handling {
            registry: self,
            partition: owner.partition,
        }
    }

    /// Since when a partition is being handled.
    fn handled_since(&self, partition: u16) -> Option<Instant> {
        self.handling
            .lock()
            .get(&partition)
            .map(|(since, _)| *since)
    }

    /// The partitions that are handled and that the fold says are ours, with the last offset
    /// folded. Of one moment.
    fn progress(&self, notifier: &str) -> Option<(Vec<FeedOwner>, u64)> {
        let state = self.state.read();
        let last = self.folded.borrow().checked_sub(1)?;
        let handled = self.handling.lock();
        let owners = handled.values().map(|(_, owner)| *owner);
        let ours: Vec<FeedOwner> = owners
            .filter(|owner| state.memberships.owner(owner.partition) == Some(notifier))
            .collect();
        (!ours.is_empty()).then_some((ours, last))
    }
}

/// A partition that is being handled.
pub(crate) struct Handling<'a> {
    registry: &'a Registry,
    partition: u16,
}

impl Handling<'_> {
    /// Everything before this was sent.
    pub fn moved(&self, position: FeedPosition) {
        if let Some((_, owner)) = self.registry.handling.lock().get_mut(&self.partition) {
            owner.position = position;
        }
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        self.registry.handling.lock().remove(&self.partition);
    }
}

#[cfg(test)]
mod tests;
