//! Mappings put on mappings that stand, as an index of Elasticsearch 8.19 does it: what is new
//! joins, what is there keeps its type and every parameter that cannot be changed, sub-fields that
//! are left out stay. What would change more is refused as a whole, with a pointer.

use super::{
    BadMapping, Mapping, bad_mapping, declaration,
    parameter::{self, Changes, Parameter},
};
use crate::cell::join_pointer;
use serde_json::{Map, Value};

/// Why mappings cannot be put on those that stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No index takes them, whatever stands.
    #[error(transparent)]
    Malformed(#[from] BadMapping),
    /// What stands cannot become what is asked.
    #[error("the field cannot be changed at `{}`: {}", .0.pointer, .0.message)]
    Fixed(BadMapping),
}

/// The mappings as they are afterwards.
pub fn put_mappings(
    standing: Option<&Value>,
    given: &Map<String, Value>,
    settings: Option<&Value>,
) -> Result<Value, ChangeError> {
    let given = expanded_top(given);
    let mut merged = match standing {
        Some(Value::Object(top)) => expanded_top(top),
        Some(_) | None => Map::new(),
    };
    // An alias may lead to what stands already: it is looked for in the whole, below.
    let mut alone = given.clone();
    if let Some(Value::Object(fields)) = alone.get_mut("properties") {
        without_aliases(fields);
    }
    Mapping::read(Some(&Value::Object(alone)), settings)?;
    for (name, value) in given {
        let stands = merged.get(&name);
        let is_fixed = match name.as_str() {
            "_source" => stands.is_some_and(|stands| *stands != value),
            "enabled" | "subobjects" => is_on(stands) != is_on(Some(&value)),
            _ => false,
        };
        if is_fixed {
            let why = format!("`{name}` cannot be changed");
            return Err(ChangeError::Fixed(bad_mapping(&format!("/{name}"), &why)));
        }
        match (name.as_str(), merged.get_mut("properties"), value) {
            ("properties", Some(Value::Object(known)), Value::Object(fields)) => {
                join_fields(known, fields, "/properties")?;
            }
            (_, _, value) => drop(merged.insert(name, value)),
        }
    }
    let merged = Value::Object(merged);
    Mapping::read(Some(&merged), settings)?;
    Ok(merged)
}

fn join_fields(
    known: &mut Map<String, Value>,
    given: Map<String, Value>,
    at: &str,
) -> Result<(), ChangeError> {
    for (name, field) in given {
        let here = join_pointer(at, &name);
        match (known.get_mut(&name), field) {
            (Some(Value::Object(stands)), Value::Object(field)) => {
                *stands = joined_field(stands, field, &here)?;
            }
            (_, field) => drop(known.insert(name, field)),
        }
    }
    Ok(())
}

/// A field that is there and is mapped again.
fn joined_field(
    stands: &Map<String, Value>,
    given: Map<String, Value>,
    at: &str,
) -> Result<Map<String, Value>, ChangeError> {
    let (was, is) = (
        declaration::field_type(stands, at)?,
        declaration::field_type(&given, at)?,
    );
    if was != is {
        let why = format!("it is of type `{was}` and cannot become `{is}`");
        return Err(ChangeError::Fixed(bad_mapping(&format!("{at}/type"), &why)));
    }
    if !parameter::is_listed(was) {
        // Only the index knows what may change.
        if *stands == given {
            return Ok(given);
        }
        let why = format!("a field of type `{was}` cannot be changed");
        return Err(ChangeError::Fixed(bad_mapping(at, &why)));
    }
    for parameter in parameter::parameters_of(was) {
        let (before, after) = (stands.get(parameter.name), given.get(parameter.name));
        // Objects keep what is not said anew.
        let kept =
            after.is_none() && (was == "object" || parameter.name == "synthetic_source_keep");
        if !kept && !may_change(parameter, before, after) {
            return Err(fixed_parameter(parameter.name, before, after, at));
        }
    }
    match was {
        "object" | "nested" => joined_object(stands, given, at),
        _ => joined_leaf(stands, given, at),
    }
}

