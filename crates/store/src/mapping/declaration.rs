//! Would an index of Elasticsearch 8.19 take these mappings? Everything that the mappings
//! themselves tell, checked before anything is made: a collection stands in the record first, and
//! mappings that no view takes would stand there for good. It must never refuse what an index
//! takes, but for types, scripts and switches that are not offered here.

mod formats;
pub(super) mod parameters;

use super::{BadMapping, bad};
use crate::cell::pointer;
use parameters::{Parameter, Takes};
use serde_json::{Map, Value};

/// The field types that are offered.
const TYPES: [&str; 28] = [
    "alias",
    "binary",
    "boolean",
    "byte",
    "completion",
    "constant_keyword",
    "date",
    "date_nanos",
    "date_range",
    "double",
    "flattened",
    "float",
    "geo_point",
    "geo_shape",
    "half_float",
    "integer",
    "ip",
    "keyword",
    "long",
    "nested",
    "object",
    "scaled_float",
    "search_as_you_type",
    "short",
    "text",
    "token_count",
    "unsigned_long",
    "wildcard",
];

/// Names at the top of a document that are the index's own, and the stores'.
const OWN: [&str; 14] = [
    "_consign",
    "_data_stream_timestamp",
    "_doc_count",
    "_field_names",
    "_id",
    "_ignored",
    "_ignored_source",
    "_index",
    "_nested_path",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_version",
];

/// What an index has without being told. Languages are a module's.
const ANALYZERS: [&str; 43] = [
    "arabic",
    "armenian",
    "basque",
    "bengali",
    "brazilian",
    "bulgarian",
    "catalan",
    "cjk",
    "czech",
    "danish",
    "default",
    "dutch",
    "english",
    "estonian",
    "fingerprint",
    "finnish",
    "french",
    "galician",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "keyword",
    "latvian",
    "lithuanian",
    "norwegian",
    "pattern",
    "persian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "simple",
    "sorani",
    "spanish",
    "standard",
    "stop",
    "swedish",
    "turkish",
    "whitespace",
];

/// Checks whole mappings. `settings` may define analyzers and normalizers.
pub fn check(mappings: &Value, settings: Option<&Value>) -> Result<(), BadMapping> {
    let Some(top) = mappings.as_object() else {
        return Err(bad("", "`mappings` must be an object"));
    };
    let declared = Declared { settings };
    for (name, value) in top {
        declared.top(name, value)?;
    }
    aliases(top, top.get("properties"), "/properties")
}

struct Declared<'a> {
    settings: Option<&'a Value>,
}

