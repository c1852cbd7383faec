//! Where sentences and words end, as Java's break iterators tell it, for texts in letters with case,
//! digits, blanks and ASCII signs. Of texts with others nothing is said.

use std::ops::Range;

/// The boundaries of a text, in UTF-16 units; its beginning and its end are among them.
pub struct Boundaries(Vec<usize>);

impl Boundaries {
    /// The last one before a place.
    pub fn preceding(&self, place: usize) -> Option<usize> {
        let behind = self.0.partition_point(|boundary| *boundary < place);
        behind.checked_sub(1).map(|n| self.0[n])
    }

    /// The first one behind a place.
    pub fn following(&self, place: usize) -> Option<usize> {
        let behind = self.0.partition_point(|boundary| *boundary <= place);
        self.0.get(behind).copied()
    }
}

/// The characters of a text whose boundaries are known.
pub fn known_letters(text: &str) -> Option<Vec<char>> {
    let is_known = |letter: &char| {
        let has_case = letter.is_lowercase() || letter.is_uppercase();
        let is_plain =
            ('\u{c0}'..='\u{52f}').contains(letter) && letter.is_alphabetic() && has_case;
        matches!(letter, '\t' | '\n' | '\r' | ' '..='~') || is_plain
    };
    let letters: Vec<char> = text.chars().collect();
    letters.iter().all(is_known).then_some(letters)
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// What may stand between the end of a sentence and the blanks behind it.
fn is_closing(letter: char) -> bool {
    matches!(letter, '!' | '"' | '\'' | ')' | '.' | '?' | ']' | '}')
}

/// What may stand before the first letter of a sentence.
fn is_opening(letter: char) -> bool {
    letter.is_ascii_punctuation() && !matches!(letter, '!' | ')' | ',' | '.' | '?' | ']' | '}')
}

fn run_end(letters: &[char], from: usize, is_of: impl Fn(char) -> bool) -> usize {
    let rest = letters[from..].iter();
    from + rest.take_while(|letter| is_of(**letter)).count()
}

/// Sentences: `!` and `?` end one; a full stop does where no lower case and no digit follows. `None`:
/// behind a full stop stands what is not told here.
pub fn sentence_boundaries(letters: &[char]) -> Option<Boundaries> {
    let (mut boundaries, mut at) = (vec![0], 0);
    while at < letters.len() {
        if !matches!(letters[at], '.' | '!' | '?') {
            at += 1;
            continue;
        }
        let closed = run_end(letters, at, is_closing);
        let next = run_end(letters, closed, is_blank);
        let marks = &letters[at..closed];
        let is_certain = marks.iter().any(|mark| matches!(mark, '!' | '?'));
        let begins = if marks.contains(&'.') {
            begins_sentence(letters, at..closed, next, is_certain)?
        } else {
            is_certain
        };
        if begins && next < letters.len() {
            boundaries.push(next);
        }
        at = next;
    }
    if !letters.is_empty() {
        boundaries.push(letters.len());
    }
    Some(Boundaries(boundaries))
}

/// Does a sentence begin at `next`, behind marks with a full stop among them, and blanks?
fn begins_sentence(
    letters: &[char],
    marks: Range<usize>,
    next: usize,
    is_certain: bool,
) -> Option<bool> {
    let blanks = next - marks.end;
    let opened = run_end(letters, next, is_opening);
    let first = letters.get(opened).copied();
    let is_letter = first.is_some_and(char::is_alphabetic);
    if opened > next && !is_letter {
        return None;
    }
    let is_quoted = letters[marks].iter().any(|mark| matches!(mark, '"' | '\''));
    if is_quoted && blanks == 0 && next < letters.len() && !is_certain {
        return None;
    }
    let is_lower = opened == next && first.is_some_and(char::is_lowercase);
    let is_apart = opened > next || blanks > 1 || blanks == 1 && !is_lower;
    Some(is_certain || is_letter && is_apart)
}

/// Words: letters and digits, what joins them, and blanks together.
pub fn word_boundaries(letters: &[char]) -> Boundaries {
    let mut boundaries = vec![0];
    for at in 1..letters.len() {
        if !are_joined(letters, at) {
            boundaries.push(at);
        }
    }
    if !letters.is_empty() {
        boundaries.push(letters.len());
    }
    Boundaries(boundaries)
}

/// Do the characters before and at this place belong together?
fn are_joined(letters: &[char], at: usize) -> bool {
    let (before, here) = (letters[at - 1], letters[at]);
    let (first, last) = (
        at.checked_sub(2).map_or(' ', |n| letters[n]),
        letters.get(at + 1).copied().unwrap_or(' '),
    );
    let is_word = |letter: char| letter.is_alphabetic() || letter.is_ascii_digit();
    let in_word = |sign: char| matches!(sign, '"' | '\'' | '-' | '.' | '_');
    let in_number = |sign: char| matches!(sign, '"' | '\'' | ',' | '.');
    let is_digit = |letter: char| letter.is_ascii_digit();
    let is_letter = |letter: char| letter.is_alphabetic();
    match (before, here) {
        (a, b) if is_word(a) && is_word(b) => true,
        // Blanks up to the end of their line.
        (' ' | '\t', b) if is_blank(b) => true,
        ('\r', '\n') => true,
        (a, sign) if is_letter(a) && in_word(sign) => is_letter(last),
        (sign, b) if in_word(sign) && is_letter(b) => is_letter(first),
        (a, '%' | '&') if is_digit(a) => true,
        (a, sign) if is_digit(a) && in_number(sign) => is_digit(last),
        ('#' | '$' | '.', b) if is_digit(b) => true,
        (sign, b) if in_number(sign) && is_digit(b) => is_digit(first),
        _ => false,
    }
}
