//! The settings of a collection as one table: which an application may give, what each takes, and
//! what of them counts where mappings and documents are checked. Must never let one pass that could
//! make an index wait for somebody (blocks, rules of allocation, copies that must be there), keep
//! less of a document than it was given or send it elsewhere: what is accepted is applied or
//! refused. Those are an operator's, by index templates. See ADR 23.

use super::{BadMapping, bad_mapping, coerce, is_metadata};
use crate::cell::{join_pointer, shown_value};
use serde_json::Value;

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SettingKind {
    /// Whatever the index makes of it: definitions of analyzers and the like.
    Anything,
    /// A whole number within these bounds, or its text.
    Count(i64, i64),
    Flag,
    OneOf(&'static [&'static str]),
    /// A time with its unit, or -1.
    Time,
    /// One name of a field or several, with or without a boost.
    Fields,
}

const MANY: i64 = i32::MAX as i64;
/// The length of `_data_stream_timestamp`, the longest name of an index's own.
const OWN_NAME: i64 = 22;

/// A name that ends in a dot stands for all that begin with it.
const TABLE: &[(&str, SettingKind)] = &[
    ("analysis.", SettingKind::Anything),
    ("similarity.", SettingKind::Anything),
    ("number_of_shards", SettingKind::Count(1, 1024)),
    ("number_of_replicas", SettingKind::Count(0, MANY)),
    ("refresh_interval", SettingKind::Time),
    (
        "codec",
        SettingKind::OneOf(&["default", "best_compression"]),
    ),
    (
        "translog.durability",
        SettingKind::OneOf(&["request", "async", "REQUEST", "ASYNC"]),
    ),
    ("max_ngram_diff", SettingKind::Count(0, MANY)),
    ("max_shingle_diff", SettingKind::Count(0, MANY)),
    ("query.default_field", SettingKind::Fields),
    ("mapping.total_fields.limit", SettingKind::Count(0, MANY)),
    ("mapping.depth.limit", SettingKind::Count(1, MANY)),
    ("mapping.nested_fields.limit", SettingKind::Count(0, MANY)),
    ("mapping.nested_objects.limit", SettingKind::Count(0, MANY)),
    // An index holds its own names to it as well.
    (
        "mapping.field_name_length.limit",
        SettingKind::Count(OWN_NAME, MANY),
    ),
    ("mapping.ignore_malformed", SettingKind::Flag),
    ("mapping.coerce", SettingKind::Flag),
];

/// A collection's settings, read once. The limits are those of Elasticsearch where none is given.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexSettings {
    /// Names without `index.`, in dots, and what was given for each.
    given: Vec<(String, Value)>,
    pub total_fields: usize,
    pub depth: usize,
    pub(super) nested_fields: usize,
    pub(super) nested_objects: usize,
    pub name_length: usize,
    pub(super) ignore_malformed: bool,
    pub(super) coerce: bool,
}

impl IndexSettings {
    /// Reads settings in any of the spellings that an index takes: nested, dotted, with or without
    /// `index.`.
    ///
    /// # Errors
    /// If one is none of the table, or is not what that says. The pointer leads into the settings.
    pub fn read(settings: Option<&Value>) -> Result<Self, BadMapping> {
        let mut read = Self {
            given: Vec::new(),
            total_fields: 1_000,
            depth: 20,
            nested_fields: 50,
            nested_objects: 10_000,
            name_length: usize::MAX,
            ignore_malformed: false,
            coerce: true,
        };
        match settings {
            None | Some(Value::Null) => {}
            Some(all @ Value::Object(_)) => read.group("", all, "")?,
            Some(_) => return Err(bad_mapping("", "expected an object")),
        }
        Ok(read)
    }

