//! Which buckets of an aggregation a document belongs to.

use super::Matched;
use crate::search::{
    aggregate::{
        BucketRange, NamedFilters,
        bucket::Calendar,
        value::{AggregatedField, BucketKey},
    },
    document::Document,
    sort::value::SortValue,
    unsupported,
};
use std::collections::BTreeSet;
use store::{StoreError, mapping::coerce::Number};

/// Each value of the field once.
pub(super) fn terms(field: &AggregatedField, document: &Document) -> BTreeSet<BucketKey> {
    let mut keys = BTreeSet::new();
    field.values(document, &mut |value| {
        keys.insert(BucketKey(value));
    });
    keys
}

/// The steps of a histogram, by their number.
pub(super) fn number_steps(
    field: &AggregatedField,
    interval: f64,
    offset: f64,
    document: &Document,
) -> Result<BTreeSet<i64>, StoreError> {
    // Beyond, a number does not tell its step any more.
    const FARTHEST: f64 = 9e15;
    let (mut steps, mut is_far) = (BTreeSet::new(), false);
    field.numbers(document, &mut |number| {
        let step = ((number - offset) / interval).floor();
        is_far |= step.is_nan() || step.abs() > FARTHEST;
        steps.insert(step as i64);
    });
    if is_far {
        let what = "a histogram of values this far from its offset";
        return Err(unsupported(what, "/aggs"));
    }
    Ok(steps)
}

/// The steps of a calendar, by the millisecond at which they begin.
pub(super) fn date_steps(
    field: &AggregatedField,
    calendar: &Calendar,
    document: &Document,
) -> Result<BTreeSet<i64>, StoreError> {
    // Beyond, the parts around a moment are no moments themselves.
    const FARTHEST: i64 = i64::MAX / 4;
    let (mut steps, mut is_far) = (BTreeSet::new(), false);
    field.values(document, &mut |value| {
        if let SortValue::Number(Number::Whole(millis)) = value {
            let near = i64::try_from(millis).ok();
            match near.filter(|millis| (-FARTHEST..=FARTHEST).contains(millis)) {
                Some(millis) => _ = steps.insert(calendar.floor(millis)),
                None => is_far = true,
            }
        }
    });
    if is_far {
        let what = "a histogram of dates this far from the epoch";
        return Err(unsupported(what, "/aggs"));
    }
    Ok(steps)
}

/// For each range, whether a value lies in it.
pub(super) fn ranges(
    field: &AggregatedField,
    ranges: &[BucketRange],
    document: &Document,
) -> Vec<bool> {
    let mut within = vec![false; ranges.len()];
    // An index makes 32-bit numbers of fractions that are not mapped.
    let is_guessed = field.is_guessed();
    field.values(document, &mut |value| {
        let SortValue::Number(number) = value else {
            return;
        };
        let is_short = is_guessed && matches!(number, Number::Real(_));
        let bound = |bound: f64| {
            if is_short {
                f64::from(bound as f32)
            } else {
                bound
            }
        };
        let number = number.real();
        for (range, is_within) in ranges.iter().zip(&mut within) {
            let (from, to) = (bound(range.within.start), bound(range.within.end));
            *is_within |= number >= from && (number < to || range.to.is_none());
        }
    });
    within
}

/// For each filter, whether the document is found by it; last, whether it is by none.
pub(super) fn filters(filters: &NamedFilters, matched: &Matched<'_>) -> Vec<bool> {
    let queries = filters.queries.iter();
    let mut met: Vec<bool> = queries
        .map(|(_, query)| query.matches(matched.id, matched.document))
        .collect();
    met.push(!met.contains(&true));
    met
}
