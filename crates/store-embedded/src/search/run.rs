//! Runs searches: reads each document, keeps the first in their order, and fetches those in the end.

use super::{
    Search, WHOLE,
    aggregate::{Aggregations, Collected, Matched, ShownAggregations},
    collapse::CollapsedGroups,
    document::Document,
    plan::{ReadDocuments, SearchPlan},
    sort::Keys,
    unsupported,
};
use crate::{
    body::raw_json, classify::Failure, places::collection_place, search::field_index::FieldIndexes,
};
use event_schema::Raw;
use rusqlite::{Connection, Row, Transaction, params};
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

/// What is done with a document's id and text.
type RowVisit<'v> = dyn FnMut(&str, &str) -> Result<(), StoreError> + 'v;

fn visit_row(row: &Row<'_>, visit: &mut RowVisit<'_>) -> Result<(), StoreError> {
    let text = |n: usize| -> Result<&str, Failure> {
        row.get_ref(n)?
            .as_str()
            .map_err(|error| Failure::Damaged(error.to_string()))
    };
    visit(text(0)?, text(1)?)
}

fn read_whole(
    connection: &Connection,
    collection: &Collection,
    visit: &mut RowVisit<'_>,
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
        visit_row(row, visit)?;
    }
    Ok(())
}

/// The documents on these lines, with the late ones where their ids belong.
fn read_lines(
    connection: &Connection,
    lines: &[i64],
    late: &[(String, i64)],
    visit: &mut RowVisit<'_>,
) -> Result<(), StoreError> {
    const LINE: &str = "SELECT id, body FROM documents WHERE rowid = ?";
    let read = |line: i64, visit: &mut RowVisit<'_>| -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(LINE).map_err(Failure::from)?;
        let mut rows = statement.query([line]).map_err(Failure::from)?;
        match rows.next().map_err(Failure::from)? {
            Some(row) => visit_row(row, visit),
            None => Err(Failure::Damaged(format!("no document is on line {line}")).into()),
        }
    };
    let mut late = late.iter().peekable();
    for line in lines {
        read(*line, &mut |id, body| {
            while let Some((_, line)) = late.next_if(|(other, _)| other.as_str() < id) {
                read(*line, visit)?;
            }
            visit(id, body)
        })?;
    }
    late.try_for_each(|(_, line)| read(*line, visit))
}

