//! A log, a store, workers that can be started and cut off, and a producer that makes events as a
//! gateway would.

use crate::faulty::{Faults, FaultyRecord, FaultyView};
use catalog::{AcceptedRequest, Catalog, Seed};
use event_log::{Log, NewRecord, embedded};
use event_schema::{
    Raw, codec,
    envelope::{Attributes, Claim, Transaction, TransactionData},
    held::{self, HeldEvent, KeyLock},
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    offset::TransactionsOffset,
    outcome::{LedgerEntry, RefusalCode, Verdict},
    signing::Keyring,
    topics::{self, Layout},
};
use runtime::{Clock, Health, Shutdown, ShutdownTrigger, SystemClock};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::{Collection, Record, View, document::RowScan};
use tokio::task::JoinHandle;

pub const PARTITIONS: u16 = 4;
/// Request ids that a worker remembers.
pub const REMEMBERED: usize = 1_000;

pub struct World {
    pub folder: tempfile::TempDir,
    pub log: Log,
    pub real: Arc<dyn Record>,
    pub record: Arc<dyn Record>,
    pub view: Arc<dyn View>,
    pub faults: Arc<Faults>,
    pub catalog: Catalog,
    pub layout: Layout,
    keys: Keyring,
    made: std::sync::atomic::AtomicU64,
}

pub struct Running {
    pub trigger: ShutdownTrigger,
    pub handle: JoinHandle<Result<(), write_worker::WorkerError>>,
    pub health: Health,
}

impl Running {
    /// As a crash: whatever it does is cut off where it stands.
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

pub fn collection() -> Collection {
    Collection {
        index: "geo".into(),
        collection: "cities".into(),
        incarnation: "abcd1234".into(),
        mappings: None,
        settings: None,
        created: 0,
        specifications: None,
        changing: None,
    }
}

impl World {
    pub async fn new() -> Self {
        Self::of(Catalog::builtin().unwrap()).await
    }

    /// With operations of the test's own.
    pub async fn of(catalog: Catalog) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (log, handle) =
            embedded::open_log(&folder.path().join("log"), embedded::Options::default()).unwrap();
        // The log closes with the process; the test never closes it by hand.
        std::mem::forget(handle);
        let store = Arc::new(
            store_embedded::EmbeddedStore::open(store_embedded::Config::new(
                folder.path().join("store.db"),
            ))
            .unwrap(),
        );
        let stores = (store.clone() as Arc<dyn Record>, store as Arc<dyn View>);
        let mut world = Self::over(catalog, log, stores, "t.").await;
        world.folder = folder;
        world
    }

    /// On a log and stores of the test's own; topics begin with the prefix.
    pub async fn over(
        catalog: Catalog,
        log: Log,
        (real, view): (Arc<dyn Record>, Arc<dyn View>),
        prefix: &str,
    ) -> Self {
        let layout = Layout {
            prefix: prefix.into(),
            generation: 1,
            partitions: PARTITIONS,
            document_limit: 1 << 20,
        };
        let specs: Vec<_> = topics::ALL
            .iter()
            .map(|topic| spec(&layout, topic))
            .collect();
        assert!(log.admin.create(&specs).await.unwrap().is_empty());
        real.migrate(catalog.tables()).await.unwrap();
        real.create_collection(&collection()).await.unwrap();
        let faults = Arc::new(Faults::default());
        let record = Arc::new(FaultyRecord(real.clone(), faults.clone()));
        let view = Arc::new(FaultyView(view, faults.clone()));
        let keys = Keyring::new(1, *b"0123456789abcdef");
        Self {
            folder: tempfile::tempdir().unwrap(),
            log,
            real,
            record,
            view,
            faults,
            catalog,
            layout,
            keys,
            made: 0.into(),
        }
    }

    pub fn worker(&self, owner: &str) -> Running {
        self.worker_on(owner, self.record.clone(), self.view.clone())
    }

