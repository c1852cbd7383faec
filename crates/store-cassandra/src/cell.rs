//! Cells: canonical JSON values as Cassandra takes them, and back, by the column's type. Pure;
//! whether a value fits is [`store::cell`]'s to say.

use scylla::{
    cluster::metadata::ColumnType as CqlType,
    serialize::{
        SerializationError,
        value::SerializeValue,
        writers::{CellWriter, WrittenCellProof},
    },
    value::{CqlTimestamp, CqlValue},
};
use serde_json::{Map, Value};
use store::schema::ColumnType;

/// The longest that Cassandra lets a cell live, 20 years in seconds.
pub(crate) const LONGEST_TTL: i64 = 630_720_000;

/// A bound value. Text is borrowed: bodies are large.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Value(CqlValue),
    /// Clears the cell.
    Null,
    /// Leaves the cell as it is.
    Unset,
}

impl SerializeValue for Cell<'_> {
    fn serialize<'b>(
        &self,
        kind: &CqlType,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match self {
            Self::Text(text) => text.serialize(kind, writer),
            Self::Value(value) => value.serialize(kind, writer),
            Self::Null => Ok(writer.set_null()),
            Self::Unset => Ok(writer.set_unset()),
        }
    }
}

impl Cell<'_> {
    pub(crate) fn bigint(value: u64) -> Self {
        Self::Value(CqlValue::BigInt(value as i64))
    }

    pub(crate) fn timestamp(value: i64) -> Self {
        Self::Value(CqlValue::BigInt(value))
    }

    pub(crate) fn int(value: i32) -> Self {
        Self::Value(CqlValue::Int(value))
    }

    /// About how many bytes it takes on the wire.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 4,
            Self::Value(value) => value_size(value),
            Self::Null | Self::Unset => 4,
        }
    }

    /// Adds the bytes that tell this partition-key value from another.
    pub(crate) fn identify(&self, into: &mut Vec<u8>) {
        let bytes = match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Value(CqlValue::Text(text)) => text.as_bytes().to_vec(),
            Self::Value(CqlValue::BigInt(n)) => n.to_be_bytes().to_vec(),
            Self::Value(CqlValue::Int(n)) => n.to_be_bytes().to_vec(),
            Self::Value(other) => format!("{other:?}").into_bytes(),
            Self::Null | Self::Unset => Vec::new(),
        };
        into.extend((bytes.len() as u32).to_be_bytes());
        into.extend(bytes);
    }
}

fn value_size(value: &CqlValue) -> usize {
    4 + match value {
        CqlValue::Text(text) => text.len(),
        CqlValue::Blob(bytes) => bytes.len(),
        CqlValue::List(items) | CqlValue::Set(items) => items.iter().map(value_size).sum(),
        CqlValue::Map(pairs) => pairs
            .iter()
            .map(|(k, v)| value_size(k) + value_size(v))
            .sum(),
        _ => 8,
    }
}

/// A canonical JSON value ([`store::cell`]) as a column of this type takes it; `None` for one that
/// is not canonical.
pub(crate) fn to_cql(kind: &ColumnType, value: &Value) -> Option<CqlValue> {
    Some(match kind {
        ColumnType::Text => CqlValue::Text(value.as_str()?.to_owned()),
        ColumnType::Int => CqlValue::Int(i32::try_from(value.as_i64()?).ok()?),
        ColumnType::Bigint => CqlValue::BigInt(value.as_i64()?),
        ColumnType::Double => CqlValue::Double(value.as_f64()?),
        ColumnType::Boolean => CqlValue::Boolean(value.as_bool()?),
        ColumnType::Timestamp => CqlValue::Timestamp(CqlTimestamp(value.as_i64()?)),
        ColumnType::List(inner) => CqlValue::List(all_elements(inner, value)?),
        ColumnType::Set(inner) => CqlValue::Set(all_elements(inner, value)?),
        ColumnType::Map(inner) => {
            let entries = value
                .as_object()?
                .iter()
                .map(|(name, value)| Some((CqlValue::Text(name.clone()), to_cql(inner, value)?)));
            CqlValue::Map(entries.collect::<Option<_>>()?)
        }
    })
}

