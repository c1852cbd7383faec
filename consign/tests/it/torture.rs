//! `consign torture`: an embedded fleet that is killed and frozen, whose files take nothing and whose
//! clock jumps, comes through, and a history that shows a fault is judged so.

use crate::pipeline::{json, run};
use serde_json::{Value, json};

#[test]
fn an_embedded_fleet_is_killed_and_frozen_and_nothing_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "torture",
        "--seconds",
        "20",
        "--seed",
        "7",
        "--clients",
        "6",
        "--json",
    ];
    let (report, code) = json(&arguments, folder.path());
    let told = format!(
        "{}\n{}\n{}\n{}",
        report["findings"], report["smallest"], report["audit"]["findings"], report["remarks"]
    );
    assert_eq!(code, 0, "{told}");
    assert_eq!(report["verdict"], "passed", "{told}");
    let count = |name: &str| report[name].as_u64().unwrap();
    assert!(
        count("acknowledged") > 100,
        "no load: {}",
        count("acknowledged")
    );
    assert!(
        count("notifications") > 50,
        "nobody heard: {}",
        count("notifications")
    );
    let kinds = report["schedule"].as_array().unwrap().iter();
    let kinds: Vec<&str> = kinds.map(|fault| fault["kind"].as_str().unwrap()).collect();
    for kind in ["kill", "freeze", "terminate", "full_disk", "clock_jump"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
}

#[test]
fn a_history_that_shows_a_fault_is_judged_so() {
    let folder = tempfile::tempdir().unwrap();
    let write = |request: &str, action: Value, sent: u64| {
        json!({"client": 0, "key": "documents/a", "action": action, "request": request,
            "sent": sent, "acknowledged": sent + 1, "gateway": 0, "spooled": false})
    };
    let look = |write: u64, revision: u64| {
        json!({"write": write, "asked": 100, "at": 101, "status": "applied",
            "place": [0, write], "revision": revision})
    };
    let document = json!({"body": {"n": 2}, "revision": 2});
    let mut history = json!({
        "writes": [
            write("r0", json!({"put": {"n": 1}}), 1),
            write("r1", json!({"put": {"n": 2}}), 5),
        ],
        "looks": [look(0, 1), look(1, 2)],
        "reads": [], "subscriptions": [],
        "finals": [{"key": "documents/a", "record": [document], "view": [{"n": 2}], "row": null}],
    });
    let file = folder.path().join("history.json");
    let judge = |history: &Value| {
        std::fs::write(&file, history.to_string()).unwrap();
        json(
            &["torture", "--judge", "history.json", "--json"],
            folder.path(),
        )
    };
    let (report, code) = judge(&history);
    assert_eq!(
        (code, &report["verdict"]),
        (0, &json!("passed")),
        "{report}"
    );

    history["looks"][1]["revision"] = 1.into();
    history["finals"][0]["record"][0]["revision"] = 1.into();
    let (report, code) = judge(&history);
    assert_eq!(
        (code, &report["verdict"]),
        (1, &json!("failed")),
        "{report}"
    );
    assert_eq!(report["by_kind"], json!({"lost": 1}), "{report}");
    let smallest = report["smallest"].as_array().unwrap();
    assert!(
        smallest
            .iter()
            .any(|line| line.as_str().unwrap().contains("sends #1")),
        "{report}"
    );

    std::fs::write(&file, "no history").unwrap();
    let arguments = ["torture", "--judge", "history.json"];
    assert_eq!(run(&arguments, folder.path()).status.code(), Some(2));
}
