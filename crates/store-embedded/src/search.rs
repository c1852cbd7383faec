//! Searching the documents of one collection by reading them. What it answers is what Elasticsearch
//! answers under the same mapping; what it cannot answer so is refused by name. It must never
//! guess: no clause is skipped, no parameter ignored that could change the answer.
//!
//! See ADR 6, ADR 18.

mod accept;
mod analyze;
mod clause;
mod document;
mod exists;
mod field;
mod indexed;
mod leaf;
mod phrase;
mod place;
mod query;
mod range;
mod relevance;
mod shape;
mod sort;
mod source;
mod wild;
mod words;

use crate::{
    classify::Failure,
    read::{place, raw},
};
use document::Document;
use query::Query;
use rusqlite::{Connection, params};
use sort::{Keys, Sort};
use source::ShownSource;
use std::collections::BTreeSet;
use store::{
    Collection, Hit, SearchRequest, SearchResult, StoreError, TrackedHits, mapping::Mapping,
};

/// The deepest page, as Elasticsearch's `max_result_window`.
const WINDOW: usize = 10_000;

const WHOLE: &str =
    "SELECT id, body FROM documents WHERE place = ? AND body IS NOT NULL ORDER BY id";

/// A score as it is spelled: 32 bits.
fn shown_score(score: f32) -> f64 {
    score.to_string().parse().unwrap_or_else(|_| score.into())
}

/// A search that was understood.
pub(crate) struct Search {
    query: Query,
    sort: Sort,
    from: usize,
    size: usize,
    tracked: Option<TrackedHits>,
    shown: ShownSource,
    min_score: Option<f32>,
    /// Are scores asked for?
    ranks: bool,
    /// The members of a document that anything looks at.
    wanted: BTreeSet<String>,
}

/// A clause, and where it stands in the search's body.
pub(crate) fn unsupported(clause: impl Into<String>, pointer: &str) -> StoreError {
    StoreError::Unsupported {
        clause: clause.into(),
        pointer: pointer.to_owned(),
    }
}

pub(crate) fn bad(message: impl Into<String>, pointer: &str) -> StoreError {
    StoreError::BadSearch {
        message: message.into(),
        pointer: pointer.to_owned(),
    }
}

/// What a search is read by.
pub(crate) struct Context<'m> {
    pub mapping: &'m Mapping,
    /// Milliseconds since 1970, for `now` in dates.
    pub now: i64,
}

struct FoundDocument {
    id: String,
    keys: Keys,
    score: f32,
}

/// The documents of a page in their order, and what is known of all that match.
struct FoundPage {
    found: Vec<FoundDocument>,
    total: u64,
    best: Option<f32>,
}