impl Declared<'_> {
    fn top(&self, name: &str, value: &Value) -> Result<(), BadMapping> {
        let at = format!("/{name}");
        match name {
            "properties" => self.properties(value, &at, true),
            "dynamic" => dynamic(value, &at),
            "date_detection" | "numeric_detection" => flag(value, &at),
            "dynamic_date_formats" => date_formats(value, &at),
            "dynamic_templates" => self.templates(value, &at),
            "_meta" if value.is_object() => Ok(()),
            "_source" => source(value, &at),
            "_meta" => Err(bad(&at, "expected an object")),
            _ => Err(bad(&at, &format!("`{name}` is no part of mappings"))),
        }
    }

    fn properties(&self, value: &Value, at: &str, top: bool) -> Result<(), BadMapping> {
        let fields = match value {
            Value::Object(fields) => fields,
            // As an index reads it.
            Value::Array(none) if none.is_empty() => return Ok(()),
            _ => return Err(bad(at, "expected an object")),
        };
        for (name, field) in fields {
            let here = pointer(at, name);
            if name.split('.').any(|part| part.trim().is_empty()) {
                return Err(bad(&here, "a field needs a name without empty parts"));
            }
            if top && OWN.contains(&name.as_str()) {
                return Err(bad(
                    &here,
                    &format!("`{name}` is a field that the stores keep for themselves"),
                ));
            }
            self.field(field, &here, Within::Object)?;
        }
        Ok(())
    }

    fn field(&self, field: &Value, at: &str, within: Within) -> Result<(), BadMapping> {
        let Value::Object(field) = field else {
            return Err(bad(at, "a field must be an object"));
        };
        let kind = kind(field, at)?;
        if within == Within::Field && ["object", "nested", "alias"].contains(&kind) {
            let why = format!("a sub-field cannot be of type `{kind}`");
            return Err(bad(&format!("{at}/type"), &why));
        }
        for (name, value) in field.iter().filter(|(name, _)| *name != "type") {
            self.parameter(kind, name, value, at, within)?;
        }
        for needed in required(kind) {
            if field.get(*needed).is_none_or(Value::is_null) {
                let why = format!("a field of type `{kind}` needs `{needed}`");
                return Err(bad(at, &why));
            }
        }
        if on(field, "index_phrases") && field.get("index").is_some_and(|index| !is_on(index)) {
            let here = format!("{at}/index_phrases");
            return Err(bad(&here, "phrases need a field that is indexed"));
        }
        Ok(())
    }

    fn parameter(
        &self,
        kind: &str,
        name: &str,
        value: &Value,
        at: &str,
        within: Within,
    ) -> Result<(), BadMapping> {
        let here = pointer(at, name);
        if matches!(kind, "object" | "nested") {
            match name {
                "properties" => return self.properties(value, &here, false),
                "dynamic" => return dynamic(value, &here),
                "enabled" => return flag(value, &here),
                "subobjects" if kind == "object" => return flag(value, &here),
                _ => {}
            }
        }
        let Some(parameter) = parameters::find(kind, name) else {
            let why = format!("a field of type `{kind}` has no parameter `{name}`");
            return Err(bad(&here, &why));
        };
        if within == Within::Field && ["fields", "copy_to"].contains(&name) {
            return Err(bad(&here, &format!("a sub-field cannot have `{name}`")));
        }
        self.value(kind, parameter, value, &here)
    }

    fn value(
        &self,
        kind: &str,
        parameter: &Parameter,
        value: &Value,
        at: &str,
    ) -> Result<(), BadMapping> {
        let nullable = matches!(
            parameter.name,
            "null_value" | "normalizer" | "index_prefixes" | "time_series_metric" | "similarity"
        );
        let fits = match (parameter.takes, value) {
            (_, Value::Null) => nullable,
            (Takes::Fields, _) => return self.fields(value, at),
            (Takes::Flag, _) => return flag(value, at),
            (Takes::Labels, _) => return labels(value, at),
            (Takes::Targets, Value::Array(targets)) => targets.iter().all(is_scalar),
            (Takes::Targets | Takes::Text, _) => is_scalar(value),
            (Takes::Count(least), _) => whole(value).is_some_and(|count| count >= least),
            (Takes::Number, _) => {
                value.is_number()
                    || value
                        .as_str()
                        .is_some_and(|text| text.parse::<f64>().is_ok())
            }
            (Takes::OneOf(all), Value::String(text)) => all.contains(&text.as_str()),
            (Takes::Analyzer, Value::String(text)) => {
                ANALYZERS.contains(&text.as_str()) || self.defines("analyzer", text)
            }
            (Takes::Normalizer, Value::String(text)) => {
                text == "lowercase" || self.defines("normalizer", text)
            }
            (Takes::Formats, _) => return date_format(value, at),
            (Takes::Own, _) => own(kind, value),
            (Takes::Object, _) => value.is_object(),
            (Takes::List, Value::Array(list)) => !list.is_empty(),
            (Takes::Anything, _) => true,
            (Takes::OneOf(_) | Takes::Analyzer | Takes::Normalizer | Takes::List, _) => false,
        };
        if fits {
            return Ok(());
        }
        let shown: String = value.to_string().chars().take(40).collect();
        let name = parameter.name;
        Err(bad(
            at,
            &format!("`{name}` of a field of type `{kind}` cannot be {shown}"),
        ))
    }

    fn fields(&self, value: &Value, at: &str) -> Result<(), BadMapping> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Array(none) if none.is_empty() => return Ok(()),
            _ => return Err(bad(at, "expected an object of sub-fields")),
        };
        for (name, field) in fields {
            let here = pointer(at, name);
            if name.trim().is_empty() || name.contains('.') {
                return Err(bad(&here, "a sub-field needs a name without dots"));
            }
            self.field(field, &here, Within::Field)?;
        }
        Ok(())
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
        let wanted = format!("analysis.{what}.{name}");
        self.settings
            .is_some_and(|settings| spelled(settings, "", &wanted))
    }

    fn templates(&self, value: &Value, at: &str) -> Result<(), BadMapping> {
        const KNOWN: [&str; 9] = [
            "match",
            "unmatch",
            "path_match",
            "path_unmatch",
            "match_mapping_type",
            "unmatch_mapping_type",
            "match_pattern",
            "mapping",
            "runtime",
        ];
        let Value::Array(templates) = value else {
            return Err(bad(at, "expected a list of templates"));
        };
        for (n, template) in templates.iter().enumerate() {
            let here = format!("{at}/{n}");
            let named = template.as_object().filter(|template| template.len() == 1);
            let Some((name, template)) = named.and_then(|named| named.iter().next()) else {
                return Err(bad(&here, "a template is an object with its name"));
            };
            let here = pointer(&here, name);
            let Value::Object(template) = template else {
                return Err(bad(&here, "expected an object"));
            };
            if let Some(unknown) = template.keys().find(|key| !KNOWN.contains(&key.as_str())) {
                let why = format!("a template has no parameter `{unknown}`");
                return Err(bad(&pointer(&here, unknown), &why));
            }
            match template.get("mapping") {
                None if template.contains_key("runtime") => {}
                None => return Err(bad(&here, "a template needs `mapping` or `runtime`")),
                Some(mapping) => self.template(mapping, &format!("{here}/mapping"))?,
            }
        }
        Ok(())
    }

    /// Names in braces stand for what is met, and what they make of it is not known before.
    fn template(&self, mapping: &Value, at: &str) -> Result<(), BadMapping> {
        let Value::Object(field) = mapping else {
            return Err(bad(at, "expected an object"));
        };
        let text = mapping.to_string();
        let open = ["{dynamic_type}", "{name}"]
            .iter()
            .any(|met| text.contains(met));
        if open || !field.contains_key("type") {
            return Ok(());
        }
        self.field(mapping, at, Within::Object)
    }
}

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Object,
    /// Another field's `fields`.
    Field,
}

