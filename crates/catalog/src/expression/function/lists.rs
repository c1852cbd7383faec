//! Lists: elements, sets, and elements that are told apart by one of their members.

use super::{Evaluated, Expr, Picked, Scope, known_value, named_member};
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(super) fn at<'s>(scope: &Scope<'s>, args: &'s [Expr]) -> Picked<'s> {
    let index = scope
        .find(&args[1])?
        .and_then(|index| index.as_u64())
        .and_then(|index| usize::try_from(index).ok());
    let (Some(list), Some(index)) = (scope.list(&args[0])?, index) else {
        return Ok(None);
    };
    Ok(match list {
        Cow::Borrowed(list) => list.get(index).map(Cow::Borrowed),
        Cow::Owned(list) => list.into_iter().nth(index).map(Cow::Owned),
    })
}

pub(super) fn count(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(scope.list(&args[0])?.map(|list| list.len().into()))
}

pub(super) fn as_list<'s>(scope: &Scope<'s>, args: &'s [Expr]) -> Picked<'s> {
    Ok(known_value(scope, &args[0])?.map(|value| {
        if value.is_array() {
            value
        } else {
            Cow::Owned(Value::Array(vec![value.into_owned()]))
        }
    }))
}

/// Every element once, at its first place.
pub(super) fn union(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut union: Vec<Value> = Vec::new();
    for arg in args {
        for value in scope.list(arg)?.unwrap_or_default().iter() {
            if !union.contains(value) {
                union.push(value.clone());
            }
        }
    }
    Ok(Some(union.into()))
}

/// The first list without what the second holds.
pub(super) fn difference(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let Some(list) = scope.list(&args[0])? else {
        return Ok(None);
    };
    let other = scope.list(&args[1])?.unwrap_or_default();
    let left = list.iter().filter(|value| !other.contains(value)).cloned();
    Ok(Some(left.collect()))
}

/// One list after the other.
pub(super) fn append(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut all: Vec<Value> = Vec::new();
    for arg in args {
        all.extend(scope.list(arg)?.unwrap_or_default().iter().cloned());
    }
    Ok(Some(all.into()))
}

/// Each of the new elements merged into the one with the same member, or put behind all others.
pub(super) fn put_in(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut list = scope.list(&args[0])?.unwrap_or_default().into_owned();
    let Some(name) = scope.text(&args[1])? else {
        return Ok(Some(list.into()));
    };
    for element in scope.list(&args[2])?.unwrap_or_default().iter() {
        let id = named_member(element, &name);
        let old = list
            .iter_mut()
            .find(|old| id.is_some() && named_member(old, &name) == id);
        match old {
            Some(old) => *old = merged_value(old, element),
            None => list.push(element.clone()),
        }
    }
    Ok(Some(list.into()))
}

fn merged_value(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut merged: Map<String, Value> = old.clone();
            merged.extend(new.clone());
            merged.into()
        }
        _ => new.clone(),
    }
}

/// The list without those elements whose member is one of the values.
pub(super) fn take_out(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let (Some(list), Some(name)) = (scope.list(&args[0])?, scope.text(&args[1])?) else {
        return Ok(None);
    };
    let values = scope.list(&args[2])?.unwrap_or_default();
    let left = list
        .iter()
        .filter(|element| {
            !named_member(element, &name).is_some_and(|member| values.contains(member))
        })
        .cloned();
    Ok(Some(left.collect()))
}
