//! One gateway's side of all rooms: which connections are members, on which channels, and who waits
//! for a subscription to be active. Pure: requests, records of `rooms` and pushes go in; records to
//! append and deliveries to recipients come out. Its caller holds a lock, and nothing in here waits.
//!
//! A subscription is active when its record was appended at R, this fold has read R, and every
//! partition of `changes` is matched against R. A room that is active already needs the first two
//! only, as it is matched for this gateway from then until its last member leaves. Records leave in
//! the order in which they are made here, so a membership's end never overtakes its beginning, nor
//! the other way round.
//!
//! Of each partition one feed owner is accepted, the one with the newest claim that was ever seen
//! here: an older one may be a zombie that repeats what was sent long ago.

mod fan_out;
mod journal;
mod waiting;

pub use journal::OutgoingRecord;

use crate::{
    ChannelOptions, Recipient,
    feed_owners::FeedOwners,
    membership::MembershipFold,
    room::{MembershipState, SubscribedRoom, Written},
};
use event_schema::{Raw, envelope::Reply, membership::RoomMembership, notification::FeedPosition};
use futures::channel::oneshot;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};
use waiting::{ActivationWaiter, Waiting};

/// How much one gateway holds.
#[derive(Clone, Copy, Debug)]
pub struct RegistryLimits {
    pub rooms_per_connection: usize,
    pub subscriptions: usize,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct SubscribeRequest {
    pub room: Arc<str>,
    pub index: String,
    pub collection: String,
    pub filter: Raw,
    pub options: ChannelOptions,
    /// The tenant of the client: handles that notifications carry are bound to it.
    pub tenant: Arc<str>,
    pub volatile: Option<Raw>,
    /// What it missed is sent from the log first: see [`SubscriptionRegistry::replay`].
    pub catches_up: bool,
    /// The connection's number of the request: see [`Recipient::reserve_answer`].
    pub request: u64,
}

/// A subscription that is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeAck {
    /// The membership's own number; `None`: the connection was on the channel before, and has missed
    /// nothing.
    pub membership: Option<u64>,
    /// How far the feed of each partition was then; `None` while one is not known.
    pub positions: Option<Vec<FeedPosition>>,
}

/// Why a subscription, or the end of one, did not come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    #[error("the limit of subscriptions is reached")]
    TooManyRooms,
    #[error("the connection is not subscribed to this room")]
    NotSubscribed,
    #[error("there is no such room")]
    UnknownRoom,
    /// The log did not take it.
    #[error("the subscription could not be written to the log")]
    Unavailable,
    /// Not every notifier confirmed in time that it knows of it.
    #[error("the subscription did not become active in time")]
    NotActive,
    #[error("the connection has ended")]
    Ended,
}

/// Resolves when a subscription is active.
pub type PendingSubscription = oneshot::Receiver<Result<SubscribeAck, SubscribeError>>;

/// All subscriptions of one gateway.
pub struct SubscriptionRegistry {
    instance: Arc<str>,
    mailbox: u16,
    limits: RegistryLimits,
    memberships: MembershipFold,
    feed_owners: FeedOwners,
    connections: HashMap<u64, KnownConnection>,
    rooms: HashMap<Arc<str>, SubscribedRoom>,
    subscriptions: usize,
    waiting: Waiting,
    outgoing: VecDeque<OutgoingRecord>,
    next: u64,
    ended: bool,
}

struct KnownConnection {
    recipient: Arc<dyn Recipient>,
    rooms: HashSet<Arc<str>>,
}

impl SubscriptionRegistry {
    /// `reply`: the gateway's address; `partitions`: of `changes`.
    pub fn new(reply: &Reply, partitions: u16, limits: RegistryLimits) -> Self {
        Self {
            instance: reply.instance.as_str().into(),
            mailbox: reply.partition,
            limits,
            memberships: MembershipFold::default(),
            feed_owners: FeedOwners::new(partitions),
            connections: HashMap::new(),
            rooms: HashMap::new(),
            subscriptions: 0,
            waiting: Waiting::new(partitions),
            outgoing: VecDeque::new(),
            next: 0,
            ended: false,
        }
    }

    /// The instance that pushes must be addressed to.
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// Memberships of this gateway's connections.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// All rooms there are, as far as the topic was read.
    pub fn memberships(&self) -> &MembershipFold {
        &self.memberships
    }

    /// A connection begins.
    pub fn add_connection(&mut self, connection: u64, recipient: Arc<dyn Recipient>) {
        let rooms = HashSet::new();
        let known = KnownConnection { recipient, rooms };
        self.connections.insert(connection, known);
    }

    /// A connection ended: its memberships end.
    pub fn remove_connection(&mut self, connection: u64) {
        if let Some(known) = self.connections.remove(&connection) {
            for room in known.rooms {
                self.leave(&room, connection, None);
            }
        }
    }

