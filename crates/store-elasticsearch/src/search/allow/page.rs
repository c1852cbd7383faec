//! What shows hits: sorts, highlights, inner hits, suggestions. Each may hold queries and scripts.

use super::{clause, refuse_ours, refused};
use serde_json::Value;
use store::{StoreError, cell::pointer};

/// Looks at the member of a search that stands at a pointer.
pub(super) type Check = fn(&Value, &str) -> Result<(), StoreError>;

const MEMBERS: [&str; 13] = [
    "_source",
    "collapse",
    "docvalue_fields",
    "explain",
    "fields",
    "from",
    "highlight",
    "ignore_unmapped",
    "name",
    "size",
    "sort",
    "track_scores",
    "version",
];

/// Hits inside of an answer, one page of them or an array of pages.
pub(super) fn hits(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Value::Array(pages) = value {
        return pages
            .iter()
            .enumerate()
            .try_for_each(|(n, page)| hits(page, &pointer(at, &n.to_string())));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let here = pointer(at, name);
        match name.as_str() {
            "sort" => sort(value, &here)?,
            "highlight" => highlight(value, &here)?,
            "collapse" => collapse(value, &here)?,
            "fields" | "docvalue_fields" => fields(value, &here)?,
            known if MEMBERS.contains(&known) => {}
            other => return Err(refused(format!("`{other}` in inner hits"), &here)),
        }
    }
    Ok(())
}

pub(super) fn plain(_: &Value, _: &str) -> Result<(), StoreError> {
    Ok(())
}

/// Names of fields, which may have a factor, or objects with a name in them: one, or an array.
pub(super) fn fields(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Value::Array(items) = value {
        return items
            .iter()
            .enumerate()
            .try_for_each(|(n, field)| fields(field, &pointer(at, &n.to_string())));
    }
    let name = value.get("field").unwrap_or(value).as_str();
    let name = name.and_then(|name| name.split('^').next());
    name.map_or(Ok(()), |name| refuse_ours(name, at))
}

/// Members that have the names of fields.
pub(super) fn names(value: &Value, at: &str) -> Result<(), StoreError> {
    let mut names = value.as_object().into_iter().flatten();
    names.try_for_each(|(name, _)| refuse_ours(name, &pointer(at, name)))
}

pub(super) fn sort(value: &Value, at: &str) -> Result<(), StoreError> {
    match value {
        Value::Array(keys) => keys
            .iter()
            .enumerate()
            .try_for_each(|(n, key)| sort(key, &pointer(at, &n.to_string()))),
        Value::Object(keys) => keys.iter().try_for_each(|(name, options)| {
            let here = pointer(at, name);
            if name == "_script" {
                return Err(refused("sort by a script", &here));
            }
            refuse_ours(name, &here)?;
            if name == "_geo_distance" {
                names(options, &here)?;
            }
            options
                .get("nested")
                .map_or(Ok(()), |options| nested(options, &pointer(&here, "nested")))
        }),
        Value::String(name) => refuse_ours(name, at),
        _ => Ok(()),
    }
}

fn nested(options: &Value, at: &str) -> Result<(), StoreError> {
    if let Some(filter) = options.get("filter") {
        clause::query(filter, &pointer(at, "filter"))?;
    }
    options
        .get("nested")
        .map_or(Ok(()), |inner| nested(inner, &pointer(at, "nested")))
}

/// Highlights, whose own query may stand beside the fields and in each of them.
pub(super) fn highlight(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Some(own) = value.get("highlight_query") {
        clause::query(own, &pointer(at, "highlight_query"))?;
    }
    let here = pointer(at, "fields");
    match value.get("fields") {
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, some)| highlighted(some, &pointer(&here, &n.to_string()))),
        Some(all) => highlighted(all, &here),
        None => Ok(()),
    }
}

/// Fields by name, each with options of its own.
fn highlighted(all: &Value, at: &str) -> Result<(), StoreError> {
    for (name, field) in all.as_object().into_iter().flatten() {
        let here = pointer(at, name);
        refuse_ours(name, &here)?;
        if let Some(own) = field.get("highlight_query") {
            clause::query(own, &pointer(&here, "highlight_query"))?;
        }
        if let Some(matched) = field.get("matched_fields") {
            fields(matched, &pointer(&here, "matched_fields"))?;
        }
    }
    Ok(())
}

pub(super) fn collapse(value: &Value, at: &str) -> Result<(), StoreError> {
    for (name, value) in value.as_object().into_iter().flatten() {
        let here = pointer(at, name);
        match name.as_str() {
            "inner_hits" => hits(value, &here)?,
            "field" => fields(value, &here)?,
            "max_concurrent_group_searches" => {}
            other => return Err(refused(format!("collapse.{other}"), &here)),
        }
    }
    Ok(())
}

pub(super) fn rescore(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Value::Array(items) = value {
        return items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| rescore(item, &pointer(at, &n.to_string())));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let here = pointer(at, name);
        match name.as_str() {
            "window_size" => {}
            "query" => {
                if let Some(wanted) = value.get("rescore_query") {
                    clause::query(wanted, &pointer(&here, "rescore_query"))?;
                }
            }
            other => return Err(refused(format!("rescore.{other}"), &here)),
        }
    }
    Ok(())
}

/// Suggestions of terms, phrases and completions; a phrase may not be held against a template.
pub(super) fn suggest(value: &Value, at: &str) -> Result<(), StoreError> {
    for (name, suggester) in value.as_object().into_iter().flatten() {
        let at = pointer(at, name);
        for (member, value) in suggester.as_object().into_iter().flatten() {
            let here = pointer(&at, member);
            match member.as_str() {
                "phrase" if value.get("collate").is_some() => {
                    return Err(refused("phrase.collate", &pointer(&here, "collate")));
                }
                "term" | "phrase" | "completion" => {
                    if let Some(field) = value.get("field") {
                        fields(field, &pointer(&here, "field"))?;
                    }
                }
                "text" | "prefix" | "regex" => {}
                other => return Err(refused(format!("the suggester `{other}`"), &here)),
            }
        }
    }
    Ok(())
}
