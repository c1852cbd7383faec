//! The `write` list of a definition: targets, what is done to them, and that everything is written
//! under the one key that owns it.

use super::{EARLY, Surroundings, allow, body};
use crate::{
    definition::{DocumentTarget, Expect, RowTarget, WriteDefinition},
    expression::{Expr, Names, Reach, did_you_mean},
    generate::Generator,
    operation::{Action, Target, Write},
};
use serde_json::Value;
use std::sync::Arc;

/// What a write may refer to.
pub(super) struct Place<'a> {
    pub names: &'a Names<'a>,
    /// The kind of the operation's key.
    pub owner: Option<&'a str>,
    pub surroundings: &'a Surroundings,
    pub generators: &'a [Generator],
}

/// What each write is called; the first document is `document` unless it or another is called
/// something else.
pub(super) fn names(definitions: &[WriteDefinition]) -> Result<Vec<Option<String>>, String> {
    let mut names: Vec<Option<String>> = Vec::with_capacity(definitions.len());
    let mut first = true;
    for (n, write) in definitions.iter().enumerate() {
        let name = match (&write.name, &write.document) {
            (Some(_), _) if write.for_each.is_some() => {
                return Err(format!(
                    "write[{n}]: what is written `for_each` has no one name"
                ));
            }
            (Some(name), _) => Some(name.clone()),
            (None, Some(_)) if first && write.for_each.is_none() => Some("document".to_owned()),
            (None, _) => None,
        };
        first &= write.document.is_none();
        if name.is_some() && names.contains(&name) {
            return Err(format!("write[{n}]: two writes have the same name"));
        }
        names.push(name);
    }
    Ok(names)
}

pub(super) fn write(
    definition: &WriteDefinition,
    name: Option<String>,
    place: &Place<'_>,
) -> Result<Write, String> {
    let item = if definition.for_each.is_some() {
        Reach::ITEM
    } else {
        Reach::default()
    };
    let early = EARLY.and(item);
    let late = early.and(Reach::CURRENT);
    let parse = |value: &Option<Value>, field: &str, allowed: Reach| {
        let parse = |value: &Value| {
            place
                .names
                .parse(value)
                .and_then(|expr| allow(&expr, place.names, allowed))
        };
        value
            .as_ref()
            .map(|value| parse(value).map_err(|e| format!("{field}: {e}")))
            .transpose()
    };
    let when = parse(&definition.when, "when", late)?;
    let target = match (&definition.document, &definition.row) {
        (Some(document), None) => {
            document_target(document, early, place).map_err(|e| format!("document: {e}"))?
        }
        (None, Some(row)) => row_target(row, early, place).map_err(|e| format!("row: {e}"))?,
        _ => return Err("is about either a document or a row".into()),
    };
    let action = action(definition, late, place)?;
    check_together(definition, &target, &action)?;
    Ok(Write {
        name,
        when_early: when
            .as_ref()
            .is_none_or(|when| place.names.reach(when).within(early)),
        for_each: parse(&definition.for_each, "for_each", EARLY)?,
        expires: parse(&definition.expires, "expires", late)?,
        looked_at: false,
        expect: definition.expect,
        when,
        target,
        action,
    })
}

fn document_target(
    target: &DocumentTarget,
    early: Reach,
    place: &Place<'_>,
) -> Result<Target, String> {
    let parse = |value: &Value, field: &str, allowed: Reach| {
        place
            .names
            .parse(value)
            .and_then(|expr| allow(&expr, place.names, allowed))
            .map_err(|e| format!("{field}: {e}"))
    };
    if let (Some(index), Some(collection)) = (constant(&target.index), constant(&target.collection))
    {
        let known = &place.surroundings.collections;
        let owner = known.get(&(index.to_owned(), collection.to_owned()));
        let owner = owner.ok_or_else(|| {
            format!("no collection `{index}/{collection}` is declared under `collections`")
        })?;
        check_owner(owner, &format!("{index}/{collection}"), place)?;
    }
    Ok(Target::Document {
        index: parse(&target.index, "index", super::ACCEPTED)?,
        collection: parse(&target.collection, "collection", super::ACCEPTED)?,
        id: parse(&target.id, "id", early)?,
    })
}

fn constant(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.starts_with('$'))
}

