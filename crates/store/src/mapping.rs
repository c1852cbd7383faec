//! Elasticsearch mappings: what a field is, and whether a body would be taken. Shared by every
//! view, so that planning refuses on any of them what a real index would refuse. Pure; it must
//! never know more than the mapping tells: what other documents made of a dynamic field is the
//! index's secret.

mod check;
pub mod coerce;
pub mod date;
pub mod point;

use date::DateFormat;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The type of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Keyword {
        ignore_above: Option<usize>,
    },
    Text,
    /// Whole numbers within these bounds.
    Whole {
        least: i64,
        greatest: i64,
    },
    Double,
    /// Kept with 32 bits (or 16, for `half_float`): larger numbers are refused.
    Float {
        greatest: f64,
    },
    Boolean,
    Date(Vec<DateFormat>),
    GeoPoint,
    Object(Fields),
    /// A type that only the index itself knows: never checked, never searched here.
    Other(String),
}

/// What becomes of members that a mapping does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {
    True,
    False,
    Runtime,
    Strict,
}

/// The members of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// `None`: as the object around it.
    pub dynamic: Option<Dynamic>,
    /// Not looked into at all.
    pub enabled: bool,
    pub properties: BTreeMap<String, Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub kind: Kind,
    pub ignore_malformed: bool,
    pub coerce: bool,
    /// The same value under another type: `title.raw`.
    pub fields: BTreeMap<String, Field>,
    /// A parameter that changes what searches find, by name (`analyzer`, `null_value`, `index` …).
    pub special: Option<String>,
}

/// A collection's mapping, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub root: Fields,
    pub date_detection: bool,
    /// Dynamic strings that look like numbers are numbers: an index knows, we do not search such
    /// collections' dynamic fields.
    pub numeric_detection: bool,
    pub dynamic_templates: bool,
    total_fields: usize,
    depth: usize,
    mapped: usize,
}

/// A mapping or a setting that is not what it must be: JSON pointer and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mapping is malformed at `{pointer}`: {message}")]
pub struct BadMapping {
    pub pointer: String,
    pub message: String,
}

const TOTAL_FIELDS: usize = 1_000;
const DEPTH: usize = 20;

impl Mapping {
    /// Reads `{"properties": …, "dynamic": …}` and the limits from the settings.
    pub fn read(mappings: Option<&Value>, settings: Option<&Value>) -> Result<Self, BadMapping> {
        let empty = Map::new();
        let top = match mappings {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(top)) => top,
            Some(_) => return Err(bad("", "expected an object")),
        };
        let flag =
            |name: &str, default: bool| top.get(name).and_then(coerce::boolean).unwrap_or(default);
        let mut mapping = Self {
            root: read_fields(top, "")?,
            date_detection: flag("date_detection", true),
            numeric_detection: flag("numeric_detection", false),
            dynamic_templates: top
                .get("dynamic_templates")
                .and_then(Value::as_array)
                .is_some_and(|all| !all.is_empty()),
            total_fields: limit(settings, &["mapping", "total_fields", "limit"])
                .unwrap_or(TOTAL_FIELDS),
            depth: limit(settings, &["mapping", "depth", "limit"]).unwrap_or(DEPTH),
            mapped: 0,
        };
        mapping.mapped = count(&mapping.root);
        Ok(mapping)
    }

    /// The field at a dotted path: mapped, a sub-field of a mapped one, or not mapped (with what
    /// becomes of such a member there).
    pub fn find(&self, path: &str) -> Found<'_> {
        let mut fields = &self.root;
        let mut dynamic = fields.dynamic.unwrap_or(Dynamic::True);
        let mut rest = path;
        loop {
            if !fields.enabled {
                return Found::Unmapped(Dynamic::False);
            }
            let (name, behind) = rest
                .split_once('.')
                .map_or((rest, None), |(name, behind)| (name, Some(behind)));
            match (fields.properties.get(name), behind) {
                (None, _) => return Found::Unmapped(dynamic),
                (Some(field), None) => return Found::Field(field),
                (
                    Some(Field {
                        kind: Kind::Object(inner),
                        ..
                    }),
                    Some(behind),
                ) => {
                    dynamic = inner.dynamic.unwrap_or(dynamic);
                    (fields, rest) = (inner, behind);
                }
                (Some(field), Some(behind)) => {
                    let parent = &path[..path.len() - behind.len() - 1];
                    return field.fields.get(behind).map_or(
                        Found::Unmapped(Dynamic::False),
                        |sub| Found::Sub {
                            field: sub,
                            parent: parent.to_owned(),
                        },
                    );
                }
            }
        }
    }
}

/// What [`Mapping::find`] found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    Field(&'a Field),
    /// The values are those of `parent`.
    Sub {
        field: &'a Field,
        parent: String,
    },
    Unmapped(Dynamic),
}

fn read_fields(object: &Map<String, Value>, at: &str) -> Result<Fields, BadMapping> {
    let dynamic = match object.get("dynamic") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(true)) => Some(Dynamic::True),
        Some(Value::Bool(false)) => Some(Dynamic::False),
        Some(Value::String(text)) => Some(match text.as_str() {
            "true" => Dynamic::True,
            "false" => Dynamic::False,
            "runtime" => Dynamic::Runtime,
            "strict" => Dynamic::Strict,
            _ => {
                return Err(bad(
                    &format!("{at}/dynamic"),
                    "expected true, false, \"runtime\" or \"strict\"",
                ));
            }
        }),
        Some(_) => {
            return Err(bad(
                &format!("{at}/dynamic"),
                "expected true, false, \"runtime\" or \"strict\"",
            ));
        }
    };
    let enabled = object
        .get("enabled")
        .and_then(coerce::boolean)
        .unwrap_or(true);
    let properties = read_properties(object.get("properties"), &format!("{at}/properties"))?;
    Ok(Fields {
        dynamic,
        enabled,
        properties,
    })
}

