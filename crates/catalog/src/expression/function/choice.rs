//! Conditions, and values that hang on them.

use super::{
    EvalError, Evaluated, Expr, Picked, Scope, kind_of, known_value, numbers::number_less,
};
use serde_json::Value;
use std::collections::HashSet;

fn truth_value(holds: bool) -> Evaluated {
    Ok(Some(holds.into()))
}

/// The first that is neither absent nor null.
pub(super) fn default<'s>(scope: &Scope<'s>, args: &'s [Expr]) -> Picked<'s> {
    for arg in args {
        if let Some(value) = known_value(scope, arg)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

pub(super) fn branch<'s>(scope: &Scope<'s>, args: &'s [Expr]) -> Picked<'s> {
    let branch = if scope.holds(&args[0])? {
        args.get(1)
    } else {
        args.get(2)
    };
    branch.map_or(Ok(None), |expr| scope.find(expr))
}

pub(super) fn present(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    truth_value(known_value(scope, &args[0])?.is_some())
}

pub(super) fn absent(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    truth_value(known_value(scope, &args[0])?.is_none())
}

pub(super) fn blank(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    truth_value(match known_value(scope, &args[0])?.as_deref() {
        None => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    })
}

pub(super) fn equals(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    truth_value(scope.find(&args[0])? == scope.find(&args[1])?)
}

pub(super) fn less(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let (one, other) = (known_value(scope, &args[0])?, known_value(scope, &args[1])?);
    truth_value(match (one.as_deref(), other.as_deref()) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => number_less(a, b),
        (Some(Value::String(a)), Some(Value::String(b))) => a < b,
        (None, _) | (_, None) => false,
        (Some(a), Some(b)) => {
            return Err(EvalError(format!(
                "less: cannot compare {} with {}",
                kind_of(a),
                kind_of(b)
            )));
        }
    })
}

pub(super) fn not(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    truth_value(!scope.holds(&args[0])?)
}

pub(super) fn any(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    for arg in args {
        if scope.holds(arg)? {
            return truth_value(true);
        }
    }
    truth_value(false)
}

pub(super) fn all(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    for arg in args {
        if !scope.holds(arg)? {
            return truth_value(false);
        }
    }
    truth_value(true)
}

pub(super) fn within(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    truth_value(match (scope.find(&args[0])?, scope.list(&args[1])?) {
        (Some(value), Some(list)) => list.contains(&value),
        _ => false,
    })
}

pub(super) fn distinct(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut seen = HashSet::new();
    let list = scope.list(&args[0])?;
    truth_value(list.is_none_or(|list| list.iter().all(|value| seen.insert(value.to_string()))))
}
