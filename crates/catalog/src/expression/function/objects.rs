//! Objects: parts of them, several made one, members by names that are values themselves.

use super::{EvalError, Evaluated, Expr, Picked, Scope, as_text, known_value, wrong_type};
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(super) fn without(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    select_members(scope, args, false)
}

pub(super) fn only(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    select_members(scope, args, true)
}

fn select_members(scope: &Scope<'_>, args: &[Expr], kept: bool) -> Evaluated {
    let Some(object) = object_value(scope, &args[0])? else {
        return Ok(None);
    };
    let names = scope.list(&args[1])?.unwrap_or_default();
    let is_selected = |name: &str| names.iter().any(|n| n.as_str() == Some(name)) == kept;
    Ok(Some(match object {
        Cow::Borrowed(object) => {
            let selected = object.iter().filter(|(name, _)| is_selected(name));
            selected
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        }
        Cow::Owned(mut object) => {
            object.retain(|name, _| is_selected(name));
            object.into()
        }
    }))
}

/// The later wins.
pub(super) fn merge(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut merged: Option<Map<String, Value>> = None;
    for arg in args {
        let Some(next) = object_value(scope, arg)? else {
            continue;
        };
        match (&mut merged, next) {
            (None, next) => merged = Some(next.into_owned()),
            (Some(merged), Cow::Owned(next)) => merged.extend(next),
            (Some(merged), Cow::Borrowed(next)) => {
                let members = next.iter();
                merged.extend(members.map(|(name, value)| (name.clone(), value.clone())));
            }
        }
    }
    Ok(merged.map(Value::Object))
}

pub(super) fn get<'s>(scope: &Scope<'s>, args: &'s [Expr]) -> Picked<'s> {
    let (Some(object), Some(name)) = (object_value(scope, &args[0])?, scope.text(&args[1])?) else {
        return Ok(None);
    };
    Ok(match object {
        Cow::Borrowed(object) => object.get(&*name).map(Cow::Borrowed),
        Cow::Owned(mut object) => object.remove(&*name).map(Cow::Owned),
    })
}

/// The names of the members that are this value.
pub(super) fn names_where(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let Some(object) = object_value(scope, &args[0])? else {
        return Ok(None);
    };
    let wanted = scope.find(&args[1])?;
    let names = object
        .iter()
        .filter(|(_, value)| Some(*value) == wanted.as_deref());
    Ok(Some(names.map(|(name, _)| Value::from(&**name)).collect()))
}

/// An object of these names, each with the same value.
pub(super) fn object_of(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let Some(names) = scope.list(&args[0])? else {
        return Ok(None);
    };
    let value = scope.value(&args[1])?.unwrap_or_default();
    let mut object = Map::new();
    for name in names.iter() {
        let name = as_text(name).ok_or_else(|| wrong_type("a text", name))?;
        object.insert(name.into_owned(), value.clone());
    }
    Ok(Some(object.into()))
}

fn object_value<'s>(
    scope: &Scope<'s>,
    expr: &'s Expr,
) -> Result<Option<Cow<'s, Map<String, Value>>>, EvalError> {
    match known_value(scope, expr)? {
        None => Ok(None),
        Some(Cow::Borrowed(Value::Object(object))) => Ok(Some(Cow::Borrowed(object))),
        Some(Cow::Owned(Value::Object(object))) => Ok(Some(Cow::Owned(object))),
        Some(other) => Err(wrong_type("an object", &other)),
    }
}
