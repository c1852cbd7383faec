//! Texts made of texts.

use super::{EvalError, Evaluated, Expr, Scope, as_text};
use crate::expression::text as make;
use serde_json::Value;
use std::borrow::Cow;

fn map_text(scope: &Scope<'_>, args: &[Expr], make: impl Fn(&str) -> String) -> Evaluated {
    Ok(scope.text(&args[0])?.map(|text| make(&text).into()))
}

pub(super) fn lower(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_text(scope, args, str::to_lowercase)
}

pub(super) fn trim(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_text(scope, args, |text| text.trim().to_owned())
}

pub(super) fn slug(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_text(scope, args, make::make_slug)
}

pub(super) fn mask_email(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_text(scope, args, make::mask_email)
}

pub(super) fn mask_phone(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_text(scope, args, make::mask_phone)
}

pub(super) fn text(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(scope.find(&args[0])?.and_then(into_text).map(Value::from))
}

pub(super) fn concat(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(all_texts(scope, args)?.map(|parts| parts.concat().into()))
}

pub(super) fn sha256_join(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(all_texts(scope, args)?.map(|parts| make::sha256_join(&parts).into()))
}

/// Six digits that only the holder of the deployment's secret can make of these texts; absent where
/// there is no secret, as at the gateway.
pub(super) fn secret_digits(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(all_texts(scope, args)?
        .zip(scope.secret)
        .map(|(parts, keys)| make::secret_digits(keys, &parts).into()))
}

pub(super) fn join(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let (Some(list), Some(separator)) = (scope.list(&args[0])?, scope.text(&args[1])?) else {
        return Ok(None);
    };
    let parts: Vec<_> = list.iter().filter_map(as_text).collect();
    Ok(Some(parts.join(&separator).into()))
}

/// The parts between the separators, without spaces around them; empty ones are left out.
pub(super) fn split(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let (Some(text), Some(separator)) = (scope.text(&args[0])?, scope.text(&args[1])?) else {
        return Ok(None);
    };
    let parts = text.split(&*separator).map(str::trim);
    Ok(Some(
        parts
            .filter(|part| !part.is_empty())
            .map(Value::from)
            .collect(),
    ))
}

pub(super) fn csv(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(scope
        .text(&args[0])?
        .and_then(|text| make::parse_csv(&text))
        .map(Value::Array))
}

pub(super) fn csv_names(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(scope
        .text(&args[0])?
        .and_then(|text| make::csv_names(&text))
        .map(Value::from))
}

pub(super) fn json_text(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(scope.find(&args[0])?.map(|value| value.to_string().into()))
}

/// What the text says; absent where it is no JSON.
pub(super) fn parse_json(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    Ok(scope
        .text(&args[0])?
        .and_then(|text| serde_json::from_str(&text).ok()))
}

/// As `as_text`, of a value that need not stand anywhere.
fn into_text(value: Cow<'_, Value>) -> Option<Cow<'_, str>> {
    match value {
        Cow::Borrowed(value) => as_text(value),
        Cow::Owned(Value::String(text)) => Some(text.into()),
        Cow::Owned(value) => as_text(&value).map(|text| text.into_owned().into()),
    }
}

/// All texts, or `None` if one is absent.
fn all_texts<'s>(
    scope: &Scope<'s>,
    args: &'s [Expr],
) -> Result<Option<Vec<Cow<'s, str>>>, EvalError> {
    let mut parts = Vec::with_capacity(args.len());
    for arg in args {
        match scope.find(arg)?.and_then(into_text) {
            Some(part) => parts.push(part),
            None => return Ok(None),
        }
    }
    Ok(Some(parts))
}
