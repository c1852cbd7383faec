//! Which members of a document a hit shows: patterns of dotted paths that are taken or left out. A
//! pattern that is met takes, or leaves out, all that is below.
//!
//! An index reads patterns in two ways, and so do we: if one that leaves out has a `*`, a `*` stands
//! for any letters, dots as well ([`letters`]); else for letters of one name ([`names`]).

mod letters;
mod names;

use super::{bad, unsupported};
use crate::classify::Failure;
use event_schema::Raw;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{StoreError, cell::join_pointer};

#[derive(Clone, Debug, Default)]
pub enum ShownSource {
    #[default]
    Whole,
    Nothing,
    ByNames(names::NameFilter),
    ByLetters(letters::LetterFilter),
}

impl ShownSource {
    pub fn read(value: Option<&Value>, at: &str) -> Result<Self, StoreError> {
        let (mut taken, mut left_out) = (Vec::new(), Vec::new());
        match value {
            None | Some(Value::Null | Value::Bool(true)) => return Ok(Self::Whole),
            Some(Value::Bool(false)) => return Ok(Self::Nothing),
            Some(Value::Object(members)) => {
                for (name, value) in members {
                    let here = join_pointer(at, name);
                    match name.as_str() {
                        "includes" | "include" => taken = read_patterns(value, &here)?,
                        "excludes" | "exclude" => left_out = read_patterns(value, &here)?,
                        _ => return Err(unsupported(format!("_source.{name}"), &here)),
                    }
                }
            }
            Some(names) => taken = read_patterns(names, at)?,
        }
        if taken.is_empty() && left_out.is_empty() {
            return Ok(Self::Whole);
        }
        if left_out.iter().any(|pattern| pattern.contains('*')) {
            return Ok(Self::ByLetters(letters::LetterFilter::new(
                &taken, &left_out,
            )));
        }
        Ok(Self::ByNames(names::NameFilter::new(&taken, &left_out)))
    }

    /// The document as it is shown; one of which nothing is shown is not read.
    pub fn of(
        &self,
        read: impl FnOnce() -> Result<Raw, StoreError>,
    ) -> Result<Option<Raw>, StoreError> {
        let damaged = |error: serde_json::Error| Failure::Damaged(error.to_string());
        let members = |source: &Raw| {
            serde_json::from_str::<Map<String, Value>>(source.get()).map_err(damaged)
        };
        let shown = match self {
            Self::Whole => return read().map(Some),
            Self::Nothing => return Ok(None),
            Self::ByNames(filter) => filter.document(&members(&read()?)?),
            Self::ByLetters(filter) => filter.document(&members(&read()?)?),
        };
        let shown = serde_json::value::to_raw_value(&shown).map_err(damaged)?;
        Ok(Some(Arc::from(shown)))
    }
}

fn read_patterns(value: &Value, at: &str) -> Result<Vec<String>, StoreError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(bad("a path must be a string", at)),
    };
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

#[cfg(test)]
mod tests;
