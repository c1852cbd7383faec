//! Would an index of Elasticsearch 8.19 take these mappings? Everything that the text of each field
//! tells, by the one table of types and parameters; how fields stand to each other is read behind
//! this. It must never refuse what an index takes, but for scripts and switches that are not
//! offered here.

mod templates;
mod value;

use super::{
    BadMapping, bad_mapping, coerce,
    date::{self, DateFormat, NotAMoment},
    parameter,
};
use crate::cell::join_pointer;
use serde_json::{Map, Value};
use value::check_flag;
pub(super) use value::parse_dynamic;

/// Names at the top of a document that are the index's own.
pub const METADATA: [&str; 14] = [
    "_data_stream_timestamp",
    "_doc_count",
    "_field_names",
    "_id",
    "_ignored",
    "_ignored_source",
    "_index",
    "_index_mode",
    "_nested_path",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_version",
];

/// Is it a field of the index itself, or of the member that a view keeps beside those of a document?
/// The id is one, too, though searches may ask for it.
#[must_use]
pub fn is_metadata(path: &str) -> bool {
    METADATA.contains(&path) || path == "_consign" || path.starts_with("_consign.")
}

/// Checks whole mappings. `settings` may define analyzers, normalizers and similarities.
pub(super) fn check_mappings(mappings: &Value, settings: Option<&Value>) -> Result<(), BadMapping> {
    let Some(top) = mappings.as_object() else {
        return Err(bad_mapping("", "`mappings` must be an object"));
    };
    let declared = Declared { settings };
    for (name, value) in top {
        declared.top(name, value)?;
    }
    Ok(())
}

struct Declared<'a> {
    settings: Option<&'a Value>,
}

impl Declared<'_> {
    fn top(&self, name: &str, value: &Value) -> Result<(), BadMapping> {
        let at = format!("/{name}");
        match name {
            "properties" => self.properties(value, &at, true),
            "dynamic" => parse_dynamic(value, &at).map(drop),
            "date_detection" | "numeric_detection" => check_flag(value, &at),
            "dynamic_date_formats" => value::date_formats(value, &at),
            "dynamic_templates" => self.templates(value, &at),
            "_meta" if value.is_object() || value.is_null() => Ok(()),
            "_meta" => Err(bad_mapping(&at, "expected an object")),
            "_source" => value::check_source(value, &at),
            // With these off nothing of a document is found, not even what the stores add to it.
            "enabled" | "subobjects" if is_on(value) => Ok(()),
            "enabled" | "subobjects" | "runtime" | "_routing" => {
                Err(bad_mapping(&at, &format!("`{name}` is not offered here")))
            }
            _ => Err(bad_mapping(
                &at,
                &format!("`{name}` is no part of mappings"),
            )),
        }
    }

    fn properties(&self, value: &Value, at: &str, top: bool) -> Result<(), BadMapping> {
        let fields = match value {
            Value::Object(fields) => fields,
            // As an index reads it.
            Value::Array(none) if none.is_empty() => return Ok(()),
            _ => return Err(bad_mapping(at, "expected an object")),
        };
        for (name, field) in fields {
            let here = join_pointer(at, name);
            if name.split('.').any(|part| part.trim().is_empty()) {
                return Err(bad_mapping(
                    &here,
                    "a field needs a name without empty parts",
                ));
            }
            let first = name.split('.').next().unwrap_or(name);
            if top && is_metadata(first) {
                let why = format!("`{first}` is a field that the stores keep for themselves");
                return Err(bad_mapping(&here, &why));
            }
            self.field(field, &here, Within::Object)?;
        }
        Ok(())
    }

    fn field(&self, field: &Value, at: &str, within: Within) -> Result<(), BadMapping> {
        let Value::Object(field) = field else {
            return Err(bad_mapping(at, "a field must be an object"));
        };
        let kind = field_type(field, at)?;
        if within == Within::Field && OUTER.contains(&kind) {
            let why = format!("a sub-field cannot be of type `{kind}`");
            return Err(bad_mapping(&format!("{at}/type"), &why));
        }
        if !parameter::is_listed(kind) {
            return Ok(());
        }
        for (name, value) in field.iter().filter(|(name, _)| *name != "type") {
            self.parameter(kind, name, value, at, within)?;
        }
        for needed in required_parameters(kind) {
            if field.get(*needed).is_none_or(Value::is_null) {
                let why = format!("a field of type `{kind}` needs `{needed}`");
                return Err(bad_mapping(at, &why));
            }
        }
        check_combination(kind, field, at)
    }

    fn parameter(
        &self,
        kind: &str,
        name: &str,
        value: &Value,
        at: &str,
        within: Within,
    ) -> Result<(), BadMapping> {
        let here = join_pointer(at, name);
        if matches!(kind, "object" | "nested") {
            match name {
                "properties" => return self.properties(value, &here, false),
                "dynamic" => return parse_dynamic(value, &here).map(drop),
                "enabled" => return check_flag(value, &here),
                "subobjects" if kind == "object" => return check_flag(value, &here),
                _ => {}
            }
        }
        let Some(parameter) = parameter::find_parameter(kind, name) else {
            let why = format!("a field of type `{kind}` has no parameter `{name}`");
            return Err(bad_mapping(&here, &why));
        };
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        if within == Within::Field && (name == "fields" || name == "copy_to" && !is_empty) {
            return Err(bad_mapping(
                &here,
                &format!("a sub-field cannot have `{name}`"),
            ));
        }
        self.value(kind, parameter, value, &here)
    }

    fn fields(&self, value: &Value, at: &str) -> Result<(), BadMapping> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Array(none) if none.is_empty() => return Ok(()),
            _ => return Err(bad_mapping(at, "expected an object of sub-fields")),
        };
        for (name, field) in fields {
            let here = join_pointer(at, name);
            if name.trim().is_empty() || name.contains('.') {
                return Err(bad_mapping(&here, "a sub-field needs a name without dots"));
            }
            self.field(field, &here, Within::Field)?;
        }
        Ok(())
    }
}

