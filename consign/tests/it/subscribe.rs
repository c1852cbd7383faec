//! `consign subscribe`, `publish`, `subscription list`: told as it happens, back after a kill, gone
//! on Ctrl-C.

use crate::pipeline::{Pipeline, consign, json, run};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const PLACE: [&str; 4] = ["--index", "demo", "--collection", "notes"];

/// A running `consign subscribe`; killed when dropped.
struct Listener {
    child: Child,
    lines: Receiver<String>,
    states: Receiver<String>,
}

/// What is written there, line by line.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = sync_channel(1000);
    std::thread::spawn(move || {
        BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    lines
}

impl Listener {
    /// Returns when it listens.
    fn start(pipeline: &Pipeline, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = consign(&["subscribe"], folder);
        command
            .args(arguments)
            .args(PLACE)
            .args(["--url", &pipeline.url])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (output, states) = (
            child.stdout.take().expect("its output"),
            child.stderr.take().expect("its states"),
        );
        let listener = Self {
            child,
            lines: lines(output),
            states: lines(states),
        };
        listener.listens();
        listener
    }

    /// Waits until it says so.
    fn listens(&self) {
        while !self
            .states
            .recv_timeout(PATIENCE)
            .expect("it listens")
            .contains("listening in room")
        {}
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    fn told(&self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Ctrl-C.
    fn interrupt(mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .arg("-INT")
            .arg(self.child.id().to_string())
            .status()
            .expect("kill");
        assert!(sent.success());
        self.ended()
    }

    fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        within("it does not end", || {
            status = self.child.try_wait().expect("it was started");
            status.is_some()
        });
        status.expect("it ended")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn within(otherwise: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{otherwise}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn rooms(pipeline: &Pipeline, folder: &Path) -> Vec<Value> {
    let (listed, code) = json(
        &["subscription", "list", "--json", "--url", &pipeline.url],
        folder,
    );
    assert_eq!(code, 0, "{listed}");
    listed.as_array().expect("a list").clone()
}

fn publish(pipeline: &Pipeline, folder: &Path, message: &Value) {
    let body = message.to_string();
    let arguments: Vec<&str> = ["publish", &body, "--json", "--url", &pipeline.url]
        .into_iter()
        .chain(PLACE)
        .collect();
    assert_eq!(json(&arguments, folder), (json!({"published": 1}), 0));
}

async fn create(pipeline: &Pipeline, id: &str, body: Value) {
    let request = json!({"index": "demo", "collection": "notes", "_id": id, "body": body});
    let (status, answer) = pipeline
        .call("POST", "/v1/operations/document.create", Some(request))
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn what_matches_is_printed_as_it_happens() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    pipeline
        .call("PUT", "/v1/collections/demo/notes", None)
        .await;
    let listener = Listener::start(
        &pipeline,
        folder.path(),
        &[r#"{"range": {"n": {"gte": 10}}}"#, "--json"],
    );
    let mut read = Listener::start(
        &pipeline,
        folder.path(),
        &["{}", "--state", "all", "--count", "2"],
    );

    create(&pipeline, "small", json!({"n": 9})).await;
    let lines = [read.line(), read.line()];
    assert!(
        lines[0].contains("in   create    demo/notes/small  v1  pending")
            && lines[0].contains(r#"{"n":9"#),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("in   create    demo/notes/small  v1  {"),
        "{lines:?}"
    );
    assert_eq!(read.ended().code(), Some(0), "after so many");
    create(&pipeline, "large", json!({"n": 10})).await;
    publish(&pipeline, folder.path(), &json!({"n": 11, "text": "hello"}));
    let first = listener.told();
    assert_eq!(
        (&first["result"]["_id"], &first["action"], &first["scope"]),
        (&json!("large"), &json!("create"), &json!("in")),
        "{first}"
    );
    let second = listener.told();
    assert_eq!(
        (&second["event"], &second["result"]["_source"]["text"]),
        (&json!("publish"), &json!("hello")),
        "{second}"
    );

    within("who ended is still there", || {
        rooms(&pipeline, folder.path()).len() == 1
    });
    let listed = rooms(&pipeline, folder.path());
    assert_eq!(
        (listed.len(), &listed[0]["index"], &listed[0]["connections"]),
        (1, &json!("demo"), &json!(1)),
        "{listed:?}"
    );
    assert_eq!(listener.interrupt().code(), Some(0));
    within("the room is still there", || {
        rooms(&pipeline, folder.path()).is_empty()
    });
}

#[tokio::test]
async fn a_listener_comes_back_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let pipeline = Pipeline::start_at(folder.path(), &port.to_string());
    let listener = Listener::start(&pipeline, folder.path(), &["{}", "--json"]);
    publish(&pipeline, folder.path(), &json!({"n": 1}));
    assert_eq!(listener.told()["result"]["_source"]["n"], 1);
    pipeline.kill9();

    let pipeline = Pipeline::start_at(folder.path(), &port.to_string());
    listener.listens();
    publish(&pipeline, folder.path(), &json!({"n": 2}));
    assert_eq!(listener.told()["result"]["_source"]["n"], 2);
    assert_eq!(listener.interrupt().code(), Some(0));
}

/// Whoever goes on with a cursor is told what happened while nobody listened, and nothing before.
#[tokio::test]
async fn what_happened_in_between_is_told_to_whoever_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    pipeline
        .call("PUT", "/v1/collections/demo/notes", None)
        .await;
    let filter = r#"{"range": {"n": {"gte": 0}}}"#;
    let listener = Listener::start(&pipeline, folder.path(), &[filter, "--json"]);
    create(&pipeline, "a", json!({"n": 1})).await;
    let first = listener.told();
    let cursor = first["cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(listener.interrupt().code(), Some(0));

    create(&pipeline, "b", json!({"n": 2})).await;
    create(&pipeline, "no", json!({"n": -1})).await;
    publish(&pipeline, folder.path(), &json!({"n": 3}));
    pipeline.kill9();
    let pipeline = Pipeline::start(folder.path());
    let mut back = Listener::start(
        &pipeline,
        folder.path(),
        &[filter, "--json", "--since", &cursor, "--count", "3"],
    );
    let mut told = vec![back.told(), back.told()];
    create(&pipeline, "c", json!({"n": 4})).await;
    told.push(back.told());
    let mut numbers: Vec<_> = told
        .iter()
        .map(|told| told["result"]["_source"]["n"].as_i64().unwrap())
        .collect();
    numbers[..2].sort_unstable();
    assert_eq!(numbers, [2, 3, 4], "{told:?}");
    let mut last = String::new();
    while !last.contains("--since c1.") {
        last = back.states.recv_timeout(PATIENCE).expect("how to go on");
    }
    assert_eq!(back.ended().code(), Some(0));

    let refused = |filter: &str, cursor: &str| {
        let output = run(
            &[
                &[
                    "subscribe",
                    filter,
                    "--since",
                    cursor,
                    "--url",
                    &pipeline.url,
                ],
                &PLACE[..],
            ]
            .concat(),
            folder.path(),
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let other = refused("{}", &cursor);
    assert!(
        other.contains("core.realtime.invalid_cursor"),
        "another filter: {other}"
    );
    let forged = refused(filter, "c1.AAAA");
    assert!(forged.contains("core.realtime.invalid_cursor"), "{forged}");
}

#[tokio::test]
async fn messages_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let listener = Listener::start(&pipeline, folder.path(), &["{}", "--json"]);
    let mut command = consign(&["publish", "-", "--url", &pipeline.url], folder.path());
    let mut child = command
        .args(PLACE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"n\":1}\n\n{\"n\":2}\n{\"n\":3}")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "3 messages published\n"
    );
    for n in 1..=3 {
        assert_eq!(listener.told()["result"]["_source"]["n"], n);
    }
}

#[tokio::test]
async fn what_cannot_be_listened_to() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let said = |arguments: &[&str]| {
        let output = run(&[arguments, &PLACE[..]].concat(), folder.path());
        (
            String::from_utf8_lossy(&output.stderr).into_owned(),
            output.status.code(),
        )
    };
    let (text, code) = said(&[
        "subscribe",
        r#"{"resembles": {"a": 1}}"#,
        "--url",
        &pipeline.url,
    ]);
    assert!(
        code == Some(1) && text.contains("400 api.assert.koncorde_dsl_error"),
        "{text}"
    );
    let (text, code) = said(&["subscribe", "{", "--url", &pipeline.url]);
    assert!(code == Some(2) && text.contains("not valid JSON"), "{text}");
    let (text, code) = said(&["publish", "[1]", "--url", &pipeline.url]);
    assert!(code == Some(2) && text.contains("no object"), "{text}");
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (text, code) = said(&["subscribe", "{}", "--url", &format!("http://{free}")]);
    assert!(code == Some(3) && text.contains("is it running?"), "{text}");
}
