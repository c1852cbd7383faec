//! Where the last page ended, as a client says it: a hit's own sort values, or the document's own
//! values. Each is read by the type of the field that it belongs to.

use super::{
    key::{By, Key},
    value::SortValue,
};
use crate::search::{bad, field::Type, leaf, unsupported};
use serde_json::Value;
use store::{
    StoreError,
    mapping::{
        BadSearchAfter, SearchAfterType, SearchAfterValue, UnreadSearchAfter,
        coerce::{self, Number, Reader},
        date::{self, Detected, Fill, Moment, Reading},
    },
};

/// Where the last page ended in one key.
#[derive(Debug)]
pub struct SearchAfterPosition {
    given: Value,
    pointer: String,
    /// By the field that the sort names; `None` where it has no such value.
    of_field: Option<SortValue>,
    /// By `unmapped_type`, for a field that turns out to be nowhere.
    of_fallback: Option<SortValue>,
}

impl SearchAfterPosition {
    /// # Errors
    /// If the value cannot be one of the key, whatever the documents hold.
    pub fn read(key: &Key, value: &Value, at: &str) -> Result<Self, StoreError> {
        let of_field = value_of_field(key, value, at);
        let of_fallback = match key.open_fallback() {
            Some(kind) => value_of_fallback(key, kind, value, at).ok(),
            None => None,
        };
        let position = Self {
            given: value.clone(),
            pointer: at.to_owned(),
            of_fallback,
            of_field: match of_field {
                Ok(value) => Some(value),
                Err(refused) if key.open_fallback().is_none() => return Err(refused),
                Err(_) => None,
            },
        };
        if position.of_field.is_none() && position.of_fallback.is_none() {
            value_of_field(key, value, at)?;
        }
        Ok(position)
    }

    /// # Errors
    /// If the field, now that the documents were looked at, has no such value.
    pub fn check(&self, key: &Key) -> Result<(), StoreError> {
        if self.value(key).is_some() {
            return Ok(());
        }
        let (value, at) = (&self.given, self.pointer.as_str());
        match key.absent_type() {
            Some(kind) => value_of_fallback(key, kind, value, at).map(drop),
            None => value_of_field(key, value, at).map(drop),
        }
    }

    pub fn value(&self, key: &Key) -> Option<&SortValue> {
        if key.absent_type().is_some() {
            self.of_fallback.as_ref()
        } else {
            self.of_field.as_ref()
        }
    }
}

fn value_of_field(key: &Key, value: &Value, at: &str) -> Result<SortValue, StoreError> {
    if value.is_null() {
        return missing_position(key, at);
    }
    let found = match &key.by {
        By::Distance { .. } | By::Score => as_type(SearchAfterType::Double, value, at)?,
        By::Values { sources, .. } => match sources.last() {
            Some(source) => of_type(&source.kind, value, at)?,
            // Nothing is there, so every document is missing it.
            None => Some(SortValue::Missing),
        },
    };
    found.ok_or_else(|| no_value(key, value, at))
}

fn value_of_fallback(
    key: &Key,
    kind: &Type,
    value: &Value,
    at: &str,
) -> Result<SortValue, StoreError> {
    if value.is_null() {
        return if may_miss(kind) {
            Ok(SortValue::Missing)
        } else {
            Err(no_null(key, at))
        };
    }
    let found = of_type(kind, value, at)?.ok_or_else(|| no_value(key, value, at))?;
    // What an index takes a missing value for, as all documents are missing it.
    let is_absent = found == key.absent();
    Ok(if is_absent { SortValue::Missing } else { found })
}

fn no_value(key: &Key, value: &Value, at: &str) -> StoreError {
    let (name, value) = (key.name.clone(), value.clone());
    BadSearchAfter::NoValue { name, value }.refuse(at)
}

fn no_null(key: &Key, at: &str) -> StoreError {
    let name = key.name.clone();
    BadSearchAfter::Null { name }.refuse(at)
}

fn may_miss(kind: &Type) -> bool {
    *kind != Type::Id && value_type(kind).is_some_and(SearchAfterType::may_miss)
}

fn missing_position(key: &Key, at: &str) -> Result<SortValue, StoreError> {
    if key.missing.is_some() {
        return Err(unsupported("search_after null beside sort.missing", at));
    }
    match &key.by {
        By::Values { sources, .. }
            if sources.last().is_none_or(|source| may_miss(&source.kind)) =>
        {
            Ok(SortValue::Missing)
        }
        _ => Err(no_null(key, at)),
    }
}

/// A number that stands for a missing value.
fn beyond_all(value: SortValue) -> SortValue {
    let is_beyond = match &value {
        SortValue::Number(Number::Whole(whole)) => {
            *whole == i64::MAX.into() || *whole == i64::MIN.into()
        }
        SortValue::Number(Number::Real(real)) => real.is_infinite(),
        _ => false,
    };
    if is_beyond { SortValue::Missing } else { value }
}

