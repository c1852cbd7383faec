//! Would this body be refused by this mapping? One walk over the parsed body, in the order in which
//! an index meets its members. It must never refuse what an index takes: where the mapping does not
//! tell, the answer is yes.

mod fit;
mod learn;

use super::{Dynamic, Field, Fields, Found, Kind, Mapping, is_metadata, point};
use crate::{Unmappable, cell::join_pointer};
use event_schema::Raw;
use fit::scalar_misfit;
use learn::LearnedField;
use serde_json::{Map, Value, value::RawValue};
use std::collections::{BTreeMap, HashMap};

/// The longest id, in bytes.
pub const ID_LIMIT: usize = 512;
/// The longest indexed term, in bytes.
pub const TERM_LIMIT: usize = 32_766;

/// What earlier documents of the collection made of fields that its mapping does not name.
pub trait DynamicFields {
    /// Is this field there already? Where that is not known the answer is yes: then a value passes
    /// that only the index itself can refuse.
    fn has(&self, path: &str) -> bool;
}

struct Walk<'a> {
    mapping: &'a Mapping,
    known: &'a dyn DynamicFields,
    raw: &'a Raw,
    /// Where we are: members and array places.
    at: Vec<String>,
    learned: HashMap<String, LearnedField>,
    new_fields: usize,
    nested: usize,
}

impl Mapping {
    /// See [`crate::View::check`]. Answers the fields that the document brings beyond the mapping.
    pub fn check(
        &self,
        id: &str,
        body: &Raw,
        known: &dyn DynamicFields,
    ) -> Result<Vec<String>, Unmappable> {
        let top = |message: String| Unmappable {
            pointer: String::new(),
            message,
        };
        if id.is_empty() || id.len() > ID_LIMIT {
            return Err(top(format!(
                "an id has 1 to {ID_LIMIT} bytes, not {}",
                id.len()
            )));
        }
        let value: Value = serde_json::from_str(body.get())
            .map_err(|error| top(format!("the document cannot be read: {error}")))?;
        let Value::Object(members) = &value else {
            return Err(top("a document is a JSON object".to_owned()));
        };
        let mut walk = Walk {
            mapping: self,
            known,
            raw: body,
            at: Vec::new(),
            learned: HashMap::new(),
            new_fields: 0,
            nested: 0,
        };
        // `{"a.b": 1}` is a member of `a`.
        let first = |name: &str| name.split('.').next().is_some_and(is_metadata);
        if let Some(name) = members.keys().find(|name| first(name)) {
            walk.at.push(name.clone());
            return Err(walk.no(format!("`{name}` is reserved at the top of a document")));
        }
        if self.root.enabled {
            walk.object(
                &self.root,
                self.root.dynamic.unwrap_or(Dynamic::True),
                "",
                members,
            )?;
        }
        let limits = &self.settings;
        if walk.nested > limits.nested_objects {
            return Err(top(format!(
                "a document has at most {} nested objects",
                limits.nested_objects
            )));
        }
        if self.mapped + walk.new_fields > limits.total_fields {
            return Err(top(format!(
                "the document brings the fields of its collection above the limit of {}",
                limits.total_fields
            )));
        }
        Ok(walk.learned.into_keys().collect())
    }
}

/// A member's way down: the mapped members around it, what becomes of others, and the dotted path
/// so far.
#[derive(Clone, Copy)]
struct CheckPlace<'p> {
    fields: &'p Fields,
    dynamic: Dynamic,
    path: &'p str,
}

const NOTHING_MAPPED: Fields = Fields {
    dynamic: None,
    enabled: true,
    properties: BTreeMap::new(),
};

