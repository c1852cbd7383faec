//! Words behind each other. Places are counted over all values of a field, with the field's gap
//! between two of them. Must never look for more than a bounded number of arrangements.

use super::analyze::Token;

/// Arrangements of a sloppy phrase that are tried on one document.
const TRIES: usize = 100_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    words: Vec<Token>,
    slop: usize,
    /// The last word is only the beginning of one.
    is_open: bool,
}

/// How often a phrase stands in a text.
#[derive(Debug)]
pub struct Occurrences {
    pub words: Vec<String>,
    pub is_open: bool,
    pub frequency: f32,
}

impl Phrase {
    pub fn new(words: Vec<Token>, slop: usize, is_open: bool) -> Self {
        Self {
            words,
            slop,
            is_open,
        }
    }

    /// The words, each with whether it is only the beginning of one.
    pub fn sought(&self) -> impl Iterator<Item = (&str, bool)> {
        let last = self.words.len().saturating_sub(1);
        let words = self.words.iter().enumerate();
        words.map(move |(n, (word, _))| (word.as_str(), self.is_open && n == last))
    }

    /// Is it one of the words, or what the open one may stand for?
    pub fn looks_for(&self, term: &str) -> bool {
        let last = self.words.len().saturating_sub(1);
        self.words.iter().enumerate().any(|(n, (word, _))| {
            word == term || self.is_open && n == last && term.starts_with(word.as_str())
        })
    }

    /// How often the words stand so in the text, where it is known how an index counts that.
    pub fn occurrences(&self, text: &[Token]) -> Option<Occurrences> {
        let places = self.places(text);
        let frequency = if self.slop == 0 {
            let (first, rest) = places.split_first()?;
            let is_whole = |place: &&i64| rest.iter().all(|places| places.contains(place));
            let mut starts: Vec<i64> = first.iter().filter(is_whole).copied().collect();
            starts.dedup();
            starts.len() as f32
        } else {
            self.near(&places)?
        };
        Some(Occurrences {
            words: self.words.iter().map(|(word, _)| word.clone()).collect(),
            is_open: self.is_open,
            frequency,
        })
    }

    /// Each place where all words are near each other counts the less the further they are apart.
    /// `None`: a word that stands twice in the phrase, or an open one, is counted in another way.
    fn near(&self, places: &[Vec<i64>]) -> Option<f32> {
        let mut words: Vec<&str> = self.words.iter().map(|(word, _)| word.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        if words.len() < self.words.len() || self.is_open {
            return None;
        }
        let mut at = vec![0; places.len()];
        let here = |at: &[usize], n: usize| places[n].get(at[n]).copied();
        // The word that is furthest behind goes on; of equal ones the first.
        let behind = |at: &[usize], but: Option<usize>| {
            let all = (0..places.len()).filter(|n| Some(*n) != but);
            all.min_by_key(|n| (here(at, *n), self.words[*n].1, *n))
        };
        let mut end = (0..places.len()).filter_map(|n| here(&at, n)).max()?;
        if (0..places.len()).any(|n| here(&at, n).is_none()) {
            return Some(0.0);
        }
        let mut frequency = 0.0;
        let mut counted = |length: i64| {
            if length <= self.slop as i64 {
                frequency += 1.0 / (1.0 + length as f32);
            }
        };
        let mut word = behind(&at, None)?;
        let mut length = end - here(&at, word)?;
        loop {
            let next = behind(&at, Some(word)).and_then(|n| here(&at, n))?;
            at[word] += 1;
            let Some(place) = here(&at, word) else {
                counted(length);
                return Some(frequency);
            };
            end = end.max(place);
            if place > next {
                counted(length);
                word = behind(&at, None)?;
                length = end - here(&at, word)?;
            } else {
                length = length.min(end - place);
            }
        }
    }

    /// Do the words stand so in the text?
    pub fn is_in(&self, text: &[Token]) -> bool {
        let places = self.places(text);
        let mut tries = TRIES;
        !self.words.is_empty() && self.arrange(&places, &mut Vec::new(), &mut tries)
    }

    /// Where the phrase would begin by each of its words.
    fn places(&self, text: &[Token]) -> Vec<Vec<i64>> {
        let last = self.words.len().saturating_sub(1);
        (self.words.iter().enumerate())
            .map(|(n, (word, offset))| {
                let fits = |term: &str| {
                    if self.is_open && n == last {
                        term.starts_with(word.as_str())
                    } else {
                        term == word
                    }
                };
                let found = text.iter().filter(|(term, _)| fits(term));
                found
                    .map(|(_, place)| *place as i64 - *offset as i64)
                    .collect()
            })
            .collect()
    }

    /// Picks a place for each word, so that they are not further apart than the slop.
    fn arrange(&self, places: &[Vec<i64>], chosen: &mut Vec<i64>, tries: &mut usize) -> bool {
        let n = chosen.len();
        if n == places.len() {
            return true;
        }
        for place in &places[n] {
            if *tries == 0 {
                return false;
            }
            *tries -= 1;
            let least = chosen.iter().chain([place]).min().copied().unwrap_or(0);
            let greatest = chosen.iter().chain([place]).max().copied().unwrap_or(0);
            let here = place + self.words[n].1 as i64;
            let is_taken = (0..n).any(|m| {
                self.words[m].0 == self.words[n].0 && chosen[m] + self.words[m].1 as i64 == here
            });
            if greatest - least > self.slop as i64 || is_taken {
                continue;
            }
            chosen.push(*place);
            if self.arrange(places, chosen, tries) {
                return true;
            }
            chosen.pop();
        }
        false
    }
}
