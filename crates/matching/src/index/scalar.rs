//! A scalar of a filter or of a document, borrowed, so that both can be hashed and compared alike.
//! Must never own anything: it is made for every value of every document.

use serde_json::Value;

use crate::filter::Scalar;
use crate::number::Number;

/// Null, a truth value, a number or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ScalarRef<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
}

impl<'a> ScalarRef<'a> {
    /// Nothing for arrays and objects.
    #[inline]
    pub(super) fn from_json(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null => Some(ScalarRef::Null),
            Value::Bool(truth) => Some(ScalarRef::Bool(*truth)),
            Value::Number(number) => Number::from_json(number).map(ScalarRef::Number),
            Value::String(text) => Some(ScalarRef::Text(text)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl<'a> From<&'a Scalar> for ScalarRef<'a> {
    fn from(scalar: &'a Scalar) -> Self {
        match scalar {
            Scalar::Null => ScalarRef::Null,
            Scalar::Bool(truth) => ScalarRef::Bool(*truth),
            Scalar::Number(number) => ScalarRef::Number(*number),
            Scalar::String(text) => ScalarRef::Text(text),
        }
    }
}
