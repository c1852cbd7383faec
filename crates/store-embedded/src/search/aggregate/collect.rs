//! Hands documents to aggregations.

use super::{
    AggregationKind, Aggregations,
    bucket::{Bucket, Top},
    metric::{MetricKind, Reckoned},
    value::BucketKey,
};
use crate::search::{document::Document, sort::value::SortValue, unsupported};
use std::collections::{BTreeMap, BTreeSet};
use store::{StoreError, mapping::coerce::Number};

/// What an aggregation knows so far.
#[derive(Debug)]
pub enum AggregationState {
    Terms(BTreeMap<BucketKey, Bucket>),
    Reckoned(Reckoned),
    Distinct(BTreeSet<BucketKey>),
    Numbers(Vec<f64>),
    /// By the number of the step, or the millisecond of its beginning.
    Steps(BTreeMap<i64, Bucket>),
    Buckets(Vec<Bucket>),
    Top {
        total: u64,
        found: Vec<Top>,
    },
}

/// A document that matches.
pub struct Matched<'a> {
    pub id: &'a str,
    pub document: &'a Document,
    pub score: f32,
}

/// What a search's aggregations know so far.
pub struct Collected(pub(super) Vec<AggregationState>);

impl Aggregations {
    pub fn collected(&self) -> Collected {
        Collected(self.begin())
    }

    pub(super) fn begin(&self) -> Vec<AggregationState> {
        let one = |(_, one): &(String, super::Aggregation)| match &one.kind {
            AggregationKind::Terms { .. } => AggregationState::Terms(BTreeMap::new()),
            AggregationKind::Metric {
                kind: MetricKind::Cardinality,
                ..
            } => AggregationState::Distinct(BTreeSet::new()),
            AggregationKind::Metric { .. } => AggregationState::Reckoned(Reckoned::default()),
            AggregationKind::Percentiles { .. } => AggregationState::Numbers(Vec::new()),
            AggregationKind::Histogram { .. } | AggregationKind::Dates { .. } => {
                AggregationState::Steps(BTreeMap::new())
            }
            AggregationKind::Ranges { ranges, .. } => {
                AggregationState::Buckets(ranges.iter().map(|_| Bucket::new(&one.inner)).collect())
            }
            AggregationKind::Filter(_) | AggregationKind::Missing(_) => {
                AggregationState::Buckets(vec![Bucket::new(&one.inner)])
            }
            AggregationKind::Filters(filters) => {
                let count = filters.queries.len() + usize::from(filters.others.is_some());
                AggregationState::Buckets((0..count).map(|_| Bucket::new(&one.inner)).collect())
            }
            AggregationKind::TopHits { .. } => AggregationState::Top {
                total: 0,
                found: Vec::new(),
            },
        };
        self.0.iter().map(one).collect()
    }

    pub fn collect(
        &self,
        collected: &mut Collected,
        matched: &Matched<'_>,
    ) -> Result<(), StoreError> {
        self.take(&mut collected.0, matched)
    }

    fn take(
        &self,
        states: &mut [AggregationState],
        matched: &Matched<'_>,
    ) -> Result<(), StoreError> {
        for ((_, one), state) in self.0.iter().zip(states) {
            one.take(state, matched)?;
        }
        Ok(())
    }
}

impl super::Aggregation {
    fn fill(&self, bucket: &mut Bucket, matched: &Matched<'_>) -> Result<(), StoreError> {
        bucket.count += 1;
        self.inner.take(&mut bucket.inner, matched)
    }

