//! Sums and bounds.

use super::{EvalError, Evaluated, Expr, Scope, wrong_type};
use serde_json::{Number, Value};

pub(super) fn add(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    fold_numbers(scope, args, add_numbers)
}

pub(super) fn minus(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    fold_numbers(scope, args, |a, b| match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.checked_sub(b).map(Number::from),
        _ => Number::from_f64(a.as_f64()? - b.as_f64()?),
    })
}

pub(super) fn greatest(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    fold_numbers(scope, args, |a, b| {
        Some(if number_less(a, b) { b } else { a }.clone())
    })
}

pub(super) fn least(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    fold_numbers(scope, args, |a, b| {
        Some(if number_less(b, a) { b } else { a }.clone())
    })
}

/// Of all numbers in a list; 0 where it is empty.
pub(super) fn sum(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let Some(list) = scope.list(&args[0])? else {
        return Ok(None);
    };
    let mut sum = Number::from(0);
    for value in list.iter() {
        let Value::Number(next) = value else {
            return Err(wrong_type("a number", value));
        };
        sum = add_numbers(&sum, next).ok_or_else(too_large)?;
    }
    Ok(Some(Value::Number(sum)))
}

fn add_numbers(a: &Number, b: &Number) -> Option<Number> {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.checked_add(b).map(Number::from),
        _ => Number::from_f64(a.as_f64()? + b.as_f64()?),
    }
}

fn fold_numbers(
    scope: &Scope<'_>,
    args: &[Expr],
    fold: impl Fn(&Number, &Number) -> Option<Number>,
) -> Evaluated {
    let mut sum: Option<Number> = None;
    for arg in args {
        match scope.find(arg)?.as_deref() {
            None | Some(Value::Null) => {}
            Some(Value::Number(next)) => {
                sum = match sum {
                    None => Some(next.clone()),
                    Some(before) => Some(fold(&before, next).ok_or_else(too_large)?),
                };
            }
            Some(other) => return Err(wrong_type("a number", other)),
        }
    }
    Ok(sum.map(Value::Number))
}

fn too_large() -> EvalError {
    EvalError("the number does not fit".into())
}

pub(super) fn number_less(a: &Number, b: &Number) -> bool {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a < b,
        _ => a.as_f64().unwrap_or(f64::NAN) < b.as_f64().unwrap_or(f64::NAN),
    }
}
