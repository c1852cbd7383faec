//! The first documents of a set in the order of a sort, by walking through the indexes of its fields
//! until the page is full. Where an index does not tell the order to the last document, nothing is
//! said.
//!
//! See ADR 40.

use super::{
    Sort,
    key::{By, Key},
    value::SortValue,
};
use crate::{
    search::field_index::{
        DocumentSet, FieldColumn, NumberForm, OrderedValues, is_odd, number_key,
    },
    search::{
        candidates::IndexLookUp,
        field::{Source, Type},
    },
};
use std::ops::Bound;
use store::mapping::coerce::Number;

/// What is walked through, and what was found so far.
struct SortWalk<'i> {
    look: &'i IndexLookUp<'i>,
    found: Vec<u32>,
    limit: usize,
}

/// Documents with the same value, and whether it is the one at which the page begins.
struct SortGroup {
    numbers: Vec<u32>,
    is_start: bool,
}

/// Whether to go on.
type WalkStep = Option<bool>;

impl Sort {
    /// `None`: only the documents tell.
    pub fn walk(
        &self,
        set: &DocumentSet,
        look: &IndexLookUp<'_>,
        limit: usize,
    ) -> Option<Vec<u32>> {
        let mut after = None;
        if let Some(all) = &self.after {
            let pairs = self.keys.iter().zip(all);
            let values = pairs.map(|(key, position)| position.value(key));
            after = Some(values.collect::<Option<Vec<&SortValue>>>()?);
        }
        let mut walk = SortWalk {
            look,
            found: Vec::new(),
            limit,
        };
        if limit > 0 {
            walk.through(&self.keys, after.as_deref(), set)?;
        }
        Some(walk.found)
    }
}

impl<'i> SortWalk<'i> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    fn through(
        &mut self,
        keys: &[Key],
        after: Option<&[&SortValue]>,
        set: &DocumentSet,
    ) -> Option<()> {
        let (key, rest) = keys.split_first()?;
        let By::Values { sources, .. } = &key.by else {
            return None;
        };
        let start = after.and_then(|after| after.first().copied());
        if let [Source { kind: Type::Id, .. }] = sources.as_slice() {
            let start = match start {
                Some(SortValue::Text(id)) => Some(id.as_str()),
                Some(_) => return None,
                None => None,
            };
            let more = self.limit - self.found.len();
            let all = self.look.by_id(set, more, key.descending, start)?;
            self.found.extend(all);
            return Some(());
        }
        let column = self.column(sources)?;
        let axis = SortAxis::of(key, column, start.is_some())?;
        let mut missing = set.clone();
        missing.subtract(axis.present());
        if !missing.is_empty() && !axis.may_miss(key) {
            return None;
        }
        let rest_after = after.and_then(|after| after.get(1..));
        let missing = SortGroup {
            numbers: missing.iter().collect(),
            is_start: false,
        };
        if key.missing_first && start.is_none() {
            self.take(rest, None, set, &missing)?;
        }
        let mut seen = DocumentSet::default();
        if !self.is_full() {
            let is_single = axis.is_single();
            axis.each(key, set, start, &mut |mut group| {
                group
                    .numbers
                    .retain(|number| is_single || !seen.contains(*number));
                if !is_single {
                    group.numbers.iter().for_each(|number| seen.insert(*number));
                }
                let after = rest_after.filter(|_| group.is_start);
                self.take(rest, after, set, &group)?;
                Some(!self.is_full())
            })?;
        }
        if !key.missing_first && !self.is_full() {
            self.take(rest, None, set, &missing)?;
        }
        Some(())
    }

    /// The documents of one value in the order of what else is sorted by.
    fn take(
        &mut self,
        rest: &[Key],
        after: Option<&[&SortValue]>,
        set: &DocumentSet,
        group: &SortGroup,
    ) -> Option<()> {
        if group.numbers.is_empty() || group.is_start && rest.is_empty() {
            return Some(());
        }
        if let ([only], None) = (group.numbers.as_slice(), after) {
            self.found.push(*only);
            return Some(());
        }
        let mut here: DocumentSet = group.numbers.iter().copied().collect();
        here.intersect(set);
        if rest.is_empty() {
            let more = self.limit - self.found.len();
            let all = self.look.by_id(&here, more, false, None)?;
            self.found.extend(all);
            return Some(());
        }
        self.through(rest, after, &here)
    }

    /// The index of the one field that has values.
    fn column(&self, sources: &[Source]) -> Option<&'i FieldColumn> {
        let columns: Option<Vec<&'i FieldColumn>> = sources
            .iter()
            .map(|source| self.look.index.column(source))
            .collect();
        let columns = columns?;
        let [first, rest @ ..] = columns.as_slice() else {
            return None;
        };
        let all = [first].into_iter().chain(rest);
        if !all.clone().all(|column| column.is_known()) {
            return None;
        }
        let mut some = all.filter(|column| !column.existing.is_empty());
        let one = some.next().unwrap_or(first);
        some.next().is_none().then_some(*one)
    }
}

