//! The Gregorian calendar: dates and times of day to milliseconds and back. Never knows a format.

use super::{Fill, Reading, Region, zone::Zone};

/// A date and a time of day, as far as they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Civil {
    pub year: i64,
    pub month: Option<i64>,
    pub day: Option<i64>,
    pub hour: Option<i64>,
    pub minute: Option<i64>,
    pub second: Option<i64>,
    pub milli: Option<i64>,
    pub zone: Option<Zone>,
    /// A day beyond its month's end is one of the next month.
    pub rolls: bool,
}

impl Civil {
    /// The moment; `None` if there is no such day or time.
    pub fn reading(&self, fill: Fill) -> Option<Reading> {
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let last = if self.rolls {
            31
        } else {
            days_in(self.year, month)
        };
        if !(1..=12).contains(&month) || !(1..=last).contains(&day) {
            return None;
        }
        let rest = |given: Option<i64>, last: i64| match (given, fill) {
            (Some(given), _) => (given, given <= last),
            (None, Fill::Up) => (last, true),
            (None, Fill::Down) => (0, true),
        };
        let (hour, hour_fits) = rest(self.hour, 23);
        let (minute, minute_fits) = rest(self.minute, 59);
        let (second, second_fits) = rest(self.second, 59);
        let (milli, _) = rest(self.milli, 999);
        if !hour_fits || !minute_fits || !second_fits {
            return None;
        }
        let seconds =
            ((days_since_epoch(self.year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        let offset = match &self.zone {
            None => 0,
            Some(Zone::Offset(seconds)) => *seconds,
            Some(Zone::Region(region)) => return Some(Reading::Regional(Region::clone(region))),
        };
        Some(Reading::Millis((seconds - offset) * 1_000 + milli))
    }
}

pub fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01.
pub fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day since 1970-01-01.
pub fn date_of_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
