//! What an operation looks up before its request is accepted: keys that have a unique value, rows and
//! documents, as the record has them now. Advice: what must hold in the end, the worker checks.

use super::Validator;
use crate::error::{Code, Problem};
use catalog::{LookUpSubject, Operation};
use event_schema::{
    decision::UniqueValue,
    mutation::{DocumentKey, RowKey},
};
use serde_json::{Map, Value};
use std::collections::HashMap;
use store::unique;

/// One answer for each subject that is one, in order; null where nothing is found.
pub(super) async fn find_subjects(
    validator: &Validator,
    operation: &Operation,
    subjects: &[Option<LookUpSubject>],
) -> Result<Vec<Value>, Problem> {
    let (mut values, mut rows, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    for subject in subjects.iter().flatten() {
        match validator.stored_subject(operation, subject.clone()) {
            LookUpSubject::OwnerOf(value) => values.push(value),
            LookUpSubject::Row(key) => rows.push(key),
            LookUpSubject::Document {
                index,
                collection,
                id,
            } => documents.push((index, collection, id)),
        }
    }
    // One look-up is about one kind of thing.
    let mut found = find_owners(validator, &values).await?;
    found.extend(read_rows(validator, &rows).await?);
    found.extend(read_documents(validator, documents).await?);
    Ok(found)
}

/// The id of the key that holds each value, without its kind.
async fn find_owners(validator: &Validator, values: &[UniqueValue]) -> Result<Vec<Value>, Problem> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let owners = unique::find_owners(validator.record.as_ref(), values).await?;
    let id = |key: &event_schema::id::EntityKey| {
        let id = key.0.split_once('/').map_or(&*key.0, |(_, id)| id);
        Value::from(id)
    };
    Ok(owners
        .iter()
        .map(|owner| owner.as_ref().map(id).unwrap_or_default())
        .collect())
}

/// Whole rows, key columns among the cells.
async fn read_rows(validator: &Validator, keys: &[RowKey]) -> Result<Vec<Value>, Problem> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = validator.record.rows(keys).await?;
    let whole = |(key, row): (&RowKey, Option<store::document::StoredRow>)| match row {
        Some(row) => {
            let mut cells: Map<String, Value> = key.key.clone();
            cells.extend(row.cells);
            Value::Object(cells)
        }
        None => Value::Null,
    };
    Ok(keys.iter().zip(found).map(whole).collect())
}

async fn read_documents(
    validator: &Validator,
    wanted: Vec<(String, String, String)>,
) -> Result<Vec<Value>, Problem> {
    let mut incarnations: HashMap<(String, String), String> = HashMap::new();
    let mut keys = Vec::with_capacity(wanted.len());
    for (index, collection, id) in wanted {
        let place = (index.clone(), collection.clone());
        let incarnation = match incarnations.get(&place) {
            Some(known) => known.clone(),
            None => {
                let found = validator.collections.get(&index, &collection).await?;
                incarnations.insert(place, found.incarnation.clone());
                found.incarnation.clone()
            }
        };
        keys.push(DocumentKey {
            index,
            collection,
            incarnation,
            id,
        });
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = validator.record.documents(&keys).await?;
    let body = |stored: Option<store::StoredDocument>| match stored.and_then(|stored| stored.body) {
        Some(body) => serde_json::from_str(body.get()).map_err(|error| {
            Problem::new(Code::Damaged, format!("a document cannot be read: {error}"))
        }),
        None => Ok(Value::Null),
    };
    found.into_iter().map(body).collect()
}