    /// Each setting that was given: its name without `index.`, and its value.
    pub fn given(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.given
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Do they define analyzers? Then a name may be one of them.
    pub(super) fn define_analysis(&self) -> bool {
        self.given().any(|(name, _)| name.starts_with("analysis."))
    }

    /// Do they say how texts are scored that say nothing of it themselves?
    pub(super) fn define_similarity(&self) -> bool {
        let default = "similarity.default.";
        self.given().any(|(name, _)| name.starts_with(default))
    }

    /// Is a field that the mapping does not name more than its value?
    pub(super) fn change_new_fields(&self) -> bool {
        let analyzer = "analysis.analyzer.default";
        let cut = |(name, _): (&str, &Value)| name.starts_with(analyzer);
        self.ignore_malformed || !self.coerce || self.define_similarity() || self.given().any(cut)
    }

    fn group(&mut self, name: &str, value: &Value, at: &str) -> Result<(), BadMapping> {
        match value {
            Value::Object(members) => members.iter().try_for_each(|(member, value)| {
                let name = if name.is_empty() {
                    member.clone()
                } else {
                    format!("{name}.{member}")
                };
                self.group(&name, value, &join_pointer(at, member))
            }),
            // As if it were not there.
            Value::Null => Ok(()),
            value => self.one(name, value, at),
        }
    }

    fn one(&mut self, name: &str, value: &Value, at: &str) -> Result<(), BadMapping> {
        let name = name.strip_prefix("index.").unwrap_or(name);
        let found = TABLE.iter().find(|(known, _)| {
            if known.ends_with('.') {
                name.starts_with(known)
            } else {
                name == *known
            }
        });
        let Some((_, takes)) = found else {
            let why = format!("`{name}` is no setting that a collection may have");
            return Err(bad_mapping(at, &why));
        };
        if self.given().any(|(other, _)| other == name) {
            return Err(bad_mapping(at, &format!("`{name}` is set twice")));
        }
        if !is_taken(*takes, value) {
            let why = format!("`{name}` cannot be {}", shown_value(value));
            return Err(bad_mapping(at, &why));
        }
        let count = || parse_count(value).map_or(usize::MAX, |count| count as usize);
        let flag = || coerce::strict_boolean(value) == Some(true);
        match name {
            "mapping.total_fields.limit" => self.total_fields = count(),
            "mapping.depth.limit" => self.depth = count(),
            "mapping.nested_fields.limit" => self.nested_fields = count(),
            "mapping.nested_objects.limit" => self.nested_objects = count(),
            "mapping.field_name_length.limit" => self.name_length = count(),
            "mapping.ignore_malformed" => self.ignore_malformed = flag(),
            "mapping.coerce" => self.coerce = flag(),
            _ => {}
        }
        self.given.push((name.to_owned(), value.clone()));
        Ok(())
    }
}

fn is_taken(takes: SettingKind, value: &Value) -> bool {
    match takes {
        SettingKind::Anything => true,
        SettingKind::Count(least, most) => {
            parse_count(value).is_some_and(|n| (least..=most).contains(&n))
        }
        SettingKind::Flag => coerce::strict_boolean(value).is_some(),
        SettingKind::OneOf(all) => value.as_str().is_some_and(|text| all.contains(&text)),
        SettingKind::Time => coerce::scalar_text(value).is_some_and(|text| is_time(&text)),
        SettingKind::Fields => match value {
            Value::Array(all) => all.iter().all(is_field),
            one => is_field(one),
        },
    }
}

/// The index's own are asked by nobody.
fn is_field(value: &Value) -> bool {
    let is_own = |name: &str| name.split('^').next().is_some_and(is_metadata);
    coerce::scalar_text(value).is_some_and(|names| !names.split(',').map(str::trim).any(is_own))
}

fn parse_count(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_time(text: &str) -> bool {
    let units = ["nanos", "micros", "ms", "s", "m", "h", "d"];
    let number = units.iter().find_map(|unit| text.strip_suffix(unit));
    match number {
        Some(number) => number.parse::<u32>().is_ok(),
        None => matches!(text, "-1" | "0"),
    }
}

#[cfg(test)]
mod tests;
