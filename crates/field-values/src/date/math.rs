//! Date math in queries: `now-1d/d`, `2020-01-01||+1M/M`. The present is given from outside.

use super::{
    DateFormat, Fill, NotAMoment,
    calendar::{date_of_days, days_in, days_since_epoch},
    of_query_number, parse_date,
    zone::{self, Zone},
};
use serde_json::Value;

/// What a query's dates are read by.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub formats: &'a [DateFormat],
    /// Milliseconds since 1970.
    pub now: i64,
    /// Of dates without a zone, in seconds.
    pub offset: i64,
}

const DAY: i64 = 86_400_000;

impl<'a> Moment<'a> {
    /// Of where a page begins: that is the same whenever it is asked for, so there is no present in
    /// it.
    #[must_use]
    pub fn without_now(formats: &'a [DateFormat]) -> Self {
        Self {
            formats,
            now: 0,
            offset: 0,
        }
    }
}

impl Moment<'_> {
    /// A value in a query.
    pub fn of(&self, value: &Value, fill: Fill) -> Result<i64, NotAMoment> {
        match value {
            Value::Number(number) => of_query_number(number).ok_or(NotAMoment::Malformed),
            Value::String(text) => self.text(text, fill),
            _ => Err(NotAMoment::Malformed),
        }
    }

    fn text(&self, text: &str, fill: Fill) -> Result<i64, NotAMoment> {
        if let Some(steps) = text.strip_prefix("now") {
            return self
                .reckon(self.now, steps, fill)
                .ok_or(NotAMoment::Malformed);
        }
        match text.split_once("||") {
            None => self.plain(text, fill),
            Some((anchor, steps)) => {
                let anchor = self.plain(anchor, Fill::Down)?;
                self.reckon(anchor, steps, fill)
                    .ok_or(NotAMoment::Malformed)
            }
        }
    }

    fn plain(&self, text: &str, fill: Fill) -> Result<i64, NotAMoment> {
        if text.is_empty() {
            return Err(NotAMoment::Malformed);
        }
        let millis = parse_date(self.formats, text, fill)?;
        let is_epoch = |format: &DateFormat| {
            matches!(format, DateFormat::EpochMillis | DateFormat::EpochSecond)
        };
        let by = self
            .formats
            .iter()
            .find(|format| format.parse(text, fill).is_some());
        let is_zoned = by.is_some_and(is_epoch) || has_zone(text);
        Ok(if is_zoned {
            millis
        } else {
            millis - self.offset * 1_000
        })
    }

    /// Steps like `+1M-2d/d`.
    fn reckon(&self, from: i64, steps: &str, fill: Fill) -> Option<i64> {
        let mut local = from + self.offset * 1_000;
        let mut rest = steps;
        while let Some(sign) = rest.chars().next() {
            rest = rest.strip_prefix(['+', '-', '/'])?;
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at(length);
            let count: i64 = if number.is_empty() {
                1
            } else {
                number.parse().ok()?
            };
            let unit = behind.chars().next()?;
            rest = &behind[unit.len_utf8()..];
            if sign != '/' {
                local = add_units(local, if sign == '-' { -count } else { count }, unit)?;
            } else if count != 1 {
                return None;
            } else {
                local = truncate_to_unit(local, unit)?;
                if fill == Fill::Up {
                    local = add_units(local, 1, unit)? - 1;
                }
            }
        }
        Some(local - self.offset * 1_000)
    }
}

/// Does the text end in a zone? Only texts that are dates come here.
fn has_zone(text: &str) -> bool {
    let Some((_, time)) = text.split_once('T') else {
        return false;
    };
    time.find(|letter: char| !letter.is_ascii_digit() && !":.,".contains(letter))
        .is_some_and(|start| zone::parse_zone(&time[start..]).is_some())
}

/// Seconds of the parameter `time_zone`.
pub fn time_zone(text: &str) -> Option<Result<i64, super::Region>> {
    zone::parse_zone(text).map(|zone| match zone {
        Zone::Offset(seconds) => Ok(seconds),
        Zone::Region(region) => Err(region),
    })
}

fn add_units(millis: i64, count: i64, unit: char) -> Option<i64> {
    let step = match unit {
        'y' => return add_months(millis, count.checked_mul(12)?),
        'M' => return add_months(millis, count),
        'w' => 7 * DAY,
        'd' => DAY,
        'h' | 'H' => 3_600_000,
        'm' => 60_000,
        's' => 1_000,
        _ => return None,
    };
    millis.checked_add(count.checked_mul(step)?)
}

/// The same day of another month, or its last.
fn add_months(millis: i64, months: i64) -> Option<i64> {
    let (year, month, day) = date_of_days(millis.div_euclid(DAY));
    let month = (year * 12 + month - 1).checked_add(months)?;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let day = day.min(days_in(year, month));
    days_since_epoch(year, month, day)
        .checked_mul(DAY)?
        .checked_add(millis.rem_euclid(DAY))
}

fn truncate_to_unit(millis: i64, unit: char) -> Option<i64> {
    let today = millis.div_euclid(DAY);
    let (year, month, _) = date_of_days(today);
    Some(match unit {
        'y' => days_since_epoch(year, 1, 1) * DAY,
        'M' => days_since_epoch(year, month, 1) * DAY,
        // Weeks begin on Monday, and 1970-01-01 was a Thursday.
        'w' => (today - (today + 3).rem_euclid(7)) * DAY,
        'd' => today * DAY,
        'h' | 'H' => millis - millis.rem_euclid(3_600_000),
        'm' => millis - millis.rem_euclid(60_000),
        's' => millis - millis.rem_euclid(1_000),
        _ => return None,
    })
}
