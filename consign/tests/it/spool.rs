//! `consign spool` on a folder that a gateway fills while its log is away.

use crate::{gateway, pipeline::run};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Runs the command with `--json`; returns whether it was well, and its lines.
fn spool(folder: &Path, arguments: &[&str]) -> (bool, Vec<Value>) {
    let output = run(&[&["--json", "spool"], arguments].concat(), folder);
    let text = String::from_utf8(output.stdout).expect("text");
    let values: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .map(|value| value.unwrap_or_else(|_| panic!("{text}")))
        .collect();
    (output.status.success(), values)
}

/// A gateway that takes three messages into a spool, and is killed when this is dropped.
async fn spooling(folder: &Path) -> gateway::Killed {
    let settings = ["spool.folder=spools", "spool.reserve_bytes=0"];
    let (gateway, url) = gateway::start(folder, &settings);
    for n in 0..3 {
        let message = json!({"index": "i", "collection": "c", "body": {"n": n}});
        let write = reqwest::Client::new().post(format!("{url}/v1/operations/realtime.publish"));
        let answer = write.json(&message).send().await.expect("an answer");
        assert_eq!(answer.status(), 202, "{:?}", answer.text().await);
    }
    gateway
}

#[tokio::test]
async fn spools_are_looked_at_open_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut gateway = spooling(folder.path()).await;
    for is_open in [true, false] {
        let (well, status) = spool(folder.path(), &["status", "--folder", "spools"]);
        assert!(well, "{status:?}");
        let one = &status[0][0];
        assert_eq!(
            (&one["records"], &one["open"]),
            (&json!(3), &json!(is_open)),
            "{one}"
        );
        assert!(
            one["oldest"].as_str().is_some_and(|at| at.ends_with('Z')),
            "{one}"
        );
        let (well, exported) = spool(folder.path(), &["export", "--folder", "spools"]);
        assert!(well, "{exported:?}");
        let bodies: Vec<_> = exported
            .iter()
            .map(|one| (&one["number"], &one["value"]))
            .collect();
        assert_eq!(bodies.len(), 3, "{exported:?}");
        assert!(
            exported[2].to_string().contains("realtime.publish"),
            "{}",
            exported[2]
        );
        let (well, verified) = spool(folder.path(), &["verify", "--folder", "spools"]);
        assert!(well, "{verified:?}");
        assert_eq!(verified[0][0]["records"], 3, "{verified:?}");
        if is_open {
            gateway.kill();
        }
    }
}

#[tokio::test]
async fn a_damaged_spool_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    spooling(folder.path()).await.kill();
    let spools = fs::read_dir(folder.path().join("spools")).expect("a folder");
    let one = spools.flatten().next().expect("a spool").path();
    let segment = fs::read_dir(one.join("records"))
        .expect("a folder")
        .flatten();
    let segment = segment
        .map(|file| file.path())
        .max_by_key(|file| fs::metadata(file).map(|file| file.len()).unwrap_or(0))
        .expect("a segment");
    let mut bytes = fs::read(&segment).expect("it can be read");
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).expect("it can be written");
    let (well, verified) = spool(folder.path(), &["verify", "--folder", "spools"]);
    assert!(!well, "{verified:?}");
    assert!(verified[0][0]["damage"].is_string(), "{verified:?}");
}

#[test]
fn without_a_folder_it_is_said_how_to_name_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(&["spool", "status"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("--folder FOLDER"), "{text}");
}
