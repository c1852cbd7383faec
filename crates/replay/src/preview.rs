//! What a replay would change: the event planned over the documents and rows of now, field by
//! field, in each store. Nothing is written, and what is applied before the replay may change the
//! answer.

mod first_reads;

pub use first_reads::ReadLetter;

use crate::{HeldLetter, ReplayError};
use catalog::{Catalog, Current, CurrentDocument, Needs, Operation, Plan, Planned};
use event_schema::{
    codec,
    decision::OriginalRecord,
    envelope::Transaction,
    id::RequestId,
    mutation::{DocumentChange, DocumentKey, RowAction, RowKey, RowMutation},
    outcome::Verdict,
    position::Position,
    signing::Keyring,
};
use first_reads::FirstRead;
use sealing::{
    SealedBoundary, SubjectAccess, SubjectKeys, boundary::OpenedState, mask::mask_values,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::{Collection, Record, StoredDocument, View, document::StoredRow};

/// Times that a plan may ask for more to read.
const ROUNDS: usize = 8;

/// What a preview looks at.
#[derive(Clone, Copy)]
pub struct PreviewStores<'a> {
    pub record: &'a dyn Record,
    pub view: Option<&'a dyn View>,
    pub catalog: &'a Catalog,
    pub keys: &'a Keyring,
    pub sealing: &'a SubjectKeys,
}

impl PreviewStores<'_> {
    /// What the letter's key seals and opens. Without a subject, nothing.
    pub fn boundary<'s>(&'s self, subject: Option<&'s SubjectAccess>) -> SealedBoundary<'s> {
        SealedBoundary {
            marks: self.catalog.sealed(),
            secret: self.sealing.secret(),
            subject,
        }
    }
}

/// What would come of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplayPreview {
    /// `applied`, `refused`, `dead_lettered`.
    pub verdict: String,
    /// Why not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// In each store, what would be another afterwards.
    pub changes: Vec<StateChange>,
    /// Parked events of its key that follow.
    pub follow: u64,
    /// A later event of its key was applied: only a replay as new does anything.
    pub overtaken: bool,
    /// Later writes that stand in what it would write.
    pub later: Vec<LaterWrite>,
    /// The definitions that it was planned by here, where those of the event are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_by: Option<String>,
}

/// A document or a row in one store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateChange {
    /// `record` or `view`.
    pub role: String,
    pub store: String,
    pub name: String,
    pub fields: Vec<FieldChange>,
}

/// By its JSON pointer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// A write of a later event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LaterWrite {
    pub name: String,
    pub request_id: RequestId,
}

/// The state that is planned over.
struct ReadState<'a> {
    documents: HashMap<DocumentKey, CurrentDocument>,
    rows: HashMap<String, Option<Map<String, Value>>>,
    keys: &'a Keyring,
    later: Vec<LaterWrite>,
}

/// Collections that were looked up, each once for all letters that are previewed together.
type PreviewCollections = HashMap<[String; 2], Option<Collection>>;

impl Current for ReadState<'_> {
    fn knows_document(&self, key: &DocumentKey) -> bool {
        self.documents.contains_key(key)
    }

    fn knows_row(&self, key: &RowKey) -> bool {
        self.rows.contains_key(&key.to_string())
    }

    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        self.documents.get(key).cloned().unwrap_or_default()
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        self.rows.get(&key.to_string()).cloned().flatten()
    }

    fn secret(&self) -> Option<&Keyring> {
        Some(self.keys)
    }
}

impl ReadState<'_> {
    async fn read_needs(
        &mut self,
        record: &dyn Record,
        needs: &Needs,
        held: &Position,
    ) -> Result<(), ReplayError> {
        let mut unread = needs.clone();
        unread.documents.retain(|key| !self.knows_document(key));
        unread.rows.retain(|key| !self.knows_row(key));
        if unread.is_empty() {
            return Ok(());
        }
        let documents = record.documents(&unread.documents).await?;
        let rows = record.rows(&unread.rows).await?;
        self.take(&unread, documents, rows, held);
        Ok(())
    }

    fn take(
        &mut self,
        needs: &Needs,
        documents: Vec<Option<StoredDocument>>,
        rows: Vec<Option<StoredRow>>,
        held: &Position,
    ) {
        for (key, stored) in needs.documents.iter().zip(documents) {
            let mut current = CurrentDocument::default();
            if let Some(stored) = stored {
                if is_later(&stored.meta.position, held) {
                    self.later.push(LaterWrite {
                        name: key.to_string(),
                        request_id: stored.meta.request,
                    });
                }
                current.revision = stored.meta.revision;
                current.body = stored.body;
            }
            self.documents.insert(key.clone(), current);
        }
        for (key, row) in needs.rows.iter().zip(rows) {
            self.rows.insert(key.to_string(), row.map(|row| row.cells));
        }
    }
}

/// Comparable in one partition alone.
fn is_later(position: &Position, held: &Position) -> bool {
    position.partition == held.partition
        && (position.generation, position.offset) > (held.generation, held.offset)
}

