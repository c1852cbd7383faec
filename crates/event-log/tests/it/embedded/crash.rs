//! A process that is killed while it appends: this test binary, started again as a child.

use crate::contract::{ALL, record, spec, value};
use event_log::{
    TopicSpec,
    consumer::From,
    embedded::{self, Options},
};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const FOLDER: &str = "EVENT_LOG_TEST_FOLDER";
const PARTITIONS: u16 = 3;

fn topic() -> TopicSpec {
    TopicSpec {
        name: "crash".into(),
        ..spec(PARTITIONS)
    }
}

/// Small segments and journal, so that kills also hit the change from one file to the next.
fn options() -> Options {
    Options {
        segment_bytes: 20_000,
        journal_bytes: 100_000,
        ..Options::default()
    }
}

/// Not a test: what the child does, until it is killed.
#[test]
#[ignore = "run by the tests that kill it"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (log, _handle) = match embedded::open_log(Path::new(&folder), options()) {
            Ok(opened) => opened,
            Err(error) => {
                println!("refused: {error}");
                return;
            }
        };
        log.admin.create(&[topic()]).await.unwrap();
        println!("opened");
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..16_u32 {
            let log = log.clone();
            senders.spawn(async move {
                for number in 0.. {
                    let partition = u16::try_from(sender).unwrap() % PARTITIONS;
                    let text = format!(
                        "{}-{sender}-{number}-{}",
                        std::process::id(),
                        "x".repeat(number % 700)
                    );
                    let appended = log
                        .publisher
                        .send(record("crash", partition, &text))
                        .unwrap()
                        .await
                        .unwrap();
                    let line = format!(
                        "acknowledged {} {} {text}\n",
                        appended.partition, appended.offset
                    );
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        senders.join_all().await;
    });
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "embedded::crash::child",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<(u16, u64), String> = HashMap::new();
    for round in 0..6_u64 {
        let mut child = start(folder.path());
        let output = child.stdout.take().unwrap();
        let reading = std::thread::spawn(move || {
            let mut lines = Vec::new();
            let mut output = BufReader::new(output);
            let mut text = Vec::new();
            output.read_to_end(&mut text).unwrap();
            // The last line may be cut.
            let whole = text
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            lines.extend(text[..whole].lines().map(Result::unwrap));
            lines
        });
        tokio::time::sleep(Duration::from_millis(700 + 150 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let before = acknowledged.len();
        for line in reading.join().unwrap() {
            let Some(line) = line.strip_prefix("acknowledged ") else {
                continue;
            };
            let mut parts = line.splitn(3, ' ');
            let place = (
                parts.next().unwrap().parse().unwrap(),
                parts.next().unwrap().parse().unwrap(),
            );
            assert!(
                acknowledged
                    .insert(place, parts.next().unwrap().to_owned())
                    .is_none(),
                "an offset was given twice"
            );
        }
        assert!(
            acknowledged.len() > before + 20,
            "the child hardly wrote anything in round {round}"
        );
        check(folder.path(), &acknowledged).await;
    }
    println!("{} acknowledged records, 6 kills", acknowledged.len());
}

async fn check(folder: &Path, acknowledged: &HashMap<(u16, u64), String>) {
    let (log, handle) = embedded::open_log(folder, options()).unwrap();
    let mut stored = HashMap::new();
    for partition in 0..PARTITIONS {
        let end = log.admin.offsets("crash", partition).await.unwrap().end;
        let mut stream = log
            .reader
            .tail("crash", partition, From::Earliest)
            .await
            .unwrap();
        let (mut next, mut last) = (0, HashMap::new());
        while next < end {
            for record in stream.next(ALL).await.unwrap() {
                assert_eq!(record.offset, next);
                next += 1;
                let text = value(&record).to_owned();
                let mut parts = text.split('-').map(|part| part.parse::<u64>().unwrap_or(0));
                let (process, sender, number) = (
                    parts.next().unwrap(),
                    parts.next().unwrap(),
                    parts.next().unwrap(),
                );
                let last: Option<u64> = last.insert((process, sender), number);
                assert!(
                    last.is_none_or(|last| number == last + 1),
                    "a sender's records are out of order: {text}"
                );
                stored.insert((partition, record.offset), text);
            }
        }
    }
    for (place, text) in acknowledged {
        assert_eq!(stored.get(place), Some(text), "{place:?}");
    }
    handle.shutdown().await;
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, _handle) = embedded::open_log(folder.path(), options()).unwrap();
    let output = start(folder.path()).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("is in use by another process"), "{text}");
}
