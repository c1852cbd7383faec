//! Paths that the pages name between backticks: each must exist. Looks at those that begin with a
//! folder of the root, as in `gateway/src/router.rs`; says nothing about what stands there.

use std::{fs, path::Path};

use anyhow::{Context, Result};

const PAGES: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut pages: Vec<_> = PAGES.iter().map(|page| root.join(page)).collect();
    for entry in fs::read_dir(root.join("docs")).context("docs")? {
        pages.push(entry?.path());
    }
    let mut faults = Vec::new();
    for page in pages
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
    {
        let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
        let shown = page.strip_prefix(root).unwrap_or(page).display();
        // A module is named without its ending.
        let is_there = |p: &str| root.join(p).exists() || root.join(format!("{p}.rs")).exists();
        let named = paths(&text, root).into_iter();
        let gone = named.filter(|path| !is_there(path));
        faults.extend(gone.map(|path| format!("{shown}: there is no {path}")));
    }
    Ok(faults)
}

/// Those that begin with a folder that exists, up to the first letter that is no part of a path.
fn paths<'a>(text: &'a str, root: &Path) -> Vec<&'a str> {
    let of_path = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
    let mut found = Vec::new();
    for line in text.lines() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let end = quoted.find(|c| !of_path(c)).unwrap_or(quoted.len());
            let (path, rest) = quoted.split_at(end);
            let whole = rest.is_empty() || rest.starts_with([':', ' ']);
            let Some((first, _)) = path.split_once('/') else {
                continue;
            };
            if whole && !first.is_empty() && first != "target" && root.join(first).is_dir() {
                found.push(path);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::check;

    #[test]
    fn a_path_that_is_gone_is_found() {
        let root = tempfile::tempdir().expect("folder");
        fs::create_dir_all(root.path().join("docs")).expect("folder");
        fs::create_dir_all(root.path().join("src")).expect("folder");
        fs::write(root.path().join("src/lane.rs"), "").expect("file");
        let text = "`src/lane.rs: take`, `src/lane`, `src/gone.rs`, `src/NOUN/x.rs`, `/readyz`, `index/collection`, `src`";
        for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
            fs::write(root.path().join(page), "nothing").expect("file");
        }
        fs::write(root.path().join("docs/page.md"), text).expect("file");
        assert_eq!(
            check(root.path()).expect("read"),
            ["docs/page.md: there is no src/gone.rs"]
        );
    }
}
