//! Changes to a JSON object made on its text: objects are merged member by member, anything else is
//! replaced whole. What a change does not touch keeps its order, its number text and its spelling
//! to the byte, because it is never parsed.

use crate::members::{Members, push_name};
use event_schema::Raw;
use json_text::JsonText;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// Objects nest at most this deep in a merge, so that no text can exhaust the stack.
pub(crate) const DEPTH: usize = 100;

/// Why two objects cannot be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MergeError {
    #[error("objects nest more than {DEPTH} levels deep")]
    TooDeep,
    #[error("only objects can be merged")]
    NotAnObject,
}

/// `base` with `changes` merged into it, deeply.
pub(crate) fn merge_deep(base: &RawValue, changes: &RawValue) -> Result<Raw, MergeError> {
    let (base, changes) = (JsonText::from(base), JsonText::from(changes));
    if !is_object(base) || !is_object(changes) {
        return Err(MergeError::NotAnObject);
    }
    let mut out = String::with_capacity(base.get().len() + changes.get().len());
    merge_into(&mut out, base, changes, 0)?;
    finish_object(out)
}

fn merge_into(
    out: &mut String,
    base: JsonText<'_>,
    changes: JsonText<'_>,
    depth: usize,
) -> Result<(), MergeError> {
    if depth >= DEPTH {
        return Err(MergeError::TooDeep);
    }
    let base = parse_members(base)?;
    let changes = parse_members(changes)?;
    let mut pending = last_of_each(&changes);
    out.push('{');
    let mut old = last_of_each(&base);
    for member in &base.0 {
        // Of equal names the last counts, at the place of the first.
        let Some(old) = old.remove(member.name.as_ref()) else {
            continue;
        };
        push_name(out, &member.name);
        match pending.remove(member.name.as_ref()) {
            None => out.push_str(old.get()),
            Some(change) if is_object(old) && is_object(change) => {
                merge_into(out, old, change, depth + 1)?
            }
            Some(change) => out.push_str(change.get()),
        }
    }
    for member in &changes.0 {
        if let Some(new) = pending.remove(member.name.as_ref()) {
            push_name(out, &member.name);
            out.push_str(new.get());
        }
    }
    out.push('}');
    Ok(())
}

fn last_of_each<'m>(members: &'m Members<'_>) -> HashMap<&'m str, JsonText<'m>> {
    members
        .0
        .iter()
        .map(|member| (member.name.as_ref(), member.raw))
        .collect()
}

/// `base` without the members that these dotted paths name. A member whose own name is the rest of
/// a path goes first; else the path leads on at its first dot. Paths that lead nowhere, or through
/// anything but objects, change nothing.
pub(crate) fn remove_paths(base: &RawValue, paths: &[&str]) -> Result<Raw, MergeError> {
    let base = JsonText::from(base);
    if !is_object(base) {
        return Err(MergeError::NotAnObject);
    }
    let mut out = String::with_capacity(base.get().len());
    without_into(&mut out, base, paths, 0)?;
    finish_object(out)
}

fn without_into(
    out: &mut String,
    base: JsonText<'_>,
    paths: &[&str],
    depth: usize,
) -> Result<(), MergeError> {
    if depth >= DEPTH {
        return Err(MergeError::TooDeep);
    }
    let members = parse_members(base)?;
    let names: HashSet<&str> = members
        .0
        .iter()
        .map(|member| member.name.as_ref())
        .collect();
    let (gone, ways): (HashSet<&str>, Vec<&str>) = {
        let (gone, ways): (Vec<&str>, Vec<&str>) =
            paths.iter().partition(|path| names.contains(**path));
        (gone.into_iter().collect(), ways)
    };
    let mut deeper: HashMap<&str, Vec<&str>> = HashMap::new();
    for (first, rest) in ways.iter().filter_map(|path| path.split_once('.')) {
        deeper.entry(first).or_default().push(rest);
    }
    out.push('{');
    for member in members
        .0
        .iter()
        .filter(|member| !gone.contains(member.name.as_ref()))
    {
        push_name(out, &member.name);
        match deeper.get(member.name.as_ref()) {
            Some(rest) if is_object(member.raw) => without_into(out, member.raw, rest, depth + 1)?,
            Some(_) | None => out.push_str(member.raw.get()),
        }
    }
    out.push('}');
    Ok(())
}

pub(crate) fn is_object(text: JsonText<'_>) -> bool {
    text.get().starts_with('{')
}

fn parse_members(text: JsonText<'_>) -> Result<Members<'_>, MergeError> {
    Members::parse(text.get()).map_err(|_| MergeError::NotAnObject)
}

fn finish_object(text: String) -> Result<Raw, MergeError> {
    RawValue::from_string(text)
        .map(Raw::from)
        .map_err(|_| MergeError::NotAnObject)
}

#[cfg(test)]
mod tests;
