//! The `write` list of a definition: targets, what is done to them, and that everything is written
//! under the one key that owns it.

use super::{ACCEPTED, Surroundings, allowed_expr, compile_body};
use crate::{
    definition::{DocumentTarget, RowTarget, WriteDefinition},
    expression::{Expr, Names, Reach, did_you_mean},
    generate::Generator,
    operation::{Action, Target, Write},
    vocabulary::Expect,
};
use serde_json::Value;
use std::sync::Arc;

/// What a write may refer to.
pub(super) struct Place<'a> {
    pub names: &'a Names<'a>,
    /// The kinds of keys that the operation's key may be of.
    pub owners: &'a [String],
    pub surroundings: &'a Surroundings,
    pub generators: &'a [Generator],
}

/// What each write is called; the first document is `document` unless it or another is called
/// something else.
pub(super) fn write_names(definitions: &[WriteDefinition]) -> Result<Vec<Option<String>>, String> {
    let mut names: Vec<Option<String>> = Vec::with_capacity(definitions.len());
    let mut first = true;
    for (n, write) in definitions.iter().enumerate() {
        let name = match (&write.name, &write.document) {
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

/// All of them, each by its name.
pub(super) fn compile_writes(
    definitions: &[WriteDefinition],
    names: &[Option<String>],
    place: &Place<'_>,
) -> Result<Vec<Write>, String> {
    let numbered = definitions.iter().zip(names).enumerate();
    let compiled = numbered.map(|(n, (write, name))| {
        compile_write(write, name.clone(), place).map_err(|e| format!("write[{n}]: {e}"))
    });
    compiled.collect()
}

fn compile_write(
    definition: &WriteDefinition,
    name: Option<String>,
    place: &Place<'_>,
) -> Result<Write, String> {
    let item = if definition.for_each.is_some() {
        Reach::ITEM
    } else {
        Reach::default()
    };
    let named = ACCEPTED.and(item).and(Reach::CURRENT);
    let late = named.and(Reach::BEFORE);
    let parse = |value: &Option<Value>, field: &str, allowed: Reach| {
        let parse = |value: &Value| {
            place
                .names
                .parse(value)
                .and_then(|expr| allowed_expr(&expr, place.names, allowed))
        };
        value
            .as_ref()
            .map(|value| parse(value).map_err(|e| format!("{field}: {e}")))
            .transpose()
    };
    let when = parse(&definition.when, "when", late)?;
    let (target, owners) = match (&definition.document, &definition.row) {
        (Some(document), None) => {
            let owner = owner_of_document(document, place.surroundings)
                .map_err(|e| format!("document: {e}"))?;
            let target =
                document_target(document, named, place).map_err(|e| format!("document: {e}"))?;
            (target, Vec::from_iter(owner))
        }
        (None, Some(row)) => row_target(row, named, place).map_err(|e| format!("row: {e}"))?,
        _ => return Err("is about either a document or a row".into()),
    };
    check_owner(&owners, &target, place)?;
    let for_each = parse(
        &definition.for_each,
        "for_each",
        ACCEPTED.and(Reach::CURRENT),
    )?;
    let action = compile_action(definition, late, place)?;
    check_together(definition, &target, &action)?;
    let whence = target
        .exprs()
        .chain(&for_each)
        .fold(Reach::default(), |sum, expr| {
            sum.and(place.names.reach(expr))
        });
    let is_late = whence.has(Reach::CURRENT);
    let known = if is_late { named } else { ACCEPTED.and(item) };
    Ok(Write {
        name,
        when_early: when
            .as_ref()
            .is_none_or(|when| place.names.reach(when).within(known)),
        late: is_late,
        owners,
        for_each,
        expires: parse(&definition.expires, "expires", late)?,
        is_shown: false,
        sees_before: sees_before(definition),
        expect: definition.expect,
        when,
        target,
        action,
    })
}

/// Found in its text: a mention too many costs a parse, no more.
fn sees_before(definition: &WriteDefinition) -> bool {
    serde_json::to_string(definition).is_ok_and(|text| text.contains("$before"))
}

/// Whose a document is, where its collection is a constant.
fn owner_of_document(
    target: &DocumentTarget,
    surroundings: &Surroundings,
) -> Result<Option<String>, String> {
    let (Some(index), Some(collection)) = (
        constant_text(&target.index),
        constant_text(&target.collection),
    ) else {
        return Ok(None);
    };
    let known = &surroundings.collections;
    let owner = known.get(&(index.to_owned(), collection.to_owned()));
    owner.cloned().map(Some).ok_or_else(|| {
        format!("no collection `{index}/{collection}` is declared under `collections`")
    })
}

pub(super) fn document_target(
    target: &DocumentTarget,
    allowed: Reach,
    place: &Place<'_>,
) -> Result<Target, String> {
    let parse = |value: &Value, field: &str, allowed: Reach| {
        place
            .names
            .parse(value)
            .and_then(|expr| allowed_expr(&expr, place.names, allowed))
            .map_err(|e| format!("{field}: {e}"))
    };
    Ok(Target::Document {
        index: parse(&target.index, "index", ACCEPTED)?,
        collection: parse(&target.collection, "collection", ACCEPTED)?,
        id: parse(&target.id, "id", allowed)?,
    })
}

fn constant_text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.starts_with('$'))
}

/// The row, and whose its table is.
pub(super) fn row_target(
    target: &RowTarget,
    allowed: Reach,
    place: &Place<'_>,
) -> Result<(Target, Vec<String>), String> {
    let tables = &place.surroundings.tables;
    let name = target.table.to_lowercase();
    let own = tables.get(&name).ok_or_else(|| {
        let hint = did_you_mean(&name, tables.keys().map(String::as_str));
        format!("no table `{name}` is declared under `tables`{hint}")
    })?;
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
            .and_then(|expr| allowed_expr(&expr, place.names, allowed))
            .map_err(|e| format!("key.{column}: {e}"))?;
        key.push((column.to_owned(), expr));
    }
    let made_here = |expr: &Expr| {
        expr.generated_name()
            .is_some_and(|name| place.generators.iter().any(|g| g.name == name && g.is_id()))
    };
    let fresh = key.iter().any(|(_, expr)| made_here(expr));
    let target = Target::Row {
        table: Arc::new(own.table.clone()),
        key,
        fresh,
    };
    Ok((target, own.owners.clone()))
}

