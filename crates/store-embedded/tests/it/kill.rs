//! kill -9: whatever was answered is there when the file is opened again, and nothing is half
//! there.

use crate::opened::config;
use event_schema::outcome::Verdict;
use serde_json::json;
use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use store::{
    Record as _,
    contract::{Fixture, answers, tables},
};
use store_embedded::{Config, EmbeddedStore};

const FILE: &str = "CONSIGN_TEST_KILL_FILE";

/// Not a test of its own: the process that is killed. It says which writes were answered.
#[tokio::test]
async fn writer_that_is_killed() {
    let Ok(path) = env::var(FILE) else { return };
    let store = EmbeddedStore::open(Config::new(path)).expect("it opens");
    store.migrate(&tables()).await.expect("a migration");
    let f = Fixture::new();
    let mut out = std::io::stdout();
    let mut say = |line: String| {
        out.write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .expect("the parent listens")
    };
    say(format!(
        "\ncollection {}\n",
        serde_json::to_string(&f.collection).expect("JSON")
    ));
    for n in 1.. {
        let (id, text) = (
            format!("d{n}"),
            format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat(500)),
        );
        let writes = [f.put(&id, n, &text), f.merge_row(1, json!({"total": n}), n)];
        let applied = store
            .apply_all(
                writes.to_vec(),
                &[&f.entry(n, n, Verdict::Applied)],
                Some(&f.mark(n, n + 1)),
            )
            .await;
        answers::all_done(&applied.writes, 2);
        say(format!(
            "answered {n} {} {}\n",
            f.request(n),
            serde_json::to_string(&f.row_key(1)).expect("JSON")
        ));
    }
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("consign.db");
    for round in 0..3 {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args([
                "kill::writer_that_is_killed",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (mut collection, mut answered) = (None, Vec::new());
        let started = Instant::now();
        for line in lines.map_while(Result::ok) {
            if let Some(text) = line.strip_prefix("collection ") {
                collection = serde_json::from_str::<store::Collection>(text).ok();
            }
            if let Some(text) = line.strip_prefix("answered ") {
                let mut parts = text.splitn(3, ' ').map(str::to_owned);
                answered.push((
                    parts.next().expect("n"),
                    parts.next().expect("request"),
                    parts.next().expect("key"),
                ));
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the writer is too slow"
            );
            if answered.len() >= 60 + round * 25 {
                child.kill().expect("SIGKILL");
                break;
            }
        }
        child.wait().expect("it ends");
        let collection = collection.expect("the child said its collection");
        check(&config(&folder), &collection, &answered).await;
    }
}

async fn check(
    config: &Config,
    collection: &store::Collection,
    answered: &[(String, String, String)],
) {
    let store = EmbeddedStore::open(config.clone()).expect("it opens after kill -9");
    let key = |n: &str| event_schema::mutation::DocumentKey {
        index: collection.index.clone(),
        collection: collection.collection.clone(),
        incarnation: collection.incarnation.clone(),
        id: format!("d{n}"),
    };
    for (n, request, _) in answered {
        let body = answers::body(&store, &key(n)).await;
        assert!(
            body.flatten()
                .is_some_and(|body| body.starts_with(&format!(r#"{{"n":{n},"#))),
            "document {n} was answered"
        );
        let request = event_schema::id::RequestId::parse_trusted(request).expect("an id");
        assert!(
            store.ledger(&[request]).await.expect("a read")[0].is_some(),
            "ledger of {n} was answered"
        );
    }
    let (last, _, row) = answered.last().expect("something was answered");
    let row = serde_json::from_str(row).expect("a key");
    let total = answers::row(&store, &row)
        .await
        .and_then(|row| row["total"].as_u64())
        .expect("the row");
    let last: u64 = last.parse().expect("a number");
    assert!(total >= last, "row at {total}, {last} was answered");
    let documents = store
        .scan(
            &collection.index,
            &collection.collection,
            &collection.incarnation,
            None,
            10_000,
        )
        .await
        .expect("a scan");
    assert_eq!(
        documents.len() as u64,
        total,
        "documents and row of a transaction are both there or both not"
    );
}
