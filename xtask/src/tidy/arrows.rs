//! Which crate may depend on which, and which vendor belongs to which crate. The table below is the
//! law; cargo says what is.

use std::collections::BTreeSet;

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
    ("catalog", &["event-schema"]),
    ("matching", &["event-schema"]),
    ("rooms", &["event-schema"]),
    ("story", &["event-schema", "matching"]),
    ("store", &["event-schema"]),
    ("event-log", &["event-schema", "segment-log", "runtime"]),
    ("store-cassandra", &["store", "event-schema", "runtime"]),
    ("store-elasticsearch", &["store", "event-schema", "runtime"]),
    (
        "store-embedded",
        &["store", "event-schema", "matching", "runtime"],
    ),
    (
        "gateway",
        &[
            "event-schema",
            "catalog",
            "event-log",
            "store",
            "matching",
            "rooms",
            "story",
            "runtime",
            "dead-letter",
        ],
    ),
    (
        "write-worker",
        &[
            "event-schema",
            "catalog",
            "event-log",
            "store",
            "store-cassandra",
            "store-elasticsearch",
            "store-embedded",
            "runtime",
            "dead-letter",
        ],
    ),
    (
        "notifier-worker",
        &[
            "event-schema",
            "catalog",
            "event-log",
            "matching",
            "rooms",
            "story",
            "runtime",
        ],
    ),
    ("dead-letter", &["event-schema", "event-log", "runtime"]),
    (
        "standalone",
        &[
            "gateway",
            "write-worker",
            "notifier-worker",
            "event-schema",
            "catalog",
            "event-log",
            "store",
            "store-cassandra",
            "store-elasticsearch",
            "store-embedded",
            "matching",
            "runtime",
            "dead-letter",
        ],
    ),
];

/// May use everything; nothing may use them.
const TOP: &[&str] = &["consign", "system-tests", "bench", "xtask", "fuzz"];

/// Ours, but only under `[dev-dependencies]`.
const TEST_ONLY: &[&str] = &["testbed"];

/// A vendor's library and the only crates that name it. (`axum` in `consign`: a bare server of it
/// is the floor of two measurements.)
const VENDORS: &[(&str, &[&str])] = &[
    ("rdkafka", &["event-log"]),
    ("scylla", &["store-cassandra"]),
    ("elasticsearch", &["store-elasticsearch"]),
    ("rusqlite", &["store-embedded"]),
    ("axum", &["consign", "gateway", "runtime"]),
];

/// Pure crates: no runtime, no network, no files.
const PURE: &[&str] = &[
    "event-schema",
    "catalog",
    "matching",
    "rooms",
    "store",
    "story",
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
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `dev` or `build`; nothing for what is shipped.
    pub(super) kind: Option<String>,
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
    packages
        .iter()
        .flat_map(|package| check_package(package, &ours))
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
        let (other, shipped) = (
            dependency.name.as_str(),
            dependency.kind.as_deref() != Some("dev"),
        );
        if ours.contains(other) {
            let test_only = TEST_ONLY.contains(&other);
            if TOP.contains(&other) || shipped && !top && (test_only || !allowed.contains(&other)) {
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
mod tests {
    use super::{Dependency, Package, check};

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).into(),
            kind: kind.map(Into::into),
        };
        Package {
            name: name.into(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn finds_forbidden_arrows() {
        let packages = [
            package(
                "gateway",
                &[
                    ("event-log", None),
                    ("write-worker", None),
                    ("testbed", None),
                ],
            ),
            package(
                "write-worker",
                &[
                    ("testbed", Some("dev")),
                    ("gateway", Some("dev")),
                    ("rdkafka", None),
                ],
            ),
            package("event-log", &[("rdkafka", None)]),
            package("store", &[("tokio", None), ("consign", Some("dev"))]),
            package("consign", &[("gateway", None)]),
            package("testbed", &[]),
            package("stranger", &[]),
        ];
        let faults = check(&packages);
        let wanted = [
            "gateway must not depend on write-worker",
            "gateway must not depend on testbed",
            "write-worker names rdkafka: only event-log may",
            "store is pure: no tokio",
            "store must not depend on consign",
            "stranger has no row in the table of dependencies (xtask/src/tidy/arrows.rs)",
        ];
        assert_eq!(faults, wanted);
    }
}