fn read_properties(
    properties: Option<&Value>,
    at: &str,
) -> Result<BTreeMap<String, Field>, BadMapping> {
    match properties {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(members)) => {
            let mut fields = BTreeMap::new();
            for (name, definition) in members {
                let here = crate::cell::pointer(at, name);
                if name.is_empty() || name.split('.').any(|part| part.trim().is_empty()) {
                    return Err(bad(&here, "a field's name cannot be empty"));
                }
                insert(&mut fields, name, read_field(definition, &here)?);
            }
            Ok(fields)
        }
        Some(_) => Err(bad(at, "expected an object")),
    }
}

/// `a.b` is `b` within the object `a`.
fn insert(fields: &mut BTreeMap<String, Field>, name: &str, field: Field) {
    let Some((outer, inner)) = name.split_once('.') else {
        fields.insert(name.to_owned(), field);
        return;
    };
    let object = || {
        Kind::Object(Fields {
            dynamic: None,
            enabled: true,
            properties: BTreeMap::new(),
        })
    };
    let entry = fields
        .entry(outer.to_owned())
        .or_insert_with(|| Field::plain(object()));
    if let Kind::Object(around) = &mut entry.kind {
        insert(&mut around.properties, inner, field);
    }
}

/// Parameters that change what a search finds in a way that only the index knows.
const SPECIAL: [&str; 11] = [
    "analyzer",
    "search_analyzer",
    "normalizer",
    "null_value",
    "index",
    "doc_values",
    "copy_to",
    "script",
    "split_queries_on_whitespace",
    "ignore_z_value",
    "index_options",
];

fn read_field(definition: &Value, at: &str) -> Result<Field, BadMapping> {
    let object = definition
        .as_object()
        .ok_or_else(|| bad(at, "expected an object"))?;
    let kind = match object.get("type") {
        None => Kind::Object(read_fields(object, at)?),
        Some(Value::String(name)) => kind(name, object, at)?,
        Some(_) => return Err(bad(&format!("{at}/type"), "expected the name of a type")),
    };
    let flag = |name: &str, default: bool| {
        object
            .get(name)
            .and_then(coerce::boolean)
            .unwrap_or(default)
    };
    let special = SPECIAL
        .iter()
        .find(|name| is_special(object, name))
        .map(|name| (*name).to_owned());
    Ok(Field {
        kind,
        ignore_malformed: flag("ignore_malformed", false),
        coerce: flag("coerce", true),
        fields: read_properties(object.get("fields"), &format!("{at}/fields"))?,
        special,
    })
}

fn is_special(object: &Map<String, Value>, name: &str) -> bool {
    match (name, object.get(name)) {
        (_, None | Some(Value::Null)) | ("index" | "doc_values", Some(Value::Bool(true))) => false,
        ("analyzer" | "search_analyzer", Some(Value::String(analyzer))) => {
            analyzer != "standard" && analyzer != "default"
        }
        ("ignore_z_value", _) => false,
        _ => true,
    }
}

fn kind(name: &str, object: &Map<String, Value>, at: &str) -> Result<Kind, BadMapping> {
    let whole = |least: i64, greatest: i64| Kind::Whole { least, greatest };
    Ok(match name {
        "keyword" => Kind::Keyword {
            ignore_above: object
                .get("ignore_above")
                .and_then(Value::as_u64)
                .map(|limit| limit as usize),
        },
        "text" => Kind::Text,
        "long" => whole(i64::MIN, i64::MAX),
        "integer" => whole(i32::MIN.into(), i32::MAX.into()),
        "short" => whole(i16::MIN.into(), i16::MAX.into()),
        "byte" => whole(i8::MIN.into(), i8::MAX.into()),
        "double" => Kind::Double,
        "float" => Kind::Float {
            greatest: f32::MAX.into(),
        },
        "half_float" => Kind::Float { greatest: 65_504.0 },
        "boolean" => Kind::Boolean,
        "date" => Kind::Date(DateFormat::read(
            object.get("format").and_then(Value::as_str),
        )),
        "geo_point" => Kind::GeoPoint,
        "object" => Kind::Object(read_fields(object, at)?),
        other => Kind::Other(other.to_owned()),
    })
}

impl Field {
    fn plain(kind: Kind) -> Self {
        Self {
            kind,
            ignore_malformed: false,
            coerce: true,
            fields: BTreeMap::new(),
            special: None,
        }
    }
}

/// How many fields an index counts: objects, leaves and sub-fields.
fn count(fields: &Fields) -> usize {
    let one = |field: &Field| {
        let inner = match &field.kind {
            Kind::Object(inner) => count(inner),
            _ => 0,
        };
        1 + field.fields.len() + inner
    };
    fields.properties.values().map(one).sum()
}

/// A limit in the settings, in any of the spellings that an index takes: nested, dotted, with or
/// without `index.`.
fn limit(settings: Option<&Value>, path: &[&str]) -> Option<usize> {
    fn within(value: &Value, path: &[&str]) -> Option<usize> {
        if path.is_empty() {
            return value
                .as_u64()
                .or_else(|| value.as_str()?.parse().ok())
                .map(|limit| limit as usize);
        }
        let object = value.as_object()?;
        (1..=path.len())
            .rev()
            .find_map(|taken| within(object.get(&path[..taken].join("."))?, &path[taken..]))
    }
    let settings = settings?;
    let prefixed: Vec<&str> = std::iter::once("index")
        .chain(path.iter().copied())
        .collect();
    within(settings, path).or_else(|| within(settings, &prefixed))
}

fn bad(pointer: &str, message: &str) -> BadMapping {
    BadMapping {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
