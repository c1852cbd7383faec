//! Events as a gateway makes them, of few documents, so that they meet.

use crate::{
    dice::SharedDice,
    faults::{FICKLE, FaultKind, Faults, POISON, UNMAPPABLE},
    process::BEGIN,
};
use bytes::Bytes;
use catalog::{AcceptedRequest, Catalog, Seed};
use event_log::NewRecord;
use event_schema::{
    Raw, codec,
    envelope::{Attributes, Claim, Transaction, TransactionData},
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    offset::TransactionsOffset,
    signing::Keyring,
    topics::{self, Layout},
};
use json_text::ScannedJson;
use serde_json::{Map, Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};
use store::Collection;

/// Documents that all events are about.
const DOCUMENTS: u64 = 4;
pub const INCARNATION: &str = "abcd1234";

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalog");
    Catalog::load(&[folder.into()]).expect("it is ours")
});

#[must_use]
pub fn catalog() -> Catalog {
    CATALOG.clone()
}

/// One that clients map themselves, and one whose events keep the order of their key.
#[must_use]
pub fn collections() -> Vec<Collection> {
    let of = |index: &str, collection: &str| Collection {
        index: index.into(),
        collection: collection.into(),
        incarnation: INCARNATION.into(),
        mappings: None,
        settings: None,
        created: 0,
        changing: None,
        specifications: None,
    };
    vec![of("geo", "cities"), of("land", "towns")]
}

/// A document's name among those of all collections.
#[must_use]
pub fn document_name(key: &DocumentKey) -> String {
    format!("{}/{}", key.collection, key.id)
}

/// What an event asks for, as a plain reading of the log understands it.
#[derive(Clone, Debug)]
pub struct AskedWrite {
    /// `cities/…` or `towns/…`.
    pub id: String,
    pub what: WriteKind,
    /// The idempotency key.
    pub claim: Option<String>,
    /// Its bytes were cut off on the way.
    pub is_damaged: bool,
}

#[derive(Clone, Debug)]
pub enum WriteKind {
    Create(Value),
    CreateOrReplace(Value),
    Replace(Value),
    Update(Value),
    Delete,
}

impl AskedWrite {
    /// Does its key keep its order behind a dead letter?
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.id.starts_with("towns/")
    }
}

impl WriteKind {
    /// On a city, and on a town.
    fn operation(&self) -> (&'static str, &'static str) {
        match self {
            Self::Create(_) => ("document.create", "town.found"),
            Self::CreateOrReplace(_) => ("document.createOrReplace", "town.settle"),
            Self::Replace(_) => ("document.replace", "town.replace"),
            Self::Update(_) => ("document.update", "town.change"),
            Self::Delete => ("document.delete", "town.close"),
        }
    }

    pub fn body(&self) -> Option<&Value> {
        match self {
            Self::Create(body)
            | Self::CreateOrReplace(body)
            | Self::Replace(body)
            | Self::Update(body) => Some(body),
            Self::Delete => None,
        }
    }
}

/// Makes events and remembers what they ask for.
pub struct Maker {
    dice: SharedDice,
    faults: Faults,
    layout: Layout,
    keys: Keyring,
    made: u64,
    pub asked: HashMap<[u8; 16], AskedWrite>,
    /// Requests by which held events were moved, or markers purged.
    pub intents: HashSet<[u8; 16]>,
    /// What stands in the log already, to be sent once more.
    sent: Vec<NewRecord>,
}

impl Maker {
    #[must_use]
    pub fn new(dice: SharedDice, faults: Faults, layout: Layout) -> Self {
        Self {
            dice,
            faults,
            layout,
            keys: Keyring::new(1, *b"0123456789abcdef"),
            made: 0,
            asked: HashMap::new(),
            intents: HashSet::new(),
            sent: Vec::new(),
        }
    }

    /// The next record of `transactions`; `end` says how far a partition is.
    pub fn next(&mut self, end: impl Fn(u16) -> u64) -> NewRecord {
        if self.faults.strikes(FaultKind::Repeats, 6)
            && let Some(again) = self.dice.pick(&self.sent)
        {
            return again.clone();
        }
        let asked = self.ask();
        let (event, id) = self.event(&asked, end);
        let parts = codec::encode_transaction(&event);
        let value = if asked.is_damaged {
            Some(Bytes::from_static(b"{\"request\""))
        } else {
            parts.value
        };
        let record = NewRecord {
            topic: Arc::from(self.layout.name(&topics::TRANSACTIONS)),
            partition: event.attributes.key.partition(self.layout.partitions),
            key: parts.key,
            value,
            headers: parts.headers,
        };
        self.asked.insert(id.unique(), asked);
        self.sent.push(record.clone());
        record
    }

