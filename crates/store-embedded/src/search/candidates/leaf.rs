//! The documents that a clause about one field accepts: its texts, numbers and addresses, looked up
//! in the index of the field. Follows what a document is judged by, form by form.

use super::{CandidateSet, IndexLookUp, reach};
use crate::{
    search::field_index::{
        DocumentSet, FieldColumn, NumberForm, TextDictionary, TextDocuments, key_bound,
    },
    search::{
        accept::{Accept, Interval, Texts},
        field::{Source, Type},
        leaf::Leaf,
    },
};
use std::{collections::BTreeMap, ops::Bound};
use store::mapping::coerce::Number;

pub(super) fn candidates(leaf: &Leaf, look: &IndexLookUp<'_>) -> CandidateSet {
    let mut found = CandidateSet::none();
    for (source, accept, _) in leaf.fields() {
        found.unite(&in_field(source, accept, look));
    }
    found
}

fn in_field(source: &Source, accept: &Accept, look: &IndexLookUp<'_>) -> CandidateSet {
    if matches!(source.kind, Type::GeoPoint(_) | Type::Object) {
        return CandidateSet::none();
    }
    if source.kind == Type::Id {
        return match &accept.keywords {
            None => CandidateSet::none(),
            Some(Texts::Of { texts, need }) if *need <= 1 => look.ids(texts.keys()),
            Some(_) => look.any(),
        };
    }
    let Some(column) = look.index.column(source) else {
        return look.any();
    };
    let mut found = CandidateSet::none();
    let wanted = match &source.kind {
        Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => &accept.keywords,
        Type::Text(_) | Type::Guessed { .. } => &accept.terms,
        _ => &None,
    };
    if let Some(texts) = wanted {
        match of_texts(texts, &column.texts) {
            Some(texts) => found.unite(&texts),
            None => return look.any(),
        }
    }
    let is_guessed = matches!(source.kind, Type::Guessed { .. });
    match &source.kind {
        Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
            found.unite(&of_numbers(column, NumberForm::Number, &accept.numbers));
        }
        Type::Boolean => found.unite(&of_truths(column, accept)),
        Type::Date(_) => found.unite(&of_dates(column, NumberForm::Date, &accept.dates)),
        Type::Ip => {
            for (from, to) in &accept.addresses {
                let all = column
                    .addresses
                    .within(Bound::Included(*from), Bound::Included(*to));
                all.for_each(|(_, number)| found.set.insert(number));
            }
        }
        _ => {}
    }
    if is_guessed {
        found.unite(&of_numbers(column, NumberForm::Number, &accept.numbers));
        found.unite(&of_numbers(column, NumberForm::Fraction, &accept.fractions));
        found.unite(&of_truths(column, accept));
        found.unite(&of_dates(column, NumberForm::Date, &accept.dates));
        found.unite(&of_dates(column, NumberForm::SlashedDate, &accept.slashed));
    }
    found
}

fn insert_all(set: &mut DocumentSet, documents: &TextDocuments) {
    documents
        .numbers()
        .iter()
        .for_each(|number| set.insert(*number));
}

/// `None`: only a document itself tells.
fn of_texts(texts: &Texts, dictionary: &TextDictionary) -> Option<CandidateSet> {
    let mut set = DocumentSet::default();
    let add = |set: &mut DocumentSet, documents: &TextDocuments| insert_all(set, documents);
    let is_exact = match texts {
        Texts::Of { texts, need } if *need <= 1 => {
            let found = texts.keys().filter_map(|text| dictionary.get(text));
            found.for_each(|documents| add(&mut set, documents));
            true
        }
        Texts::Of { texts, need } => {
            set = enough_of(texts, *need, dictionary);
            true
        }
        Texts::Range(from, to) => {
            let (from, to) = (bound_text(from), bound_text(to));
            let found = dictionary.within(from, to);
            found.for_each(|(_, documents)| add(&mut set, documents));
            true
        }
        Texts::Prefix(prefix) => {
            let found = dictionary.beginning(prefix);
            found.for_each(|(_, documents)| add(&mut set, documents));
            true
        }
        Texts::Pattern(pattern) => {
            let found = dictionary.all().filter(|(text, _)| pattern.is_match(text));
            found.for_each(|(_, documents)| add(&mut set, documents));
            true
        }
        Texts::Near(near) if near.is_by_value() => {
            let found = dictionary.all().filter(|(text, _)| near.is_near(text));
            found.for_each(|(_, documents)| add(&mut set, documents));
            true
        }
        Texts::Near(near) => {
            let found = near.boosts().keys().filter_map(|text| dictionary.get(text));
            found.for_each(|documents| add(&mut set, documents));
            true
        }
        Texts::Phrase(phrase) => {
            let mut all: Option<DocumentSet> = None;
            for (word, is_open) in phrase.sought() {
                let mut here = DocumentSet::default();
                if is_open {
                    let found = dictionary.beginning(word);
                    found.for_each(|(_, documents)| add(&mut here, documents));
                } else if let Some(documents) = dictionary.get(word) {
                    add(&mut here, documents);
                }
                match &mut all {
                    None => all = Some(here),
                    Some(all) => all.intersect(&here),
                }
            }
            set = all?;
            false
        }
    };
    Some(CandidateSet { set, is_exact })
}

fn bound_text(bound: &Bound<String>) -> Bound<&str> {
    bound.as_ref().map(String::as_str)
}

/// Documents that hold so many of the texts, each counted as often as it is asked for.
fn enough_of(
    texts: &BTreeMap<String, usize>,
    need: usize,
    dictionary: &TextDictionary,
) -> DocumentSet {
    if need > texts.values().sum() {
        return DocumentSet::default();
    }
    let mut reached = Vec::new();
    for (text, times) in texts {
        let mut set = DocumentSet::default();
        if let Some(documents) = dictionary.get(text) {
            insert_all(&mut set, documents);
        }
        (0..(*times).min(need)).for_each(|_| reach(&mut reached, &set, need));
    }
    reached.into_iter().nth(need - 1).unwrap_or_default()
}

fn of_numbers(column: &FieldColumn, form: NumberForm, intervals: &[Interval]) -> CandidateSet {
    let (ordered, is_clean) = (column.numbers(form), column.is_clean(form));
    let mut found = CandidateSet::none();
    for (from, to) in intervals {
        let (from, is_from_exact) = key_bound(from, true, is_clean);
        let (to, is_to_exact) = key_bound(to, false, is_clean);
        found.is_exact &= is_from_exact && is_to_exact;
        let all = ordered.within(from, to);
        all.for_each(|(_, number)| found.set.insert(number));
    }
    found
}

fn of_dates(column: &FieldColumn, form: NumberForm, spans: &[(i64, i64)]) -> CandidateSet {
    let bound = |millis: i64, open: i64| {
        if millis == open {
            Bound::Unbounded
        } else {
            Bound::Included(Number::Whole(millis.into()))
        }
    };
    let intervals: Vec<Interval> = spans
        .iter()
        .filter(|(from, to)| from <= to)
        .map(|(from, to)| (bound(*from, i64::MIN), bound(*to, i64::MAX)))
        .collect();
    of_numbers(column, form, &intervals)
}

fn of_truths(column: &FieldColumn, accept: &Accept) -> CandidateSet {
    let intervals: Vec<Interval> = accept
        .truths
        .iter()
        .map(|truth| Bound::Included(Number::Whole(i128::from(*truth))))
        .map(|bound| (bound, bound))
        .collect();
    of_numbers(column, NumberForm::Truth, &intervals)
}
