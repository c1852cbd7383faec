//! Request schemas: JSON Schema 2020-12 with a few formats of ours, compiled once; what breaks them
//! is told in sentences with a pointer.

use crate::{
    expression::did_you_mean,
    violation::{VIOLATIONS, Violation, escape_step},
};
use jsonschema::{
    Draft, Keyword, PatternOptions, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

mod format;

pub(crate) use format::is_collection_name;

/// A compiled schema beside its text.
#[derive(Debug)]
pub(crate) struct Schema {
    pub text: Value,
    validator: Validator,
}

impl Schema {
    pub fn compile(text: &Value) -> Result<Self, String> {
        let mut options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_keyword("readOnly", |_, value, _| {
                Ok(Box::new(ReadOnly(value == &Value::Bool(true))))
            });
        for format in format::ALL {
            options = options.with_format(format.name, format.check);
        }
        let validator = options
            .build(text)
            .map_err(|e| format!("{}: {e}", e.instance_path()))?;
        Ok(Self {
            text: text.clone(),
            validator,
        })
    }

    /// All violations, the first found first.
    pub fn check(&self, instance: &Value) -> Result<(), Vec<Violation>> {
        if self.validator.is_valid(instance) {
            return Ok(());
        }
        let mut violations: Vec<Violation> = Vec::new();
        for error in self.validator.iter_errors(instance) {
            violations.extend(self.violations(&error));
            if violations.len() >= VIOLATIONS {
                break;
            }
        }
        violations.truncate(VIOLATIONS);
        Err(violations)
    }

    fn violations(&self, error: &ValidationError<'_>) -> Vec<Violation> {
        let pointer = error.instance_path().as_str().to_owned();
        let rule = match error.kind() {
            ValidationErrorKind::FalseSchema => "false",
            kind => kind.keyword(),
        };
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.known_members(error.schema_path().as_str());
                let extra = |name: &String| Violation {
                    pointer: format!("{pointer}/{}", escape_step(name)),
                    rule: rule.to_owned(),
                    message: format!(
                        "there is no field `{}` here{}",
                        short_name(name),
                        did_you_mean(name, known.iter().map(String::as_str))
                    ),
                };
                unexpected.iter().map(extra).collect()
            }
            kind => vec![Violation {
                message: error_sentence(kind, error.instance()),
                pointer,
                rule: rule.to_owned(),
            }],
        }
    }

    /// The members that the object which forbids others does name.
    fn known_members(&self, schema_path: &str) -> Vec<String> {
        let object = schema_path
            .rsplit_once('/')
            .map_or("", |(object, _)| object);
        let properties = self
            .text
            .pointer(object)
            .and_then(|schema| schema.get("properties"))
            .and_then(Value::as_object);
        properties
            .map(|members| members.keys().cloned().collect())
            .unwrap_or_default()
    }
}

fn error_sentence(kind: &ValidationErrorKind, instance: &Value) -> String {
    use ValidationErrorKind as K;
    let given = brief_value(instance);
    match kind {
        K::Required { property } => format!(
            "the field `{}` is missing",
            property.as_str().unwrap_or_default()
        ),
        K::Type { kind } => format!("must be {}, not {given}", type_names(kind)),
        K::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(Value::to_string)
                .collect();
            format!("must be one of {}, not {given}", options.join(", "))
        }
        K::Constant { expected_value } => format!("must be {expected_value}, not {given}"),
        K::Format { format } => match format::ALL.iter().find(|known| known.name == format) {
            Some(known) => format!("must be {}, not {given}", known.what),
            None => format!("must be a valid {format}, not {given}"),
        },
        K::Pattern { pattern } => format!("must match `{pattern}`, not {given}"),
        K::MinLength { limit: 1 } => "must not be empty".into(),
        K::MinLength { limit } => format!("must have at least {limit} characters"),
        K::MaxLength { limit } => format!("must have at most {limit} characters"),
        K::MinItems { limit: 1 } => "must list at least one".into(),
        K::MinItems { limit } => format!("must list at least {limit}"),
        K::MaxItems { limit } => format!("must list at most {limit}"),
        K::Minimum { limit } => format!("must be at least {limit}, not {given}"),
        K::Maximum { limit } => format!("must be at most {limit}, not {given}"),
        K::MinProperties { limit } => format!("must have at least {limit} fields"),
        K::MaxProperties { limit } => format!("must have at most {limit} fields"),
        K::UniqueItems => "must not list anything twice".into(),
        K::FalseSchema => "must not be sent".into(),
        K::Custom { message, .. } => message.clone(),
        K::AnyOf { .. } | K::OneOfNotValid { .. } => {
            format!("{given} is none of the forms allowed here")
        }
        other => format!("breaks the rule `{}`", other.keyword()),
    }
}

fn type_names(kind: &TypeKind) -> String {
    let name = |text: String| match text.as_str() {
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "string" => "a text".to_owned(),
        "number" => "a number".to_owned(),
        "integer" => "a whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    match kind {
        TypeKind::Single(one) => name(one.to_string()),
        TypeKind::Multiple(many) => many
            .iter()
            .map(|one| name(one.to_string()))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

/// The value if it is short, else what it is: an answer does not repeat a request.
fn brief_value(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) if text.chars().count() > 60 => "a text of another kind".into(),
        short => short.to_string(),
    }
}

fn short_name(name: &str) -> String {
    match name.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

/// A member that only the server sets: `readOnly: true` refuses it.
struct ReadOnly(bool);

impl<'i> Keyword<'i> for ReadOnly {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.0 {
            Err(ValidationError::custom("must not be sent: it is read-only"))
        } else {
            Ok(())
        }
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        !self.0
    }
}

#[cfg(test)]
mod tests;
