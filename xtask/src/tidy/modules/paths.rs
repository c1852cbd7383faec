//! The paths that source text names, resolved from the root of its crate. Knows nothing of what
//! exists there.

use crate::rust_source::Token;

/// Every path that begins with `crate` or `super`, in a file whose module is `module`. Inline
/// modules are one level more.
pub(super) fn named(tokens: &[Token], module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                if inline.last().is_some_and(|(_, open)| *open == depth) {
                    inline.pop();
                }
            }
            Token::Name(name) if name == "mod" && is(tokens, at + 2, "{") => {
                let name = tokens.get(at + 1).and_then(Token::name);
                inline.push((name.unwrap_or_default().to_owned(), depth));
            }
            Token::Name(name) if is_path(tokens, at) => {
                let here: Vec<String> = module
                    .iter()
                    .cloned()
                    .chain(inline.iter().map(|(name, _)| name.clone()))
                    .collect();
                let begins = match name.as_str() {
                    "crate" => Some((Vec::new(), at)),
                    "super" if !continues(tokens, at) => Some(above(tokens, at, here)),
                    _ => None,
                };
                if let Some((base, at)) = begins {
                    branch(tokens, at + 3, &base, &mut |path, _| found.push(path));
                }
            }
            Token::Name(_) | Token::Mark(_) | Token::Literal => {}
        }
    }
    found
}

/// What the `use` items of a root bring into scope: the name, and the path behind it.
pub(super) fn imported(tokens: &[Token]) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].is("use")) {
        let mut leaf = |path: Vec<String>, renamed: Option<String>| {
            let path: Vec<String> = path.into_iter().filter(|part| part != "crate").collect();
            let last = path.iter().rfind(|part| *part != "self").cloned();
            found.extend(renamed.or(last).map(|name| (name, path)));
        };
        branch(tokens, at + 1, &[], &mut leaf);
    }
    found
}

/// The `super`s of a path are gone through; the last of them stays where it is.
fn above(tokens: &[Token], mut at: usize, mut here: Vec<String>) -> (Vec<String>, usize) {
    here.pop();
    while is(tokens, at + 3, "super") && is_path(tokens, at + 3) {
        here.pop();
        at += 3;
    }
    (here, at)
}

/// One tree of a `use`, or a plain path: `a::{b, c as d}` has two leaves. Behind it when done.
fn branch(
    tokens: &[Token],
    mut at: usize,
    base: &[String],
    leaf: &mut impl FnMut(Vec<String>, Option<String>),
) -> usize {
    let mut path = base.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Mark('{')) => {
                at += 1;
                while tokens.get(at).is_some() && !is(tokens, at, "}") {
                    let behind = branch(tokens, at, &path, leaf);
                    at = behind.max(at + 1);
                    if is(tokens, at, ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(Token::Name(name)) => {
                path.push(name.clone());
                if is_path(tokens, at) {
                    at += 3;
                    continue;
                }
                let renamed = is(tokens, at + 1, "as").then(|| tokens.get(at + 2)?.name());
                let renamed = renamed.flatten().map(str::to_owned);
                let behind = at + if renamed.is_some() { 3 } else { 1 };
                leaf(path, renamed);
                return behind;
            }
            Some(Token::Mark('*')) => {
                leaf(path, None);
                return at + 1;
            }
            Some(Token::Mark(_) | Token::Literal) | None => {
                leaf(path, None);
                return at;
            }
        }
    }
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.is(text))
}

/// Does `::` follow?
fn is_path(tokens: &[Token], at: usize) -> bool {
    is(tokens, at + 1, ":") && is(tokens, at + 2, ":")
}

/// Does `::` stand before?
fn continues(tokens: &[Token], at: usize) -> bool {
    at >= 2 && is(tokens, at - 1, ":") && is(tokens, at - 2, ":")
}
