//! The operands of the conditions on plain values. Must never coerce: a number is no string, a
//! string no number.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Path, expect_attributes, expect_properties, non_empty_object, one_property, refuse_at,
};
use crate::field::FieldPath;
use crate::filter::{Bounds, Condition, FilterError, Limit, Options, Scalar};
use crate::number::Number;
use crate::pattern::{Flags, Pattern};

/// The field that `ids` looks at.
const ID: &str = "_id";

/// Any field name that is a string with something in it.
pub fn field_name(value: &Value, path: &Path<'_>, keyword: &str) -> Result<FieldPath, FilterError> {
    Ok(FieldPath::new(non_empty_text(value, path, keyword)?))
}

pub fn non_empty_text<'v>(
    value: &'v Value,
    path: &Path<'_>,
    keyword: &str,
) -> Result<&'v str, FilterError> {
    match value.as_str() {
        None => Err(refuse_at(path, keyword, "must be a string")),
        Some("") => Err(refuse_at(path, keyword, "cannot be empty")),
        Some(text) => Ok(text),
    }
}

/// A number without decimals; `1.0` is one.
pub fn parse_integer(value: &Value, path: &Path<'_>, keyword: &str) -> Result<i64, FilterError> {
    let number = match value {
        Value::Number(number) => Number::from_json(number),
        _ => None,
    };
    let number = number.ok_or_else(|| refuse_at(path, keyword, "must be an integer"))?;
    if number.to_f64().fract() != 0.0 {
        return Err(refuse_at(
            path,
            keyword,
            "cannot have decimals, must be an integer",
        ));
    }
    number
        .to_json()
        .as_i64()
        .ok_or_else(|| refuse_at(path, keyword, "must be an integer"))
}

/// `equals: {field: scalar}`
pub fn parse_equals(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (field, value) = one_property(operand, path, "equals")?;
    match Scalar::from_json(value) {
        Some(value) => Ok(Condition::Equals {
            field: FieldPath::new(field),
            value,
        }),
        None => Err(refuse_at(
            &path.then(field),
            "equals",
            "must either be a string, a number, a boolean, or null",
        )),
    }
}

/// `in: {field: ["…", …]}`
pub fn parse_in(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (field, values) = one_property(operand, path, "in")?;
    Ok(Condition::In {
        field: FieldPath::new(field),
        values: parse_strings(values, &path.then(field), "in")?,
    })
}

/// `ids: {values: ["…", …]}`
pub fn parse_ids(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (name, values) = one_property(operand, path, "ids")?;
    if name != "values" {
        return Err(refuse_at(path, "ids", "the property \"values\" is missing"));
    }
    Ok(Condition::In {
        field: FieldPath::new(ID),
        values: parse_strings(values, &path.then("values"), "ids")?,
    })
}

fn parse_strings(
    values: &Value,
    path: &Path<'_>,
    keyword: &str,
) -> Result<Vec<Arc<str>>, FilterError> {
    let values = values
        .as_array()
        .ok_or_else(|| refuse_at(path, keyword, "must be an array"))?;
    if values.is_empty() {
        return Err(refuse_at(path, keyword, "cannot be empty"));
    }
    let text = |value: &Value| value.as_str().map(Arc::from);
    values
        .iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| refuse_at(path, keyword, "must hold only values of type \"string\""))
}

/// `exists: "field"`, `exists: 'field["value"]'`, and both as `{field: …}`; `missing` alike.
pub fn parse_exists(
    operand: &Value,
    path: &Path<'_>,
    keyword: &str,
) -> Result<Condition, FilterError> {
    if let Value::String(text) = operand {
        if text.is_empty() {
            return Err(refuse_at(path, keyword, "cannot test empty field name"));
        }
        return parse_presence(text, path, keyword);
    }
    let object = operand
        .as_object()
        .ok_or_else(|| refuse_at(path, keyword, "must be an object"))?;
    expect_properties(object, 1, path, keyword)?;
    let text = object
        .get("field")
        .ok_or_else(|| refuse_at(path, keyword, "the property \"field\" is missing"))?;
    let path = path.then("field");
    parse_presence(non_empty_text(text, &path, keyword)?, &path, keyword)
}

