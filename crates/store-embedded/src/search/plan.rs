//! How a search reads a collection: all of it, only what an index says may be found, or, where an
//! index tells the answer, only what the page shows. Whatever is left out, the answer must be the
//! one that reading everything would give.
//!
//! See ADR 40.

use super::{
    Search,
    aggregate::Collected,
    candidates::{IndexLookUp, best_of, distinct_sources},
    field::{Source, Type},
    query::Query,
};
use crate::{
    classify::Failure,
    places::collection_place,
    search::field_index::{CollectionIndex, DocumentSet, FieldIndexes, NumberedDocuments},
};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::{cell::Cell, collections::HashMap};
use store::{Collection, StoreError};

/// Of more than one in so many documents all are read, unless they are few: in their order that is
/// quicker.
const SOME: u64 = 3;
const FEW: u64 = 500;

/// What a search reads of a collection.
#[derive(Default)]
pub(super) struct SearchPlan {
    pub documents: ReadDocuments,
    /// It knows what it would learn from all documents.
    pub is_told: bool,
    /// Are there any documents, read or not?
    pub has_documents: Option<bool>,
    pub page: Option<IndexedPage>,
}

#[derive(Default)]
pub(super) enum ReadDocuments {
    #[default]
    All,
    Some {
        /// Lines of the file in the order of the ids.
        rows: Vec<i64>,
        /// Others, with their ids and in their order, to be put in between.
        late: Vec<(String, i64)>,
    },
}

/// What need not be counted: the documents that are read are the page.
pub(super) struct IndexedPage {
    pub total: u64,
    pub collected: Option<Collected>,
}

impl Search {
    /// Makes the indexes that would help and are not there.
    pub(super) fn prepare(
        &self,
        connection: &Connection,
        collection: &Collection,
        indexes: &FieldIndexes,
    ) -> Result<(), StoreError> {
        let Some(place) = place_of(connection, collection)? else {
            return Ok(());
        };
        let Some(sources) = self.indexed_sources() else {
            return Ok(());
        };
        Ok(indexes.prepare(connection, place, &sources)?)
    }

    /// The fields whose indexes would help. `None`: none would.
    fn indexed_sources(&self) -> Option<Vec<Source>> {
        let mut sources = Vec::new();
        if !self.query.name_sources(&mut sources) || self.sort.needs_values() {
            return None;
        }
        if self.min_score.is_none() && self.collapse.is_none() {
            self.post_filter.name_sources(&mut sources);
            self.sort.name_sources(&mut sources);
        } else {
            self.sort.name_guessed_sources(&mut sources);
        }
        if let Some(all) = &self.aggregations {
            all.name_sources(&mut sources);
        }
        Some(distinct_sources(sources))
    }

    /// Under the lock of the indexes, in the snapshot that is read.
    pub(super) fn plan(
        &self,
        connection: &Connection,
        collection: &Collection,
        all: &HashMap<i64, CollectionIndex>,
    ) -> Result<SearchPlan, StoreError> {
        let Some(place) = place_of(connection, collection)? else {
            return Ok(SearchPlan::default());
        };
        let index = all.get(&place);
        let both = index.and_then(|index| Some((index, index.numbered.as_ref()?)));
        let Some((index, numbered)) = both else {
            return Ok(SearchPlan::default());
        };
        let failed = Cell::new(None);
        let told =
            |read: rusqlite::Result<Option<_>>| read.map_err(|error| failed.set(Some(error)));
        let find = |id: &str| told(find_row(connection, place, id)).ok().flatten();
        let told =
            |read: rusqlite::Result<Option<_>>| read.map_err(|error| failed.set(Some(error)));
        let id = |row: i64| told(find_id(connection, row)).ok().flatten();
        let look = IndexLookUp {
            index,
            numbered,
            find: &find,
            id: &id,
        };
        let plan = self.plan_with(&look);
        match failed.take() {
            Some(error) => Err(Failure::from(error).into()),
            None => Ok(plan.unwrap_or_default()),
        }
    }

