//! What scores are reckoned by, from indexes: in how many documents a field has terms, how many it
//! has in all, and how rare those are that a search looks for. The same that reading all documents
//! tells, or nothing.

use crate::{
    search::field_index::{CollectionIndex, FieldColumn, NumberForm, number_key},
    search::{
        accept::{Accept, Texts},
        field::{Source, Type},
        leaf::Leaf,
        query::Query,
        relevance::{FieldFigures, truth_term},
    },
};
use std::{collections::BTreeMap, ops::Bound};

impl Query {
    /// Tells the query what it would learn from all documents. False: only they tell.
    pub(in crate::search) fn learn_indexed(&self, index: &CollectionIndex) -> bool {
        match self {
            Self::Leaf(leaf) => learn_leaf(leaf, index),
            Self::Nested(_) => false,
            Self::Constant(query) => !query.needs_terms() || query.learn_indexed(index),
            Self::Bool {
                must,
                should,
                filter,
                must_not,
                ..
            } => {
                let unscored = filter.iter().chain(must_not);
                let scored = must.iter().chain(should);
                let mut all = scored.chain(unscored.filter(|query| query.needs_terms()));
                all.all(|query| query.learn_indexed(index))
            }
            other => {
                let mut is_told = true;
                other.inner(&mut |query| is_told = is_told && query.learn_indexed(index));
                is_told
            }
        }
    }
}

fn learn_leaf(leaf: &Leaf, index: &CollectionIndex) -> bool {
    let mut scored = leaf.fields().filter(|(_, accept, _)| accept.is_scored);
    scored.all(|(source, accept, relevance)| {
        let figures = figures(source, accept, index);
        figures.is_some_and(|figures| {
            relevance.set(figures);
            true
        })
    })
}

fn figures(source: &Source, accept: &Accept, index: &CollectionIndex) -> Option<FieldFigures> {
    if !source.index || matches!(source.kind, Type::Id | Type::Object | Type::GeoPoint(_)) {
        return Some(FieldFigures::default());
    }
    if source.is_key {
        return None;
    }
    let column = index.column(source)?;
    match &source.kind {
        Type::Text(_) | Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
            of_texts(source, accept, column)
        }
        Type::Guessed { .. } if column.numbers(NumberForm::Truth).documents() == 0 => {
            of_texts(source, accept, column)
        }
        Type::Guessed { .. } => None,
        Type::Boolean => Some(of_truths(source, column)),
        _ => Some(FieldFigures::default()),
    }
}

fn of_texts(source: &Source, accept: &Accept, column: &FieldColumn) -> Option<FieldFigures> {
    let texts = &column.texts;
    let mut found = BTreeMap::new();
    let mut hold = |text: &str| {
        if let Some(documents) = texts.get(text) {
            found.insert(text.to_owned(), documents.numbers().len() as u64);
        }
    };
    match accept.terms.as_ref().or(accept.keywords.as_ref()) {
        None | Some(Texts::Range(..) | Texts::Prefix(_) | Texts::Pattern(_)) => {}
        Some(Texts::Of { texts, .. }) => texts.keys().for_each(|text| hold(text)),
        Some(Texts::Phrase(phrase)) => {
            for (word, is_open) in phrase.sought() {
                if is_open {
                    texts.beginning(word).for_each(|(text, _)| hold(text));
                } else {
                    hold(word);
                }
            }
        }
        Some(Texts::Near(near)) => {
            for (text, documents) in texts.all().filter(|(text, _)| near.is_near(text)) {
                near.learn_often(text, documents.numbers().len() as u64);
                hold(text);
            }
        }
    }
    Some(FieldFigures {
        documents: texts.documents(),
        terms: texts.total(source.relevance.frequencies),
        found,
    })
}

fn of_truths(source: &Source, column: &FieldColumn) -> FieldFigures {
    let truths = column.numbers(NumberForm::Truth);
    let mut found = BTreeMap::new();
    for truth in [false, true] {
        let key = number_key(f64::from(u8::from(truth)));
        let count = truths
            .within(Bound::Included(key), Bound::Included(key))
            .count();
        if count > 0 {
            found.insert(truth_term(truth).to_owned(), count as u64);
        }
    }
    debug_assert!(source.kind == Type::Boolean, "a field of truths");
    FieldFigures {
        documents: truths.documents() as u64,
        terms: truths.len() as u64,
        found,
    }
}
