//! Which documents a query may find, looked up in indexes. It must never miss one: whatever an index
//! cannot tell, all documents may be. Where it says that it is exact, the query finds these and no
//! others, and nothing has to be read to know it.
//!
//! See ADR 40.

mod figures;
mod leaf;
mod place;
mod scores;

pub(super) use scores::best_of;

use super::{
    field::{Source, Type},
    query::Query,
};
use crate::search::field_index::{CollectionIndex, DocumentSet, NumberedDocuments};

/// Documents that a query may find.
#[derive(Debug)]
pub(super) struct CandidateSet {
    pub set: DocumentSet,
    /// All of them, and it finds no others.
    pub is_exact: bool,
}

/// What is looked up, and the collection's numbers.
pub(super) struct IndexLookUp<'i> {
    pub index: &'i CollectionIndex,
    pub numbered: &'i NumberedDocuments,
    /// The line of a document, by its id.
    pub find: &'i dyn Fn(&str) -> Option<i64>,
    /// The id of the document on a line.
    pub id: &'i dyn Fn(i64) -> Option<String>,
}

impl CandidateSet {
    fn exact(set: DocumentSet) -> Self {
        Self {
            set,
            is_exact: true,
        }
    }

    fn none() -> Self {
        Self::exact(DocumentSet::default())
    }

    fn intersect(&mut self, other: &Self) {
        self.set.intersect(&other.set);
        self.is_exact &= other.is_exact;
    }

    fn unite(&mut self, other: &Self) {
        self.set.unite(&other.set);
        self.is_exact &= other.is_exact;
    }
}

impl IndexLookUp<'_> {
    /// Any document may be found.
    fn any(&self) -> CandidateSet {
        CandidateSet {
            set: self.numbered.live.clone(),
            is_exact: false,
        }
    }

    fn ids(&self, ids: impl Iterator<Item = impl AsRef<str>>) -> CandidateSet {
        let rows = ids.filter_map(|id| (self.find)(id.as_ref()));
        let numbers = rows.filter_map(|row| self.numbered.number(row));
        let live = numbers.filter(|number| self.numbered.live.contains(*number));
        CandidateSet::exact(live.collect())
    }
}

impl IndexLookUp<'_> {
    /// The first of a set in the order of the ids, or the last ones backwards; behind this id only.
    pub(super) fn by_id(
        &self,
        set: &DocumentSet,
        limit: usize,
        descending: bool,
        after: Option<&str>,
    ) -> Option<Vec<u32>> {
        let all = self.numbered;
        let id = |number: u32| (self.id)(all.row(number));
        let late = |number: &u32| all.late_numbers.contains(*number);
        let behind =
            |id: &str| after.is_none_or(|after| if descending { id < after } else { id > after });
        let mut found: Vec<u32> = match (after, descending) {
            (None, false) => set
                .iter()
                .filter(|number| !late(number))
                .take(limit)
                .collect(),
            (None, true) => {
                let all = set.iter_back_from(all.end());
                all.filter(|number| !late(number)).take(limit).collect()
            }
            (Some(after), _) => {
                let ordered: Vec<u32> = set.iter().filter(|number| !late(number)).collect();
                let (mut low, mut high) = (0, ordered.len());
                while low < high {
                    let middle = low + (high - low) / 2;
                    let here = id(ordered[middle])?;
                    let is_before = if descending {
                        *here < *after
                    } else {
                        *here <= *after
                    };
                    if is_before {
                        low = middle + 1
                    } else {
                        high = middle
                    }
                }
                let (before, behind) = ordered.split_at(low);
                if descending {
                    before.iter().rev().take(limit).copied().collect()
                } else {
                    behind.iter().take(limit).copied().collect()
                }
            }
        };
        let late = all
            .late
            .iter()
            .filter(|(id, number)| set.contains(**number) && behind(id));
        let late = late.map(|(_, number)| *number);
        let late: Vec<u32> = if descending {
            late.rev().take(limit).collect()
        } else {
            late.take(limit).collect()
        };
        if late.is_empty() {
            return Some(found);
        }
        found.extend(late);
        let ids: Option<Vec<(String, u32)>> = found
            .into_iter()
            .map(|number| Some((id(number)?, number)))
            .collect();
        let mut ids = ids?;
        ids.sort_unstable();
        if descending {
            ids.reverse();
        }
        ids.truncate(limit);
        Some(ids.into_iter().map(|(_, number)| number).collect())
    }
}

