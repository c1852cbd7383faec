//! ISO 8601 with missing ends, as `strict_date_optional_time` reads it.

use super::{calendar::Civil, zone};

/// Reads `least` to `most` digits off the front.
pub fn take_digits(text: &mut &str, least: usize, most: usize) -> Option<i64> {
    run_of_digits(text, least, most)?.parse().ok()
}

fn run_of_digits<'a>(text: &mut &'a str, least: usize, most: usize) -> Option<&'a str> {
    let length = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if length < least {
        return None;
    }
    let (head, rest) = text.split_at(length);
    *text = rest;
    Some(head)
}

pub fn skip_mark(text: &mut &str, mark: char) -> bool {
    text.strip_prefix(mark).map(|rest| *text = rest).is_some()
}

/// How strictly it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Two digits a part, a zone behind any part of the time.
    Strict,
    /// Fewer digits, longer years; a zone only behind minutes.
    Lenient,
    /// As strict, and a time has its seconds.
    WholeTime,
}

pub fn parse_iso(text: &str, strictness: Strictness) -> Option<Civil> {
    let lenient = strictness == Strictness::Lenient;
    let mut rest = text;
    let negative = skip_mark(&mut rest, '-');
    let year = if lenient {
        take_digits(&mut rest, 1, 9)?
    } else {
        take_digits(&mut rest, 4, 4)?
    };
    let least = if lenient { 1 } else { 2 };
    let mut civil = Civil {
        year: if negative { -year } else { year },
        ..Civil::default()
    };
    if skip_mark(&mut rest, '-') {
        civil.month = Some(take_digits(&mut rest, least, 2)?);
        if skip_mark(&mut rest, '-') {
            civil.day = Some(take_digits(&mut rest, least, 2)?);
        }
    }
    let has_time = skip_mark(&mut rest, 'T');
    if has_time && !rest.is_empty() {
        if civil.month.is_none() {
            // A year and a time: an index forgets the year.
            civil.year = 1970;
        }
        take_clock(&mut rest, least, &mut civil)?;
        civil.zone = if rest.is_empty() {
            None
        } else {
            Some(zone::parse_zone(rest).filter(|_| !lenient || is_lenient_zone(rest))?)
        };
        if lenient && civil.zone.is_some() && civil.minute.is_none() {
            return None;
        }
        rest = "";
    }
    if has_time && strictness == Strictness::WholeTime && civil.second.is_none() {
        return None;
    }
    rest.is_empty().then_some(civil)
}

/// Lenient formats have neither seconds without colons nor hours of one digit behind a name.
fn is_lenient_zone(zone: &str) -> bool {
    let offset = zone.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    let digits = offset.get(1..).unwrap_or_default();
    let is_offset = offset.starts_with(['+', '-']) && digits.len() + 1 == offset.len();
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    !is_offset || !is_plain || matches!(digits.len(), 2 | 4)
}

/// Hours, then as much more as is there.
fn take_clock(rest: &mut &str, least: usize, civil: &mut Civil) -> Option<()> {
    civil.hour = Some(take_digits(rest, least, 2)?);
    if !skip_mark(rest, ':') {
        return Some(());
    }
    civil.minute = Some(take_digits(rest, least, 2)?);
    if !skip_mark(rest, ':') {
        return Some(());
    }
    civil.second = Some(take_digits(rest, least, 2)?);
    if skip_mark(rest, '.') || skip_mark(rest, ',') {
        civil.milli = Some(take_fraction(rest, 1, 9)?);
    }
    Some(())
}

/// Milliseconds of a fraction of a second.
pub fn take_fraction(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let head = run_of_digits(rest, least, most)?;
    format!("{head:0<3}")[..3].parse().ok()
}
