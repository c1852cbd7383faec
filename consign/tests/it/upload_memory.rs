//! A long file through `location.bulk.upload`: the memory of `consign dev` does not grow with its
//! lines. `CONSIGN_TEST_UPLOAD_LINES=1000000` takes a longer one, and shows the memory on the way.

use crate::pipeline::Pipeline;
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

/// Bytes that a partition's cache may take: those that are decided and in no store come on top.
const CACHE: u64 = 128 << 10;
const IN_HAND: u64 = 2 << 20;
/// The stores' own caches may still be filling in the second half.
const FILLING_KIB: u64 = 24 << 10;

fn file(lines: usize) -> String {
    let mut file = "code,name,parentCode,parentId\n".to_owned();
    for line in 0..lines {
        writeln!(file, "c{line:07},Place number {line},,").expect("text");
    }
    file
}

/// Memory of the process that is no file's, KiB.
fn anonymous_kib(pipeline: &Pipeline) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pipeline.id())).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("a number").parse().expect("a number")
}

/// What each partition's cache takes, as the process says.
async fn cached(pipeline: &Pipeline) -> Vec<u64> {
    let metrics = reqwest::get(format!("{}/metrics", pipeline.url)).await;
    let metrics = metrics.expect("metrics").text().await.expect("text");
    let lines = metrics.lines();
    lines
        .filter(|line| line.starts_with("consign_worker_cache_bytes{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect()
}

async fn processed(pipeline: &Pipeline, process: &str) -> u64 {
    let path = format!("/v1/upload/status/{process}");
    let (_, status) = pipeline.call("GET", &path, None).await;
    status["result"]["processed"].as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_file_takes_no_more_memory_than_a_shorter_one() {
    let lines = std::env::var("CONSIGN_TEST_UPLOAD_LINES").ok();
    let lines = lines.map_or(5_000, |lines| lines.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "[gateway]\nupload_lines = 10000000\nupload_limit_bytes = 1000000000\n\
         [worker]\ncache_bytes = {CACHE}\nrecent_ids = 1000\n"
    );
    fs::write(folder.path().join("consign.toml"), settings).expect("settings");
    let pipeline = Pipeline::start(folder.path());
    let url = format!(
        "{}/v1/operations/location.bulk.upload?type=state",
        pipeline.url
    );
    let sent = reqwest::Client::new().post(url);
    let sent = sent.header("content-type", "text/csv").body(file(lines));
    let taken = sent.send().await.expect("an answer");
    let taken: Value = taken.json().await.expect("JSON");
    let process = taken["processId"].as_str().expect("a process");

    let (lines, began) = (lines as u64, Instant::now());
    let (mut half, mut shown) = (None, 0);
    loop {
        let done = processed(&pipeline, process).await;
        if done >= shown + 10_000 {
            let kib = anonymous_kib(&pipeline);
            println!("{done} lines, {} s, {kib} KiB", began.elapsed().as_secs());
            shown = done;
        }
        if half.is_none() && done >= lines / 2 {
            half = Some(anonymous_kib(&pipeline));
        }
        if done >= lines {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(300 + lines / 20),
            "{done} lines"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let cached = cached(&pipeline).await;
    assert_eq!(cached.len(), 4, "one for each partition");
    assert!(
        cached
            .iter()
            .all(|bytes| *bytes > 0 && *bytes < CACHE + IN_HAND),
        "{cached:?}"
    );
    let (half, whole) = (
        half.expect("half of it came before"),
        anonymous_kib(&pipeline),
    );
    println!("{half} KiB at a half, {whole} KiB at the end of {lines} lines");
    assert!(whole < half + FILLING_KIB, "{half} KiB, then {whole} KiB");
}
