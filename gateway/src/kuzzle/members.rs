//! Which arguments and members of a body an action takes. What it does not know is refused by
//! name: an answer never hides that something of the request was left out.

use super::{Fault, Request, fault::Id, table::Action};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// What Kuzzle's own clients add for themselves.
const OF_CLIENTS: [&str; 7] = [
    "autoResubscribe",
    "cookieAuth",
    "default",
    "queuable",
    "subscribeToSelf",
    "timeout",
    "triggerEvents",
];

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BodyShape {
    /// The action reads it whole, or checks it itself.
    Whole,
    /// An object with these members, divided by blanks.
    Members(&'static str),
    /// There is none, or an empty object.
    Nothing,
}

/// Nothing of the request would be left out.
pub(super) fn check_members(request: &Request, action: &Action) -> Result<(), Fault> {
    let known = || action.takes.split_whitespace();
    let given = request.args.iter().filter(|(_, value)| !value.is_null());
    let mut others = given.map(|(name, _)| name.as_str());
    let unknown =
        others.find(|name| !known().any(|known| known == *name) && !OF_CLIENTS.contains(name));
    if let Some(name) = unknown {
        return Err(unexpected_argument(name, known()));
    }
    if request.id.is_some() && !known().any(|known| known == "_id") {
        return Err(unexpected_argument("_id", known()));
    }
    for name in known() {
        well_typed(request, name)?;
    }
    match (action.content, &request.body) {
        (BodyShape::Whole, _) | (_, None) => Ok(()),
        (BodyShape::Members(members), Some(body)) => check_body_members(body, members),
        (BodyShape::Nothing, Some(body)) => check_body_members(body, ""),
    }
}

/// An argument that is no flag or no number is refused before anything is carried out.
fn well_typed(request: &Request, name: &str) -> Result<(), Fault> {
    match name {
        "global" | "includeKuzzleMeta" | "notify" | "silent" | "source" | "strict" => {
            request.flag(name).map(drop)
        }
        "from" | "retryOnConflict" | "size" => request.number(name).map(drop),
        _ => Ok(()),
    }
}

fn check_body_members(body: &RawValue, members: &str) -> Result<(), Fault> {
    let known = || members.split_whitespace();
    if !body.get().starts_with('{') {
        // What has members says so in its own words.
        return if members.is_empty() {
            Err(unexpected_argument("body", known()))
        } else {
            Ok(())
        };
    }
    let unknown = member_names(body)
        .into_iter()
        .find(|name| !known().any(|known| known == name));
    match unknown {
        Some(name) => Err(unexpected_argument(&format!("body.{name}"), known())),
        None => Ok(()),
    }
}

/// The names of an object's members that are not null.
pub(super) fn member_names(object: &RawValue) -> Vec<String> {
    let mut deserializer = serde_json::Deserializer::from_str(object.get());
    deserializer
        .deserialize_map(MemberNames)
        .unwrap_or_default()
}

pub(super) fn unexpected_argument<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    let known: Vec<&str> = known.collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let why = format!("unexpected argument \"{name}\" (accepted are: {known})");
    Fault::new(Id::UnexpectedArgument, why).props([name, &known])
}

struct MemberNames;

impl<'de> Visitor<'de> for MemberNames {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if map.next_value::<Option<IgnoredAny>>()?.is_some() {
                names.push(name);
            }
        }
        Ok(names)
    }
}
