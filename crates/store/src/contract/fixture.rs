//! Names, writes and tables for the contract. Every fixture's names are its own, so that cases may
//! share a server; nothing here may reach a store.

use crate::{
    Collection, DocumentWrite, Meta, Record, RowWrite, View,
    document::Write,
    schema::{Column, ColumnType, Table},
};
use event_schema::{
    Raw,
    decision::{Mark, TopicIds},
    id::{EntityKey, RequestId},
    mutation::{DocumentKey, RowAction, RowKey, RowMutation},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    outcome::{LedgerEntry, Times, Verdict},
    position::{Position, Version},
    signing::Keyring,
};
use serde_json::{Map, Value, json, value::RawValue};
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

/// The names that one case uses.
pub struct Fixture {
    keys: Keyring,
    unique: u64,
    pub collection: Collection,
}

/// A view and, where the view is over the record's own files, the record that must be written
/// first.
#[derive(Clone, Copy)]
pub struct Searched<'a> {
    pub record: Option<&'a dyn Record>,
    pub view: &'a dyn View,
}

/// What a set-up gives to the record's cases: a record, or something that holds one beside what
/// must outlive it.
pub trait HasRecord {
    fn record(&self) -> &dyn Record;
}

impl<T: Record> HasRecord for T {
    fn record(&self) -> &dyn Record {
        self
    }
}

impl Fixture {
    pub fn new() -> Self {
        // A fresh hasher is the standard library's only source of randomness.
        let unique = RandomState::new().hash_one(std::process::id());
        let collection = Collection {
            index: format!("contract-{unique:016x}"),
            collection: "things".to_owned(),
            incarnation: "a1b2c3d4".to_owned(),
            mappings: None,
            settings: None,
            created: 1_700_000_000_000,
            specifications: None,
            changing: None,
        };
        Self {
            keys: Keyring::new(1, *b"the contract's own secret"),
            unique,
            collection,
        }
    }

    pub fn with_mappings(mappings: Value) -> Self {
        let mut fixture = Self::new();
        fixture.collection.mappings = Some(mappings);
        fixture
    }

    /// A text that no other case has.
    pub fn name(&self, what: &str) -> String {
        format!("{what}-{:016x}", self.unique)
    }

    pub fn generation(&self) -> u16 {
        (self.unique % 2_000) as u16 + 1
    }

    pub fn partition(&self) -> u16 {
        (self.unique >> 32) as u16
    }

    pub fn version(&self, n: u64) -> Version {
        Version::new(1, ChangesOffset::new(n))
    }