/// Does any document have a value in the field?
pub(crate) fn has_field(
    connection: &Connection,
    place: i64,
    path: &str,
) -> Result<bool, StoreError> {
    let wanted = BTreeSet::from([document::first(path).to_owned()]);
    let mut statement = connection.prepare_cached(WHOLE).map_err(Failure::from)?;
    let mut rows = statement.query([place]).map_err(Failure::from)?;
    while let Some(row) = rows.next().map_err(Failure::from)? {
        let body = row.get_ref(1).map_err(Failure::from)?;
        let body = body
            .as_str()
            .map_err(|error| Failure::Damaged(error.to_string()))?;
        if Document::read(body, &wanted)?.has(path) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The members that only an index knows.
fn refuse_members(request: &SearchRequest) -> Result<(), StoreError> {
    for (name, is_there) in [
        ("aggs", request.aggregations.is_some()),
        ("highlight", request.highlight.is_some()),
        ("collapse", request.collapse.is_some()),
        ("suggest", request.suggest.is_some()),
        ("fields", request.fields.is_some()),
        ("docvalue_fields", request.docvalue_fields.is_some()),
        ("post_filter", request.post_filter.is_some()),
        ("rescore", request.rescore.is_some()),
    ] {
        if is_there {
            return Err(unsupported(name, &format!("/{name}")));
        }
    }
    Ok(())
}

impl Search {
    pub fn read(mapping: &Mapping, now: i64, request: &SearchRequest) -> Result<Self, StoreError> {
        refuse_members(request)?;
        let context = Context { mapping, now };
        let query = request.query.as_ref().map_or(Ok(Query::All), |query| {
            query::read(&context, query, "/query")
        })?;
        let sort = sort::read(
            &context,
            request.sort.as_ref(),
            request.search_after.as_deref(),
        )?;
        if request.from.saturating_add(request.size) > WINDOW {
            return Err(bad(
                format!("from + size is at most {WINDOW}: go on with search_after"),
                "/size",
            ));
        }
        if request.from > 0 && request.search_after.is_some() {
            return Err(bad("from must be 0 with search_after", "/from"));
        }
        let ranks = !sort.is_sorted() || sort.needs_score() || request.track_scores == Some(true);
        let mut wanted = BTreeSet::new();
        query.name_members(&mut wanted);
        sort.name_members(&mut wanted);
        Ok(Self {
            query,
            sort,
            from: request.from,
            size: request.size,
            tracked: request.track_total_hits,
            min_score: request.min_score.map(|score| score as f32),
            ranks: ranks && request.size > 0,
            shown: ShownSource::read(request.source.as_ref(), "/_source")?,
            wanted,
        })
    }

    pub fn count(
        &self,
        connection: &Connection,
        collection: &Collection,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        self.each(connection, collection, |_, document, id| {
            total += u64::from(self.query.matches(id, document));
            Ok(())
        })?;
        Ok(total)
    }

    pub fn run(
        &self,
        connection: &Connection,
        collection: &Collection,
    ) -> Result<SearchResult, StoreError> {
        // One snapshot for finding and for fetching.
        let snapshot = connection.unchecked_transaction().map_err(Failure::from)?;
        if self.query.is_scored() && self.needs_scores() {
            self.each(&snapshot, collection, |search, document, _| {
                search.query.learn(document);
                Ok(())
            })?;
        }
        let page = self.find(&snapshot, collection)?;
        let hits = page
            .found
            .into_iter()
            .map(|found| self.fetch(&snapshot, collection, found))
            .collect::<Result<_, _>>()?;
        let result = SearchResult {
            hits,
            max_score: page.best.filter(|_| self.ranks).map(shown_score),
            ..SearchResult::default()
        };
        Ok(result.counted(page.total, self.tracked))
    }

    /// The page's documents in their order, and how many match in all.
    fn find(
        &self,
        connection: &Connection,
        collection: &Collection,
    ) -> Result<FoundPage, StoreError> {
        let limit = self.from + self.size;
        let (mut found, mut total, mut read) = (Vec::<FoundDocument>::new(), 0_u64, 0_u64);
        let mut best: Option<f32> = None;
        self.each(connection, collection, |search, document, id| {
            read += 1;
            search.sort.learn(document);
            if !search.query.matches(id, document) {
                return Ok(());
            }
            let score = if search.needs_scores() {
                search.query.score(id, document)?
            } else {
                0.0
            };
            if search.min_score.is_some_and(|least| score < least) {
                return Ok(());
            }
            total += 1;
            best = Some(best.map_or(score, |best| best.max(score)));
            let keys = search.sort.keys(id, document, score)?;
            if search.sort.is_behind(&keys) && (search.has_order() || found.len() < limit) {
                found.push(FoundDocument {
                    id: id.to_owned(),
                    keys,
                    score,
                });
            }
            if found.len() > 2 * limit + 1_000 {
                search.order(&mut found, limit);
            }
            Ok(())
        })?;
        if let Some(name) = self.sort.text() {
            return Err(bad(
                format!("`{name}` is text, which has no order: sort by `{name}.keyword`"),
                "/sort",
            ));
        }
        match self.sort.unseen() {
            Some(path) if read > 0 => {
                return Err(bad(
                    format!("no document has the field `{path}`, so it cannot be sorted by"),
                    "/sort",
                ));
            }
            _ => {}
        }
        self.order(&mut found, limit);
        found.drain(..self.from.min(found.len()));
        Ok(FoundPage { found, total, best })
    }

    fn needs_scores(&self) -> bool {
        self.ranks || self.min_score.is_some()
    }

    /// Does anything but the ids tell which documents come first?
    fn has_order(&self) -> bool {
        self.sort.is_sorted() || self.ranks
    }

    fn order(&self, found: &mut Vec<FoundDocument>, limit: usize) {
        if self.sort.is_sorted() {
            found.sort_unstable_by(|a, b| {
                self.sort
                    .compare(&a.keys, &b.keys)
                    .then_with(|| a.id.cmp(&b.id))
            });
        } else if self.ranks {
            found
                .sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        }
        found.truncate(limit);
    }

    /// Reads each document of the collection, in the order of the ids, as far as anything looks at
    /// it.
    fn each(
        &self,
        connection: &Connection,
        collection: &Collection,
        mut visit: impl FnMut(&Self, &Document, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(place) = place(
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
            if document.has_met_region() {
                return Err(unsupported("a date in the time zone of a region", "/query"));
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
        const BODY: &str = "SELECT body FROM documents
            WHERE place = (SELECT place FROM places WHERE idx = ?1 AND collection = ?2 AND incarnation = ?3) AND id = ?4";
        let mut get = connection.prepare_cached(BODY).map_err(Failure::from)?;
        let parameters = params![
            collection.index,
            collection.collection,
            collection.incarnation,
            found.id
        ];
        let body: String = get
            .query_row(parameters, |row| row.get(0))
            .map_err(Failure::from)?;
        let source = self.shown.of(raw(body)?);
        let source = source.map_err(|error| Failure::Damaged(error.to_string()))?;
        Ok(Hit {
            id: found.id,
            source,
            score: self.ranks.then(|| shown_score(found.score)),
            sort: self.sort.shown(&found.keys),
            ..Hit::default()
        })
    }
}
