//! What shows hits: sorts, highlights, inner hits, suggestions. Each may hold queries and scripts.

use super::{clause, refuse_ours, unsupported_clause};
use serde_json::Value;
use store::{StoreError, cell::join_pointer};

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
pub(super) fn allow_hits(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Value::Array(pages) = value {
        return pages
            .iter()
            .enumerate()
            .try_for_each(|(n, page)| allow_hits(page, &join_pointer(at, &n.to_string())));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let here = join_pointer(at, name);
        match name.as_str() {
            "sort" => allow_sort(value, &here)?,
            "highlight" => allow_highlight(value, &here)?,
            "collapse" => allow_collapse(value, &here)?,
            "fields" | "docvalue_fields" => allow_fields(value, &here)?,
            known if MEMBERS.contains(&known) => {}
            other => {
                return Err(unsupported_clause(
                    format!("`{other}` in inner hits"),
                    &here,
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn allow_anything(_: &Value, _: &str) -> Result<(), StoreError> {
    Ok(())
}

/// Names of fields, which may have a factor, or objects with a name in them: one, or an array.
pub(super) fn allow_fields(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Value::Array(items) = value {
        return items
            .iter()
            .enumerate()
            .try_for_each(|(n, field)| allow_fields(field, &join_pointer(at, &n.to_string())));
    }
    let name = value.get("field").unwrap_or(value).as_str();
    let name = name.and_then(|name| name.split('^').next());
    name.map_or(Ok(()), |name| refuse_ours(name, at))
}

/// Members that have the names of fields.
pub(super) fn names(value: &Value, at: &str) -> Result<(), StoreError> {
    let mut names = value.as_object().into_iter().flatten();
    names.try_for_each(|(name, _)| refuse_ours(name, &join_pointer(at, name)))
}

pub(super) fn allow_sort(value: &Value, at: &str) -> Result<(), StoreError> {
    match value {
        Value::Array(keys) => keys
            .iter()
            .enumerate()
            .try_for_each(|(n, key)| allow_sort(key, &join_pointer(at, &n.to_string()))),
        Value::Object(keys) => keys.iter().try_for_each(|(name, options)| {
            let here = join_pointer(at, name);
            if name == "_script" {
                return Err(unsupported_clause("sort by a script", &here));
            }
            refuse_ours(name, &here)?;
            if name == "_geo_distance" {
                names(options, &here)?;
            }
            options.get("nested").map_or(Ok(()), |options| {
                allow_nested(options, &join_pointer(&here, "nested"))
            })
        }),
        Value::String(name) => refuse_ours(name, at),
        _ => Ok(()),
    }
}

fn allow_nested(options: &Value, at: &str) -> Result<(), StoreError> {
    if let Some(filter) = options.get("filter") {
        clause::allow_query(filter, &join_pointer(at, "filter"))?;
    }
    options.get("nested").map_or(Ok(()), |inner| {
        allow_nested(inner, &join_pointer(at, "nested"))
    })
}

/// Highlights, whose own query may stand beside the fields and in each of them.
pub(super) fn allow_highlight(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Some(own) = value.get("highlight_query") {
        clause::allow_query(own, &join_pointer(at, "highlight_query"))?;
    }
    let here = join_pointer(at, "fields");
    match value.get("fields") {
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, some)| highlighted(some, &join_pointer(&here, &n.to_string()))),
        Some(all) => highlighted(all, &here),
        None => Ok(()),
    }
}

/// Fields by name, each with options of its own.
fn highlighted(all: &Value, at: &str) -> Result<(), StoreError> {
    for (name, field) in all.as_object().into_iter().flatten() {
        let here = join_pointer(at, name);
        refuse_ours(name, &here)?;
        if let Some(own) = field.get("highlight_query") {
            clause::allow_query(own, &join_pointer(&here, "highlight_query"))?;
        }
        if let Some(matched) = field.get("matched_fields") {
            allow_fields(matched, &join_pointer(&here, "matched_fields"))?;
        }
    }
    Ok(())
}

pub(super) fn allow_collapse(value: &Value, at: &str) -> Result<(), StoreError> {
    for (name, value) in value.as_object().into_iter().flatten() {
        let here = join_pointer(at, name);
        match name.as_str() {
            "inner_hits" => allow_hits(value, &here)?,
            "field" => allow_fields(value, &here)?,
            "max_concurrent_group_searches" => {}
            other => return Err(unsupported_clause(format!("collapse.{other}"), &here)),
        }
    }
    Ok(())
}

pub(super) fn allow_rescore(value: &Value, at: &str) -> Result<(), StoreError> {
    if let Value::Array(items) = value {
        return items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| allow_rescore(item, &join_pointer(at, &n.to_string())));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let here = join_pointer(at, name);
        match name.as_str() {
            "window_size" => {}
            "query" => {
                if let Some(wanted) = value.get("rescore_query") {
                    clause::allow_query(wanted, &join_pointer(&here, "rescore_query"))?;
                }
            }
            other => return Err(unsupported_clause(format!("rescore.{other}"), &here)),
        }
    }
    Ok(())
}

/// Suggestions of terms, phrases and completions; a phrase may not be held against a template.
pub(super) fn allow_suggest(value: &Value, at: &str) -> Result<(), StoreError> {
    for (name, suggester) in value.as_object().into_iter().flatten() {
        let at = join_pointer(at, name);
        for (member, value) in suggester.as_object().into_iter().flatten() {
            let here = join_pointer(&at, member);
            match member.as_str() {
                "phrase" if value.get("collate").is_some() => {
                    return Err(unsupported_clause(
                        "phrase.collate",
                        &join_pointer(&here, "collate"),
                    ));
                }
                "term" | "phrase" | "completion" => {
                    if let Some(field) = value.get("field") {
                        allow_fields(field, &join_pointer(&here, "field"))?;
                    }
                }
                "text" | "prefix" | "regex" => {}
                other => {
                    return Err(unsupported_clause(
                        format!("the suggester `{other}`"),
                        &here,
                    ));
                }
            }
        }
    }
    Ok(())
}