    /// With settings of the test's own, on the log and the stores of all.
    pub fn worker_with(&self, owner: &str, set: impl FnOnce(&mut write_worker::Config)) -> Running {
        let mut config = config();
        set(&mut config);
        let stores = (self.record.clone(), self.view.clone());
        self.run(owner, self.log.clone(), stores.0, stores.1, config)
    }

    /// One that applies again what the last minutes decided, whoever takes a partition.
    pub fn worker_that_applies_again(&self, owner: &str) -> Running {
        self.worker_with(owner, |config| config.reapply_window_ms = Some(600_000))
    }

    /// One whose batches hold so many bytes of events.
    pub fn worker_with_batch_bytes(&self, owner: &str, batch_bytes: usize) -> Running {
        self.worker_with(owner, |config| config.batch_bytes = batch_bytes)
    }

    /// One whose batches hold so many events, on a log of its own making. It applies again what the
    /// last minutes decided.
    pub fn worker_with_batch_records(&self, owner: &str, log: Log, records: usize) -> Running {
        let config = write_worker::Config {
            batch_records: records,
            reapply_window_ms: Some(600_000),
            ..config()
        };
        let stores = (self.record.clone(), self.view.clone());
        self.run(owner, log, stores.0, stores.1, config)
    }

    /// One that lets so many dead letters of one operation happen.
    pub fn worker_with_flood_limit(&self, owner: &str, limit: u64) -> Running {
        self.worker_with(owner, |config| {
            config.flood_limit = limit;
            config.flood_retry_ms = 100;
        })
    }

    /// One that tries what waits in a flood again only when a test would be long over.
    pub fn worker_that_waits_in_floods(&self, owner: &str, limit: u64) -> Running {
        self.worker_with(owner, |config| {
            config.flood_limit = limit;
            config.flood_retry_ms = 600_000;
        })
    }

    /// On a log of its own making, with the stores of all.
    pub fn worker_over(&self, owner: &str, log: Log) -> Running {
        self.run(owner, log, self.record.clone(), self.view.clone(), config())
    }

    /// By a clock of its own, on a log of its own making.
    pub fn worker_by(&self, owner: &str, clock: Arc<dyn Clock>, log: Log) -> Running {
        let stores = (self.record.clone(), self.view.clone());
        self.run_by(owner, clock, log, stores, config())
    }

    /// On stores of its own, with the log of all.
    pub fn worker_on(&self, owner: &str, record: Arc<dyn Record>, view: Arc<dyn View>) -> Running {
        self.run(owner, self.log.clone(), record, view, config())
    }

    /// One to which no deletion marker is too young to be purged, with a view of its own making.
    pub fn worker_that_purges_at_once(&self, owner: &str, view: Arc<dyn View>) -> Running {
        let config = write_worker::Config {
            markers_kept_ms: 0,
            ..config()
        };
        self.run(owner, self.log.clone(), self.record.clone(), view, config)
    }

    fn run(
        &self,
        owner: &str,
        log: Log,
        record: Arc<dyn Record>,
        view: Arc<dyn View>,
        config: write_worker::Config,
    ) -> Running {
        self.run_by(owner, Arc::new(SystemClock), log, (record, view), config)
    }

    fn run_by(
        &self,
        owner: &str,
        clock: Arc<dyn Clock>,
        log: Log,
        (record, view): (Arc<dyn Record>, Arc<dyn View>),
        config: write_worker::Config,
    ) -> Running {
        let (trigger, shutdown) = Shutdown::manual();
        let health = Health::default();
        let masters = sealing::MasterKeys::derived(&self.keys);
        let ports = write_worker::Ports {
            feedback: write_worker::LocalFeedback::default(),
            sealing: sealing::SubjectKeys::new(record.clone(), self.keys.clone(), masters),
            log,
            catalog: self.catalog.clone(),
            record,
            view: Some(view),
            keys: self.keys.clone(),
            layout: self.layout.clone(),
            clock,
            health: health.clone(),
            registry: prometheus::Registry::new(),
            finished: write_worker::Finished::default(),
            owner: owner.into(),
        };
        Running {
            trigger,
            handle: tokio::spawn(write_worker::run(config, ports, shutdown)),
            health,
        }
    }

