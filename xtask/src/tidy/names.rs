//! Types of the product that share their name: a stranger who searches for one finds several. Knows
//! names and where they are declared, never what they mean.

use std::collections::BTreeMap;

use super::files::Source;
use crate::rust_source::{Token, group_end, product};

/// One of each is what a reader expects of a module.
const EXPECTED: &[&str] = &["Config", "Arguments", "Command", "Error"];
/// More of one name need a line in the committed list.
const FREE: usize = 2;

/// Declarations by name: the files, once for each.
pub(super) type Declared = BTreeMap<String, Vec<String>>;

/// Every struct, enum, union, trait and free-standing alias of these files.
pub(super) fn declared<'a>(sources: impl Iterator<Item = &'a Source>) -> Declared {
    let mut found = Declared::new();
    for source in sources {
        for name in types(&product(&source.text).tokens) {
            let files: &mut Vec<String> = found.entry(name).or_default();
            files.push(source.path.display().to_string());
        }
    }
    found
}

/// How many types bear a name that is not theirs alone.
pub(super) fn shared(declared: &Declared) -> usize {
    let shared = declared
        .iter()
        .filter(|(name, files)| files.len() > 1 && !EXPECTED.contains(&name.as_str()));
    shared.map(|(_, files)| files.len()).sum()
}

/// Names that more types bear than may without being listed.
pub(super) fn crowded(declared: &Declared) -> BTreeMap<String, usize> {
    let crowded = declared
        .iter()
        .filter(|(name, files)| files.len() > FREE && !EXPECTED.contains(&name.as_str()));
    crowded
        .map(|(name, files)| (name.clone(), files.len()))
        .collect()
}

fn types(tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let declares = ["struct", "enum", "union", "trait", "type"]
            .iter()
            .any(|word| token.is(word));
        let name = tokens.get(at + 1).and_then(Token::name);
        if declares && let Some(name) = name {
            found.push(name.to_owned());
        }
        // Types that belong to a trait or an implementation bear the name that the trait gives.
        if token.is("trait") && name.is_some() || is_implementation(tokens, at) {
            let open = (at..tokens.len()).find(|at| tokens[*at].is("{") || tokens[*at].is(";"));
            at = open.map_or(tokens.len(), |open| group_end(tokens, open).max(open + 1));
        } else {
            at += 1;
        }
    }
    found
}

/// `impl` at the beginning of an item, not in a type.
fn is_implementation(tokens: &[Token], at: usize) -> bool {
    let begins = at == 0
        || ["}", ";", "]", "{", "unsafe"]
            .iter()
            .any(|before| tokens[at - 1].is(before));
    tokens[at].is("impl") && begins
}

#[cfg(test)]
mod tests {
    use super::{crowded, declared, shared};
    use crate::tidy::files::Source;

    #[test]
    fn counts_types_of_one_name() {
        let text = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.to_owned(),
        };
        let sources = [
            text(
                "a.rs",
                "pub struct Place { x: u8 } enum Error { A } type Alias<T> = Vec<T>;",
            ),
            text(
                "b.rs",
                "trait Reader { type Item; fn f() -> impl Fn(); } struct Place; enum Error {}",
            ),
            text(
                "c.rs",
                "impl Iterator for Place { type Item = u8; } union Place { a: u8 } enum Error {}",
            ),
            text(
                "d.rs",
                "#[cfg(test)] mod tests { struct Alias; } fn f(x: impl Fn()) { struct Own; }",
            ),
        ];
        let declared = declared(sources.iter());
        assert_eq!(declared["Place"], ["a.rs", "b.rs", "c.rs"]);
        assert!(!declared.contains_key("Item"), "{declared:?}");
        assert_eq!(declared["Alias"].len(), 1);
        assert_eq!(declared["Own"].len(), 1);
        assert_eq!(
            crowded(&declared).into_iter().collect::<Vec<_>>(),
            [("Place".to_owned(), 3)],
            "what a reader expects is not counted"
        );
        assert_eq!(shared(&declared), 3);
    }
}
