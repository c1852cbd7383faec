//! The table is in order, and the pages under `docs/errors` are what it says.

use super::{
    Problem,
    code::{Code, TABLE},
};
use std::{collections::BTreeSet, fs, path::PathBuf};

fn pages() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/errors")
}

#[test]
fn the_table_is_in_the_order_of_the_codes_and_names_are_unique() {
    let mut names = BTreeSet::new();
    for row in TABLE {
        assert_eq!(row.code.row().name, row.name);
        assert_eq!(Code::named(row.name), Some(row.code));
        assert!(names.insert(row.name), "{} twice", row.name);
        assert!((400..600).contains(&row.status), "{}", row.name);
    }
}

/// `CONSIGN_UPDATE=1 cargo test -p gateway` writes the pages anew.
#[test]
fn every_code_has_its_page_and_no_page_is_left_over() {
    let update = std::env::var_os("CONSIGN_UPDATE").is_some();
    for row in TABLE {
        let file = pages().join(format!("{}.md", row.name));
        if update {
            fs::create_dir_all(pages()).unwrap();
            fs::write(&file, row.page()).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            found,
            row.page(),
            "{} differs from the table: run the test with CONSIGN_UPDATE=1",
            file.display()
        );
    }
    for entry in fs::read_dir(pages()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name
            .strip_suffix(".md")
            .unwrap_or_else(|| panic!("{name} is no page"));
        assert!(
            Code::named(stem).is_some() || stem == "README",
            "{name} is the page of no code"
        );
    }
}

#[test]
fn a_problem_says_all_that_is_known() {
    let problem = Problem::new(Code::QueueFull, "full")
        .at("/body")
        .retry_after(1)
        .with("queue", 7.into());
    let json = serde_json::to_value(&problem).unwrap();
    assert_eq!(json["type"], "/docs/errors/queue_full");
    assert_eq!(json["status"], 429);
    assert_eq!(json["code"], "queue_full");
    assert_eq!(json["pointer"], "/body");
    assert_eq!(json["queue"], 7);
    assert!(json["hint"].as_str().unwrap().contains("Retry-After"));
}
