use std::path::Path;

use super::{arrows, circles, uses};
use crate::tidy::files::Source;

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.into(),
        text: text.to_owned(),
    }
}

fn graph(files: &[(&str, &str)]) -> super::Uses {
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| source(&format!("x/src/{path}"), text))
        .collect();
    uses(Path::new("x/src"), &sources)
}

fn drawn(uses: &super::Uses) -> Vec<String> {
    let of = |(from, targets): (&String, &std::collections::BTreeMap<String, String>)| {
        targets
            .keys()
            .map(|to| format!("{from}>{to}"))
            .collect::<Vec<_>>()
    };
    uses.iter().flat_map(of).collect()
}

#[test]
fn paths_of_all_shapes_are_arrows() {
    let uses = graph(&[
        (
            "lib.rs",
            "mod a; mod b; mod c; mod d; pub use c::{Thing as Other, self as named}; struct Own;",
        ),
        (
            "a.rs",
            "use crate::b::{X, y::{self, Z}}; fn f(_: crate::Other) { super::d::g::<u8>() }",
        ),
        ("b/deep.rs", "use super::super::c; use super::inner;"),
        (
            "c.rs",
            "mod inline { use super::super::d as e; use super::own; } fn f(_: crate::Own) {}",
        ),
        ("d.rs", "// crate::a\nconst X: &str = \"crate::a\";"),
    ]);
    assert_eq!(drawn(&uses), ["a>b", "a>c", "a>d", "b>c", "c>d"]);
    assert!(circles(&uses).is_empty());
}

#[test]
fn tests_draw_no_arrows() {
    let uses = graph(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod c;"),
        ("a.rs", "#[cfg(test)] mod tests;"),
        ("a/tests.rs", "use crate::b::X;"),
        (
            "b.rs",
            "use crate::a; #[cfg(test)] mod tests { use crate::c; }",
        ),
        ("c.rs", "use crate::{a, b};"),
    ]);
    assert_eq!(drawn(&uses), ["b>a"]);
}

#[test]
fn circles_are_found_whole_and_each_once() {
    let uses = graph(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f;"),
        ("a.rs", "use crate::b;"),
        ("b/x.rs", "use crate::c;"),
        ("c.rs", "use crate::{a, d};"),
        ("d.rs", "use crate::e;"),
        ("e.rs", "use crate::d;"),
        ("f.rs", "use crate::{a, d};"),
    ]);
    let found = circles(&uses);
    let shown: Vec<String> = found
        .iter()
        .map(|circle| circle.iter().cloned().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shown, ["a b c", "d e"]);
    assert_eq!(
        arrows(&uses, &found[0]),
        [
            "a -> b (x/src/a.rs)",
            "b -> c (x/src/b/x.rs)",
            "c -> a (x/src/c.rs)"
        ]
    );
}
