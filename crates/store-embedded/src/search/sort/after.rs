//! Where the last page ended, as a client says it: a hit's own sort values, or the document's own
//! values. Each is read by the type of the field that it belongs to.

use super::{By, Key, value::SortValue};
use crate::search::{
    bad,
    field::{Source, Type},
    unsupported,
};
use serde_json::Value;
use store::{
    StoreError,
    mapping::{
        coerce::{self, Number, Reader},
        date::{self, DateFormat, Detected, Fill, Moment, NotAMoment, Reading},
        ip,
    },
};

pub fn read(key: &Key, value: &Value, at: &str) -> Result<SortValue, StoreError> {
    if value.is_null() {
        return nothing(key, at);
    }
    let found = match &key.by {
        By::Distance { .. } | By::Score => {
            real(value).map(|real| SortValue::Number(Number::Real(real)))
        }
        By::Values { sources, .. } => match sources.last() {
            Some(source) => of_type(source, value, at)?,
            // Nothing is there, so every document is missing it.
            None => Some(SortValue::Missing),
        },
    };
    let name = &key.name;
    found.ok_or_else(|| {
        bad(
            format!("{value} in `search_after` is no value of `{name}`"),
            at,
        )
    })
}

/// Only texts and addresses may be missing: for a number an index has a value beyond all others.
fn nothing(key: &Key, at: &str) -> Result<SortValue, StoreError> {
    let may_miss = |kind: &Type| {
        matches!(
            kind,
            Type::Keyword { .. }
                | Type::GuessedKeyword
                | Type::Leaves { .. }
                | Type::Text(_)
                | Type::Ip
        )
    };
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
        _ => Err(bad(
            format!("`{}` in `search_after` cannot be null", key.name),
            at,
        )),
    }
}

/// A number that stands for a missing value.
fn beyond(value: SortValue) -> SortValue {
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
pub fn missing(key: &Key, value: &Value, at: &str) -> Result<SortValue, StoreError> {
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
        let whole = match value {
            Value::String(text) => text.parse().ok(),
            _ => long(value),
        };
        let whole: i64 = whole.ok_or_else(refuse)?;
        return Ok(SortValue::Number(Number::Whole(whole.into())));
    }
    if source.kind == Type::Ip {
        return Err(unsupported("sort.missing", at));
    }
    of_type(source, value, at)?.ok_or_else(refuse)
}

fn of_type(source: &Source, value: &Value, at: &str) -> Result<Option<SortValue>, StoreError> {
    let whole = |whole: i64| SortValue::Number(Number::Whole(whole.into()));
    let text = || coerce::text(value).map(|text| text.into_owned());
    Ok(match &source.kind {
        // As it is given: an index normalizes what documents and queries say, and no value of a sort.
        Type::Id
        | Type::Text(_)
        | Type::Keyword { .. }
        | Type::GuessedKeyword
        | Type::Leaves { .. } => text().map(SortValue::Text),
        Type::Whole { greatest, .. } if *greatest < i64::MAX && value.is_string() => {
            let short = value.as_str().and_then(|text| text.parse::<i32>().ok());
            short.map(|short| whole(short.into()))
        }
        Type::Whole { greatest, .. } => {
            let found = long(value);
            if *greatest < i64::MAX && found.is_some_and(|found| i32::try_from(found).is_err()) {
                // An index cuts its upper bits off.
                return Err(unsupported("search_after beyond 32 bits", at));
            }
            found.map(whole)
        }
        Type::Boolean => match coerce::strict_boolean(value) {
            Some(truth) => Some(whole(truth.into())),
            None => value.is_number().then(|| long(value)).flatten().map(whole),
        },
        Type::Double => real(value).map(|real| SortValue::Number(Number::Real(real))),
        // The smaller ones are compared with 32 bits, too.
        Type::Float | Type::HalfFloat => {
            real(value).map(|real| SortValue::Number(Number::Real(f64::from(real as f32))))
        }
        Type::Date(formats) => match value {
            Value::String(text) if text.starts_with("now") => None,
            Value::String(_) => match without_now(formats).of(value, Fill::Down) {
                Ok(millis) => Some(whole(millis)),
                Err(NotAMoment::Regional(region)) => {
                    return Err(unsupported(format!("the time zone `{region}`"), at));
                }
                Err(_) => None,
            },
            Value::Number(_) => long(value).map(whole),
            _ => None,
        },
        Type::Ip => value.as_str().and_then(ip::parse).map(SortValue::Address),
        Type::Guessed { .. } if is_year(value) => {
            // A year in a field of dates, a number in one of numbers.
            return Err(unsupported(
                "search_after with four digits as text, in a field that is not mapped",
                at,
            ));
        }
        Type::Guessed { .. } => guessed(value).map(beyond),
        Type::GeoPoint(_) | Type::Object => None,
    })
}

fn is_year(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A page begins where it begins, whenever it is asked for: there is no present in it.
fn without_now(formats: &[DateFormat]) -> Moment<'_> {
    Moment {
        formats,
        now: 0,
        offset: 0,
    }
}

/// A whole number, fractions cut off.
fn long(value: &Value) -> Option<i64> {
    if value == "NaN" {
        // Java's cast of what is no number.
        return Some(0);
    }
    match (value, coerce::number(value, Reader::Float)?) {
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
        _ => coerce::number(value, Reader::Float).map(Number::real),
    }
}

/// What the value itself tells, as in a document.
fn guessed(value: &Value) -> Option<SortValue> {
    let whole = |whole: i64| SortValue::Number(Number::Whole(whole.into()));
    match value {
        Value::Bool(truth) => Some(whole((*truth).into())),
        Value::Number(number) => coerce::number(value, Reader::Exact).map(|exact| {
            SortValue::Number(if number.is_f64() {
                Number::Real(f64::from(exact.real() as f32))
            } else {
                exact
            })
        }),
        Value::String(text) if text.contains("||") => {
            let formats = Detected::Iso.formats();
            let millis = without_now(&formats).of(value, Fill::Down);
            millis.ok().map(whole)
        }
        Value::String(text) => match date::detected(text) {
            Some((_, Reading::Millis(millis))) => Some(whole(millis)),
            _ if text == "true" || text == "false" => Some(whole((text == "true").into())),
            _ if text == "Infinity" => Some(SortValue::Number(Number::Real(f64::INFINITY))),
            _ if text == "-Infinity" => Some(SortValue::Number(Number::Real(f64::NEG_INFINITY))),
            _ => coerce::number(value, Reader::Exact).map(SortValue::Number),
        },
        _ => None,
    }
}
