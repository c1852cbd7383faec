//! What documents count that a query finds, reckoned from indexes: the sums that reading each of
//! them gives, in the same order of adding, or nothing.

use super::IndexLookUp;
use crate::{
    search::field_index::{DocumentSet, FieldColumn},
    search::{
        accept::{Accept, Texts},
        field::{Source, Type},
        query::{Area, Query},
        relevance::Relevance,
    },
};

/// By the numbers of documents; 0 for those that are not found.
type DocumentScores = Vec<f32>;

impl Query {
    /// `None`: only the documents tell.
    pub(in crate::search) fn indexed_scores(
        &self,
        look: &IndexLookUp<'_>,
    ) -> Option<DocumentScores> {
        match self {
            Self::Leaf(leaf) => {
                let mut fields = leaf.fields();
                let (source, accept, relevance) = fields.next()?;
                if fields.next().is_some() {
                    return None;
                }
                let found = self.exactly(look)?;
                if accept.is_scored {
                    of_field(source, accept, relevance, &found, look)
                } else {
                    Some(constant(&found, 1.0, look))
                }
            }
            Self::Nested(_) => None,
            Self::Place {
                area: Area::Polygon(_),
                ..
            } => Some(constant(&DocumentSet::default(), 0.0, look)),
            Self::All | Self::Ids(_) | Self::Exists(_) | Self::Place { .. } | Self::Constant(_) => {
                Some(constant(&self.exactly(look)?, 1.0, look))
            }
            Self::Boosted { query, boost } => {
                let mut scores = query.indexed_scores(look)?;
                scores.iter_mut().for_each(|score| *score *= boost);
                Some(scores)
            }
            Self::Bool { must, should, .. } => {
                let found = self.exactly(look)?;
                let mut sums = constant(&found, 0.0, look);
                for query in must.iter().chain(should) {
                    let scores = query.indexed_scores(look)?;
                    sums.iter_mut()
                        .zip(&scores)
                        .for_each(|(sum, score)| *sum += score);
                }
                keep(&mut sums, &found);
                Some(sums)
            }
            Self::Best { queries, others } => {
                let none = || constant(&DocumentSet::default(), 0.0, look);
                let (mut best, mut sums) = (none(), none());
                for query in queries {
                    let scores = query.indexed_scores(look)?;
                    let both = best.iter_mut().zip(&mut sums).zip(&scores);
                    both.for_each(|((best, sum), score)| {
                        *best = best.max(*score);
                        *sum += score;
                    });
                }
                let both = best.iter_mut().zip(&sums);
                both.for_each(|(best, sum)| *best += (sum - *best) * others);
                Some(best)
            }
        }
    }

    fn exactly(&self, look: &IndexLookUp<'_>) -> Option<DocumentSet> {
        let found = self.candidates(look);
        found.is_exact.then_some(found.set)
    }
}

fn constant(found: &DocumentSet, score: f32, look: &IndexLookUp<'_>) -> DocumentScores {
    let mut scores = vec![0.0; look.numbered.end() as usize];
    found
        .iter()
        .for_each(|number| scores[number as usize] = score);
    scores
}

/// What is not found counts nothing.
fn keep(scores: &mut DocumentScores, found: &DocumentSet) {
    for (number, score) in (0..).zip(scores) {
        if *score != 0.0 && !found.contains(number) {
            *score = 0.0;
        }
    }
}

fn of_field(
    source: &Source,
    accept: &Accept,
    relevance: &Relevance,
    found: &DocumentSet,
    look: &IndexLookUp<'_>,
) -> Option<DocumentScores> {
    let texts = match &source.kind {
        _ if !source.index => &None,
        _ if source.is_key => return None,
        Type::Boolean => return None,
        Type::Text(_) | Type::Guessed { .. } => &accept.terms,
        Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => &accept.keywords,
        _ => &None,
    };
    let mut scores = constant(&DocumentSet::default(), 0.0, look);
    match texts {
        None => {}
        Some(Texts::Of { texts, .. }) => {
            let column = look.index.column(source)?;
            for (text, times) in texts {
                add_term(
                    &mut scores,
                    (source, column),
                    relevance,
                    text,
                    *times as f32,
                )?;
            }
        }
        Some(_) => return None,
    }
    for number in found.iter() {
        let score = &mut scores[number as usize];
        // Met by what has no terms.
        if *score == 0.0 {
            *score = 1.0;
        }
    }
    keep(&mut scores, found);
    Some(scores)
}

fn add_term(
    scores: &mut DocumentScores,
    (source, column): (&Source, &FieldColumn),
    relevance: &Relevance,
    text: &str,
    times: f32,
) -> Option<()> {
    let scoring = source.relevance;
    let needs_lengths = scoring.norms && !scoring.is_boolean;
    // How many different terms a document has is not written down.
    if needs_lengths && !(scoring.frequencies && column.texts.has_lengths()) {
        return None;
    }
    let Some(documents) = column.texts.get(text) else {
        return Some(());
    };
    let rarity = relevance.rarity(text);
    for number in documents.numbers() {
        let count = documents.frequency(*number);
        let length = column.texts.length(*number);
        let score = relevance.weigh_term(scoring, length, rarity, count);
        scores[*number as usize] += score * times;
    }
    Some(())
}

/// The best of the documents that are found, equal ones in the order of their ids.
pub(in crate::search) fn best_of(
    found: &DocumentSet,
    scores: &DocumentScores,
    limit: usize,
    look: &IndexLookUp<'_>,
) -> Option<Vec<u32>> {
    let score = |number: u32| scores[number as usize];
    let mut all: Vec<f32> = found.iter().map(score).collect();
    if all.len() <= limit || limit == 0 {
        return look.by_id(found, limit, false, None);
    }
    let (_, least, _) = all.select_nth_unstable_by(limit - 1, |a, b| b.total_cmp(a));
    let least = *least;
    let better = found
        .iter()
        .filter(|number| score(*number).total_cmp(&least).is_gt());
    let mut best: Vec<u32> = better.collect();
    let equal = found
        .iter()
        .filter(|number| score(*number).total_cmp(&least).is_eq());
    let equal: DocumentSet = equal.collect();
    best.extend(look.by_id(&equal, limit - best.len(), false, None)?);
    Some(best)
}