/// Plans a dead letter over what stands now. `event`: as it is held, or as somebody edited it.
///
/// # Errors
/// If the record store cannot be read.
pub async fn preview_replay(
    stores: PreviewStores<'_>,
    letter: &HeldLetter,
    event: &OriginalRecord,
) -> Result<ReplayPreview, ReplayError> {
    let mut read = ReadLetter::read_all(stores, &[(letter, event)]).await?;
    match read.pop() {
        Some(read) => read.preview(stores, letter).await,
        None => unreachable!("as many are read as are asked for"),
    }
}

async fn preview_read(
    stores: PreviewStores<'_>,
    collections: &PreviewCollections,
    letter: &HeldLetter,
    read: FirstRead,
) -> Result<ReplayPreview, ReplayError> {
    let mut preview = ReplayPreview {
        verdict: "dead_lettered".to_owned(),
        why: None,
        changes: Vec::new(),
        follow: letter.waiting(),
        overtaken: letter.is_overtaken(),
        later: Vec::new(),
        planned_by: None,
    };
    let mut state = ReadState {
        documents: HashMap::new(),
        rows: HashMap::new(),
        keys: stores.keys,
        later: Vec::new(),
    };
    let held = &letter.held.position;
    let planned = match read.event {
        Ok(event) => {
            if let Some(needs) = &read.needs {
                state.take(needs, read.documents, read.rows, held);
            }
            let version = stores.catalog.version();
            let is_other = event.attributes.catalog != version;
            preview.planned_by = is_other.then(|| version.to_owned());
            plan_event(stores, &event, held, &mut state).await?
        }
        Err(why) => Err(why),
    };
    preview.later = std::mem::take(&mut state.later);
    match planned {
        Err(why) => preview.why = Some(why),
        Ok(plan) => {
            let verdict = plan.verdict.clone();
            if let Verdict::Refused(refusal) = verdict {
                (preview.verdict, preview.why) = ("refused".to_owned(), Some(refusal.message));
            } else if let Some(why) = find_unmappable(stores, collections, &plan).await? {
                (preview.verdict, preview.why) = ("refused".to_owned(), Some(why));
            } else {
                preview.verdict = "applied".to_owned();
                preview.changes = state_changes(stores, &plan, &state);
            }
        }
    }
    Ok(preview)
}

fn decode_event(event: &OriginalRecord) -> Result<Transaction, String> {
    let parts = event.parts().map_err(|error| error.to_string())?;
    codec::decode_transaction(&parts).map_err(|error| error.to_string())
}

async fn plan_event(
    stores: PreviewStores<'_>,
    event: &Transaction,
    held: &Position,
    state: &mut ReadState<'_>,
) -> Result<Result<Plan, String>, ReplayError> {
    if !stores
        .catalog
        .sealed()
        .is_touched_by(&event.attributes.operation)
    {
        return planned_over(stores, event, held, state, None).await;
    }
    let subject = stores.sealing.access(&event.attributes.key.0).await?;
    let boundary = stores.boundary(Some(&subject));
    let mut opened = event.clone();
    let operation = &event.attributes.operation;
    let mut values = boundary.open_request(operation, &mut opened.data.request);
    let opening = Some((boundary, &mut values));
    let planned = planned_over(stores, &opened, held, state, opening).await?;
    Ok(match planned {
        Ok(mut plan) => match boundary.seal_plan(&mut plan, &values) {
            Ok(()) => Ok(plan),
            Err(erased) => Err(erased.to_string()),
        },
        Err(mut why) => {
            mask_values(&mut why, &values);
            Err(why)
        }
    })
}

