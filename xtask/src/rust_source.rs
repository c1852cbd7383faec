//! Rust source as tokens: names and punctuation, with comments, texts and test code taken out. A
//! scanner, not a parser: it must never be relied on for what the compiler can say.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// What is left of a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Name(String),
    Mark(char),
    /// A text, a character, a number: its value is of no interest.
    Literal,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        match self {
            Self::Name(name) => name == text,
            Self::Mark(mark) => text.len() == 1 && text.starts_with(*mark),
            Self::Literal => false,
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Mark(_) | Self::Literal => None,
        }
    }
}

/// A file without its tests.
#[derive(Debug, Default)]
pub(crate) struct Product {
    pub(crate) tokens: Vec<Token>,
    /// Modules in files of their own that are declared for tests only.
    pub(crate) test_modules: Vec<String>,
}

/// Takes out every item under `#[cfg(test)]`.
pub(crate) fn product(text: &str) -> Product {
    let all = tokens(text);
    let mut product = Product::default();
    let mut at = 0;
    while at < all.len() {
        if !is_test_only(&all[at..]) {
            product.tokens.push(all[at].clone());
            at += 1;
            continue;
        }
        let end = item_end(&all, at);
        let item = &all[at..end];
        let declared = item.windows(3).find_map(|three| {
            let named = three[0].is("mod") && three[2].is(";");
            named.then(|| three[1].name()).flatten()
        });
        product.test_modules.extend(declared.map(str::to_owned));
        at = end;
    }
    product
}

/// Modules in files of their own that a text declares, those for tests as well.
pub(crate) fn declared_modules(text: &str) -> BTreeSet<String> {
    let all = tokens(text);
    let declared = all.windows(3).filter_map(|three| {
        let named = three[0].is("mod") && three[2].is(";");
        named.then(|| three[1].name()).flatten()
    });
    declared.map(str::to_owned).collect()
}

fn is_test_only(tokens: &[Token]) -> bool {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    tokens.len() > attribute.len()
        && attribute
            .iter()
            .zip(tokens)
            .all(|(text, token)| token.is(text))
}

/// Behind the item that begins here with an attribute: its `;`, or the end of its first block.
fn item_end(tokens: &[Token], begin: usize) -> usize {
    let mut at = begin;
    while tokens.get(at).is_some_and(|token| token.is("#")) {
        at = group_end(tokens, at + 1);
    }
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Mark(';') => return at + 1,
            Token::Mark('{') => return group_end(tokens, at),
            Token::Mark('(' | '[') => at = group_end(tokens, at),
            Token::Mark(_) | Token::Name(_) | Token::Literal => at += 1,
        }
    }
    tokens.len()
}

/// Behind the bracket that closes the one at `open`.
pub(crate) fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            Token::Mark(_) | Token::Name(_) | Token::Literal => {}
        }
    }
    tokens.len()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, block_comment(rest))
        } else if let Some(length) = text_literal(rest) {
            (Some(Token::Literal), length)
        } else if first == '\'' {
            (Some(Token::Literal), quoted(rest))
        } else if first.is_ascii_digit() {
            (Some(Token::Literal), word(rest))
        } else if first.is_alphabetic() || first == '_' {
            let raw = if rest.starts_with("r#") { 2 } else { 0 };
            let length = raw + word(&rest[raw..]);
            (Some(Token::Name(rest[raw..length].to_owned())), length)
        } else if first.is_whitespace() {
            (None, first.len_utf8())
        } else {
            (Some(Token::Mark(first)), first.len_utf8())
        };
        found.extend(token);
        rest = &rest[length.max(1).min(rest.len())..];
    }
    found
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// `"…"`, `b"…"`, `r#"…"#` and the like.
fn text_literal(text: &str) -> Option<usize> {
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    if prefix > 2 {
        return None;
    }
    let hashes = text[prefix..].find(|c| c != '#')?;
    let body = text[prefix + hashes..].strip_prefix('"')?;
    let start = text.len() - body.len();
    if text[..prefix].contains('r') {
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(
            body.find(&close)
                .map_or(text.len(), |at| start + at + close.len()),
        );
    }
    if hashes > 0 {
        return None;
    }
    Some(start + behind_quote(body, '"'))
}

/// A character or a lifetime.
fn quoted(text: &str) -> usize {
    let body = &text[1..];
    let mut letters = body.chars();
    match (letters.next(), letters.next()) {
        (Some('\\'), _) => 1 + behind_quote(body, '\''),
        (Some(one), Some('\'')) => 1 + one.len_utf8() + 1,
        _ => 1 + word(body),
    }
}

/// Bytes up to and with the closing quote.
fn behind_quote(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == quote {
            return at + letter.len_utf8();
        }
    }
    body.len()
}
