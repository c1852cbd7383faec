//! Text to terms, as Elasticsearch's analyzers do it. `standard`: Unicode word boundaries (UAX
//! #29), lower case, no stop words; runs of Thai, Lao, Khmer and Burmese letters stay together, and
//! emoji are no terms here. The others are what their names say.

use store::mapping::Analyzer;
use unicode_segmentation::UnicodeSegmentation as _;

/// The longest term, in characters; longer words are cut into such pieces.
const LONGEST: usize = 255;

/// A term and its place among the words of a text.
pub type Token = (String, usize);

/// The words that `stop` passes over, places of which stay empty.
const STOP: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these",
    "they", "this", "to", "was", "will", "with",
];

/// The terms of a text with their places.
pub fn tokens(analyzer: Analyzer, text: &str) -> Vec<Token> {
    let words: Vec<String> = match analyzer {
        Analyzer::Standard | Analyzer::Other => {
            let mut words = Vec::new();
            each(text, &mut |word| words.push(word));
            words
        }
        Analyzer::Simple | Analyzer::Stop => text
            .split(|letter: char| !letter.is_alphabetic())
            .filter(|word| !word.is_empty())
            .map(lowercase)
            .collect(),
        Analyzer::Whitespace => text.split_whitespace().map(str::to_owned).collect(),
        Analyzer::Keyword if text.is_empty() => Vec::new(),
        Analyzer::Keyword => vec![text.to_owned()],
    };
    let is_kept = |word: &str| analyzer != Analyzer::Stop || !STOP.contains(&word);
    let placed = words.into_iter().enumerate();
    placed
        .filter(|(_, word)| is_kept(word))
        .map(|(place, word)| (word, place))
        .collect()
}

/// Each term of a text as `standard` cuts it, in order.
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
pub fn lowercase(word: &str) -> String {
    let one = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
    word.chars().map(one).collect()
}

fn lower(word: &str, visit: &mut dyn FnMut(String)) {
    let letters: Vec<char> = lowercase(word).chars().collect();
    letters
        .chunks(LONGEST)
        .for_each(|piece| visit(piece.iter().collect()));
}

#[cfg(test)]
mod tests;
