//! A document as a search sees it: only the members that anything looks at are read, the rest is
//! skipped. A dot in a member's name and nesting are the same, and an array stands for each of its
//! values, as in an index.

use crate::classify::Failure;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeSet, fmt};

#[derive(Debug, Default)]
pub struct Document {
    members: Vec<(String, Value)>,
}

/// The part of a dotted path that names a member of the top.
pub fn first(path: &str) -> &str {
    path.split_once('.').map_or(path, |(first, _)| first)
}

impl Document {
    pub fn read(text: &str, wanted: &BTreeSet<String>) -> Result<Self, Failure> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let members = Wanted(wanted).deserialize(&mut reader);
        members
            .map(|members| Self { members })
            .map_err(|error| Failure::Damaged(format!("a document is no JSON object: {error}")))
    }

    /// Each value at a path; an array there is handed over whole.
    pub fn at(&self, path: &str, visit: &mut dyn FnMut(&Value)) {
        members(
            self.members
                .iter()
                .map(|(name, value)| (name.as_str(), value)),
            path,
            visit,
        );
    }

    /// Each value at a path, arrays opened; nulls are no values.
    pub fn each(&self, path: &str, visit: &mut dyn FnMut(&Value)) {
        self.at(path, &mut |value| open(value, visit));
    }

    /// Is there any value at the path, or in the object there?
    pub fn has(&self, path: &str) -> bool {
        let within = |name: &str| {
            name.strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        if self
            .members
            .iter()
            .any(|(name, value)| within(name) && any(value))
        {
            return true;
        }
        let mut found = false;
        self.at(path, &mut |value| found |= any(value));
        found
    }
}

fn members<'v>(
    all: impl Iterator<Item = (&'v str, &'v Value)>,
    path: &str,
    visit: &mut dyn FnMut(&Value),
) {
    for (name, value) in all {
        match path.strip_prefix(name) {
            Some("") => visit(value),
            Some(rest) if rest.starts_with('.') => descend(value, &rest[1..], visit),
            _ => {}
        }
    }
}

fn descend(value: &Value, path: &str, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(object) => members(pairs(object), path, visit),
        Value::Array(items) => items.iter().for_each(|item| descend(item, path, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn pairs(object: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    object.iter().map(|(name, value)| (name.as_str(), value))
}

fn open(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| open(item, visit)),
        other => visit(other),
    }
}

fn any(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(any),
        Value::Object(object) => object.values().any(any),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Reads the members whose name begins with a wanted one.
struct Wanted<'w>(&'w BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Vec<(String, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if self.0.contains(first(&name)) {
                members.push((name.into_owned(), map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(members)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
