//! A world in memory that takes what plans say: enough of a worker to see one event after another.

use catalog::{
    Accepted, AcceptedRequest, Catalog, Current, CurrentDocument, Invalid, Operation, Plan,
    PlanError, Seed,
};
use event_schema::{
    envelope::{Attributes, Transaction, TransactionData},
    id::RequestId,
    mutation::{DocumentKey, RowAction, RowKey},
    outcome::Verdict,
    signing::Keyring,
};
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap};

pub const SEED: Seed = Seed {
    unique: [7; 16],
    now: 1_773_481_267_512,
};

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
    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        assert!(
            self.named.borrow().contains(&key.to_string()),
            "{key} was read but not needed"
        );
        self.documents.get(key).cloned().unwrap_or(CurrentDocument {
            revision: 0,
            body: None,
        })
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
        let needs = operation.needs(event)?;
        let documents = needs.documents.iter().map(ToString::to_string);
        *self.named.borrow_mut() = documents
            .chain(needs.rows.iter().map(ToString::to_string))
            .collect();
        operation.plan(event, self)
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
            principal: "anonymous".into(),
        },
    }
}

/// All that one request was accepted as.
pub fn accept(operation: &Operation, request: &str) -> Result<Vec<Accepted>, Invalid> {
    match operation.accept(request.as_bytes(), &SEED)? {
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
