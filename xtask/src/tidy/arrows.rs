//! Which crate may depend on which, and which vendor belongs to which crate. The table below is the
//! law; cargo says what is.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::command::cargo;

/// What each crate may use of ours in what it ships. Tests (`[dev-dependencies]`) may use more: see
/// [`TEST_ONLY`].
const MAY_USE: &[(&str, &[&str])] = &[
    ("event-schema", &[]),
    ("runtime", &[]),
    ("segment-log", &[]),
    ("testbed", &[]),
    ("same-builds", &[]),
    ("seeded-dice", &[]),
    ("json-text", &[]),
    ("local-feedback", &["event-schema"]),
    ("catalog", &["event-schema", "json-text"]),
    ("field-values", &[]),
    ("outbound", &[]),
    ("rights", &[]),
    ("bearer-tokens", &["json-text", "outbound", "runtime"]),
    ("matching", &["field-values"]),
    ("subscriptions", &["event-schema"]),
    ("change-feed", &["event-schema", "matching"]),
    ("store", &["event-schema", "field-values"]),
    ("collections", &["event-schema", "runtime", "store"]),
    ("event-log", &["segment-log", "runtime"]),
    ("partition-owner", &["event-log", "runtime"]),
    ("spool", &["event-log", "segment-log", "runtime"]),
    ("spool-objects", &["event-log", "runtime", "spool", "store"]),
    ("replay", &["catalog", "event-schema", "sealing", "store"]),
    ("request-spans", &["runtime"]),
    ("sealing", &["catalog", "event-schema", "runtime", "store"]),
    ("security-log", &["event-log", "event-schema", "runtime"]),
    (
        "audit",
        &[
            "change-feed",
            "event-log",
            "event-schema",
            "runtime",
            "store",
        ],
    ),
    (
        "rebuild",
        &["audit", "event-log", "event-schema", "runtime", "store"],
    ),
    ("store-cassandra", &["store", "event-schema", "runtime"]),
    ("store-elasticsearch", &["store", "event-schema"]),
    ("store-embedded", &["store", "event-schema", "runtime"]),
    ("torture", &["runtime"]),
    ("websocket", &["runtime"]),
    (
        "gateway",
        &[
            "audit",
            "bearer-tokens",
            "event-schema",
            "field-values",
            "catalog",
            "collections",
            "event-log",
            "json-text",
            "local-feedback",
            "store",
            "matching",
            "outbound",
            "subscriptions",
            "change-feed",
            "replay",
            "request-spans",
            "rights",
            "runtime",
            "sealing",
            "security-log",
            "spool",
            "websocket",
        ],
    ),
    (
        "write-worker",
        &[
            "event-schema",
            "catalog",
            "change-feed",
            "event-log",
            "local-feedback",
            "partition-owner",
            "request-spans",
            "rights",
            "sealing",
            "store",
            "runtime",
        ],
    ),
    (
        "notifier-worker",
        &[
            "event-schema",
            "event-log",
            "matching",
            "partition-owner",
            "subscriptions",
            "change-feed",
            "request-spans",
            "runtime",
        ],
    ),
    (
        "standalone",
        &[
            "gateway",
            "write-worker",
            "notifier-worker",
            "event-schema",
            "catalog",
            "collections",
            "event-log",
            "sealing",
            "store",
            "store-embedded",
            "runtime",
        ],
    ),
];

/// May use everything; nothing may use them but what measures the product.
const TOP: &[&str] = &[
    "bench",
    "consign",
    "instruction-counts",
    "request-counts",
    "simulation",
    "system-tests",
    "xtask",
];
const MEASURES: [(&str, &str); 2] = [
    ("bench", "consign"),
    ("request-counts", "instruction-counts"),
];

/// Ours, but only under `[dev-dependencies]`.
const TEST_ONLY: &[&str] = &["same-builds", "seeded-dice", "testbed"];

