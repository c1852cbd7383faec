//! Who listens to what, as this notifier folded it: the rooms, their filters ready to be matched,
//! who came and went lately, and when each gateway was last seen. Pure: records and times in, state
//! out.

use super::engines::Engines;
use event_schema::{
    id::EntityKey,
    notification::{Coming, Presence},
    rooms::{RoomRecord, Seat, Subscription},
};
use rooms::{Change, Rooms};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use tokio::time::Instant;

/// The state after so many records of `rooms`.
#[derive(Debug)]
pub(crate) struct State {
    pub rooms: Rooms,
    pub engines: Engines,
    /// Grows whenever what a document is matched to may have changed.
    pub version: u64,
    /// Rooms with somebody in them, and connections in rooms.
    pub open: u64,
    pub seats: u64,
    /// Comings and goings that somebody wants to hear of, by the partition whose owner tells them.
    heard: BTreeMap<u16, VecDeque<Arc<Heard>>>,
    /// When each gateway gave its last sign of life, by our own clock.
    seen: HashMap<String, Instant>,
    partitions: u16,
    kept: usize,
}

/// Somebody came or went.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Of the record, in `rooms`.
    pub offset: u64,
    /// With the partition of `mailbox` of each gateway that must be told.
    pub mails: Vec<(u16, Presence)>,
}

/// The partition of `changes` whose owner looks after a room's users, or after a gateway.
pub(crate) fn keeper(name: &str, partitions: u16) -> u16 {
    EntityKey(name.to_owned()).partition(partitions)
}

impl State {
    pub fn new(partitions: u16, kept: usize) -> Self {
        Self {
            rooms: Rooms::default(),
            engines: Engines::default(),
            version: 0,
            open: 0,
            seats: 0,
            heard: BTreeMap::new(),
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
        record: RoomRecord,
        now: Instant,
        touched: &mut BTreeSet<String>,
    ) {
        match &record {
            RoomRecord::Sits(seat, _) => self.sign_of_life(&seat.instance, now, touched),
            RoomRecord::Beats(beat) => self.sign_of_life(&beat.reply.instance, now, touched),
            // May be written by a notifier: the gateway wants to know, but it proves no life.
            RoomRecord::Leaves(seat, _) => _ = touched.insert(seat.instance.clone()),
            RoomRecord::Gone { .. } | RoomRecord::Owns(_) => {}
        }
        for change in self.rooms.apply(record) {
            self.follow(offset, timestamp, change);
        }
    }

    fn sign_of_life(&mut self, instance: &str, now: Instant, touched: &mut BTreeSet<String>) {
        match self.seen.get_mut(instance) {
            Some(seen) => *seen = now,
            None => _ = self.seen.insert(instance.to_owned(), now),
        }
        touched.insert(instance.to_owned());
    }

    fn follow(&mut self, offset: u64, timestamp: i64, change: Change) {
        match change {
            Change::In {
                seat,
                subscription,
                count,
                opened,
            } => {
                self.version += 1;
                self.seats += 1;
                if opened {
                    self.open += 1;
                    let opened = self.engines.open(
                        &seat.room,
                        &subscription.index,
                        &subscription.collection,
                        &subscription.filter,
                    );
                    if let Err(error) = opened {
                        tracing::error!(
                            room = seat.room,
                            error,
                            "a room's filter cannot be read: nobody in it is told anything"
                        );
                    }
                }
                let volatile = subscription.volatile.clone();
                self.hear(
                    offset,
                    &seat,
                    &subscription,
                    Said {
                        user: Coming::In,
                        count,
                        volatile,
                        said: true,
                        timestamp,
                    },
                );
            }
            Change::Again { .. } => self.version += 1,
            Change::Out {
                seat,
                subscription,
                count,
                closed,
                volatile,
                said,
            } => {
                self.version += 1;
                self.seats -= 1;
                if closed {
                    self.open -= 1;
                    self.engines
                        .close(&seat.room, &subscription.index, &subscription.collection);
                }
                self.hear(
                    offset,
                    &seat,
                    &subscription,
                    Said {
                        user: Coming::Out,
                        count,
                        volatile,
                        said,
                        timestamp,
                    },
                );
            }
            Change::Gone { instance } => _ = self.seen.remove(&instance),
            Change::Beats { .. } | Change::Owns { .. } => {}
        }
    }

    fn hear(&mut self, offset: u64, seat: &Seat, subscription: &Subscription, said: Said) {
        let Some(room) = self.rooms.room(&seat.room) else {
            return;
        };
        let mail = |(instance, there): (&str, rooms::Attendance)| {
            let presence = Presence {
                instance: instance.to_owned(),
                room: seat.room.clone(),
                index: subscription.index.clone(),
                collection: subscription.collection.clone(),
                user: said.user,
                count: said.count,
                volatile: said.volatile.clone(),
                said: said.said,
                rooms: offset,
                timestamp: said.timestamp,
            };
            (there.mailbox, presence)
        };
        let mails: Vec<_> = room
            .gateways()
            .filter(|(_, there)| there.curious > 0)
            .map(mail)
            .collect();
        if mails.is_empty() {
            return;
        }
        let heard = self
            .heard
            .entry(keeper(&seat.room, self.partitions))
            .or_default();
        heard.push_back(Arc::new(Heard { offset, mails }));
        if heard.len() > self.kept {
            heard.pop_front();
        }
    }

    /// What was heard behind an offset, for the owner of a partition to tell.
    pub fn heard_since(&self, partition: u16, told: u64) -> Vec<Arc<Heard>> {
        let heard = self.heard.get(&partition).into_iter().flatten().rev();
        let mut news: Vec<_> = heard
            .take_while(|heard| heard.offset > told)
            .cloned()
            .collect();
        news.reverse();
        news
    }

    /// When a gateway gave its last sign of life; `None` for one that nobody knows.
    pub fn seen(&self, instance: &str) -> Option<Instant> {
        self.seen.get(instance).copied()
    }
}

/// What is told of somebody who came or went.
struct Said {
    user: Coming,
    count: u64,
    volatile: Option<event_schema::Raw>,
    said: bool,
    timestamp: i64,
}

#[cfg(test)]
mod tests;