fn may_change(parameter: &Parameter, before: Option<&Value>, after: Option<&Value>) -> bool {
    let (before, after) = (parameter.effective(before), parameter.effective(after));
    before == after
        || match parameter.changes {
            Changes::Freely => true,
            Changes::Never => false,
            Changes::Once => before.is_null(),
            Changes::Off => before == Value::Bool(true),
        }
}

fn fixed_parameter(
    name: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    at: &str,
) -> ChangeError {
    let shown = |value: Option<&Value>| {
        value.map_or_else(|| "its default".to_owned(), |value| value.to_string())
    };
    let why = format!(
        "`{name}` cannot be changed from {} to {}",
        shown(before),
        shown(after)
    );
    ChangeError::Fixed(bad_mapping(&join_pointer(at, name), &why))
}

/// A switch that is on unless it is said to be off.
fn is_on(switch: Option<&Value>) -> bool {
    switch.is_none_or(|value| *value != false && *value != "false")
}

/// An object keeps what is not said anew; its switches cannot be thrown.
fn joined_object(
    stands: &Map<String, Value>,
    given: Map<String, Value>,
    at: &str,
) -> Result<Map<String, Value>, ChangeError> {
    for switch in ["enabled", "subobjects"] {
        let given = given.get(switch);
        if given.is_some() && is_on(stands.get(switch)) != is_on(given) {
            return Err(fixed_parameter(switch, stands.get(switch), given, at));
        }
    }
    let mut merged = stands.clone();
    for (name, value) in given {
        match (name.as_str(), merged.get_mut("properties"), value) {
            ("properties", Some(Value::Object(known)), Value::Object(fields)) => {
                join_fields(known, fields, &format!("{at}/properties"))?;
            }
            (_, _, value) => drop(merged.insert(name, value)),
        }
    }
    Ok(merged)
}

/// A field is as it is given now, with the sub-fields that stand.
fn joined_leaf(
    stands: &Map<String, Value>,
    mut given: Map<String, Value>,
    at: &str,
) -> Result<Map<String, Value>, ChangeError> {
    let Some(Value::Object(known)) = stands.get("fields") else {
        return Ok(given);
    };
    let mut known = known.clone();
    if let Some(Value::Object(fields)) = given.remove("fields") {
        join_fields(&mut known, fields, &format!("{at}/fields"))?;
    }
    given.insert("fields".to_owned(), Value::Object(known));
    Ok(given)
}

fn without_aliases(fields: &mut Map<String, Value>) {
    fields.retain(|_, field| {
        if let Some(Value::Object(inner)) = field.get_mut("properties") {
            without_aliases(inner);
        }
        field.get("type").is_none_or(|kind| kind != "alias")
    });
}

fn expanded_top(top: &Map<String, Value>) -> Map<String, Value> {
    let mut top = top.clone();
    if let Some(Value::Object(fields)) = top.get("properties") {
        let fields = expanded_fields(fields);
        top.insert("properties".to_owned(), Value::Object(fields));
    }
    top
}

/// `a.b` is `b` within the object `a`, as an index shows it.
fn expanded_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, field) in fields {
        let mut field = field.clone();
        if let Some(Value::Object(inner)) = field.get("properties") {
            field["properties"] = Value::Object(expanded_fields(inner));
        }
        insert_field(&mut all, name, field);
    }
    all
}

fn insert_field(fields: &mut Map<String, Value>, name: &str, field: Value) {
    let Some((outer, inner)) = name.split_once('.').filter(|(outer, inner)| {
        !outer.trim().is_empty() && inner.split('.').all(|part| !part.trim().is_empty())
    }) else {
        fields.insert(name.to_owned(), field);
        return;
    };
    let around = fields
        .entry(outer)
        .or_insert_with(|| serde_json::json!({"properties": {}}));
    match around.get_mut("properties") {
        Some(Value::Object(within)) => insert_field(within, inner, field),
        // What stands around it is no object: named as it is, so that it is refused by its name.
        _ => drop(fields.insert(name.to_owned(), field)),
    }
}

#[cfg(test)]
mod tests;