impl Walk<'_> {
    fn no(&self, message: impl Into<String>) -> Unmappable {
        Unmappable {
            pointer: self
                .at
                .iter()
                .fold(String::new(), |base, name| join_pointer(&base, name)),
            message: message.into(),
        }
    }

    fn object(
        &mut self,
        fields: &Fields,
        dynamic: Dynamic,
        path: &str,
        members: &Map<String, Value>,
    ) -> Result<(), Unmappable> {
        for (name, value) in members {
            self.at.push(name.clone());
            if name.split('.').any(|part| part.trim().is_empty()) {
                return Err(self.no("a field's name cannot be empty, nor begin or end with a dot"));
            }
            let place = CheckPlace {
                fields,
                dynamic,
                path,
            };
            self.member(place, name, value)?;
            self.at.pop();
        }
        Ok(())
    }

    /// `name` may be dotted: `a.b` is the member `b` of the object `a`.
    fn member(
        &mut self,
        place: CheckPlace<'_>,
        name: &str,
        value: &Value,
    ) -> Result<(), Unmappable> {
        let (head, tail) = name
            .split_once('.')
            .map_or((name, None), |(head, tail)| (head, Some(tail)));
        let path = if place.path.is_empty() {
            head.to_owned()
        } else {
            format!("{}.{head}", place.path)
        };
        let Some(field) = place.fields.properties.get(head) else {
            return self.unmapped(place.dynamic, &path, tail, value);
        };
        match (tail, &field.kind) {
            (None, _) => self.value(field, place.dynamic, &path, value),
            (Some(tail), Kind::Object(inner) | Kind::Nested(inner)) if inner.enabled => {
                let place = CheckPlace {
                    fields: inner,
                    dynamic: inner.dynamic.unwrap_or(place.dynamic),
                    path: &path,
                };
                self.member(place, tail, value)
            }
            (Some(_), Kind::Flat(_) | Kind::Other(_) | Kind::Object(_) | Kind::Nested(_)) => Ok(()),
            (Some(_), _) if value.is_null() => Ok(()),
            (Some(tail), Kind::Flattened { .. }) => {
                let nest = |inner: Value, name| Value::Object(Map::from_iter([(name, inner)]));
                let names = tail.rsplit('.').map(str::to_owned);
                self.value(
                    field,
                    place.dynamic,
                    &path,
                    &names.fold(value.clone(), nest),
                )
            }
            (Some(_), _) => {
                Err(self.no(format!("`{path}` is mapped as a value, not as an object")))
            }
        }
    }

    fn unmapped(
        &mut self,
        dynamic: Dynamic,
        path: &str,
        tail: Option<&str>,
        value: &Value,
    ) -> Result<(), Unmappable> {
        match (dynamic, tail) {
            (Dynamic::Strict, _) => {
                Err(self.no(format!("`{path}` is not in the mapping, which is strict")))
            }
            (Dynamic::False | Dynamic::Runtime, _) => Ok(()),
            (Dynamic::True, None) => self.dynamic(path, value),
            (Dynamic::True, Some(tail)) => {
                self.learn_object(path)?;
                let place = CheckPlace {
                    fields: &NOTHING_MAPPED,
                    dynamic: Dynamic::True,
                    path,
                };
                self.member(place, tail, value)
            }
        }
    }

    fn each(
        &mut self,
        items: &[Value],
        mut check: impl FnMut(&mut Self, &Value) -> Result<(), Unmappable>,
    ) -> Result<(), Unmappable> {
        for (n, item) in items.iter().enumerate() {
            self.at.push(n.to_string());
            check(self, item)?;
            self.at.pop();
        }
        Ok(())
    }

    /// A mapped field's value.
    fn value(
        &mut self,
        field: &Field,
        dynamic: Dynamic,
        path: &str,
        value: &Value,
    ) -> Result<(), Unmappable> {
        match (&field.kind, value) {
            (Kind::Alias(_), _) => {
                Err(self.no(format!("`{path}` is an alias, which holds nothing")))
            }
            (Kind::Flat(_) | Kind::Other(_), _) => Ok(()),
            (Kind::Object(inner) | Kind::Nested(inner), _) if !inner.enabled => Ok(()),
            (_, Value::Null) => {
                let mut targets = field.copy_to.iter();
                targets.try_for_each(|target| self.copy(target, value))
            }
            (Kind::GeoPoint { ignore_z }, value) => {
                let leniency = point::Leniency {
                    ignore_z: *ignore_z,
                    ignore_malformed: field.ignore_malformed,
                };
                point::read_points(value, leniency).map_err(|message| self.no(message))?;
                if !field.copy_to.is_empty() && (value.is_array() || value.is_object()) {
                    return Err(self.no("an object cannot be copied to another field"));
                }
                let mut targets = field.copy_to.iter();
                targets.try_for_each(|target| self.copy(target, value))
            }
            (_, Value::Array(items)) => {
                self.each(items, |walk, item| walk.value(field, dynamic, path, item))
            }
            (Kind::Object(inner), Value::Object(members)) => {
                self.object(inner, inner.dynamic.unwrap_or(dynamic), path, members)
            }
            (Kind::Nested(inner), Value::Object(members)) => {
                self.nested += 1;
                self.object(inner, inner.dynamic.unwrap_or(dynamic), path, members)
            }
            (Kind::Object(_) | Kind::Nested(_), _) => {
                Err(self.no(format!("`{path}` is mapped as an object")))
            }
            (kind, value) => self.scalar(kind, field, value),
        }
    }

    fn scalar(&mut self, kind: &Kind, field: &Field, value: &Value) -> Result<(), Unmappable> {
        let literal = match (kind, value) {
            // An exponent is no digit of a date, and only the text tells.
            (Kind::Date(_), Value::Number(number)) if number.is_f64() => {
                literal_at(self.raw.get(), &self.at)
            }
            _ => None,
        };
        if let Some(message) = scalar_misfit(kind, field, value, literal.as_deref()) {
            return Err(self.no(message));
        }
        // An index cannot read a fraction again that it has read with 32 bits.
        let is_short = matches!(kind, Kind::Float | Kind::HalfFloat) && value.is_f64();
        let is_whole = |field: &Field| matches!(field.kind, Kind::Whole { .. });
        for (name, sub) in &field.fields {
            if is_short && is_whole(sub) {
                return Err(self.no(format!("the sub-field `{name}` cannot take a fraction")));
            }
            self.value(sub, Dynamic::False, "", value)?;
        }
        for target in &field.copy_to {
            if is_short
                && matches!(self.mapping.find_within(target, target), Found::Field(to) if is_whole(to))
            {
                return Err(self.no(format!("a fraction cannot be copied to `{target}`")));
            }
            self.copy(target, value)?;
        }
        Ok(())
    }

    /// The value is indexed under another field, too.
    fn copy(&mut self, target: &str, value: &Value) -> Result<(), Unmappable> {
        let mapping = self.mapping;
        match mapping.find_within(target, target) {
            Found::Field(field) => {
                let plain = Field {
                    copy_to: Vec::new(),
                    ..field.clone()
                };
                self.value(&plain, Dynamic::False, target, value)
            }
            Found::Unmapped(_) if mapping.is_below_value(target) => Err(self.no(format!(
                "it cannot be copied to `{target}`, which lies below a value"
            ))),
            Found::Unmapped(_) => {
                let place = CheckPlace {
                    fields: &mapping.root,
                    dynamic: mapping.root.dynamic.unwrap_or(Dynamic::True),
                    path: "",
                };
                self.member(place, target, value)
            }
            Found::Sub { .. } | Found::Key { .. } => Ok(()),
        }
    }

    /// A whole number too large for 64 bits is read as a float; only its text tells.
    fn is_whole_literal(&self, number: &serde_json::Number) -> bool {
        let large = number.as_f64().is_some_and(|real| real.abs() >= 9.2e18);
        large
            && literal_at(self.raw.get(), &self.at)
                .is_some_and(|text| !text.contains(['.', 'e', 'E']))
    }
}

/// The text that stands at a place in JSON text.
fn literal_at(text: &str, at: &[String]) -> Option<String> {
    let Some((first, rest)) = at.split_first() else {
        return Some(text.to_owned());
    };
    if let Ok(members) = serde_json::from_str::<HashMap<String, Box<RawValue>>>(text) {
        return literal_at(members.get(first)?.get(), rest);
    }
    let items: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
    literal_at(items.get(first.parse::<usize>().ok()?)?.get(), rest)
}
