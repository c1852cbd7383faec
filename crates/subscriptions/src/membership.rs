//! The fold of the topic `rooms`: which connections are members of which rooms, the same in every
//! gateway and notifier. Pure: records in, changes out.
//!
//! It keeps no filter engine, no connection and no clock; its reader decides what follows from a
//! change.
//!
//! See ADR 7.

use event_schema::membership::{
    Heartbeat, MembershipRecord, PartitionClaim, RoomMembership, Subscription,
};
use event_schema::{Raw, envelope::Reply};
use std::collections::{BTreeMap, HashMap};

/// The state after so many records.
#[derive(Debug, Default)]
pub struct MembershipFold {
    rooms: HashMap<String, RoomMembers>,
    instances: BTreeMap<String, Instance>,
    owners: BTreeMap<u16, String>,
    /// Members that want changes that are decided and not yet done.
    pending: u64,
}

/// A normalised filter on one collection, and its members by gateway.
#[derive(Debug)]
pub struct RoomMembers {
    pub index: String,
    pub collection: String,
    pub filter: Raw,
    /// By gateway instance.
    gateways: BTreeMap<String, GatewayMembers>,
}

/// How many members of a room one gateway has, and what they want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayMembers {
    pub members: u64,
    /// Of them, how many want presence events.
    pub wants_presence: u64,
    /// Of them, how many want changes that are decided and not yet done.
    pub pending: u64,
    /// The partition of `mailbox` that the gateway reads.
    pub mailbox: u16,
}

/// A gateway: its memberships, and its last heartbeat.
#[derive(Debug, Default)]
struct Instance {
    memberships: BTreeMap<(String, String), Subscription>,
    heartbeat: Option<Heartbeat>,
}

/// What a record changed.
#[derive(Clone, Debug)]
pub enum MembershipChange {
    /// A connection joined. `opened`: as the first, so the room is new.
    Joined {
        membership: RoomMembership,
        subscription: Subscription,
        count: u64,
        opened: bool,
    },
    /// What a member wants changed.
    Updated {
        membership: RoomMembership,
        subscription: Subscription,
    },
    /// A connection left: `volatile` is that of the request to leave, or of its subscription.
    /// `closed`: as the last, so the room is no more. `explicit`: by a request.
    Left {
        membership: RoomMembership,
        subscription: Subscription,
        count: u64,
        closed: bool,
        volatile: Option<Raw>,
        explicit: bool,
    },
    /// A gateway is alive.
    Heartbeat { instance: String },
    /// A gateway is no more; its members left before this.
    GatewayExpired { instance: String },
    /// A notifier owns a partition.
    PartitionClaimed { partition: u16, notifier: String },
}

impl MembershipFold {
    /// Takes the next record in; answers what it changed, in order.
    pub fn apply(&mut self, record: MembershipRecord) -> Vec<MembershipChange> {
        match record {
            MembershipRecord::Subscribed(membership, subscription) => {
                vec![self.join_room(membership, subscription)]
            }
            MembershipRecord::Unsubscribed(membership, volatile) => self
                .leave_room(&membership, volatile, true)
                .into_iter()
                .collect(),
            MembershipRecord::Heartbeat(beat) => {
                let instance = beat.reply.instance.clone();
                self.instances
                    .entry(instance.clone())
                    .or_default()
                    .heartbeat = Some(beat);
                vec![MembershipChange::Heartbeat { instance }]
            }
            MembershipRecord::GatewayExpired { instance } => self.expire_instance(instance),
            MembershipRecord::PartitionClaimed(PartitionClaim {
                notifier,
                partition,
            }) => {
                self.owners.insert(partition, notifier.clone());
                vec![MembershipChange::PartitionClaimed {
                    partition,
                    notifier,
                }]
            }
        }
    }

    fn join_room(
        &mut self,
        membership: RoomMembership,
        subscription: Subscription,
    ) -> MembershipChange {
        let instance = self
            .instances
            .entry(membership.instance.clone())
            .or_default();
        let before = instance.memberships.insert(
            (membership.room.clone(), membership.connection.clone()),
            subscription.clone(),
        );
        let opened = !self.rooms.contains_key(&membership.room);
        let room = self
            .rooms
            .entry(membership.room.clone())
            .or_insert_with(|| RoomMembers {
                index: subscription.index.clone(),
                collection: subscription.collection.clone(),
                filter: subscription.filter.clone(),
                gateways: BTreeMap::new(),
            });
        let there = room
            .gateways
            .entry(membership.instance.clone())
            .or_default();
        there.mailbox = subscription.mailbox;
        there.wants_presence += wants_presence(&subscription);
        there.pending += u64::from(subscription.pending);
        self.pending += u64::from(subscription.pending);
        match before {
            Some(before) => {
                there.wants_presence -= wants_presence(&before);
                there.pending -= u64::from(before.pending);
                self.pending -= u64::from(before.pending);
                MembershipChange::Updated {
                    membership,
                    subscription,
                }
            }
            None => {
                there.members += 1;
                MembershipChange::Joined {
                    count: room.count(),
                    membership,
                    subscription,
                    opened,
                }
            }
        }
    }

