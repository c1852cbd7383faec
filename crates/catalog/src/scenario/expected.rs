//! What a step says must be, held against what is; each difference as a sentence.

use super::{ScenarioStep, state::ScenarioState};
use crate::Catalog;
use event_schema::mutation::RowKey;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type KeptAnswers = BTreeMap<String, Value>;

/// The value with what was kept in the place of `${name}`; a text that is nothing else becomes what it
/// stands for, whatever that is.
pub(super) fn filled(value: &Value, kept: &KeptAnswers) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => filled_text(text, kept)?,
        Value::Array(items) => {
            let items = items.iter().map(|item| filled(item, kept));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(members) => Value::Object(filled_members(members, kept)?),
        other => other.clone(),
    })
}

pub(super) fn filled_members(
    members: &Map<String, Value>,
    kept: &KeptAnswers,
) -> Result<Map<String, Value>, String> {
    let filled = members.iter().map(|(name, value)| {
        let value = filled(value, kept)?;
        Ok((name.clone(), value))
    });
    filled.collect()
}

fn filled_text(text: &str, kept: &KeptAnswers) -> Result<Value, String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("`{text}`: a `${{` has no end"))?;
        let value = kept.get(name);
        let value = value.ok_or_else(|| format!("no step before keeps `{name}`"))?;
        if before.is_empty() && after.is_empty() && whole.is_empty() {
            return Ok(value.clone());
        }
        whole += before;
        match value.as_str() {
            Some(text) => whole += text,
            None => whole += &value.to_string(),
        }
        rest = after;
    }
    whole += rest;
    Ok(Value::String(whole))
}

/// Each wanted member is there as it is wanted; null stands for one that is not there.
pub(super) fn compare(
    what: &str,
    found: &Value,
    wanted: &Map<String, Value>,
) -> Result<(), String> {
    for (name, value) in wanted {
        let there = found.get(name).unwrap_or(&Value::Null);
        if there != value {
            return Err(format!("{what}: `{name}` is {there}, should be {value}"));
        }
    }
    Ok(())
}

/// Documents and rows as the step says that they are.
pub(super) fn check(
    catalog: &Catalog,
    state: &ScenarioState,
    step: &ScenarioStep,
    kept: &KeptAnswers,
) -> Result<(), String> {
    for (name, documents) in &step.documents {
        let place = name.split_once('/');
        let place = place.filter(|(index, collection)| catalog.owns_collection(index, collection));
        let (index, collection) =
            place.ok_or_else(|| format!("no operation owns a collection `{name}`"))?;
        for (id, wanted) in documents {
            let id = text_of(&filled_text(id, kept)?);
            let what = format!("document {name}/{id}");
            match (state.body(index, collection, &id), wanted) {
                (None, None) => {}
                (Some(body), None) => return Err(format!("{what} is {body}, should not be")),
                (None, Some(_)) => return Err(format!("{what} is not there")),
                (Some(body), Some(wanted)) => {
                    compare(&what, &body, &filled_members(wanted, kept)?)?;
                }
            }
        }
    }
    for (name, rows) in &step.rows {
        for row in rows {
            let (key, wanted) = row_key(catalog, name, filled_members(row, kept)?)?;
            let found = state.cells(&key);
            let found = found.ok_or_else(|| format!("row {key} is not there"))?;
            compare(&format!("row {key}"), &found.clone().into(), &wanted)?;
        }
    }
    for (name, rows) in &step.no_rows {
        for row in rows {
            let (key, _) = row_key(catalog, name, filled_members(row, kept)?)?;
            if let Some(cells) = state.cells(&key) {
                let cells = Value::Object(cells.clone());
                return Err(format!("row {key} is {cells}, should not be"));
            }
        }
    }
    Ok(())
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The key of a row, and the cells beside it.
fn row_key(
    catalog: &Catalog,
    name: &str,
    mut cells: Map<String, Value>,
) -> Result<(RowKey, Map<String, Value>), String> {
    let table = catalog.tables().iter();
    let table = table.clone().find(|table| table.name == name);
    let table = table.ok_or_else(|| format!("there is no table `{name}`"))?;
    let unknown = cells.keys().find(|column| table.column(column).is_none());
    if let Some(column) = unknown {
        return Err(format!("table `{name}` has no column `{column}`"));
    }
    let mut key = Map::new();
    for column in table.key() {
        let cell = cells.shift_remove(column);
        let cell = cell.ok_or_else(|| format!("a row of `{name}` needs its `{column}`"))?;
        key.insert(column.to_owned(), cell);
    }
    let table = name.to_owned();
    Ok((RowKey { table, key }, cells))
}