/// The type of a field, named or seen from what it holds.
pub(super) fn kind<'f>(field: &'f Map<String, Value>, at: &str) -> Result<&'f str, BadMapping> {
    match field.get("type") {
        Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => Ok(kind),
        Some(Value::String(kind)) => Err(bad(
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
        None | Some(Value::Null) => Err(bad(at, "a field needs a `type` or `properties`")),
        Some(_) => Err(bad(&format!("{at}/type"), "a field's type is a text")),
    }
}

fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "alias" => &["path"],
        "scaled_float" => &["scaling_factor"],
        "token_count" => &["analyzer"],
        _ => &[],
    }
}

/// Aliases must lead to fields that are there.
fn aliases(
    top: &Map<String, Value>,
    properties: Option<&Value>,
    at: &str,
) -> Result<(), BadMapping> {
    for (name, field) in properties.and_then(Value::as_object).into_iter().flatten() {
        let here = pointer(at, name);
        if field.get("type").is_some_and(|kind| kind == "alias") {
            let path = field.get("path").and_then(Value::as_str);
            if !path.is_some_and(|path| leads_to_a_field(top.get("properties"), path)) {
                let why = "an alias must lead to a field that is there";
                return Err(bad(&format!("{here}/path"), why));
            }
        }
        aliases(top, field.get("properties"), &format!("{here}/properties"))?;
    }
    Ok(())
}

fn leads_to_a_field(properties: Option<&Value>, path: &str) -> bool {
    let Some(fields) = properties.and_then(Value::as_object) else {
        return false;
    };
    fields.iter().any(|(name, field)| {
        let leaf = |field: &Value| {
            field
                .get("type")
                .is_some_and(|kind| !["alias", "object", "nested"].iter().any(|no| kind == no))
        };
        match path.strip_prefix(name.as_str()) {
            Some("") => leaf(field),
            Some(rest) => rest.strip_prefix('.').is_some_and(|rest| {
                leads_to_a_field(field.get("properties"), rest)
                    || field.get("fields").and_then(|sub| sub.get(rest)).is_some()
            }),
            None => false,
        }
    })
}

fn dynamic(value: &Value, at: &str) -> Result<(), BadMapping> {
    let known = ["true", "false", "strict", "runtime"];
    match value {
        Value::Bool(_) => Ok(()),
        Value::String(text) if known.contains(&text.as_str()) => Ok(()),
        _ => Err(bad(at, "expected true, false, \"strict\" or \"runtime\"")),
    }
}

fn source(value: &Value, at: &str) -> Result<(), BadMapping> {
    let Value::Object(members) = value else {
        return Err(bad(at, "expected an object"));
    };
    let known = ["enabled", "includes", "excludes", "mode"];
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(bad(
            &pointer(at, unknown),
            &format!("`_source` has no parameter `{unknown}`"),
        )),
        None => Ok(()),
    }
}

fn date_formats(value: &Value, at: &str) -> Result<(), BadMapping> {
    match value {
        Value::Array(formats) => formats
            .iter()
            .enumerate()
            .try_for_each(|(n, format)| date_format(format, &format!("{at}/{n}"))),
        Value::String(_) => Ok(()),
        _ => Err(bad(at, "expected a list of date formats")),
    }
}

fn date_format(value: &Value, at: &str) -> Result<(), BadMapping> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(bad(at, "expected a date format")),
    };
    match formats::fault(&text) {
        None => Ok(()),
        Some(why) => Err(bad(at, &why)),
    }
}

fn flag(value: &Value, at: &str) -> Result<(), BadMapping> {
    match value {
        Value::Bool(_) => Ok(()),
        Value::String(text) if text == "true" || text == "false" => Ok(()),
        _ => Err(bad(at, "expected true or false")),
    }
}

fn labels(value: &Value, at: &str) -> Result<(), BadMapping> {
    let Value::Object(labels) = value else {
        return Err(bad(at, "expected an object of texts"));
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
        Err(bad(at, why))
    }
}

/// A value that stands for null: one of the field's own.
fn own(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "boolean" => flag(value, "").is_ok(),
        "byte" | "integer" | "long" | "short" | "unsigned_long" | "token_count" | "double"
        | "float" | "half_float" | "scaled_float" => {
            value.is_number() || text.is_some_and(|text| text.trim().parse::<f64>().is_ok())
        }
        "ip" => text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        "date" | "date_nanos" => {
            value.is_number()
                || text.is_some_and(|text| text.contains(|one: char| one.is_ascii_digit()))
        }
        "geo_point" => !value.is_boolean() && !value.is_number(),
        _ => true,
    }
}

fn on(field: &Map<String, Value>, name: &str) -> bool {
    field.get(name).is_some_and(is_on)
}

fn is_on(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_str() == Some("true")
}

fn is_scalar(value: &Value) -> bool {
    !(value.is_object() || value.is_array() || value.is_null())
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests;
