//! What was collected, spelled as an index does.

use super::{
    Aggregation, AggregationKind, Aggregations, BucketRange, Collected, NamedFilters,
    bucket::{Bucket, BucketOrder, Calendar, Top},
    collect::AggregationState,
    metric::{MetricKind, metric_number},
    value::{AggregatedField, BucketKey},
};
use crate::search::{bad, run::shown_score, sort::Sort, sort::value::SortValue, source};
use event_schema::Raw;
use serde_json::{Map, Value, json};
use std::{cmp::Ordering, collections::BTreeMap};
use store::{StoreError, cell::join_pointer, mapping::coerce::Number};

/// Buckets in one answer, as an index allows them.
const MOST: usize = 65_536;

/// Reads documents by their ids and counts buckets.
pub struct ShownAggregations<'a> {
    fetch: &'a dyn Fn(&str) -> Result<Raw, StoreError>,
    buckets: usize,
}

impl<'a> ShownAggregations<'a> {
    pub fn new(fetch: &'a dyn Fn(&str) -> Result<Raw, StoreError>) -> Self {
        Self { fetch, buckets: 0 }
    }

    pub fn all(
        mut self,
        aggregations: &Aggregations,
        collected: Collected,
    ) -> Result<Value, StoreError> {
        let shown = self.inner(aggregations, &collected.0, "/aggs")?;
        Ok(shown.into())
    }

    fn inner(
        &mut self,
        aggregations: &Aggregations,
        states: &[AggregationState],
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut shown = Map::new();
        for ((name, one), state) in aggregations.0.iter().zip(states) {
            let here = join_pointer(at, name);
            let mut body = self.one(one, state, &here)?;
            if let Some(meta) = &one.meta {
                body.insert("meta".to_owned(), meta.clone());
            }
            shown.insert(name.clone(), body.into());
        }
        Ok(shown)
    }

    fn one(
        &mut self,
        one: &Aggregation,
        state: &AggregationState,
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        match (&one.kind, state) {
            (
                AggregationKind::Terms {
                    field,
                    size,
                    least,
                    order,
                },
                AggregationState::Terms(buckets),
            ) => self.terms(one, field, (*size, *least), order, buckets, at),
            (AggregationKind::Metric { field, kind }, AggregationState::Reckoned(reckoned)) => {
                reckoned.shown(*kind, field, at)
            }
            (AggregationKind::Metric { .. }, AggregationState::Distinct(keys)) => {
                Ok(object_members(json!({"value": keys.len()})))
            }
            (AggregationKind::Percentiles { field, wanted }, AggregationState::Numbers(all)) => {
                wanted.shown(all, field, at)
            }
            (
                AggregationKind::Histogram {
                    field: _,
                    interval,
                    offset,
                    least,
                    keyed,
                },
                AggregationState::Steps(buckets),
            ) => {
                let empty = Bucket::new(&one.inner);
                let steps = Self::steps(buckets, *least, |step| step + 1, at)?;
                let mut all = Vec::new();
                for (step, bucket) in steps {
                    let key = step as f64 * interval + offset;
                    let text = java_number(key);
                    all.push((
                        text,
                        self.bucket(one, bucket.unwrap_or(&empty), json!({"key": key}), at)?,
                    ));
                }
                Ok(listed_buckets(all, *keyed))
            }
            (
                AggregationKind::Dates {
                    field,
                    calendar,
                    least,
                    keyed,
                },
                AggregationState::Steps(buckets),
            ) => self.dates(one, (field, *calendar), (*least, *keyed), buckets, at),
            (
                AggregationKind::Ranges {
                    field,
                    ranges,
                    keyed,
                    ..
                },
                AggregationState::Buckets(buckets),
            ) => {
                let mut all = Vec::new();
                for (range, bucket) in ranges.iter().zip(buckets) {
                    let (key, bounds) = range.shown(*keyed, field, at)?;
                    all.push((key, self.bucket(one, bucket, bounds, at)?));
                }
                Ok(listed_buckets(all, *keyed))
            }
            (
                AggregationKind::Filter(_) | AggregationKind::Missing(_),
                AggregationState::Buckets(buckets),
            ) => self.bucket(one, &buckets[0], json!({}), at),
            (AggregationKind::Filters(filters), AggregationState::Buckets(buckets)) => {
                self.filters(one, filters, buckets, at)
            }
            (
                AggregationKind::TopHits {
                    sort, source, from, ..
                },
                AggregationState::Top { total, found },
            ) => self.top_hits(sort, source, *from, (*total, found), at),
            _ => Ok(Map::new()),
        }
    }

