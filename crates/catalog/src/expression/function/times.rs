//! Times as texts, and which of them is the later.

use super::{Evaluated, Expr, Scope, wrong_type};
use crate::expression::text as make;
use serde_json::Value;

pub(super) fn sunbird_time(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_time(scope, args, make::sunbird_time)
}

pub(super) fn date(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_time(scope, args, make::utc_date)
}

pub(super) fn rfc3339(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    map_time(scope, args, event_schema::codec::rfc3339)
}

/// The text that stands for the latest moment, as it was written; what is absent or no time does
/// not count.
pub(super) fn latest(scope: &Scope<'_>, args: &[Expr]) -> Evaluated {
    let mut latest: Option<(i64, String)> = None;
    for arg in args {
        let Some(text) = scope.text(arg)? else {
            continue;
        };
        let Some(millis) = make::sunbird_millis(&text) else {
            continue;
        };
        if latest.as_ref().is_none_or(|(known, _)| *known < millis) {
            latest = Some((millis, text.into_owned()));
        }
    }
    Ok(latest.map(|(_, text)| text.into()))
}

fn map_time(scope: &Scope<'_>, args: &[Expr], make: impl Fn(i64) -> String) -> Evaluated {
    match scope.find(&args[0])?.as_deref() {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(millis) => Ok(Some(make(millis).into())),
            None => Err(wrong_type("a time in milliseconds", value)),
        },
    }
}
