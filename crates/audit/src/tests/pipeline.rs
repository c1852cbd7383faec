//! A log of one partition, and a hand that decides and applies as a worker does.

use super::model::{Held, ModelRecord, ModelStores, ModelView};
use crate::{AuditOptions, AuditPorts, AuditReport, DifferenceKind, run_audit};
use event_log::{CleanupPolicy, Log, NewRecord, TopicSpec, embedded};
use event_schema::{
    codec,
    decision::{Change, ClaimedValues, Decision, Mark, Open, TopicIds, Void, VoidEnd},
    id::{EntityKey, RequestId},
    mutation::{DocumentAction, DocumentChange, DocumentKey, RowAction, RowKey, RowMutation},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    outcome::{LedgerEntry, Refusal, RefusalCode, Times, Verdict},
    position::{Position, Version},
    signing::Keyring,
    to_raw,
    topics::{CHANGES, Layout, TRANSACTIONS},
};
use runtime::SystemClock;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use store::{
    Collection, Meta, StoredDocument,
    schema::{Column, ColumnType, Table},
    view::ViewedDocument,
};

pub struct Pipeline {
    pub log: Log,
    pub stores: Arc<ModelStores>,
    pub ports: AuditPorts,
    /// The offset of the next record of `changes`.
    pub next: u64,
    pub epoch: Epoch,
    events: u64,
    _handle: embedded::Handle,
    _folder: tempfile::TempDir,
}

pub fn document(id: &str) -> DocumentKey {
    DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: id.into(),
    }
}

pub fn row_key(id: i64) -> RowKey {
    let key = json!({ "id": id });
    RowKey {
        table: "members".into(),
        key: key.as_object().cloned().unwrap_or_default(),
    }
}