/// One snapshot for all of them, and what each reads of it.
fn plan_all<'c>(
    connection: &'c Connection,
    searches: &[(&Search, &Collection)],
    indexes: &FieldIndexes,
) -> Result<(Transaction<'c>, Vec<SearchPlan>), StoreError> {
    let all = indexes.read();
    let snapshot = connection.unchecked_transaction().map_err(Failure::from)?;
    // It begins with the first read, which each plan does.
    let plans = searches
        .iter()
        .map(|(search, collection)| search.plan(&snapshot, collection, &all));
    let plans = plans.collect::<Result<_, _>>()?;
    Ok((snapshot, plans))
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
        indexes: &FieldIndexes,
    ) -> Result<u64, StoreError> {
        self.prepare(connection, collection, indexes)?;
        let (snapshot, plans) = plan_all(connection, &[(self, collection)], indexes)?;
        let plan = plans.into_iter().next().unwrap_or_default();
        if let Some(page) = plan.page {
            return Ok(page.total);
        }
        self.learn_terms(&snapshot, collection, &plan)?;
        let mut total = 0;
        self.each(&snapshot, collection, &plan.documents, |_, document, id| {
            total += u64::from(self.query.matches(id, document));
            Ok(())
        })?;
        indexes.count_judged(self.judged.take());
        Ok(total)
    }

    /// The same search over several collections, as if they were one. Each has its own mapping and
    /// its own figures.
    pub fn run(
        all: &[(Self, Collection)],
        connection: &Connection,
        indexes: &FieldIndexes,
    ) -> Result<SearchResult, StoreError> {
        let Some((first, _)) = all.first() else {
            return Ok(SearchResult::default());
        };
        if all.len() > 1 && (first.aggregations.is_some() || first.collapse.is_some()) {
            let what = "aggregations and collapse over several collections";
            return Err(unsupported(what, ""));
        }
        for (search, collection) in all {
            search.prepare(connection, collection, indexes)?;
        }
        // One snapshot for finding and for fetching.
        let searches: Vec<_> = all
            .iter()
            .map(|(search, collection)| (search, collection))
            .collect();
        let (snapshot, plans) = plan_all(connection, &searches, indexes)?;
        let (mut page, mut result) = (FoundPage::default(), SearchResult::default());
        for (place, ((search, collection), mut plan)) in all.iter().zip(plans).enumerate() {
            let counted = plan.page.as_mut().and_then(|page| page.collected.take());
            let is_counted = counted.is_some();
            let begun = || search.aggregations.as_ref().map(Aggregations::collected);
            let mut collected = counted.or_else(begun);
            let into = collected.as_mut().filter(|_| !is_counted);
            let mut found = search.find(&snapshot, collection, &plan, into)?;
            indexes.count_judged(search.judged.take());
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
        plan: &SearchPlan,
        mut collected: Option<&mut Collected>,
    ) -> Result<FoundPage, StoreError> {
        if self.query.is_scored() && self.needs_scores() && !plan.is_told {
            self.learn(connection, collection)?;
        } else {
            self.learn_terms(connection, collection, plan)?;
        }
        if self.sort.needs_values() {
            self.each(
                connection,
                collection,
                &ReadDocuments::All,
                |search, document, _| {
                    search.sort.learn(document);
                    Ok(())
                },
            )?;
            self.sort.check_after()?;
        }
        let limit = self.from + self.size;
        let needs_scores = self.needs_scores();
        let (mut found, mut total, mut read) = (Vec::<FoundDocument>::new(), 0_u64, 0_u64);
        // Are the first of those that were found the first of all so far, in their order?
        let mut is_ordered = false;
        let mut best: Option<f32> = None;
        let mut groups = self.collapse.as_ref().map(|_| CollapsedGroups::default());
        self.each(
            connection,
            collection,
            &plan.documents,
            |search, document, id| {
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
                if let (Some(all), Some(collected)) =
                    (&search.aggregations, collected.as_deref_mut())
                {
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
            },
        )?;
        let has_documents = plan.has_documents.unwrap_or(read > 0);
        self.sort.check_learned(has_documents, "/sort")?;
        if let Some(all) = &self.aggregations {
            all.check_learned(has_documents)?;
        }
        if let Some(page) = &plan.page {
            total = page.total;
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
        plan: &SearchPlan,
    ) -> Result<(), StoreError> {
        if self.query.needs_terms() && !plan.is_told {
            self.learn(connection, collection)?;
        }
        Ok(())
    }

    fn learn(&self, connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
        self.each(
            connection,
            collection,
            &ReadDocuments::All,
            |search, document, _| {
                search.query.learn(document);
                Ok(())
            },
        )
    }

    pub(super) fn needs_scores(&self) -> bool {
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

    /// Reads these documents of the collection, in the order of the ids, as far as anything looks at
    /// them.
    fn each(
        &self,
        connection: &Connection,
        collection: &Collection,
        documents: &ReadDocuments,
        mut visit: impl FnMut(&Self, &Document, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut visit = |id: &str, body: &str| {
            self.judged.set(self.judged.get() + 1);
            let document = if self.wanted.is_empty() {
                Document::default()
            } else {
                Document::read(body, &self.wanted)?
            };
            visit(self, &document, id)?;
            match document.met_unknown() {
                Some(what) => Err(unsupported(what, "/query")),
                None => Ok(()),
            }
        };
        match documents {
            ReadDocuments::All => read_whole(connection, collection, &mut visit),
            ReadDocuments::Some { rows, late } => read_lines(connection, rows, late, &mut visit),
        }
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
