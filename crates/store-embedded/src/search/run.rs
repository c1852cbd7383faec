//! Runs searches: reads each document, keeps the first in their order, and fetches those in the end.

use super::{
    Search, WHOLE,
    aggregate::{Aggregations, Collected, Matched, ShownAggregations},
    collapse::CollapsedGroups,
    document::Document,
    sort::Keys,
    unsupported,
};
use crate::{classify::Failure, places::collection_place, read::raw_json};
use event_schema::Raw;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::cmp::Ordering;
use store::{Collection, Hit, SearchResult, StoreError};

/// A document that may be on the page.
#[derive(Default)]
pub(super) struct FoundDocument {
    id: String,
    keys: Keys,
    score: f32,
    /// Which of the collections it is of.
    place: usize,
    /// What it has in common with those that it stands for.
    pub(super) group: Option<Value>,
}

/// The first documents in their order, and what is known of all that match.
#[derive(Default)]
struct FoundPage {
    found: Vec<FoundDocument>,
    total: u64,
    best: Option<f32>,
}

impl FoundPage {
    fn append(&mut self, other: Self) {
        self.found.extend(other.found);
        self.total += other.total;
        let both = self.best.zip(other.best);
        let greater = both.map(|(a, b)| a.max(b));
        self.best = greater.or(self.best).or(other.best);
    }
}

/// A document as it was given.
fn read_body(
    connection: &Connection,
    collection: &Collection,
    id: &str,
) -> Result<Raw, StoreError> {
    const BODY: &str = "SELECT body FROM documents
        WHERE place = (SELECT place FROM places WHERE idx = ?1 AND collection = ?2 AND incarnation = ?3) AND id = ?4";
    let mut get = connection.prepare_cached(BODY).map_err(Failure::from)?;
    let parameters = params![
        collection.index,
        collection.collection,
        collection.incarnation,
        id
    ];
    let body: String = get
        .query_row(parameters, |row| row.get(0))
        .map_err(Failure::from)?;
    Ok(raw_json(body)?)
}

/// A score as it is spelled: 32 bits.
pub(super) fn shown_score(score: f32) -> f64 {
    score.to_string().parse().unwrap_or_else(|_| score.into())
}

impl Search {
    pub fn count(
        &self,
        connection: &Connection,
        collection: &Collection,
    ) -> Result<u64, StoreError> {
        self.learn_terms(connection, collection)?;
        let mut total = 0;
        self.each(connection, collection, |_, document, id| {
            total += u64::from(self.query.matches(id, document));
            Ok(())
        })?;
        Ok(total)
    }

    /// The same search over several collections, as if they were one. Each has its own mapping and
    /// its own figures.
    pub fn run(
        all: &[(Self, Collection)],
        connection: &Connection,
    ) -> Result<SearchResult, StoreError> {
        let Some((first, _)) = all.first() else {
            return Ok(SearchResult::default());
        };
        if all.len() > 1 && (first.aggregations.is_some() || first.collapse.is_some()) {
            let what = "aggregations and collapse over several collections";
            return Err(unsupported(what, ""));
        }
        // One snapshot for finding and for fetching.
        let snapshot = connection.unchecked_transaction().map_err(Failure::from)?;
        let (mut page, mut result) = (FoundPage::default(), SearchResult::default());
        for (place, (search, collection)) in all.iter().enumerate() {
            let mut collected = search.aggregations.as_ref().map(Aggregations::collected);
            let mut found = search.find(&snapshot, collection, collected.as_mut())?;
            let places = found.found.iter_mut();
            places.for_each(|found| found.place = place);
            page.append(found);
            if let Some((all, collected)) = search.aggregations.as_ref().zip(collected) {
                let fetch = |id: &str| read_body(&snapshot, collection, id);
                result.aggregations = Some(ShownAggregations::new(&fetch).all(all, collected)?);
            }
        }
        first.order(&mut page.found, first.from + first.size);
        for found in page.found.into_iter().skip(first.from) {
            let (search, collection) = &all[found.place];
            result
                .hits
                .push(search.fetch(&snapshot, collection, found)?);
        }
        result.max_score = page.best.filter(|_| first.tracks).map(shown_score);
        Ok(result.counted(page.total, first.tracked))
    }

