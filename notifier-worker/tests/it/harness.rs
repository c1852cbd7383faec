//! A log (embedded, or the real Kafka), notifiers that can be started and cut off, a hand that
//! writes decisions as a worker would; gateways that only listen are in `listener`.

mod listener;

pub use listener::Gate;

use event_log::{Log, NewRecord, embedded, kafka};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, ClaimedValues, Decision, Mark, Open, TopicIds, Void, VoidEnd},
    envelope::{Attributes, Informative, InformativeData, Origin},
    id::{EntityKey, RequestId},
    membership::MembershipRecord,
    mutation::{DocumentAction, DocumentChange, DocumentKey},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    outcome::{DeadReason, Verdict},
    position::Position,
    signing::Keyring,
    to_raw,
    topics::{self, CHANGES, INFORMATIVE, Layout, ROOMS, Topic},
};
use runtime::{Health, Shutdown, ShutdownTrigger, SystemClock};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

pub const PARTITIONS: u16 = 4;
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Which log a scenario runs on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    Embedded,
    Kafka,
}

pub struct World {
    pub log: Log,
    pub layout: Layout,
    keys: Keyring,
    made: AtomicU64,
    _folder: tempfile::TempDir,
}

pub struct Running {
    pub health: Health,
    trigger: ShutdownTrigger,
    handle: JoinHandle<Result<(), notifier_worker::NotifierError>>,
}

impl Running {
    /// As a crash, but that the group hears of it at once.
    pub async fn cut(self) {
        self.trigger.hard();
        self.handle.abort();
        _ = self.handle.await;
    }

    /// As SIGTERM.
    pub async fn stop(self) {
        self.trigger.soft();
        self.handle.await.unwrap().unwrap();
    }
}

pub fn config() -> notifier_worker::Config {
    notifier_worker::Config {
        retry_first_ms: 5,
        retry_longest_ms: 50,
        ..Default::default()
    }
}

impl World {
    pub async fn on(kind: On) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (log, prefix) = match kind {
            On::Embedded => {
                let (log, handle) =
                    embedded::open_log(&folder.path().join("log"), embedded::Options::default())
                        .unwrap();
                // The log closes with the process; the test never closes it by hand.
                std::mem::forget(handle);
                (log, "t.".to_owned())
            }
            On::Kafka => {
                let servers = testbed::Servers::shared();
                let brokers = servers.addresses().kafka.to_string();
                let log = kafka::connect_log(kafka::KafkaSettings {
                    brokers,
                    properties: BTreeMap::new(),
                })
                .unwrap();
                (log, format!("{}.", testbed::unique("notifier")))
            }
        };
        let layout = Layout {
            prefix,
            generation: 1,
            partitions: PARTITIONS,
            document_limit: 1 << 20,
        };
        let specs: Vec<_> = topics::ALL
            .iter()
            .map(|topic| spec(&layout, topic))
            .collect();
        assert_eq!(log.admin.create(&specs).await.unwrap(), []);
        Self {
            log,
            layout,
            keys: Keyring::new(1, *b"0123456789abcdef"),
            made: 0.into(),
            _folder: folder,
        }
    }

    pub fn notifier(&self, name: &str) -> Running {
        self.notifier_with(name, config())
    }

    pub fn notifier_with(&self, name: &str, config: notifier_worker::Config) -> Running {
        self.notifier_on(self.log.clone(), name, config)
    }

    /// On a log that is not quite this one.
    pub fn notifier_on(&self, log: Log, name: &str, config: notifier_worker::Config) -> Running {
        let (trigger, shutdown) = Shutdown::manual();
        let health = Health::default();
        let ports = notifier_worker::Ports {
            log,
            layout: self.layout.clone(),
            clock: Arc::new(SystemClock),
            health: health.clone(),
            registry: prometheus::Registry::new(),
            notifier: name.into(),
        };
        let handle = tokio::spawn(notifier_worker::run(config, ports, shutdown));
        Running {
            health,
            trigger,
            handle,
        }
    }

    pub async fn append(&self, topic: &Topic, partition: u16, parts: Parts) -> u64 {
        let topic = Arc::from(self.layout.name(topic));
        let record = NewRecord {
            topic,
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        self.log
            .publisher
            .send(record)
            .unwrap()
            .await
            .unwrap()
            .offset
    }

    pub fn request(&self) -> RequestId {
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&self.made.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        RequestId::mint(&self.keys, 1, 0, unique)
    }

    pub async fn rooms(&self, record: &MembershipRecord) -> u64 {
        self.append(&ROOMS, 0, codec::encode_membership(record))
            .await
    }

    /// A message to a collection.
    pub async fn publish(&self, partition: u16, collection: &str, id: Option<&str>, body: Value) {
        let request = json!({"index": "i", "collection": collection, "_id": id, "body": body});
        let origin = Origin {
            request: "theirs".into(),
            protocol: "websocket".into(),
            controller: "realtime".into(),
            action: "publish".into(),
            silent: false,
        };
        let data = InformativeData {
            request: to_raw(&request),
            generated: serde_json::Map::new(),
            volatile: Some(to_raw(&json!({"v": 1}))),
            origin: Some(origin),
            principal: "anonymous".into(),
        };
        let attributes = Attributes {
            id: self.request(),
            tenant: "default".into(),
            operation: "realtime.publish".into(),
            catalog: "c".into(),
            key: EntityKey(format!("i/{collection}")),
            time: 0,
            traceparent: None,
        };
        self.append(
            &INFORMATIVE,
            partition,
            codec::encode_informative(&Informative { attributes, data }),
        )
        .await;
    }
}

