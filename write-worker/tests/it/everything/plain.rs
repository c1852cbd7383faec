//! What events make of documents and rows, read one after the other: no log, no batches, no versions.

use catalog::{Catalog, Current, CurrentDocument, Plan, Planned};
use event_schema::{
    decision::UniqueValue,
    envelope::Transaction,
    id::EntityKey,
    mutation::{DocumentKey, RowAction, RowKey, RowMutation},
    outcome::{LedgerEntry, Verdict},
    signing::Keyring,
};
use serde_json::{Map, Value};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap, HashSet},
};
use store::{Record, View, cell::canonical_value};

/// Its key, its cells, and when it goes by itself.
type PlainRow = (RowKey, Map<String, Value>, Option<i64>);

pub struct PlainReading<'a> {
    catalog: &'a Catalog,
    secret: Keyring,
    documents: HashMap<DocumentKey, CurrentDocument>,
    rows: HashMap<String, PlainRow>,
    /// Rows that were removed.
    gone: HashMap<String, RowKey>,
    /// Documents and rows that were asked for while the event at hand was planned.
    named: RefCell<HashSet<String>>,
    /// Who has a unique value.
    owners: HashMap<UniqueValue, HashSet<EntityKey>>,
}

impl Current for PlainReading<'_> {
    fn knows_document(&self, key: &DocumentKey) -> bool {
        self.named.borrow().contains(&key.to_string())
    }

    fn knows_row(&self, key: &RowKey) -> bool {
        self.named.borrow().contains(&key.to_string())
    }

    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        self.documents.get(key).cloned().unwrap_or_default()
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        self.rows
            .get(&key.to_string())
            .map(|(_, cells, _)| cells.clone())
    }

    fn row_expires(&self, key: &RowKey) -> Option<i64> {
        self.rows
            .get(&key.to_string())
            .and_then(|(.., expires)| *expires)
    }

    fn secret(&self) -> Option<&Keyring> {
        Some(&self.secret)
    }
}

impl<'a> PlainReading<'a> {
    pub fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            secret: Keyring::new(1, *b"0123456789abcdef"),
            documents: HashMap::new(),
            rows: HashMap::new(),
            gone: HashMap::new(),
            named: RefCell::default(),
            owners: HashMap::new(),
        }
    }

    /// Is it applied? An error where the ledger says something else.
    pub fn read(&mut self, event: &Transaction, entry: &LedgerEntry) -> Result<bool, String> {
        let plan = self.plan(event)?;
        match (&plan.verdict, &entry.verdict) {
            (Verdict::Applied, Verdict::Applied) => {
                let parts: BTreeSet<_> = plan.parts.iter().map(|part| part.unique).collect();
                let told = entry.parts.iter().map(event_schema::id::RequestId::unique);
                if parts != told.collect() {
                    return Err(format!("its parts are {:?}", plan.parts));
                }
                self.apply(&event.attributes.key, plan)?;
                Ok(true)
            }
            (Verdict::Refused(plain), Verdict::Refused(told)) if plain == told => Ok(false),
            // Whose a value was at that moment no reading of one partition tells.
            (Verdict::Applied, Verdict::Refused(told))
                if plan.takes.iter().any(|wanted| wanted.refusal == *told) =>
            {
                Ok(false)
            }
            (plain, _) => Err(format!("a plain reading says {plain:?}")),
        }
    }

    fn plan(&self, event: &Transaction) -> Result<Plan, String> {
        let operation = self.catalog.of(event).map_err(|error| error.to_string())?;
        self.named.borrow_mut().clear();
        let mut needs = operation.needs(event).map_err(|error| error.to_string())?;
        loop {
            let documents = needs.documents.iter().map(ToString::to_string);
            let rows = needs.rows.iter().map(ToString::to_string);
            self.named.borrow_mut().extend(documents.chain(rows));
            match operation.plan(event, self) {
                Ok(Planned::Plan(plan)) => return Ok(*plan),
                Ok(Planned::Unread(more)) => needs = more,
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn apply(&mut self, key: &EntityKey, plan: Plan) -> Result<(), String> {
        for released in &plan.releases {
            if let Some(owners) = self.owners.get_mut(released) {
                owners.remove(key);
            }
        }
        for taken in plan.takes {
            self.owners
                .entry(taken.value)
                .or_default()
                .insert(key.clone());
        }
        for change in plan.documents {
            let body = change.after;
            let revision = change.revision;
            let document = CurrentDocument { revision, body };
            self.documents.insert(change.key, document);
        }
        plan.rows.into_iter().try_for_each(|row| self.put(row))
    }

    fn put(&mut self, mutation: RowMutation) -> Result<(), String> {
        let name = mutation.key.to_string();
        let before = self.rows.remove(&name);
        let (mut cells, expires) = match (mutation.action, before) {
            (RowAction::Remove, _) => {
                self.gone.insert(name, mutation.key);
                return Ok(());
            }
            (RowAction::Merge, Some((_, cells, expires))) => (cells, expires),
            (RowAction::Put, _) | (RowAction::Merge, None) => (Map::new(), None),
        };
        let table = self.catalog.tables().iter();
        let table = table.clone().find(|table| table.name == mutation.key.table);
        let table = table.ok_or("a table that is not there")?;
        for (name, value) in mutation.cells {
            let column = table.column(&name).ok_or("a column that is not there")?;
            let value = canonical_value(&column.kind, &value, &name);
            match value.map_err(|misfit| misfit.to_string())? {
                Some(value) => cells.insert(name, value),
                None => cells.remove(&name),
            };
        }
        let expires = mutation.expires.or(expires);
        self.gone.remove(&name);
        self.rows.insert(name, (mutation.key, cells, expires));
        Ok(())
    }

    /// Record and view hold the same, and each value has one owner.
    pub async fn compare(&self, (record, view): (&dyn Record, &dyn View)) -> Result<(), String> {
        for (value, owners) in &self.owners {
            if owners.len() > 1 {
                return Err(format!("{value:?} has the owners {owners:?}"));
            }
        }
        for (key, plain) in &self.documents {
            let stored = record.documents(std::slice::from_ref(key)).await.unwrap();
            let stored = stored.into_iter().next().flatten();
            let stored = stored.and_then(|stored| stored.body);
            let read =
                |body: &event_schema::Raw| -> Value { serde_json::from_str(body.get()).unwrap() };
            let shown = view.documents(std::slice::from_ref(key)).await.unwrap();
            let shown = shown.into_iter().next().flatten();
            let plain = plain.body.as_ref().map(read);
            for (place, found) in [("record", stored), ("view", shown)] {
                let found = found.as_ref().map(read);
                if found != plain {
                    return Err(format!(
                        "{key} is {found:?} in the {place}, and a plain reading makes {plain:?}"
                    ));
                }
            }
        }
        for (key, plain, _) in self.rows.values() {
            let stored = record.rows(std::slice::from_ref(key)).await.unwrap();
            let stored = stored
                .into_iter()
                .next()
                .flatten()
                .map(|stored| stored.cells);
            let mut cells = stored.clone().unwrap_or_default();
            cells.retain(|name, value| !value.is_null() && !key.key.contains_key(name));
            if stored.is_none() || cells != *plain {
                return Err(format!(
                    "{key} is {stored:?}, and a plain reading makes {plain:?}"
                ));
            }
        }
        for key in self.gone.values() {
            let stored = record.rows(std::slice::from_ref(key)).await.unwrap();
            if let Some(stored) = stored.into_iter().next().flatten() {
                return Err(format!("{key} was removed, and is {stored:?}"));
            }
        }
        Ok(())
    }
}
