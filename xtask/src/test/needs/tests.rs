use std::fs;

use super::Needs;
use crate::test::{binaries::TestBinary, choice::Chosen};

/// A package with unit tests that need nothing, and tests of which some need servers.
fn chosen(folder: &std::path::Path, kind: &str, tests: &[&str]) -> Chosen {
    for (path, text) in [
        ("src/lib.rs", "mod pure; mod bound; mod elsewhere;"),
        ("src/pure.rs", "#[test] fn adds() {}"),
        ("src/bound.rs", "#[test] fn asks() { Servers::shared() }"),
        ("tests/it/main.rs", "mod plain; mod kafka; mod harness;"),
        ("tests/it/plain.rs", "#[test] fn plain() {}"),
        (
            "tests/it/kafka/faults.rs",
            "#[tokio::test] fn cut() { Servers::private() }",
        ),
        (
            "tests/node/main.rs",
            "const B: &str = \"CONSIGN_TEST_BROWSER\"; #[test] fn sees() { node::install() }",
        ),
        (
            "tests/helped/main.rs",
            "mod harness; #[test] fn helped() {}",
        ),
        ("tests/helped/harness.rs", "fn h() { Servers::shared() }"),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        fs::write(path, text).expect("file");
    }
    let source = match kind {
        "lib" => folder.join("src/lib.rs"),
        name => folder.join("tests").join(name).join("main.rs"),
    };
    let binary = TestBinary {
        package: "p".into(),
        kind: if kind == "lib" { "lib" } else { "test" }.into(),
        name: kind.into(),
        path: "/nowhere".into(),
        folder: folder.into(),
        source,
    };
    Chosen {
        binary,
        tests: tests.iter().map(|t| (*t).to_owned()).collect(),
    }
}

#[test]
fn only_what_the_chosen_tests_reach_for_is_needed() {
    let root = tempfile::tempdir().expect("folder");
    let needs = |kind: &str, tests: &[&str]| {
        Needs::of(&[chosen(root.path(), kind, tests)]).expect("sources")
    };
    let nothing = Needs::default();
    let servers = Needs {
        servers: true,
        ..nothing
    };
    let browser = Needs {
        node: true,
        browser: true,
        ..nothing
    };
    assert_eq!(needs("lib", &["pure::adds"]), nothing);
    assert_eq!(needs("lib", &["pure::adds", "bound::asks"]), servers);
    assert_eq!(needs("it", &["plain::plain"]), nothing);
    assert_eq!(needs("it", &["kafka::faults::cut"]), servers);
    assert_eq!(
        needs("helped", &["helped"]),
        servers,
        "a harness is used by all"
    );
    assert_eq!(needs("helped", &[]), nothing);
    assert_eq!(needs("node", &["sees"]), browser);
}
