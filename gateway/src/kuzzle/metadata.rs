//! `_kuzzle_info`: who wrote a document and when, put into bodies here. The body is looked at one
//! level deep and otherwise stays the text it came as; what the client put there itself is
//! overwritten.

use super::{Fault, KuzzleCall};
use json_text::{JsonObjectWriter, with_member};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};
use std::fmt;

pub(crate) const MEMBER: &str = "_kuzzle_info";

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthorStamp<'a> {
    kuid: &'a str,
    /// Unix milliseconds.
    now: i64,
}

impl<'a> AuthorStamp<'a> {
    pub(crate) fn of(call: KuzzleCall<'a>) -> Self {
        Self {
            kuid: call.request.caller.kuid(),
            now: call.app.now(),
        }
    }
}

/// What a write says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Info {
    /// A document that is new.
    Created,
    /// A document that is new or stands in the place of another.
    Replaced,
    /// Changes to a document.
    Updated,
    /// A message.
    Published,
}

impl Info {
    /// Its JSON.
    pub(crate) fn json(self, stamp: AuthorStamp<'_>) -> Box<RawValue> {
        let (now, kuid) = (stamp.now, Value::from(stamp.kuid));
        let text = match self {
            Self::Created => {
                format!(r#"{{"author":{kuid},"createdAt":{now},"updater":null,"updatedAt":null}}"#)
            }
            Self::Replaced => {
                format!(
                    r#"{{"author":{kuid},"createdAt":{now},"updater":{kuid},"updatedAt":{now}}}"#
                )
            }
            Self::Updated => format!(r#"{{"updater":{kuid},"updatedAt":{now}}}"#),
            Self::Published => format!(r#"{{"author":{kuid},"createdAt":{now}}}"#),
        };
        RawValue::from_string(text).expect("a stamp is sound JSON")
    }
}

/// The object with this information in it.
pub(crate) fn stamped_body(body: &RawValue, info: &RawValue) -> Result<Box<RawValue>, Fault> {
    let text = body.get();
    // A name with escapes in it may be the member too.
    if text.contains(MEMBER) || text.contains("\\u") {
        let others = other_members(body)?;
        let members = others.iter().map(|(name, raw)| (name.as_str(), *raw));
        Ok(joined_members(members, info))
    } else {
        with_member(body.into(), MEMBER, info.into())
            .ok_or_else(|| Fault::wrong_type("body", "object"))
    }
}

/// The object with the members of `over` in place of its own of the same name, and this
/// information in it. Members stand for themselves: nothing is merged.
pub(crate) fn overlaid_body(
    base: &RawValue,
    over: &RawValue,
    info: &RawValue,
) -> Result<Box<RawValue>, Fault> {
    let (base, over) = (other_members(base)?, other_members(over)?);
    let find = |name: &str| over.iter().rev().find(|(other, _)| other == name);
    let stays = base
        .iter()
        .map(|(name, raw)| (name.as_str(), find(name).map_or(*raw, |(_, raw)| raw)));
    let comes = over
        .iter()
        .filter(|(name, _)| !base.iter().any(|(other, _)| other == name))
        .map(|(name, raw)| (name.as_str(), *raw));
    Ok(joined_members(stays.chain(comes), info))
}

/// The members, in their order.
pub(super) fn body_members(object: &RawValue) -> Result<Vec<(String, &RawValue)>, Fault> {
    other_members(object)
}

/// The members but ours, in their order.
fn other_members(object: &RawValue) -> Result<Vec<(String, &RawValue)>, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(object.get());
    deserializer
        .deserialize_map(Others)
        .map_err(|_| Fault::wrong_type("body", "object"))
}

/// An object of these members, and this information behind them.
fn joined_members<'a>(
    members: impl Iterator<Item = (&'a str, &'a RawValue)>,
    info: &'a RawValue,
) -> Box<RawValue> {
    let mut object = JsonObjectWriter::with_capacity(1 << 10);
    for (name, value) in members.chain([(MEMBER, info)]) {
        object.push(name, value.into());
    }
    object.finish().text().to_raw()
}

struct Others;

impl<'de> Visitor<'de> for Others {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if name != MEMBER {
                members.push((name, value));
            }
        }
        Ok(members)
    }
}

/// The dotted names of what changes touch, without the information.
pub(crate) fn touched_fields(changes: &RawValue) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(Value::Object(members)) = serde_json::from_str(changes.get()) {
        for (name, value) in members.iter().filter(|(name, _)| *name != MEMBER) {
            leaf_paths(name.clone(), value, &mut names);
        }
    }
    names
}

fn leaf_paths(path: String, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members
                .iter()
                .for_each(|(name, value)| leaf_paths(format!("{path}.{name}"), value, into));
        }
        _ => into.push(path),
    }
}

#[cfg(test)]
mod tests;
