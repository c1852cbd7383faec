//! A gateway that only listens: it subscribes, beats, and keeps what its mailbox gets.

use super::{PARTITIONS, PATIENCE, World};
use event_log::{Limits, PartitionStream, consumer::From};
use event_schema::{
    codec::{self, Parts},
    envelope::Reply,
    membership::{Heartbeat, MembershipRecord, PresenceFilter, RoomMembership, Subscription},
    notification::{Mail, Presence, Push, State},
    to_raw,
    topics::MAILBOX,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::timeout;

/// A gateway that only listens.
pub struct Gate<'a> {
    world: &'a World,
    pub reply: Reply,
    stream: Box<dyn PartitionStream>,
    /// By partition of `changes`: the furthest offset in `rooms` that some notifier says it matches
    /// against.
    active: BTreeMap<u16, u64>,
    pub pushes: Vec<Push>,
    pub presences: Vec<Presence>,
    /// Partitions of which it was told that changes are lost.
    pub missed: Vec<u16>,
}

impl<'a> Gate<'a> {
    pub async fn open(world: &'a World, instance: &str, mailbox: u16) -> Self {
        let stream = world
            .log
            .reader
            .tail(&world.layout.name(&MAILBOX), mailbox, From::End)
            .await
            .unwrap();
        let gate = Self {
            world,
            reply: Reply {
                instance: instance.into(),
                partition: mailbox,
            },
            stream,
            active: BTreeMap::new(),
            pushes: Vec::new(),
            presences: Vec::new(),
            missed: Vec::new(),
        };
        gate.beat().await;
        gate
    }

    pub async fn beat(&self) -> u64 {
        self.world
            .rooms(&MembershipRecord::Heartbeat(Heartbeat {
                reply: self.reply.clone(),
                time: 0,
            }))
            .await
    }

    pub async fn sit(
        &self,
        connection: &str,
        room: &str,
        filter: Value,
        users: PresenceFilter,
    ) -> u64 {
        let seat = RoomMembership {
            instance: self.reply.instance.clone(),
            connection: connection.into(),
            room: room.into(),
        };
        let subscription = Subscription {
            index: "i".into(),
            collection: "c".into(),
            filter: to_raw(&filter),
            mailbox: self.reply.partition,
            users,
            pending: true,
            volatile: Some(to_raw(&json!({"who": connection}))),
        };
        self.world
            .rooms(&MembershipRecord::Subscribed(seat, subscription))
            .await
    }

    pub async fn leave(&self, connection: &str, room: &str, volatile: Option<Value>) -> u64 {
        let seat = RoomMembership {
            instance: self.reply.instance.clone(),
            connection: connection.into(),
            room: room.into(),
        };
        self.world
            .rooms(&MembershipRecord::Unsubscribed(
                seat,
                volatile.map(|volatile| to_raw(&volatile)),
            ))
            .await
    }

    /// Sits down, and waits until that is matched against everywhere.
    pub async fn subscribe(&mut self, room: &str, filter: Value) {
        let at = self.sit("c", room, filter, PresenceFilter::None).await;
        self.active(at).await;
    }

    /// Waits until every partition is matched against everything up to an offset of `rooms`.
    pub async fn active(&mut self, at: u64) {
        let all: BTreeSet<u16> = (0..PARTITIONS).collect();
        self.until("progress", |gate| {
            gate.active
                .iter()
                .filter(|(_, rooms)| **rooms >= at)
                .map(|(partition, _)| *partition)
                .collect::<BTreeSet<_>>()
                == all
        })
        .await;
    }

    /// Reads mail until that is so.
    pub async fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let reading = async {
            while !is_so(self) {
                self.read().await;
            }
        };
        if timeout(PATIENCE, reading).await.is_err() {
            panic!(
                "{what} never came; heard: {:?}, {:?}, active: {:?}",
                self.heard(),
                self.presences,
                self.active
            );
        }
    }

    /// Reads what comes for so long.
    pub async fn listen(&mut self, time: Duration) {
        _ = timeout(time, async {
            loop {
                self.read().await;
            }
        })
        .await;
    }

    async fn read(&mut self) {
        for record in self
            .stream
            .next(Limits {
                records: 100,
                bytes: 1 << 20,
            })
            .await
            .unwrap()
        {
            if record.key.as_deref() != Some(self.reply.instance.as_bytes()) {
                continue;
            }
            match codec::decode_mail(&Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            })
            .unwrap()
            {
                Mail::Feedback(feedback) => panic!("{feedback:?}"),
                Mail::Push(push) => self.pushes.push(*push),
                Mail::Presence(presence) => self.presences.push(presence),
                Mail::Progress(progress) => {
                    self.missed.extend(progress.missed);
                    for owner in progress.owners {
                        let furthest = self.active.entry(owner.partition).or_default();
                        *furthest = progress.rooms.max(*furthest);
                    }
                }
            }
        }
    }

    /// `id state action room:scope…` of each push.
    pub fn heard(&self) -> Vec<String> {
        self.pushes.iter().map(told).collect()
    }

    /// The ids told as done, in order, repeats included.
    pub fn done(&self) -> Vec<&str> {
        let done = self
            .pushes
            .iter()
            .filter(|push| push.notice.state == State::Done);
        done.map(|push| push.notice.id.as_deref().unwrap_or_default())
            .collect()
    }
}

pub fn told(push: &Push) -> String {
    let rooms: Vec<String> = push
        .rooms
        .iter()
        .map(|told| format!("{}:{:?}", told.room, told.scope).to_lowercase())
        .collect();
    let notice = &push.notice;
    let id = notice.id.as_deref().unwrap_or("-");
    format!(
        "{id} {} {} {}",
        format!("{:?}", notice.state).to_lowercase(),
        notice.action,
        rooms.join(",")
    )
}
