//! Hands documents to aggregations.

mod belonging;

use super::{
    AggregationKind, Aggregations,
    bucket::{Bucket, Top},
    metric::{MetricKind, Reckoned},
    value::BucketKey,
};
use crate::search::{
    document::Document,
    sort::{Sort, value::SortValue},
};
use std::collections::{BTreeMap, BTreeSet};
use store::StoreError;

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
                self.fill_keyed(buckets, belonging::terms(field, document), matched)
            }
            (AggregationKind::Metric { field, .. }, AggregationState::Distinct(keys)) => {
                keys.append(&mut belonging::terms(field, document));
                Ok(())
            }
            (AggregationKind::Metric { field, kind }, AggregationState::Reckoned(reckoned)) => {
                field.values(document, &mut |value| match value {
                    SortValue::Number(number) => reckoned.take(number.real()),
                    _ if *kind == MetricKind::ValueCount => reckoned.count += 1,
                    _ => {}
                });
                Ok(())
            }
            (AggregationKind::Percentiles { field, .. }, AggregationState::Numbers(all)) => {
                field.numbers(document, &mut |number| all.push(number));
                Ok(())
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
                let steps = belonging::number_steps(field, *interval, *offset, document)?;
                self.fill_keyed(buckets, steps, matched)
            }
            (
                AggregationKind::Dates {
                    field, calendar, ..
                },
                AggregationState::Steps(buckets),
            ) => {
                let steps = belonging::date_steps(field, calendar, document)?;
                self.fill_keyed(buckets, steps, matched)
            }
            (AggregationKind::Ranges { field, ranges, .. }, AggregationState::Buckets(buckets)) => {
                let within = belonging::ranges(field, ranges, document);
                self.fill_listed(buckets, within, matched)
            }
            (AggregationKind::Filter(query), AggregationState::Buckets(buckets)) => {
                let is_met = query.matches(matched.id, document);
                self.fill_listed(buckets, vec![is_met], matched)
            }
            (AggregationKind::Missing(field), AggregationState::Buckets(buckets)) => {
                let is_met = !field.has_value(document);
                self.fill_listed(buckets, vec![is_met], matched)
            }
            (AggregationKind::Filters(filters), AggregationState::Buckets(buckets)) => {
                let met = belonging::filters(filters, matched);
                self.fill_listed(buckets, met, matched)
            }
            (
                AggregationKind::TopHits {
                    sort, from, size, ..
                },
                AggregationState::Top { total, found },
            ) => {
                *total += 1;
                take_top(found, (sort, from + size), matched)
            }
            _ => Ok(()),
        }
    }

    fn fill_keyed<K: Ord>(
        &self,
        buckets: &mut BTreeMap<K, Bucket>,
        keys: BTreeSet<K>,
        matched: &Matched<'_>,
    ) -> Result<(), StoreError> {
        for key in keys {
            let bucket = buckets.entry(key);
            let bucket = bucket.or_insert_with(|| Bucket::new(&self.inner));
            self.fill(bucket, matched)?;
        }
        Ok(())
    }

    /// `met`: for each bucket, whether the document belongs to it.
    fn fill_listed(
        &self,
        buckets: &mut [Bucket],
        met: Vec<bool>,
        matched: &Matched<'_>,
    ) -> Result<(), StoreError> {
        let met = buckets.iter_mut().zip(met).filter(|(_, is_met)| *is_met);
        for (bucket, _) in met {
            self.fill(bucket, matched)?;
        }
        Ok(())
    }
}

/// Keeps the first `most` documents in the order of the sort; the best, where it has none.
fn take_top(
    found: &mut Vec<Top>,
    (sort, most): (&Sort, usize),
    matched: &Matched<'_>,
) -> Result<(), StoreError> {
    sort.learn(matched.document);
    let keys = sort.keys(matched.id, matched.document, matched.score)?;
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
    if place < most {
        found.insert(place, top);
        found.truncate(most);
    }
    Ok(())
}
