//! Another key signs sessions, step by step, while `consign dev` runs.

use crate::pipeline::{Pipeline, json, run};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json as value};
use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const PASSWORD: &str = "correct horse battery";

fn rotate(folder: &Path, step: &[&str]) -> Value {
    let (told, exit) = json(&[&["security", "rotate", "--json"], step].concat(), folder);
    assert_eq!(exit, 0, "{told}");
    told
}

fn hang_up(pipeline: &Pipeline) {
    let pid = pipeline.id().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(sent.expect("kill").success());
}

async fn log_in(pipeline: &Pipeline) -> String {
    let body = value!({"username": "root", "password": PASSWORD});
    let (status, answer) = pipeline.call("POST", "/_login/local", Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"]["jwt"]
        .as_str()
        .expect("a session")
        .to_owned()
}

/// The number of the key that signed it.
fn key_of(session: &str) -> u64 {
    let head = session.trim_start_matches("kauth-").split('.').next();
    let head = BASE64.decode(head.expect("a head")).expect("base64");
    let head: Value = serde_json::from_slice(&head).expect("JSON");
    head["kid"].as_u64().expect("a number")
}

async fn is_valid(pipeline: &Pipeline, session: &str) -> bool {
    let body = value!({"token": session});
    let (_, answer) = pipeline.call("POST", "/_checkToken", Some(body)).await;
    answer["result"]["valid"] == true
}

/// Logs in until that key signs.
async fn signed_by(pipeline: &Pipeline, key: u64) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let session = log_in(pipeline).await;
        if key_of(&session) == key {
            return session;
        }
        assert!(Instant::now() < deadline, "the keys were not read again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_the_key_that_signed_them_until_it_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let unset = run(&["security", "rotate"], folder);
    assert_eq!(unset.status.code(), Some(2), "{unset:?}");
    let settings = "[secret]\nsigning_keys_file = \"signing-keys\"\n";
    std::fs::write(folder.join("consign.toml"), settings).expect("settings");
    let added = rotate(folder, &[]);
    assert_eq!(added["signs"], "secret");
    assert_eq!(added["believed"], value!(["secret", "2"]));
    let file = folder.join("signing-keys");
    let mode = std::fs::metadata(&file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let pipeline = Pipeline::start(folder);
    let local = value!({"username": "root", "password": PASSWORD});
    let admin = value!({"credentials": {"local": local}});
    let path = "/_createFirstAdmin/root?reset=true";
    let (status, answer) = pipeline.call("POST", path, Some(admin)).await;
    assert_eq!(status, 200, "{answer}");
    let older = log_in(&pipeline).await;
    assert_eq!(key_of(&older), 1);

    assert_eq!(rotate(folder, &["--sign"])["signs"], "2");
    hang_up(&pipeline);
    let newer = signed_by(&pipeline, 2).await;
    assert!(is_valid(&pipeline, &older).await && is_valid(&pipeline, &newer).await);

    assert_eq!(rotate(folder, &["--drop-older"])["believed"], value!(["2"]));
    // What others can read is not read, and nothing changes.
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("a mode");
    hang_up(&pipeline);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(is_valid(&pipeline, &older).await);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("a mode");
    hang_up(&pipeline);
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_valid(&pipeline, &older).await {
        assert!(Instant::now() < deadline, "the key was not dropped");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(is_valid(&pipeline, &newer).await);
    assert_eq!(key_of(&log_in(&pipeline).await), 2);
}
