//! `consign sealing`: the master key is changed for another, a subject is erased, and what a `consign dev`
//! of its own shows before and behind it. No file has what is sealed in plain text.

use crate::{
    dlq::files_with,
    pipeline::{Pipeline, json, run},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json as value};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Words that no program says by chance.
const NAMES: [&str; 2] = ["quokka.erased", "quokka.kept"];

fn mail(name: &str) -> String {
    format!("{name}@example.org")
}

/// Their names, the newest first.
fn masters(folder: &Path, names: &str) {
    let line = |name: char| format!("{name}:{}\n", STANDARD.encode([name as u8; 32]));
    let path = folder.join("master-keys");
    fs::write(&path, names.chars().map(line).collect::<String>()).expect("keys");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
}

async fn made(pipeline: &Pipeline, name: &str) -> String {
    let user = value!({"firstName": "Meera", "userName": name, "channel": "c", "email": mail(name), "emailVerified": true});
    let path = "/v1/operations/user.create";
    let (status, answer) = pipeline.call("POST", path, Some(user)).await;
    assert_eq!(status, 200, "{answer:#}");
    let id = answer["result"]["userId"].as_str();
    id.expect("an id").to_owned()
}

/// E-mails as reads by id show them.
async fn shown(folder: &Path, ids: &[String]) -> Vec<Value> {
    let pipeline = Pipeline::start(folder);
    let mut shown = Vec::new();
    for id in ids {
        let path = format!("/v1/tables/user/{id}");
        let (status, mut row) = pipeline.call("GET", &path, None).await;
        assert_eq!(status, 200, "{row:#}");
        shown.push(row["email"].take());
    }
    assert!(pipeline.terminate().success());
    shown
}

/// Exit code and report.
fn rotated(folder: &Path) -> (i32, [u64; 4]) {
    let (told, code) = json(&["sealing", "rotate", "--json"], folder);
    let counts = ["rewrapped", "current", "erased", "unreadable"];
    (
        code,
        counts.map(|name| told[name].as_u64().expect("a count")),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_wraps_and_an_erased_subject_is_shown_by_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let settings = "[secret]\nmaster_keys_file = \"master-keys\"\n";
    fs::write(folder.join("consign.toml"), settings).expect("settings");
    masters(folder, "a");
    let pipeline = Pipeline::start(folder);
    let mut ids = Vec::new();
    for name in NAMES {
        ids.push(made(&pipeline, name).await);
    }
    let subject = format!("user/{}", ids[0]);
    let erase = ["sealing", "erase", &subject, "--json"];
    let erase_for_ever = [&erase[..], &["--yes"]].concat();
    // The folder is held by who serves it.
    let held = run(&erase_for_ever, folder);
    assert_ne!(held.status.code(), Some(0), "{held:?}");
    assert!(pipeline.terminate().success());

    masters(folder, "ba");
    let plain = NAMES.map(|name| value!(mail(name)));
    assert_eq!(shown(folder, &ids).await, plain);
    let (code, [rewrapped, current, erased, unreadable]) = rotated(folder);
    assert!(rewrapped >= 2, "{rewrapped}");
    assert_eq!((code, current, erased, unreadable), (0, 0, 0, 0));
    assert_eq!(rotated(folder), (0, [0, rewrapped, 0, 0]), "once more");
    // Nothing needs the older one any longer, and nothing can be read by it.
    masters(folder, "a");
    assert_eq!(rotated(folder), (1, [0, 0, 0, rewrapped]));
    masters(folder, "b");
    assert_eq!(shown(folder, &ids).await, plain);

    let unsure = run(&erase, folder);
    assert_eq!(unsure.status.code(), Some(2), "{unsure:?}");
    for outcome in ["erased", "was erased before"] {
        let (told, code) = json(&erase_for_ever, folder);
        let expected = value!([{"subject": subject, "outcome": outcome}]);
        assert_eq!((code, &told["subjects"]), (0, &expected));
    }
    // Nor does an older master key bring it back.
    masters(folder, "ba");
    assert_eq!(shown(folder, &ids).await, [value!("•••"), plain[1].clone()]);
    assert_eq!(rotated(folder), (0, [0, rewrapped - 1, 1, 0]));
    for name in NAMES {
        assert_eq!(files_with(folder, &mail(name)), Vec::<String>::new());
    }
}
