//! ISO 8601 with missing ends, as `strict_date_optional_time` reads it.

use super::{calendar::Civil, zone};

/// Reads `least` to `most` digits off the front.
pub fn digits(text: &mut &str, least: usize, most: usize) -> Option<i64> {
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
    head.parse().ok()
}

pub fn skip(text: &mut &str, mark: char) -> bool {
    text.strip_prefix(mark).map(|rest| *text = rest).is_some()
}

pub fn parse(text: &str, lenient: bool) -> Option<Civil> {
    let mut rest = text;
    let negative = skip(&mut rest, '-');
    let year = if lenient {
        digits(&mut rest, 1, 9)?
    } else {
        digits(&mut rest, 4, 4)?
    };
    let least = if lenient { 1 } else { 2 };
    let mut civil = Civil {
        year: if negative { -year } else { year },
        ..Civil::default()
    };
    if skip(&mut rest, '-') {
        civil.month = Some(digits(&mut rest, least, 2)?);
        if skip(&mut rest, '-') {
            civil.day = Some(digits(&mut rest, least, 2)?);
        }
    }
    if skip(&mut rest, 'T') && !rest.is_empty() {
        if civil.month.is_none() {
            // A year and a time: an index forgets the year.
            civil.year = 1970;
        }
        clock(&mut rest, least, &mut civil)?;
        civil.zone = if rest.is_empty() {
            None
        } else {
            Some(zone::parse(rest)?)
        };
        rest = "";
    }
    rest.is_empty().then_some(civil)
}

/// Hours, then as much more as is there.
fn clock(rest: &mut &str, least: usize, civil: &mut Civil) -> Option<()> {
    civil.hour = Some(digits(rest, least, 2)?);
    if !skip(rest, ':') {
        return Some(());
    }
    civil.minute = Some(digits(rest, least, 2)?);
    if !skip(rest, ':') {
        return Some(());
    }
    civil.second = Some(digits(rest, least, 2)?);
    if skip(rest, '.') || skip(rest, ',') {
        civil.milli = Some(fraction(rest, 1, 9)?);
    }
    Some(())
}

/// Milliseconds of a fraction of a second.
pub fn fraction(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let length = rest
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if length < least {
        return None;
    }
    let (head, behind) = rest.split_at(length);
    *rest = behind;
    format!("{head:0<3}")[..3].parse().ok()
}