    /// Waits until a mark says that this request is the last that is resolved of its partition.
    pub async fn marked(&self, last: RequestId) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let mark = self.real.mark(1, last.partition()).await.unwrap();
            if mark
                .as_ref()
                .is_some_and(|mark| mark.tail.may_be(0, &last) && !mark.tail.is_unknown())
            {
                return;
            }
            assert!(Instant::now() < until, "{mark:?} is the last, not {last}'s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Accepts a request as a gateway would; returns the event and its id.
    pub fn event(
        &self,
        operation: &str,
        request: Value,
        claim: Option<&str>,
    ) -> (Transaction, RequestId) {
        let n = self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&n.to_le_bytes());
        let body = json_text::ScannedJson::from(&request);
        let accepted = self
            .catalog
            .operation(operation)
            .unwrap()
            .accept(
                &body,
                &Seed {
                    unique,
                    now: 1_700_000_000_000,
                },
            )
            .unwrap();
        let AcceptedRequest::One(accepted) = accepted else {
            panic!("many")
        };
        let partition = accepted.key.partition(PARTITIONS);
        let id = RequestId::mint(&self.keys, 1, partition, accepted.unique);
        let incarnations = accepted
            .collections
            .iter()
            .map(|(index, name)| (format!("{index}/{name}"), json!("abcd1234")))
            .collect();
        let data = TransactionData {
            request: accepted.request,
            generated: accepted.generated,
            incarnations,
            volatile: accepted.volatile,
            if_version: accepted.if_version,
            claim: claim.map(|key| Claim {
                key: key.into(),
                until: 4_000_000_000_000,
            }),
            reply: None,
            origin: None,
            principal: "anonymous".into(),
            unconfirmed: None,
        };
        let attributes = Attributes {
            id,
            tenant: "default".into(),
            operation: accepted.operation,
            catalog: self.catalog.version().into(),
            key: accepted.key,
            time: 1_700_000_000_000,
            traceparent: None,
        };
        (
            Transaction {
                attributes,
                seen: TransactionsOffset::FIRST,
                data,
            },
            id,
        )
    }

