//! `xtask tidy`: what rots silently. Fails on a forbidden dependency, a new circle of modules, a
//! name that more types share than before, a vague file name, a missing header, a file that no
//! module declares, a store without the files of the others, a decision that no code names; prints
//! the longest files. Builds nothing.

mod allowed;
mod arrows;
mod decisions;
mod files;
mod log_words;
mod modules;
mod names;
mod orphans;
mod pages;
mod stores;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use allowed::Tolerated;
use anyhow::Result;
use arrows::Package;
use clap::Args;
use files::Source;

/// Of the packages that are no product: their types are nobody's search result.
const DEVELOPMENT: &[&str] = &["bench", "simulation", "system-tests", "testbed", "xtask"];

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Write the lists in xtask/allowed after they became shorter
    #[arg(long)]
    record: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let root = testbed::root();
    let packages = arrows::packages()?;
    let sources = files::sources(&root)?;
    let mut faults = arrows::check(&packages);
    faults.extend(files::check(&sources));
    faults.extend(orphans::check(&sources));
    faults.extend(stores::check(&sources));
    let decisions = decisions::decisions(&root)?;
    faults.extend(decisions::check(&root, &decisions, &sources)?);
    let product = |source: &&Source| {
        let mut parts = source.path.iter();
        !parts.any(|part| part == "tests" || part == "xtask" || part == "tests.rs")
    };
    faults.extend(log_words::check(&root, sources.iter().filter(product))?);
    faults.extend(pages::check(&root)?);
    faults.extend(tolerated(&root, &packages, &sources, options.record)?);
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    files::report(&sources);
    Ok(faults.is_empty())
}

/// Circles and names, held against the committed lists.
fn tolerated(
    root: &Path,
    packages: &[Package],
    sources: &[Source],
    record: bool,
) -> Result<Vec<String>> {
    let folder = |package: &Package| -> PathBuf {
        let folder = package.folder();
        folder.strip_prefix(root).unwrap_or(folder).join("src")
    };
    let graphs: BTreeMap<String, modules::Uses> = packages
        .iter()
        .map(|package| {
            (
                package.name.clone(),
                modules::uses(&folder(package), sources),
            )
        })
        .collect();
    let products: Vec<PathBuf> = packages
        .iter()
        .filter(|package| !DEVELOPMENT.contains(&package.name.as_str()))
        .map(folder)
        .collect();
    let declared = names::declared(sources.iter().filter(|source| {
        let mut parts = source.path.iter();
        let tests = parts.any(|part| part == "tests" || part == "tests.rs");
        !tests && products.iter().any(|p| source.path.starts_with(p))
    }));
    let all: usize = declared.values().map(Vec::len).sum();
    let found = Tolerated {
        circles: graphs
            .iter()
            .flat_map(|(krate, uses)| {
                let circles = modules::circles(uses).into_iter();
                circles.map(|circle| (krate.clone(), circle))
            })
            .collect(),
        shared: names::shared(&declared),
        crowded: names::crowded(&declared),
    };
    println!(
        "{} circles of modules; {} of {all} types share their name ({} %)",
        found.circles.len(),
        found.shared,
        found.shared * 100 / all.max(1),
    );
    let difference = found.against(&Tolerated::listed(root)?, &graphs, &declared);
    if record {
        allowed::record(root, &found, &difference)?;
        return Ok(Vec::new());
    }
    let smaller = |line| format!("{line}: `cargo run -p xtask -- tidy --record` writes that down");
    let better = difference.better.into_iter().map(smaller);
    Ok(difference.worse.into_iter().chain(better).collect())
}