pub fn spec(layout: &Layout, topic: &Topic) -> event_log::TopicSpec {
    let cleanup = match topic.cleanup {
        topics::Cleanup::ByOwner => event_log::CleanupPolicy::Keep,
        topics::Cleanup::Age(millis) => event_log::CleanupPolicy::Age(millis),
        topics::Cleanup::Compact => event_log::CleanupPolicy::Compact,
    };
    event_log::TopicSpec {
        name: layout.name(topic),
        partitions: layout.partitions(topic),
        cleanup,
        record_limit: layout.record_limit(topic),
        durable: topic.durable,
    }
}

/// Writes to one partition of `changes`, as its worker would.
pub struct Hand<'a> {
    world: &'a World,
    partition: u16,
    epoch: u64,
    /// The next offset in `transactions`.
    next: u64,
    last: u64,
}

impl<'a> Hand<'a> {
    /// Takes the partition.
    pub async fn open(world: &'a World, partition: u16, next: u64) -> Self {
        let open = Change::Open(Open {
            owner: "hand".into(),
            time: 0,
        });
        let epoch = world
            .append(&CHANGES, partition, codec::encode_change(&open))
            .await;
        Self {
            world,
            partition,
            epoch,
            next,
            last: epoch,
        }
    }

    /// Takes the partition again, as an owner does that sees what another wrote in between.
    pub async fn open_again(&mut self) {
        *self = Self::open(self.world, self.partition, self.next).await;
    }

    /// Decides a change of one document; answers where it stands.
    pub async fn decide(&mut self, id: &str, before: Option<Value>, after: Option<Value>) -> u64 {
        let decision = self.decision(vec![change(id, before, after)]);
        self.append(Change::Decision(decision)).await
    }

    pub fn decision(&mut self, documents: Vec<DocumentChange>) -> Decision {
        let offset = self.next;
        self.next += 1;
        Decision {
            epoch: self.epoch(),
            at: ChangesOffset::FIRST,
            key: EntityKey("i/c/x".into()),
            replaces: None,
            by: None,
            silent: false,
            parts: Vec::new(),
            claims: ClaimedValues::default(),
            claim: None,
            relaxed: true,
            request: self.world.request(),
            operation: "document.update".into(),
            principal: None,
            tenant: "default".into(),
            catalog: "c".into(),
            position: Position {
                generation: 1,
                partition: self.partition,
                offset: TransactionsOffset::new(offset),
            },
            verdict: Verdict::Applied,
            documents,
            rows: Vec::new(),
            judged_by: Vec::new(),
            judged_by_rows: Vec::new(),
            result: None,
            volatile: Some(to_raw(&json!({"v": offset}))),
            accepted: 0,
            decided: 0,
            reply: None,
            origin: None,
            traceparent: None,
        }
    }

    fn epoch(&self) -> Epoch {
        Epoch::begun_at(ChangesOffset::new(self.epoch))
    }

    /// Appends where the record must stand.
    pub async fn append(&mut self, mut change: Change) -> u64 {
        let next = ChangesOffset::new(self.last + 1);
        match &mut change {
            Change::Open(_) => {}
            Change::Decision(decision) => decision.at = next,
            Change::Mark(mark) => mark.at = next,
            Change::Void(void) => void.at = next,
        }
        self.last = self
            .world
            .append(&CHANGES, self.partition, codec::encode_change(&change))
            .await;
        self.last
    }

    /// Says that everything so far is resolved.
    pub async fn mark(&mut self) {
        let mark = Mark {
            epoch: self.epoch(),
            at: ChangesOffset::FIRST,
            generation: 1,
            partition: self.partition,
            through: ChangesOffset::new(self.last),
            next: TransactionsOffset::new(self.next),
            time: 0,
            reapply_from: ChangesOffset::new(self.last + 1),
            reapply_epoch: Some(self.epoch()),
            topics: TopicIds::default(),
            tail: Default::default(),
            parts: BTreeMap::new(),
        };
        self.append(Change::Mark(mark)).await;
    }

    /// Undoes the decision at this offset.
    pub async fn void(&mut self, decision: u64, position: u64, documents: Vec<DocumentChange>) {
        let void = Void {
            epoch: self.epoch(),
            at: ChangesOffset::FIRST,
            key: EntityKey("i/c/x".into()),
            event: None,
            silent: false,
            by: None,
            relaxed: true,
            claim: None,
            request: self.world.request(),
            operation: "document.update".into(),
            principal: None,
            position: Position {
                generation: 1,
                partition: self.partition,
                offset: TransactionsOffset::new(position),
            },
            decision: ChangesOffset::new(decision),
            ends: VoidEnd::Dead(DeadReason {
                code: "x".into(),
                message: "x".into(),
                store: None,
            }),
            documents,
            rows: Vec::new(),
            time: 0,
            accepted: 0,
            reply: None,
        };
        self.append(Change::Void(void)).await;
    }

    /// A document and its mark.
    pub async fn write(&mut self, id: &str, after: Value) {
        self.decide(id, None, Some(after)).await;
        self.mark().await;
    }
}

pub fn change(id: &str, before: Option<Value>, after: Option<Value>) -> DocumentChange {
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: id.into(),
    };
    DocumentChange {
        key,
        action: DocumentAction::Merge,
        revision_before: 1,
        revision: 2,
        before: before.map(|document| to_raw(&document)),
        after: after.map(|document| to_raw(&document)),
        purged: false,
    }
}
