//! A world in memory that takes what plans say: enough of a worker to see one event after another.

use catalog::{
    Accepted, AcceptedRequest, Beside, Catalog, Current, CurrentDocument, Example, Invalid,
    Operation, Plan, PlanError, Planned, Seed,
};
use event_schema::{
    envelope::{Attributes, Transaction, TransactionData},
    id::RequestId,
    mutation::{DocumentKey, RowAction, RowKey},
    outcome::Verdict,
    signing::Keyring,
};
use json_text::ScannedJson;
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap, sync::LazyLock};

pub const SEED: Seed = Seed {
    unique: [7; 16],
    now: 1_773_481_267_512,
};

static SECRET: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::new(1, *b"a secret of thirty-two bytes....."));

pub fn builtin() -> Catalog {
    Catalog::builtin().expect("the built-in definitions are sound")
}

/// Documents and rows, and whatever was asked for without having been named before.
#[derive(Default)]
pub struct World {
    pub documents: BTreeMap<DocumentKey, CurrentDocument>,
    pub rows: BTreeMap<String, Map<String, Value>>,
    named: RefCell<Vec<String>>,
}

impl Current for World {
    fn knows_document(&self, key: &DocumentKey) -> bool {
        self.named.borrow().contains(&key.to_string())
    }

    fn knows_row(&self, key: &RowKey) -> bool {
        self.named.borrow().contains(&key.to_string())
    }

    fn secret(&self) -> Option<&Keyring> {
        Some(&SECRET)
    }

    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        assert!(
            self.named.borrow().contains(&key.to_string()),
            "{key} was read but not needed"
        );
        self.documents.get(key).cloned().unwrap_or_default()
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        assert!(
            self.named.borrow().contains(&key.to_string()),
            "{key} was read but not needed"
        );
        self.rows.get(&key.to_string()).cloned()
    }
}

impl World {
    /// What an example says is there.
    pub fn of(catalog: &Catalog, example: &Example) -> Self {
        let mut world = Self::default();
        for (collection, documents) in &example.documents {
            let own = catalog.collections().iter();
            let own = own
                .clone()
                .find(|own| own.collection == *collection)
                .unwrap_or_else(|| panic!("there is no collection {collection}"));
            for (id, body) in documents.as_object().expect("documents by their ids") {
                let key = DocumentKey {
                    index: own.index.clone(),
                    collection: collection.clone(),
                    incarnation: "x1".into(),
                    id: id.clone(),
                };
                let body = Some(event_schema::to_raw(body));
                let document = CurrentDocument { revision: 1, body };
                world.documents.insert(key, document);
            }
        }
        for (name, rows) in &example.rows {
            let tables = catalog.tables().iter();
            let table = tables
                .clone()
                .find(|table| table.name == *name)
                .unwrap_or_else(|| panic!("there is no table {name}"));
            for row in rows.as_array().expect("a list of rows") {
                let mut cells = row.as_object().expect("cells").clone();
                let mut key = Map::new();
                for column in table.key() {
                    let cell = cells.shift_remove(column).expect("a key column");
                    key.insert(column.to_owned(), cell);
                }
                for column in cells.keys() {
                    assert!(table.column(column).is_some(), "{name} has no {column}");
                }
                let table = name.clone();
                world.rows.insert(RowKey { table, key }.to_string(), cells);
            }
        }
        world
    }

    /// Plans and, if nothing speaks against it, applies.
    pub fn run(&mut self, catalog: &Catalog, accepted: &Accepted) -> Result<Plan, PlanError> {
        let event = event(catalog, accepted);
        let operation = catalog.of(&event)?;
        let plan = self.plan(operation, &event)?;
        if plan.verdict == Verdict::Applied {
            self.apply(&plan);
        } else {
            assert!(
                plan.documents.is_empty() && plan.rows.is_empty() && plan.result.is_none(),
                "a refusal changes nothing"
            );
        }
        Ok(plan)
    }

