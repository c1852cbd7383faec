//! Would this body be refused by this mapping? One walk over the parsed body, in the order in which
//! an index meets its members. It must never refuse what an index takes: where the mapping does not
//! tell, the answer is yes.

use super::{Dynamic, Field, Fields, Kind, Mapping, coerce, date, point};
use crate::{Unmappable, cell::pointer};
use event_schema::Raw;
use serde_json::{Map, Value, value::RawValue};
use std::collections::{BTreeMap, HashMap};

/// The longest id, in bytes.
pub const ID_LIMIT: usize = 512;
/// The longest indexed term, in bytes.
pub const TERM_LIMIT: usize = 32_766;

/// Members of the top that belong to the index, and ours.
const RESERVED: [&str; 12] = [
    "_id",
    "_index",
    "_source",
    "_routing",
    "_field_names",
    "_ignored",
    "_version",
    "_seq_no",
    "_tier",
    "_nested_path",
    "_ignored_source",
    "_consign",
];

/// What the first value of a dynamic field makes of it, within one document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Learned {
    Truth,
    Whole,
    Real,
    Date,
    Text,
    Object,
}

struct Walk<'a> {
    mapping: &'a Mapping,
    raw: &'a Raw,
    /// Where we are: members and array places.
    at: Vec<String>,
    learned: HashMap<String, Learned>,
    new_fields: usize,
}

impl Mapping {
    /// See [`crate::View::check`].
    pub fn check(&self, id: &str, body: &Raw) -> Result<(), Unmappable> {
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
            raw: body,
            at: Vec::new(),
            learned: HashMap::new(),
            new_fields: 0,
        };
        if let Some(name) = members
            .keys()
            .find(|name| RESERVED.contains(&name.as_str()))
        {
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
        match self.mapped + walk.new_fields > self.total_fields {
            true => Err(top(format!(
                "the document brings the fields of its collection above the limit of {}",
                self.total_fields
            ))),
            false => Ok(()),
        }
    }
}

/// A member's way down: the mapped members around it, what becomes of others, and the dotted path
/// so far.
#[derive(Clone, Copy)]
struct Place<'p> {
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
                .fold(String::new(), |base, name| pointer(&base, name)),
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
            self.member(
                Place {
                    fields,
                    dynamic,
                    path,
                },
                name,
                value,
            )?;
            self.at.pop();
        }
        Ok(())
    }

    /// `name` may be dotted: `a.b` is the member `b` of the object `a`.
    fn member(&mut self, place: Place<'_>, name: &str, value: &Value) -> Result<(), Unmappable> {
        let (head, tail) = name
            .split_once('.')
            .map_or((name, None), |(head, tail)| (head, Some(tail)));
        let path = if place.path.is_empty() {
            head.to_owned()
        } else {
            format!("{}.{head}", place.path)
        };
        match (place.fields.properties.get(head), tail) {
            (Some(field), None) => self.value(field, place.dynamic, &path, value),
            (
                Some(Field {
                    kind: Kind::Object(inner),
                    ..
                }),
                Some(tail),
            ) => self.member(
                Place {
                    fields: inner,
                    dynamic: inner.dynamic.unwrap_or(place.dynamic),
                    path: &path,
                },
                tail,
                value,
            ),
            (
                Some(Field {
                    kind: Kind::Other(_),
                    ..
                }),
                Some(_),
            ) => Ok(()),
            (Some(_), Some(_)) => {
                Err(self.no(format!("`{path}` is mapped as a value, not as an object")))
            }
            (None, tail) => match (place.dynamic, tail) {
                (Dynamic::Strict, _) => {
                    Err(self.no(format!("`{path}` is not in the mapping, which is strict")))
                }
                (Dynamic::False | Dynamic::Runtime, _) => Ok(()),
                (Dynamic::True, None) => self.dynamic(&path, value),
                (Dynamic::True, Some(tail)) => {
                    self.learn_object(&path)?;
                    self.member(
                        Place {
                            fields: &NOTHING_MAPPED,
                            dynamic: Dynamic::True,
                            path: &path,
                        },
                        tail,
                        value,
                    )
                }
            },
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
            (_, Value::Null) | (Kind::Other(_), _) => Ok(()),
            (Kind::Object(inner), _) if !inner.enabled => Ok(()),
            (Kind::GeoPoint, value) => match point::points(value) {
                Err(message) if !field.ignore_malformed => Err(self.no(message)),
                _ => Ok(()),
            },
            (_, Value::Array(items)) => {
                self.each(items, |walk, item| walk.value(field, dynamic, path, item))
            }
            (Kind::Object(inner), Value::Object(members)) => {
                self.object(inner, inner.dynamic.unwrap_or(dynamic), path, members)
            }
            (Kind::Object(_), _) => Err(self.no(format!("`{path}` is mapped as an object"))),
            (kind, value) => {
                if !field.ignore_malformed {
                    misfit(kind, field, value).map_or(Ok(()), |message| Err(self.no(message)))?;
                }
                field
                    .fields
                    .values()
                    .try_for_each(|sub| self.value(sub, dynamic, path, value))
            }
        }
    }

    /// A value that the mapping leaves to chance.
    fn dynamic(&mut self, path: &str, value: &Value) -> Result<(), Unmappable> {
        let guesses = self.mapping.numeric_detection || self.mapping.dynamic_templates;
        match value {
            Value::Null => Ok(()),
            Value::Array(items) => self.each(items, |walk, item| walk.dynamic(path, item)),
            Value::Object(members) => {
                self.learn_object(path)?;
                self.object(&NOTHING_MAPPED, Dynamic::True, path, members)
            }
            _ if guesses => Ok(()),
            scalar => self.scalar(path, scalar),
        }
    }

    fn scalar(&mut self, path: &str, value: &Value) -> Result<(), Unmappable> {
        let found = match value {
            Value::Bool(_) => Learned::Truth,
            Value::Number(number) if number.is_f64() && !self.is_whole_literal(number) => {
                Learned::Real
            }
            Value::Number(_) => Learned::Whole,
            Value::String(text)
                if self.mapping.date_detection && date::detected(text).is_some() =>
            {
                Learned::Date
            }
            _ => Learned::Text,
        };
        let known = *self.learned.entry(path.to_owned()).or_insert_with(|| {
            self.new_fields += if found == Learned::Text { 2 } else { 1 };
            found
        });
        let number = coerce::number(value);
        let fits = match known {
            Learned::Truth => coerce::boolean(value).is_some(),
            Learned::Whole => number.is_some_and(|number| number.truncated().is_some()),
            Learned::Real => {
                number.is_some_and(|number| number.real().abs() <= f64::from(f32::MAX))
            }
            Learned::Date => found == Learned::Date || value.is_i64(),
            Learned::Text => true,
            Learned::Object => false,
        };
        let what = || {
            format!(
                "`{path}` cannot take {value} beside what else it holds, or as what the index would make of it"
            )
        };
        fits.then_some(()).ok_or_else(|| self.no(what()))
    }

    fn learn_object(&mut self, path: &str) -> Result<(), Unmappable> {
        if path.split('.').count() >= self.mapping.depth {
            return Err(self.no(format!(
                "objects nest deeper than the limit of {}",
                self.mapping.depth
            )));
        }
        let known = *self.learned.entry(path.to_owned()).or_insert_with(|| {
            self.new_fields += 1;
            Learned::Object
        });
        (known == Learned::Object)
            .then_some(())
            .ok_or_else(|| self.no(format!("`{path}` holds both objects and values")))
    }

    /// A whole number too large for 64 bits is read as a float; only its text tells.
    fn is_whole_literal(&self, number: &serde_json::Number) -> bool {
        let large = number.as_f64().is_some_and(|real| real.abs() >= 9.2e18);
        large
            && literal(self.raw.get(), &self.at).is_some_and(|text| !text.contains(['.', 'e', 'E']))
    }
}