    /// A bucket's key, its count, and what is inside.
    fn bucket(
        &mut self,
        one: &Aggregation,
        bucket: &Bucket,
        key: Value,
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        self.buckets += 1;
        if self.buckets > MOST {
            return Err(bad(format!("more than {MOST} buckets"), at));
        }
        let mut shown = object_members(key);
        shown.insert("doc_count".to_owned(), json!(bucket.count));
        shown.extend(self.inner(&one.inner, &bucket.inner, at)?);
        Ok(shown)
    }

    fn terms(
        &mut self,
        one: &Aggregation,
        field: &AggregatedField,
        (size, least): (usize, u64),
        order: &[(BucketOrder, bool)],
        buckets: &BTreeMap<BucketKey, Bucket>,
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut all: Vec<(&BucketKey, &Bucket)> = buckets.iter().collect();
        all.sort_by(|a, b| {
            let by = order.iter().map(|(order, descending)| {
                let ordering = order.compare(*a, *b, &one.inner);
                if *descending {
                    ordering.reverse()
                } else {
                    ordering
                }
            });
            by.fold(Ordering::Equal, Ordering::then)
                .then_with(|| a.0.cmp(b.0))
        });
        // So many an index takes from its shard before it looks at `min_doc_count`.
        let taken = match order {
            [(BucketOrder::Key, _), ..] => size,
            _ => size.saturating_mul(3) / 2 + 10,
        };
        let count = |(_, bucket): &(&BucketKey, &Bucket)| bucket.count;
        let mut others: u64 = all.iter().skip(taken).map(count).sum();
        all.truncate(taken);
        all.retain(|one| count(one) >= least);
        others += all.iter().skip(size).map(count).sum::<u64>();
        all.truncate(size);
        let mut shown = Vec::new();
        for (key, bucket) in &all {
            let (value, text) = field.key(&key.0, at)?;
            let mut key = json!({"key": value});
            if let Some(text) = text {
                key["key_as_string"] = text.into();
            }
            shown.push(Value::from(self.bucket(one, bucket, key, at)?));
        }
        Ok(object_members(json!({
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": others,
            "buckets": shown,
        })))
    }

    /// The steps from the first to the last, where those without documents are wanted too.
    fn steps<'b>(
        buckets: &'b BTreeMap<i64, Bucket>,
        least: u64,
        next: impl Fn(i64) -> i64,
        at: &str,
    ) -> Result<Vec<(i64, Option<&'b Bucket>)>, StoreError> {
        if least > 0 {
            let many = buckets.iter().filter(|(_, bucket)| bucket.count >= least);
            return Ok(many.map(|(step, bucket)| (*step, Some(bucket))).collect());
        }
        let mut all = Vec::new();
        let (Some((first, _)), Some((last, _))) =
            (buckets.first_key_value(), buckets.last_key_value())
        else {
            return Ok(all);
        };
        let mut step = *first;
        while step <= *last {
            all.push((step, buckets.get(&step)));
            if all.len() > MOST {
                return Err(bad(format!("more than {MOST} buckets"), at));
            }
            step = next(step);
        }
        Ok(all)
    }

    fn dates(
        &mut self,
        one: &Aggregation,
        (field, calendar): (&AggregatedField, Calendar),
        (least, keyed): (u64, bool),
        buckets: &BTreeMap<i64, Bucket>,
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let empty = Bucket::new(&one.inner);
        let steps = Self::steps(buckets, least, |step| calendar.next(step), at)?;
        let mut all = Vec::new();
        for (millis, bucket) in steps {
            let key = SortValue::Number(Number::Whole(millis.into()));
            let (value, text) = field.key(&key, at)?;
            let text = text.unwrap_or_default();
            let key = json!({"key": value, "key_as_string": text.clone()});
            all.push((text, self.bucket(one, bucket.unwrap_or(&empty), key, at)?));
        }
        Ok(listed_buckets(all, keyed))
    }

    fn filters(
        &mut self,
        one: &Aggregation,
        filters: &NamedFilters,
        buckets: &[Bucket],
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let keyed = filters.queries.iter().any(|(name, _)| name.is_some());
        let names = filters.queries.iter().map(|(name, _)| name.clone());
        let names = names.chain(filters.others.iter().cloned().map(Some));
        let mut all = Vec::new();
        for (name, bucket) in names.zip(buckets) {
            all.push((
                name.unwrap_or_default(),
                self.bucket(one, bucket, json!({}), at)?,
            ));
        }
        Ok(listed_buckets(all, keyed))
    }

    fn top_hits(
        &mut self,
        sort: &Sort,
        source: &source::ShownSource,
        from: usize,
        (total, found): (u64, &[Top]),
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let ranks = !sort.is_sorted();
        let mut hits = Vec::new();
        for top in found.iter().skip(from) {
            let shown = source.of(|| (self.fetch)(&top.id))?;
            let mut hit = json!({"_id": top.id, "_score": ranks.then(|| shown_score(top.score))});
            if let Some(shown) = shown {
                let parsed: Result<Value, _> = serde_json::from_str(shown.get());
                hit["_source"] = parsed.map_err(|error| bad(error.to_string(), at))?;
            }
            if sort.is_sorted() {
                hit["sort"] = sort.shown(&top.keys).into();
            }
            hits.push(hit);
        }
        let best = found.iter().map(|top| top.score).fold(f32::NAN, f32::max);
        let best = ranks.then_some(best).filter(|best| !best.is_nan());
        Ok(object_members(json!({"hits": {
            "total": {"value": total, "relation": "eq"},
            "max_score": best.map(shown_score),
            "hits": hits,
        }})))
    }
}