    /// A person asks for a held event to be moved, or for markers to be purged.
    pub fn intend(
        &mut self,
        operation: &str,
        key: &EntityKey,
        asked: Raw,
        end: impl Fn(u16) -> u64,
    ) -> NewRecord {
        self.made += 1;
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&self.made.to_le_bytes());
        let partition = key.partition(self.layout.partitions);
        let id = RequestId::mint(&self.keys, self.layout.generation, partition, unique);
        let event = Transaction {
            attributes: Attributes {
                id,
                tenant: "default".into(),
                operation: operation.into(),
                catalog: CATALOG.version().into(),
                key: key.clone(),
                time: BEGIN,
                traceparent: None,
            },
            seen: TransactionsOffset::new(end(partition)),
            data: TransactionData {
                request: asked,
                generated: Map::new(),
                incarnations: Map::new(),
                volatile: None,
                if_version: None,
                claim: None,
                reply: None,
                origin: None,
                principal: "a person".into(),
                unconfirmed: None,
            },
        };
        let parts = codec::encode_transaction(&event);
        let record = NewRecord {
            topic: Arc::from(self.layout.name(&topics::TRANSACTIONS)),
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        self.intents.insert(id.unique());
        self.sent.push(record.clone());
        record
    }

    fn ask(&mut self) -> AskedWrite {
        let what = match self.dice.roll(9) {
            0 | 1 => WriteKind::Create(self.body()),
            2 => WriteKind::CreateOrReplace(self.body()),
            3 => WriteKind::Replace(self.body()),
            4..=6 => WriteKind::Update(self.body()),
            _ => WriteKind::Delete,
        };
        let collection = if self.dice.once_in(2) {
            "towns"
        } else {
            "cities"
        };
        let id = format!("{collection}/{}", self.dice.roll(DOCUMENTS / 2));
        // A key is used again for the same document only: two partitions have no order.
        let claim = self
            .dice
            .once_in(6)
            .then(|| format!("{id}/key-{}", self.dice.roll(3)));
        let is_damaged = self.dice.once_in(40);
        AskedWrite {
            id,
            what,
            claim,
            is_damaged,
        }
    }

    fn body(&mut self) -> Value {
        self.made += 1;
        let mut body = json!({ format!("field-{}", self.dice.roll(3)): self.made });
        if self.faults.has(FaultKind::Refusals) {
            body["text"] = match self.dice.roll(12) {
                0 => POISON.into(),
                1 => UNMAPPABLE.into(),
                2 | 3 => FICKLE.into(),
                4..=7 => format!("plain {}", self.made).into(),
                _ => return body,
            };
        }
        body
    }

    fn event(&mut self, asked: &AskedWrite, end: impl Fn(u16) -> u64) -> (Transaction, RequestId) {
        self.made += 1;
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&self.made.to_le_bytes());
        let (on_city, on_town) = asked.what.operation();
        let (operation, mut request) = match asked.id.split_once('/') {
            Some(("towns", id)) => (on_town, json!({"id": id})),
            Some((collection, id)) => {
                let request = json!({"index": "geo", "collection": collection, "_id": id});
                (on_city, request)
            }
            None => panic!("it names its collection"),
        };
        if let Some(body) = asked.what.body() {
            request["body"] = body.clone();
        }
        let seed = Seed { unique, now: BEGIN };
        let operation = CATALOG.operation(operation).expect("it is built in");
        let accepted = operation.accept(&ScannedJson::from(&request), &seed);
        let Ok(AcceptedRequest::One(accepted)) = accepted else {
            panic!("the request is right and single")
        };
        let partition = accepted.key.partition(self.layout.partitions);
        let id = RequestId::mint(
            &self.keys,
            self.layout.generation,
            partition,
            accepted.unique,
        );
        let collections = accepted.collections.iter();
        let data = TransactionData {
            request: accepted.request,
            generated: accepted.generated,
            incarnations: collections
                .map(|(index, name)| (format!("{index}/{name}"), json!(INCARNATION)))
                .collect(),
            volatile: accepted.volatile,
            if_version: accepted.if_version,
            claim: asked.claim.as_ref().map(|key| Claim {
                key: key.clone(),
                until: i64::MAX,
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
            catalog: CATALOG.version().into(),
            key: accepted.key,
            time: BEGIN,
            traceparent: None,
        };
        let event = Transaction {
            attributes,
            seen: TransactionsOffset::new(end(partition)),
            data,
        };
        (event, id)
    }
}
