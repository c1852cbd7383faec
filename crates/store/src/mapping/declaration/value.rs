//! Values of parameters, by what the table says that a parameter takes.

use super::Declared;
use crate::{
    cell::join_pointer,
    mapping::{
        Analyzer, BadMapping, Dynamic, bad_mapping, coerce,
        date::format::format_fault,
        parameter::{Parameter, Takes, whole_number},
    },
};
use serde_json::Value;

/// Similarities that an index has without being told.
const SIMILARITIES: [&str; 2] = ["BM25", "boolean"];

/// Parameters that may be `null`.
const NULLABLE: [&str; 5] = [
    "null_value",
    "normalizer",
    "index_prefixes",
    "time_series_metric",
    "similarity",
];

impl Declared<'_> {
    pub fn value(
        &self,
        kind: &str,
        parameter: &Parameter,
        value: &Value,
        at: &str,
    ) -> Result<(), BadMapping> {
        let fits = match (parameter.takes, value) {
            (_, Value::Null) => NULLABLE.contains(&parameter.name),
            (Takes::Fields, _) => return self.fields(value, at),
            (Takes::Flag, _) => return check_flag(value, at),
            (Takes::Labels, _) => return check_labels(value, at),
            (Takes::Targets, Value::Array(targets)) => targets.iter().all(is_scalar),
            (Takes::Targets | Takes::Text, _) => is_scalar(value),
            (Takes::Count(least), _) => whole_number(value).is_some_and(|count| count >= least),
            (Takes::Number, _) => is_number(value),
            (Takes::OneOf(all), Value::String(text)) => all.contains(&text.as_str()),
            (Takes::Analyzer, Value::String(text)) => {
                Analyzer::named(text).is_some() || self.defines("analysis.analyzer", text)
            }
            (Takes::Normalizer, Value::String(text)) => {
                text == "lowercase" || self.defines("analysis.normalizer", text)
            }
            (Takes::Similarity, Value::String(text)) => {
                SIMILARITIES.contains(&text.as_str()) || self.defines("similarity", text)
            }
            (Takes::Formats, _) => return date_format(value, at),
            (Takes::Locale, _) => is_locale(value),
            (Takes::Own, _) => is_own_value(kind, value),
            (Takes::Object, _) => value.is_object(),
            (Takes::Prefixes, _) => is_prefixes(value),
            (Takes::List, Value::Array(list)) => {
                (parameter.name == "contexts") != list.is_empty()
                    || parameter.name == "time_series_dimensions"
            }
            (Takes::Anything, _) => true,
            (
                Takes::OneOf(_)
                | Takes::Analyzer
                | Takes::Normalizer
                | Takes::Similarity
                | Takes::List,
                _,
            ) => false,
        };
        if fits {
            return Ok(());
        }
        let (name, shown) = (parameter.name, crate::cell::shown_value(value));
        Err(bad_mapping(
            at,
            &format!("`{name}` of a field of type `{kind}` cannot be {shown}"),
        ))
    }

    /// Do the settings define one of this name? Spelled nested or dotted.
    fn defines(&self, what: &str, name: &str) -> bool {
        fn spelled(value: &Value, path: &str, wanted: &str) -> bool {
            value.as_object().is_some_and(|members| {
                members.iter().any(|(member, value)| {
                    let path = format!("{path}.{member}");
                    path.contains(wanted) || spelled(value, &path, wanted)
                })
            })
        }
        let wanted = format!("{what}.{name}");
        self.settings
            .is_some_and(|settings| spelled(settings, "", &wanted))
    }
}

pub fn parse_dynamic(value: &Value, at: &str) -> Result<Dynamic, BadMapping> {
    match (coerce::strict_boolean(value), value.as_str()) {
        (Some(true), _) => Ok(Dynamic::True),
        (Some(false), _) => Ok(Dynamic::False),
        (None, Some(word)) if word.eq_ignore_ascii_case("strict") => Ok(Dynamic::Strict),
        (None, Some(word)) if word.eq_ignore_ascii_case("runtime") => Ok(Dynamic::Runtime),
        _ => Err(bad_mapping(
            at,
            "expected true, false, \"strict\" or \"runtime\"",
        )),
    }
}

