//! In the place of a notifier: says at once that it knows of every room, and pushes what a test
//! tells it to.

use crate::harness::{App, PARTITIONS};
use event_log::{Limits, Log, NewRecord, consumer::From};
use event_schema::{
    codec::{self, Parts},
    envelope::Reply,
    id::RequestId,
    membership::MembershipRecord,
    notification::{
        Event, FeedOwner, FeedPosition, Mail, Notice, Presence, PresenceChange, Progress, Push,
        RoomMatch, Scope, State,
    },
    to_raw,
    topics::{Layout, MAILBOX, ROOMS},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Everything in `rooms` so far.
#[derive(Clone)]
pub struct Stage {
    log: Log,
    layout: Layout,
    pub records: Arc<Mutex<Vec<MembershipRecord>>>,
    /// Nothing is said to be known while this is false.
    pub knows: Arc<std::sync::atomic::AtomicBool>,
}

impl Stage {
    pub fn open(app: &App) -> Self {
        let stage = Self {
            log: app.log.clone(),
            layout: app.layout.clone(),
            records: Arc::default(),
            knows: Arc::new(true.into()),
        };
        let follower = stage.clone();
        tokio::spawn(async move { follower.follow().await });
        stage
    }

    async fn follow(self) {
        let mut stream = self
            .log
            .reader
            .tail(&self.layout.name(&ROOMS), 0, From::Earliest)
            .await
            .unwrap();
        loop {
            let Ok(records) = stream
                .next(Limits {
                    records: 1_000,
                    bytes: 1 << 20,
                })
                .await
            else {
                return;
            };
            let last = records.last().unwrap().offset;
            let mut written: Vec<Reply> = Vec::new();
            for record in records {
                let record = codec::decode_membership(&Parts {
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                })
                .unwrap();
                match &record {
                    MembershipRecord::Subscribed(seat, subscription) => {
                        written.push(Reply {
                            instance: seat.instance.clone(),
                            partition: subscription.mailbox,
                        });
                    }
                    MembershipRecord::Heartbeat(beat) => written.push(beat.reply.clone()),
                    MembershipRecord::Unsubscribed(..)
                    | MembershipRecord::GatewayExpired { .. }
                    | MembershipRecord::PartitionClaimed(_) => {}
                }
                self.records.lock().push(record);
            }
            written.sort_by(|a, b| a.instance.cmp(&b.instance));
            written.dedup();
            while !self.knows.load(std::sync::atomic::Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            for reply in written {
                let owner = |partition| FeedOwner {
                    partition,
                    claim: 0,
                    position: FeedPosition::default(),
                };
                let progress = Progress {
                    instance: reply.instance.clone(),
                    notifier: "n".into(),
                    owners: (0..PARTITIONS).map(owner).collect(),
                    missed: Vec::new(),
                    rooms: last,
                };
                self.mail(&reply, Mail::Progress(progress)).await;
            }
        }
    }

    pub async fn mail(&self, to: &Reply, mail: Mail) {
        let parts = codec::encode_mail(&mail);
        let record = NewRecord {
            topic: self.layout.name(&MAILBOX).into(),
            partition: to.partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        self.log.publisher.send(record).unwrap().await.unwrap();
    }

    pub async fn append(&self, record: &MembershipRecord) {
        let parts = codec::encode_membership(record);
        let record = NewRecord {
            topic: self.layout.name(&ROOMS).into(),
            partition: 0,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        self.log.publisher.send(record).unwrap().await.unwrap();
    }

    /// Waits until the records satisfy something.
    pub async fn until(&self, what: &str, test: impl Fn(&[MembershipRecord]) -> bool) {
        for _ in 0..1_000 {
            if test(&self.records.lock()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}: {:?}", self.records.lock());
    }

    /// The gateway that gave the newest sign of life.
    pub async fn gateway(&self) -> Reply {
        self.until("a sign of life", |records| {
            records
                .iter()
                .any(|record| matches!(record, MembershipRecord::Heartbeat(_)))
        })
        .await;
        let records = self.records.lock();
        let beat = records.iter().rev().find_map(|record| match record {
            MembershipRecord::Heartbeat(beat) => Some(beat.reply.clone()),
            MembershipRecord::Subscribed(..)
            | MembershipRecord::Unsubscribed(..)
            | MembershipRecord::GatewayExpired { .. }
            | MembershipRecord::PartitionClaimed(_) => None,
        });
        beat.unwrap()
    }

    /// Tells a room of a document.
    pub async fn push(&self, to: &Reply, room: &str, scope: Scope, state: State, body: Value) {
        let rooms = vec![RoomMatch {
            room: room.to_owned(),
            scope,
        }];
        let owner = FeedOwner {
            partition: 0,
            claim: 0,
            position: FeedPosition::default(),
        };
        let push = Push {
            instance: to.instance.clone(),
            owner,
            record: 0,
            rooms,
            notice: notice(state, &body),
        };
        self.mail(to, Mail::Push(Box::new(push))).await;
    }

    pub async fn presence(&self, to: &Reply, room: &str, user: PresenceChange, count: u64) {
        let presence = Presence {
            instance: to.instance.clone(),
            room: room.to_owned(),
            index: "geo".into(),
            collection: "cities".into(),
            user,
            count,
            volatile: Some(to_raw(&json!({"name": "Ann"}))),
            explicit: true,
            rooms: u64::MAX,
            timestamp: 1,
        };
        self.mail(to, Mail::Presence(presence)).await;
    }
}

fn notice(state: State, body: &Value) -> Notice {
    Notice {
        event: Event::Write,
        action: "create".into(),
        state,
        index: "geo".into(),
        collection: "cities".into(),
        id: Some("x".into()),
        version: Some(1),
        source: Some(to_raw(body)),
        updated_fields: None,
        request: RequestId::mint(
            &event_schema::signing::Keyring::new(1, *b"0123456789abcdef"),
            1,
            0,
            [7; 16],
        ),
        origin: None,
        volatile: None,
        timestamp: 0,
        write: Some(event_schema::position::Position {
            generation: 1,
            partition: 0,
            offset: event_schema::offset::TransactionsOffset::new(1),
        }),
        traceparent: None,
    }
}
