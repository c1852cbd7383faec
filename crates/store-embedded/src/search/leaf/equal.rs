//! What equals a value that a query gives, by the type of the field. Must never analyze a text: `term`
//! and `terms` mean theirs as they stand.

use super::{normal_keyword, query_text};
use crate::search::{
    Context,
    accept::{Accept, Texts},
    bad,
    field::{Source, Type},
    indexed::held_number,
    unsupported,
};
use serde_json::Value;
use std::ops::Bound;
use store::{
    StoreError,
    mapping::{
        coerce::{self, Number, Reader},
        date::{DateFormat, Detected, Fill, Moment, NotAMoment},
        ip,
    },
};

/// Any of these values, as `term` and `terms` mean them: terms are not analyzed.
pub fn any_of(
    context: &Context<'_>,
    source: &Source,
    values: &[&Value],
    clause: &str,
    at: &str,
) -> Result<Accept, StoreError> {
    let mut accept = Accept::default();
    let texts = || {
        let all = values
            .iter()
            .map(|value| normal_keyword(&source.kind, query_text(value)));
        Some(Texts::any(all))
    };
    match &source.kind {
        Type::Id | Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
            accept.keywords = texts();
        }
        Type::Text(_) => accept.terms = texts(),
        Type::GeoPoint(_) if values.is_empty() => {}
        Type::GeoPoint(_) => {
            return Err(bad(
                format!("`{clause}` does not work on points: use geo_distance or geo_bounding_box"),
                at,
            ));
        }
        Type::Object => {}
        Type::Guessed { .. } => {
            accept.terms = texts();
            for value in values {
                accept_guessed(context, &mut accept, value, at)?;
            }
        }
        _ => {
            for value in values {
                // What is not indexed is compared value by value, as `term` does.
                if clause == "terms" && source.index && !is_in_reach(source, value) {
                    return Err(bad(format!("{value} is out of the field's range"), at));
                }
                accept_typed(context, &mut accept, source, value, at)?;
            }
        }
    }
    Ok(accept)
}

/// Of a list every number must be one that the type could hold, fractions aside.
fn is_in_reach(source: &Source, value: &Value) -> bool {
    if ["NaN", "Infinity", "-Infinity"]
        .iter()
        .any(|odd| value == odd)
    {
        return false;
    }
    match (&source.kind, coerce::read_number(value, source.reader())) {
        (Type::Whole { greatest, .. }, Some(number)) if number.is_whole() => {
            let whole = number.truncated();
            whole.is_some_and(|whole| *greatest == i64::MAX || i32::try_from(whole).is_ok())
        }
        (kind @ (Type::Float | Type::HalfFloat), Some(number)) => {
            held_number(kind, number).real().is_finite()
        }
        _ => true,
    }
}

/// A value equal to this one, in a field of this type.
fn accept_typed(
    context: &Context<'_>,
    accept: &mut Accept,
    source: &Source,
    value: &Value,
    at: &str,
) -> Result<(), StoreError> {
    let unfit = || bad(format!("{value} is nothing that the field could hold"), at);
    match &source.kind {
        Type::Boolean => accept
            .truths
            .push(coerce::strict_boolean(value).ok_or_else(unfit)?),
        Type::Date(formats) => {
            let dates = context.dates(formats);
            accept.dates.push((
                date_millis(&dates, value, Fill::Down, at)?,
                date_millis(&dates, value, Fill::Up, at)?,
            ));
        }
        Type::Ip => {
            let text = value.as_str().ok_or_else(unfit)?;
            let one = ip::parse(text).map(|address| (address, address));
            let range = one.or_else(|| ip::parse_block(text)).ok_or_else(unfit)?;
            accept.addresses.push(range);
        }
        kind => {
            let number = match value.as_str() {
                // What Java reads as a number without a value equals nothing.
                Some("NaN" | "Infinity" | "-Infinity") => return Ok(()),
                _ => coerce::read_number(value, source.reader()),
            };
            let number = number
                .or_else(|| infinite_number(value))
                .ok_or_else(unfit)?;
            // A whole-number field holds no fraction, so a fraction equals nothing in it.
            let exact = held_number(kind, number);
            accept
                .numbers
                .push((Bound::Included(exact), Bound::Included(exact)));
        }
    }
    Ok(())
}

/// A number too large for a double.
fn infinite_number(value: &Value) -> Option<Number> {
    let text = value.as_str()?;
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let real: f64 = text.parse().ok()?;
    (text.bytes().all(plain) && real.is_infinite()).then_some(Number::Real(real))
}

/// And where the value of the document tells the type: what does not fit it equals nothing.
fn accept_guessed(
    context: &Context<'_>,
    accept: &mut Accept,
    value: &Value,
    at: &str,
) -> Result<(), StoreError> {
    if let Some(number) = coerce::read_number(value, Reader::Exact) {
        accept
            .numbers
            .push((Bound::Included(number), Bound::Included(number)));
        let short = Number::Real(f64::from(number.real() as f32));
        accept
            .fractions
            .push((Bound::Included(short), Bound::Included(short)));
    }
    accept.truths.extend(coerce::strict_boolean(value));
    for how in [Detected::Iso, Detected::Slashes] {
        let formats = how.formats();
        let dates = context.dates(&formats);
        let both = (
            optional_answer(date_millis(&dates, value, Fill::Down, at))?,
            optional_answer(date_millis(&dates, value, Fill::Up, at))?,
        );
        let into = match how {
            Detected::Iso => &mut accept.dates,
            Detected::Slashes => &mut accept.slashed,
        };
        into.extend(both.0.zip(both.1));
    }
    Ok(())
}

/// What is malformed for one of several types may fit another; what is not supported is not.
pub fn optional_answer<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::BadSearch { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

impl Context<'_> {
    pub fn dates<'f>(&self, formats: &'f [DateFormat]) -> Moment<'f> {
        Moment {
            formats,
            now: self.now,
            offset: 0,
        }
    }
}

pub fn date_millis(
    dates: &Moment<'_>,
    value: &Value,
    fill: Fill,
    at: &str,
) -> Result<i64, StoreError> {
    dates.of(value, fill).map_err(|error| match error {
        NotAMoment::Malformed => bad(format!("{value} is not a date of the field's format"), at),
        NotAMoment::Unknown(format) => unsupported(format!("the date format `{format}`"), at),
        NotAMoment::Regional(region) => unsupported(format!("the time zone `{region}`"), at),
    })
}
