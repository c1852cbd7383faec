//! Sorting: by fields, by id, by distance; missing values last unless said otherwise. Equal
//! documents follow their ids, so that a page is the same whenever it is asked for.

mod after;
mod distance;
mod key;
mod read;
pub mod value;
mod walk;

pub use read::read_sort;

use super::field::{Source, Type};
use super::{bad, document::Document, leaf};
use crate::search::field_index::{CollectionIndex, GuessedKind};
use after::SearchAfterPosition;
use key::{By, Key};
use serde_json::Value;
use std::{cmp::Ordering, collections::BTreeSet};
use store::{
    StoreError,
    mapping::{BadSearchAfter, coerce::Number},
};
use value::{Learned, SortValue};

/// A document's place in the order; one value per key.
pub type Keys = Vec<SortValue>;

#[derive(Debug, Default)]
pub struct Sort {
    keys: Vec<Key>,
    after: Option<Vec<SearchAfterPosition>>,
    /// Which keys the last page is said to have ended at without a value.
    nulls: Vec<bool>,
}

impl Sort {
    pub fn is_sorted(&self) -> bool {
        !self.keys.is_empty()
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        for key in &self.keys {
            match &key.by {
                By::Values { sources, .. } => leaf::name_members(sources.iter(), wanted),
                By::Score => {}
                By::Distance { source, .. } => {
                    leaf::name_members([source].into_iter(), wanted);
                }
            }
        }
    }

    /// Looks at what a document holds in fields that no mapping knows.
    pub fn learn(&self, document: &Document) {
        for key in &self.keys {
            if let By::Values {
                sources, learned, ..
            } = &key.by
                && learned.get().is_none()
            {
                learned.set(
                    sources
                        .iter()
                        .find_map(|source| Learned::of(source, document)),
                );
            }
        }
    }

