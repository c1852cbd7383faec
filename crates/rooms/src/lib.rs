//! Who listens to what: the fold of the topic `rooms`, the same in every gateway and notifier.
//! Pure: records in, what they changed out.
//!
//! It keeps no filter engine, no connection and no clock; whoever reads the topic decides what
//! follows from a change.
//!
//! See ADR 7.

use event_schema::rooms::{Heartbeat, Owner, RoomRecord, Seat, Subscription};
use event_schema::{Raw, envelope::Reply};
use std::collections::{BTreeMap, HashMap};

/// The state after so many records.
#[derive(Debug, Default)]
pub struct Rooms {
    rooms: HashMap<String, Room>,
    instances: BTreeMap<String, Instance>,
    owners: BTreeMap<u16, String>,
    /// Seats that want to hear of what is decided and not yet done.
    pending: u64,
}

/// A normalised filter on one collection, and who is there.
#[derive(Debug)]
pub struct Room {
    pub index: String,
    pub collection: String,
    pub filter: Raw,
    /// By gateway instance: how many connections, and how many of them want to hear of what.
    gateways: BTreeMap<String, Attendance>,
}

/// One gateway's connections in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attendance {
    pub seats: u64,
    pub curious: u64,
    /// Of them, how many want to hear of what is decided and not yet done.
    pub pending: u64,
    /// The partition of `mailbox` that the gateway reads.
    pub mailbox: u16,
}

/// A gateway: its connections in rooms, and its last sign of life.
#[derive(Debug, Default)]
struct Instance {
    seats: BTreeMap<(String, String), Subscription>,
    beat: Option<Heartbeat>,
}

/// What a record changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A connection came in. `opened`: as the first, so the room is new.
    In {
        seat: Seat,
        subscription: Subscription,
        count: u64,
        opened: bool,
    },
    /// What it wants changed.
    Again {
        seat: Seat,
        subscription: Subscription,
    },
    /// A connection left: `volatile` is that of the request to leave, or of its subscription.
    /// `closed`: as the last, so the room is no more.
    Out {
        seat: Seat,
        subscription: Subscription,
        count: u64,
        closed: bool,
        volatile: Option<Raw>,
        said: bool,
    },
    /// A gateway is alive.
    Beats { instance: String },
    /// A gateway is no more; its connections left before this.
    Gone { instance: String },
    /// A notifier has a partition; another had it before.
    Owns { partition: u16, notifier: String },
}

impl Rooms {
    /// Takes the next record in; answers what it changed, in order.
    pub fn apply(&mut self, record: RoomRecord) -> Vec<Change> {
        match record {
            RoomRecord::Sits(seat, subscription) => vec![self.sit(seat, subscription)],
            RoomRecord::Leaves(seat, volatile) => {
                self.leave(&seat, volatile, true).into_iter().collect()
            }
            RoomRecord::Beats(beat) => {
                let instance = beat.reply.instance.clone();
                self.instances.entry(instance.clone()).or_default().beat = Some(beat);
                vec![Change::Beats { instance }]
            }
            RoomRecord::Gone { instance } => self.gone(instance),
            RoomRecord::Owns(Owner {
                notifier,
                partition,
            }) => {
                self.owners.insert(partition, notifier.clone());
                vec![Change::Owns {
                    partition,
                    notifier,
                }]
            }
        }
    }

    fn sit(&mut self, seat: Seat, subscription: Subscription) -> Change {
        let instance = self.instances.entry(seat.instance.clone()).or_default();
        let before = instance.seats.insert(
            (seat.room.clone(), seat.connection.clone()),
            subscription.clone(),
        );
        let opened = !self.rooms.contains_key(&seat.room);
        let room = self.rooms.entry(seat.room.clone()).or_insert_with(|| Room {
            index: subscription.index.clone(),
            collection: subscription.collection.clone(),
            filter: subscription.filter.clone(),
            gateways: BTreeMap::new(),
        });
        let there = room.gateways.entry(seat.instance.clone()).or_default();
        there.mailbox = subscription.mailbox;
        there.curious += curious(&subscription);
        there.pending += u64::from(subscription.pending);
        self.pending += u64::from(subscription.pending);
        match before {
            Some(before) => {
                there.curious -= curious(&before);
                there.pending -= u64::from(before.pending);
                self.pending -= u64::from(before.pending);
                Change::Again { seat, subscription }
            }
            None => {
                there.seats += 1;
                Change::In {
                    count: room.count(),
                    seat,
                    subscription,
                    opened,
                }
            }
        }
    }

