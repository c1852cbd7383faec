//! What groups dead letters of one cause: operation, code, store, and the message without what
//! differs from one event to the next. Pure.

use crate::outcome::DeadReason;
use sha2::{Digest, Sha256};

/// Twelve hexadecimal digits that equal causes share.
pub fn cause_fingerprint(operation: &str, reason: &DeadReason) -> String {
    let store = reason.store.as_deref().unwrap_or_default();
    let shape = message_shape(&reason.message);
    let hash = Sha256::new()
        .chain_update([operation, &reason.code, store, &shape].join("\n"))
        .finalize();
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The message with a mark for every word that holds a digit, and for everything in quotes: ids,
/// numbers, values. What stands in brackets names fields and types, and tells causes apart. An
/// apostrophe inside or at the end of a word opens no quote.
fn message_shape(message: &str) -> String {
    let mut shape = String::with_capacity(message.len());
    let mut word = String::new();
    let mut quote = None;
    let mut characters = message.chars();
    while let Some(c) = characters.next() {
        if let Some(end) = quote {
            if c == end {
                quote = None;
                shape.push('#');
            }
            continue;
        }
        if c.is_alphanumeric() || c == '_' || c == '-' {
            word.push(c);
            continue;
        }
        let is_inside = !word.is_empty();
        close_word(&mut word, &mut shape);
        match c {
            '\'' if is_inside => shape.push(c),
            '\'' | '"' | '`' if characters.as_str().contains(c) => quote = Some(c),
            c => shape.push(c),
        }
    }
    close_word(&mut word, &mut shape);
    shape
}

fn close_word(word: &mut String, shape: &mut String) {
    if word.chars().any(|c| c.is_ascii_digit()) {
        shape.push('#');
    } else {
        shape.push_str(word);
    }
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(operation: &str, code: &str, message: &str) -> String {
        let reason = DeadReason {
            code: code.into(),
            message: message.into(),
            store: Some("elasticsearch".into()),
        };
        cause_fingerprint(operation, &reason)
    }

    #[test]
    fn ids_and_numbers_do_not_matter_and_everything_else_does() {
        let one = of(
            "user.create",
            "mapper_parsing_exception",
            "failed to parse field [age] of type [long] in document with id '8f2c'. Preview of field's value: 'x1'",
        );
        let other = of(
            "user.create",
            "mapper_parsing_exception",
            "failed to parse field [age] of type [long] in document with id '77'. Preview of field's value: 'forty two'",
        );
        assert_eq!(one, other);
        let born = of(
            "user.create",
            "mapper_parsing_exception",
            "failed to parse field [born] of type [date] in document with id '77'. Preview of field's value: 'forty'",
        );
        assert_ne!(one, born, "another field is another cause");
        assert_eq!(
            of("a", "c", "row 17 of user-4711"),
            of("a", "c", "row 18 of user-9")
        );
        assert_ne!(of("a", "c", "too long"), of("a", "c", "too short"));
        assert_ne!(of("a", "c", "x"), of("b", "c", "x"));
        assert_ne!(of("a", "c", "x"), of("a", "d", "x"));
        assert_eq!(of("a", "c", "x").len(), 12);
    }
}