    /// The fields that it sorts by, but for distances.
    pub fn name_sources<'s>(&'s self, named: &mut Vec<&'s Source>) {
        for key in &self.keys {
            if let By::Values { sources, .. } = &key.by {
                named.extend(sources.iter().filter(|source| source.kind != Type::Id));
            }
        }
    }

    /// Those of them whose type only documents tell.
    pub fn name_guessed_sources<'s>(&'s self, named: &mut Vec<&'s Source>) {
        let mut all = Vec::new();
        self.name_sources(&mut all);
        let is_guessed =
            |source: &&Source| matches!(source.kind, Type::Guessed { .. } | Type::GuessedKeyword);
        named.extend(all.into_iter().filter(is_guessed));
    }

    /// Tells it what it would learn from all documents. False: only they tell.
    pub fn learn_indexed(&self, index: &CollectionIndex) -> bool {
        self.keys.iter().all(|key| match &key.by {
            By::Values {
                sources, learned, ..
            } => {
                let told = learned_of(sources, index);
                told.is_some_and(|told| {
                    learned.set(told);
                    true
                })
            }
            By::Score | By::Distance { .. } => true,
        })
    }

    /// Must all documents be looked at before it is known where the page begins?
    pub fn needs_values(&self) -> bool {
        self.after.is_some() && self.keys.iter().any(|key| key.open_fallback().is_some())
    }

    /// Refuses a beginning of the page that is none, now that the documents were looked at.
    pub fn check_after(&self) -> Result<(), StoreError> {
        let after = self.after.iter().flatten();
        let mut all = self.keys.iter().zip(after);
        all.try_for_each(|(key, position)| position.check(key))
    }

    /// Refuses what cannot be sorted by, now that the documents were looked at, if there are any.
    pub fn check_learned(&self, has_documents: bool, at: &str) -> Result<(), StoreError> {
        if let Some(name) = self.text() {
            let why = format!("`{name}` is text, which has no order: sort by `{name}.keyword`");
            return Err(bad(why, at));
        }
        if let Some(name) = self.null_among_numbers() {
            let name = name.to_owned();
            return Err(BadSearchAfter::Null { name }.refuse("/search_after"));
        }
        match self.unseen() {
            Some(path) if has_documents => {
                let why = format!("no document has the field `{path}`, so it cannot be sorted by");
                Err(bad(why, at))
            }
            _ => Ok(()),
        }
    }

    /// A field that is not mapped and turned out to be text.
    fn text(&self) -> Option<&str> {
        self.keys.iter().find_map(|key| match &key.by {
            By::Values { learned, .. } if learned.get() == Some(Learned::Text) => {
                Some(key.name.as_str())
            }
            _ => None,
        })
    }

    /// A field that is not mapped and turned out to hold numbers, which are never missing.
    fn null_among_numbers(&self) -> Option<&str> {
        let nulls = self.keys.iter().zip(&self.nulls);
        let mut nulls = nulls.filter(|(_, is_null)| **is_null);
        nulls.find_map(|(key, _)| match &key.by {
            By::Values { learned, .. }
                if matches!(learned.get(), Some(Learned::Whole | Learned::Fraction)) =>
            {
                Some(key.name.as_str())
            }
            _ => None,
        })
    }

    /// A path that neither a mapping nor any document knows: its name is a mistake.
    fn unseen(&self) -> Option<&str> {
        self.keys.iter().find_map(|key| match &key.by {
            By::Values {
                learned,
                is_guessed: true,
                ..
            } if learned.get().is_none() => Some(key.name.as_str()),
            _ => None,
        })
    }

    /// Is there anything that sorts by relevance?
    pub fn needs_score(&self) -> bool {
        self.keys.iter().any(|key| matches!(key.by, By::Score))
    }

    pub fn keys(&self, id: &str, document: &Document, score: f32) -> Result<Keys, StoreError> {
        self.keys
            .iter()
            .map(|key| match key.by {
                By::Score => Ok(SortValue::Number(Number::Real(score.into()))),
                _ => key.value(id, document),
            })
            .collect()
    }

    pub fn compare(&self, a: &Keys, b: &Keys) -> Ordering {
        let ordered = self
            .keys
            .iter()
            .zip(a.iter().zip(b))
            .map(|(key, (a, b))| key.compare(a, b));
        ordered.fold(Ordering::Equal, Ordering::then)
    }

    /// Does the document come after where the last page ended?
    pub fn is_behind(&self, keys: &Keys) -> bool {
        let Some(after) = &self.after else {
            return true;
        };
        let all = self.keys.iter().zip(keys.iter().zip(after));
        let values = all.filter_map(|(key, (here, after))| Some((key, here, after.value(key)?)));
        let ordered = values.map(|(key, here, after)| match (here, after) {
            // A fraction is cut off where the field turns out to hold whole numbers.
            (SortValue::Number(Number::Whole(_)), SortValue::Number(Number::Real(real)))
                if real.is_finite() && key.is_guessed() =>
            {
                let whole = SortValue::Number(Number::Whole(real.trunc() as i128));
                key.compare(here, &whole)
            }
            (here, after) => key.compare(here, after),
        });
        ordered.fold(Ordering::Equal, Ordering::then).is_gt()
    }

    /// As a hit shows them, to be handed back as `search_after`.
    pub fn shown(&self, keys: &Keys) -> Vec<Value> {
        let both = self.keys.iter().zip(keys);
        both.map(|(key, value)| key.shown(value)).collect()
    }
}

/// What the values of fields that are not mapped are, of whichever document. `None`: they differ, or
/// the index does not tell.
fn learned_of(sources: &[Source], index: &CollectionIndex) -> Option<Option<Learned>> {
    let mut all = Vec::new();
    for source in sources {
        match source.kind {
            Type::Guessed { .. } => {
                let kinds = index.column(source)?.guessed_kinds()?;
                all.extend(kinds.into_iter().map(|kind| match kind {
                    GuessedKind::Fraction => Learned::Fraction,
                    GuessedKind::Text => Learned::Text,
                    _ => Learned::Whole,
                }));
            }
            // Texts that are too long for it are not in the index.
            Type::GuessedKeyword if index.column(source)?.texts.documents() == 0 => return None,
            Type::GuessedKeyword => all.push(Learned::Keyword),
            _ => {}
        }
    }
    all.dedup();
    (all.len() <= 1).then(|| all.pop())
}
