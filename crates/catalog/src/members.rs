//! The members of a JSON object as slices of its text: what only passes through is never parsed,
//! let alone written anew.

use json_text::{JsonText, ScannedMember};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};
use std::{borrow::Cow, cell::OnceCell, fmt};

/// One member: its name, the text of its value, and the value once somebody looked inside.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub name: Cow<'a, str>,
    pub raw: JsonText<'a>,
    /// Are the names inside as plain as most are? See [`ScannedMember::is_plain`].
    pub is_plain: bool,
    value: OnceCell<Value>,
}

impl Member<'_> {
    /// The parsed value; text that nests too deep to be parsed reads as null, which no schema of
    /// ours lets through.
    pub fn value(&self) -> &Value {
        self.value
            .get_or_init(|| serde_json::from_str(self.raw.get()).unwrap_or(Value::Null))
    }
}

/// An object's members in their order. Of members with equal names the last one counts, as for
/// every JSON parser around us.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub Vec<Member<'a>>);

impl<'a> Members<'a> {
    /// `Err` if the text is not one JSON object.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let members = deserializer.deserialize_map(MembersVisitor)?;
        deserializer.end()?;
        Ok(members)
    }

    /// Those of an object that was scanned.
    pub fn of(scanned: impl Iterator<Item = ScannedMember<'a>>) -> Self {
        let member = |member: ScannedMember<'a>| Member {
            name: member.name,
            raw: member.text,
            is_plain: member.is_plain,
            value: OnceCell::new(),
        };
        Self(scanned.map(member).collect())
    }

    pub fn get(&self, name: &str) -> Option<&Member<'a>> {
        self.0.iter().rev().find(|member| member.name == name)
    }

    /// The whole object, parsed.
    pub fn to_value(&self) -> Value {
        Value::Object(
            self.0
                .iter()
                .map(|member| (member.name.clone().into_owned(), member.value().clone()))
                .collect::<Map<_, _>>(),
        )
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(Name(name)) = map.next_key()? {
            members.push(Member {
                name,
                raw: map.next_value::<&RawValue>()?.into(),
                is_plain: false,
                value: OnceCell::new(),
            });
        }
        Ok(Members(members))
    }
}

/// A member's name, borrowed where it holds no escapes.
pub(crate) struct Name<'a>(pub Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }
            fn visit_borrowed_str<E: serde::de::Error>(
                self,
                text: &'de str,
            ) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
            fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
                Err(E::custom("a member name is text"))
            }
        }
        deserializer
            .deserialize_str(NameVisitor)
            .map_err(D::Error::custom)
    }
}

/// Appends `"name":` as JSON, with a comma before it unless it is the first of its object.
pub(crate) fn push_name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(&Value::from(name).to_string());
    out.push(':');
}

#[cfg(test)]
mod tests;