impl BucketOrder {
    fn compare(
        &self,
        a: (&BucketKey, &Bucket),
        b: (&BucketKey, &Bucket),
        inner: &Aggregations,
    ) -> Ordering {
        match self {
            Self::Count => a.1.count.cmp(&b.1.count),
            Self::Key => a.0.cmp(b.0),
            Self::Inner(name, number) => {
                let value = |bucket: &Bucket| inner.number(name, number.as_deref(), bucket);
                let (a, b) = (value(a.1), value(b.1));
                a.unwrap_or(f64::NAN).total_cmp(&b.unwrap_or(f64::NAN))
            }
        }
    }
}

impl Aggregations {
    /// The number of an aggregation in a bucket.
    fn number(&self, name: &str, number: Option<&str>, bucket: &Bucket) -> Option<f64> {
        let mut all = self.0.iter().zip(&bucket.inner);
        let ((_, one), state) = all.find(|((known, _), _)| known == name)?;
        match (&one.kind, state) {
            (AggregationKind::Metric { kind, .. }, AggregationState::Reckoned(reckoned)) => {
                let kind = match number {
                    Some("min") => MetricKind::Min,
                    Some("max") => MetricKind::Max,
                    Some("avg") => MetricKind::Avg,
                    Some("sum") => MetricKind::Sum,
                    Some("count") => MetricKind::ValueCount,
                    _ => *kind,
                };
                // Without values an index orders by what it began with.
                reckoned.single(kind).or(match kind {
                    MetricKind::Max => Some(f64::NEG_INFINITY),
                    MetricKind::Min => Some(f64::INFINITY),
                    _ => None,
                })
            }
            (_, AggregationState::Distinct(keys)) => Some(keys.len() as f64),
            (_, AggregationState::Buckets(buckets)) => Some(buckets[0].count as f64),
            _ => None,
        }
    }
}

impl BucketRange {
    /// Its key, and the members that say it.
    fn shown(
        &self,
        keyed: bool,
        field: &AggregatedField,
        at: &str,
    ) -> Result<(String, Value), StoreError> {
        let (mut members, mut ends) = (Map::new(), Vec::new());
        for (name, bound) in [("from", self.from), ("to", self.to)] {
            let Some(value) = bound else {
                ends.push("*".to_owned());
                continue;
            };
            members.insert(name.to_owned(), metric_number(bound));
            match field.text(value, at)? {
                Some(text) => {
                    members.insert(format!("{name}_as_string"), text.as_str().into());
                    ends.push(text);
                }
                None => ends.push(java_number(value)),
            }
        }
        let key = self.key.clone().unwrap_or_else(|| ends.join("-"));
        if !keyed {
            members.insert("key".to_owned(), key.as_str().into());
        }
        Ok((key, members.into()))
    }
}

/// A number as Java spells it.
pub(super) fn java_number(number: f64) -> String {
    crate::search::leaf::query_text(&json!(number))
}

fn object_members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Buckets in their order, or by their names.
fn listed_buckets(all: Vec<(String, Map<String, Value>)>, keyed: bool) -> Map<String, Value> {
    let buckets: Value = if keyed {
        let named = all.into_iter().map(|(name, body)| (name, body.into()));
        Value::Object(named.collect())
    } else {
        all.into_iter().map(|(_, body)| Value::from(body)).collect()
    };
    Map::from_iter([("buckets".to_owned(), buckets)])
}