/// The values of a field in their order.
enum SortAxis<'c> {
    Texts(&'c FieldColumn),
    Numbers(&'c OrderedValues<u64>, &'c FieldColumn),
    Addresses(&'c FieldColumn),
}

impl<'c> SortAxis<'c> {
    /// `None`: a document's value in this order is not simply its first.
    fn of(key: &Key, column: &'c FieldColumn, has_start: bool) -> Option<Self> {
        let kind = &column.source.kind;
        let guessed = || column.guessed_kinds().filter(|kinds| kinds.len() <= 1);
        let form = match kind {
            Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
                Some(NumberForm::Number)
            }
            Type::Boolean => Some(NumberForm::Truth),
            Type::Date(_) => Some(NumberForm::Date),
            Type::Guessed { .. } => {
                guessed()?;
                Some(column.only_form()?)
            }
            _ => None,
        };
        let axis = match (form, kind) {
            (Some(form), _) if column.is_clean(form) => Self::Numbers(column.numbers(form), column),
            (Some(_), _) => return None,
            (None, Type::Ip) => Self::Addresses(column),
            (
                None,
                Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } | Type::Text(_),
            ) => Self::Texts(column),
            _ => return None,
        };
        let is_first = key.descending == key.greatest && !has_start;
        (is_first || axis.is_single()).then_some(axis)
    }

    fn is_single(&self) -> bool {
        match self {
            Self::Texts(column) => column.texts.total(false) == column.texts.documents(),
            Self::Numbers(ordered, _) => ordered.is_single(),
            Self::Addresses(column) => column.addresses.is_single(),
        }
    }

    fn present(&self) -> &DocumentSet {
        match self {
            Self::Texts(column) => &column.texts.present,
            Self::Numbers(ordered, _) => &ordered.present,
            Self::Addresses(column) => &column.addresses.present,
        }
    }

    /// Does a document without a value come behind or before all others, and no other with it?
    fn may_miss(&self, key: &Key) -> bool {
        match (self, key.absent()) {
            _ if key.missing.is_some() => false,
            (Self::Numbers(ordered, _), SortValue::Number(absent)) => {
                !ordered.has(number_key(absent.real()))
            }
            (_, SortValue::Missing) => true,
            _ => false,
        }
    }

    /// Visits the groups of those documents from the start on, which is marked.
    fn each(
        &self,
        key: &Key,
        set: &DocumentSet,
        start: Option<&SortValue>,
        visit: &mut dyn FnMut(SortGroup) -> WalkStep,
    ) -> Option<()> {
        match self {
            Self::Numbers(ordered, column) => {
                let start = match start {
                    None => None,
                    Some(SortValue::Number(number)) => Some(exact_key(*number, key, column)?),
                    Some(_) => return None,
                };
                each_ordered(ordered, set, key.descending, start, visit)
            }
            Self::Addresses(column) => {
                let start = match start {
                    None => None,
                    Some(SortValue::Address(address)) => Some(*address),
                    Some(_) => return None,
                };
                each_ordered(&column.addresses, set, key.descending, start, visit)
            }
            Self::Texts(column) => {
                let start = match start {
                    None => None,
                    Some(SortValue::Text(text)) => Some(text.as_str()),
                    Some(_) => return None,
                };
                each_text(column, set, key.descending, start, visit)
            }
        }
    }
}

/// A number of a client among keys, where the key is its own and that of no missing value.
fn exact_key(number: Number, key: &Key, column: &FieldColumn) -> Option<u64> {
    if key.absent() == SortValue::Number(number) {
        return None;
    }
    let is_guessed = matches!(column.source.kind, Type::Guessed { .. });
    // A fraction is cut off where the field turns out to hold whole numbers.
    let is_cut = is_guessed && matches!(number, Number::Real(_));
    let key = number_key(number.real());
    (!is_cut && !is_odd(key)).then_some(key)
}

fn bounds<K>(descending: bool, start: Option<K>) -> (Bound<K>, Bound<K>) {
    match (start, descending) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(start), false) => (Bound::Included(start), Bound::Unbounded),
        (Some(start), true) => (Bound::Unbounded, Bound::Included(start)),
    }
}

fn each_ordered<K: Ord + Copy>(
    ordered: &OrderedValues<K>,
    set: &DocumentSet,
    descending: bool,
    start: Option<K>,
    visit: &mut dyn FnMut(SortGroup) -> WalkStep,
) -> Option<()> {
    let (from, to) = bounds(descending, start);
    let mut entries = ordered
        .within(from, to)
        .filter(|(_, number)| set.contains(*number));
    let mut next = || {
        if descending {
            entries.next_back()
        } else {
            entries.next()
        }
    };
    let mut group: Option<(K, Vec<u32>)> = None;
    let mut visit = |(key, numbers): (K, Vec<u32>)| {
        let is_start = start.is_some_and(|start| start == key);
        visit(SortGroup { numbers, is_start })
    };
    while let Some((key, number)) = next() {
        match &mut group {
            Some((same, numbers)) if *same == key => numbers.push(number),
            _ => {
                if let Some(full) = group.replace((key, vec![number]))
                    && !visit(full)?
                {
                    return Some(());
                }
            }
        }
    }
    if let Some(last) = group {
        visit(last)?;
    }
    Some(())
}

fn each_text(
    column: &FieldColumn,
    set: &DocumentSet,
    descending: bool,
    start: Option<&str>,
    visit: &mut dyn FnMut(SortGroup) -> WalkStep,
) -> Option<()> {
    let (from, to) = bounds(descending, start);
    let mut texts = column.texts.within(from, to);
    let mut next = || {
        if descending {
            texts.next_back()
        } else {
            texts.next()
        }
    };
    while let Some((text, documents)) = next() {
        let numbers = documents.numbers().iter().copied();
        let numbers: Vec<u32> = numbers.filter(|number| set.contains(*number)).collect();
        if numbers.is_empty() {
            continue;
        }
        let group = SortGroup {
            numbers,
            is_start: start.is_some_and(|start| start == text),
        };
        if !visit(group)? {
            break;
        }
    }
    Some(())
}
