//! How well a document fits: BM25 over the collection's own figures, as an index with one shard
//! reckons it, down to the eight bits in which it keeps a field's length.

use super::{
    accept::{Accept, Texts},
    analyze::{self, Token},
    document::Document,
    field::{Source, Type},
    indexed,
    phrase::Occurrences,
    unsupported,
};
use serde_json::Value;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
};
use store::{
    StoreError,
    mapping::{Analyzer, TermScoring, coerce, date},
};

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// How far the values of a field that is not mapped are from each other.
const GUESSED_GAP: usize = 100;
/// How many words the open end of a phrase may stand for.
const EXPANSIONS: usize = 50;

/// What a field holds over all documents.
#[derive(Debug, Default, PartialEq)]
pub struct FieldFigures {
    pub documents: u64,
    pub terms: u64,
    /// In how many documents a term that is looked for stands.
    pub found: BTreeMap<String, u64>,
}

/// One field of one leaf, and what is known of it once all documents were looked at.
#[derive(Debug, Default)]
pub struct Relevance {
    figures: RefCell<FieldFigures>,
}

/// The terms that an index has of a field in one document.
struct HeldTerms {
    tokens: Vec<Token>,
    scoring: TermScoring,
}

impl Relevance {
    /// What reading all documents would tell.
    pub fn set(&self, figures: FieldFigures) {
        *self.figures.borrow_mut() = figures;
    }

    pub fn learn(&self, source: &Source, accept: &Accept, document: &Document) {
        let Some(held) = HeldTerms::of(source, document) else {
            return;
        };
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for (term, _) in &held.tokens {
            *counts.entry(term).or_default() += 1;
        }
        let mut figures = self.figures.borrow_mut();
        figures.documents += 1;
        figures.terms += if held.scoring.frequencies {
            held.tokens.len() as u64
        } else {
            counts.len() as u64
        };
        let is_wanted = |term: &str| match (accept.terms.as_ref(), accept.keywords.as_ref()) {
            _ if term == TRUE || term == FALSE => true,
            (Some(texts), _) | (None, Some(texts)) => {
                texts.looks_for(term.rsplit('\u{1}').next().unwrap_or(term))
            }
            (None, None) => false,
        };
        let near = match accept.terms.as_ref().or(accept.keywords.as_ref()) {
            Some(Texts::Near(near)) => Some(near),
            _ => None,
        };
        for term in counts.into_keys().filter(|term| is_wanted(term)) {
            if let Some(near) = near.filter(|_| term != TRUE && term != FALSE) {
                near.learn(term);
            }
            *figures.found.entry(term.to_owned()).or_default() += 1;
        }
    }

    /// The score of a document that is met; 1 where the field has no terms to tell by.
    pub fn score(
        &self,
        source: &Source,
        accept: &Accept,
        document: &Document,
    ) -> Result<f32, StoreError> {
        let Some(held) = HeldTerms::of(source, document) else {
            return Ok(1.0);
        };
        let texts = match source.kind {
            Type::Text(_) | Type::Guessed { .. } => accept.terms.as_ref(),
            _ => accept.keywords.as_ref(),
        };
        let mut score = 0.0;
        match texts {
            Some(Texts::Phrase(phrase)) => {
                let occurrences = phrase.occurrences(&held.tokens);
                let occurrences = occurrences.ok_or_else(|| {
                    let what = "the score of a phrase with `slop` and a word twice or an open end";
                    unsupported(what, "/query")
                })?;
                score += self.of_phrase(&held, &occurrences);
            }
            Some(Texts::Near(near)) => {
                let rarity = self.figures.borrow().rarity(near.commonest());
                for (term, boost) in near.boosts() {
                    score += self.of_term_as(&held, term, rarity) * boost;
                }
                return Ok(score);
            }
            Some(Texts::Of { texts, .. }) => {
                for (text, times) in texts {
                    let term = held_term(source, text);
                    score += self.of_term(&held, &term) * *times as f32;
                }
            }
            _ => {}
        }
        for truth in &accept.truths {
            score += self.of_term(&held, if *truth { TRUE } else { FALSE });
        }
        // Met by a number or a date, which have no terms.
        Ok(if score == 0.0 { 1.0 } else { score })
    }

    fn of_term(&self, held: &HeldTerms, term: &str) -> f32 {
        self.of_term_as(held, term, self.rarity(term))
    }

    /// Of a term that is as rare as this.
    fn of_term_as(&self, held: &HeldTerms, term: &str, rarity: f32) -> f32 {
        let count = held.tokens.iter().filter(|(one, _)| one == term).count();
        if count == 0 {
            return 0.0;
        }
        self.weigh_term(held.scoring, held.length() as u32, rarity, count as u32)
    }

    /// A term that is as rare as this, and stands so often in a field of this length.
    pub fn weigh_term(&self, scoring: TermScoring, length: u32, rarity: f32, count: u32) -> f32 {
        let freq = if scoring.frequencies {
            count as f32
        } else {
            1.0
        };
        self.figures.borrow().weigh(scoring, length, rarity, freq)
    }

    /// How rare a term is that is looked for.
    pub fn rarity(&self, term: &str) -> f32 {
        let figures = self.figures.borrow();
        figures.rarity(figures.found.get(term).copied().unwrap_or(1))
    }

