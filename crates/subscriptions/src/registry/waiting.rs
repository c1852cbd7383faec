//! Who waits for a subscription to be active, and for what: first that its record is acknowledged,
//! then that it is read here and matched against everywhere.

use super::{SubscribeAck, SubscribeError, SubscriptionRegistry};
use crate::{
    ChannelOptions,
    room::{ChannelMember, LiveDelivery, Written},
};
use event_schema::notification::Progress;
use futures::channel::oneshot;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A request that is not yet answered.
pub(super) struct ActivationWaiter {
    pub room: Arc<str>,
    pub connection: u64,
    /// The membership's own number: a later one of the same connection is another.
    pub membership: u64,
    pub options: ChannelOptions,
    pub tenant: Arc<str>,
    pub catches_up: bool,
    pub request: u64,
    pub answer: oneshot::Sender<Result<SubscribeAck, SubscribeError>>,
}

/// A membership's record that is not yet acknowledged.
pub(super) struct Append {
    pub room: Arc<str>,
    pub connection: u64,
    pub membership: u64,
    pub waiters: Vec<ActivationWaiter>,
}

/// All waiters, by what they wait for.
pub(super) struct Waiting {
    /// For the acknowledgement of an append, by its number.
    appending: HashMap<u64, Append>,
    /// For their record, which stands at this offset: a second number keeps them apart.
    written: BTreeMap<(u64, u64), ActivationWaiter>,
    /// Everything in `rooms` below this offset is read here.
    read: u64,
    /// By partition of `changes`: it is matched against everything in `rooms` below this offset.
    matched: Vec<u64>,
}

impl Waiting {
    pub fn new(partitions: u16) -> Self {
        Self {
            appending: HashMap::new(),
            written: BTreeMap::new(),
            read: 0,
            matched: vec![0; usize::from(partitions)],
        }
    }

    pub fn is_appending(&self, append: u64) -> bool {
        self.appending.contains_key(&append)
    }

    pub fn begin_append(&mut self, number: u64, append: Append) {
        self.appending.insert(number, append);
    }

    pub fn end_append(&mut self, number: u64) -> Option<Append> {
        self.appending.remove(&number)
    }

    /// Everything in `rooms` below this offset is read here.
    pub fn read_up_to(&self) -> u64 {
        self.read
    }

    #[cfg(test)]
    pub fn matched(&self) -> Vec<u64> {
        self.matched.clone()
    }

    /// The first waiter whose record is read here and matched against everywhere.
    fn pop_matched(&mut self) -> Option<(u64, ActivationWaiter)> {
        let matched = self.matched.iter().copied().min().unwrap_or(0);
        let entry = self.written.first_entry()?;
        let (offset, _) = *entry.key();
        (offset < matched.min(self.read)).then(|| (offset, entry.remove()))
    }
}

impl SubscriptionRegistry {
    pub(super) fn wait(&mut self, waiter: ActivationWaiter, written: Written) {
        match written {
            Written::Sent(append) => {
                if let Some(append) = self.waiting.appending.get_mut(&append) {
                    append.waiters.push(waiter);
                }
            }
            Written::At(offset) => {
                self.wait_for_record(waiter, offset);
                self.activate_matched();
            }
        }
    }

    /// A record that is read already may be of a room that is active already.
    pub(super) fn wait_for_record(&mut self, waiter: ActivationWaiter, offset: u64) {
        if offset < self.waiting.read && self.is_active(&waiter) {
            self.activate_waiter(waiter, offset);
        } else {
            let number = self.next_number();
            self.waiting.written.insert((offset, number), waiter);
        }
    }

    fn is_active(&self, waiter: &ActivationWaiter) -> bool {
        let room = self.rooms.get(&waiter.room);
        room.is_some_and(|room| room.is_active(waiter.options))
    }

    /// Everything in `rooms` below an offset is read: waiters of active rooms need no more.
    pub(super) fn settle_read(&mut self, offset: u64) {
        let from = std::mem::replace(&mut self.waiting.read, offset);
        let newly_read = self.waiting.written.range((from, 0)..(offset, 0));
        let newly_read: Vec<(u64, u64)> = newly_read.map(|(key, _)| *key).collect();
        for key in newly_read {
            let waiter = self.waiting.written.get(&key);
            if waiter.is_some_and(|waiter| self.is_active(waiter))
                && let Some(waiter) = self.waiting.written.remove(&key)
            {
                self.activate_waiter(waiter, key.0);
            }
        }
        self.activate_matched();
    }

    /// What a notifier has read of `rooms`.
    pub fn progress(&mut self, progress: &Progress) {
        if *progress.instance != *self.instance {
            return;
        }
        for owner in &progress.owners {
            let matched = self.waiting.matched.get_mut(usize::from(owner.partition));
            if let Some(matched) = matched
                && self.feed_owners.accept(owner)
            {
                *matched = (*matched).max(progress.rooms + 1);
            }
        }
        self.activate_matched();
    }

    /// Activates every subscription for which nothing is missing any more.
    pub(super) fn activate_matched(&mut self) {
        while let Some((offset, waiter)) = self.waiting.pop_matched() {
            self.activate_waiter(waiter, offset);
        }
    }

    /// `since`: where the record stands by which it joined.
    fn activate_waiter(&mut self, waiter: ActivationWaiter, since: u64) {
        let ack = self.subscribe_ack(Some(waiter.membership));
        let ActivationWaiter {
            room,
            connection,
            membership,
            options,
            tenant,
            catches_up,
            request,
            answer,
        } = waiter;
        let known = self.connections.get(&connection);
        let room = self.rooms.get_mut(&room).filter(|room| {
            room.members
                .get(&connection)
                .is_some_and(|known| known.number == membership)
        });
        let (Some(known), Some(room)) = (known, room) else {
            // A request that was cancelled needs no answer.
            _ = answer.send(Err(SubscribeError::Ended));
            return;
        };
        room.activate(options);
        if answer.is_canceled() {
            // Cancelling takes care of the membership.
            return;
        }
        let live = if catches_up {
            LiveDelivery::Suspended
        } else {
            LiveDelivery::Everything
        };
        let recipient = known.recipient.clone();
        let member = ChannelMember {
            recipient: recipient.clone(),
            since,
            live,
        };
        room.join_channel(connection, tenant, options, member);
        recipient.reserve_answer(request);
        if answer.send(Ok(ack)).is_err() {
            recipient.release_answer(request);
        }
    }
}