/// Types that cannot be another field's.
const OUTER: [&str; 5] = ["object", "nested", "alias", "dense_vector", "join"];

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Object,
    /// Another field's `fields`.
    Field,
}

/// The type of a field, named or seen from what it holds.
pub(super) fn field_type<'f>(
    field: &'f Map<String, Value>,
    at: &str,
) -> Result<&'f str, BadMapping> {
    match field.get("type") {
        Some(Value::String(kind)) if parameter::is_type(kind) => Ok(kind),
        Some(Value::String(kind)) => Err(bad_mapping(
            &format!("{at}/type"),
            &format!("there is no field type `{kind}`"),
        )),
        None | Some(Value::Null)
            if field
                .get("properties")
                .is_some_and(|inner| !inner.is_null()) =>
        {
            Ok("object")
        }
        None if field.len() == 1 && field.contains_key("enabled") => Ok("object"),
        None | Some(Value::Null) => Err(bad_mapping(at, "a field needs a `type` or `properties`")),
        Some(_) => Err(bad_mapping(
            &format!("{at}/type"),
            "a field's type must be a string",
        )),
    }
}

fn required_parameters(kind: &str) -> &'static [&'static str] {
    match kind {
        "alias" => &["path"],
        "scaled_float" => &["scaling_factor"],
        "token_count" => &["analyzer"],
        _ => &[],
    }
}

/// Parameters that do not go together.
fn check_combination(kind: &str, field: &Map<String, Value>, at: &str) -> Result<(), BadMapping> {
    let is_off = |name: &str| field.get(name).is_some_and(|value| !is_on(value));
    let is_on = |name: &str| field.get(name).is_some_and(is_on);
    let refuse = |name: &str, why: &str| Err(bad_mapping(&format!("{at}/{name}"), why));
    let options = field.get("index_options").and_then(Value::as_str);
    let has_positions = !matches!(options, Some("docs" | "freqs"));
    if is_on("index_phrases") && (is_off("index") || !has_positions) {
        return refuse("index_phrases", "phrases need an index with positions");
    }
    if field.get("index_prefixes").is_some_and(Value::is_object) && is_off("index") {
        return refuse("index_prefixes", "prefixes need a field that is indexed");
    }
    if field.contains_key("position_increment_gap") && !has_positions {
        return refuse("position_increment_gap", "a gap needs positions");
    }
    if is_on("time_series_dimension") {
        if is_off("index") || is_off("doc_values") || kind == "geo_point" {
            let why = "a dimension is no point and needs `index` and `doc_values`";
            return refuse("time_series_dimension", why);
        }
        if field
            .get("time_series_metric")
            .is_some_and(Value::is_string)
        {
            return refuse("time_series_dimension", "a metric is no dimension");
        }
        if field.get("normalizer").is_some_and(Value::is_string) {
            return refuse("normalizer", "a dimension has no normalizer");
        }
    }
    let is_metric = field
        .get("time_series_metric")
        .is_some_and(Value::is_string);
    if is_metric && is_off("doc_values") {
        return refuse("time_series_metric", "a metric needs `doc_values`");
    }
    let nanos = field
        .get("null_value")
        .filter(|value| kind == "date_nanos" && !value.is_null());
    if let Some(value) = nanos {
        let format = field.get("format").and_then(coerce::scalar_text);
        let format = format.as_deref();
        let format = format.unwrap_or("strict_date_optional_time_nanos||epoch_millis");
        let read = date::of_document(&DateFormat::read(Some(format)), value);
        if read == Err(NotAMoment::Malformed) {
            return refuse("null_value", "the field cannot hold this value");
        }
    }
    Ok(())
}

fn is_on(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_str() == Some("true")
}

#[cfg(test)]
mod tests;
