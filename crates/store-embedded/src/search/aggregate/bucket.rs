//! Buckets: how many documents are in each, and what was reckoned of them. Calendars and orders.

use super::{Aggregations, collect::AggregationState};
use crate::search::sort::Keys;
use store::mapping::date::calendar::{date_of_days, days_since_epoch};

#[derive(Debug, Default)]
pub struct Bucket {
    pub count: u64,
    pub inner: Vec<AggregationState>,
}

impl Bucket {
    /// One that nothing is in.
    pub fn new(inner: &Aggregations) -> Self {
        Self {
            count: 0,
            inner: inner.begin(),
        }
    }
}

/// A document that is shown in a bucket.
#[derive(Debug)]
pub struct Top {
    pub id: String,
    pub keys: Keys,
    pub score: f32,
}

/// What buckets are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub enum BucketOrder {
    Count,
    Key,
    /// An aggregation inside, and which of its numbers.
    Inner(String, Option<String>),
}

/// How the axis of dates is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calendar {
    Millis(i64),
    Week,
    Months(i64),
}

const DAY: i64 = 86_400_000;

impl Calendar {
    /// The beginning of the part that a moment is in.
    pub fn floor(self, millis: i64) -> i64 {
        match self {
            Self::Millis(step) => millis.div_euclid(step) * step,
            // 1970-01-01 was a Thursday.
            Self::Week => (millis.div_euclid(DAY) + 3).div_euclid(7) * 7 * DAY - 3 * DAY,
            Self::Months(step) => {
                let (year, month, _) = date_of_days(millis.div_euclid(DAY));
                let months = (year * 12 + month - 1).div_euclid(step) * step;
                days_since_epoch(months.div_euclid(12), months.rem_euclid(12) + 1, 1) * DAY
            }
        }
    }

    /// The beginning of the next part.
    pub fn next(self, begin: i64) -> i64 {
        match self {
            Self::Millis(step) => begin + step,
            Self::Week => begin + 7 * DAY,
            // Two of them are never shorter than this.
            Self::Months(step) => self.floor(begin + (31 * step) * DAY),
        }
    }
}
