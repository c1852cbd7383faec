//! Ranges: bounds as each type of field reads them. What a bound leaves out of a date is filled up
//! or down; what a number's type cannot hold is beyond all of its values.

use super::{
    Context,
    accept::{Accept, Interval, Texts},
    bad, clause,
    field::{Source, Type},
    indexed::held_number,
    leaf::{date_millis, normal_keyword, optional_answer, query_text},
    unsupported,
};
use serde_json::Value;
use std::ops::Bound;
use store::{
    StoreError,
    mapping::{
        coerce::{self, Number, Reader},
        date::{DateFormat, Detected, Fill, Moment, time_zone},
        ip,
    },
};

/// A bound: its value, whether it is in the range, and where it stands.
type Side<'v> = Option<(&'v Value, bool, String)>;

/// The bounds of a range; `null` is no bound.
pub struct Bounds<'v> {
    from: Side<'v>,
    to: Side<'v>,
    /// Instead of the field's own.
    formats: Option<Vec<DateFormat>>,
    now: i64,
    offset: Option<i64>,
}

impl<'v> Bounds<'v> {
    pub fn read(context: &Context<'_>, value: &'v Value, at: &str) -> Result<Self, StoreError> {
        let members = clause::expect_object(value, "range", at)?;
        let mut bounds = Self {
            from: None,
            to: None,
            formats: None,
            now: context.now,
            offset: None,
        };
        for (name, value) in members.iter().filter(|(name, _)| name.as_str() != "boost") {
            let here = store::cell::join_pointer(at, name);
            match name.as_str() {
                "gte" | "gt" => bounds.from = read_side(name, value, here)?.or(bounds.from),
                "lte" | "lt" => bounds.to = read_side(name, value, here)?.or(bounds.to),
                "format" => bounds.formats = Some(read_formats(value, &here)?),
                "time_zone" => bounds.offset = Some(read_offset(value, &here)?),
                _ => return Err(unsupported(format!("range.{name}"), &here)),
            }
        }
        Ok(bounds)
    }

