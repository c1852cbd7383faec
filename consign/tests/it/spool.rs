//! `consign spool` on a folder that is filled while the log is away.

use crate::pipeline::run;
use ::spool::{Acknowledged, Spool, SpoolFolder, SpoolOptions};
use event_log::{NewRecord, embedded};
use runtime::Shutdown;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};

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

/// What a gateway is to its spool: three records are in it, whose log is not there.
struct Spooling {
    running: tokio::task::JoinHandle<()>,
    stop: runtime::ShutdownTrigger,
}

impl Spooling {
    async fn begin(folder: &Path) -> Self {
        let (log, handle) =
            embedded::open_log(&folder.join("log"), embedded::Options::default()).expect("a log");
        // It closes with the process.
        std::mem::forget(handle);
        let config = ::spool::Config::default();
        let options = SpoolOptions {
            limits: config.limits(),
            reserve: 0,
            max_age: config.max_age(),
            tracked_topic: "transactions".into(),
            clock: Arc::new(runtime::SystemClock),
        };
        let opened = SpoolFolder::open(&folder.join("spools/one"), "transactions in 4 partitions");
        let spool = Spool::new(opened.expect("a spool"), log.publisher.clone(), options);
        let (stop, until_stopped) = Shutdown::manual();
        let running = tokio::spawn(spool.clone().run(until_stopped));
        for n in 0..3 {
            let record = NewRecord {
                topic: "transactions".into(),
                partition: 0,
                key: Some("key".into()),
                value: Some(json!({"request": {"n": n}}).to_string().into()),
                headers: Vec::new(),
            };
            let taken = spool.send(record).expect("it is taken").await;
            assert!(matches!(taken, Ok(Acknowledged::Spooled(_))), "{taken:?}");
        }
        Self { running, stop }
    }

    async fn end(self) {
        self.stop.hard();
        self.running.await.expect("it ends");
    }
}

#[tokio::test]
async fn spools_are_looked_at_open_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut gateway = Some(Spooling::begin(folder.path()).await);
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
        assert_eq!(exported[2]["value"], json!({"request": {"n": 2}}));
        let (well, verified) = spool(folder.path(), &["verify", "--folder", "spools"]);
        assert!(well, "{verified:?}");
        assert_eq!(verified[0][0]["records"], 3, "{verified:?}");
        if let Some(gateway) = gateway.take() {
            gateway.end().await;
        }
    }
}

#[tokio::test]
async fn a_damaged_spool_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    Spooling::begin(folder.path()).await.end().await;
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
