//! Cells of rows: does a JSON value fit a column, and what is its one canonical form? Drivers write
//! and answer canonical cells, so that a row reads the same from every store. Pure; it must never
//! coerce text into numbers or guess.
//!
//! Canonical: timestamps are Unix milliseconds, doubles are JSON numbers with a fraction, sets are
//! sorted and without doubles; an empty set or map is no cell at all, an empty list is one.

use crate::schema::{ColumnType, Table};
use event_schema::mutation::{RowAction, RowKey, RowMutation};
use serde_json::{Map, Number, Value};

/// Why a value does not fit, and where: a JSON pointer into the row's cells (or its key).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pointer}`: {message}")]
pub struct Misfit {
    pub pointer: String,
    pub message: String,
}

/// A mutation that fits its table: canonical key values in the table's order, and canonical cells
/// (`None` clears one).
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    pub key: Vec<Value>,
    pub cells: Vec<(String, Option<Value>)>,
}

/// The longest text that a key column may have, in bytes.
pub const KEY_TEXT_LIMIT: usize = 65_535;

/// Checks a whole mutation against its table. Planning asks this before anything is decided;
/// drivers ask it again.
pub fn fit_mutation(table: &Table, mutation: &RowMutation) -> Result<Fitted, Misfit> {
    let key = fit_key(table, &mutation.key)?;
    let mut cells = Vec::with_capacity(mutation.cells.len());
    for (name, value) in &mutation.cells {
        let misfit = |message: String| Misfit {
            pointer: join_pointer("", name),
            message,
        };
        let column = table
            .column(name)
            .ok_or_else(|| misfit(format!("table `{}` has no such column", table.name)))?;
        if table.key().any(|key| key == name) {
            return Err(misfit("a key column is not a cell".to_owned()));
        }
        cells.push((
            name.clone(),
            canonical_value(&column.kind, value, &join_pointer("", name))?,
        ));
    }
    if mutation.action == RowAction::Remove {
        cells.clear();
    }
    Ok(Fitted { key, cells })
}

/// The key's values in the table's order, canonical.
pub fn fit_key(table: &Table, key: &RowKey) -> Result<Vec<Value>, Misfit> {
    let mut values = Vec::new();
    for name in table.key() {
        let at = join_pointer("", name);
        let misfit = |message: &str| Misfit {
            pointer: at.clone(),
            message: message.to_owned(),
        };
        let column = table
            .column(name)
            .ok_or_else(|| misfit("the table declares a key column that it does not have"))?;
        let value = key
            .key
            .get(name)
            .ok_or_else(|| misfit("the key lacks this column"))?;
        let value = canonical_value(&column.kind, value, &at)?
            .ok_or_else(|| misfit("a key column cannot be null or empty"))?;
        match &value {
            Value::String(text) if text.len() > KEY_TEXT_LIMIT => {
                return Err(misfit("a key column takes at most 65,535 bytes"));
            }
            Value::String(text)
                if text.is_empty()
                    && table.partition_key.len() == 1
                    && table.partition_key[0] == name =>
            {
                return Err(misfit("the partition key cannot be empty"));
            }
            _ => values.push(value),
        }
    }
    match key
        .key
        .keys()
        .find(|name| !table.key().any(|known| known == *name))
    {
        Some(extra) => Err(Misfit {
            pointer: join_pointer("", extra),
            message: format!("it is no key column of `{}`", table.name),
        }),
        None => Ok(values),
    }
}

/// The canonical form of a value in a column of this type; `None` is no cell (null, or an empty set
/// or map).
pub fn canonical_value(
    kind: &ColumnType,
    value: &Value,
    at: &str,
) -> Result<Option<Value>, Misfit> {
    if value.is_null() {
        return Ok(None);
    }
    let misfit = |expected: &str| Misfit {
        pointer: at.to_owned(),
        message: format!("{} is not {expected}", shown_value(value)),
    };
    let cell = match kind {
        ColumnType::Text => value
            .is_string()
            .then(|| value.clone())
            .ok_or_else(|| misfit("text"))?,
        ColumnType::Boolean => value
            .is_boolean()
            .then(|| value.clone())
            .ok_or_else(|| misfit("true or false"))?,
        ColumnType::Int => {
            let fits = value
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_ok());
            fits.then(|| value.clone())
                .ok_or_else(|| misfit("a whole number of 32 bits"))?
        }
        ColumnType::Bigint => value
            .as_i64()
            .map(Value::from)
            .ok_or_else(|| misfit("a whole number of 64 bits"))?,
        ColumnType::Double => {
            let number = value
                .as_f64()
                .filter(|number| number.is_finite())
                .and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| misfit("a number"))?)
        }
        ColumnType::Timestamp => Value::from(
            parse_millis(value).ok_or_else(|| misfit("a time (Unix milliseconds or RFC 3339)"))?,
        ),
        ColumnType::List(inner) => {
            Value::Array(fit_elements(inner, value, at)?.ok_or_else(|| misfit("a list"))?)
        }
        ColumnType::Set(inner) => {
            let mut members =
                fit_elements(inner, value, at)?.ok_or_else(|| misfit("a set (an array)"))?;
            members.sort_by(by_value);
            members.dedup();
            return Ok((!members.is_empty()).then_some(Value::Array(members)));
        }
        ColumnType::Map(inner) => {
            return fit_entries(inner, value, at)?
                .ok_or_else(|| misfit("a map (an object)"))
                .map(non_empty);
        }
    };
    Ok(Some(cell))
}

fn parse_millis(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => event_schema::codec::from_rfc3339(text),
        other => other.as_i64(),
    }
}

fn fit_elements(inner: &ColumnType, value: &Value, at: &str) -> Result<Option<Vec<Value>>, Misfit> {
    let Value::Array(items) = value else {
        return Ok(None);
    };
    let element = |(n, item): (usize, &Value)| {
        required_element(inner, item, &join_pointer(at, &n.to_string()))
    };
    items
        .iter()
        .enumerate()
        .map(element)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn fit_entries(
    inner: &ColumnType,
    value: &Value,
    at: &str,
) -> Result<Option<Map<String, Value>>, Misfit> {
    let Value::Object(map) = value else {
        return Ok(None);
    };
    let mut sorted: Vec<(&String, &Value)> = map.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let entry = |(name, item): (&String, &Value)| {
        Ok((
            name.clone(),
            required_element(inner, item, &join_pointer(at, name))?,
        ))
    };
    sorted
        .into_iter()
        .map(entry)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn required_element(inner: &ColumnType, item: &Value, at: &str) -> Result<Value, Misfit> {
    let absent = || Misfit {
        pointer: at.to_owned(),
        message: "a collection cannot hold null or an empty collection".to_owned(),
    };
    canonical_value(inner, item, at)?.ok_or_else(absent)
}

fn non_empty(map: Map<String, Value>) -> Option<Value> {
    (!map.is_empty()).then_some(Value::Object(map))
}

/// Members of one set are of one type; their order is the one row stores keep.
fn by_value(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a
                .as_f64()
                .partial_cmp(&b.as_f64())
                .unwrap_or(std::cmp::Ordering::Equal),
        },
        _ => a.to_string().cmp(&b.to_string()),
    }
}

/// A value in a message: never more than a glance.
pub(crate) fn shown_value(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `base` and one more member, as a JSON pointer.
pub fn join_pointer(base: &str, name: &str) -> String {
    format!("{base}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
