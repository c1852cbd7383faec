//! Which module of a crate uses which other, by `crate::…` and `super::…` in its product code, seen
//! from the crate's top: everything below `a` is `a`. The root (`lib.rs`) is no module of this
//! graph; what it re-exports belongs to the module that it comes from.

mod paths;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::files::Source;
use crate::rust_source::{Product, product};

/// From a module to those it uses, with one file that shows it.
pub(super) type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// One source file of a crate, where it stands in the tree of modules.
struct Module {
    path: Vec<String>,
    shown: String,
    product: Product,
}

/// The graph of the crate whose sources these are; `folder` holds its `lib.rs` or `main.rs`.
pub(super) fn uses(folder: &Path, sources: &[Source]) -> Uses {
    let inside = sources
        .iter()
        .filter_map(|source| Some((source, source.path.strip_prefix(folder).ok()?)));
    let mut modules: Vec<Module> = inside
        .map(|(source, path)| Module {
            path: module_path(path),
            shown: source.path.display().to_string(),
            product: product(&source.text),
        })
        .collect();
    let tests: Vec<Vec<String>> = modules.iter().flat_map(test_paths).collect();
    modules.retain(|module| !tests.iter().any(|test| module.path.starts_with(test)));
    let tops: BTreeSet<String> = modules
        .iter()
        .filter_map(|module| module.path.first().cloned())
        .collect();
    let exported: BTreeMap<String, String> = modules
        .iter()
        .filter(|module| module.path.is_empty())
        .flat_map(|root| paths::imported(&root.product.tokens))
        .filter_map(|(name, segments)| {
            let from = segments.iter().find(|segment| *segment != "self")?;
            tops.contains(from).then(|| (name, from.clone()))
        })
        .collect();
    let mut graph = Uses::new();
    for module in modules.iter().filter(|module| !module.path.is_empty()) {
        let from = graph.entry(module.path[0].clone()).or_default();
        for path in paths::named(&module.product.tokens, &module.path) {
            let Some(first) = path.first() else { continue };
            let to = if tops.contains(first) {
                Some(first)
            } else {
                exported.get(first)
            };
            if let Some(to) = to.filter(|to| **to != module.path[0]) {
                from.entry(to.clone())
                    .or_insert_with(|| module.shown.clone());
            }
        }
    }
    graph
}

/// Every set of two and more modules that reach each other.
pub(super) fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|module| (module.as_str(), reached(uses, module)))
        .collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (module, targets) in &reach {
        if !targets.contains(module) || found.iter().any(|circle| circle.contains(*module)) {
            continue;
        }
        let back = |other: &&&str| reach.get(**other).is_some_and(|r| r.contains(module));
        found.push(
            targets
                .iter()
                .filter(back)
                .map(|m| (*m).to_owned())
                .collect(),
        );
    }
    found
}

/// The arrows of one circle, each with the file that draws it.
pub(super) fn arrows(uses: &Uses, circle: &BTreeSet<String>) -> Vec<String> {
    let of = |from: &String| {
        let targets = uses.get(from).into_iter().flatten();
        let inside = targets.filter(|(to, _)| circle.contains(*to));
        inside
            .map(|(to, file)| format!("{from} -> {to} ({file})"))
            .collect::<Vec<_>>()
    };
    circle.iter().flat_map(of).collect()
}

fn reached<'a>(uses: &'a Uses, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(module) = open.pop() {
        for to in uses.get(module).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(to.as_str()) {
                open.push(to);
            }
        }
    }
    found
}

/// `a/b.rs` is `a::b`; `lib.rs` and `main.rs` are the root.
fn module_path(path: &Path) -> Vec<String> {
    let bare = path.with_extension("");
    let parts: Vec<String> = bare
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.len() == 1 && matches!(parts[0].as_str(), "lib" | "main") {
        Vec::new()
    } else {
        parts
    }
}

fn test_paths(module: &Module) -> Vec<Vec<String>> {
    let below = |name: &String| [module.path.as_slice(), std::slice::from_ref(name)].concat();
    module.product.test_modules.iter().map(below).collect()
}