    /// `None`: all documents must be read, as if there were no index.
    fn plan_with(&self, look: &IndexLookUp<'_>) -> Option<SearchPlan> {
        let mut sources = Vec::new();
        if !self.query.name_sources(&mut sources) || self.sort.needs_values() {
            return None;
        }
        let is_known = |source: &&Source| {
            let column = look.index.column(source);
            column.is_none_or(|column| column.is_known())
        };
        let has_all = sources.iter().all(|source| look.has(source));
        if !has_all || !sources.iter().all(is_known) {
            return None;
        }
        let aggregations = self.aggregations.as_ref();
        let is_learned = self.sort.learn_indexed(look.index)
            && aggregations.is_none_or(|all| all.learn_indexed(look.index));
        let is_scored = self.query.is_scored() && self.needs_scores();
        let needs_figures = is_scored || self.query.needs_terms();
        if !is_learned || needs_figures && !self.query.learn_indexed(look.index) {
            return None;
        }
        let found = self.query.candidates(look);
        let has_documents = Some(look.numbered.live_count() > 0);
        let page = found
            .is_exact
            .then(|| self.page(&found.set, look))
            .flatten();
        if let Some((page, numbers)) = page {
            let rows = numbers.into_iter().map(|number| look.numbered.row(number));
            return Some(SearchPlan {
                documents: ReadDocuments::Some {
                    rows: rows.collect(),
                    late: Vec::new(),
                },
                is_told: true,
                has_documents,
                page: Some(page),
            });
        }
        let all = look.numbered.live_count();
        let is_most = all > FEW && found.set.len() * SOME > all;
        Some(SearchPlan {
            documents: if is_most {
                ReadDocuments::All
            } else {
                ReadDocuments::of(&found.set, look.numbered)
            },
            is_told: true,
            has_documents,
            page: None,
        })
    }

    /// The documents of the page, of all that are found, if the index tells them.
    fn page(&self, found: &DocumentSet, look: &IndexLookUp<'_>) -> Option<(IndexedPage, Vec<u32>)> {
        if self.min_score.is_some() || self.collapse.is_some() {
            return None;
        }
        let mut shown = found.clone();
        if !matches!(self.post_filter, Query::All) {
            let mut sources = Vec::new();
            let is_told = self.post_filter.name_sources(&mut sources);
            let is_known = |source: &&Source| {
                look.index
                    .column(source)
                    .is_some_and(|column| column.is_known())
            };
            let filter = self.post_filter.candidates(look);
            if !is_told || !filter.is_exact || !sources.iter().all(is_known) {
                return None;
            }
            shown.intersect(&filter.set);
        }
        let limit = self.from + self.size;
        let numbers = if self.sort.is_sorted() {
            if self.needs_scores() && !self.query.is_uniform() {
                return None;
            }
            self.sort.walk(&shown, look, limit)?
        } else if !self.ranks || self.query.is_uniform() {
            look.by_id(&shown, limit, false, None)?
        } else {
            let scores = self.query.indexed_scores(look)?;
            best_of(&shown, &scores, limit, look)?
        };
        let collected = match &self.aggregations {
            Some(all) => Some(all.count_indexed(found, look)?),
            None => None,
        };
        let total = shown.len();
        Some((IndexedPage { total, collected }, numbers))
    }
}

impl IndexLookUp<'_> {
    /// Is there an index of the field, or does it need none?
    fn has(&self, source: &Source) -> bool {
        source.kind == Type::Id || self.index.column(source).is_some()
    }
}

impl ReadDocuments {
    fn of(set: &DocumentSet, numbered: &NumberedDocuments) -> Self {
        let in_order = set
            .iter()
            .filter(|number| !numbered.late_numbers.contains(*number));
        let late = numbered
            .late
            .iter()
            .filter(|(_, number)| set.contains(**number));
        Self::Some {
            rows: in_order.map(|number| numbered.row(number)).collect(),
            late: late
                .map(|(id, number)| (id.clone(), numbered.row(*number)))
                .collect(),
        }
    }
}

fn place_of(connection: &Connection, collection: &Collection) -> Result<Option<i64>, StoreError> {
    let Collection {
        index,
        collection,
        incarnation,
        ..
    } = collection;
    let place = collection_place(connection, index, collection, incarnation);
    Ok(place.map_err(Failure::from)?)
}

fn find_row(connection: &Connection, place: i64, id: &str) -> rusqlite::Result<Option<i64>> {
    const ROW: &str = "SELECT rowid FROM documents WHERE place = ?1 AND id = ?2";
    let mut get = connection.prepare_cached(ROW)?;
    get.query_row(params![place, id], |row| row.get(0))
        .optional()
}

fn find_id(connection: &Connection, row: i64) -> rusqlite::Result<Option<String>> {
    const ID: &str = "SELECT id FROM documents WHERE rowid = ?";
    let mut get = connection.prepare_cached(ID)?;
    get.query_row([row], |row| row.get(0)).optional()
}