/// A field name, or a field name and the JSON scalar between the brackets that follow it.
fn parse_presence(text: &str, path: &Path<'_>, keyword: &str) -> Result<Condition, FilterError> {
    let Some((name, value)) = split_brackets(text) else {
        return Ok(Condition::Exists {
            field: FieldPath::new(&unescape_brackets(text)),
        });
    };
    let scalar = serde_json::from_str(value)
        .ok()
        .as_ref()
        .and_then(Scalar::from_json);
    let scalar = scalar.ok_or_else(|| {
        refuse_at(
            path,
            keyword,
            format!("contains an invalid array value (\"{value}\")"),
        )
    })?;
    Ok(Condition::Holds {
        field: FieldPath::new(&unescape_brackets(name)),
        value: scalar,
    })
}

/// `name[value]`, cut at the first bracket that no backslash escapes; the last character must be
/// the closing one.
fn split_brackets(text: &str) -> Option<(&str, &str)> {
    let inside = text
        .strip_suffix(']')
        .filter(|before| !before.ends_with('\\'))?;
    let mut escaped = false;
    for (at, letter) in inside.char_indices() {
        match letter {
            '[' if !escaped => {
                return if at > 0 {
                    Some((&inside[..at], &inside[at + 1..]))
                } else {
                    None
                };
            }
            _ => escaped = letter == '\\',
        }
    }
    None
}

fn unescape_brackets(name: &str) -> String {
    name.replace("\\[", "[").replace("\\]", "]")
}

/// `range: {field: {gt | gte | lt | lte: number}}`
pub fn parse_range(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (field, limits) = one_property(operand, path, "range")?;
    let path = path.then(field);
    let limits = match limits {
        Value::Object(limits) if !limits.is_empty() => limits,
        _ => return Err(refuse_at(&path, "range", "must be a non-empty object")),
    };
    expect_attributes(limits, &["gt", "gte", "lt", "lte"], &path, "range")?;
    let (mut low, mut high) = (None, None);
    for (name, value) in limits {
        let number = if let Value::Number(number) = value {
            Number::from_json(number)
        } else {
            None
        };
        let at = number.ok_or_else(|| refuse_at(&path.then(name), "range", "must be a number"))?;
        let limit = Limit {
            at,
            inclusive: name.ends_with('e'),
        };
        let (end, side) = if name.starts_with('g') {
            (&mut low, "lower")
        } else {
            (&mut high, "upper")
        };
        if end.replace(limit).is_some() {
            return Err(refuse_at(
                &path,
                "range",
                format!("only 1 {side} boundary allowed"),
            ));
        }
    }
    if let (Some(low), Some(high)) = (low, high)
        && low.at >= high.at
    {
        return Err(refuse_at(
            &path,
            "range",
            "lower boundary must be strictly inferior to the upper one",
        ));
    }
    Ok(Condition::Range {
        field: FieldPath::new(field),
        bounds: Bounds { low, high },
    })
}

/// `regexp: {field: "pattern"}`, `regexp: {field: {value: "pattern", flags: "i"}}`
pub fn parse_regexp(
    operand: &Value,
    path: &Path<'_>,
    options: &Options,
) -> Result<Condition, FilterError> {
    let (field, operand) = one_property(operand, path, "regexp")?;
    let path = path.then(field);
    let (source, flags) = match operand {
        Value::String(source) => (source.as_str(), ""),
        Value::Object(object) if !object.is_empty() => {
            expect_attributes(object, &["flags", "value"], &path, "regexp")?;
            let source = object
                .get("value")
                .ok_or_else(|| refuse_at(&path, "regexp", "the property \"value\" is missing"))?;
            let source = source
                .as_str()
                .ok_or_else(|| refuse_at(&path.then("value"), "regexp", "must be a string"))?;
            let flags = match object.get("flags") {
                None => "",
                Some(flags) => flags
                    .as_str()
                    .ok_or_else(|| refuse_at(&path.then("flags"), "regexp", "must be a string"))?,
            };
            (source, flags)
        }
        _ => {
            return Err(refuse_at(
                &path,
                "regexp",
                "must be either a string or a non-empty object",
            ));
        }
    };
    match Pattern::parse(
        source,
        Flags::parse(flags),
        options.max_pattern_bytes,
        options.max_pattern_program,
    ) {
        Ok(pattern) => Ok(Condition::Regexp {
            field: FieldPath::new(field),
            pattern,
        }),
        Err(error) => {
            let shown: String = source.chars().take(80).collect();
            Err(refuse_at(
                &path,
                "regexp",
                format!("cannot parse regexp expression \"/{shown}/{flags}\" ({error})"),
            ))
        }
    }
}

/// `match: {…}`
pub fn parse_match(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let object = non_empty_object(operand, path, "match")?;
    Ok(Condition::Match {
        object: Arc::new(object.clone()),
    })
}
