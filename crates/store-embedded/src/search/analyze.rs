//! Text to terms, as Elasticsearch's analyzers do it. `standard`: Unicode word boundaries (UAX
//! #29), lower case, no stop words; runs of Thai, Lao, Khmer and Burmese letters stay together, and
//! emoji are no terms here. The others are what their names say.

use std::ops::Range;
use store::mapping::Analyzer;
pub use store::mapping::coerce::lowercase_text;
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
pub fn analyze_text(analyzer: Analyzer, text: &str) -> Vec<Token> {
    let mut words = Vec::new();
    each_span(analyzer, text, &mut |word, _| words.push(word));
    let placed = words.into_iter().enumerate();
    placed
        .filter(|(_, word)| is_kept(analyzer, word))
        .map(|(place, word)| (word, place))
        .collect()
}

/// Is the word a term?
pub fn is_kept(analyzer: Analyzer, word: &str) -> bool {
    analyzer != Analyzer::Stop || !STOP.contains(&word)
}

/// Each term of a text, in order, and where it stands there, in bytes; those that `stop` passes over
/// as well.
pub fn each_span(analyzer: Analyzer, text: &str, visit: &mut dyn FnMut(String, Range<usize>)) {
    match analyzer {
        Analyzer::Standard | Analyzer::Other => standard_terms(text, visit),
        Analyzer::Simple | Analyzer::Stop => {
            split_words(text, |letter| !letter.is_alphabetic(), &mut |span| {
                visit(lowercase_text(&text[span.clone()]), span);
            })
        }
        Analyzer::Whitespace => split_words(text, char::is_whitespace, &mut |span| {
            visit(text[span.clone()].to_owned(), span);
        }),
        // The empty text is a term, too.
        Analyzer::Keyword => visit(text.to_owned(), 0..text.len()),
    }
}

fn split_words(text: &str, is_between: fn(char) -> bool, visit: &mut dyn FnMut(Range<usize>)) {
    let mut start = 0;
    for piece in text.split_inclusive(is_between) {
        let word = piece.trim_end_matches(is_between);
        if !word.is_empty() {
            visit(start..start + word.len());
        }
        start += piece.len();
    }
}

/// Each term of a text as `standard` cuts it, in order.
pub fn each_term(text: &str, visit: &mut dyn FnMut(String)) {
    standard_terms(text, &mut |word, _| visit(word));
}

fn standard_terms(text: &str, visit: &mut dyn FnMut(String, Range<usize>)) {
    let mut run: Option<Range<usize>> = None;
    for (start, piece) in text.split_word_bound_indices() {
        let end = start + piece.len();
        if piece.chars().all(is_run) {
            run = Some(run.map_or(start, |run| run.start)..end);
            continue;
        }
        if let Some(run) = run.take() {
            lowercase_terms(text, run, visit);
        }
        if piece.chars().any(char::is_alphanumeric) {
            lowercase_terms(text, start..end, visit);
        }
    }
    if let Some(run) = run {
        lowercase_terms(text, run, visit);
    }
}

/// Scripts that write words without boundaries between them.
fn is_run(letter: char) -> bool {
    matches!(letter, '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ece}' | '\u{1000}'..='\u{103f}' | '\u{1780}'..='\u{17d3}')
}

fn lowercase_terms(text: &str, span: Range<usize>, visit: &mut dyn FnMut(String, Range<usize>)) {
    let mut start = span.start;
    while start < span.end {
        let rest = &text[start..span.end];
        let piece = rest.char_indices().nth(LONGEST);
        let end = piece.map_or(span.end, |(length, _)| start + length);
        visit(lowercase_text(&text[start..end]), start..end);
        start = end;
    }
}

#[cfg(test)]
mod tests;
