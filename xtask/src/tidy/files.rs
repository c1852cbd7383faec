//! Names, headers and lengths of the source files. Lengths are shown, not judged: a few long files
//! are right to be long.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Say nothing about what is inside.
const VAGUE: &[&str] = &[
    "mod", "utils", "util", "helpers", "helper", "common", "misc", "shared", "types", "models",
    "manager",
];
const SKIPPED: &[&str] = &["target", "node_modules", "data"];
const LONG: usize = 500;

#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    fn lines(&self) -> usize {
        self.text.lines().count()
    }
}

/// Every `.rs` file of ours, paths from the root on.
pub(super) fn sources(root: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !path.is_symlink() {
                if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                found.push(Source {
                    path: path.strip_prefix(root)?.to_path_buf(),
                    text,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let shown = source.path.display();
        for part in source.path.with_extension("").iter() {
            let part = part.to_string_lossy();
            if VAGUE.contains(&part.as_ref()) {
                faults.push(format!("{shown}: `{part}` does not say what the thing is"));
            }
        }
        let unit_tests = source.path.ends_with("tests.rs"); // its name and its neighbour say what it is
        if !unit_tests && !source.text.starts_with("//!") {
            faults.push(format!(
                "{shown}: begins without a `//!` header that says what it is and must never do"
            ));
        }
    }
    faults
}

pub(super) fn report(sources: &[Source]) {
    let mut lengths: Vec<usize> = sources.iter().map(Source::lines).collect();
    lengths.sort_unstable();
    let at = |share: usize| {
        lengths
            .get(lengths.len() * share / 100)
            .copied()
            .unwrap_or(0)
    };
    println!(
        "{} source files; lines: median {}, p90 {}",
        lengths.len(),
        at(50),
        at(90)
    );
    let mut long: Vec<&Source> = sources.iter().filter(|s| s.lines() > LONG).collect();
    long.sort_by_key(|s| std::cmp::Reverse(s.lines()));
    for source in long {
        println!("{:>6}  {}", source.lines(), source.path.display());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{check, sources};

    #[test]
    fn finds_vague_names_and_missing_headers() {
        let root = tempfile::tempdir().expect("folder");
        for (path, text) in [
            ("good/src/lib.rs", "//! Good.\n"),
            ("good/src/utils.rs", "//! Vague.\n"),
            ("good/common/x.rs", "//! Vague folder.\n"),
            ("good/src/bare.rs", "fn main() {}\n"),
            ("target/debug/mod.rs", "generated\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            fs::write(path, text).expect("file");
        }
        let faults = check(&sources(root.path()).expect("read"));
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(
            faults[0].contains("`common`")
                && faults[1].contains("bare.rs")
                && faults[2].contains("`utils`"),
            "{faults:?}"
        );
    }
}
