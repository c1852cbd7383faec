//! Source files that no module declares: the compiler never sees them, so their tests show nothing.
//! A file is declared by the root of its folder (`main.rs`, `lib.rs`) or by the file that is named
//! as the folder is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::files::Source;
use crate::rust_source::declared_modules;

/// Folders of a package whose files are binaries of their own.
const OF_BINARIES: &[&str] = &["benches", "examples", "fuzz_targets", "tests"];
const ROOTS: &[&str] = &["build.rs", "lib.rs", "main.rs"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let declared: BTreeMap<&Path, BTreeSet<String>> = sources
        .iter()
        .map(|source| (source.path.as_path(), declared_modules(&source.text)))
        .collect();
    let is_orphan = |source: &&Source| {
        let mut parents = parents(&source.path).peekable();
        let name = source.path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy();
        parents.peek().is_some()
            && !parents.any(|parent| {
                let declares = declared.get(parent.as_path());
                declares.is_some_and(|names| names.contains(&*name))
            })
    };
    let orphans = sources.iter().filter(is_orphan);
    orphans
        .map(|source| {
            let shown = source.path.display();
            format!("{shown}: no module declares it, so it is never compiled")
        })
        .collect()
}

/// The files that may declare it; none for what is a root itself.
fn parents(file: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let of_folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_root = ROOTS.contains(&&*name)
        || OF_BINARIES.contains(&&*of_folder)
        || folder.ends_with("src/bin");
    let named = ["main.rs", "lib.rs"].map(|root| folder.join(root));
    let parents = named.into_iter().chain([folder.with_extension("rs")]);
    parents.filter(move |_| !is_root)
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    #[test]
    fn a_file_that_no_module_declares_is_found() {
        let source = |(path, text): (&str, &str)| Source {
            path: path.into(),
            text: text.into(),
        };
        let sources: Vec<Source> = [
            (
                "a/src/lib.rs",
                "mod lane;\npub(crate) mod mark;\n// mod ghost;",
            ),
            (
                "a/src/lane.rs",
                "#[cfg(test)]\nmod tests;\nmod inner { mod deep; }",
            ),
            ("a/src/lane/tests.rs", ""),
            ("a/src/mark.rs", ""),
            ("a/src/ghost.rs", ""),
            ("a/src/mark/lost.rs", ""),
            ("a/tests/it/main.rs", "mod told;"),
            ("a/tests/it/told.rs", ""),
            ("a/tests/it/untold.rs", ""),
            ("a/tests/laws.rs", ""),
        ]
        .map(source)
        .into();
        let named: Vec<String> = check(&sources)
            .into_iter()
            .filter_map(|fault| Some(fault.split_once(':')?.0.to_owned()))
            .collect();
        assert_eq!(
            named,
            [
                "a/src/ghost.rs",
                "a/src/mark/lost.rs",
                "a/tests/it/untold.rs"
            ]
        );
    }
}
