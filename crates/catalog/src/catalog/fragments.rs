//! Values that several definitions share: `{$use: name}` becomes the value of that name, before
//! anything else is understood. What travels and is hashed is what comes out.

use super::CatalogError;
use crate::{definition::FileDefinition, expression::did_you_mean};
use serde_json::{Map, Value};

const USE: &str = "$use";
/// Fragments within fragments.
const DEPTH: usize = 20;

/// The files with every fragment in its place.
pub(super) fn expand_fragments(
    files: Vec<(String, FileDefinition)>,
) -> Result<Vec<(String, FileDefinition)>, CatalogError> {
    let mut fragments = Map::new();
    for (file, definition) in &files {
        for (name, value) in &definition.fragments {
            if fragments.insert(name.clone(), value.clone()).is_some() {
                return Err(CatalogError(format!(
                    "{file}: fragment `{name}` is declared twice"
                )));
            }
        }
    }
    let expand = |(file, mut definition): (String, FileDefinition)| {
        definition.fragments.clear();
        let told = |e: String| CatalogError(format!("{file}: {e}"));
        let value = serde_json::to_value(definition).map_err(|e| told(e.to_string()))?;
        let value = put_fragments(value, &fragments, 0).map_err(told)?;
        let definition = serde_json::from_value(value).map_err(|e| told(e.to_string()))?;
        Ok((file.clone(), definition))
    };
    files.into_iter().map(expand).collect()
}

fn put_fragments(
    value: Value,
    fragments: &Map<String, Value>,
    depth: usize,
) -> Result<Value, String> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| put_fragments(item, fragments, depth))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(members) => match members.get(USE) {
            Some(Value::String(name)) if members.len() == 1 => {
                let found = fragments.get(name).ok_or_else(|| {
                    let hint = did_you_mean(name, fragments.keys().map(String::as_str));
                    format!("there is no fragment `{name}`{hint}")
                })?;
                if depth >= DEPTH {
                    return Err(format!("the fragment `{name}` uses itself"));
                }
                put_fragments(found.clone(), fragments, depth + 1)
            }
            _ => members
                .into_iter()
                .map(|(name, member)| Ok((name, put_fragments(member, fragments, depth)?)))
                .collect::<Result<_, String>>()
                .map(Value::Object),
        },
        plain => Ok(plain),
    }
}
