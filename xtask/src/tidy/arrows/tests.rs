use super::{Dependency, Package, check_package, packages, stale};

fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
    let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
        name: (*name).into(),
        kind: kind.map(Into::into),
    };
    Package {
        name: name.into(),
        manifest_path: format!("{name}/Cargo.toml").into(),
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
    let ours = packages.iter().map(|p| p.name.as_str()).collect();
    let faults: Vec<String> = packages
        .iter()
        .flat_map(|package| check_package(package, &ours))
        .collect();
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

#[test]
fn rows_that_nobody_needs_are_found() {
    let mut packages = packages().expect("cargo metadata");
    let wanted = [
        "event-log may name rdkafka, and does not",
        "the row of segment-log: there is no such crate",
        "store may use event-schema, and does not",
    ];
    let before = stale(&packages).join("\n");
    assert!(wanted.iter().all(|wanted| !before.contains(wanted)));
    for package in &mut packages {
        match package.name.as_str() {
            "event-log" => package.dependencies.retain(|d| d.name != "rdkafka"),
            // Used in tests only is not used.
            "store" => package
                .dependencies
                .iter_mut()
                .for_each(|d| d.kind = Some("dev".into())),
            _ => {}
        }
    }
    packages.retain(|package| package.name != "segment-log");
    let faults = stale(&packages).join("\n");
    for wanted in wanted {
        assert!(faults.contains(wanted), "{faults}");
    }
}
