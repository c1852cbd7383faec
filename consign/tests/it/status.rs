//! `consign status` on the embedded default: what is well, what waits for a person, what is away.

use crate::{
    held_keys::{ask, start, text},
    pipeline::{json, run},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Looks until it is so; what was said then, and the exit code.
async fn seen(url: &str, folder: &Path, is_so: impl Fn(&Value) -> bool) -> (Value, i32) {
    for _ in 0..100 {
        let (status, code) = json(&["status", "--json", "--url", url], folder);
        if is_so(&status) {
            return (status, code);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{}", json(&["status", "--json", "--url", url], folder).0)
}

fn lags(status: &Value, name: &str) -> Vec<u64> {
    let partitions = status["partitions"].as_array().unwrap().iter();
    partitions.map(|one| one[name].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_seen_with_what_to_do_about_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = start(folder.path());
    let url = pipeline.url.as_str();
    ask(&pipeline, "tally.set", json!({"id": "a", "n": 1})).await;
    let (status, code) = seen(url, folder.path(), |status| {
        status["state"] == "well" && lags(status, "lag").iter().sum::<u64>() == 0
    })
    .await;
    assert_eq!(code, 0, "{status}");
    assert_eq!(status["advice"], json!([]), "{status}");
    assert_eq!(status["unread"], json!([]), "{status}");
    let roles: Vec<&Value> = status["systems"].as_array().unwrap().iter().collect();
    assert!(roles.iter().all(|one| one["answers"] == true), "{status}");
    assert!(lags(&status, "end").iter().sum::<u64>() >= 1, "{status}");

    for by in [json!("two"), json!(10), json!(100)] {
        ask(&pipeline, "tally.add", json!({"id": "a", "by": by})).await;
    }
    let (status, code) = seen(url, folder.path(), |status| {
        status["held"]["parked"] == 2 && status["partitions"][0]["notifier_lag"].is_u64()
    })
    .await;
    assert_eq!(
        (&status["state"], code),
        (&json!("attention"), 1),
        "{status}"
    );
    let held = json!({"keys": 1, "locked": 1, "draining": 0, "dead": 1, "parked": 2});
    assert_eq!(status["held"], held);
    let (causes, _) = json(&["dlq", "stats", "--json", "--url", url], folder.path());
    assert_eq!(status["causes"], json!([causes]));
    let told = run(&["status", "--url", url], folder.path());
    let screen = String::from_utf8_lossy(&told.stdout).into_owned();
    let fingerprint = text(&causes["fingerprint"]);
    let remedy = format!("consign dlq replay --fingerprint {fingerprint} --dry-run");
    assert!(screen.contains(&remedy), "{screen}");
    assert_eq!(told.status.code(), Some(1), "{screen}");

    // A service that does not answer makes it worse; a gateway that does not, unknown.
    let asked = [
        "status",
        "--json",
        "--url",
        url,
        "--service",
        "http://127.0.0.1:9",
    ];
    let (status, code) = json(&asked, folder.path());
    assert_eq!((&status["state"], code), (&json!("failing"), 1), "{status}");
    let away = run(&["status", "--url", "http://127.0.0.1:9"], folder.path());
    assert_eq!(away.status.code(), Some(3));
}
