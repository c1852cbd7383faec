//! The pieces of a text in Lucene's query language: words, quotations, ranges, signs.

use super::super::AskedFields;
use store::StoreError;

#[derive(Clone, Debug, PartialEq)]
pub enum QueryToken {
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    Colon,
    Boost(String),
    Tilde(String),
    /// Its escapes taken off, and whether it has letters that stand for others.
    Word {
        text: String,
        pattern: Option<String>,
    },
    Quoted(String),
    Range {
        from: String,
        to: String,
        is_from: bool,
        is_to: bool,
    },
}

/// Cuts the text; letters behind a backslash are themselves.
pub fn cut_tokens(asked: &AskedFields<'_>, text: &str) -> Result<Vec<QueryToken>, StoreError> {
    let letters: Vec<char> = text.chars().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        let is_operator =
            letters.get(at).is_some_and(|next| is_blank(*next)) || at == letters.len();
        all.push(match letter {
            _ if is_blank(letter) => continue,
            '+' | '-' | '!' if is_operator => return asked.refuse("an operator that stands alone"),
            '+' => QueryToken::Plus,
            '-' => QueryToken::Minus,
            '!' => QueryToken::Not,
            '(' => QueryToken::Open,
            ')' => QueryToken::Close,
            ':' => QueryToken::Colon,
            '^' => QueryToken::Boost(take_digits(&letters, &mut at)),
            '~' => QueryToken::Tilde(take_digits(&letters, &mut at)),
            '"' => QueryToken::Quoted(take_quoted(asked, &letters, &mut at)?),
            '[' | '{' => take_range(asked, letter == '[', &letters, &mut at)?,
            '/' => return asked.refuse("a regular expression"),
            ']' | '}' => return asked.malformed("a range has no beginning"),
            _ => {
                at -= 1;
                take_word(asked, &letters, &mut at)?
            }
        });
    }
    Ok(all)
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{3000}')
}

fn take_digits(letters: &[char], at: &mut usize) -> String {
    let rest = letters.get(*at..).unwrap_or_default().iter();
    let text: String = rest
        .take_while(|letter| letter.is_ascii_digit() || **letter == '.')
        .collect();
    *at += text.len();
    text
}

fn take_quoted(
    asked: &AskedFields<'_>,
    letters: &[char],
    at: &mut usize,
) -> Result<String, StoreError> {
    let mut text = String::new();
    loop {
        match letters.get(*at) {
            None => return asked.malformed("a quotation has no end"),
            Some('"') => {
                *at += 1;
                return Ok(text);
            }
            Some('\\') => {
                *at += 1;
                let next = letters.get(*at);
                text.push(*next.map_or_else(|| asked.malformed("a quotation has no end"), Ok)?);
            }
            Some(letter) => text.push(*letter),
        }
        *at += 1;
    }
}

/// `[a TO b}`, up to its closing bracket.
fn take_range(
    asked: &AskedFields<'_>,
    is_from: bool,
    letters: &[char],
    at: &mut usize,
) -> Result<QueryToken, StoreError> {
    let rest = letters.get(*at..).unwrap_or_default();
    let Some(length) = rest.iter().position(|letter| matches!(letter, ']' | '}')) else {
        return asked.malformed("a range has no end");
    };
    let text: String = rest[..length].iter().collect();
    let is_to = rest[length] == ']';
    *at += length + 1;
    let parts: Vec<&str> = text.split_whitespace().collect();
    if text.contains(['"', '\\']) {
        return asked.refuse("quotations in a range");
    }
    match parts.as_slice() {
        [from, "TO", to] => Ok(QueryToken::Range {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            is_from,
            is_to,
        }),
        _ => asked.malformed("a range is `[from TO to]`"),
    }
}

fn take_word(
    asked: &AskedFields<'_>,
    letters: &[char],
    at: &mut usize,
) -> Result<QueryToken, StoreError> {
    let (mut text, mut pattern, mut is_pattern) = (String::new(), String::new(), false);
    let mut has_escapes = false;
    while let Some(letter) = letters.get(*at).copied() {
        match letter {
            _ if is_blank(letter) => break,
            '!' | '(' | ')' | ':' | '^' | '[' | ']' | '"' | '{' | '}' | '~' | '/' => break,
            '\\' => {
                *at += 1;
                let Some(next) = letters.get(*at).copied() else {
                    return asked.malformed("nothing stands behind a backslash");
                };
                if next == 'u' {
                    return asked.refuse("`\\u`");
                }
                has_escapes = true;
                text.push(next);
                pattern.extend(['\\', next]);
            }
            '*' | '?' => {
                is_pattern = true;
                text.push(letter);
                pattern.push(letter);
            }
            _ => {
                text.push(letter);
                pattern.push(letter);
            }
        }
        *at += 1;
    }
    Ok(match text.as_str() {
        _ if is_pattern && has_escapes => return asked.refuse("escapes in a pattern"),
        "AND" | "&&" if !has_escapes => QueryToken::And,
        "OR" | "||" if !has_escapes => QueryToken::Or,
        "NOT" if !has_escapes => QueryToken::Not,
        _ => QueryToken::Word {
            text,
            pattern: is_pattern.then_some(pattern),
        },
    })
}
