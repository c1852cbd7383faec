use super::*;

#[test]
fn what_was_flushed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let commits = Commits::open(folder.path()).unwrap();
    let hint = Committed {
        offset: 12,
        metadata: "changes=40".into(),
    };
    commits.set("a/../group ü", "consign.transactions.g1", 3, hint.clone());
    assert_eq!(
        commits.get("a/../group ü", "consign.transactions.g1", 3),
        Some(hint.clone())
    );
    commits.flush();
    let again = Commits::open(folder.path()).unwrap();
    assert_eq!(
        again.get("a/../group ü", "consign.transactions.g1", 3),
        Some(hint)
    );
    assert_eq!(
        again.get("a/../group ü", "consign.transactions.g1", 2),
        None
    );
    assert_eq!(again.get("other", "consign.transactions.g1", 3), None);
}

#[test]
fn a_file_that_cannot_be_read_is_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let commits = Commits::open(folder.path()).unwrap();
    commits.set(
        "group",
        "topic",
        0,
        Committed {
            offset: 1,
            metadata: String::new(),
        },
    );
    commits.flush();
    fs::write(folder.path().join("groups/group/topic.json"), "{").unwrap();
    assert_eq!(
        Commits::open(folder.path())
            .unwrap()
            .get("group", "topic", 0),
        None
    );
}