    fn take(&self, state: &mut AggregationState, matched: &Matched<'_>) -> Result<(), StoreError> {
        let document = matched.document;
        match (&self.kind, state) {
            (AggregationKind::Terms { field, .. }, AggregationState::Terms(buckets)) => {
                let mut keys = BTreeSet::new();
                field.values(document, &mut |value| {
                    keys.insert(BucketKey(value));
                });
                for key in keys {
                    let bucket = buckets.entry(key);
                    let bucket = bucket.or_insert_with(|| Bucket::new(&self.inner));
                    self.fill(bucket, matched)?;
                }
            }
            (AggregationKind::Metric { field, .. }, AggregationState::Distinct(keys)) => {
                field.values(document, &mut |value| {
                    keys.insert(BucketKey(value));
                });
            }
            (AggregationKind::Metric { field, kind }, AggregationState::Reckoned(reckoned)) => {
                field.values(document, &mut |value| match value {
                    SortValue::Number(number) => reckoned.take(number.real()),
                    _ if *kind == MetricKind::ValueCount => reckoned.count += 1,
                    _ => {}
                });
            }
            (AggregationKind::Percentiles { field, .. }, AggregationState::Numbers(all)) => {
                field.numbers(document, &mut |number| all.push(number));
            }
            (
                AggregationKind::Histogram {
                    field,
                    interval,
                    offset,
                    ..
                },
                AggregationState::Steps(buckets),
            ) => {
                // Beyond, a number does not tell its step any more.
                const FARTHEST: f64 = 9e15;
                let (mut steps, mut is_far) = (BTreeSet::new(), false);
                field.numbers(document, &mut |number| {
                    let step = ((number - offset) / interval).floor();
                    is_far |= step.is_nan() || step.abs() > FARTHEST;
                    steps.insert(step as i64);
                });
                if is_far {
                    return Err(unsupported(
                        "a histogram of values this far from its offset",
                        "/aggs",
                    ));
                }
                self.fill_steps(buckets, steps, matched)?;
            }
            (
                AggregationKind::Dates {
                    field, calendar, ..
                },
                AggregationState::Steps(buckets),
            ) => {
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
                    return Err(unsupported(
                        "a histogram of dates this far from the epoch",
                        "/aggs",
                    ));
                }
                self.fill_steps(buckets, steps, matched)?;
            }
            (AggregationKind::Ranges { field, ranges, .. }, AggregationState::Buckets(buckets)) => {
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
                for (bucket, is_within) in buckets.iter_mut().zip(within) {
                    if is_within {
                        self.fill(bucket, matched)?;
                    }
                }
            }
            (AggregationKind::Filter(query), AggregationState::Buckets(buckets))
                if query.matches(matched.id, document) =>
            {
                self.fill(&mut buckets[0], matched)?;
            }
            (AggregationKind::Missing(field), AggregationState::Buckets(buckets))
                if !field.has_value(document) =>
            {
                self.fill(&mut buckets[0], matched)?;
            }
            (AggregationKind::Filters(filters), AggregationState::Buckets(buckets)) => {
                let mut is_other = true;
                for ((_, query), bucket) in filters.queries.iter().zip(buckets.iter_mut()) {
                    if query.matches(matched.id, document) {
                        is_other = false;
                        self.fill(bucket, matched)?;
                    }
                }
                if is_other && let Some(bucket) = buckets.get_mut(filters.queries.len()) {
                    self.fill(bucket, matched)?;
                }
            }
            (
                AggregationKind::TopHits {
                    sort, from, size, ..
                },
                AggregationState::Top { total, found },
            ) => {
                *total += 1;
                sort.learn(document);
                let keys = sort.keys(matched.id, document, matched.score)?;
                let top = Top {
                    id: matched.id.to_owned(),
                    keys,
                    score: matched.score,
                };
                let is_before = |other: &Top| {
                    if sort.is_sorted() {
                        sort.compare(&other.keys, &top.keys).is_le()
                    } else {
                        other.score >= top.score
                    }
                };
                let place = found.partition_point(is_before);
                if place < from + size {
                    found.insert(place, top);
                    found.truncate(from + size);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn fill_steps(
        &self,
        buckets: &mut BTreeMap<i64, Bucket>,
        steps: BTreeSet<i64>,
        matched: &Matched<'_>,
    ) -> Result<(), StoreError> {
        for step in steps {
            let bucket = buckets.entry(step);
            let bucket = bucket.or_insert_with(|| Bucket::new(&self.inner));
            self.fill(bucket, matched)?;
        }
        Ok(())
    }
}
