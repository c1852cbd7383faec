//! What is shown in the place of sealed values, and of plain ones in messages.

use crate::cipher::{KeyId, PREFIX};
use std::{borrow::Cow, collections::BTreeSet};

/// Shown where a value may not be.
pub const MASK: &str = "•••";

/// Fewer letters say nothing, and would be found in every message.
const LEAST: usize = 4;

/// Is there anything sealed in a text?
pub fn has_sealed(text: &str) -> bool {
    text.contains(PREFIX)
}

/// The text, JSON or not, with the mask in the place of each sealed value.
pub fn mask_sealed(text: &str) -> Cow<'_, str> {
    if !has_sealed(text) {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        masked.push_str(&rest[..at]);
        masked.push_str(MASK);
        let behind = &rest[at + PREFIX.len()..];
        rest =
            behind.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// The ids of the keys that the sealed values of a text name.
pub fn keys_named(text: &str) -> BTreeSet<KeyId> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(PREFIX) {
        let sealed = &text[at..];
        let end = sealed[PREFIX.len()..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .map_or(sealed.len(), |end| PREFIX.len() + end);
        found.extend(KeyId::of_sealed(&sealed[..end]));
    }
    found
}

/// A message for people without the values that were plain only for a moment.
pub fn mask_values(message: &mut String, values: &[String]) {
    for value in values.iter().filter(|value| value.chars().count() >= LEAST) {
        // As it is, as programs fold it, and as texts in quotes spell it.
        let escaped = serde_json::Value::from(value.as_str()).to_string();
        let debug = format!("{value:?}");
        let inside = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
        for spelt in [
            value.clone(),
            inside(&escaped),
            inside(&debug),
            value.to_lowercase(),
            value.to_uppercase(),
        ] {
            if message.contains(&spelt) {
                *message = message.replace(&spelt, MASK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_values_are_masked_wherever_they_stand() {
        let text = r#"{"email":"sealed:1:AAAA-_b","name":"Meera","phone":"sealed:1:BB"}"#;
        let masked = mask_sealed(text);
        assert_eq!(masked, r#"{"email":"•••","name":"Meera","phone":"•••"}"#);
        assert_eq!(mask_sealed("sealed:1:x"), "•••");
        assert!(matches!(mask_sealed("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn messages_lose_what_was_plain() {
        let mut message =
            "there is a row identity/\"EMP-204\" and emp-204 already, not KL".to_owned();
        mask_values(&mut message, &["EMP-204".into(), "KL".into()]);
        assert_eq!(
            message,
            "there is a row identity/\"•••\" and ••• already, not KL"
        );
        let mut message = r#"there is "a\"quokka" and QUOKKA-1"#.to_owned();
        mask_values(&mut message, &["a\"quokka".into(), "quokka-1".into()]);
        assert_eq!(message, r#"there is "•••" and •••"#);
    }
}