    /// Nothing if there was no such membership. `explicit`: it may have been left by a request.
    fn leave_room(
        &mut self,
        membership: &RoomMembership,
        volatile: Option<Raw>,
        explicit: bool,
    ) -> Option<MembershipChange> {
        let instance = self.instances.get_mut(&membership.instance)?;
        let subscription = instance
            .memberships
            .remove(&(membership.room.clone(), membership.connection.clone()))?;
        if instance.memberships.is_empty() && instance.heartbeat.is_none() {
            self.instances.remove(&membership.instance);
        }
        self.pending -= u64::from(subscription.pending);
        let room = self.rooms.get_mut(&membership.room)?;
        if let Some(there) = room.gateways.get_mut(&membership.instance) {
            there.members -= 1;
            there.wants_presence -= wants_presence(&subscription);
            there.pending -= u64::from(subscription.pending);
            if there.members == 0 {
                room.gateways.remove(&membership.instance);
            }
        }
        let count = room.count();
        if count == 0 {
            self.rooms.remove(&membership.room);
        }
        let explicit = explicit && volatile.is_some();
        let volatile = volatile.or_else(|| subscription.volatile.clone());
        Some(MembershipChange::Left {
            membership: membership.clone(),
            subscription,
            count,
            closed: count == 0,
            volatile,
            explicit,
        })
    }

    fn expire_instance(&mut self, instance: String) -> Vec<MembershipChange> {
        let memberships = self.memberships_of(&instance);
        let mut changes: Vec<_> = memberships
            .iter()
            .filter_map(|membership| self.leave_room(membership, None, false))
            .collect();
        self.instances.remove(&instance);
        changes.push(MembershipChange::GatewayExpired { instance });
        changes
    }

    /// All memberships of a gateway.
    pub fn memberships_of(&self, instance: &str) -> Vec<RoomMembership> {
        let memberships = self
            .instances
            .get(instance)
            .into_iter()
            .flat_map(|known| known.memberships.keys());
        memberships
            .map(|(room, connection)| RoomMembership {
                instance: instance.to_owned(),
                connection: connection.clone(),
                room: room.clone(),
            })
            .collect()
    }

    pub fn room(&self, room: &str) -> Option<&RoomMembers> {
        self.rooms.get(room)
    }

    /// Members of a room, over all gateways; 0 for an unknown one.
    pub fn count(&self, room: &str) -> u64 {
        self.rooms.get(room).map_or(0, RoomMembers::count)
    }

    /// Does any member want changes that are decided and not yet done?
    pub fn wants_pending(&self) -> bool {
        self.pending > 0
    }

    /// Every room, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &RoomMembers)> {
        self.rooms.iter().map(|(name, room)| (name.as_str(), room))
    }

    /// Every gateway with a membership or a heartbeat; where it is reached, if it said so.
    pub fn instances(&self) -> impl Iterator<Item = (&str, Option<&Reply>)> {
        self.instances.iter().map(|(name, known)| {
            (
                name.as_str(),
                known.heartbeat.as_ref().map(|beat| &beat.reply),
            )
        })
    }

    /// The partition of `mailbox` that a gateway reads, if it is known.
    pub fn mailbox(&self, instance: &str) -> Option<u16> {
        let known = self.instances.get(instance)?;
        let announced = known.heartbeat.as_ref().map(|beat| beat.reply.partition);
        announced.or_else(|| {
            known
                .memberships
                .values()
                .next()
                .map(|subscription| subscription.mailbox)
        })
    }

    /// The notifier that owns a partition, as far as the topic was read.
    pub fn owner(&self, partition: u16) -> Option<&str> {
        self.owners.get(&partition).map(String::as_str)
    }
}

impl RoomMembers {
    pub fn count(&self) -> u64 {
        self.gateways.values().map(|there| there.members).sum()
    }

    /// The gateways that have members in it.
    pub fn gateways(&self) -> impl Iterator<Item = (&str, GatewayMembers)> {
        self.gateways
            .iter()
            .map(|(instance, there)| (instance.as_str(), *there))
    }
}

fn wants_presence(subscription: &Subscription) -> u64 {
    use event_schema::membership::PresenceFilter;
    match subscription.users {
        PresenceFilter::All | PresenceFilter::In | PresenceFilter::Out => 1,
        PresenceFilter::None => 0,
    }
}

#[cfg(test)]
mod tests;
