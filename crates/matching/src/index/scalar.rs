//! A scalar of a filter or of a document, borrowed, so that both can be hashed and compared alike.
//! Must never own anything: it is made for every value of every document.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use crate::filter::Scalar;
use crate::number::Number;
use crate::same_bytes::same_bytes;

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

/// Texts up to this length are kept in place.
const SHORT: usize = 22;

/// A scalar of a filter, in as little room as a reference to a text and with no more to follow when
/// the text is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HeldScalars {
    Null,
    Bool(bool),
    Number(Number),
    Short(u8, [u8; SHORT]),
    Long(Arc<str>),
}

impl From<&Scalar> for HeldScalars {
    fn from(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Null => HeldScalars::Null,
            Scalar::Bool(truth) => HeldScalars::Bool(*truth),
            Scalar::Number(number) => HeldScalars::Number(*number),
            Scalar::String(text) if text.len() <= SHORT => {
                let mut bytes = [0; SHORT];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                HeldScalars::Short(text.len() as u8, bytes)
            }
            Scalar::String(text) => HeldScalars::Long(Arc::clone(text)),
        }
    }
}

impl HeldScalars {
    /// Whether this is that scalar: same type, same value.
    #[inline]
    pub(super) fn is(&self, scalar: ScalarRef<'_>) -> bool {
        match (self, scalar) {
            (HeldScalars::Null, ScalarRef::Null) => true,
            (HeldScalars::Bool(own), ScalarRef::Bool(other)) => *own == other,
            (HeldScalars::Number(own), ScalarRef::Number(other)) => *own == other,
            (HeldScalars::Short(length, bytes), ScalarRef::Text(text)) => {
                same_bytes(&bytes[..usize::from(*length)], text.as_bytes())
            }
            (HeldScalars::Long(own), ScalarRef::Text(text)) => **own == *text,
            _ => false,
        }
    }

    pub(super) fn is_truth(&self) -> bool {
        matches!(self, HeldScalars::Bool(_))
    }

    /// Feeds a hasher as [`ScalarRef::hash_with`] does.
    pub(super) fn hash_with(&self, before: u64, hasher: &mut impl Hasher) {
        match self {
            HeldScalars::Null => ScalarRef::Null.hash_with(before, hasher),
            HeldScalars::Bool(truth) => ScalarRef::Bool(*truth).hash_with(before, hasher),
            HeldScalars::Number(number) => ScalarRef::Number(*number).hash_with(before, hasher),
            HeldScalars::Short(length, bytes) => {
                hash_text(&bytes[..usize::from(*length)], before, hasher)
            }
            HeldScalars::Long(text) => hash_text(text.as_bytes(), before, hasher),
        }
    }
}

impl ScalarRef<'_> {
    /// Feeds a hasher, after a number of the caller's.
    #[inline]
    pub(super) fn hash_with(self, before: u64, hasher: &mut impl Hasher) {
        match self {
            ScalarRef::Null => hasher.write_u64(before << 2),
            ScalarRef::Bool(truth) => hasher.write_u64((before << 1 | u64::from(truth)) << 2 | 1),
            ScalarRef::Number(number) => {
                hasher.write_u64(before << 2 | 2);
                number.hash(hasher);
            }
            ScalarRef::Text(text) => hash_text(text.as_bytes(), before, hasher),
        }
    }
}

#[inline]
fn hash_text(text: &[u8], before: u64, hasher: &mut impl Hasher) {
    hasher.write_u64(before << 2 | 3);
    hasher.write(text);
}
