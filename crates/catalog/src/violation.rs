//! What is wrong with a request, and where in it: pointers into the request and sentences for people.

use crate::expression::EvalError;
use serde::Serialize;

/// A request is told of this many violations at most.
pub(crate) const VIOLATIONS: usize = 20;

/// One rule that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the request.
    pub pointer: String,
    /// The schema keyword or named rule that is broken: `required`, `type`, `additionalProperties`,
    /// `format` …
    pub rule: String,
    /// A sentence for people, naming the offending value where it is short.
    pub message: String,
}

/// A request that breaks rules: at least one violation, the first found first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.first().map_or("invalid request", |v| v.message.as_str()))]
pub struct Invalid(pub Vec<Violation>);

impl Invalid {
    pub(crate) fn one(pointer: impl Into<String>, rule: &str, message: impl Into<String>) -> Self {
        Self(vec![Violation {
            pointer: pointer.into(),
            rule: rule.to_owned(),
            message: message.into(),
        }])
    }
}

impl From<EvalError> for Invalid {
    fn from(error: EvalError) -> Self {
        Self::one(
            "",
            "expression",
            format!("the operation's definition cannot work with this request: {error}"),
        )
    }
}

pub(crate) fn not_an_object() -> Invalid {
    Invalid::one("", "type", "the request must be a JSON object")
}

/// One step of a JSON pointer.
pub(crate) fn escape_step(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}