pub fn check_flag(value: &Value, at: &str) -> Result<(), BadMapping> {
    match coerce::strict_boolean(value) {
        Some(_) => Ok(()),
        None => Err(bad_mapping(at, "expected true or false")),
    }
}

/// Documents are kept whole: versions and requests of theirs stand in the source.
pub fn check_source(value: &Value, at: &str) -> Result<(), BadMapping> {
    let Value::Object(members) = value else {
        return Err(bad_mapping(at, "expected an object"));
    };
    let whole = |(name, value): &(&String, &Value)| match name.as_str() {
        "enabled" => coerce::strict_boolean(value) == Some(true),
        "includes" | "excludes" => value.as_array().is_some_and(Vec::is_empty),
        "mode" => **value == "stored",
        _ => false,
    };
    match members.iter().find(|member| !whole(member)) {
        Some((name, _)) => Err(bad_mapping(
            &join_pointer(at, name),
            &format!("`{name}` that leaves a part of documents out is not offered here"),
        )),
        None => Ok(()),
    }
}

pub fn date_formats(value: &Value, at: &str) -> Result<(), BadMapping> {
    match value {
        Value::Array(formats) => formats
            .iter()
            .enumerate()
            .try_for_each(|(n, format)| text_format(format, &format!("{at}/{n}"))),
        other => text_format(other, at),
    }
}

fn text_format(value: &Value, at: &str) -> Result<(), BadMapping> {
    match value {
        Value::String(_) => date_format(value, at),
        _ => Err(bad_mapping(at, "expected a date format")),
    }
}

fn date_format(value: &Value, at: &str) -> Result<(), BadMapping> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(bad_mapping(at, "expected a date format")),
    };
    match format_fault(&text) {
        None => Ok(()),
        Some(why) => Err(bad_mapping(at, &why)),
    }
}

fn check_labels(value: &Value, at: &str) -> Result<(), BadMapping> {
    let Value::Object(labels) = value else {
        return Err(bad_mapping(at, "expected an object of texts"));
    };
    let fits = labels.len() <= 5
        && labels.iter().all(|(name, label)| {
            let short = |label: &str| label.chars().count() <= 50;
            name.chars().count() <= 20 && label.as_str().is_some_and(short)
        });
    if fits {
        Ok(())
    } else {
        let why = "at most 5 texts of at most 50 characters, with names of at most 20";
        Err(bad_mapping(at, why))
    }
}

/// A value that stands for null, in the types that the index alone reads; for the others the field
/// itself reads it.
fn is_own_value(kind: &str, value: &Value) -> bool {
    match kind {
        "unsigned_long" | "token_count" | "scaled_float" => is_number(value),
        _ => true,
    }
}

fn is_number(value: &Value) -> bool {
    let text = value.as_str();
    value.is_number() || text.is_some_and(|text| text.trim().parse::<f64>().is_ok())
}

/// A language of two or three letters, or none.
fn is_locale(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let language = text.split(['-', '_']).next().unwrap_or_default();
    language.len() <= 8
}

fn is_prefixes(value: &Value) -> bool {
    let Value::Object(members) = value else {
        return false;
    };
    let bound = |name: &str, default: i64| members.get(name).map_or(Some(default), whole_number);
    let known = |name: &String| name == "min_chars" || name == "max_chars";
    let bounds = bound("min_chars", 2).zip(bound("max_chars", 5));
    members.keys().all(known)
        && bounds.is_some_and(|(least, most)| 0 < least && least <= most && most < 20)
}

fn is_scalar(value: &Value) -> bool {
    !(value.is_object() || value.is_array() || value.is_null())
}
