//! Tables as definitions declare them, and which JSON values their columns take. Names of tables
//! and columns are kept in lower case, as CQL keeps names without quotes.

use crate::definition::TableDefinition;
use event_schema::table::{Column, ColumnType, Table};
use serde_json::Value;

/// A table with the kinds of keys that own its rows.
#[derive(Clone, Debug)]
pub(crate) struct OwnTable {
    pub owners: Vec<String>,
    pub table: Table,
    /// No client reads its rows.
    pub is_hidden: bool,
}

/// Store's limit for one key column's text.
const KEY_BYTES: usize = 65_535;

pub(crate) fn compile_table(definition: &TableDefinition) -> Result<OwnTable, String> {
    let lower = |names: &[String]| {
        names
            .iter()
            .map(|name| name.to_lowercase())
            .collect::<Vec<_>>()
    };
    let mut columns: Vec<Column> = Vec::with_capacity(definition.columns.len());
    for (name, kind) in &definition.columns {
        let name = name.to_lowercase();
        if !is_name(&name) || columns.iter().any(|column| column.name == name) {
            return Err(format!(
                "columns.{name}: column names are of a-z, 0-9 and `_`, and differ in more than case"
            ));
        }
        let kind = kind.as_str().ok_or_else(|| {
            format!("columns.{name}: a type must be a string such as `text` or `list<text>`")
        })?;
        columns.push(Column {
            kind: parse_type(kind).map_err(|e| format!("columns.{name}: {e}"))?,
            name,
        });
    }
    let table = Table {
        name: definition.name.to_lowercase(),
        partition_key: lower(&definition.partition_key),
        clustering: lower(&definition.clustering),
        columns,
        indexes: lower(&definition.indexes),
    };
    if !is_name(&table.name) {
        return Err("name: table names are of a-z, 0-9 and `_`".into());
    }
    if table.partition_key.is_empty() {
        return Err("partition_key: names at least one column".into());
    }
    for name in table.key().chain(table.indexes.iter().map(String::as_str)) {
        let column = table
            .column(name)
            .ok_or_else(|| format!("there is no column `{name}`"))?;
        if matches!(
            column.kind,
            ColumnType::List(_) | ColumnType::Set(_) | ColumnType::Map(_)
        ) {
            return Err(format!("`{name}`: collections are neither key nor index"));
        }
    }
    Ok(OwnTable {
        owners: definition.owner.names().to_vec(),
        table,
        is_hidden: definition.hidden,
    })
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && name.len() <= 48
}

/// `text`, `list<text>`, `map<text>` (keys are always text), also nested.
pub(crate) fn parse_type(text: &str) -> Result<ColumnType, String> {
    let text = text.trim();
    let inner = |name: &str| {
        text.strip_prefix(name)
            .and_then(|rest| rest.trim().strip_prefix('<')?.strip_suffix('>'))
    };
    Ok(match text {
        "text" => ColumnType::Text,
        "int" => ColumnType::Int,
        "bigint" => ColumnType::Bigint,
        "double" => ColumnType::Double,
        "boolean" => ColumnType::Boolean,
        "timestamp" => ColumnType::Timestamp,
        _ => match (inner("list"), inner("set"), inner("map")) {
            (Some(of), ..) => ColumnType::List(Box::new(parse_type(of)?)),
            (_, Some(of), _) => ColumnType::Set(Box::new(parse_type(of)?)),
            (.., Some(of)) => ColumnType::Map(Box::new(parse_type(of)?)),
            _ => {
                return Err(format!(
                    "`{text}` is no type: text, int, bigint, double, boolean, timestamp, list<…>, set<…>, map<…>"
                ));
            }
        },
    })
}

/// Does the column take the value? `Err` completes "column `x` …".
pub(crate) fn check_value(kind: &ColumnType, value: &Value) -> Result<(), String> {
    let taken = match (kind, value) {
        (ColumnType::Text, Value::String(_)) | (ColumnType::Boolean, Value::Bool(_)) => true,
        (ColumnType::Int, Value::Number(n)) => n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        (ColumnType::Bigint, Value::Number(n)) => n.as_i64().is_some(),
        (ColumnType::Double, Value::Number(n)) => n.as_f64().is_some(),
        (ColumnType::Timestamp, Value::Number(n)) => n.as_i64().is_some(),
        (ColumnType::Timestamp, Value::String(text)) => {
            event_schema::codec::from_rfc3339(text).is_some()
        }
        (ColumnType::List(of) | ColumnType::Set(of), Value::Array(items)) => {
            return items.iter().try_for_each(|item| check_element(of, item));
        }
        (ColumnType::Map(of), Value::Object(members)) => {
            return members
                .values()
                .try_for_each(|member| check_element(of, member));
        }
        _ => false,
    };
    if taken {
        Ok(())
    } else {
        Err(format!(
            "takes {}, not {}",
            describe_type(kind),
            crate::expression::kind_of(value)
        ))
    }
}

/// Likewise, for what a collection holds: an empty set or map is no value there.
fn check_element(kind: &ColumnType, value: &Value) -> Result<(), String> {
    let is_empty = match (kind, value) {
        (ColumnType::Set(_), Value::Array(items)) => items.is_empty(),
        (ColumnType::Map(_), Value::Object(members)) => members.is_empty(),
        _ => false,
    };
    if is_empty {
        return Err("holds an empty one, which no store keeps".into());
    }
    check_value(kind, value)
}

/// As [`check_value`], for a column of the primary key: neither empty nor longer than a store
/// keeps.
pub(crate) fn fits_key(kind: &ColumnType, value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some("") => Err("is part of the key and must not be empty".into()),
        Some(text) if text.len() > KEY_BYTES => Err(format!(
            "is part of the key and takes at most {KEY_BYTES} bytes"
        )),
        Some(_) | None => check_value(kind, value),
    }
}

fn describe_type(kind: &ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "a text",
        ColumnType::Int => "a whole number of 32 bits",
        ColumnType::Bigint => "a whole number of 64 bits",
        ColumnType::Double => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Timestamp => "milliseconds or an RFC 3339 time",
        ColumnType::List(_) | ColumnType::Set(_) => "a list",
        ColumnType::Map(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
