//! Who is subscribed to what, as this notifier folded it: the rooms, their filters ready to be
//! matched, the latest presence events, and when each gateway was last heard of. Pure: records and
//! times in, state out.

use super::engines::Engines;
use event_schema::{
    id::EntityKey,
    membership::{MembershipRecord, RoomMembership, Subscription},
    notification::{Presence, PresenceChange},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use subscriptions::membership::{GatewayMembers, MembershipChange, MembershipFold};
use tokio::time::Instant;

/// The state after so many records of `rooms`.
#[derive(Debug)]
pub(crate) struct RoomsState {
    pub memberships: MembershipFold,
    pub engines: Engines,
    /// Grows whenever what a document is matched to may have changed.
    pub version: u64,
    /// Rooms with members, and memberships.
    pub open: u64,
    pub members: u64,
    /// Presence events that some member wants, by the partition whose owner sends them.
    presence_log: BTreeMap<u16, VecDeque<Arc<PresenceEvent>>>,
    /// When each gateway wrote last, by our own clock.
    seen: HashMap<String, Instant>,
    partitions: u16,
    kept: usize,
}

/// A connection joined a room or left it.
#[derive(Debug)]
pub(crate) struct PresenceEvent {
    /// Of the record, in `rooms`.
    pub offset: u64,
    /// With the partition of `mailbox` of each gateway that must be told.
    pub mails: Vec<(u16, Presence)>,
}

/// The partition of `changes` whose owner is responsible for a room's presence events, or for a
/// gateway's expiry.
pub(crate) fn owner_partition(name: &str, partitions: u16) -> u16 {
    EntityKey(name.to_owned()).partition(partitions)
}

impl RoomsState {
    pub fn new(partitions: u16, kept: usize) -> Self {
        Self {
            memberships: MembershipFold::default(),
            engines: Engines::default(),
            version: 0,
            open: 0,
            members: 0,
            presence_log: BTreeMap::new(),
            seen: HashMap::new(),
            partitions,
            kept,
        }
    }

    /// Takes the next record in; adds the gateway that it is about, if it is about one, to
    /// `touched`.
    pub fn take(
        &mut self,
        offset: u64,
        timestamp: i64,
        record: MembershipRecord,
        now: Instant,
        touched: &mut BTreeSet<String>,
    ) {
        match &record {
            MembershipRecord::Subscribed(membership, _) => {
                self.sign_of_life(&membership.instance, now, touched)
            }
            MembershipRecord::Heartbeat(beat) => {
                self.sign_of_life(&beat.reply.instance, now, touched)
            }
            // May be written by a notifier: the gateway wants to know, but it proves no life.
            MembershipRecord::Unsubscribed(membership, _) => {
                _ = touched.insert(membership.instance.clone())
            }
            MembershipRecord::GatewayExpired { .. } | MembershipRecord::PartitionClaimed(_) => {}
        }
        for change in self.memberships.apply(record) {
            self.follow_change(offset, timestamp, change);
        }
    }

    fn sign_of_life(&mut self, instance: &str, now: Instant, touched: &mut BTreeSet<String>) {
        match self.seen.get_mut(instance) {
            Some(seen) => *seen = now,
            None => _ = self.seen.insert(instance.to_owned(), now),
        }
        touched.insert(instance.to_owned());
    }

    fn follow_change(&mut self, offset: u64, timestamp: i64, change: MembershipChange) {
        match change {
            MembershipChange::Joined {
                membership,
                subscription,
                count,
                opened,
            } => {
                self.version += 1;
                self.members += 1;
                if opened {
                    self.open += 1;
                    let opened = self.engines.open(
                        &membership.room,
                        &subscription.index,
                        &subscription.collection,
                        &subscription.filter,
                    );
                    if let Err(error) = opened {
                        tracing::error!(
                            room = membership.room,
                            error,
                            "the filter of a room cannot be read: its members get no notifications"
                        );
                    }
                }
                let volatile = subscription.volatile.clone();
                self.log_presence(
                    offset,
                    &membership,
                    &subscription,
                    Occurrence {
                        user: PresenceChange::In,
                        count,
                        volatile,
                        explicit: true,
                        timestamp,
                    },
                );
            }
            MembershipChange::Updated { .. } => self.version += 1,
            MembershipChange::Left {
                membership,
                subscription,
                count,
                closed,
                volatile,
                explicit,
            } => {
                self.version += 1;
                self.members -= 1;
                if closed {
                    self.open -= 1;
                    self.engines.close(
                        &membership.room,
                        &subscription.index,
                        &subscription.collection,
                    );
                }
                self.log_presence(
                    offset,
                    &membership,
                    &subscription,
                    Occurrence {
                        user: PresenceChange::Out,
                        count,
                        volatile,
                        explicit,
                        timestamp,
                    },
                );
            }
            MembershipChange::GatewayExpired { instance } => _ = self.seen.remove(&instance),
            MembershipChange::Heartbeat { .. } | MembershipChange::PartitionClaimed { .. } => {}
        }
    }

    fn log_presence(
        &mut self,
        offset: u64,
        membership: &RoomMembership,
        subscription: &Subscription,
        event: Occurrence,
    ) {
        let Some(room) = self.memberships.room(&membership.room) else {
            return;
        };
        let mail = |(instance, there): (&str, GatewayMembers)| {
            let presence = Presence {
                instance: instance.to_owned(),
                room: membership.room.clone(),
                index: subscription.index.clone(),
                collection: subscription.collection.clone(),
                user: event.user,
                count: event.count,
                volatile: event.volatile.clone(),
                explicit: event.explicit,
                rooms: offset,
                timestamp: event.timestamp,
            };
            (there.mailbox, presence)
        };
        let mails: Vec<_> = room
            .gateways()
            .filter(|(_, there)| there.wants_presence > 0)
            .map(mail)
            .collect();
        if mails.is_empty() {
            return;
        }
        let log = self
            .presence_log
            .entry(owner_partition(&membership.room, self.partitions))
            .or_default();
        log.push_back(Arc::new(PresenceEvent { offset, mails }));
        if log.len() > self.kept {
            log.pop_front();
        }
    }

    /// Presence events behind an offset, for the owner of a partition to send.
    pub fn presence_since(&self, partition: u16, sent: u64) -> Vec<Arc<PresenceEvent>> {
        let log = self
            .presence_log
            .get(&partition)
            .into_iter()
            .flatten()
            .rev();
        let mut news: Vec<_> = log
            .take_while(|event| event.offset > sent)
            .cloned()
            .collect();
        news.reverse();
        news
    }

    /// When a gateway wrote last; `None` for an unknown one.
    pub fn seen(&self, instance: &str) -> Option<Instant> {
        self.seen.get(instance).copied()
    }
}

/// What a presence event says, for whichever gateway.
struct Occurrence {
    user: PresenceChange,
    count: u64,
    volatile: Option<event_schema::Raw>,
    explicit: bool,
    timestamp: i64,
}

#[cfg(test)]
mod tests;