/// Plans over what is sealed as it is opened; the values are kept, so that no message shows them.
async fn planned_over(
    stores: PreviewStores<'_>,
    event: &Transaction,
    held: &Position,
    state: &mut ReadState<'_>,
    mut opening: Option<(SealedBoundary<'_>, &mut Vec<String>)>,
) -> Result<Result<Plan, String>, ReplayError> {
    let first = |operation: &Operation| operation.needs(event);
    let (operation, mut needs) = match stores.catalog.of(event) {
        Ok(operation) => match first(operation) {
            Ok(needs) => (operation, needs),
            Err(error) => return Ok(Err(error.to_string())),
        },
        Err(error) => return Ok(Err(error.to_string())),
    };
    for _ in 0..ROUNDS {
        if let Some((boundary, _)) = &opening {
            boundary.store_keys(&mut needs);
        }
        state.read_needs(stores.record, &needs, held).await?;
        // The worker guards itself as well: what makes planning panic is a dead letter of its own.
        let planned = catch_unwind(AssertUnwindSafe(|| match &mut opening {
            Some((boundary, values)) => {
                let opened = OpenedState::new(&*state, *boundary);
                let planned = operation.plan(event, &opened);
                values.extend(opened.into_values());
                planned
            }
            None => operation.plan(event, state),
        }));
        match planned {
            Ok(Ok(Planned::Plan(plan))) => return Ok(Ok(*plan)),
            Ok(Ok(Planned::Unread(more))) => needs = more,
            Ok(Err(error)) => return Ok(Err(error.to_string())),
            Err(_) => return Ok(Err("planning panics".to_owned())),
        }
    }
    Ok(Err("the plan never has all that it reads".to_owned()))
}

/// What the view's mapping would not take, as far as can be known.
async fn find_unmappable(
    stores: PreviewStores<'_>,
    collections: &PreviewCollections,
    plan: &Plan,
) -> Result<Option<String>, ReplayError> {
    for change in &plan.documents {
        let key = &change.key;
        let read;
        let found = match collections.get(&[key.index.clone(), key.collection.clone()]) {
            Some(found) => found,
            None => {
                let found = stores.record.collection(&key.index, &key.collection);
                read = found.await?;
                &read
            }
        };
        let found = found.as_ref();
        let Some(collection) = found.filter(|found| found.incarnation == key.incarnation) else {
            let missing = format!("there is no collection {}/{}", key.index, key.collection);
            return Ok(Some(missing));
        };
        if let (Some(view), Some(after)) = (stores.view, change.after.as_ref())
            && let Err(unmappable) = view.check(collection, &key.id, after)
        {
            return Ok(Some(unmappable.message));
        }
    }
    Ok(None)
}

/// Documents are in the record and in the view, rows in the record alone.
fn state_changes(
    stores: PreviewStores<'_>,
    plan: &Plan,
    state: &ReadState<'_>,
) -> Vec<StateChange> {
    let record = ("record", stores.record.name());
    let view = stores.view.map(|view| ("view", view.name()));
    let both = std::iter::once(record).chain(view);
    let documents = both.flat_map(|(role, store)| {
        plan.documents.iter().map(move |change| StateChange {
            role: role.to_owned(),
            store: store.to_owned(),
            name: change.key.to_string(),
            fields: document_fields(change),
        })
    });
    let rows = plan.rows.iter().map(|row| StateChange {
        role: record.0.to_owned(),
        store: record.1.to_owned(),
        name: row.key.to_string(),
        fields: row_fields(row, state.row(&row.key)),
    });
    documents.chain(rows).collect()
}

fn document_fields(change: &DocumentChange) -> Vec<FieldChange> {
    let parse = |raw: &event_schema::Raw| serde_json::from_str::<Value>(raw.get()).ok();
    let before = change.before.as_ref().and_then(parse);
    let after = change.after.as_ref().and_then(parse);
    field_differences(before.as_ref(), after.as_ref())
}

fn row_fields(row: &RowMutation, before: Option<Map<String, Value>>) -> Vec<FieldChange> {
    let mut after = match row.action {
        RowAction::Remove => return field_differences(before.map(Value::Object).as_ref(), None),
        RowAction::Put => Map::new(),
        RowAction::Merge => before.clone().unwrap_or_default(),
    };
    after.extend(row.cells.clone());
    after.retain(|_, value| !value.is_null());
    let (before, after) = (before.map(Value::Object), Value::Object(after));
    field_differences(before.as_ref(), Some(&after))
}

/// Each member that differs, objects looked into; a whole that comes or goes is told by all of its
/// members.
fn field_differences(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    collect_differences(String::new(), before, after, &mut fields);
    fields
}

fn collect_differences(
    field: String,
    before: Option<&Value>,
    after: Option<&Value>,
    fields: &mut Vec<FieldChange>,
) {
    if before == after {
        return;
    }
    let members = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned();
    let is_inside = |value: Option<&Value>| value.is_none_or(Value::is_object);
    if is_inside(before) && is_inside(after) {
        let (before, after) = (members(before), members(after));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let inside = format!("{field}/{escaped}");
            collect_differences(inside, before.get(name), after.get(name), fields);
        }
        return;
    }
    fields.push(FieldChange {
        field,
        before: before.cloned(),
        after: after.cloned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: Value, after: Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let some = |value: &Value| (!value.is_null()).then(|| value.clone());
        let (before, after) = (some(&before), some(&after));
        let fields = field_differences(before.as_ref(), after.as_ref());
        fields
            .into_iter()
            .map(|change| (change.field, change.before, change.after))
            .collect()
    }

    #[test]
    fn differences_are_told_field_by_field() {
        let change = |field: &str, before: Option<Value>, after: Option<Value>| {
            (field.to_owned(), before, after)
        };
        assert_eq!(
            told(
                json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1]}),
                json!({"a": 1, "b": {"c": 4, "e/f": 5}, "l": [1, 2]})
            ),
            [
                change("/b/c", Some(json!(2)), Some(json!(4))),
                change("/b/d", Some(json!(3)), None),
                change("/b/e~1f", None, Some(json!(5))),
                change("/l", Some(json!([1])), Some(json!([1, 2]))),
            ]
        );
        assert_eq!(
            told(Value::Null, json!({"a": 1})),
            [change("/a", None, Some(json!(1)))]
        );
        assert_eq!(
            told(json!({"a": {"b": 1}}), Value::Null),
            [change("/a/b", Some(json!(1)), None)]
        );
        assert_eq!(told(json!({"a": 1}), json!({"a": 1})), []);
    }
}
