//! Where the last page ended, as a client says it: a hit's own sort values, or the document's own
//! values. Each is read by the type of the field that it belongs to.

use super::{By, Key, value::SortValue};
use crate::search::{
    bad,
    field::{Source, Type},
    leaf, unsupported,
};
use serde_json::Value;
use store::{
    StoreError,
    mapping::{
        BadSearchAfter, SearchAfterType, SearchAfterValue, UnreadSearchAfter,
        coerce::{self, Number, Reader},
        date::{self, Detected, Fill, Moment, Reading},
    },
};

pub fn read_after(key: &Key, value: &Value, at: &str) -> Result<SortValue, StoreError> {
    if value.is_null() {
        return missing_position(key, at);
    }
    let found = match &key.by {
        By::Distance { .. } | By::Score => as_type(SearchAfterType::Double, value, at)?,
        By::Values { sources, .. } => match sources.last() {
            Some(source) => of_source(source, value, at)?,
            // Nothing is there, so every document is missing it.
            None => Some(SortValue::Missing),
        },
    };
    let no_value = || BadSearchAfter::NoValue {
        name: key.name.clone(),
        value: value.clone(),
    };
    found.ok_or_else(|| no_value().refuse(at))
}

fn missing_position(key: &Key, at: &str) -> Result<SortValue, StoreError> {
    let may_miss =
        |kind: &Type| *kind != Type::Id && value_type(kind).is_some_and(SearchAfterType::may_miss);
    if key.missing.is_some() {
        return Err(unsupported("search_after null beside sort.missing", at));
    }
    // Of a field that may be nowhere, the type that it has then.
    let kind = |source: &Source, fallback: &Option<Type>| match (&source.kind, fallback) {
        (Type::Guessed { .. }, Some(fallback)) => fallback.clone(),
        (kind, _) => kind.clone(),
    };
    match &key.by {
        By::Values {
            sources, fallback, ..
        } if sources
            .last()
            .is_none_or(|source| may_miss(&kind(source, fallback))) =>
        {
            Ok(SortValue::Missing)
        }
        _ => {
            let name = key.name.clone();
            Err(BadSearchAfter::Null { name }.refuse(at))
        }
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
    let refuse = || bad(format!("{value} is no value of `{}`", key.name), at);
    let By::Values { sources, .. } = &key.by else {
        return Err(refuse());
    };
    let Some(source) = sources.last() else {
        return Ok(SortValue::Missing);
    };
    let is_whole = matches!(
        source.kind,
        Type::Whole { .. } | Type::Date(_) | Type::Boolean
    );
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
    if source.kind == Type::Ip {
        return Err(unsupported("sort.missing", at));
    }
    of_source(source, value, at)?.ok_or_else(refuse)
}

fn of_source(source: &Source, value: &Value, at: &str) -> Result<Option<SortValue>, StoreError> {
    match value_type(&source.kind) {
        // As an index spells it.
        Some(SearchAfterType::Text) if value.is_number() => {
            return Ok(Some(SortValue::Text(leaf::query_text(value))));
        }
        Some(kind) => return as_type(kind, value, at),
        None => {}
    }
    match &source.kind {
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
