//! Are these mappings at all? What can be known without a view is refused before anything stands: a
//! collection is made in the record first, and mappings that no view takes would stand there for
//! good.

use crate::error::{Code, Problem};
use serde_json::{Map, Value};

/// The field types of the view that are worth offering.
const TYPES: [&str; 28] = [
    "alias",
    "binary",
    "boolean",
    "byte",
    "completion",
    "constant_keyword",
    "date",
    "date_nanos",
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
    "date_range",
];

pub(crate) fn check(mappings: &Value) -> Result<(), Problem> {
    let Some(map) = mappings.as_object() else {
        return Err(bad("/mappings", "`mappings` must be an object"));
    };
    for (name, value) in map {
        match name.as_str() {
            "properties" => properties(value, "/mappings/properties")?,
            "dynamic" => dynamic(value)?,
            "dynamic_templates"
            | "date_detection"
            | "numeric_detection"
            | "dynamic_date_formats"
            | "_source"
            | "_meta" => {}
            other => {
                return Err(bad(
                    &format!("/mappings/{other}"),
                    &format!("`{other}` is no part of mappings"),
                ));
            }
        }
    }
    Ok(())
}

fn dynamic(value: &Value) -> Result<(), Problem> {
    match value {
        Value::Bool(_) => Ok(()),
        Value::String(text) if ["true", "false", "strict", "runtime"].contains(&text.as_str()) => {
            Ok(())
        }
        _ => Err(bad(
            "/mappings/dynamic",
            "`dynamic` is true, false, \"strict\" or \"runtime\"",
        )),
    }
}

fn properties(value: &Value, at: &str) -> Result<(), Problem> {
    let Some(fields) = value.as_object() else {
        return Err(bad(at, "`properties` must be an object"));
    };
    for (name, field) in fields {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        let Some(field) = field.as_object() else {
            return Err(bad(&at, "a field must be an object"));
        };
        self::field(field, name, &at)?;
    }
    Ok(())
}

fn field(field: &Map<String, Value>, name: &str, at: &str) -> Result<(), Problem> {
    if name.is_empty() || name.trim().is_empty() || name.split('.').any(str::is_empty) {
        return Err(bad(at, "a field needs a name without empty parts"));
    }
    match field.get("type") {
        Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => {}
        None if field.contains_key("properties") => {}
        Some(Value::String(kind)) => {
            return Err(bad(
                &format!("{at}/type"),
                &format!("there is no field type `{kind}`"),
            ));
        }
        Some(_) => return Err(bad(&format!("{at}/type"), "a field's type is a text")),
        None => return Err(bad(at, "a field needs a `type` or `properties`")),
    }
    match field.get("properties") {
        Some(inner) => properties(inner, &format!("{at}/properties")),
        None => Ok(()),
    }
}

fn bad(at: &str, detail: &str) -> Problem {
    Problem::new(Code::BadMappings, detail).at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mappings_are_checked_as_far_as_can_be_known() {
        let good = json!({"dynamic": "strict", "properties": {"name": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "a": {"properties": {"b": {"type": "geo_point"}}}}});
        assert!(check(&good).is_ok());
        assert!(check(&json!({})).is_ok());
        let cases = [
            (json!([]), "/mappings"),
            (json!({"property": {}}), "/mappings/property"),
            (json!({"dynamic": "often"}), "/mappings/dynamic"),
            (
                json!({"properties": {"a": {"type": "strnig"}}}),
                "/mappings/properties/a/type",
            ),
            (json!({"properties": {"a": {}}}), "/mappings/properties/a"),
            (
                json!({"properties": {"a": {"properties": {"b/c": 1}}}}),
                "/mappings/properties/a/properties/b~1c",
            ),
            (
                json!({"properties": {"a..b": {"type": "text"}}}),
                "/mappings/properties/a..b",
            ),
        ];
        for (mappings, pointer) in cases {
            let problem = serde_json::to_value(check(&mappings).unwrap_err()).unwrap();
            assert_eq!(problem["pointer"], pointer, "{mappings}");
        }
    }
}