    fn of_phrase(&self, held: &HeldTerms, occurrences: &Occurrences) -> f32 {
        let figures = self.figures.borrow();
        let mut idf = 0.0;
        for (n, word) in occurrences.words.iter().enumerate() {
            if occurrences.is_open && n + 1 == occurrences.words.len() {
                let open = figures.found.range(word.clone()..);
                let all = open.take_while(|(term, _)| term.starts_with(word.as_str()));
                idf += all
                    .take(EXPANSIONS)
                    .map(|(_, count)| figures.rarity(*count))
                    .sum::<f32>();
            } else {
                idf += figures.rarity(figures.found.get(word).copied().unwrap_or(1));
            }
        }
        figures.weigh(
            held.scoring,
            held.length() as u32,
            idf,
            occurrences.frequency,
        )
    }
}

impl FieldFigures {
    fn rarity(&self, found: u64) -> f32 {
        let (all, found) = (self.documents as f64, found as f64);
        (1.0 + (all - found + 0.5) / (found + 0.5)).ln() as f32
    }

    fn weigh(&self, scoring: TermScoring, length: u32, idf: f32, freq: f32) -> f32 {
        if scoring.is_boolean {
            return 1.0;
        }
        let average = (self.terms as f64 / self.documents.max(1) as f64) as f32;
        let length = if scoring.norms {
            kept_length(length)
        } else {
            1
        };
        let weight = (K1 + 1.0) * idf;
        let inverse = 1.0 / (K1 * ((1.0 - B) + B * length as f32 / average));
        weight - weight / (1.0 + freq * inverse)
    }
}

/// A term as the field has it.
fn held_term(source: &Source, text: &str) -> String {
    let path = source.paths.first().filter(|_| source.is_key);
    let key = path.and_then(|path| path.strip_prefix(&format!("{}.", source.root)));
    key.map_or_else(|| text.to_owned(), |key| term_key(key, text))
}

fn term_key(key: &str, text: &str) -> String {
    format!("{key}\u{1}{text}")
}

const TRUE: &str = "\u{0}T";
const FALSE: &str = "\u{0}F";

/// The term that a truth value is.
pub fn truth_term(truth: bool) -> &'static str {
    if truth { TRUE } else { FALSE }
}

impl HeldTerms {
    /// How long the field is: without frequencies a term counts once.
    fn length(&self) -> usize {
        if self.scoring.frequencies {
            return self.tokens.len();
        }
        let terms: HashSet<&str> = self.tokens.iter().map(|(term, _)| term.as_str()).collect();
        terms.len()
    }

    /// `None`: the field has no terms in this document, or no field of its type has.
    fn of(source: &Source, document: &Document) -> Option<Self> {
        if !source.index {
            return None;
        }
        let (mut tokens, mut place) = (Vec::new(), 0);
        match &source.kind {
            _ if source.is_key => {
                let pairs = document.keyed(source).into_iter();
                tokens.extend(pairs.map(|(key, text)| (term_key(&key, &text), 0)));
            }
            Type::Text(options) => document.values(source, &mut |value| {
                if let Some(value) = coerce::scalar_text(value) {
                    let all = analyze::analyze_text(options.analyzer, &value);
                    append_tokens(&mut tokens, &mut place, all, options.gap);
                }
            }),
            Type::Guessed { dates } => document.values(source, &mut |value| match value {
                Value::String(value) if *dates && date::detect_date(value).is_some() => {}
                Value::String(value) => {
                    let all = analyze::analyze_text(Analyzer::Standard, value);
                    append_tokens(&mut tokens, &mut place, all, GUESSED_GAP);
                }
                Value::Bool(truth) => {
                    tokens.push((if *truth { TRUE } else { FALSE }.to_owned(), 0));
                }
                _ => {}
            }),
            Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
                document.values(source, &mut |value| {
                    if let Some(text) = indexed::indexed_keyword(&source.kind, value) {
                        tokens.push((text.into_owned(), 0));
                    }
                });
            }
            Type::Boolean => document.values(source, &mut |value| {
                if let Some(truth) = coerce::read_boolean(value) {
                    tokens.push((if truth { TRUE } else { FALSE }.to_owned(), 0));
                }
            }),
            _ => return None,
        }
        let mut scoring = source.relevance;
        if tokens
            .first()
            .is_some_and(|(term, _)| term == TRUE || term == FALSE)
        {
            (scoring.norms, scoring.frequencies) = (false, false);
        }
        (!tokens.is_empty()).then_some(Self { tokens, scoring })
    }
}

/// The terms of one more value, so far behind those before it.
fn append_tokens(tokens: &mut Vec<Token>, place: &mut usize, all: Vec<Token>, gap: usize) {
    let start = *place;
    *place = start + all.last().map_or(0, |(_, place)| place + 1) + gap;
    tokens.extend(all.into_iter().map(|(term, at)| (term, start + at)));
}

/// A length as eight bits hold it: four of them tell the size, the others how often it is doubled.
fn kept_length(length: u32) -> u32 {
    const FREE: u32 = 24;
    if length < FREE {
        return length;
    }
    let rest = length - FREE;
    let bits = 32 - rest.leading_zeros();
    let shift = bits.saturating_sub(4);
    FREE + ((rest >> shift) << shift)
}

#[cfg(test)]
mod tests;
