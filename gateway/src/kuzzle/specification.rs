//! Specifications: what the documents of a collection hold, as Kuzzle's clients declare it beside
//! the mapping. Read whole and without doubt before they stand; a document is held against them
//! where Kuzzle does so. Pure: it knows no store.

mod check;
mod kind;
mod read;

pub(super) use check::{SpecificationFault, shown_findings};

use kind::FieldType;
use matching::Filter;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a collection's documents must be.
#[derive(Debug)]
pub(super) struct Specification {
    strict: bool,
    fields: SpecifiedFields,
    validators: Option<Filter>,
}

type SpecifiedFields = BTreeMap<String, SpecifiedField>;

#[derive(Debug)]
struct SpecifiedField {
    /// From the document's root.
    path: Vec<String>,
    kind: FieldType,
    mandatory: bool,
    default: Option<Value>,
    /// How many values it holds, if it holds many.
    many: Option<ElementCount>,
    children: SpecifiedFields,
}

#[derive(Clone, Copy, Debug, Default)]
struct ElementCount {
    least: Option<u64>,
    most: Option<u64>,
}

impl Specification {
    /// All that is wrong with it, or the specification.
    pub(super) fn read(value: &Value, place: &str) -> Result<Self, Vec<String>> {
        read::read_specification(value, place)
    }

    /// Puts in what a document lacks; only what is null where it is changed. True if it differs.
    pub(super) fn complete(&self, document: &mut Map<String, Value>, changes: bool) -> bool {
        complete_fields(&self.fields, document, changes)
    }
}

fn complete_fields(
    fields: &SpecifiedFields,
    document: &mut Map<String, Value>,
    changes: bool,
) -> bool {
    let mut differs = false;
    for (name, field) in fields {
        match document.get_mut(name) {
            Some(Value::Object(inner)) if !field.children.is_empty() => {
                differs |= complete_fields(&field.children, inner, changes);
            }
            Some(Value::Array(list)) if !field.children.is_empty() => {
                for inner in list.iter_mut().filter_map(Value::as_object_mut) {
                    differs |= complete_fields(&field.children, inner, changes);
                }
            }
            given => {
                let lacks = given.as_ref().map_or(!changes, |value| value.is_null());
                if let Some(default) = field.default.as_ref().filter(|_| lacks) {
                    document.insert(name.clone(), default.clone());
                    differs = true;
                }
            }
        }
    }
    differs
}

#[cfg(test)]
mod tests;
