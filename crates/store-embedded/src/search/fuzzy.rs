//! Terms that are nearly a given one: how many letters may differ, and what such a term counts. Of
//! more terms than an index expands a word to, only those are met that an index meets: they must be
//! learned from all documents before any is judged.

use super::{bad, unsupported};
use serde_json::Value;
use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};
use store::{StoreError, mapping::coerce};

/// How many terms a word stands for, where nothing else is said.
const EXPANSIONS: usize = 50;

/// How far terms may be away: a number of edits, or by the length of the word.
#[derive(Clone, Copy, Debug)]
pub enum Fuzziness {
    Edits(usize),
    /// From which lengths on there is one edit, and two.
    Auto(usize, usize),
}

#[derive(Clone, Debug)]
pub struct FuzzyOptions {
    pub fuzziness: Option<Fuzziness>,
    prefix: usize,
    expansions: usize,
    transpositions: bool,
}

impl Default for FuzzyOptions {
    fn default() -> Self {
        Self {
            fuzziness: None,
            prefix: 0,
            expansions: EXPANSIONS,
            transpositions: true,
        }
    }
}

impl FuzzyOptions {
    /// Takes a parameter of fuzzy clauses; false: it is not one.
    pub fn take(&mut self, name: &str, value: &Value, at: &str) -> Result<bool, StoreError> {
        match name {
            "fuzziness" => self.fuzziness = Some(Fuzziness::read(value, at)?),
            "prefix_length" => self.prefix = read_count(value, 0, at)?,
            "max_expansions" => self.expansions = read_count(value, 1, at)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub fn take_transpositions(&mut self, value: &Value, at: &str) -> Result<(), StoreError> {
        let flag = coerce::strict_boolean(value);
        self.transpositions = flag.ok_or_else(|| bad("expected true or false", at))?;
        Ok(())
    }

    /// What is looked for, where it is said how far it may be away.
    pub fn near(&self, word: &str, given: &str) -> Option<NearTerms> {
        let edits = self.fuzziness?.edits(given);
        Some(NearTerms {
            word: word.chars().collect(),
            edits,
            prefix: self.prefix,
            expansions: self.expansions,
            transpositions: self.transpositions,
            by_value: false,
            found: RefCell::default(),
            chosen: OnceCell::new(),
        })
    }
}

fn read_count(value: &Value, least: u64, at: &str) -> Result<usize, StoreError> {
    let count = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let count = count.filter(|count| (least..=1_024).contains(count));
    let count = count.ok_or_else(|| unsupported(format!("{value} as such a number"), at))?;
    Ok(count as usize)
}

impl Fuzziness {
    pub const AUTO: Self = Self::Auto(3, 6);

    pub fn read(value: &Value, at: &str) -> Result<Self, StoreError> {
        let text = coerce::scalar_text(value).unwrap_or_default();
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "0" => return Ok(Self::Edits(0)),
            "1" => return Ok(Self::Edits(1)),
            "2" => return Ok(Self::Edits(2)),
            "auto" => return Ok(Self::AUTO),
            _ => {}
        }
        let bounds = lower
            .strip_prefix("auto:")
            .and_then(|rest| rest.split_once(','));
        let bounds = bounds.and_then(|(low, high)| {
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            (low <= high).then_some(Self::Auto(low, high))
        });
        bounds.ok_or_else(|| unsupported(format!("the fuzziness {value}"), at))
    }

    fn edits(self, word: &str) -> usize {
        let letters = word.chars().count();
        match self {
            Self::Edits(edits) => edits,
            Self::Auto(low, _) if letters < low => 0,
            Self::Auto(_, high) if letters < high => 1,
            Self::Auto(..) => 2,
        }
    }
}

/// The terms near a word, of all that a field holds.
#[derive(Clone, Debug)]
pub struct NearTerms {
    word: Vec<char>,
    edits: usize,
    prefix: usize,
    expansions: usize,
    transpositions: bool,
    /// Each value of a document is looked at by itself, where a field has no terms.
    by_value: bool,
    /// In how many documents each of them stands.
    found: RefCell<BTreeMap<String, u64>>,
    chosen: OnceCell<BTreeMap<String, f32>>,
}

impl NearTerms {
    /// The same for a field that has values and no terms: however many are near enough, all are met.
    pub fn by_value(self) -> Self {
        Self {
            by_value: true,
            ..self
        }
    }

    /// Is the term near enough?
    pub fn is_near(&self, term: &str) -> bool {
        self.distance(term).is_some()
    }

    /// Looks at a term of a document.
    pub fn learn(&self, term: &str) {
        self.learn_often(term, 1);
    }

