//! What an update changed, as names: the leaves that differ between two documents. Pure.

use serde_json::Value;

/// Dotted names, in the order of the documents.
pub(crate) fn changed_fields(before: &Value, after: &Value) -> Vec<String> {
    let mut names = Vec::new();
    compare_values("", Some(before), Some(after), &mut names);
    names
}

fn compare_values(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    names: &mut Vec<String>,
) {
    let objects = (
        before.and_then(Value::as_object),
        after.and_then(Value::as_object),
    );
    match (before, after) {
        (Some(one), Some(other)) if one == other => {}
        // A leaf that became an object, or an object that became a leaf, is a leaf that changed.
        (Some(_), Some(_)) if objects.0.is_none() || objects.1.is_none() => {
            names.push(path.to_owned())
        }
        (None, None) => {}
        (None, Some(only)) | (Some(only), None)
            if only.as_object().is_none_or(serde_json::Map::is_empty) =>
        {
            names.push(path.to_owned())
        }
        (Some(_) | None, Some(_) | None) => {
            let (old, new) = objects;
            let kept = new
                .into_iter()
                .flatten()
                .map(|(name, value)| (name, old.and_then(|old| old.get(name)), Some(value)));
            let gone = old
                .into_iter()
                .flatten()
                .filter(|(name, _)| !new.is_some_and(|new| new.contains_key(*name)));
            let gone = gone.map(|(name, value)| (name, Some(value), None));
            for (name, before, after) in kept.chain(gone) {
                match path {
                    "" => compare_values(name, before, after, names),
                    path => compare_values(&format!("{path}.{name}"), before, after, names),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
