//! Text to terms, as Elasticsearch's `standard` analyzer: Unicode word boundaries (UAX #29), lower
//! case, no stop words. Runs of Thai, Lao, Khmer and Burmese letters stay together. Emoji are no
//! terms here.

use std::collections::HashSet;
use unicode_segmentation::UnicodeSegmentation as _;

/// The longest term, in characters; longer words are cut into such pieces.
const LONGEST: usize = 255;

/// The terms of a text, each once.
pub fn terms(text: &str) -> HashSet<String> {
    let mut terms = HashSet::new();
    each(text, &mut |term| {
        terms.insert(term);
    });
    terms
}

/// Each term of a text, in order.
pub fn each(text: &str, visit: &mut dyn FnMut(String)) {
    let mut run = String::new();
    for piece in text.split_word_bounds() {
        if piece.chars().all(is_run) {
            run.push_str(piece);
            continue;
        }
        flush(&mut run, visit);
        if piece.chars().any(char::is_alphanumeric) {
            lower(piece, visit);
        }
    }
    flush(&mut run, visit);
}

fn flush(run: &mut String, visit: &mut dyn FnMut(String)) {
    if !run.is_empty() {
        lower(run, visit);
        run.clear();
    }
}

/// Scripts that write words without boundaries between them.
fn is_run(letter: char) -> bool {
    matches!(letter, '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ece}' | '\u{1000}'..='\u{103f}' | '\u{1780}'..='\u{17d3}')
}

/// Letter by letter, so that the number of letters stays.
fn lower(word: &str, visit: &mut dyn FnMut(String)) {
    let letters: Vec<char> = word
        .chars()
        .map(|letter| letter.to_lowercase().next().unwrap_or(letter))
        .collect();
    letters
        .chunks(LONGEST)
        .for_each(|piece| visit(piece.iter().collect()));
}

#[cfg(test)]
mod tests;