    /// A term that so many documents have.
    pub fn learn_often(&self, term: &str, documents: u64) {
        *self.found.borrow_mut().entry(term.to_owned()).or_default() += documents;
    }

    /// Are all values near enough met, of a field that has no terms?
    pub fn is_by_value(&self) -> bool {
        self.by_value
    }

    /// Is it one of the terms that the word stands for?
    pub fn has(&self, term: &str) -> bool {
        if self.by_value {
            self.is_near(term)
        } else {
            self.boosts().contains_key(term)
        }
    }

    /// The terms that the word stands for, and how much each counts: the nearest, of equally near
    /// ones the first.
    pub fn boosts(&self) -> &BTreeMap<String, f32> {
        self.chosen.get_or_init(|| {
            let found = self.found.borrow();
            let mut all: Vec<(f32, &String)> = found
                .keys()
                .filter_map(|term| Some((self.boost(term)?, term)))
                .collect();
            all.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
            all.truncate(self.expansions);
            let chosen = all.into_iter().map(|(boost, term)| (term.clone(), boost));
            chosen.collect()
        })
    }

    /// In how many documents the commonest of them stands: each counts as if it were that one.
    pub fn commonest(&self) -> u64 {
        let found = self.found.borrow();
        let counts = self.boosts().keys().filter_map(|term| found.get(term));
        counts.copied().max().unwrap_or(1)
    }

    fn boost(&self, term: &str) -> Option<f32> {
        let distance = self.distance(term)?;
        let shorter = term.chars().count().min(self.word.len());
        Some(match distance {
            0 => 1.0,
            edits => (1.0 - edits as f32 / shorter as f32).max(0.0),
        })
    }

    /// How many edits lead from the word to the term, if they are not too many.
    fn distance(&self, term: &str) -> Option<usize> {
        let mut rest = term.chars();
        let (prefix, word) = self.word.split_at(self.prefix.min(self.word.len()));
        if !prefix.iter().all(|letter| rest.next() == Some(*letter)) {
            return None;
        }
        let term: Vec<char> = rest.collect();
        if word.len().abs_diff(term.len()) > self.edits {
            return None;
        }
        let edits = edit_distance(word, &term, self.transpositions);
        // An index expands the empty word to no other term.
        let is_expanded = self.by_value || edits == 0 || !self.word.is_empty();
        (edits <= self.edits && is_expanded).then_some(edits)
    }
}

/// Letters put in, left out, put for another, and (`swaps`) two neighbours for each other, no letter
/// touched twice.
fn edit_distance(a: &[char], b: &[char], swaps: bool) -> usize {
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for (n, x) in a.iter().enumerate() {
        let mut row = vec![n + 1];
        for (m, y) in b.iter().enumerate() {
            let mut least = (last[m] + usize::from(x != y))
                .min(last[m + 1] + 1)
                .min(row[m] + 1);
            if swaps && n > 0 && m > 0 && *x == b[m - 1] && a[n - 1] == *y {
                least = least.min(before[m - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(word: &str, term: &str, edits: usize, prefix: usize) -> bool {
        let options = FuzzyOptions {
            fuzziness: Some(Fuzziness::Edits(edits)),
            prefix,
            ..FuzzyOptions::default()
        };
        options.near(word, word).expect("it is fuzzy").is_near(term)
    }

    #[test]
    fn letters_are_put_in_left_out_changed_and_swapped() {
        for (word, term, least) in [
            ("quick", "quick", 0),
            ("quick", "quik", 1),
            ("quick", "quickk", 1),
            ("quick", "quack", 1),
            ("quick", "uqick", 1),
            ("quick", "uqikc", 2),
            ("éclair", "eclair", 1),
        ] {
            assert!(near(word, term, least, 0), "{word} {term}");
            assert!(
                least == 0 || !near(word, term, least - 1, 0),
                "{word} {term}"
            );
        }
        assert!(!near("quick", "uqick", 1, 1));
        assert!(near("quick", "qiuck", 1, 1));
    }

    #[test]
    fn a_word_stands_for_the_nearest_terms() {
        let options = FuzzyOptions {
            fuzziness: Some(Fuzziness::Edits(2)),
            expansions: 2,
            ..FuzzyOptions::default()
        };
        let near = options.near("fox", "fox").expect("it is fuzzy");
        for term in ["fx", "foxes", "box", "fox", "far"] {
            near.learn(term);
        }
        let chosen: Vec<&str> = near.boosts().keys().map(String::as_str).collect();
        assert_eq!(chosen, ["box", "fox"]);
        assert!(!near.has("fx"));
    }
}
