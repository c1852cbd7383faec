//! Values that can be ordered: what a field of a type gives to a sort, and how a hit shows it.

use crate::search::{
    accept::compare_numbers,
    analyze,
    document::Document,
    field::{Source, Type},
    indexed,
};
use serde_json::{Value, json};
use std::cmp::Ordering;
use store::mapping::{
    coerce::{self, Number, Reader},
    date::{self, Reading},
    ip,
};

#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    Number(Number),
    Text(String),
    Address(u128),
    Missing,
}

/// What an index would have made of a field that is not mapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Learned {
    /// Numbers, dates and truth values.
    Whole,
    Fraction,
    Text,
    Keyword,
}

impl Learned {
    pub fn of(source: &Source, document: &Document) -> Option<Self> {
        let mut found = None;
        let dates = match source.kind {
            Type::Guessed { dates } => dates,
            Type::GuessedKeyword => false,
            _ => return None,
        };
        let is_keyword = source.kind == Type::GuessedKeyword;
        document.values(source, &mut |value| {
            let what = match value {
                Value::String(_) if is_keyword => Self::Keyword,
                _ if is_keyword => return,
                Value::String(text) if dates && date::detect_date(text).is_some() => Self::Whole,
                Value::String(_) => Self::Text,
                Value::Number(number) if number.is_f64() => Self::Fraction,
                Value::Number(_) | Value::Bool(_) => Self::Whole,
                _ => return,
            };
            found = found.or(Some(what));
        });
        found
    }
}

/// Text that is not mapped.
#[derive(Debug, PartialEq)]
pub struct HasNoOrder;

/// Hands over what a value of a document gives to a sort.
pub fn sort_values(
    source: &Source,
    value: &Value,
    document: &Document,
    take: &mut dyn FnMut(SortValue),
) -> Result<(), HasNoOrder> {
    let whole = |whole: i64| SortValue::Number(Number::Whole(whole.into()));
    let found = match &source.kind {
        Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
            indexed::indexed_keyword(&source.kind, value)
                .map(|text| SortValue::Text(text.into_owned()))
        }
        Type::Text(options) => {
            let text = coerce::scalar_text(value).unwrap_or_default();
            let tokens = analyze::analyze_text(options.analyzer, &text);
            tokens
                .into_iter()
                .for_each(|(term, _)| take(SortValue::Text(term)));
            None
        }
        Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
            indexed::indexed_number(source, value).map(SortValue::Number)
        }
        Type::Boolean => coerce::read_boolean(value).map(|truth| whole(truth.into())),
        Type::Date(formats) => document.millis(formats, value).map(whole),
        Type::Ip => indexed::indexed_address(value).map(SortValue::Address),
        Type::Guessed { dates } => guessed_value(value, *dates, document)?,
        Type::Id | Type::GeoPoint(_) | Type::Object => None,
    };
    found.into_iter().for_each(take);
    Ok(())
}

fn guessed_value(
    value: &Value,
    dates: bool,
    document: &Document,
) -> Result<Option<SortValue>, HasNoOrder> {
    let whole = |whole: i64| SortValue::Number(Number::Whole(whole.into()));
    Ok(match value {
        Value::String(text) => match date::detect_date(text).filter(|_| dates) {
            Some((_, Reading::Millis(millis))) => Some(whole(millis)),
            Some((_, Reading::Regional(_))) => {
                document.meet_region();
                None
            }
            None => return Err(HasNoOrder),
        },
        Value::Bool(truth) => Some(whole((*truth).into())),
        Value::Number(number) => coerce::read_number(value, Reader::Exact).map(|exact| {
            SortValue::Number(if number.is_f64() {
                Number::Real(f64::from(exact.real() as f32))
            } else {
                exact
            })
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    })
}

/// Numbers before texts, where a field holds both.
pub fn compare_values(a: &SortValue, b: &SortValue) -> Ordering {
    match (a, b) {
        (SortValue::Number(a), SortValue::Number(b)) => compare_numbers(*a, *b),
        (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
        (SortValue::Address(a), SortValue::Address(b)) => a.cmp(b),
        (SortValue::Missing, _) | (_, SortValue::Missing) => Ordering::Equal,
        (SortValue::Number(_), _) => Ordering::Less,
        (_, SortValue::Number(_)) => Ordering::Greater,
        (SortValue::Text(_), _) => Ordering::Less,
        (_, SortValue::Text(_)) => Ordering::Greater,
    }
}

/// What an index takes for a missing value: one beyond all values of the type.
pub fn absent_value(kind: &Type, learned: Option<Learned>, is_last: bool) -> SortValue {
    let whole = |least: i64, greatest: i64| {
        let whole = if is_last { greatest } else { least };
        SortValue::Number(Number::Whole(whole.into()))
    };
    let infinite = || {
        let sign = if is_last { 1.0 } else { -1.0 };
        SortValue::Number(Number::Real(f64::INFINITY * sign))
    };
    match kind {
        Type::Guessed { .. } => match learned {
            Some(Learned::Whole) => whole(i64::MIN, i64::MAX),
            Some(Learned::Fraction) => infinite(),
            _ => SortValue::Missing,
        },
        Type::Whole {
            greatest: i64::MAX, ..
        }
        | Type::Date(_)
        | Type::Boolean => whole(i64::MIN, i64::MAX),
        Type::Whole { .. } => whole(i32::MIN.into(), i32::MAX.into()),
        Type::Double | Type::Float | Type::HalfFloat => infinite(),
        _ => SortValue::Missing,
    }
}

impl SortValue {
    pub fn shown(&self) -> Value {
        match self {
            Self::Missing => Value::Null,
            Self::Text(text) => json!(text),
            Self::Address(bits) => json!(ip::address_text(*bits)),
            Self::Number(Number::Real(real)) if real.is_infinite() => {
                json!(if *real > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Self::Number(Number::Real(real)) if real.is_nan() => json!("NaN"),
            Self::Number(Number::Real(real)) => json!(real),
            Self::Number(Number::Whole(whole)) => {
                match (i64::try_from(*whole), u64::try_from(*whole)) {
                    (Ok(whole), _) => json!(whole),
                    (_, Ok(whole)) => json!(whole),
                    _ => json!(*whole as f64),
                }
            }
        }
    }
}