/// The text that stands at a place in JSON text.
fn literal(text: &str, at: &[String]) -> Option<String> {
    let Some((first, rest)) = at.split_first() else {
        return Some(text.to_owned());
    };
    if let Ok(members) = serde_json::from_str::<HashMap<String, Box<RawValue>>>(text) {
        return literal(members.get(first)?.get(), rest);
    }
    let items: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
    literal(items.get(first.parse::<usize>().ok()?)?.get(), rest)
}

/// Why a scalar (or an object, where none is due) does not fit the kind.
fn misfit(kind: &Kind, field: &Field, value: &Value) -> Option<String> {
    let is = |expected: &str| Some(format!("{} is not {expected}", crate::cell::shown(value)));
    match kind {
        Kind::Keyword { ignore_above } => {
            let Some(text) = coerce::text(value) else {
                return is("a keyword");
            };
            let ignored = ignore_above.is_some_and(|limit| text.encode_utf16().count() > limit);
            let unlimited = matches!(field.special.as_deref(), Some("index" | "doc_values"));
            let long = text.len() > TERM_LIMIT && !ignored && !unlimited;
            long.then(|| {
                format!(
                    "a keyword has at most {TERM_LIMIT} bytes, this one has {}",
                    text.len()
                )
            })
        }
        Kind::Text => coerce::text(value).map_or_else(|| is("text"), |_| None),
        Kind::Whole { least, greatest } => {
            let whole = || {
                (*least..=*greatest)
                    .contains(&coerce::number(value)?.truncated()?)
                    .then_some(())
            };
            let strictly = || field.coerce || value.as_i64().is_some();
            if is_empty(field, value) || (strictly() && whole().is_some()) {
                None
            } else {
                is(&format!("a whole number from {least} to {greatest}"))
            }
        }
        Kind::Double | Kind::Float { .. } => {
            let greatest = if let Kind::Float { greatest } = kind {
                *greatest
            } else {
                f64::MAX
            };
            let fits = coerce::number(value).is_some_and(|number| number.real().abs() <= greatest)
                && (field.coerce || value.is_number());
            if is_empty(field, value) || fits {
                None
            } else {
                is("a number that fits")
            }
        }
        Kind::Boolean => coerce::boolean(value).map_or_else(|| is("true or false"), |_| None),
        Kind::Date(formats) => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return is("a date"),
            };
            if date::parse(formats, &text, false) == Ok(None) {
                is("a date of the field's format")
            } else {
                None
            }
        }
        Kind::GeoPoint | Kind::Object(_) | Kind::Other(_) => None,
    }
}

/// The empty text is no number, and is passed over where numbers are coerced.
fn is_empty(field: &Field, value: &Value) -> bool {
    field.coerce && value.as_str().is_some_and(str::is_empty)
}
