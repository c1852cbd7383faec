//! The fields that the text of a `query_string` names: `field:word`, `_exists_:field`. The text is not
//! parsed, for the index does that; no name may be missed, however it is escaped.

use super::refuse_ours;
use store::StoreError;

/// Refuses a text that names a field of the index itself.
pub(super) fn check(text: &str, at: &str) -> Result<(), StoreError> {
    let mut names = NameReading::default();
    let (mut letters, mut in_quotes) = (text.chars(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = escaped(&mut letters);
                if !in_quotes || names.is_awaited {
                    names.letter(escaped, at)?;
                }
            }
            '"' => {
                names.end(at)?;
                in_quotes = !in_quotes;
            }
            _ if in_quotes && !names.is_awaited => {}
            letter if in_quotes => names.letter(letter, at)?,
            ':' => names.colon(at)?,
            letter if letter.is_whitespace() => names.is_over = true,
            '(' | ')' | '[' | ']' | '{' | '}' | '^' | '~' | '/' | '!' => names.end(at)?,
            // Within a word they are letters of it.
            '+' | '-' | '&' | '|' if names.word.is_empty() || names.is_over => names.end(at)?,
            letter => names.letter(letter, at)?,
        }
    }
    names.end(at)
}

/// The letter behind a backslash, which may be its number.
fn escaped(letters: &mut std::str::Chars<'_>) -> char {
    let Some(letter) = letters.next() else {
        return '\\';
    };
    let digits = letters.as_str().get(..4).filter(|_| letter == 'u');
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(numbered) = number.and_then(char::from_u32) else {
        return letter;
    };
    letters.nth(3);
    numbered
}

#[derive(Default)]
struct NameReading {
    word: String,
    /// Blanks follow the word; a colon may still come.
    is_over: bool,
    /// The next word is the name of a field.
    is_awaited: bool,
}

impl NameReading {
    fn letter(&mut self, letter: char, at: &str) -> Result<(), StoreError> {
        if self.is_over {
            self.end(at)?;
        }
        self.word.push(letter);
        Ok(())
    }

    fn colon(&mut self, at: &str) -> Result<(), StoreError> {
        refuse_ours(&self.word, at)?;
        self.is_awaited = self.word == "_exists_";
        self.word.clear();
        self.is_over = false;
        Ok(())
    }

    fn end(&mut self, at: &str) -> Result<(), StoreError> {
        if self.is_awaited && !self.word.is_empty() {
            refuse_ours(&self.word, at)?;
            self.is_awaited = false;
        }
        self.word.clear();
        self.is_over = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_are_found_however_they_are_written() {
        for text in [
            "_index:x",
            "a AND (b _routing : x)",
            r"\_index:x",
            r"_in\dex:x",
            r"\u005findex:x",
            "+_seq_no:[1 TO 2]",
            "-_consign.request:r",
            "_exists_:_version",
            "_exists_: _version",
            r#"_exists_:"_version""#,
            "_exists_:(_version)",
            "x_exists_ _index:(a b)",
        ] {
            assert!(check(text, "").is_err(), "{text} was passed on");
        }
        for text in [
            "",
            "_index",
            "a:_index",
            r#""_index:x" b"#,
            r"_index\:x",
            "_kuzzle_info.author:x",
            "_exists_:_kuzzle_info.author _index",
            "_id:x",
            "my_index:x",
            "a-_index:x",
            "\\",
            r"\u00",
        ] {
            assert!(check(text, "").is_ok(), "{text} was refused");
        }
    }
}
