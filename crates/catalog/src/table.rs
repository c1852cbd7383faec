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

/// What a column does not take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ColumnMisfit {
    /// Where in the value, as a JSON pointer.
    pub at: String,
    /// Completes "column `x` …".
    pub why: String,
}

impl ColumnMisfit {
    /// The whole value.
    fn whole(why: impl Into<String>) -> Self {
        let (at, why) = (String::new(), why.into());
        Self { at, why }
    }

    fn within(self, element: usize) -> Self {
        let at = format!("/{element}{}", self.at);
        Self { at, ..self }
    }
}

/// Does the column take the value?
pub(crate) fn check_value(kind: &ColumnType, value: &Value) -> Result<(), ColumnMisfit> {
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
            let mut numbered = items.iter().enumerate();
            return numbered.try_for_each(|(n, item)| {
                check_element(of, item).map_err(|misfit| misfit.within(n))
            });
        }
        (ColumnType::Map(of), Value::Object(members)) => {
            // Names of members come from the request and may be sealed: the place ends at the map.
            let mut members = members.values();
            return members.try_for_each(|member| {
                check_element(of, member).map_err(|misfit| ColumnMisfit::whole(misfit.why))
            });
        }
        _ => false,
    };
    if taken {
        Ok(())
    } else {
        let not = crate::expression::kind_of(value);
        let why = format!("takes {}, not {not}", describe_type(kind));
        Err(ColumnMisfit::whole(why))
    }
}

/// Likewise, for what a collection holds: an empty set or map is no value there.
fn check_element(kind: &ColumnType, value: &Value) -> Result<(), ColumnMisfit> {
    let is_empty = match (kind, value) {
        (ColumnType::Set(_), Value::Array(items)) => items.is_empty(),
        (ColumnType::Map(_), Value::Object(members)) => members.is_empty(),
        _ => false,
    };
    if is_empty {
        let why = "holds an empty one, which no store keeps";
        return Err(ColumnMisfit::whole(why));
    }
    check_value(kind, value)
}

/// As [`check_value`], for a column of the primary key: neither empty nor longer than a store
/// keeps.
pub(crate) fn fits_key(kind: &ColumnType, value: &Value) -> Result<(), ColumnMisfit> {
    match value.as_str() {
        Some("") => Err(ColumnMisfit::whole(
            "is part of the key and must not be empty",
        )),
        Some(text) if text.len() > KEY_BYTES => Err(ColumnMisfit::whole(format!(
            "is part of the key and takes at most {KEY_BYTES} bytes"
        ))),
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
