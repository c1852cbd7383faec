//! Searching the documents of one collection: indexes say which may be found, and each is judged by
//! reading it. What it answers is what Elasticsearch
//! answers under the same mapping; what it cannot answer so is refused by name. It must never
//! guess: no clause is skipped, no parameter ignored that could change the answer.
//!
//! See ADR 6, ADR 18, ADR 40.

mod accept;
mod aggregate;
pub(crate) mod analyze;
mod candidates;
mod clause;
mod collapse;
pub(crate) mod document;
mod exists;
pub(crate) mod field;
pub(crate) mod field_index;
mod fuzzy;
mod highlight;
pub(crate) mod indexed;
pub(crate) mod leaf;
mod nested;
mod phrase;
pub(crate) mod place;
mod plan;
mod query;
mod query_string;
mod range;
mod relevance;
mod run;
mod shape;
mod sort;
mod source;
mod wild;
mod words;

use crate::classify::Failure;
use aggregate::Aggregations;
use collapse::Collapse;
use document::Document;
use highlight::Highlight;
use query::Query;
use rusqlite::Connection;
use sort::Sort;
use source::ShownSource;
use std::{cell::Cell, collections::BTreeSet};
use store::{SearchRequest, StoreError, TrackedHits, mapping::Mapping};

const WHOLE: &str =
    "SELECT id, body FROM documents WHERE place = ? AND body IS NOT NULL ORDER BY id";

/// A search that was understood.
pub(crate) struct Search {
    query: Query,
    sort: Sort,
    from: usize,
    size: usize,
    tracked: Option<TrackedHits>,
    shown: ShownSource,
    min_score: Option<f32>,
    aggregations: Option<Aggregations>,
    collapse: Option<Collapse>,
    highlight: Option<Highlight>,
    /// Of what is aggregated only this is found.
    post_filter: Query,
    /// Do hits show their scores?
    ranks: bool,
    /// Is the best score shown?
    tracks: bool,
    /// The members of a document that anything looks at.
    wanted: BTreeSet<String>,
    /// Documents that it read.
    judged: Cell<u64>,
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
    /// The path of the nested object whose documents are asked.
    pub nested: Option<String>,
    /// Milliseconds since 1970, for `now` in dates.
    pub now: i64,
}

/// Does any document have a value in the field?
pub(crate) fn has_field(
    connection: &Connection,
    place: i64,
    path: &str,
) -> Result<bool, StoreError> {
    let wanted = BTreeSet::from([document::first_name(path).to_owned()]);
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
        ("suggest", request.suggest.is_some()),
        ("fields", request.fields.is_some()),
        ("docvalue_fields", request.docvalue_fields.is_some()),
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
        request.check_page()?;
        let context = Context {
            mapping,
            nested: None,
            now,
        };
        let query = request.query.as_ref().map_or(Ok(Query::All), |query| {
            query::read_query(&context, query, "/query")
        })?;
        let after = request.search_after.as_deref();
        let after = after.map(|after| mapping.positions(request.sort.as_ref(), after));
        let sort = sort::read_sort(&context, request.sort.as_ref(), after.as_deref())?;
        let tracks = !sort.is_sorted() || request.track_scores == Some(true);
        let ranks = tracks || sort.needs_score();
        let aggregations = request.aggregations.as_ref();
        let aggregations =
            aggregations.map(|all| aggregate::read_aggregations(&context, all, "/aggs"));
        let aggregations = aggregations.transpose()?.filter(|all| !all.is_empty());
        let post_filter = request.post_filter.as_ref();
        let post_filter = post_filter.map_or(Ok(Query::All), |query| {
            query::read_filter(&context, query, "/post_filter")
        })?;
        let highlight = request.highlight.as_ref();
        let highlight =
            highlight.map(|value| Highlight::read(&context, &query, value, "/highlight"));
        let collapse = request.collapse.as_ref();
        let collapse = collapse.map(|value| Collapse::read(&context, value, "/collapse"));
        let collapse = collapse.transpose()?;
        if collapse.is_some() && request.search_after.is_some() {
            return Err(unsupported("search_after beside collapse", "/collapse"));
        }
        let mut wanted = BTreeSet::new();
        if let Some(collapse) = &collapse {
            collapse.name_members(&mut wanted);
        }
        query.name_members(&mut wanted);
        post_filter.name_members(&mut wanted);
        if let Some(all) = &aggregations {
            all.name_members(&mut wanted);
        }
        sort.name_members(&mut wanted);
        Ok(Self {
            query,
            sort,
            from: request.from,
            size: request.size,
            tracked: request.track_total_hits,
            min_score: request.min_score.map(|score| score as f32),
            aggregations,
            post_filter,
            collapse,
            highlight: highlight.transpose()?,
            ranks: ranks && request.size > 0,
            tracks: tracks && request.size > 0,
            shown: ShownSource::read(request.source.as_ref(), "/_source")?,
            wanted,
            judged: Cell::new(0),
        })
    }
}
