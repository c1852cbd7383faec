//! The grammar of clauses: an object of one field, its parameters in short or long form, counts of
//! what should match. Whatever is left over is refused, never dropped.

use super::{bad, unsupported};
use serde_json::{Map, Value};
use store::{StoreError, cell::join_pointer, mapping::is_metadata};

/// A clause's body as an object.
pub fn expect_object<'v>(
    value: &'v Value,
    clause: &str,
    at: &str,
) -> Result<&'v Map<String, Value>, StoreError> {
    value
        .as_object()
        .ok_or_else(|| bad(format!("`{clause}` expects an object"), at))
}

/// `{"field": …}`: the one member that is no parameter of the clause itself. Scores are not
/// reckoned here, so a boost changes nothing.
pub fn one_field<'v>(
    value: &'v Value,
    clause: &str,
    parameters: &[&str],
    at: &str,
) -> Result<(&'v str, &'v Value, String), StoreError> {
    let members = expect_object(value, clause, at)?;
    let mut fields = members
        .iter()
        .filter(|(name, _)| !parameters.contains(&name.as_str()) && name.as_str() != "boost");
    match (fields.next(), fields.next()) {
        (Some((name, _)), None) if name == "_name" => Err(unsupported(
            format!("{clause}.{name}"),
            &join_pointer(at, name),
        )),
        (Some((name, value)), None) if !is_metadata(name) || name == "_id" => {
            Ok((name, value, join_pointer(at, name)))
        }
        (Some((name, _)), None) => Err(unsupported(
            format!("{clause}.{name}"),
            &join_pointer(at, name),
        )),
        (None, _) => Err(bad(format!("`{clause}` names no field"), at)),
        (Some(_), Some((second, _))) => Err(bad(
            format!("`{clause}` takes one field, and here is `{second}` too"),
            &join_pointer(at, second),
        )),
    }
}

/// A parameter's value in short form (`"field": value`) or in long (`"field": {"value": value}`);
/// other members of the long form go to `rest`.
pub fn short_or_long<'v>(
    value: &'v Value,
    member: &str,
    clause: &str,
    at: &str,
    mut rest: impl FnMut(&'v str, &'v Value, String) -> Result<(), StoreError>,
) -> Result<&'v Value, StoreError> {
    let Value::Object(members) = value else {
        return Ok(value);
    };
    for (name, value) in members
        .iter()
        .filter(|(name, _)| name.as_str() != member && name.as_str() != "boost")
    {
        rest(name, value, join_pointer(at, name))?;
    }
    members
        .get(member)
        .ok_or_else(|| bad(format!("`{clause}` lacks `{member}`"), at))
}

/// How much a clause counts.
pub fn read_factor(value: &Value, at: &str) -> Result<f32, StoreError> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    let number = number.filter(|number| *number >= 0.0 && number.is_finite());
    let number = number.ok_or_else(|| bad(format!("{value} is no boost"), at))?;
    Ok(number as f32)
}

/// The boost of a clause, whether it stands beside the field or with its value.
pub fn read_boost(body: &Value, at: &str) -> Result<f32, StoreError> {
    let Some(members) = body.as_object() else {
        return Ok(1.0);
    };
    let own = members.get("boost").filter(|boost| !boost.is_object());
    let inner = || {
        let only = members.values().next().filter(|_| members.len() == 1);
        only.and_then(|value| value.get("boost"))
    };
    match own.or_else(inner) {
        Some(value) => read_factor(value, &join_pointer(at, "boost")),
        None => Ok(1.0),
    }
}

/// A scalar that may be searched for.
pub fn expect_scalar<'v>(
    value: &'v Value,
    clause: &str,
    at: &str,
) -> Result<&'v Value, StoreError> {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(bad(
            format!("`{clause}` expects a text, a number or a truth value"),
            at,
        )),
    }
}

/// How many of `count` must match: `2`, `-1`, `"75%"`, `"-25%"`.
pub fn read_minimum(value: &Value, count: usize, at: &str) -> Result<usize, StoreError> {
    let malformed = || bad("minimum_should_match is a number or a percentage", at);
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return Err(malformed()),
    };
    if text.contains('<') {
        return Err(unsupported("minimum_should_match with conditions", at));
    }
    let all = i64::try_from(count).map_err(|_| malformed())?;
    let wanted = match text.strip_suffix('%') {
        Some(percent) => {
            all * percent
                .parse::<i64>()
                .ok()
                .filter(|percent| percent.abs() <= 1_000_000)
                .ok_or_else(malformed)?
                / 100
        }
        None => text.parse::<i64>().map_err(|_| malformed())?,
    };
    let least = if wanted < 0 || text.starts_with('-') {
        all.saturating_add(wanted)
    } else {
        wanted
    };
    Ok(usize::try_from(least.max(0)).unwrap_or(usize::MAX))
}