pub fn cells(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

pub fn put_row(id: i64, value: Value) -> RowMutation {
    RowMutation {
        key: row_key(id),
        action: RowAction::Put,
        cells: cells(value),
        before: None,
        expires_before: None,
        expires: None,
    }
}

/// The document's next state; none deletes it.
pub fn change(id: &str, revision: u64, after: Option<Value>) -> DocumentChange {
    DocumentChange {
        key: document(id),
        action: DocumentAction::Put,
        revision_before: revision - 1,
        revision,
        before: (revision > 1).then(|| to_raw(&json!({"n": revision - 1}))),
        after: after.map(|after| to_raw(&after)),
        purged: false,
    }
}

impl Pipeline {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = embedded::Options {
            segment_bytes: 4 << 10,
            ..embedded::Options::default()
        };
        let (log, handle) = embedded::open_log(folder.path(), options).unwrap();
        let layout = Layout {
            prefix: "t.".into(),
            generation: 1,
            partitions: 1,
            document_limit: 1 << 20,
        };
        let spec = |topic| TopicSpec {
            name: layout.name(topic),
            partitions: 1,
            cleanup: CleanupPolicy::Keep,
            record_limit: 8 << 20,
            durable: true,
        };
        let topics = [spec(&CHANGES), spec(&TRANSACTIONS)];
        log.admin.create(&topics).await.unwrap();
        let stores = Arc::new(ModelStores::default());
        stores.held.lock().collections.push(Collection {
            index: "i".into(),
            collection: "c".into(),
            incarnation: "x".into(),
            mappings: None,
            settings: None,
            specifications: None,
            created: 0,
            changing: None,
        });
        let ports = AuditPorts {
            log: log.clone(),
            layout,
            record: Arc::new(ModelRecord(stores.clone())),
            view: Some(Arc::new(ModelView(stores.clone()))),
            tables: vec![members()],
            clock: Arc::new(SystemClock),
        };
        let mut pipeline = Self {
            log,
            stores,
            ports,
            next: 0,
            epoch: Epoch::begun_at(ChangesOffset::FIRST),
            events: 0,
            _handle: handle,
            _folder: folder,
        };
        pipeline.open().await;
        pipeline
    }

    pub async fn append(&mut self, change: &Change) -> ChangesOffset {
        let offset = append(&self.log, &self.ports.layout, change).await;
        self.next = offset.next().get();
        offset
    }

    pub async fn open(&mut self) {
        let open = Change::Open(Open {
            owner: "w".into(),
            time: 0,
        });
        let at = self.append(&open).await;
        self.epoch = Epoch::begun_at(at);
    }

    /// A decision as it would stand next.
    pub fn decision(&mut self, documents: Vec<DocumentChange>, rows: Vec<RowMutation>) -> Decision {
        self.events += 1;
        let keys = Keyring::new(1, *b"0123456789abcdef");
        let mut unique = [0; 16];
        unique[8..].copy_from_slice(&self.events.to_be_bytes());
        Decision {
            epoch: self.epoch,
            at: ChangesOffset::new(self.next),
            key: EntityKey("k".into()),
            request: RequestId::mint(&keys, 1, 0, unique),
            operation: "document.update".into(),
            principal: None,
            tenant: "default".into(),
            catalog: "c".into(),
            position: Position {
                generation: 1,
                partition: 0,
                offset: TransactionsOffset::new(self.events - 1),
            },
            replaces: None,
            by: None,
            silent: false,
            verdict: Verdict::Applied,
            documents,
            rows,
            parts: Vec::new(),
            claims: ClaimedValues::default(),
            claim: None,
            judged_by: Vec::new(),
            judged_by_rows: Vec::new(),
            result: None,
            volatile: None,
            relaxed: false,
            accepted: 0,
            decided: 0,
            reply: None,
            origin: None,
            traceparent: None,
        }
    }

    /// Has the log take an event of this request.
    pub async fn accept(&self, request: RequestId) -> u64 {
        let record = NewRecord {
            topic: self.ports.layout.name(&TRANSACTIONS).into(),
            partition: 0,
            key: None,
            value: Some("{}".into()),
            headers: vec![("ce_id".into(), request.to_string().into())],
        };
        self.log.append(record).await.unwrap().offset
    }

    /// An event that is accepted, and its decision as it would stand next.
    pub async fn accepted(
        &mut self,
        documents: Vec<DocumentChange>,
        rows: Vec<RowMutation>,
    ) -> Decision {
        let decision = self.decision(documents, rows);
        let offset = self.accept(decision.request).await;
        assert_eq!(offset, decision.position.offset.get());
        decision
    }

    /// An event that is another copy of one that was accepted: nothing is decided.
    pub async fn repeat(&mut self, request: RequestId) -> u64 {
        self.events += 1;
        self.accept(request).await
    }

    /// Decides, and applies to all stores.
    pub async fn write(&mut self, documents: Vec<DocumentChange>, rows: Vec<RowMutation>) -> u64 {
        let decision = self.accepted(documents, rows).await;
        let at = self.append(&Change::Decision(decision.clone())).await;
        apply(&mut self.stores.held.lock(), at, &decision);
        at.get()
    }

    /// Everything so far is resolved.
    pub async fn mark(&mut self) {
        let mark = mark(self.epoch, self.next, self.events);
        self.append(&Change::Mark(mark.clone())).await;
        self.stores.held.lock().marks.insert(0, mark);
    }

    /// A few documents, rows and refusals, all well.
    pub async fn fill(&mut self) {
        for n in 0..20 {
            let id = format!("d{n}");
            let created = change(&id, 1, Some(json!({"n": 1})));
            self.write(vec![created], vec![put_row(n, json!({"name": "a"}))])
                .await;
        }
        self.write(vec![change("d3", 2, Some(json!({"n": 2})))], vec![])
            .await;
        self.write(vec![change("d4", 2, None)], vec![]).await;
        let mut merged = put_row(5, json!({"level": 7}));
        merged.action = RowAction::Merge;
        merged.before = Some(cells(json!({"name": "a"})));
        self.write(vec![], vec![merged]).await;
        let mut refused = self.accepted(vec![], vec![]).await;
        refused.verdict = refusal();
        let at = self.append(&Change::Decision(refused.clone())).await;
        apply(&mut self.stores.held.lock(), at, &refused);
        self.mark().await;
    }

    pub async fn audit(&self) -> AuditReport {
        self.audit_with(AuditOptions::default()).await
    }

    pub async fn audit_with(&self, options: AuditOptions) -> AuditReport {
        run_audit(&self.ports, options, &|_, _| {}).await.unwrap()
    }

    /// Kinds, items and stores of what an audit finds, sorted.
    pub async fn findings(&self) -> Vec<(DifferenceKind, String, String)> {
        named(&self.audit().await)
    }
}