/// A vendor's library and the only crates that name it. (`axum` in `bench`: a bare server of it is
/// the floor of two measurements; in `same-builds`: nothing uses it there. `rusqlite` in
/// `system-tests`: the file is read by other means than those that wrote it.)
const VENDORS: &[(&str, &[&str])] = &[
    ("rdkafka", &["event-log"]),
    ("scylla", &["store-cassandra"]),
    ("elasticsearch", &["store-elasticsearch"]),
    ("rusqlite", &["store-embedded", "system-tests"]),
    ("object_store", &["spool-objects"]),
    ("axum", &["bench", "gateway", "runtime", "same-builds"]),
];

/// Pure crates: no runtime, no network, no files.
const PURE: &[&str] = &[
    "event-schema",
    "catalog",
    "field-values",
    "matching",
    "rights",
    "store",
    "change-feed",
    "subscriptions",
];
const IMPURE: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "reqwest",
    "rdkafka",
    "scylla",
    "elasticsearch",
    "rusqlite",
];

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest_path: PathBuf,
    pub(super) dependencies: Vec<Dependency>,
}

impl Package {
    pub(super) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// Does it ship with this library, built with it or run by it?
    fn ships(&self, library: &str) -> bool {
        let mut shipped = self.dependencies.iter().filter(|d| d.is_shipped());
        shipped.any(|dependency| dependency.name == library)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `dev` or `build`; nothing for what is shipped.
    pub(super) kind: Option<String>,
}

impl Dependency {
    fn is_shipped(&self) -> bool {
        self.kind.as_deref() != Some("dev")
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

pub(super) fn packages() -> Result<Vec<Package>> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice::<Metadata>(&output.stdout)?.packages)
}

pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let forbidden = packages
        .iter()
        .flat_map(|package| check_package(package, &ours));
    forbidden.chain(stale(packages)).collect()
}

/// Rows that allow what nobody does: they would let it come back unseen.
fn stale(packages: &[Package]) -> Vec<String> {
    let package = |name: &str| packages.iter().find(|package| package.name == name);
    let mut faults = Vec::new();
    for (name, allowed) in MAY_USE {
        let Some(package) = package(name) else {
            faults.push(format!("the row of {name}: there is no such crate"));
            continue;
        };
        let unused = allowed.iter().filter(|other| !package.ships(other));
        faults.extend(unused.map(|other| format!("{name} may use {other}, and does not")));
    }
    for (vendor, homes) in VENDORS {
        let names = |home: &&&str| {
            package(home).is_some_and(|p| p.dependencies.iter().any(|d| d.name == *vendor))
        };
        let unused = homes.iter().filter(|home| !names(home));
        faults.extend(unused.map(|home| format!("{home} may name {vendor}, and does not")));
    }
    let listed = PURE.iter().chain(TOP).chain(TEST_ONLY);
    let gone = listed.filter(|name| package(name).is_none());
    faults.extend(gone.map(|name| format!("{name} is listed, and there is no such crate")));
    faults
        .into_iter()
        .map(|fault| format!("{fault} (xtask/src/tidy/arrows.rs)"))
        .collect()
}

fn check_package(package: &Package, ours: &BTreeSet<&str>) -> Vec<String> {
    let name = package.name.as_str();
    let top = TOP.contains(&name);
    let row = MAY_USE.iter().find(|(n, _)| *n == name);
    let mut faults = Vec::new();
    if row.is_none() && !top {
        faults.push(format!(
            "{name} has no row in the table of dependencies (xtask/src/tidy/arrows.rs)"
        ));
    }
    let allowed = row.map_or(&[][..], |(_, allowed)| allowed);
    for dependency in &package.dependencies {
        let (other, shipped) = (dependency.name.as_str(), dependency.is_shipped());
        if ours.contains(other) {
            let test_only = TEST_ONLY.contains(&other);
            let above = TOP.contains(&other) && !MEASURES.contains(&(name, other));
            if above || shipped && !top && (test_only || !allowed.contains(&other)) {
                faults.push(format!("{name} must not depend on {other}"));
            }
        }
        if let Some((_, homes)) = VENDORS.iter().find(|(vendor, _)| *vendor == other)
            && !homes.contains(&name)
        {
            faults.push(format!(
                "{name} names {other}: only {} may",
                homes.join(" and ")
            ));
        }
        if shipped && PURE.contains(&name) && IMPURE.contains(&other) {
            faults.push(format!("{name} is pure: no {other}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
