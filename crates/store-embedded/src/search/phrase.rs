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

impl Phrase {
    pub fn new(words: Vec<Token>, slop: usize, is_open: bool) -> Self {
        Self {
            words,
            slop,
            is_open,
        }
    }

    /// Do the words stand so in the text?
    pub fn is_in(&self, text: &[Token]) -> bool {
        let last = self.words.len().saturating_sub(1);
        let places: Vec<Vec<i64>> = (self.words.iter().enumerate())
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
            .collect();
        let mut tries = TRIES;
        !self.words.is_empty() && self.arrange(&places, &mut Vec::new(), &mut tries)
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