fn row_target(target: &RowTarget, early: Reach, place: &Place<'_>) -> Result<Target, String> {
    let tables = &place.surroundings.tables;
    let name = target.table.to_lowercase();
    let own = tables.get(&name).ok_or_else(|| {
        let hint = did_you_mean(&name, tables.keys().map(String::as_str));
        format!("no table `{name}` is declared under `tables`{hint}")
    })?;
    check_owner(&own.owner, &name, place)?;
    let given: Vec<(String, &Value)> = target
        .key
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    if let Some((extra, _)) = given
        .iter()
        .find(|(name, _)| !own.table.key().any(|key| key == name))
    {
        return Err(format!(
            "key: `{extra}` is no key column of `{name}`{}",
            did_you_mean(extra, own.table.key())
        ));
    }
    let mut key = Vec::with_capacity(given.len());
    for column in own.table.key() {
        let (_, value) = given
            .iter()
            .find(|(name, _)| name == column)
            .ok_or_else(|| format!("key: the key column `{column}` is missing"))?;
        let expr = place
            .names
            .parse(value)
            .and_then(|expr| allow(&expr, place.names, early))
            .map_err(|e| format!("key.{column}: {e}"))?;
        key.push((column.to_owned(), expr));
    }
    let made_here = |expr: &Expr| {
        expr.generated_name()
            .is_some_and(|name| place.generators.iter().any(|g| g.name == name && g.is_id()))
    };
    let fresh = key.iter().any(|(_, expr)| made_here(expr));
    Ok(Target::Row {
        table: Arc::new(own.table.clone()),
        key,
        fresh,
    })
}

/// Every document and row has exactly one owning key.
fn check_owner(owner: &str, what: &str, place: &Place<'_>) -> Result<(), String> {
    match place.owner == Some(owner) {
        true => Ok(()),
        false => Err(format!(
            "`{what}` belongs to keys of `{owner}`, but the operation's key is {}",
            place.owner.unwrap_or("a path")
        )),
    }
}

fn action(definition: &WriteDefinition, late: Reach, place: &Place<'_>) -> Result<Action, String> {
    let part = |value: &Value, field: &str| {
        body(value, place.names)
            .and_then(|expr| allow(&expr, place.names, late))
            .map_err(|e| format!("{field}: {e}"))
    };
    let mut actions = Vec::with_capacity(1);
    if let Some(value) = &definition.put {
        actions.push(Action::Put(part(value, "put")?));
    }
    if let Some(value) = &definition.merge {
        actions.push(Action::Merge(part(value, "merge")?));
    }
    if let Some(upsert) = &definition.upsert {
        let (changes, default) = (
            part(&upsert.changes, "upsert.changes")?,
            part(&upsert.default, "upsert.default")?,
        );
        let created = upsert.created.as_ref();
        let created = created.map(|created| part(created, "upsert.created"));
        actions.push(Action::Upsert {
            changes,
            default,
            created: created.transpose()?,
        });
    }
    if let Some(value) = &definition.remove_fields {
        let fields = place
            .names
            .parse(value)
            .and_then(|expr| allow(&expr, place.names, late));
        actions.push(Action::RemoveFields(
            fields.map_err(|e| format!("remove_fields: {e}"))?,
        ));
    }
    if definition.remove {
        actions.push(Action::Remove);
    }
    match (actions.pop(), actions.is_empty()) {
        (Some(action), true) => Ok(action),
        _ => Err("does exactly one of put, merge, upsert, remove_fields, remove".into()),
    }
}

fn check_together(
    definition: &WriteDefinition,
    target: &Target,
    action: &Action,
) -> Result<(), String> {
    match (target, action) {
        (Target::Row { .. }, Action::Upsert { .. } | Action::RemoveFields(_)) => {
            Err("a row takes put, merge or remove".into())
        }
        (Target::Document { .. }, _) if definition.expires.is_some() => {
            Err("expires: only rows expire".into())
        }
        (_, Action::Merge(_) | Action::RemoveFields(_) | Action::Remove)
            if definition.expect == Expect::Absent =>
        {
            Err("expect: what is absent can only be put".into())
        }
        (
            Target::Row { table, .. },
            Action::Put(Expr::Object(fields)) | Action::Merge(Expr::Object(fields)),
        ) => {
            let unknown = fields
                .iter()
                .map(|(name, _)| name.to_lowercase())
                .find(|name| table.column(name).is_none());
            let columns = table.columns.iter().map(|column| column.name.as_str());
            unknown.map_or(Ok(()), |name| {
                Err(format!(
                    "table `{}` has no column `{name}`{}",
                    table.name,
                    did_you_mean(&name, columns)
                ))
            })
        }
        (Target::Row { .. } | Target::Document { .. }, _) => Ok(()),
    }
}
