//! A long file, sent: whoever sends it is no larger for its length.

use crate::pipeline::{Pipeline, consign};
use std::{fs, process::Stdio, time::Duration};

/// The most memory that a process had, in bytes; nothing where it is gone.
fn most_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

/// The file is larger than all else that its sender holds; the gateway refuses it by its first bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_file_is_never_held_by_whoever_sends_it() {
    const BYTES: u64 = 256 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = Pipeline::start(folder.path());
    let file = fs::File::create(folder.path().join("long.csv")).expect("a file");
    file.set_len(BYTES).expect("a sparse file");
    let arguments = [
        "upload",
        "long.csv",
        "--type",
        "location",
        "--field",
        "type=state",
        "--url",
        &pipeline.url,
    ];
    let mut sending = consign(&arguments, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let (mut most, mut looks) = (0, 0);
    let ended = loop {
        most = most_memory(sending.id()).map_or(most, |now| now.max(most));
        looks += 1;
        match sending.try_wait().expect("it was started") {
            Some(ended) => break ended,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(ended.code(), Some(1), "it was refused");
    assert!(looks > 10, "it was looked at {looks} times");
    assert!(most > 0 && most < BYTES, "it had {most} bytes");
}
