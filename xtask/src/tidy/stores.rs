//! Every store has the same files, so that whoever knows one finds their way in the others.

use std::{collections::BTreeMap, path::Path};

use super::files::Source;

/// Beside these, each has what its vendor asks for.
const EVERY_STORE: &[&str] = &[
    "lib.rs",
    "config.rs",
    "apply.rs",
    "read.rs",
    "classify.rs",
    "schema.rs",
    "health.rs",
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut stores: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    for source in sources {
        let Some(folder) = source.path.parent() else {
            continue;
        };
        let is_store = folder.ends_with("src")
            && folder
                .parent()
                .and_then(Path::file_name)
                .is_some_and(|name| name.to_string_lossy().starts_with("store-"));
        if is_store {
            let name = source.path.file_name().unwrap_or_default();
            let files = stores.entry(folder).or_default();
            files.push(name.to_string_lossy().into_owned());
        }
    }
    let missing = stores.into_iter().flat_map(|(folder, files)| {
        let missing = EVERY_STORE
            .iter()
            .filter(move |name| !files.iter().any(|file| file == *name));
        missing.map(move |name| format!("{}: a store without `{name}`", folder.display()))
    });
    missing.collect()
}

#[cfg(test)]
mod tests {
    use super::{EVERY_STORE, Source, check};

    #[test]
    fn a_store_without_one_of_the_files_is_named() {
        let source = |path: String| Source {
            path: path.into(),
            text: String::new(),
        };
        let mut sources: Vec<Source> = EVERY_STORE
            .iter()
            .map(|name| source(format!("crates/store-x/src/{name}")))
            .collect();
        sources.push(source("crates/store/src/lib.rs".to_owned()));
        assert_eq!(check(&sources), Vec::<String>::new());
        sources.remove(4);
        assert_eq!(
            check(&sources),
            ["crates/store-x/src: a store without `classify.rs`"]
        );
    }
}
