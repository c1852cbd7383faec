use super::*;
use crate::error::{Code, Problem, code};

#[test]
fn names_and_codes_are_each_used_once() {
    let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    let mut codes: Vec<_> = TABLE.iter().map(|row| row.code).collect();
    names.sort_unstable();
    codes.sort_unstable();
    names.dedup();
    codes.dedup();
    assert_eq!((names.len(), codes.len()), (TABLE.len(), TABLE.len()));
}

#[test]
fn a_fault_is_told_as_clients_of_the_family_read_it() {
    let fault = Fault::new(Id::DocumentExists, "there is one already").props(["a"]);
    let json = serde_json::to_value(&fault).unwrap();
    let wanted = serde_json::json!({"message": "there is one already", "status": 400, "id": "services.storage.document_already_exists", "code": 16_842_769, "props": ["a"]});
    assert_eq!(json, wanted);
}

#[test]
fn the_family_of_a_status_is_kept() {
    for row in code::TABLE {
        let fault = Fault::from(Problem::new(row.code, "x"));
        let (ours, theirs) = (row.status / 100, fault.status() / 100);
        assert!(
            ours == theirs,
            "{:?} {} became {}",
            row.code,
            row.status,
            fault.status()
        );
    }
    assert_eq!(
        Fault::from(Problem::new(Code::Exists, "x")).id(),
        Id::DocumentExists
    );
}