    /// The first documents in their order, as many as the page needs, and how many match in all.
    fn find(
        &self,
        connection: &Connection,
        collection: &Collection,
        mut collected: Option<&mut Collected>,
    ) -> Result<FoundPage, StoreError> {
        if self.query.is_scored() && self.needs_scores() {
            self.learn(connection, collection)?;
        } else {
            self.learn_terms(connection, collection)?;
        }
        if self.sort.needs_values() {
            self.each(connection, collection, |search, document, _| {
                search.sort.learn(document);
                Ok(())
            })?;
            self.sort.check_after()?;
        }
        let limit = self.from + self.size;
        let needs_scores = self.needs_scores();
        let (mut found, mut total, mut read) = (Vec::<FoundDocument>::new(), 0_u64, 0_u64);
        // Are the first of those that were found the first of all so far, in their order?
        let mut is_ordered = false;
        let mut best: Option<f32> = None;
        let mut groups = self.collapse.as_ref().map(|_| CollapsedGroups::default());
        self.each(connection, collection, |search, document, id| {
            read += 1;
            search.sort.learn(document);
            if let Some(all) = &search.aggregations {
                all.learn(document);
            }
            if !search.query.matches(id, document) {
                return Ok(());
            }
            let score = if needs_scores {
                search.query.score(id, document)?
            } else {
                0.0
            };
            if search.min_score.is_some_and(|least| score < least) {
                return Ok(());
            }
            if let (Some(all), Some(collected)) = (&search.aggregations, collected.as_deref_mut()) {
                let matched = Matched {
                    id,
                    document,
                    score,
                };
                all.collect(collected, &matched)?;
            }
            if !search.post_filter.matches(id, document) {
                return Ok(());
            }
            total += 1;
            best = Some(best.map_or(score, |best| best.max(score)));
            let keys = search.sort.keys(id, document, score)?;
            if !search.sort.is_behind(&keys) || !search.has_order() && found.len() >= limit {
                return Ok(());
            }
            // Of equal documents those before it come first: this one would not stay.
            let last = limit.checked_sub(1).and_then(|last| found.get(last));
            let last = last.filter(|_| is_ordered);
            if last.is_some_and(|last| search.rank((&keys, score), last).is_ge()) {
                return Ok(());
            }
            let one = FoundDocument {
                id: id.to_owned(),
                keys,
                score,
                ..FoundDocument::default()
            };
            match (&search.collapse, groups.as_mut()) {
                (Some(collapse), Some(groups)) => {
                    let group = collapse.group(document)?;
                    groups.put(group, one, |a, b| search.compare(a, b));
                }
                _ => found.push(one),
            }
            if found.len() > 2 * limit + 1_000 {
                search.order(&mut found, limit);
                is_ordered = true;
            }
            Ok(())
        })?;
        self.sort.check_learned(read > 0, "/sort")?;
        if let Some(all) = &self.aggregations {
            all.check_learned(read > 0)?;
        }
        found.extend(groups.into_iter().flat_map(CollapsedGroups::found));
        self.order(&mut found, limit);
        Ok(FoundPage { found, total, best })
    }

    /// Looks at all documents where what is found depends on the terms that there are.
    fn learn_terms(
        &self,
        connection: &Connection,
        collection: &Collection,
    ) -> Result<(), StoreError> {
        if self.query.needs_terms() {
            self.learn(connection, collection)?;
        }
        Ok(())
    }

    fn learn(&self, connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
        self.each(connection, collection, |search, document, _| {
            search.query.learn(document);
            Ok(())
        })
    }

    fn needs_scores(&self) -> bool {
        let aggregations = self.aggregations.as_ref();
        self.ranks
            || self.min_score.is_some()
            || aggregations.is_some_and(Aggregations::needs_scores)
    }

    /// Does anything but the ids tell which documents come first?
    fn has_order(&self) -> bool {
        self.sort.is_sorted() || self.ranks
    }

    fn order(&self, found: &mut Vec<FoundDocument>, limit: usize) {
        found.sort_by(|a, b| self.compare(a, b));
        found.truncate(limit);
    }

    fn compare(&self, a: &FoundDocument, b: &FoundDocument) -> Ordering {
        let ordering = self.rank((&a.keys, a.score), b);
        ordering.then_with(|| a.id.cmp(&b.id))
    }

    /// Where a document stands to another by anything but the ids.
    fn rank(&self, (keys, score): (&Keys, f32), other: &FoundDocument) -> Ordering {
        if self.sort.is_sorted() {
            self.sort.compare(keys, &other.keys)
        } else if self.ranks {
            other.score.total_cmp(&score)
        } else {
            Ordering::Equal
        }
    }

    /// Reads each document of the collection, in the order of the ids, as far as anything looks at
    /// it.
    fn each(
        &self,
        connection: &Connection,
        collection: &Collection,
        mut visit: impl FnMut(&Self, &Document, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(place) = collection_place(
            connection,
            &collection.index,
            &collection.collection,
            &collection.incarnation,
        )
        .map_err(Failure::from)?
        else {
            return Ok(());
        };
        let mut statement = connection.prepare_cached(WHOLE).map_err(Failure::from)?;
        let mut rows = statement.query([place]).map_err(Failure::from)?;
        while let Some(row) = rows.next().map_err(Failure::from)? {
            let text = |n: usize| -> Result<&str, Failure> {
                row.get_ref(n)?
                    .as_str()
                    .map_err(|error| Failure::Damaged(error.to_string()))
            };
            let id = text(0)?;
            let document = if self.wanted.is_empty() {
                Document::default()
            } else {
                Document::read(text(1)?, &self.wanted)?
            };
            visit(self, &document, id)?;
            if let Some(what) = document.met_unknown() {
                return Err(unsupported(what, "/query"));
            }
        }
        Ok(())
    }

    fn fetch(
        &self,
        connection: &Connection,
        collection: &Collection,
        found: FoundDocument,
    ) -> Result<Hit, StoreError> {
        let read = || read_body(connection, collection, &found.id);
        let source = self.shown.of(read)?;
        let highlight = match &self.highlight {
            Some(highlight) => highlight.of(&self.query, &found.id, read()?.get())?,
            None => None,
        };
        let fields = self.collapse.as_ref().zip(found.group);
        Ok(Hit {
            collection: found.place,
            fields: fields.map(|(collapse, group)| json!({collapse.name.as_str(): [group]})),
            id: found.id,
            source,
            highlight,
            score: self.ranks.then(|| shown_score(found.score)),
            sort: self.sort.shown(&found.keys),
            ..Hit::default()
        })
    }
}
