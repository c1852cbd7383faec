//! Elasticsearch mappings: what a field is, and whether a body would be taken. Shared by every
//! view, so that planning refuses on any of them what a real index would refuse. Pure; it must
//! never know more than the mapping tells: what other documents made of a dynamic field is the
//! index's secret.

pub mod change;
mod check;
mod declaration;
mod limits;
pub(crate) mod parameter;
mod position;
mod read;
mod settings;

pub use check::DynamicFields;
pub use declaration::{METADATA, is_metadata};
pub use field_values::{coerce, date, ip, point};
pub use position::{BadSearchAfter, SearchAfterType, SearchAfterValue, UnreadSearchAfter};
pub use settings::IndexSettings;

use coerce::Reader;
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
    /// Kept with 32 bits: larger numbers are refused.
    Float,
    /// Kept with 16 bits.
    HalfFloat,
    Boolean,
    Date(Vec<DateFormat>),
    GeoPoint {
        ignore_z: bool,
    },
    Ip,
    /// An object whose leaves are keywords, found by their path.
    Flattened {
        depth: usize,
        ignore_above: Option<usize>,
    },
    Object(Fields),
    /// Its objects are documents of their own to the index: checked, never searched here.
    Nested(Fields),
    /// Another name of the field at this path; documents cannot hold it.
    Alias(String),
    /// An object in whose members' names a dot is a letter (`subobjects: false`): never checked,
    /// never searched here, but for what is copied out of it.
    Flat(Fields),
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

/// What a text is cut into, when it is indexed and when it is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Analyzer {
    Standard,
    /// Runs of letters, in lower case.
    Simple,
    /// `Simple` without the commonest English words.
    Stop,
    Whitespace,
    /// The whole text is one term.
    Keyword,
    /// Of a language, or defined in the settings: only the index knows.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TextOptions {
    pub analyzer: Analyzer,
    pub search_analyzer: Analyzer,
    /// Phrases can be found.
    pub positions: bool,
    pub norms: bool,
    /// Sorts and terms are allowed.
    pub fielddata: bool,
    /// How far the values of an array are from each other.
    pub gap: usize,
}

/// How the terms of a field count when documents are held against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermScoring {
    /// A short field counts more.
    pub norms: bool,
    /// A term that stands there often counts more.
    pub frequencies: bool,
    /// Each term counts the same.
    pub is_boolean: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub kind: Kind,
    pub ignore_malformed: bool,
    pub coerce: bool,
    pub index: bool,
    pub doc_values: bool,
    pub store: bool,
    /// What stands for an explicit `null`.
    pub null_value: Option<Value>,
    /// Where else the values are indexed.
    pub copy_to: Vec<String>,
    pub text: TextOptions,
    pub scoring: TermScoring,
    /// A keyword in lower case.
    pub lowercase: bool,
    /// `match` cuts its text at blanks.
    pub split: bool,
    /// The same value under another type: `title.raw`.
    pub fields: BTreeMap<String, Field>,
    /// A parameter that changes what searches find in a way that only the index knows, by name.
    pub special: Option<String>,
}

/// A collection's mapping, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub root: Fields,
    pub date_detection: bool,
    /// New fields are made by rules that only the index knows: dynamic templates, formats of
    /// dates, numbers in texts, settings of the whole collection.
    pub guesses: bool,
    settings: IndexSettings,
    mapped: usize,
}

/// A mapping or a setting that is not what it must be: JSON pointer and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mapping is malformed at `{pointer}`: {message}")]
pub struct BadMapping {
    pub pointer: String,
    pub message: String,
}