    pub async fn append(&self, event: &Transaction) -> u64 {
        let parts = codec::encode_transaction(event);
        let topic = Arc::from(self.layout.name(&topics::TRANSACTIONS));
        let partition = event.attributes.key.partition(PARTITIONS);
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

    pub async fn write(&self, operation: &str, request: Value) -> RequestId {
        let (event, id) = self.event(operation, request, None);
        self.append(&event).await;
        id
    }

    /// An event whose value is cut off; its id can be read.
    pub async fn damaged(&self, id: &str) -> RequestId {
        let request = json!({"index": "geo", "collection": "cities", "_id": id, "body": {}});
        let (event, id) = self.event("document.create", request, None);
        let parts = codec::encode_transaction(&event);
        let record = NewRecord {
            topic: Arc::from(self.layout.name(&topics::TRANSACTIONS)),
            partition: event.attributes.key.partition(PARTITIONS),
            key: parts.key,
            value: Some(bytes::Bytes::from_static(b"{\"request\"")),
            headers: parts.headers,
        };
        self.log.publisher.send(record).unwrap().await.unwrap();
        id
    }

    /// What a spool puts in the place of an event that the log would never take.
    pub async fn stand_in(&self, operation: &str, request: Value) -> RequestId {
        let (event, id) = self.event(operation, request, None);
        let mut parts = codec::encode_transaction(&event);
        let why = json!({"reason": "too large", "spool": "s1", "number": 7, "bytes": 9});
        let header = (codec::UNSHIPPABLE_HEADER.into(), why.to_string().into());
        parts.headers.push(header);
        for _ in 0..2 {
            // By two shippers.
            let record = NewRecord {
                topic: Arc::from(self.layout.name(&topics::TRANSACTIONS)),
                partition: event.attributes.key.partition(PARTITIONS),
                key: parts.key.clone(),
                value: None,
                headers: parts.headers.clone(),
            };
            self.log.publisher.send(record).unwrap().await.unwrap();
        }
        id
    }

    /// The collections that the catalog's operations write.
    pub async fn own_collections(&self) {
        for own in self.catalog.collections() {
            let collection = Collection {
                index: own.index.clone(),
                collection: own.collection.clone(),
                incarnation: "abcd1234".into(),
                mappings: Some(own.mappings.clone()),
                settings: Some(own.settings.clone()),
                created: 0,
                specifications: None,
                changing: None,
            };
            self.real.create_collection(&collection).await.unwrap();
            self.view.create_collection(&collection).await.unwrap();
        }
    }

    /// What `location.create` wrote: the document in the record, and whether the view has it.
    pub async fn location(&self, entry: &LedgerEntry) -> (Option<Raw>, bool) {
        let result: Value = serde_json::from_str(entry.result.as_ref().unwrap().get()).unwrap();
        let id = result["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{result}"))
            .to_owned();
        let key = DocumentKey {
            index: "sunbird".into(),
            collection: "location".into(),
            incarnation: "abcd1234".into(),
            id,
        };
        let keys = std::slice::from_ref(&key);
        let document = self
            .real
            .documents(keys)
            .await
            .unwrap()
            .remove(0)
            .and_then(|stored| stored.body);
        (
            document,
            self.view.documents(keys).await.unwrap()[0].is_some(),
        )
    }

    pub async fn create(&self, id: &str, body: Value) -> RequestId {
        self.write(
            "document.create",
            json!({"index": "geo", "collection": "cities", "_id": id, "body": body}),
        )
        .await
    }

    pub async fn update(&self, id: &str, body: Value) -> RequestId {
        self.write(
            "document.update",
            json!({"index": "geo", "collection": "cities", "_id": id, "body": body}),
        )
        .await
    }

