//! Aggregations: what is counted and reckoned over all documents that match, in the order of their
//! ids. What is known is read from JSON ([`read_aggregations`]), and everything else refused by
//! name; then each document is handed to it ([`collect`]), and in the end it is spelled as an index
//! does ([`shown`]).

mod bucket;
mod collect;
mod counted;
mod metric;
mod percentile;
mod read;
mod shown;
pub mod value;

pub use collect::{Collected, Matched};
pub use read::read_aggregations;
pub use shown::ShownAggregations;

use super::{bad, document::Document, query::Query, sort::Sort, source, unsupported};
use bucket::{BucketOrder, Calendar};
use metric::MetricKind;
use percentile::Percentiles;
use serde_json::Value;
use std::collections::BTreeSet;
use store::{StoreError, cell::join_pointer};
use value::AggregatedField;

/// Aggregations by name, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Aggregations(Vec<(String, Aggregation)>);

#[derive(Debug)]
struct Aggregation {
    kind: AggregationKind,
    meta: Option<Value>,
    inner: Aggregations,
}

#[derive(Debug)]
enum AggregationKind {
    Terms {
        field: AggregatedField,
        size: usize,
        least: u64,
        order: Vec<(BucketOrder, bool)>,
    },
    Metric {
        field: AggregatedField,
        kind: MetricKind,
    },
    Percentiles {
        field: AggregatedField,
        wanted: Percentiles,
    },
    Ranges {
        field: AggregatedField,
        ranges: Vec<BucketRange>,
        keyed: bool,
        /// Between moments.
        of_dates: bool,
    },
    Histogram {
        field: AggregatedField,
        interval: f64,
        offset: f64,
        least: u64,
        keyed: bool,
    },
    Dates {
        field: AggregatedField,
        calendar: Calendar,
        least: u64,
        keyed: bool,
    },
    Filter(Query),
    Filters(NamedFilters),
    Missing(AggregatedField),
    TopHits {
        sort: Sort,
        from: usize,
        size: usize,
        source: source::ShownSource,
    },
}

/// Several queries, by name or in order.
#[derive(Debug)]
struct NamedFilters {
    queries: Vec<(Option<String>, Query)>,
    /// What none of them finds, under this name.
    others: Option<String>,
}

#[derive(Debug)]
struct BucketRange {
    key: Option<String>,
    from: Option<f64>,
    to: Option<f64>,
    /// Both as the field holds them.
    within: std::ops::Range<f64>,
}

impl AggregationKind {
    fn field(&self) -> Option<&AggregatedField> {
        match self {
            Self::Terms { field, .. }
            | Self::Metric { field, .. }
            | Self::Percentiles { field, .. }
            | Self::Ranges { field, .. }
            | Self::Histogram { field, .. }
            | Self::Dates { field, .. }
            | Self::Missing(field) => Some(field),
            Self::Filter(_) | Self::Filters(_) | Self::TopHits { .. } => None,
        }
    }

    /// Does it go together with a field of this type?
    fn check(&self, field: &AggregatedField, at: &str) -> Result<(), StoreError> {
        let refuse = |what: &str| Err(unsupported(what, at));
        match self {
            Self::Metric { kind, .. } if field.is_truth() => match kind {
                MetricKind::ValueCount | MetricKind::Cardinality => Ok(()),
                _ => refuse("what is reckoned of truth values"),
            },
            Self::Metric {
                kind: MetricKind::ExtendedStats { .. },
                ..
            } if field.is_date() => refuse("extended_stats of dates"),
            Self::Percentiles { .. } if field.is_truth() => {
                refuse("what is reckoned of truth values")
            }
            Self::Ranges { of_dates: true, .. } if !field.is_date() => {
                refuse("date_range of other values than dates")
            }
            Self::Ranges { of_dates: true, .. } => Ok(()),
            Self::Histogram { .. } | Self::Ranges { .. } if field.is_date() || field.is_truth() => {
                refuse("steps and ranges of dates and truth values")
            }
            Self::Dates { .. } if !field.is_date() => {
                refuse("date_histogram of other values than dates")
            }
            _ => Ok(()),
        }
    }
}

impl Aggregations {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does anything look at scores?
    pub fn needs_scores(&self) -> bool {
        self.0.iter().any(|(_, one)| {
            let here = match &one.kind {
                AggregationKind::TopHits { sort, .. } => !sort.is_sorted() || sort.needs_score(),
                _ => false,
            };
            here || one.inner.needs_scores()
        })
    }

    /// Looks at what a document holds in fields that no mapping knows, whether it matches or not.
    pub fn learn(&self, document: &Document) {
        for (_, one) in &self.0 {
            if let Some(field) = one.kind.field() {
                field.learn(document);
            }
            if let AggregationKind::TopHits { sort, .. } = &one.kind {
                sort.learn(document);
            }
            one.inner.learn(document);
        }
    }

    /// Refuses what cannot be answered, now that the documents were looked at, if there are any.
    pub fn check_learned(&self, has_documents: bool) -> Result<(), StoreError> {
        for (name, one) in &self.0 {
            let at = join_pointer("/aggs", name);
            let field = one.kind.field().filter(|field| field.is_guessed());
            if let Some(field) = field {
                if field.is_learned_text() {
                    let why = format!(
                        "`{0}` is text, which is kept for searching only: use `{0}.keyword`",
                        field.name
                    );
                    return Err(bad(why, &at));
                }
                one.kind.check(field, &at)?;
            }
            if let AggregationKind::TopHits { sort, .. } = &one.kind {
                sort.check_learned(has_documents, &format!("{at}/top_hits/sort"))?;
            }
            one.inner.check_learned(has_documents)?;
        }
        Ok(())
    }

    /// The members of a document that anything looks at.
    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        for (_, one) in &self.0 {
            if let Some(field) = one.kind.field() {
                field.name_members(wanted);
            }
            match &one.kind {
                AggregationKind::Terms { .. }
                | AggregationKind::Metric { .. }
                | AggregationKind::Percentiles { .. }
                | AggregationKind::Ranges { .. }
                | AggregationKind::Histogram { .. }
                | AggregationKind::Dates { .. }
                | AggregationKind::Missing(_) => {}
                AggregationKind::Filter(query) => query.name_members(wanted),
                AggregationKind::Filters(filters) => {
                    let queries = filters.queries.iter();
                    queries.for_each(|(_, query)| query.name_members(wanted));
                }
                AggregationKind::TopHits { sort, .. } => sort.name_members(wanted),
            }
            one.inner.name_members(wanted);
        }
    }
}
