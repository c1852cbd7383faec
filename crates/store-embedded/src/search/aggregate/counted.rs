//! Aggregations that indexes answer: how many of the documents that are found have each value. The
//! same counts that reading the documents gives, or none at all.
//!
//! See ADR 40.

use super::{
    Aggregation, AggregationKind, Aggregations,
    bucket::Bucket,
    collect::{AggregationState, Collected},
    metric::MetricKind,
    value::{AggregatedField, BucketKey},
};
use crate::{
    search::field_index::{CollectionIndex, DocumentSet, FieldColumn, NumberForm, key_number},
    search::{
        candidates::IndexLookUp,
        field::{Source, Type},
        sort::value::SortValue,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};
use store::mapping::coerce::Number;

impl Aggregations {
    /// The fields whose indexes would help.
    pub fn name_sources<'s>(&'s self, named: &mut Vec<&'s Source>) {
        for (_, one) in &self.0 {
            if let Some(field) = one.kind.field()
                && (field.is_guessed() || one.is_countable())
            {
                named.extend(field.sources());
            }
            if let AggregationKind::TopHits { sort, .. } = &one.kind {
                sort.name_guessed_sources(named);
            }
            one.inner.name_guessed_sources(named);
        }
    }

    fn name_guessed_sources<'s>(&'s self, named: &mut Vec<&'s Source>) {
        for (_, one) in &self.0 {
            if let Some(field) = one.kind.field().filter(|field| field.is_guessed()) {
                named.extend(field.sources());
            }
            if let AggregationKind::TopHits { sort, .. } = &one.kind {
                sort.name_guessed_sources(named);
            }
            one.inner.name_guessed_sources(named);
        }
    }

    /// Tells them what they would learn from all documents. False: only they tell.
    pub fn learn_indexed(&self, index: &CollectionIndex) -> bool {
        self.0.iter().all(|(_, one)| {
            let is_told = match &one.kind {
                AggregationKind::TopHits { sort, .. } => sort.learn_indexed(index),
                kind => kind.field().is_none_or(|field| field.learn_indexed(index)),
            };
            is_told && one.inner.learn_indexed(index)
        })
    }

    /// Of the documents that are found. `None`: only they tell.
    pub fn count_indexed(&self, found: &DocumentSet, look: &IndexLookUp<'_>) -> Option<Collected> {
        let states = self.0.iter().map(|(_, one)| one.count(found, look));
        states.collect::<Option<_>>().map(Collected)
    }
}

impl Aggregation {
    /// Can an index answer it at all?
    fn is_countable(&self) -> bool {
        let is_flat = self.inner.is_empty();
        match &self.kind {
            AggregationKind::Terms { field, .. } => is_flat && is_plain(field),
            AggregationKind::Metric {
                field,
                kind: MetricKind::Cardinality,
            } => is_plain(field),
            _ => false,
        }
    }

    fn count(&self, found: &DocumentSet, look: &IndexLookUp<'_>) -> Option<AggregationState> {
        if !self.is_countable() {
            return None;
        }
        let field = self.kind.field()?;
        let counts = match field.sources() {
            // Nothing maps it, and nothing can be there.
            [] => Vec::new(),
            [source] => counts(look.index.column(source)?, found, look)?,
            _ => return None,
        };
        let keys = counts
            .into_iter()
            .map(|(key, count)| (BucketKey(key), count));
        if !matches!(self.kind, AggregationKind::Terms { .. }) {
            let keys: BTreeSet<BucketKey> = keys.map(|(key, _)| key).collect();
            return Some(AggregationState::Distinct(keys));
        }
        let buckets = keys.map(|(key, count)| {
            let mut bucket = Bucket::new(&self.inner);
            bucket.count = count;
            (key, bucket)
        });
        Some(AggregationState::Terms(buckets.collect::<BTreeMap<_, _>>()))
    }
}

fn is_plain(field: &AggregatedField) -> bool {
    field.sources().len() <= 1
}

/// How many of the documents hold each value.
fn counts(
    column: &FieldColumn,
    found: &DocumentSet,
    look: &IndexLookUp<'_>,
) -> Option<Vec<(SortValue, u64)>> {
    if !column.is_known() {
        return None;
    }
    let is_whole = *found == look.numbered.live;
    let within = |numbers: &[u32]| {
        if is_whole {
            numbers.len() as u64
        } else {
            numbers
                .iter()
                .filter(|number| found.contains(**number))
                .count() as u64
        }
    };
    let form = match &column.source.kind {
        Type::Keyword { .. } | Type::GuessedKeyword | Type::Text(_) => {
            let all = column.texts.all();
            let counted = all.map(|(text, documents)| (text, within(documents.numbers())));
            let some = counted.filter(|(_, count)| *count > 0);
            return Some(
                some.map(|(text, count)| (SortValue::Text(text.to_owned()), count))
                    .collect(),
            );
        }
        Type::Ip => {
            let all = column.addresses.within(Bound::Unbounded, Bound::Unbounded);
            return Some(runs(all, found, SortValue::Address));
        }
        Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => NumberForm::Number,
        Type::Boolean => NumberForm::Truth,
        Type::Date(_) => NumberForm::Date,
        Type::Guessed { .. } => {
            let kinds = column.guessed_kinds()?;
            if kinds.is_empty() {
                return Some(Vec::new());
            }
            column.only_form().filter(|_| kinds.len() == 1)?
        }
        _ => return None,
    };
    let is_real = form == NumberForm::Fraction
        || matches!(
            column.source.kind,
            Type::Double | Type::Float | Type::HalfFloat
        );
    let value = |key: u64| {
        let real = key_number(key);
        SortValue::Number(if is_real {
            Number::Real(real)
        } else {
            Number::Whole(real as i128)
        })
    };
    let all = column
        .numbers(form)
        .within(Bound::Unbounded, Bound::Unbounded);
    column.is_clean(form).then(|| runs(all, found, value))
}

/// Each value with the number of the documents that have it and are found.
fn runs<K: Copy + PartialEq>(
    entries: impl Iterator<Item = (K, u32)>,
    found: &DocumentSet,
    value: impl Fn(K) -> SortValue,
) -> Vec<(SortValue, u64)> {
    let mut runs: Vec<(K, u64)> = Vec::new();
    for (key, _) in entries.filter(|(_, number)| found.contains(*number)) {
        match runs.last_mut() {
            Some((last, count)) if *last == key => *count += 1,
            _ => runs.push((key, 1)),
        }
    }
    runs.into_iter()
        .map(|(key, count)| (value(key), count))
        .collect()
}