    pub fn plan(&self, operation: &Operation, event: &Transaction) -> Result<Plan, PlanError> {
        self.named.borrow_mut().clear();
        let mut needs = operation.needs(event)?;
        loop {
            let documents = needs.documents.iter().map(ToString::to_string);
            let rows = needs.rows.iter().map(ToString::to_string);
            self.named.borrow_mut().extend(documents.chain(rows));
            match operation.plan(event, self)? {
                Planned::Plan(plan) => return Ok(*plan),
                Planned::Unread(more) => needs = more,
            }
        }
    }

    fn apply(&mut self, plan: &Plan) {
        for change in &plan.documents {
            let before = self.documents.get(&change.key);
            assert_eq!(
                change.revision_before,
                before.map_or(0, |document| document.revision)
            );
            self.documents.insert(
                change.key.clone(),
                CurrentDocument {
                    revision: change.revision,
                    body: change.after.clone(),
                },
            );
        }
        for mutation in &plan.rows {
            let key = mutation.key.to_string();
            let mut row = match mutation.action {
                RowAction::Put => Map::new(),
                RowAction::Merge => self.rows.remove(&key).unwrap_or_default(),
                RowAction::Remove => {
                    self.rows.remove(&key);
                    continue;
                }
            };
            row.extend(mutation.cells.clone());
            row.retain(|_, cell| !cell.is_null());
            self.rows.insert(key, row);
        }
    }
}

pub fn event(catalog: &Catalog, accepted: &Accepted) -> Transaction {
    event_of(catalog, accepted, "anonymous")
}

pub fn event_of(catalog: &Catalog, accepted: &Accepted, principal: &str) -> Transaction {
    let keys = Keyring::new(1, *b"a secret of thirty-two bytes.....");
    let incarnations = accepted
        .collections
        .iter()
        .map(|(index, collection)| (format!("{index}/{collection}"), "x1".into()));
    Transaction {
        seen: event_schema::offset::TransactionsOffset::FIRST,
        attributes: Attributes {
            id: RequestId::mint(&keys, 1, accepted.key.partition(8), accepted.unique),
            tenant: "default".into(),
            operation: accepted.operation.clone(),
            catalog: catalog.version().to_owned(),
            key: accepted.key.clone(),
            time: SEED.now,
            traceparent: None,
        },
        data: TransactionData {
            request: accepted.request.clone(),
            generated: accepted.generated.clone(),
            incarnations: incarnations.collect(),
            volatile: accepted.volatile.clone(),
            if_version: accepted.if_version,
            claim: None,
            reply: None,
            origin: None,
            principal: principal.into(),
            unconfirmed: None,
        },
    }
}

fn scanned(request: &str) -> ScannedJson {
    ScannedJson::scan(request.to_owned().into(), 500).expect("a request is JSON")
}

/// All that one request was accepted as.
pub fn accept(operation: &Operation, request: &str) -> Result<Vec<Accepted>, Invalid> {
    match operation.accept(&scanned(request), &SEED)? {
        AcceptedRequest::One(accepted) => Ok(vec![*accepted]),
        AcceptedRequest::Many(items) => items.into_iter().collect(),
    }
}

/// All that an example was accepted as.
pub fn accept_example(operation: &Operation, example: &Example) -> Result<Vec<Accepted>, Invalid> {
    accept_beside(operation, &example.request.to_string(), example)
}

/// All that a request was accepted as, with what an example says beside it.
pub fn accept_beside(
    operation: &Operation,
    request: &str,
    example: &Example,
) -> Result<Vec<Accepted>, Invalid> {
    let beside = Beside {
        principal: example.principal.as_deref().unwrap_or("anonymous"),
        looked: example.looked.clone(),
    };
    match operation.accept_with(&scanned(request), &SEED, &beside)? {
        AcceptedRequest::One(accepted) => Ok(vec![*accepted]),
        AcceptedRequest::Many(items) => items.into_iter().collect(),
    }
}

/// Accepts and runs a request that is sound.
pub fn run(world: &mut World, catalog: &Catalog, operation: &str, request: &Value) -> Plan {
    let operation = catalog
        .operation(operation)
        .expect("the operation is there");
    let accepted = accept(operation, &request.to_string()).expect("the request is sound");
    world
        .run(catalog, &accepted[0])
        .expect("the event is sound")
}
