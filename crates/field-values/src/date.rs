//! Dates as an index reads them; milliseconds since 1970 come out. One reading for documents,
//! queries, bounds and sorts. Formats that are not read here are named as unknown, never guessed.

pub mod calendar;
mod epoch;
pub mod format;
mod iso;
mod math;
mod pattern;
mod zone;

pub use iso::Strictness;
pub use math::{Moment, time_zone};
pub use zone::Region;

use calendar::Civil;
use pattern::Pattern;
use serde_json::{Number, Value};

/// A format that a date field takes.
#[derive(Clone, Debug, PartialEq)]
pub enum DateFormat {
    /// `yyyy[-MM[-dd]][Thh[:mm[:ss[.fraction]]][zone]]`
    Iso(Strictness),
    /// The same without a time, lenient.
    Day,
    EpochMillis,
    EpochSecond,
    /// Letters of Java's pattern language, as far as they are read here.
    Pattern(Pattern),
    Unknown(String),
}

/// What a text is under a format.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    Millis(i64),
    /// A date in a region whose offset from UTC changes with time: it is a date, but which moment
    /// it is only a table of the world's zones tells.
    Regional(Region),
}

/// What is missing at a date's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The first moment: documents, `gte` and `lt`.
    Down,
    /// The last moment of the day, hour, minute, second: `lte` and `gt`.
    Up,
}

/// Why a value is no moment.
#[derive(Clone, Debug, PartialEq)]
pub enum NotAMoment {
    Malformed,
    /// Of a format that is not read here.
    Unknown(String),
    Regional(Region),
}

impl DateFormat {
    /// Reads `a||b`; the default is `strict_date_optional_time||epoch_millis`.
    pub fn read(format: Option<&str>) -> Vec<Self> {
        format::read_formats(format.unwrap_or("strict_date_optional_time||epoch_millis"))
    }

    /// `None` if the text is not of this format.
    pub fn parse(&self, text: &str, fill: Fill) -> Option<Reading> {
        match self {
            Self::Iso(strictness) => iso::parse_iso(text, *strictness)?.reading(fill),
            Self::Day if text.contains('T') => None,
            Self::Day => iso::parse_iso(text, Strictness::Lenient)?.reading(fill),
            Self::EpochMillis => epoch::parse_millis(text).map(Reading::Millis),
            Self::EpochSecond => epoch::parse_seconds(text, fill).map(Reading::Millis),
            Self::Pattern(pattern) => pattern.parse(text)?.reading(fill),
            Self::Unknown(_) => None,
        }
    }
}

/// A moment as an index spells it by the first of the formats; `None` where it is not known how.
pub fn spell_date(formats: &[DateFormat], millis: i64) -> Option<String> {
    match formats.first()? {
        DateFormat::Iso(_) => {
            let pattern = Pattern::read("uuuu-MM-dd'T'HH:mm:ss.SSSX")?;
            pattern.spell(millis)
        }
        DateFormat::EpochMillis => Some(millis.to_string()),
        DateFormat::Pattern(pattern) => pattern.spell(millis),
        DateFormat::Day | DateFormat::EpochSecond | DateFormat::Unknown(_) => None,
    }
}

/// By the first format that fits.
pub fn parse_date(formats: &[DateFormat], text: &str, fill: Fill) -> Result<i64, NotAMoment> {
    match formats.iter().find_map(|format| format.parse(text, fill)) {
        Some(Reading::Millis(millis)) => return Ok(millis),
        Some(Reading::Regional(region)) => return Err(NotAMoment::Regional(region)),
        None => {}
    }
    let unknown = formats.iter().find_map(|format| match format {
        DateFormat::Unknown(name) => Some(name.clone()),
        _ => None,
    });
    Err(unknown.map_or(NotAMoment::Malformed, NotAMoment::Unknown))
}

/// A value of a document.
pub fn of_document(formats: &[DateFormat], value: &Value) -> Result<i64, NotAMoment> {
    match value {
        Value::String(text) => parse_date(formats, text, Fill::Down),
        Value::Number(number) => parse_date(formats, &number.to_string(), Fill::Down),
        _ => Err(NotAMoment::Malformed),
    }
}

/// A number in a query is milliseconds, whatever the field's format. An index reads it by its
/// decimal digits, so it refuses what Java writes with an exponent.
pub fn of_query_number(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return Some(whole).filter(|whole| *whole > i64::MIN);
    }
    let real = number.as_f64().filter(|_| number.is_f64())?;
    let is_plain = real == 0.0 || (1e-3..1e7).contains(&real.abs());
    is_plain.then_some(real.floor() as i64)
}

/// How an index reads a date in a new field: the format it then gives to the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detected {
    Iso,
    /// `yyyy/MM/dd HH:mm:ss` or `yyyy/MM/dd`.
    Slashes,
}

impl Detected {
    pub fn formats(self) -> Vec<DateFormat> {
        match self {
            Self::Iso => DateFormat::read(None),
            Self::Slashes => {
                DateFormat::read(Some("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"))
            }
        }
    }
}

/// Would an index make a date field of a new string like this? Bare numbers are no dates to it.
pub fn detect_date(text: &str) -> Option<(Detected, Reading)> {
    if !text.contains(['-', '/', ':']) {
        return None;
    }
    if let Some(reading) = DateFormat::Iso(Strictness::Strict).parse(text, Fill::Down) {
        return Some((Detected::Iso, reading));
    }
    if text.as_bytes().get(4) != Some(&b'/') {
        return None;
    }
    let slashes = Detected::Slashes.formats();
    let reading = slashes
        .iter()
        .take(2)
        .find_map(|format| format.parse(text, Fill::Down))?;
    Some((Detected::Slashes, reading))
}

#[cfg(test)]
mod tests;
