//! Decision records and the code that they explain: each is named by a `//!` line of a file that it
//! governs, and none is named that does not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

use super::files::Source;

const FOLDER: &str = "docs/adr";
const INDEX: &str = "README.md";

/// Number and file name of each.
pub(super) fn decisions(root: &Path) -> Result<BTreeMap<u32, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root.join(FOLDER)).context(FOLDER)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.split('-').next().and_then(|n| n.parse().ok()) {
            found.insert(number, name);
        }
    }
    Ok(found)
}

pub(super) fn check(
    root: &Path,
    decisions: &BTreeMap<u32, String>,
    sources: &[Source],
) -> Result<Vec<String>> {
    let index = fs::read_to_string(root.join(FOLDER).join(INDEX)).context("docs/adr/README.md")?;
    let mut faults = not_linked(decisions, sources);
    let unlisted = decisions.values().filter(|name| !index.contains(*name));
    faults.extend(unlisted.map(|name| format!("{FOLDER}/{INDEX} does not list {name}")));
    Ok(faults)
}

fn not_linked(decisions: &BTreeMap<u32, String>, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut owned = BTreeSet::new();
    for source in sources {
        for line in source.text.lines().map(str::trim_start) {
            if !line.starts_with("//") {
                continue;
            }
            for number in named(line) {
                if !decisions.contains_key(&number) {
                    let shown = source.path.display();
                    faults.push(format!("{shown}: there is no ADR {number} in {FOLDER}"));
                } else if line.starts_with("//!") {
                    owned.insert(number);
                }
            }
        }
    }
    let orphans = decisions
        .iter()
        .filter(|(number, _)| !owned.contains(*number));
    faults.extend(orphans.map(|(number, name)| {
        format!("{FOLDER}/{name}: no file says `//! See ADR {number}.` in its header")
    }));
    faults
}

/// The numbers behind each `ADR` of a line.
fn named(line: &str) -> Vec<u32> {
    let behind = line.split("ADR ").skip(1);
    let digits = behind.map(|rest| rest.chars().take_while(char::is_ascii_digit));
    digits
        .filter_map(|digits| digits.collect::<String>().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::not_linked;
    use crate::tidy::files::Source;

    #[test]
    fn links_are_checked_both_ways() {
        let source = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.to_owned(),
        };
        let sources = [
            source("a.rs", "//! A.\n//! See ADR 1.\n"),
            source(
                "b.rs",
                "//! B.\nfn b() {} // ADR 2 is only mentioned\n    // ADR 7\n",
            ),
        ];
        let decisions = [(1, "0001-one.md"), (2, "0002-two.md")].map(|(n, f)| (n, f.to_owned()));
        assert_eq!(
            not_linked(&decisions.into(), &sources),
            [
                "b.rs: there is no ADR 7 in docs/adr",
                "docs/adr/0002-two.md: no file says `//! See ADR 2.` in its header"
            ]
        );
    }
}