pub fn refusal() -> Verdict {
    Verdict::Refused(Refusal {
        code: RefusalCode::Exists,
        message: "it is there".into(),
        rule: None,
        pointer: None,
    })
}

pub fn named(report: &AuditReport) -> Vec<(DifferenceKind, String, String)> {
    let name = |one: &crate::AuditFinding| (one.kind, one.key.clone(), one.store.clone());
    let mut named: Vec<_> = report.findings.iter().map(name).collect();
    named.sort();
    named
}

pub fn short() -> AuditOptions {
    AuditOptions {
        patience: Duration::from_millis(300),
        ..AuditOptions::default()
    }
}

fn members() -> Table {
    let column = |name: &str, kind| Column {
        name: name.into(),
        kind,
    };
    Table {
        name: "members".into(),
        partition_key: vec!["id".into()],
        clustering: Vec::new(),
        columns: vec![
            column("id", ColumnType::Bigint),
            column("name", ColumnType::Text),
            column("level", ColumnType::Int),
        ],
        indexes: Vec::new(),
    }
}

pub fn mark(epoch: Epoch, at: u64, next: u64) -> Mark {
    Mark {
        epoch,
        at: ChangesOffset::new(at),
        generation: 1,
        partition: 0,
        through: ChangesOffset::new(at - 1),
        next: TransactionsOffset::new(next),
        time: 0,
        reapply_from: ChangesOffset::new(at),
        reapply_epoch: Some(epoch),
        topics: TopicIds::default(),
        tail: Default::default(),
        parts: BTreeMap::new(),
    }
}

pub async fn append(log: &Log, layout: &Layout, change: &Change) -> ChangesOffset {
    let parts = codec::encode_change(change);
    let record = NewRecord {
        topic: layout.name(&CHANGES).into(),
        partition: 0,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    };
    ChangesOffset::new(log.append(record).await.unwrap().offset)
}

/// What a decision leaves in the stores.
pub fn apply(held: &mut Held, at: ChangesOffset, decision: &Decision) {
    let version = Version::new(1, at);
    let of = (version, decision.position, decision.request);
    effects(held, of, &decision.documents, &decision.rows);
    ledger(held, of, decision.verdict.clone());
}

/// What a void leaves in the stores.
pub fn apply_void(held: &mut Held, at: ChangesOffset, void: &Void) {
    let of = (Version::new(1, at), void.position, void.request);
    effects(held, of, &void.documents, &void.rows);
    if let VoidEnd::Refused(refusal) = &void.ends {
        ledger(held, of, Verdict::Refused(refusal.clone()));
    }
}

fn effects(
    held: &mut Held,
    (version, position, request): (Version, Position, RequestId),
    documents: &[DocumentChange],
    rows: &[RowMutation],
) {
    for change in documents {
        let name = change_feed::document_name(&change.key);
        let meta = Meta {
            version,
            position,
            revision: change.revision,
            request,
        };
        let stored = StoredDocument {
            meta,
            body: change.after.clone(),
        };
        let viewed = ViewedDocument {
            version: Some(version),
            request: Some(request),
            revision: Some(change.revision),
            diverged: false,
            body: change.after.clone(),
        };
        let both = (change.key.clone(), stored);
        held.documents.insert(name.clone(), both);
        held.viewed.insert(name, (change.key.clone(), viewed));
    }
    for row in rows {
        let name = change_feed::row_name(&row.key);
        match row.action {
            RowAction::Remove => drop(held.rows.remove(&name)),
            RowAction::Put => drop(held.rows.insert(name, row.cells.clone())),
            RowAction::Merge => held.rows.entry(name).or_default().extend(row.cells.clone()),
        }
    }
}

fn ledger(
    held: &mut Held,
    (version, position, request): (Version, Position, RequestId),
    verdict: Verdict,
) {
    let entry = LedgerEntry {
        request,
        key: EntityKey("k".into()),
        operation: "document.update".into(),
        principal: None,
        position,
        version,
        verdict,
        result: None,
        parts: Vec::new(),
        times: Times::default(),
    };
    held.ledger.insert(request, entry);
}