    /// The n-th request of this case.
    pub fn request(&self, n: u64) -> RequestId {
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&self.unique.to_be_bytes());
        unique[8..].copy_from_slice(&n.to_be_bytes());
        RequestId::mint(&self.keys, 1, 0, unique)
    }

    pub fn key(&self, id: &str) -> DocumentKey {
        DocumentKey {
            index: self.collection.index.clone(),
            collection: self.collection.collection.clone(),
            incarnation: self.collection.incarnation.clone(),
            id: id.to_owned(),
        }
    }

    /// A document of request and position `n` at version `n`; no body is a deletion.
    pub fn document(&self, id: &str, n: u64, body: Option<&str>) -> DocumentWrite {
        let meta = Meta {
            version: self.version(n),
            position: Position {
                generation: 1,
                partition: 0,
                offset: TransactionsOffset::new(n),
            },
            revision: n,
            request: self.request(n),
        };
        DocumentWrite {
            key: self.key(id),
            meta,
            body: body.map(raw_text),
            diverged: false,
            purged: false,
        }
    }

    pub fn put(&self, id: &str, n: u64, body: &str) -> Write {
        Write::Document(self.document(id, n, Some(body)))
    }

    pub fn delete(&self, id: &str, n: u64) -> Write {
        Write::Document(self.document(id, n, None))
    }

    /// A deletion that leaves no marker.
    pub fn purged(&self, id: &str, n: u64) -> DocumentWrite {
        DocumentWrite {
            purged: true,
            ..self.document(id, n, None)
        }
    }

    pub fn purge(&self, id: &str, n: u64) -> Write {
        Write::Document(self.purged(id, n))
    }

    /// A row of `contract_rows` under this case's own partition key.
    pub fn row_key(&self, item: i64) -> RowKey {
        row_key(
            "contract_rows",
            json!({"owner": self.name("owner"), "item": item}),
        )
    }

    pub fn row(&self, item: i64, action: RowAction, cells: Value, n: u64, step: u8) -> RowWrite {
        let mutation = RowMutation {
            key: self.row_key(item),
            action,
            cells: object(cells),
            before: None,
            expires_before: None,
            expires: None,
        };
        RowWrite {
            mutation,
            version: self.version(n),
            step,
        }
    }

    pub fn put_row(&self, item: i64, cells: Value, n: u64) -> Write {
        Write::Row(self.row(item, RowAction::Put, cells, n, 0))
    }

    pub fn merge_row(&self, item: i64, cells: Value, n: u64) -> Write {
        Write::Row(self.row(item, RowAction::Merge, cells, n, 0))
    }

    pub fn remove_row(&self, item: i64, n: u64) -> Write {
        Write::Row(self.row(item, RowAction::Remove, json!({}), n, 0))
    }

    /// What is remembered of request `n`, at `version`.
    pub fn entry(&self, n: u64, version: u64, verdict: Verdict) -> LedgerEntry {
        LedgerEntry {
            request: self.request(n),
            key: EntityKey("i/c/1".to_owned()),
            operation: "document.create".to_owned(),
            principal: Some("meera".to_owned()),
            position: Position {
                generation: 1,
                partition: 3,
                offset: TransactionsOffset::new(n),
            },
            version: self.version(version),
            verdict,
            result: Some(raw_text(r#"{"_id":"x","_version":1.10}"#)),
            parts: Vec::new(),
            times: Times {
                accepted: 1,
                decided: 2,
                applied: 3,
            },
        }
    }

    pub fn mark(&self, through: u64, next: u64) -> Mark {
        Mark {
            epoch: Epoch::begun_at(ChangesOffset::new(1)),
            at: ChangesOffset::new(through + 1),
            generation: self.generation(),
            partition: self.partition(),
            through: ChangesOffset::new(through),
            next: TransactionsOffset::new(next),
            time: 1_700_000_000_000,
            reapply_from: ChangesOffset::new(through + 1),
            reapply_epoch: Some(Epoch::begun_at(ChangesOffset::new(1))),
            topics: TopicIds::default(),
            tail: Default::default(),
            parts: BTreeMap::new(),
        }
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Searched<'_> {
    /// Makes the collection, writes the documents and refreshes; every write must be taken.
    pub async fn fill(&self, fixture: &Fixture, documents: &[DocumentWrite]) {
        if let Some(record) = self.record {
            record
                .create_collection(&fixture.collection)
                .await
                .expect("the collection is made in the record");
        }
        self.view
            .create_collection(&fixture.collection)
            .await
            .expect("the collection is made in the view");
        self.write(documents).await;
        self.view
            .refresh(std::slice::from_ref(&fixture.collection))
            .await
            .expect("a refresh");
    }

    pub async fn write(&self, documents: &[DocumentWrite]) {
        if let Some(record) = self.record {
            let writes: Vec<Write> = documents.iter().cloned().map(Write::Document).collect();
            super::answers::all_done(&record.apply(&writes).await, documents.len());
        }
        super::answers::all_done(&self.view.apply(documents).await, documents.len());
    }
}

/// JSON text, kept to the byte.
pub fn raw_text(text: &str) -> Raw {
    Arc::from(RawValue::from_string(text.to_owned()).expect("the contract writes JSON"))
}

pub fn row_key(table: &str, key: Value) -> RowKey {
    RowKey {
        table: table.to_owned(),
        key: object(key),
    }
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("the contract wanted an object, not {other}"),
    }
}

/// The tables that the contract writes; a driver's set-up migrates them.
pub fn tables() -> Vec<Table> {
    let list = |kind| ColumnType::List(Box::new(kind));
    let set = |kind| ColumnType::Set(Box::new(kind));
    let map = |kind| ColumnType::Map(Box::new(kind));
    let rows = table(
        "contract_rows",
        &["owner"],
        &["item"],
        &[
            ("owner", ColumnType::Text),
            ("item", ColumnType::Bigint),
            ("name", ColumnType::Text),
            ("count", ColumnType::Int),
            ("total", ColumnType::Bigint),
            ("ratio", ColumnType::Double),
            ("open", ColumnType::Boolean),
            ("seen", ColumnType::Timestamp),
            ("steps", list(ColumnType::Text)),
            ("numbers", list(ColumnType::Int)),
            ("tags", set(ColumnType::Text)),
            ("links", map(ColumnType::Text)),
            ("scores", map(ColumnType::Double)),
        ],
    );
    let plain = table(
        "contract_plain",
        &["id"],
        &[],
        &[("id", ColumnType::Text), ("name", ColumnType::Text)],
    );
    vec![rows, plain]
}

fn table(
    name: &str,
    partition_key: &[&str],
    clustering: &[&str],
    columns: &[(&str, ColumnType)],
) -> Table {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Table {
        name: name.to_owned(),
        partition_key: owned(partition_key),
        clustering: owned(clustering),
        columns: columns
            .iter()
            .map(|(name, kind)| Column {
                name: (*name).to_owned(),
                kind: kind.clone(),
            })
            .collect(),
        indexes: Vec::new(),
    }
}
