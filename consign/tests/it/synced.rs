//! `consign sync` on a `consign dev` of its own: what is chosen, what is refused before anything is asked
//! for, and what is written again.

use crate::pipeline::{Pipeline, json, run};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

async fn root(pipeline: &Pipeline, channel: &str) -> String {
    let request = json!({"orgName": channel, "channel": channel, "isRootOrg": true});
    let path = "/v1/operations/org.create";
    let (status, made) = pipeline.call("POST", path, Some(request)).await;
    assert_eq!(status, 200, "{made:#}");
    made["result"]["organisationId"]
        .as_str()
        .unwrap_or_else(|| panic!("{made:#}"))
        .to_owned()
}

async fn version(pipeline: &Pipeline, id: &str) -> Value {
    let path = format!("/v1/documents/sunbird/org/{id}");
    let (status, found) = pipeline.call("GET", &path, None).await;
    assert_eq!(status, 200, "{found:#}");
    found["_version"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_documents_are_compared_and_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = Pipeline::start(folder.path());
    let (first, second) = (
        root(&pipeline, "first").await,
        root(&pipeline, "second").await,
    );
    let before = version(&pipeline, &first).await;
    let sync = |more: &[&str]| {
        let mut arguments = vec![
            "sync",
            "--type",
            "organisation",
            "--url",
            &pipeline.url,
            "--json",
        ];
        arguments.extend(more);
        json(&arguments, folder.path())
    };

    // Nothing differs where both stores are one; each id counts once, wherever it is named.
    fs::write(folder.path().join("ids"), format!("{second}\n\n{first}\n")).expect("a file");
    let (report, code) = sync(&[&first, "--ids-from", "ids"]);
    let expected =
        json!({"compared": 2, "differed": [], "written": 0, "not_written": [], "left": []});
    assert_eq!((report, code), (expected, 0));
    let (report, code) = sync(&["--rewrite", &first]);
    let expected =
        json!({"compared": 1, "differed": [], "written": 1, "not_written": [], "left": []});
    assert_eq!((report, code), (expected, 0));
    assert_eq!(
        version(&pipeline, &first).await,
        before,
        "the same revision"
    );

    // All that there are, and all behind one of them in the order of the record.
    let (report, code) = sync(&["--all", "--rewrite"]);
    assert_eq!(
        (&report["compared"], &report["written"], code),
        (&json!(2), &json!(2), 0)
    );
    let counts = [&first, &second].map(|id| sync(&["--all", "--behind", id]).0["compared"].clone());
    assert!(
        counts == [json!(1), json!(0)] || counts == [json!(0), json!(1)],
        "{counts:?}"
    );

    // Nothing is asked for unless the record has all of them.
    let refused = |more: &[&str]| {
        let mut arguments = vec!["sync", "--type", "user", "--url", &pipeline.url];
        arguments.extend(more);
        let output = run(&arguments, folder.path());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, told) = refused(&["--rewrite", &first]);
    assert!(
        code == Some(1)
            && told.contains("1 of 1 are not in the record")
            && told.contains("nothing was asked for"),
        "{told}"
    );
    for both in [&["--all", &first][..], &["--behind", &first]] {
        assert_eq!(refused(both).0, Some(2), "{both:?}");
    }
    let (code, told) = refused(&[]);
    assert!(code == Some(2) && told.contains("no id is given"), "{told}");
}

/// An enrolment's document without its row.
const ROWLESS: &str = "\
operations:
  - name: enrolment.rowless
    summary: Writes a document alone.
    request:
      type: object
      required: [id]
      additionalProperties: false
      properties: {id: {type: string, format: document-id}}
    key: {of: batch, id: $request/id}
    write:
      - document: {index: sunbird, collection: usercourses, id: $request/id}
        put: {id: $request/id}
    examples: [{title: One, request: {id: e1}}]
";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_of_one_keeps_no_other_from_being_written() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("own")).expect("a folder");
    fs::write(folder.path().join("own/rowless.yaml"), ROWLESS).expect("a catalog");
    let settings = "[catalog]\nfolders = [\"own\"]\n";
    fs::write(folder.path().join("consign.toml"), settings).expect("settings");
    let pipeline = Pipeline::start(folder.path());
    for id in ["e1", "e2", "e3"] {
        let path = "/v1/operations/enrolment.rowless";
        let (status, made) = pipeline.call("POST", path, Some(json!({"id": id}))).await;
        assert_eq!(status, 200, "{made:#}");
    }
    let sync = ["sync", "--type", "user_course", "--url", &pipeline.url];
    let all = [&sync[..], &["--all", "--rewrite", "--json"]].concat();
    let (report, code) = json(&all, folder.path());
    let mut refused = report["not_written"].as_array().unwrap().clone();
    refused.sort_by_key(Value::to_string);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(refused, ["e1", "e2", "e3"], "{report:#}");
    let why = report["refused"]["e2"].as_str().unwrap();
    assert!(why.contains("names enrolments that are there"), "{why}");
}

/// A gateway of six enrolments in two pages, one of which has no row, and with no third page.
fn half_a_gateway() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer(stream);
        }
    });
    url
}

fn answer(mut stream: TcpStream) {
    let mut request = BufReader::new(stream.try_clone().expect("a stream"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if request.read_line(&mut head).is_ok_and(|read| read == 0) {
            return;
        }
    }
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map(|(_, length)| length.parse::<usize>().expect("a length"));
    let mut body = vec![0; length.sum()];
    request.read_exact(&mut body).expect("a body");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.split(' ').nth(1).expect("a path");
    let (status, answer) = answer_to(path, &body);
    let answer = answer.to_string();
    let length = answer.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    );
    _ = stream.write_all(head.as_bytes());
}

fn answer_to(path: &str, body: &Value) -> (u16, Value) {
    match path.rsplit('/').next().unwrap_or_default() {
        "_count" => (200, json!({"count": 1000})),
        "_compare" => (200, json!({"differing": body["ids"], "missing": []})),
        "_ids" => match body["behind"].as_str() {
            None => (200, json!({"ids": ["a", "b", "rowless", "c", "d"]})),
            Some("d") => (200, json!({"ids": ["e"]})),
            Some(_) => (503, json!({"code": "store_unavailable", "detail": "away"})),
        },
        "data.sync" => {
            let ids = body["objectIds"].as_array().expect("ids");
            if ids.contains(&json!("rowless")) {
                return (422, json!({"code": "rule", "detail": "no row"}));
            }
            (200, json!({"request_id": format!("{}", ids.len())}))
        }
        asked => {
            let parts = vec![json!({"status": "applied"}); asked.parse().expect("how many")];
            (200, json!({"status": "applied", "parts": parts}))
        }
    }
}

#[test]
fn what_was_written_until_a_failure_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = half_a_gateway();
    let all = ["sync", "--type", "user_course", "--all", "--url", &url];
    let ended = run(&[&all[..], &["--json"]].concat(), folder.path());
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap_or_default();
    let expected = json!({
        "compared": 6, "differed": ["a", "b", "rowless", "c", "d", "e"], "written": 5,
        "not_written": ["rowless"], "refused": {"rowless": "422 rule: no row"}, "left": [],
    });
    assert_eq!(report, expected);
    let failure = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(failure.contains("--behind e"), "{failure}");
    assert_eq!(ended.status.code(), Some(1), "{failure}");

    let ended = run(&all, folder.path());
    let report = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        report.contains("6 compared, 6 differed, 5 written again")
            && report.contains("rowless was not written: 422 rule: no row"),
        "{report}"
    );
}