    /// Asks for a held event to be moved, or an item to be mended, as a gateway would.
    pub async fn intend<T: serde::Serialize>(
        &self,
        operation: &str,
        key: &EntityKey,
        asked: &T,
    ) -> RequestId {
        let n = self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&n.to_le_bytes());
        let partition = key.partition(PARTITIONS);
        let id = RequestId::mint(&self.keys, 1, partition, unique);
        let event = Transaction {
            attributes: Attributes {
                id,
                tenant: "default".into(),
                operation: operation.into(),
                catalog: self.catalog.version().into(),
                key: key.clone(),
                time: 1_700_000_000_000,
                traceparent: None,
            },
            seen: TransactionsOffset::FIRST,
            data: TransactionData {
                request: event_schema::to_raw(asked),
                generated: Default::default(),
                incarnations: Default::default(),
                volatile: None,
                if_version: None,
                claim: None,
                reply: None,
                origin: None,
                principal: "anna".into(),
                unconfirmed: None,
            },
        };
        self.append(&event).await;
        id
    }

    /// What is held under a key, in the order of its queue.
    pub async fn held(&self, key: &EntityKey) -> Vec<HeldEvent> {
        let scan = RowScan {
            table: held::HELD.into(),
            partition: held::queue_key(key),
            after: None,
            limit: 10_000,
        };
        let rows = self.real.scan_rows(&scan).await.unwrap();
        let read = rows
            .iter()
            .map(|(_, row)| held::read_held(&row.cells).unwrap());
        read.collect()
    }

    pub async fn lock(&self, key: &EntityKey) -> Option<KeyLock> {
        let row = held::lock_key(key);
        let found = self.real.rows(std::slice::from_ref(&row)).await.unwrap();
        let found = found.into_iter().flatten().next()?;
        Some(held::read_lock(&row, &found.cells).unwrap().1)
    }

    /// Waits until the ledger says this of a request.
    pub async fn becomes(&self, id: RequestId, is_so: impl Fn(&Verdict) -> bool) -> LedgerEntry {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.real.ledger(&[id]).await.unwrap().remove(0);
            match found {
                Some(entry) if is_so(&entry.verdict) => return entry,
                found => assert!(Instant::now() < until, "{id} is {found:?}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the ledger knows them all.
    pub async fn resolved(&self, ids: &[RequestId]) -> Vec<LedgerEntry> {
        Self::resolved_in(self.real.as_ref(), ids).await
    }

    pub async fn resolved_in(record: &dyn Record, ids: &[RequestId]) -> Vec<LedgerEntry> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let found = record.ledger(ids).await.unwrap();
            if found.iter().all(Option::is_some) {
                return found.into_iter().flatten().collect();
            }
            let missing = found.iter().filter(|entry| entry.is_none()).count();
            assert!(
                Instant::now() < until,
                "{missing} of {} were never resolved",
                ids.len()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How often partitions were taken.
    pub async fn opens(&self) -> usize {
        let mut opens = 0;
        for partition in 0..PARTITIONS {
            let records = self.changes(partition).await.into_iter();
            let is_open = |record: &event_log::Record| {
                let kind = record.headers.iter().find(|(name, _)| name == "ce_type");
                kind.is_some_and(|(_, kind)| kind == codec::OPEN)
            };
            opens += records.filter(is_open).count();
        }
        opens
    }

    pub async fn body(&self, id: &str) -> Option<(u64, Value)> {
        let collection = collection();
        let key = DocumentKey {
            index: collection.index,
            collection: collection.collection,
            incarnation: collection.incarnation,
            id: id.into(),
        };
        let stored = self.real.documents(&[key]).await.unwrap().remove(0)?;
        Some((
            stored.meta.revision,
            serde_json::from_str(stored.body?.get()).unwrap(),
        ))
    }

    pub async fn dead_letters(&self) -> Vec<event_schema::decision::DeadLetter> {
        let topic = self.layout.name(&topics::DEAD_LETTERS);
        let limits = event_log::Limits {
            records: 1000,
            bytes: 1 << 30,
        };
        let end = self.log.admin.offsets(&topic, 0).await.unwrap().end;
        let records = self
            .log
            .reader
            .read(&topic, 0, 0, end, limits, Duration::from_secs(1))
            .await
            .unwrap();
        let parts = |record: &event_log::Record| codec::Parts {
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        };
        records
            .iter()
            .map(|record| codec::decode_dead_letter(&parts(record)).unwrap())
            .collect()
    }

    /// All records of `changes` of a partition.
    pub async fn changes(&self, partition: u16) -> Vec<event_log::Record> {
        let topic = self.layout.name(&topics::CHANGES);
        let end = self.log.admin.offsets(&topic, partition).await.unwrap().end;
        let limits = event_log::Limits {
            records: 1_000_000,
            bytes: 1 << 30,
        };
        self.log
            .reader
            .read(&topic, partition, 0, end, limits, Duration::from_secs(1))
            .await
            .unwrap()
    }
}

pub fn spec(layout: &Layout, topic: &topics::Topic) -> event_log::TopicSpec {
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

fn config() -> write_worker::Config {
    write_worker::Config {
        retry_first_ms: 5,
        retry_longest_ms: 50,
        batch_records: 50,
        probe_ms: 20,
        recent_ids: REMEMBERED,
        ..Default::default()
    }
}

/// Refused, because the view would not take it when it was applied.
pub fn unmappable(entry: &LedgerEntry) -> bool {
    matches!(&entry.verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Unmappable)
}

pub fn applied(entry: &LedgerEntry) -> bool {
    entry.verdict == Verdict::Applied
}
