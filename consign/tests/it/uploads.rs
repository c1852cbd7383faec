//! A file of cities through `consign upload` to a `consign dev` of its own that is killed twice in the
//! middle: every line is carried out once, every bad line is told, and the command typed again is the
//! same upload. `CONSIGN_TEST_UPLOAD_CITIES=34006` takes all cities of the world.

use crate::pipeline::{Pipeline, consign};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// More than a block of lines.
const CITIES: usize = 1_500;
/// Every one of so many lines has no name.
const BAD: usize = 100;

/// Code → name of the first so many, in the order of the file.
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
    let count = std::env::var("CONSIGN_TEST_UPLOAD_CITIES").ok();
    let count = count.map_or(CITIES, |count| count.parse().expect("a number"));
    text.lines().take(count).map(city).collect()
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

/// Returns once so many cities are there; all lines must not be done yet.
async fn reached(pipeline: &Pipeline, uploading: &mut Child, cities: u64) {
    let deadline = Instant::now() + Duration::from_secs(1_200);
    while count(pipeline).await < cities {
        let ended = uploading.try_wait().expect("it was started");
        assert!(ended.is_none(), "it was to be killed in the middle");
        assert!(Instant::now() < deadline, "it does not go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Code → name and version of every location.
async fn stored(pipeline: &Pipeline) -> BTreeMap<String, (String, u64)> {
    let path = "/v1/documents/sunbird/location";
    let (mut stored, mut behind) = (BTreeMap::new(), Value::Null);
    loop {
        let page = json!({"behind": behind, "limit": 500});
        let (status, page) = pipeline
            .call("POST", &format!("{path}/_ids"), Some(page))
            .await;
        assert_eq!(status, 200, "{page:#}");
        let ids = page["ids"].as_array().expect("ids");
        let Some(last) = ids.last() else {
            return stored;
        };
        behind = last.clone();
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
}

/// `consign upload` of the file, which goes on while the gateway is away.
fn upload(folder: &Path, url: &str) -> Child {
    let arguments = [
        "upload",
        "cities.csv",
        "--type",
        "location",
        "--field",
        "type=state",
        "--results",
        "results.csv",
        "--url",
        url,
        "--json",
    ];
    consign(&arguments, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// What it says at its end, with its exit code.
fn uploaded(uploading: Child) -> (Value, Option<i32>) {
    let ended = uploading.wait_with_output().expect("it ends");
    let told = serde_json::from_slice(&ended.stdout);
    let told = told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ended.stderr)));
    (told, ended.status.code())
}

/// Each line again, with what became of it.
fn results_are_told(folder: &Path, cities: usize) {
    let results = fs::read_to_string(folder.join("results.csv")).expect("results");
    let lines = results.split("\r\n").skip(1);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), cities);
    for (line, result) in lines.iter().enumerate() {
        let said = if is_bad(line) {
            ",,failed,a line has a code and a name"
        } else {
            ",,success,"
        };
        assert!(result.ends_with(said), "line {line}: {result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_killed_twice_is_carried_out_once() {
    let cities = cities();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let settings = "[gateway]\nupload_lines = 100000\n";
    fs::write(folder.join("consign.toml"), settings).expect("settings");
    fs::write(folder.join("cities.csv"), file(&cities)).expect("a file");
    let mut pipeline = Pipeline::start(folder);
    let url = pipeline.url.clone();
    let listen = url.strip_prefix("http://").expect("an address").to_owned();
    let began = Instant::now();
    let mut uploading = upload(folder, &url);
    let lines = cities.len() as u64;
    for part in [lines * 3 / 10, lines * 7 / 10] {
        reached(&pipeline, &mut uploading, part).await;
        pipeline.kill9();
        pipeline = Pipeline::start_at(folder, &listen);
    }
    let (first, code) = uploaded(uploading);
    println!(
        "{lines} lines in {:.1} s, two kills included",
        began.elapsed().as_secs_f64()
    );
    let bad = (0..cities.len()).filter(|line| is_bad(*line)).count() as u64;
    let process = first["process"].clone();
    let expected =
        json!({"process": process, "lines": lines, "succeeded": lines - bad, "failed": bad});
    assert_eq!((&first, code), (&expected, Some(1)), "some lines failed");
    results_are_told(folder, cities.len());

    let good = cities.iter().enumerate().filter(|(line, _)| !is_bad(*line));
    let expected: BTreeMap<String, (String, u64)> = good
        .map(|(_, (code, name))| (code.clone(), (name.trim().to_owned(), 1)))
        .collect();
    let found = stored(&pipeline).await;
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);

    // Typed again: the same upload, and nothing is done twice.
    fs::remove_file(folder.join("results.csv")).expect("it was written");
    let (again, code) = uploaded(upload(folder, &url));
    assert_eq!((again, code), (first, Some(1)));
    results_are_told(folder, cities.len());
    assert_eq!(stored(&pipeline).await, expected);
}
