//! A file of cities through `location.bulk.upload` on a `consign dev` of its own that is killed twice in
//! the middle: every line is carried out once, every bad line is told.

use crate::pipeline::Pipeline;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

/// More than a block of lines.
const CITIES: usize = 1_500;
/// Every one of so many lines has no name.
const BAD: usize = 100;

/// Code → name, in the order of the file.
fn cities() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/cities.jsonl.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).expect("the cities"))
        .read_to_string(&mut text)
        .expect("text");
    let city = |line: &str| {
        let city: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| city[name].as_str().expect("text").to_owned();
        (text("id"), text("name"))
    };
    text.lines().take(CITIES).map(city).collect()
}

fn is_bad(line: usize) -> bool {
    line % BAD == BAD / 2
}

/// As spreadsheets write it: a byte order mark, `\r\n`, quotes.
fn file(cities: &[(String, String)]) -> String {
    let mut file = "\u{feff}code,name,parentCode,parentId\r\n".to_owned();
    for (line, (code, name)) in cities.iter().enumerate() {
        let name = if is_bad(line) { "" } else { name };
        file.push_str(&format!("{code},\"{}\",,\r\n", name.replace('"', "\"\"")));
    }
    file
}

async fn count(pipeline: &Pipeline) -> u64 {
    let path = "/v1/documents/sunbird/location/_count";
    let (_, json) = pipeline.call("POST", path, Some(json!({}))).await;
    json["count"].as_u64().unwrap_or_default()
}

/// Returns once so many cities are there, or all lines are done.
async fn reached(pipeline: &Pipeline, process: &str, cities: u64) -> Value {
    let status = format!("/v1/upload/status/{process}");
    let deadline = Instant::now() + Duration::from_secs(600);
    loop {
        let (_, json) = pipeline.call("GET", &status, None).await;
        if json["result"]["status"] == "COMPLETED" || count(pipeline).await >= cities {
            return json["result"].clone();
        }
        assert!(Instant::now() < deadline, "{json:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Code → name and version of every location.
async fn stored(pipeline: &Pipeline) -> BTreeMap<String, (String, u64)> {
    let path = "/v1/documents/sunbird/location";
    let search = json!({"size": 2 * CITIES, "_source": false});
    let (status, found) = pipeline
        .call("POST", &format!("{path}/_search"), Some(search))
        .await;
    assert_eq!(status, 200, "{found:#}");
    let hits = found["hits"].as_array().expect("hits");
    let mut stored = BTreeMap::new();
    for hits in hits.chunks(500) {
        let ids: Vec<&Value> = hits.iter().map(|hit| &hit["_id"]).collect();
        let (status, page) = pipeline
            .call("POST", &format!("{path}/_mget"), Some(json!({"ids": ids})))
            .await;
        assert_eq!(status, 200, "{page:#}");
        for document in page["documents"].as_array().expect("documents") {
            let text = |name: &str| document["_source"][name].as_str().expect("text").to_owned();
            let version = document["_version"].as_u64().expect("a version");
            let twice = stored.insert(text("code"), (text("name"), version));
            assert_eq!(twice, None, "{document:#}");
        }
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_killed_twice_is_carried_out_once() {
    let cities = cities();
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "[gateway]\nupload_lines = 100000\n";
    fs::write(folder.path().join("consign.toml"), settings).expect("settings");
    let mut pipeline = Pipeline::start(folder.path());
    let url = format!(
        "{}/v1/operations/location.bulk.upload?type=state",
        pipeline.url
    );
    let sent = reqwest::Client::new().post(url);
    let sent = sent.header("content-type", "text/csv").body(file(&cities));
    let taken: Value = sent
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let process = taken["processId"]
        .as_str()
        .unwrap_or_else(|| panic!("{taken:#}"));
    let began = Instant::now();
    let lines = cities.len() as u64;
    for part in [lines * 3 / 10, lines * 7 / 10] {
        let status = reached(&pipeline, process, part).await;
        assert_ne!(
            status["status"], "COMPLETED",
            "it was to be killed in the middle"
        );
        pipeline.kill9();
        pipeline = Pipeline::start(folder.path());
    }
    let status = reached(&pipeline, process, u64::MAX).await;
    println!(
        "{lines} lines in {:.1} s, two kills included",
        began.elapsed().as_secs_f64()
    );
    let bad = (0..cities.len()).filter(|line| is_bad(*line)).count() as u64;
    let counts = ["taskCount", "processed", "succeeded", "failed"];
    let counts = counts.map(|name| status[name].as_u64());
    assert_eq!(
        counts,
        [lines, lines, lines - bad, bad].map(Some),
        "{status:#}"
    );

    let good = cities.iter().enumerate().filter(|(line, _)| !is_bad(*line));
    let expected: BTreeMap<String, (String, u64)> = good
        .map(|(_, (code, name))| (code.clone(), (name.trim().to_owned(), 1)))
        .collect();
    let found = stored(&pipeline).await;
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);

    let results = format!("{}/v1/upload/results/{process}", pipeline.url);
    let results = reqwest::get(results)
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    let results: Vec<&str> = results
        .split("\r\n")
        .skip(1)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(results.len(), cities.len());
    for (line, result) in results.iter().enumerate() {
        let said = if is_bad(line) {
            ",,failed,a line has a code and a name"
        } else {
            ",,success,"
        };
        assert!(result.ends_with(said), "line {line}: {result}");
    }
}
