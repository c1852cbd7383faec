//! What stands in a scenario: documents, rows, and who has which unique value.

use crate::{
    Accepted, Catalog, Current, CurrentDocument, LookUpSubject, Plan, Planned, Seed,
    rehearsal::rehearsal_event,
};
use event_schema::{
    decision::UniqueValue,
    id::EntityKey,
    mutation::{DocumentKey, RowAction, RowKey, RowMutation},
    outcome::Verdict,
    signing::Keyring,
};
use serde_json::{Map, Value};
use std::collections::HashMap;

pub(super) struct ScenarioState {
    documents: HashMap<(String, String, String), CurrentDocument>,
    rows: HashMap<String, (RowKey, Map<String, Value>)>,
    owners: HashMap<UniqueValue, EntityKey>,
    secret: Keyring,
    steps: u64,
}

impl Default for ScenarioState {
    fn default() -> Self {
        Self {
            documents: HashMap::new(),
            rows: HashMap::new(),
            owners: HashMap::new(),
            secret: Keyring::new(1, *b"no deployment has this secret..."),
            steps: 0,
        }
    }
}

impl Current for ScenarioState {
    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        let found = self.documents.get(&place(key));
        found.cloned().unwrap_or_default()
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        let found = self.rows.get(&key.to_string());
        found.map(|(_, cells)| cells.clone())
    }

    fn secret(&self) -> Option<&Keyring> {
        Some(&self.secret)
    }
}

fn place(key: &DocumentKey) -> (String, String, String) {
    (key.index.clone(), key.collection.clone(), key.id.clone())
}

impl ScenarioState {
    pub(super) fn next_seed(&mut self, begin: i64) -> Seed {
        self.steps += 1;
        let mut unique = [7; 16];
        unique[8..].copy_from_slice(&self.steps.to_be_bytes());
        let now = begin + self.steps as i64 * 1_000;
        Seed { unique, now }
    }

    /// The body, if there is such a document.
    pub(super) fn body(&self, index: &str, collection: &str, id: &str) -> Option<Value> {
        let place = (index.to_owned(), collection.to_owned(), id.to_owned());
        let body = self.documents.get(&place)?.body.as_ref()?;
        serde_json::from_str(body.get()).ok()
    }

    pub(super) fn cells(&self, key: &RowKey) -> Option<&Map<String, Value>> {
        self.rows.get(&key.to_string()).map(|(_, cells)| cells)
    }

    /// Null where nothing is found.
    pub(super) fn look_up(&self, subject: &LookUpSubject) -> Value {
        match subject {
            LookUpSubject::OwnerOf(value) => match self.owners.get(value) {
                Some(key) => key.0.split_once('/').map_or(&*key.0, |(_, id)| id).into(),
                None => Value::Null,
            },
            LookUpSubject::Row(key) => match self.rows.get(&key.to_string()) {
                Some((key, cells)) => {
                    let mut whole = key.key.clone();
                    whole.extend(cells.clone());
                    Value::Object(whole)
                }
                None => Value::Null,
            },
            LookUpSubject::Document {
                index,
                collection,
                id,
            } => self.body(index, collection, id).unwrap_or_default(),
        }
    }

    /// Decides and applies an event, and then its parts; gives what the client is told.
    pub(super) fn decide(
        &mut self,
        catalog: &Catalog,
        accepted: Accepted,
        by: (&str, i64),
    ) -> Result<(Verdict, Value), String> {
        let event = rehearsal_event(catalog, &accepted, by.0, &self.secret);
        let operation = catalog.of(&event).map_err(|error| error.to_string())?;
        if !operation.kind().has_verdict() {
            return Ok((Verdict::Applied, Value::Null));
        }
        let planned = operation.plan(&event, self);
        let Planned::Plan(plan) = planned.map_err(|error| error.to_string())? else {
            return Err("a scenario knows everything, and something was asked for".to_owned());
        };
        if plan.verdict != Verdict::Applied {
            return Ok((plan.verdict, Value::Null));
        }
        let has_other = |value: &UniqueValue| {
            let owner = self.owners.get(value);
            owner.is_some_and(|owner| *owner != accepted.key)
        };
        if let Some(taken) = plan.takes.iter().find(|taken| has_other(&taken.value)) {
            return Ok((Verdict::Refused(taken.refusal.clone()), Value::Null));
        }
        let result = plan.result.as_ref();
        let answer = result.and_then(|result| serde_json::from_str(result.get()).ok());
        for part in self.apply(&accepted.key, *plan) {
            // A part that is refused undoes nothing.
            self.decide(catalog, part, by)?;
        }
        Ok((Verdict::Applied, answer.unwrap_or_default()))
    }

    /// Gives the parts that follow.
    fn apply(&mut self, key: &EntityKey, plan: Plan) -> Vec<Accepted> {
        for released in &plan.releases {
            if self.owners.get(released) == Some(key) {
                self.owners.remove(released);
            }
        }
        for taken in plan.takes {
            self.owners.insert(taken.value, key.clone());
        }
        for change in plan.documents {
            let document = CurrentDocument {
                revision: change.revision,
                body: change.after,
            };
            self.documents.insert(place(&change.key), document);
        }
        plan.rows.into_iter().for_each(|row| self.put(row));
        plan.parts
    }

    fn put(&mut self, mutation: RowMutation) {
        let name = mutation.key.to_string();
        let before = self.rows.remove(&name);
        let mut cells = match (mutation.action, before) {
            (RowAction::Remove, _) => return,
            (RowAction::Merge, Some((_, cells))) => cells,
            (RowAction::Merge, None) | (RowAction::Put, _) => Map::new(),
        };
        cells.extend(mutation.cells);
        cells.retain(|_, cell| !cell.is_null());
        self.rows.insert(name, (mutation.key, cells));
    }
}
