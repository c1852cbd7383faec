//! Requests carried out on nothing but memory: what an example would write over the documents and
//! rows that it says are there. For checking definitions; it stores nothing and tells no one.

use crate::{
    Accepted, AcceptedRequest, Beside, Catalog, Current, CurrentDocument, Example, Invalid,
    Operation, Plan, PlanError, Planned, Seed,
};
use event_schema::{
    Raw,
    envelope::{Attributes, Transaction, TransactionData},
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    offset::TransactionsOffset,
    outcome::Verdict,
    signing::Keyring,
};
use json_text::ScannedJson;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Every collection has this one here.
const INCARNATION: &str = "rehearsal";
/// Any time will do: it is the same in every rehearsal.
const SEED: Seed = Seed {
    unique: [7; 16],
    now: 1_773_481_267_512,
};

/// What a request came to.
#[derive(Debug)]
pub enum Rehearsed {
    /// It would not be accepted.
    Invalid(Invalid),
    /// It tells, and writes nothing.
    Told,
    /// What would be decided for each of its events.
    Planned(Vec<Plan>),
    /// The definition is at fault.
    Broken(PlanError),
}

impl Rehearsed {
    /// The rule or code by which it is refused; `None` if it is not.
    pub fn refused(&self) -> Option<String> {
        match self {
            Self::Invalid(invalid) => invalid.0.first().map(|first| first.rule.clone()),
            Self::Told => None,
            Self::Broken(error) => Some(error.to_string()),
            Self::Planned(plans) => plans.iter().find_map(|plan| match &plan.verdict {
                Verdict::Refused(refusal) => refusal.rule.clone().or_else(|| {
                    let code = json!(refusal.code);
                    code.as_str().map(str::to_owned)
                }),
                Verdict::Applied | Verdict::DeadLettered(_) | Verdict::Parked(_) => None,
            }),
        }
    }
}

impl Catalog {
    /// The events that an example is accepted as, and what it says is there.
    ///
    /// # Errors
    /// Why it would not be accepted.
    pub fn example_events(
        &self,
        operation: &Operation,
        example: &Example,
    ) -> Result<(Vec<Transaction>, ExampleState), Invalid> {
        let principal = example.principal.as_deref().unwrap_or("anonymous");
        let beside = Beside {
            principal,
            looked: example.looked.clone(),
        };
        let request = ScannedJson::from(&example.request);
        let accepted = match operation.accept_with(&request, &SEED, &beside)? {
            AcceptedRequest::One(one) => vec![*one],
            AcceptedRequest::Many(items) => items.into_iter().collect::<Result<_, _>>()?,
        };
        let state = ExampleState::of(self, example);
        let event = |one| rehearsal_event(self, one, principal, &state.secret);
        let events = accepted.iter().map(event).collect();
        Ok((events, state))
    }

    /// Carries an example out.
    pub fn rehearse(&self, operation: &Operation, example: &Example) -> Rehearsed {
        let principal = example.principal.as_deref().unwrap_or("anonymous");
        let beside = Beside {
            principal,
            looked: example.looked.clone(),
        };
        let request = ScannedJson::from(&example.request);
        let accepted = match operation.accept_with(&request, &SEED, &beside) {
            Ok(AcceptedRequest::One(one)) => vec![Ok(*one)],
            Ok(AcceptedRequest::Many(items)) => items,
            Err(invalid) => return Rehearsed::Invalid(invalid),
        };
        if !operation.kind().has_verdict() {
            return Rehearsed::Told;
        }
        let state = ExampleState::of(self, example);
        let mut plans = Vec::with_capacity(accepted.len());
        for accepted in accepted {
            let planned = match accepted {
                Ok(accepted) => self.plan_alone(&accepted, principal, &state),
                Err(invalid) => return Rehearsed::Invalid(invalid),
            };
            match planned {
                Ok(plan) => plans.push(plan),
                Err(error) => return Rehearsed::Broken(error),
            }
        }
        Rehearsed::Planned(plans)
    }

    fn plan_alone(
        &self,
        accepted: &Accepted,
        principal: &str,
        state: &ExampleState,
    ) -> Result<Plan, PlanError> {
        let event = rehearsal_event(self, accepted, principal, &state.secret);
        match self.of(&event)?.plan(&event, state)? {
            Planned::Plan(plan) => Ok(*plan),
            Planned::Unread(_) => Err(PlanError::BadEvent("a rehearsal knows everything".into())),
        }
    }
}

pub(crate) fn rehearsal_event(
    catalog: &Catalog,
    accepted: &Accepted,
    principal: &str,
    keys: &Keyring,
) -> Transaction {
    let named = |(index, collection): &(String, String)| {
        (format!("{index}/{collection}"), INCARNATION.into())
    };
    Transaction {
        seen: TransactionsOffset::FIRST,
        attributes: Attributes {
            id: RequestId::mint(keys, 1, 0, accepted.unique),
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
            incarnations: accepted.collections.iter().map(named).collect(),
            volatile: accepted.volatile.clone(),
            if_version: accepted.if_version,
            claim: None,
            reply: None,
            origin: None,
            principal: principal.to_owned(),
            unconfirmed: None,
        },
    }
}

/// What an example says is there, and nothing else.
pub struct ExampleState {
    documents: BTreeMap<(String, String), Raw>,
    rows: BTreeMap<String, Map<String, Value>>,
    secret: Keyring,
}

impl ExampleState {
    /// Tables that the catalog does not know, and rows without their key, are not there.
    fn of(catalog: &Catalog, example: &Example) -> Self {
        let mut rows = BTreeMap::new();
        for (name, list) in &example.rows {
            let table = catalog.tables().iter().find(|table| table.name == *name);
            let list = list.as_array().into_iter().flatten();
            for (table, row) in list.filter_map(|row| Some((table?, row.as_object()?))) {
                let mut cells = row.clone();
                let named = |column: &str| Some((column.to_owned(), cells.shift_remove(column)?));
                let key: Map<String, Value> = table.key().filter_map(named).collect();
                let table = name.clone();
                rows.insert(RowKey { table, key }.to_string(), cells);
            }
        }
        let documents = example.documents.iter().flat_map(|(collection, bodies)| {
            let bodies = bodies.as_object().into_iter().flatten();
            bodies.map(|(id, body)| {
                let name = (collection.clone(), id.clone());
                (name, event_schema::to_raw(body))
            })
        });
        Self {
            documents: documents.collect(),
            rows,
            secret: Keyring::new(1, *b"no deployment has this secret..."),
        }
    }
}

impl Current for ExampleState {
    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        let name = (key.collection.clone(), key.id.clone());
        let body = self.documents.get(&name).cloned();
        CurrentDocument {
            revision: u64::from(body.is_some()),
            body,
        }
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        self.rows.get(&key.to_string()).cloned()
    }

    fn secret(&self) -> Option<&Keyring> {
        Some(&self.secret)
    }
}