fn all_elements(inner: &ColumnType, items: &Value) -> Option<Vec<CqlValue>> {
    items
        .as_array()?
        .iter()
        .map(|item| to_cql(inner, item))
        .collect()
}

/// A cell as JSON; `None` for what JSON has no word for.
pub(crate) fn to_json(value: &CqlValue) -> Option<Value> {
    Some(match value {
        CqlValue::Text(text) | CqlValue::Ascii(text) => text.as_str().into(),
        CqlValue::Int(n) => (*n).into(),
        CqlValue::BigInt(n) => (*n).into(),
        CqlValue::SmallInt(n) => (*n).into(),
        CqlValue::TinyInt(n) => (*n).into(),
        CqlValue::Double(n) => Value::Number(serde_json::Number::from_f64(*n)?),
        CqlValue::Float(n) => Value::Number(serde_json::Number::from_f64(f64::from(*n))?),
        CqlValue::Boolean(b) => (*b).into(),
        CqlValue::Timestamp(at) => at.0.into(),
        CqlValue::Uuid(id) => id.to_string().into(),
        CqlValue::List(items) | CqlValue::Set(items) => items
            .iter()
            .map(to_json)
            .collect::<Option<Vec<_>>>()?
            .into(),
        CqlValue::Map(pairs) => {
            let members: Option<Map<_, _>> = pairs
                .iter()
                .map(|(key, value)| Some((key.as_text()?.clone(), to_json(value)?)))
                .collect();
            members?.into()
        }
        _ => return None,
    })
}

/// The type as `CREATE TABLE` takes it and as `system_schema.columns` shows it. Lists are frozen: a
/// list that is not doubles when the same write comes twice. What is inside another collection must
/// be frozen anyway.
pub(crate) fn cql_type(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Text => "text".to_owned(),
        ColumnType::Int => "int".to_owned(),
        ColumnType::Bigint => "bigint".to_owned(),
        ColumnType::Double => "double".to_owned(),
        ColumnType::Boolean => "boolean".to_owned(),
        ColumnType::Timestamp => "timestamp".to_owned(),
        ColumnType::List(inner) => format!("frozen<list<{}>>", nested_type(inner)),
        ColumnType::Set(inner) => format!("set<{}>", nested_type(inner)),
        ColumnType::Map(inner) => format!("map<text, {}>", nested_type(inner)),
    }
}

fn nested_type(kind: &ColumnType) -> String {
    let text = cql_type(kind);
    match kind {
        ColumnType::Set(_) | ColumnType::Map(_) => format!("frozen<{text}>"),
        ColumnType::List(_)
        | ColumnType::Text
        | ColumnType::Int
        | ColumnType::Bigint
        | ColumnType::Double
        | ColumnType::Boolean
        | ColumnType::Timestamp => text,
    }
}

/// The reverse of [`cql_type`]; `None` for a type that no catalog can ask for.
pub(crate) fn parse_type(text: &str) -> Option<ColumnType> {
    let text = text.trim();
    let inner = |prefix: &str| {
        text.strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix('>'))
    };
    Some(match text {
        "text" => ColumnType::Text,
        "int" => ColumnType::Int,
        "bigint" => ColumnType::Bigint,
        "double" => ColumnType::Double,
        "boolean" => ColumnType::Boolean,
        "timestamp" => ColumnType::Timestamp,
        _ => {
            if let Some(frozen) = inner("frozen<") {
                return parse_type(frozen);
            }
            if let Some(item) = inner("list<") {
                return Some(ColumnType::List(Box::new(parse_type(item)?)));
            }
            if let Some(item) = inner("set<") {
                return Some(ColumnType::Set(Box::new(parse_type(item)?)));
            }
            ColumnType::Map(Box::new(parse_type(inner("map<text, ")?)?))
        }
    })
}

#[cfg(test)]
mod tests;
