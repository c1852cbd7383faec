//! Dates as an index reads them: ISO 8601 with missing ends, and epoch numbers; milliseconds since
//! 1970 come out. Formats of the index's own pattern language are beyond it: they are named as
//! unknown, never guessed.

/// A format that a date field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateFormat {
    /// `yyyy[-MM[-dd[Thh[:mm[:ss[.fraction]]]]]][zone]`.
    Iso,
    /// `yyyy-MM-dd` and nothing else.
    Day,
    EpochMillis,
    EpochSecond,
    Unknown(String),
}

impl DateFormat {
    /// Reads `a||b`; the default is `strict_date_optional_time||epoch_millis`.
    pub fn read(format: Option<&str>) -> Vec<Self> {
        let Some(format) = format else {
            return vec![Self::Iso, Self::EpochMillis];
        };
        let one = |name: &str| match name.trim() {
            "strict_date_optional_time"
            | "strict_date_optional_time_nanos"
            | "date_optional_time"
            | "iso8601" => Self::Iso,
            "strict_date" | "date" | "yyyy-MM-dd" | "strict_year_month_day" | "uuuu-MM-dd" => {
                Self::Day
            }
            "epoch_millis" => Self::EpochMillis,
            "epoch_second" => Self::EpochSecond,
            other => Self::Unknown(other.to_owned()),
        };
        format.split("||").map(one).collect()
    }

    /// Milliseconds, or `None` if the text is not of this format. `up` fills what is missing at its
    /// end: 23:59:59.999.
    pub fn parse(&self, text: &str, up: bool) -> Option<i64> {
        match self {
            Self::Iso => iso(text, up),
            Self::Day => (text.len() == 10 && !text.contains('T'))
                .then(|| iso(text, up))
                .flatten(),
            Self::EpochMillis => epoch(text, 1),
            Self::EpochSecond => epoch(text, 1_000),
            Self::Unknown(_) => None,
        }
    }
}

/// By the first format that fits. `Err` names a format that nobody here knows and that might have
/// fitted.
pub fn parse(formats: &[DateFormat], text: &str, up: bool) -> Result<Option<i64>, String> {
    if let Some(millis) = formats.iter().find_map(|format| format.parse(text, up)) {
        return Ok(Some(millis));
    }
    match formats.iter().find_map(|format| {
        if let DateFormat::Unknown(name) = format {
            Some(name)
        } else {
            None
        }
    }) {
        Some(unknown) => Err(unknown.clone()),
        None => Ok(None),
    }
}

/// Would an index make a date field of a new string like this? Bare numbers are no dates to it.
pub fn detected(text: &str) -> Option<i64> {
    if text.parse::<f64>().is_ok() {
        return None;
    }
    iso(text, false)
}

fn epoch(text: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(digits) || !plain(fraction) {
        return None;
    }
    whole.parse::<i64>().ok()?.checked_mul(unit)
}

/// Reads two (or `width`) digits off the front.
fn digits(text: &mut &str, width: usize) -> Option<i64> {
    let head = text.get(..width)?;
    if !head.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *text = &text[width..];
    head.parse().ok()
}

fn skip(text: &mut &str, mark: char) -> bool {
    text.strip_prefix(mark).map(|rest| *text = rest).is_some()
}

fn iso(text: &str, up: bool) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    let (mut month, mut day) = (1, 1);
    let mut time = if up { (23, 59, 59, 999) } else { (0, 0, 0, 0) };
    let mut zone = 0;
    if skip(&mut rest, '-') {
        month = digits(&mut rest, 2)?;
        if skip(&mut rest, '-') {
            day = digits(&mut rest, 2)?;
        }
    }
    if skip(&mut rest, 'T') && !rest.is_empty() {
        clock(&mut rest, &mut time)?;
        zone = offset(&mut rest)?;
    }
    let (hour, minute, second, milli) = time;
    let fits =
        rest.is_empty() && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(
        (((days(year, month, day) * 24 + hour) * 60 + minute - zone) * 60 + second) * 1_000 + milli,
    )
}

/// Hours, then as much more as is there.
fn clock(rest: &mut &str, time: &mut (i64, i64, i64, i64)) -> Option<()> {
    time.0 = digits(rest, 2)?;
    if skip(rest, ':') {
        time.1 = digits(rest, 2)?;
        if skip(rest, ':') {
            time.2 = digits(rest, 2)?;
            if skip(rest, '.') || skip(rest, ',') {
                let length = rest.bytes().take_while(u8::is_ascii_digit).count();
                if !(1..=9).contains(&length) {
                    return None;
                }
                let fraction = format!("{:0<3}", &rest[..length]);
                time.3 = fraction[..3].parse().ok()?;
                *rest = &rest[length..];
            }
        }
    }
    Some(())
}

/// Minutes east of Greenwich; nothing is UTC.
fn offset(rest: &mut &str) -> Option<i64> {
    if rest.is_empty() || skip(rest, 'Z') {
        return Some(0);
    }
    let sign = if skip(rest, '+') {
        1
    } else if skip(rest, '-') {
        -1
    } else {
        return None;
    };
    let hours = digits(rest, 2)?;
    let colon = skip(rest, ':');
    let minutes = if rest.is_empty() && !colon {
        0
    } else {
        digits(rest, 2)?
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests;