/// Every document and row has exactly one owning key.
fn check_owner(owners: &[String], target: &Target, place: &Place<'_>) -> Result<(), String> {
    let may = |of: &String| owners.contains(of);
    if owners.is_empty() || place.owners.iter().any(may) {
        return Ok(());
    }
    let key = if place.owners.is_empty() {
        "a path".to_owned()
    } else {
        place.owners.join(" or ")
    };
    Err(format!(
        "`{}` belongs to keys of `{}`, but the operation's key is {key}",
        target.name(),
        owners.join("` or `")
    ))
}

/// What is known late is found by what is known early: which document or row a write is about may
/// hang on the state of those that are known from the request alone.
pub(super) fn check_stages(
    writes: &mut [Write],
    names: &Names<'_>,
    lets: &[Expr],
) -> Result<(), String> {
    let late: Vec<String> = writes
        .iter()
        .filter(|write| write.late)
        .filter_map(|write| write.name.clone())
        .collect();
    let late_among = |expr: &Expr| {
        let mut found = Vec::new();
        names.currents(expr, lets, &mut found);
        let is_late = |name: &&str| late.iter().any(|late| late == name);
        found.into_iter().find(is_late).map(str::to_owned)
    };
    for (n, write) in writes
        .iter_mut()
        .enumerate()
        .filter(|(_, write)| write.late)
    {
        let mut exprs = write.target.exprs().chain(&write.for_each);
        if let Some(name) = exprs.find_map(late_among) {
            return Err(format!(
                "write[{n}]: which document or row it is about hangs on `$current/{name}`, which is itself only known late"
            ));
        }
        write.when_early &= write.when.iter().all(|when| late_among(when).is_none());
    }
    Ok(())
}

fn compile_action(
    definition: &WriteDefinition,
    late: Reach,
    place: &Place<'_>,
) -> Result<Action, String> {
    let part = |value: &Value, field: &str| {
        compile_body(value, place.names)
            .and_then(|expr| allowed_expr(&expr, place.names, late))
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
            .and_then(|expr| allowed_expr(&expr, place.names, late));
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
