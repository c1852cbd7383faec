//! The committed lists of what is tolerated for now. They may only shrink: what is worse than its
//! line fails, and so does what is better, until the line says so.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{modules, names};

const CIRCLES: &str = "xtask/allowed/circles.txt";
const NAMES: &str = "xtask/allowed/names.txt";
const ABOUT_CIRCLES: &str = "\
# Modules of one crate that use each other in a circle, a line for each circle. It may only shrink;
# `cargo run -p xtask -- tidy --record` writes it after it did.
";
const ABOUT_NAMES: &str = "\
# How many types of the product share their name with another; then the names that more than two
# bear. It may only shrink; `cargo run -p xtask -- tidy --record` writes it after it did.
";
/// The line of the names' list that counts all that share theirs.
const SHARED: &str = "all";
/// So many fewer of them need not be written down yet.
const SLACK: usize = 10;

/// What the sources hold of both.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tolerated {
    pub(super) circles: BTreeSet<(String, BTreeSet<String>)>,
    pub(super) shared: usize,
    pub(super) crowded: BTreeMap<String, usize>,
}

/// What differs from the lists: `worse` must be mended, `better` must be written down.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) worse: Vec<String>,
    pub(super) better: Vec<String>,
}

impl Tolerated {
    pub(super) fn listed(root: &Path) -> Result<Self> {
        let mut listed = Self::default();
        for line in lines(root, CIRCLES)? {
            let (krate, modules) = line
                .split_once(": ")
                .with_context(|| format!("{CIRCLES}: `{line}` is no circle"))?;
            let modules = modules.split(' ').map(str::to_owned).collect();
            listed.circles.insert((krate.to_owned(), modules));
        }
        for line in lines(root, NAMES)? {
            let (name, count) = line
                .split_once(' ')
                .with_context(|| format!("{NAMES}: `{line}` is no name with a number"))?;
            let count = count.parse().with_context(|| format!("{NAMES}: {line}"))?;
            if name == SHARED {
                listed.shared = count;
            } else {
                listed.crowded.insert(name.to_owned(), count);
            }
        }
        Ok(listed)
    }

    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let mut circles = ABOUT_CIRCLES.to_owned();
        for (krate, modules) in &self.circles {
            let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
            writeln!(circles, "{krate}: {}", modules.join(" "))?;
        }
        let mut names = format!("{ABOUT_NAMES}{SHARED} {}\n", self.shared);
        for (name, count) in &self.crowded {
            writeln!(names, "{name} {count}")?;
        }
        for (path, text) in [(CIRCLES, circles), (NAMES, names)] {
            fs::write(root.join(path), text).with_context(|| format!("cannot write {path}"))?;
        }
        Ok(())
    }

    /// Holds what is against what is listed.
    pub(super) fn against(
        &self,
        listed: &Self,
        graphs: &BTreeMap<String, modules::Uses>,
        declared: &names::Declared,
    ) -> Difference {
        let mut difference = Difference::default();
        for (krate, circle) in self.circles.difference(&listed.circles) {
            let known = |(other, modules): &(String, BTreeSet<String>)| {
                other == krate && circle.is_subset(modules)
            };
            let modules: Vec<&str> = circle.iter().map(String::as_str).collect();
            let shown = modules.join(" ");
            if listed.circles.iter().any(known) {
                let better = format!("{krate}: the circle is smaller now: {shown}");
                difference.better.push(better);
            } else {
                let arrows = graphs.get(krate).map(|uses| modules::arrows(uses, circle));
                let arrows = arrows.unwrap_or_default().join("\n    ");
                let worse = format!("{krate}: these modules use each other: {shown}\n    {arrows}");
                difference.worse.push(worse);
            }
        }
        for (krate, circle) in listed.circles.difference(&self.circles) {
            let left = |(other, modules): &(String, BTreeSet<String>)| {
                other == krate && !modules.is_disjoint(circle)
            };
            if !self.circles.iter().any(left) {
                let modules: Vec<&str> = circle.iter().map(String::as_str).collect();
                let better = format!("{krate}: no circle any more: {}", modules.join(" "));
                difference.better.push(better);
            }
        }
        self.names_against(listed, declared, &mut difference);
        difference
    }

    fn names_against(
        &self,
        listed: &Self,
        declared: &names::Declared,
        difference: &mut Difference,
    ) {
        let (now, ceiling) = (self.shared, listed.shared);
        let line = format!("{now} types share their name with another; listed: {ceiling}");
        if now > ceiling {
            difference.worse.push(line);
        } else if now + SLACK <= ceiling {
            difference.better.push(line);
        }
        let all: BTreeSet<&String> = self.crowded.keys().chain(listed.crowded.keys()).collect();
        for name in all {
            let count = |of: &Self| of.crowded.get(name).copied().unwrap_or(0);
            let files = declared.get(name).map_or(String::new(), |f| f.join(", "));
            let (now, ceiling) = (count(self), count(listed));
            let line = format!("{now} types are called {name}; listed: {ceiling} ({files})");
            if now > ceiling {
                difference.worse.push(line);
            } else if now < ceiling {
                difference.better.push(line);
            }
        }
    }
}

fn lines(root: &Path, path: &str) -> Result<Vec<String>> {
    let full: PathBuf = root.join(path);
    let text = fs::read_to_string(&full).with_context(|| format!("cannot read {path}"))?;
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Writes the lists if nothing became worse.
pub(super) fn record(root: &Path, found: &Tolerated, difference: &Difference) -> Result<()> {
    ensure!(
        difference.worse.is_empty(),
        "the lists may only shrink: mend what is worse first"
    );
    found.write(root)
}
