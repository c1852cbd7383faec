use super::*;
use std::collections::HashSet;

#[test]
fn no_action_stands_twice() {
    let names: HashSet<_> = ACTIONS
        .iter()
        .map(|action| (action.controller, action.name))
        .collect();
    assert_eq!(names.len(), ACTIONS.len());
}

/// What the page says of an action: `yes`, `departs` or `not`.
fn documented() -> Vec<(&'static str, &'static str)> {
    let page = include_str!("../../../../docs/kuzzle.md");
    let row = |line: &'static str| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        name.contains(':')
            .then_some((name, rest.split(" |").next()?))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_page_names_every_action_and_no_other() {
    let page = documented();
    let names: HashSet<&str> = page.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), page.len(), "no action stands there twice");
    for action in ACTIONS {
        let name = format!("{}:{}", action.controller, action.name);
        let told = page
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, told)| *told);
        assert!(
            matches!(told, Some("yes" | "departs")),
            "{name} is served, and docs/kuzzle.md says {told:?}"
        );
    }
    for (name, told) in page {
        let (controller, action) = name.split_once(':').unwrap();
        let served = crate::kuzzle::routes::find_action(controller, action).is_ok();
        assert_eq!(
            served,
            told != "not",
            "docs/kuzzle.md says {told} of {name}"
        );
        assert!(["yes", "departs", "not"].contains(&told), "{name}: {told}");
    }
}

#[test]
fn the_page_names_every_error_of_our_own() {
    let page = include_str!("../../../../docs/kuzzle.md");
    for row in crate::kuzzle::fault::TABLE
        .iter()
        .filter(|row| row.code & 0xffff >= 0x80)
    {
        assert!(
            page.contains(&format!("| `{}` | {} |", row.name, row.status)),
            "{}",
            row.name
        );
    }
}