/// What a sort says that a missing value is.
pub fn read_missing(key: &Key, value: &Value, at: &str) -> Result<SortValue, StoreError> {
    let By::Values { sources, .. } = &key.by else {
        let why = format!("{value} is no value of `{}`", key.name);
        return Err(bad(why, at));
    };
    let Some(source) = sources.last() else {
        return Ok(SortValue::Missing);
    };
    let of_field = missing_of_type(key, &source.kind, value, at);
    let Some(kind) = key.open_fallback() else {
        return of_field;
    };
    // Which of both it is only documents tell.
    match (of_field, missing_of_type(key, kind, value, at)) {
        (Ok(found), Ok(other)) if found == other => Ok(found),
        (Err(refused), Err(_)) => Err(refused),
        _ => Err(unsupported("sort.missing", at)),
    }
}

fn missing_of_type(
    key: &Key,
    kind: &Type,
    value: &Value,
    at: &str,
) -> Result<SortValue, StoreError> {
    let refuse = || bad(format!("{value} is no value of `{}`", key.name), at);
    let is_whole = matches!(kind, Type::Whole { .. } | Type::Date(_) | Type::Boolean);
    if is_whole {
        if value.is_u64() && !value.is_i64() {
            // An index cuts its upper bits off.
            return Err(unsupported("sort.missing beyond 64 bits", at));
        }
        let whole = match value {
            Value::String(text) => text.parse::<i64>().ok().map(whole),
            _ => as_type(SearchAfterType::Whole64, value, at)?,
        };
        return whole.ok_or_else(refuse);
    }
    if *kind == Type::Ip {
        return Err(unsupported("sort.missing", at));
    }
    of_type(kind, value, at)?.ok_or_else(refuse)
}

fn of_type(kind: &Type, value: &Value, at: &str) -> Result<Option<SortValue>, StoreError> {
    match value_type(kind) {
        // As an index spells it.
        Some(SearchAfterType::Text) if value.is_number() => {
            return Ok(Some(SortValue::Text(leaf::query_text(value))));
        }
        Some(kind) => return as_type(kind, value, at),
        None => {}
    }
    match kind {
        Type::Guessed { .. } if is_year(value) => {
            // A year in a field of dates, a number in one of numbers.
            let what = "search_after with four digits as text, in a field that is not mapped";
            Err(unsupported(what, at))
        }
        Type::Guessed { .. } => Ok(guessed_value(value).map(beyond_all)),
        _ => Ok(None),
    }
}

/// `None`: nothing has such values, or only the value itself tells what it is.
fn value_type(kind: &Type) -> Option<SearchAfterType<'_>> {
    Some(match kind {
        Type::Id
        | Type::Text(_)
        | Type::Keyword { .. }
        | Type::GuessedKeyword
        | Type::Leaves { .. } => SearchAfterType::Text,
        Type::Whole { greatest, .. } if *greatest < i64::MAX => SearchAfterType::Whole32,
        Type::Whole { .. } => SearchAfterType::Whole64,
        Type::Boolean => SearchAfterType::Boolean,
        Type::Double => SearchAfterType::Double,
        Type::Float | Type::HalfFloat => SearchAfterType::Single,
        Type::Date(formats) => SearchAfterType::Date(formats),
        Type::Ip => SearchAfterType::Ip,
        Type::Guessed { .. } | Type::GeoPoint(_) | Type::Object => return None,
    })
}

fn as_type(
    kind: SearchAfterType<'_>,
    value: &Value,
    at: &str,
) -> Result<Option<SortValue>, StoreError> {
    match kind.read(value) {
        Ok(SearchAfterValue::Whole(number)) => Ok(Some(whole(number))),
        Ok(SearchAfterValue::Real(real)) => Ok(Some(SortValue::Number(Number::Real(real)))),
        Ok(SearchAfterValue::Text(text)) => Ok(Some(SortValue::Text(text))),
        Ok(SearchAfterValue::Address(bits)) => Ok(Some(SortValue::Address(bits))),
        Err(UnreadSearchAfter::NoValue) => Ok(None),
        Err(UnreadSearchAfter::Untold(what)) => Err(unsupported(what, at)),
    }
}

fn whole(whole: i64) -> SortValue {
    SortValue::Number(Number::Whole(whole.into()))
}

fn is_year(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What the value itself tells, as in a document.
fn guessed_value(value: &Value) -> Option<SortValue> {
    match value {
        Value::Bool(truth) => Some(whole((*truth).into())),
        Value::Number(number) => coerce::read_number(value, Reader::Exact).map(|exact| {
            SortValue::Number(if number.is_f64() {
                Number::Real(f64::from(exact.real() as f32))
            } else {
                exact
            })
        }),
        Value::String(text) if text.contains("||") => {
            let formats = Detected::Iso.formats();
            let millis = Moment::without_now(&formats).of(value, Fill::Down);
            millis.ok().map(whole)
        }
        Value::String(text) => match date::detect_date(text) {
            Some((_, Reading::Millis(millis))) => Some(whole(millis)),
            _ if text == "true" || text == "false" => Some(whole((text == "true").into())),
            _ if text == "Infinity" => Some(SortValue::Number(Number::Real(f64::INFINITY))),
            _ if text == "-Infinity" => Some(SortValue::Number(Number::Real(f64::NEG_INFINITY))),
            _ => coerce::read_number(value, Reader::Exact).map(SortValue::Number),
        },
        _ => None,
    }
}
