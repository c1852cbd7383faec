//! What the registry writes to the topic `rooms`, and what it reads from there.

use super::{SubscribeError, SubscriptionRegistry, waiting::Append};
use crate::{membership::MembershipChange, room::Written};
use event_schema::{
    Raw,
    envelope::Reply,
    membership::{Heartbeat, MembershipRecord, RoomMembership, Subscription},
};
use std::sync::Arc;

/// A record to append.
#[derive(Clone, Debug)]
pub struct OutgoingRecord {
    /// By which number the outcome is to be reported: [`SubscriptionRegistry::appended`].
    pub append: Option<u64>,
    pub record: MembershipRecord,
}

impl OutgoingRecord {
    fn unreported(record: MembershipRecord) -> Self {
        Self {
            append: None,
            record,
        }
    }
}

impl SubscriptionRegistry {
    /// What is to be appended next, in order.
    pub fn take_outgoing(&mut self, maximum: usize) -> Vec<OutgoingRecord> {
        let count = self.outgoing.len().min(maximum);
        self.outgoing.drain(..count).collect()
    }

    /// Writes a membership as it is now wanted.
    pub(super) fn write_membership(&mut self, name: &Arc<str>, connection: u64) -> Option<u64> {
        let number = self.next_number();
        let membership = self.membership_of(name, connection);
        let room = self.rooms.get_mut(name)?;
        let state = room.members.get_mut(&connection)?;
        state.written = Written::Sent(number);
        let subscription = Subscription {
            index: room.index.clone(),
            collection: room.collection.clone(),
            filter: room.filter.clone(),
            mailbox: self.mailbox,
            users: state.users,
            pending: state.pending,
            volatile: state.volatile.clone(),
        };
        let append = Append {
            room: name.clone(),
            connection,
            membership: state.number,
            waiters: Vec::with_capacity(1),
        };
        self.waiting.begin_append(number, append);
        self.outgoing.push_back(OutgoingRecord {
            append: Some(number),
            record: MembershipRecord::Subscribed(membership, subscription),
        });
        Some(number)
    }

    /// Ends a membership, if there is one.
    pub(super) fn leave(&mut self, name: &Arc<str>, connection: u64, volatile: Option<Raw>) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.rooms.remove(name);
        }
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        if !room.remove_member(connection) {
            return;
        }
        if room.members.is_empty() {
            self.rooms.remove(name);
        }
        self.subscriptions -= 1;
        let membership = self.membership_of(name, connection);
        let record = MembershipRecord::Unsubscribed(membership, volatile);
        self.outgoing.push_back(OutgoingRecord::unreported(record));
    }

    /// A sign of life, unless the end was written.
    pub fn write_heartbeat(&mut self, now: i64) {
        if !self.ended {
            let reply = Reply {
                instance: self.instance.to_string(),
                partition: self.mailbox,
            };
            let record = MembershipRecord::Heartbeat(Heartbeat { reply, time: now });
            self.outgoing.push_back(OutgoingRecord::unreported(record));
        }
    }

    /// A membership's record is in the log.
    pub fn appended(&mut self, number: u64, offset: u64) {
        let Some(append) = self.waiting.end_append(number) else {
            return;
        };
        let membership = self
            .rooms
            .get_mut(&append.room)
            .and_then(|room| room.members.get_mut(&append.connection));
        if let Some(membership) = membership
            && membership.number == append.membership
            && membership.written == Written::Sent(number)
        {
            membership.written = Written::At(offset);
        }
        for waiter in append.waiters {
            self.wait_for_record(waiter, offset);
        }
        self.activate_matched();
    }

    /// A membership's record is perhaps not in the log, and nobody may count on it.
    pub fn not_appended(&mut self, number: u64) {
        let Some(append) = self.waiting.end_append(number) else {
            return;
        };
        let refused = append.waiters.len();
        for waiter in append.waiters {
            // A request that was cancelled needs no answer.
            _ = waiter.answer.send(Err(SubscribeError::Unavailable));
        }
        let membership = self
            .rooms
            .get_mut(&append.room)
            .and_then(|room| room.members.get_mut(&append.connection))
            .filter(|membership| membership.number == append.membership);
        let Some(membership) = membership else { return };
        membership.waiting = membership.waiting.saturating_sub(refused);
        // Channels that are there stay as they are; without any the membership is ended, in case
        // that it was written after all.
        if membership.is_idle() {
            self.leave(&append.room, append.connection, None);
        }
    }

    /// The end of a membership is perhaps not in the log. It is written again, unless the connection
    /// became a member again meanwhile.
    pub fn not_left(&mut self, membership: RoomMembership, volatile: Option<Raw>) {
        let connection = u64::from_str_radix(&membership.connection, 16);
        let is_member = connection.is_ok_and(|connection| {
            let room = self.rooms.get(membership.room.as_str());
            room.is_some_and(|room| room.members.contains_key(&connection))
        });
        if !is_member || *membership.instance != *self.instance {
            let record = MembershipRecord::Unsubscribed(membership, volatile);
            self.outgoing.push_back(OutgoingRecord::unreported(record));
        }
    }

    /// The next records of `rooms`, `None` for what cannot be decoded. `rename`: a name for this
    /// gateway, if it turns out that it has expired.
    pub fn read(
        &mut self,
        records: Vec<(u64, Option<MembershipRecord>)>,
        rename: impl Fn() -> String,
    ) {
        let mut read = self.waiting.read_up_to();
        for (offset, record) in records {
            let changes = record
                .map(|record| self.memberships.apply(record))
                .unwrap_or_default();
            read = read.max(offset + 1);
            let expired = changes.iter().any(|change| {
                matches!(change, MembershipChange::GatewayExpired { instance } if **instance == *self.instance)
            });
            if expired && !self.ended {
                self.begin_again(rename());
            }
        }
        self.settle_read(read);
    }

    /// For all others this gateway has ended: nothing was pushed to it since. Its clients come back
    /// and subscribe again, to a gateway of another name.
    fn begin_again(&mut self, name: String) {
        self.disconnect_members();
        self.write_end();
        self.instance = name.into();
    }

    /// The gateway ends: every membership ends, and that is the last that is written.
    pub fn end(&mut self) {
        let connections: Vec<u64> = self.connections.keys().copied().collect();
        for connection in connections {
            self.remove_connection(connection);
        }
        if !std::mem::replace(&mut self.ended, true) {
            self.write_end();
        }
    }

    fn write_end(&mut self) {
        let instance = self.instance.to_string();
        let record = MembershipRecord::GatewayExpired { instance };
        self.outgoing.push_back(OutgoingRecord::unreported(record));
    }
}