impl Mapping {
    /// Reads `{"properties": …, "dynamic": …}` and what the settings say of fields.
    pub fn read(mappings: Option<&Value>, settings: Option<&Value>) -> Result<Self, BadMapping> {
        let read = IndexSettings::read(settings).map_err(|error| BadMapping {
            pointer: format!("/settings{}", error.pointer),
            ..error
        })?;
        let empty = Map::new();
        let top = match mappings {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(top)) => top,
            Some(_) => return Err(bad_mapping("", "expected an object")),
        };
        if let Some(mappings) = mappings.filter(|mappings| !mappings.is_null()) {
            declaration::check_mappings(mappings, settings)?;
        }
        let flag = |name: &str, default: bool| {
            let value = top.get(name).and_then(coerce::strict_boolean);
            value.unwrap_or(default)
        };
        let has = |name: &str| match top.get(name) {
            Some(Value::Array(all)) => !all.is_empty(),
            Some(value) => value.is_string(),
            None => false,
        };
        let root = read::read_root(top, &read)?;
        let mut mapping = Self {
            date_detection: flag("date_detection", true),
            guesses: flag("numeric_detection", false)
                || has("dynamic_templates")
                || has("dynamic_date_formats")
                || read.change_new_fields(),
            root,
            settings: read,
            mapped: 0,
        };
        mapping.check_paths(&mapping.root, "", "", "")?;
        mapping.mapped = count_fields(&mapping.root);
        mapping.check_limits()?;
        Ok(mapping)
    }

    /// The field at a dotted path: mapped, a sub-field of a mapped one, or not mapped (with what
    /// becomes of such a member there).
    pub fn find(&self, path: &str) -> Found<'_> {
        self.find_within(path, "")
    }

    /// The same, seen from the nested object at the path `nested`: what is within it, and within
    /// those around it, is found as well.
    pub fn find_within(&self, path: &str, nested: &str) -> Found<'_> {
        let mut fields = &self.root;
        let mut dynamic = fields.dynamic.unwrap_or(Dynamic::True);
        let mut rest = path;
        loop {
            let (name, behind) = rest
                .split_once('.')
                .map_or((rest, None), |(name, behind)| (name, Some(behind)));
            let Some(field) = fields.properties.get(name) else {
                let dynamic = if fields.enabled {
                    dynamic
                } else {
                    Dynamic::False
                };
                return Found::Unmapped(dynamic);
            };
            let Some(behind) = behind else {
                return Found::Field(field);
            };
            match &field.kind {
                Kind::Object(inner) => {
                    dynamic = inner.dynamic.unwrap_or(dynamic);
                    (fields, rest) = (inner, behind);
                }
                Kind::Nested(inner)
                    if is_at_or_below(nested, &path[..path.len() - behind.len() - 1]) =>
                {
                    dynamic = inner.dynamic.unwrap_or(dynamic);
                    (fields, rest) = (inner, behind);
                }
                Kind::Flattened { .. } => return Found::Key { field },
                Kind::Nested(_) | Kind::Flat(_) | Kind::Other(_) => return Found::Field(field),
                _ => {
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

    /// The nested objects that a path leads through, the outermost first.
    pub fn nested_around(&self, path: &str) -> Vec<(String, &Field)> {
        let dots = path.match_indices('.').map(|(dot, _)| &path[..dot]);
        let all = dots.filter_map(|around| match self.find_within(around, around) {
            Found::Field(field) if matches!(field.kind, Kind::Nested(_)) => {
                Some((around.to_owned(), field))
            }
            _ => None,
        });
        all.collect()
    }

    /// Does the path lead through an object that is not looked into?
    pub fn is_disabled(&self, path: &str) -> bool {
        let mut fields = &self.root;
        for name in path.split('.') {
            if !fields.enabled {
                return true;
            }
            match fields.properties.get(name).map(|field| &field.kind) {
                Some(Kind::Object(inner) | Kind::Nested(inner)) => fields = inner,
                _ => return false,
            }
        }
        !fields.enabled
    }

    /// Does the path lead below a field that is mapped as a value?
    fn is_below_value(&self, path: &str) -> bool {
        path.match_indices('.').any(|(dot, _)| {
            matches!(self.find(&path[..dot]), Found::Field(field) if !matches!(
                field.kind,
                Kind::Object(_)
                    | Kind::Nested(_)
                    | Kind::Flattened { .. }
                    | Kind::Flat(_)
                    | Kind::Other(_)
            ))
        })
    }

    /// The paths of the fields whose values are copied to this one.
    pub fn copied_to(&self, path: &str) -> Vec<String> {
        let mut all = Vec::new();
        collect_copies(&self.root, "", &mut |from, target| {
            if target == path {
                all.push(from.to_owned());
            }
        });
        all
    }

    /// What is copied below this path: where it goes from there on, and the path of its field.
    pub fn copied_below(&self, path: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        collect_copies(&self.root, "", &mut |from, target| {
            let below = target.strip_prefix(path);
            if let Some(below) = below.and_then(|below| below.strip_prefix('.')) {
                all.push((below.to_owned(), from.to_owned()));
            }
        });
        all
    }
}

fn is_at_or_below(path: &str, around: &str) -> bool {
    path.strip_prefix(around)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn path_below(around: &str, name: &str) -> String {
    if around.is_empty() {
        name.to_owned()
    } else {
        format!("{around}.{name}")
    }
}

/// Each field that is copied, and each path to which it is.
fn collect_copies(fields: &Fields, around: &str, visit: &mut dyn FnMut(&str, &str)) {
    for (name, field) in &fields.properties {
        let path = path_below(around, name);
        for target in &field.copy_to {
            visit(&path, target);
        }
        if let Kind::Object(inner) | Kind::Nested(inner) | Kind::Flat(inner) = &field.kind {
            collect_copies(inner, &path, visit);
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
    /// A key within a flattened field.
    Key {
        field: &'a Field,
    },
    Unmapped(Dynamic),
}

impl Field {
    fn plain(kind: Kind) -> Self {
        Self {
            kind,
            ignore_malformed: false,
            coerce: true,
            index: true,
            doc_values: true,
            store: false,
            null_value: None,
            copy_to: Vec::new(),
            text: TextOptions {
                analyzer: Analyzer::Standard,
                search_analyzer: Analyzer::Standard,
                positions: true,
                norms: true,
                fielddata: false,
                gap: 100,
            },
            scoring: TermScoring {
                norms: false,
                frequencies: false,
                is_boolean: false,
            },
            lowercase: false,
            split: false,
            fields: BTreeMap::new(),
            special: None,
        }
    }

    /// How the field reads numbers that are written as text.
    pub fn reader(&self) -> Reader {
        match self.kind {
            Kind::Whole {
                greatest: i64::MAX, ..
            } => Reader::Exact,
            _ => Reader::Float,
        }
    }
}

impl Analyzer {
    /// `None`: there is none of this name without settings of one's own.
    fn named(name: &str) -> Option<Self> {
        const LANGUAGES: &str = "arabic armenian basque bengali brazilian bulgarian catalan \
            chinese cjk czech danish dutch english estonian fingerprint finnish french galician \
            german greek hindi hungarian indonesian irish italian latvian lithuanian norwegian \
            pattern persian portuguese romanian russian serbian snowball sorani spanish swedish \
            thai turkish";
        Some(match name {
            "standard" | "default" => Self::Standard,
            "simple" => Self::Simple,
            "stop" => Self::Stop,
            "whitespace" => Self::Whitespace,
            "keyword" => Self::Keyword,
            other if LANGUAGES.split_whitespace().any(|known| known == other) => Self::Other,
            _ => return None,
        })
    }
}

/// How many fields an index counts: objects, leaves and sub-fields.
fn count_fields(fields: &Fields) -> usize {
    let one = |field: &Field| {
        let inner = match &field.kind {
            Kind::Object(inner) | Kind::Nested(inner) => count_fields(inner),
            _ => 0,
        };
        1 + field.fields.len() + inner
    };
    fields.properties.values().map(one).sum()
}

fn bad_mapping(pointer: &str, message: &str) -> BadMapping {
    BadMapping {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