    /// No bound at all: an index asks whether there is any value.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    pub fn accept(&self, source: &Source, at: &str) -> Result<Accept, StoreError> {
        let mut accept = Accept::default();
        if source.is_key && (self.from.is_none() || self.to.is_none()) {
            let why = "a range of a key of a flattened field has both bounds";
            return Err(bad(why, at));
        }
        match &source.kind {
            Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
                accept.keywords = Some(self.texts(&source.kind));
            }
            Type::Text(_) => accept.terms = Some(self.texts(&source.kind)),
            Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
                accept.numbers.push(self.numbers(source)?);
            }
            Type::Boolean if source.index => accept.truths = self.truths()?,
            Type::Boolean => accept.truths = self.kept_truths()?,
            Type::Date(formats) => accept.dates.push(self.dates(formats)?),
            Type::Ip => accept.addresses.extend(self.addresses()?),
            Type::Guessed { .. } => {
                accept.terms = Some(self.texts(&source.kind));
                accept
                    .numbers
                    .extend(optional_answer(self.numbers(source))?);
                accept.fractions.extend(optional_answer(self.fractions())?);
                accept.truths = optional_answer(self.truths())?.unwrap_or_default();
                let (iso, slashes) = (Detected::Iso.formats(), Detected::Slashes.formats());
                accept.dates.extend(optional_answer(self.dates(&iso))?);
                accept
                    .slashed
                    .extend(optional_answer(self.dates(&slashes))?);
            }
            Type::Object => {}
            Type::Id | Type::GeoPoint(_) => {
                return Err(bad("`range` does not work on ids and points", at));
            }
        }
        Ok(accept)
    }

    fn texts(&self, kind: &Type) -> Texts {
        let bound = |side: &Side<'_>| match side {
            None => Bound::Unbounded,
            Some((value, true, _)) => Bound::Included(normal_keyword(kind, query_text(value))),
            Some((value, false, _)) => Bound::Excluded(normal_keyword(kind, query_text(value))),
        };
        Texts::Range(bound(&self.from), bound(&self.to))
    }

    fn numbers(&self, source: &Source) -> Result<Interval, StoreError> {
        let bound = |side: &Side<'_>| {
            let Some((value, included, at)) = side else {
                return Ok::<_, StoreError>(Bound::Unbounded);
            };
            let infinite = match value.as_str() {
                Some("Infinity") => Some(Number::Real(f64::INFINITY)),
                Some("-Infinity") => Some(Number::Real(f64::NEG_INFINITY)),
                // Above all numbers.
                Some("NaN") if !matches!(source.kind, Type::Whole { .. }) => {
                    Some(Number::Real(f64::NAN))
                }
                _ => None,
            };
            // Java's cast of what is no number, for all whole numbers but the longest.
            if let (Some("NaN"), Type::Whole { greatest, .. }) = (value.as_str(), &source.kind)
                && *greatest < i64::MAX
            {
                return Ok(Bound::Included(Number::Whole(0)));
            }
            let number = coerce::read_number(value, source.reader()).or(infinite);
            let number = number.ok_or_else(|| bad(format!("{value} is not a number"), at))?;
            let fits = |whole: i64| match source.kind {
                Type::Whole {
                    greatest: i64::MAX, ..
                } => true,
                // The smaller ones are all looked for as 32 bits.
                _ => i32::try_from(whole).is_ok(),
            };
            let is_whole = matches!(source.kind, Type::Whole { .. });
            if is_whole && !number.truncated().is_some_and(fits) {
                return Err(bad(format!("{value} is out of the field's range"), at));
            }
            let number = match source.kind {
                // An index looks for the next of its own values instead.
                Type::HalfFloat => held_number(&Type::Float, number),
                _ => held_number(&source.kind, number),
            };
            Ok(if *included {
                Bound::Included(number)
            } else {
                Bound::Excluded(number)
            })
        };
        Ok((bound(&self.from)?, bound(&self.to)?))
    }

    /// For fractions that an index keeps with 32 bits.
    fn fractions(&self) -> Result<Interval, StoreError> {
        let bound = |side: &Side<'_>| {
            let Some((value, included, at)) = side else {
                return Ok::<_, StoreError>(Bound::Unbounded);
            };
            let number = coerce::read_number(value, Reader::Float);
            let number = number.ok_or_else(|| bad(format!("{value} is not a number"), at))?;
            let short = Number::Real(f64::from(number.real() as f32));
            Ok(if *included {
                Bound::Included(short)
            } else {
                Bound::Excluded(short)
            })
        };
        Ok((bound(&self.from)?, bound(&self.to)?))
    }

    /// False is before true.
    /// Of values that are not indexed, where an index reads `lt` as `lte` and drops the other bound.
    fn kept_truths(&self) -> Result<Vec<bool>, StoreError> {
        match (truth_bound(&self.from)?, truth_bound(&self.to)?) {
            (_, Some((to, false))) => Ok([false, true].into_iter().take(1 + to as usize).collect()),
            _ => self.truths(),
        }
    }

    fn truths(&self) -> Result<Vec<bool>, StoreError> {
        let (from, to) = (truth_bound(&self.from)?, truth_bound(&self.to)?);
        let above = |truth: u8| {
            from.is_none_or(|(from, included)| truth > from || (included && truth == from))
        };
        let below =
            |truth: u8| to.is_none_or(|(to, included)| truth < to || (included && truth == to));
        Ok([false, true]
            .into_iter()
            .filter(|truth| above((*truth).into()) && below((*truth).into()))
            .collect())
    }

    fn addresses(&self) -> Result<Option<(u128, u128)>, StoreError> {
        let bound = |side: &Side<'_>, step: fn(u128) -> Option<u128>, open: u128| {
            let Some((value, included, at)) = side else {
                return Ok(Some(open));
            };
            let address = value.as_str().and_then(ip::parse);
            let address = address.ok_or_else(|| bad(format!("{value} is no address"), at))?;
            Ok::<_, StoreError>(if *included {
                Some(address)
            } else {
                step(address)
            })
        };
        let from = bound(&self.from, |address| address.checked_add(1), 0)?;
        let to = bound(&self.to, |address| address.checked_sub(1), u128::MAX)?;
        Ok(from.zip(to))
    }

    /// What is missing at a date's end is filled up for `gt` and `lte`, and down for the others.
    fn dates(&self, formats: &[DateFormat]) -> Result<(i64, i64), StoreError> {
        let is_number =
            |side: &Side<'_>| side.as_ref().is_some_and(|(value, ..)| value.is_number());
        let millis_only = [DateFormat::EpochMillis];
        let formats = match &self.formats {
            Some(formats) => formats.as_slice(),
            // Beside a number the other bound is read as milliseconds, too.
            None if is_number(&self.from) || is_number(&self.to) => &millis_only,
            None => formats,
        };
        let dates = Moment {
            formats,
            now: self.now,
            offset: self.offset.unwrap_or(0),
        };
        let millis = |dates: &Moment<'_>, value: &Value, fill: Fill, at: &str| match value {
            Value::Number(number) if self.formats.is_some() => {
                date_millis(dates, &Value::from(number.to_string()), fill, at)
            }
            value => date_millis(dates, value, fill, at),
        };
        let from = match &self.from {
            None => i64::MIN,
            Some((value, true, at)) => millis(&dates, value, Fill::Down, at)?,
            Some((value, false, at)) => millis(&dates, value, Fill::Up, at)?.saturating_add(1),
        };
        let to = match &self.to {
            None => i64::MAX,
            Some((value, true, at)) => millis(&dates, value, Fill::Up, at)?,
            Some((value, false, at)) => millis(&dates, value, Fill::Down, at)?.saturating_sub(1),
        };
        Ok((from, to))
    }
}

fn read_side<'v>(name: &str, value: &'v Value, at: String) -> Result<Side<'v>, StoreError> {
    if value.is_null() {
        return Ok(None);
    }
    let value = clause::expect_scalar(value, "range", &at)?;
    Ok(Some((value, name.ends_with('e'), at)))
}

fn read_formats(value: &Value, at: &str) -> Result<Vec<DateFormat>, StoreError> {
    let text = value
        .as_str()
        .ok_or_else(|| bad("a format must be a string", at))?;
    let formats = DateFormat::read(Some(text));
    match formats
        .iter()
        .find(|format| matches!(format, DateFormat::Unknown(_)))
    {
        Some(_) => Err(unsupported(format!("the date format `{text}`"), at)),
        None => Ok(formats),
    }
}

/// Seconds of a time zone.
fn read_offset(value: &Value, at: &str) -> Result<i64, StoreError> {
    match value.as_str().and_then(time_zone) {
        Some(Ok(seconds)) => Ok(seconds),
        Some(Err(region)) => Err(unsupported(format!("the time zone `{region}`"), at)),
        None => Err(bad(format!("{value} is no time zone"), at)),
    }
}

/// A bound among truth values, and whether it is within the range.
fn truth_bound(side: &Side<'_>) -> Result<Option<(u8, bool)>, StoreError> {
    let Some((value, included, at)) = side else {
        return Ok(None);
    };
    let truth = coerce::strict_boolean(value)
        .ok_or_else(|| bad(format!("{value} is not true or false"), at))?;
    Ok(Some((u8::from(truth), *included)))
}