    /// Nothing if there was no such seat.
    fn leave(&mut self, seat: &Seat, volatile: Option<Raw>, may_speak: bool) -> Option<Change> {
        let instance = self.instances.get_mut(&seat.instance)?;
        let subscription = instance
            .seats
            .remove(&(seat.room.clone(), seat.connection.clone()))?;
        if instance.seats.is_empty() && instance.beat.is_none() {
            self.instances.remove(&seat.instance);
        }
        self.pending -= u64::from(subscription.pending);
        let room = self.rooms.get_mut(&seat.room)?;
        if let Some(there) = room.gateways.get_mut(&seat.instance) {
            there.seats -= 1;
            there.curious -= curious(&subscription);
            there.pending -= u64::from(subscription.pending);
            if there.seats == 0 {
                room.gateways.remove(&seat.instance);
            }
        }
        let count = room.count();
        if count == 0 {
            self.rooms.remove(&seat.room);
        }
        let said = may_speak && volatile.is_some();
        let volatile = volatile.or_else(|| subscription.volatile.clone());
        Some(Change::Out {
            seat: seat.clone(),
            subscription,
            count,
            closed: count == 0,
            volatile,
            said,
        })
    }

    fn gone(&mut self, instance: String) -> Vec<Change> {
        let seats = self.seats_of(&instance);
        let mut changes: Vec<_> = seats
            .iter()
            .filter_map(|seat| self.leave(seat, None, false))
            .collect();
        self.instances.remove(&instance);
        changes.push(Change::Gone { instance });
        changes
    }

    /// Every seat of a gateway.
    pub fn seats_of(&self, instance: &str) -> Vec<Seat> {
        let seats = self
            .instances
            .get(instance)
            .into_iter()
            .flat_map(|known| known.seats.keys());
        seats
            .map(|(room, connection)| Seat {
                instance: instance.to_owned(),
                connection: connection.clone(),
                room: room.clone(),
            })
            .collect()
    }

    pub fn room(&self, room: &str) -> Option<&Room> {
        self.rooms.get(room)
    }

    /// Connections in a room, over all gateways; 0 for one that nobody knows.
    pub fn count(&self, room: &str) -> u64 {
        self.rooms.get(room).map_or(0, Room::count)
    }

    /// Does anybody want to hear of what is decided and not yet done?
    pub fn wants_pending(&self) -> bool {
        self.pending > 0
    }

    /// Every room, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Room)> {
        self.rooms.iter().map(|(name, room)| (name.as_str(), room))
    }

    /// Every gateway that has a seat or gave a sign of life; where it is reached, if it said so.
    pub fn instances(&self) -> impl Iterator<Item = (&str, Option<&Reply>)> {
        self.instances
            .iter()
            .map(|(name, known)| (name.as_str(), known.beat.as_ref().map(|beat| &beat.reply)))
    }

    /// The partition of `mailbox` that a gateway reads, if it is known.
    pub fn mailbox(&self, instance: &str) -> Option<u16> {
        let known = self.instances.get(instance)?;
        let said = known.beat.as_ref().map(|beat| beat.reply.partition);
        said.or_else(|| {
            known
                .seats
                .values()
                .next()
                .map(|subscription| subscription.mailbox)
        })
    }

    /// The notifier that has a partition, as far as the topic was read.
    pub fn owner(&self, partition: u16) -> Option<&str> {
        self.owners.get(&partition).map(String::as_str)
    }
}

impl Room {
    pub fn count(&self) -> u64 {
        self.gateways.values().map(|there| there.seats).sum()
    }

    /// The gateways with somebody in it.
    pub fn gateways(&self) -> impl Iterator<Item = (&str, Attendance)> {
        self.gateways
            .iter()
            .map(|(instance, there)| (instance.as_str(), *there))
    }
}

fn curious(subscription: &Subscription) -> u64 {
    use event_schema::rooms::Users;
    match subscription.users {
        Users::All | Users::In | Users::Out => 1,
        Users::None => 0,
    }
}

#[cfg(test)]
mod tests;