impl Query {
    /// The fields that it asks about. False: there is something else that it asks.
    pub(super) fn name_sources<'q>(&'q self, sources: &mut Vec<&'q Source>) -> bool {
        match self {
            Self::Leaf(leaf) => sources.extend(leaf.fields().map(|(source, ..)| source)),
            Self::Exists(exists) => sources.extend(exists.sources()),
            Self::Place { source, .. } => sources.push(source),
            Self::Nested(_) => return false,
            _ => {
                let mut all = true;
                self.inner(&mut |query| all &= query.name_sources(sources));
                return all;
            }
        }
        true
    }

    pub(super) fn candidates(&self, look: &IndexLookUp<'_>) -> CandidateSet {
        match self {
            Self::All => CandidateSet::exact(look.numbered.live.clone()),
            Self::Ids(ids) => look.ids(ids.iter()),
            Self::Leaf(leaf) => leaf::candidates(leaf, look),
            Self::Exists(exists) => {
                let mut found = CandidateSet::none();
                for source in exists.sources() {
                    match look.index.column(source) {
                        None if source.kind == Type::Id => {
                            found.set.unite(&look.numbered.live);
                        }
                        Some(column) => found.set.unite(&column.existing),
                        None => return look.any(),
                    }
                }
                if exists.is_open() { look.any() } else { found }
            }
            Self::Place { source, area, .. } => match look.index.column(source) {
                Some(column) => CandidateSet::exact(place::within(column, area)),
                None => look.any(),
            },
            Self::Nested(_) => look.any(),
            Self::Constant(query) | Self::Boosted { query, .. } => query.candidates(look),
            Self::Best { queries, .. } => united(queries, look),
            Self::Bool {
                must,
                filter,
                must_not,
                should,
                need,
            } => {
                let mut found = CandidateSet::exact(look.numbered.live.clone());
                for query in must.iter().chain(filter) {
                    found.intersect(&query.candidates(look));
                }
                match *need {
                    0 => {}
                    1 => found.intersect(&united(should, look)),
                    need => found.intersect(&enough(should, need, look)),
                }
                for query in must_not {
                    let other = query.candidates(look);
                    if other.is_exact {
                        found.set.subtract(&other.set);
                    } else {
                        found.is_exact &= !found.set.meets(&other.set);
                    }
                }
                found
            }
        }
    }
}

fn united(queries: &[Query], look: &IndexLookUp<'_>) -> CandidateSet {
    let mut found = CandidateSet::none();
    queries
        .iter()
        .for_each(|query| found.unite(&query.candidates(look)));
    found
}

/// Those that so many of the queries find.
fn enough(queries: &[Query], need: usize, look: &IndexLookUp<'_>) -> CandidateSet {
    let sets = queries.iter().map(|query| query.candidates(look));
    let (mut is_exact, mut reached) = (true, Vec::<DocumentSet>::new());
    for candidates in sets {
        is_exact &= candidates.is_exact;
        reach(&mut reached, &candidates.set, need);
    }
    CandidateSet {
        set: reached.into_iter().nth(need - 1).unwrap_or_default(),
        is_exact,
    }
}

/// One more set: `reached[n]` are those that are in more than `n` of the sets so far.
fn reach(reached: &mut Vec<DocumentSet>, set: &DocumentSet, need: usize) {
    if reached.len() < need {
        reached.push(DocumentSet::default());
    }
    for n in (1..reached.len()).rev() {
        let mut both = reached[n - 1].clone();
        both.intersect(set);
        reached[n].unite(&both);
    }
    if let Some(first) = reached.first_mut() {
        first.unite(set);
    }
}

/// Fields, each once.
pub(super) fn distinct_sources(sources: Vec<&Source>) -> Vec<Source> {
    let mut distinct: Vec<Source> = Vec::new();
    for source in sources {
        if !distinct.contains(source) {
            distinct.push(source.clone());
        }
    }
    distinct
}
