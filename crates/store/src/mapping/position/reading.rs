//! How the value of `search_after` is read by the type of the field that it belongs to: as an index
//! reads it. Must never take a value for another than an index does; what only an index can tell is
//! named.

use super::super::{Field, Kind, coerce};
use field_values::{
    coerce::{Number, Reader},
    date::{DateFormat, Fill, Moment, NotAMoment},
    ip,
};
use serde_json::Value;

/// What values of a sort are compared as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SearchAfterType<'f> {
    Text,
    Whole64,
    /// Kept with 32 bits, as all the smaller ones are.
    Whole32,
    Boolean,
    Double,
    /// Compared with 32 bits.
    Single,
    Date(&'f [DateFormat]),
    Ip,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SearchAfterValue {
    Whole(i64),
    Real(f64),
    Text(String),
    Address(u128),
}

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadSearchAfter {
    /// The field has no such value.
    NoValue,
    /// Only an index can tell what it makes of it.
    Untold(String),
}

impl<'f> SearchAfterType<'f> {
    /// `None`: an index orders such a field by what only it knows, or not at all.
    pub(super) fn of(field: &'f Field) -> Option<Self> {
        if field.special.is_some() {
            return None;
        }
        Some(match &field.kind {
            Kind::Text if field.text.fielddata => Self::Text,
            Kind::Text => return None,
            _ if !field.doc_values => return None,
            Kind::Keyword { .. } | Kind::Flattened { .. } => Self::Text,
            Kind::Whole { greatest, .. } if *greatest < i64::MAX => Self::Whole32,
            Kind::Whole { .. } => Self::Whole64,
            Kind::Boolean => Self::Boolean,
            Kind::Double => Self::Double,
            Kind::Float | Kind::HalfFloat => Self::Single,
            Kind::Date(formats) => {
                let is_unknown = |format: &DateFormat| matches!(format, DateFormat::Unknown(_));
                if formats.iter().any(is_unknown) {
                    return None;
                }
                Self::Date(formats)
            }
            Kind::Ip => Self::Ip,
            Kind::GeoPoint { .. }
            | Kind::Object(_)
            | Kind::Nested(_)
            | Kind::Alias(_)
            | Kind::Flat(_)
            | Kind::Other(_) => return None,
        })
    }

    /// Only texts and addresses may be missing: for a number an index has a value beyond all others.
    #[must_use]
    pub fn may_miss(self) -> bool {
        matches!(self, Self::Text | Self::Ip)
    }

    /// # Errors
    /// If an index refuses the value, or only the index can tell what it is.
    pub fn read(self, value: &Value) -> Result<SearchAfterValue, UnreadSearchAfter> {
        let found = match self {
            // As it is given: an index normalizes what documents and queries say, and no value of a
            // sort.
            Self::Text => {
                coerce::scalar_text(value).map(|text| SearchAfterValue::Text(text.into_owned()))
            }
            Self::Whole32 => short(value)?.map(SearchAfterValue::Whole),
            Self::Whole64 => long(value).map(SearchAfterValue::Whole),
            Self::Boolean => match coerce::strict_boolean(value) {
                Some(truth) => Some(SearchAfterValue::Whole(truth.into())),
                None => {
                    let whole = value.is_number().then(|| long(value)).flatten();
                    whole.map(SearchAfterValue::Whole)
                }
            },
            Self::Double => real(value).map(SearchAfterValue::Real),
            Self::Single => real(value).map(|real| SearchAfterValue::Real(f64::from(real as f32))),
            Self::Date(formats) => date(formats, value)?.map(SearchAfterValue::Whole),
            Self::Ip => value
                .as_str()
                .and_then(ip::parse)
                .map(SearchAfterValue::Address),
        };
        found.ok_or(UnreadSearchAfter::NoValue)
    }
}

fn date(formats: &[DateFormat], value: &Value) -> Result<Option<i64>, UnreadSearchAfter> {
    match value {
        Value::String(text) if text.starts_with("now") => Ok(None),
        Value::String(_) => match Moment::without_now(formats).of(value, Fill::Down) {
            Ok(millis) => Ok(Some(millis)),
            Err(NotAMoment::Regional(region)) => {
                let what = format!("the time zone `{region}`");
                Err(UnreadSearchAfter::Untold(what))
            }
            Err(_) => Ok(None),
        },
        Value::Number(_) => Ok(long(value)),
        _ => Ok(None),
    }
}

fn short(value: &Value) -> Result<Option<i64>, UnreadSearchAfter> {
    if let Some(text) = value.as_str() {
        return Ok(text.parse::<i32>().ok().map(i64::from));
    }
    let found = long(value);
    if found.is_some_and(|found| i32::try_from(found).is_err()) {
        // An index cuts its upper bits off.
        let what = "search_after beyond 32 bits".to_owned();
        return Err(UnreadSearchAfter::Untold(what));
    }
    Ok(found)
}

/// A whole number, fractions cut off.
fn long(value: &Value) -> Option<i64> {
    if value == "NaN" {
        // Java's cast of what is no number.
        return Some(0);
    }
    match (value, coerce::read_number(value, Reader::Float)?) {
        (Value::String(_), Number::Real(real)) => Some(real.floor() as i64),
        (_, Number::Real(real)) => Some(real as i64),
        (_, Number::Whole(whole)) => i64::try_from(whole).ok(),
    }
}

fn real(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some("NaN") => Some(f64::NAN),
        _ => coerce::read_number(value, Reader::Float).map(Number::real),
    }
}