    /// Puts a connection on a channel; the receiver hears when that is active. The place of the
    /// answer is then reserved by the recipient, unless the connection was there already.
    pub fn subscribe(
        &mut self,
        connection: u64,
        request: SubscribeRequest,
    ) -> Result<PendingSubscription, SubscribeError> {
        let known = self
            .connections
            .get(&connection)
            .filter(|_| !self.ended)
            .ok_or(SubscribeError::Ended)?;
        let is_member = known.rooms.contains(&request.room);
        let full = known.rooms.len() >= self.limits.rooms_per_connection
            || self.subscriptions >= self.limits.subscriptions;
        if full && !is_member {
            return Err(SubscribeError::TooManyRooms);
        }
        let (answer, pending) = oneshot::channel();
        let room = self.rooms.get(&request.room);
        if room.is_some_and(|room| room.is_on_channel(connection, request.options)) {
            // Its receiver is in this function.
            _ = answer.send(Ok(self.subscribe_ack(None)));
            return Ok(pending);
        }
        let room = request.room.clone();
        let (options, tenant) = (request.options, request.tenant.clone());
        let (catches_up, number) = (request.catches_up, request.request);
        let joined = if is_member {
            self.rejoin_room(&room, connection, options)
        } else {
            self.join_room(connection, request)
        };
        let (membership, written) = joined.ok_or(SubscribeError::Ended)?;
        let waiter = ActivationWaiter {
            room,
            connection,
            membership,
            options,
            tenant,
            catches_up,
            request: number,
            answer,
        };
        self.wait(waiter, written);
        Ok(pending)
    }

    fn subscribe_ack(&self, membership: Option<u64>) -> SubscribeAck {
        SubscribeAck {
            membership,
            positions: self.feed_positions().map(<[FeedPosition]>::to_vec),
        }
    }

    /// The first channel of a connection in a room.
    fn join_room(&mut self, connection: u64, request: SubscribeRequest) -> Option<(u64, Written)> {
        let number = self.next_number();
        let known = self.connections.get_mut(&connection)?;
        known.rooms.insert(request.room.clone());
        self.subscriptions += 1;
        let room = self.rooms.entry(request.room.clone()).or_insert_with(|| {
            SubscribedRoom::new(request.index, request.collection, request.filter)
        });
        let membership = MembershipState::new(number, request.options, request.volatile);
        room.add_member(connection, membership);
        let append = self.write_membership(&request.room, connection)?;
        Some((number, Written::Sent(append)))
    }

    /// One more channel: the membership is written again only if it wants more, or was not written
    /// last time.
    fn rejoin_room(
        &mut self,
        name: &Arc<str>,
        connection: u64,
        options: ChannelOptions,
    ) -> Option<(u64, Written)> {
        let room = self.rooms.get_mut(name)?;
        let wider = room.widen(connection, options);
        let membership = room.members.get_mut(&connection)?;
        membership.waiting += 1;
        let (number, written) = (membership.number, membership.written);
        let failed = matches!(written, Written::Sent(append) if !self.waiting.is_appending(append));
        if !wider && !failed {
            return Some((number, written));
        }
        let append = self.write_membership(name, connection)?;
        Some((number, Written::Sent(append)))
    }

    /// Takes a connection off all its channels in a room.
    pub fn unsubscribe(
        &mut self,
        connection: u64,
        room: &str,
        volatile: Option<Raw>,
    ) -> Result<(), SubscribeError> {
        let (name, room) = self
            .rooms
            .get_key_value(room)
            .ok_or(SubscribeError::NotSubscribed)?;
        let on_a_channel = room
            .members
            .get(&connection)
            .is_some_and(|membership| !membership.channels.is_empty());
        if !on_a_channel {
            return Err(SubscribeError::NotSubscribed);
        }
        let name = name.clone();
        // A request always carries a volatile, even if it is null: that is how it is told from a
        // connection that just ended.
        let volatile = volatile.unwrap_or_else(|| event_schema::to_raw(&()));
        self.leave(&name, connection, Some(volatile));
        Ok(())
    }

    /// Gives up a subscription that is still pending; answers with it if it became active in the
    /// meantime.
    pub fn cancel(
        &mut self,
        connection: u64,
        room: &Arc<str>,
        pending: &mut PendingSubscription,
    ) -> Option<SubscribeAck> {
        if let Ok(Some(Ok(ack))) = pending.try_recv() {
            return Some(ack);
        }
        pending.close();
        let membership = self
            .rooms
            .get_mut(room)
            .and_then(|room| room.members.get_mut(&connection));
        if let Some(membership) = membership {
            membership.waiting = membership.waiting.saturating_sub(1);
            if membership.is_idle() {
                self.leave(room, connection, None);
            }
        }
        None
    }

    /// Ends every connection that is a member of a room, or wants to be: notifications may have
    /// been missed.
    pub fn disconnect_members(&mut self) {
        let members = self.connections.iter();
        let members: Vec<u64> = members
            .filter(|(_, known)| !known.rooms.is_empty())
            .map(|(connection, _)| *connection)
            .collect();
        for connection in members {
            if let Some(known) = self.connections.get(&connection) {
                known.recipient.disconnect();
            }
            self.remove_connection(connection);
        }
    }

    pub(crate) fn feed_positions(&self) -> Option<&[FeedPosition]> {
        self.feed_owners.positions()
    }

    pub(crate) fn room_mut(&mut self, room: &str) -> Option<&mut SubscribedRoom> {
        self.rooms.get_mut(room)
    }

    fn membership_of(&self, room: &str, connection: u64) -> RoomMembership {
        RoomMembership {
            instance: self.instance.to_string(),
            connection: format!("{connection:x}"),
            room: room.to_owned(),
        }
    }

    fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests;
