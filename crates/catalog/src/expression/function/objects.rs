//! Objects: parts of them, several made one, members by names that are values themselves.

use super::{EvalError, Evaluated, Expr, Scope, as_text, wrong_type};
use serde_json::{Map, Value};

pub(super) fn without(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    select_members(scope, args, false)
}

pub(super) fn only(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    select_members(scope, args, true)
}

fn select_members(scope: &Scope<'_>, args: &[Expr], kept: bool) -> Evaluated {
    let Some(mut object) = object_value(scope, &args[0])? else {
        return Ok(None);
    };
    let names = scope.list(&args[1])?.unwrap_or_default();
    object.retain(|name, _| names.iter().any(|n| n.as_str() == Some(name)) == kept);
    Ok(Some(object.into()))
}

/// The later wins.
pub(super) fn merge(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut merged: Option<Map<String, Value>> = None;
    for arg in args {
        if let Some(next) = object_value(scope, arg)? {
            extend_object(merged.get_or_insert_default(), next);
        }
    }
    Ok(merged.map(Value::Object))
}

pub(super) fn extend_object(object: &mut Map<String, Value>, more: Map<String, Value>) {
    object.extend(more);
}

pub(super) fn get(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let (object, name) = (object_value(scope, &args[0])?, scope.text(&args[1])?);
    Ok(object
        .zip(name)
        .and_then(|(object, name)| object.get(&*name).cloned()))
}

/// The names of the members that are this value.
pub(super) fn names_where(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let Some(object) = object_value(scope, &args[0])? else {
        return Ok(None);
    };
    let wanted = scope.value(&args[1])?;
    let names = object
        .iter()
        .filter(|(_, value)| Some(*value) == wanted.as_ref());
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
        object.insert(name, value.clone());
    }
    Ok(Some(object.into()))
}

fn object_value(scope: &Scope<'_>, expr: &Expr) -> Result<Option<Map<String, Value>>, EvalError> {
    match scope.value(expr)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(wrong_type("an object", &other)),
    }
}
