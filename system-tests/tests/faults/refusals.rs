//! Documents that the view refuses for good, by themselves and in the middle of good ones: each gets
//! its verdict, the others all of theirs, and the partition goes on at a fair rate.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster, history::Status};
use testbed::{Addresses, Servers};

const COLLECTION: &str = "faults/mixed";
const PATIENCE: Duration = Duration::from_secs(300);

/// A document's field gets a mapping that it does not fit, so that the view would refuse the document
/// as it stood, too. Four calls that anybody may make.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_the_view_refuses_over_a_document_that_it_would_refuse_stops_nothing()
-> Result<()> {
    const OPERATION: Duration = Duration::from_secs(30);
    let cluster = Cluster::on(Servers::shared().addresses(), 1, 1).await?;
    let client = cluster.client()?;
    let write = async |operation: &str, key: &str, id: &str, body: Value| {
        let request = json!({"index": "faults", "collection": "mapped", "_id": id, "body": body});
        let accepted = client.accept(operation, &request, key, OPERATION).await?;
        let began = Instant::now();
        loop {
            let seen = client.look(&accepted.request).await;
            match seen.map(|seen| seen.status) {
                None | Some(Status::Queued | Status::Unknown) => {}
                Some(status) => return anyhow::Ok(status),
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "{operation} of {id} has no verdict"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    client
        .collection("faults/mapped", &json!({"mappings": {"dynamic": "false"}}))
        .await?;
    let created = write("document.create", "first", "x", json!({"a": "text"})).await?;
    ensure!(created == Status::Applied, "{created:?}");
    let mapping = json!({"properties": {"a": {"type": "integer"}, "addr": {"type": "ip"}}});
    let mapped = client
        .at(reqwest::Method::PUT, "/faults/mapped/_mapping")
        .json(&mapping)
        .send()
        .await?;
    ensure!(mapped.status().is_success(), "{}", mapped.text().await?);
    let body = json!({"a": 5, "addr": "no address"});
    let updated = write("document.update", "second", "x", body).await?;
    let is_unmappable = matches!(&updated, Status::Refused(code) if code == "unmappable");
    ensure!(is_unmappable, "{updated:?}");

    // One partition holds both, whatever it is: these are the documents of every partition.
    for n in 0..8 {
        let (key, id) = (format!("later {n}"), format!("y{n}"));
        let body = json!({"a": n, "addr": "10.0.0.1"});
        let status = write("document.create", &key, &id, body).await?;
        ensure!(status == Status::Applied, "y{n}: {status:?}");
    }
    let mended = write("document.update", "third", "x", json!({"a": 6})).await?;
    ensure!(mended == Status::Applied, "{mended:?}");
    Ok(())
}

/// How many documents a run writes. `CONSIGN_TEST_REFUSALS=10000` for the whole ten thousand.
fn refused_documents() -> Result<u64> {
    match std::env::var("CONSIGN_TEST_REFUSALS") {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(500),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_the_view_refuses_leave_the_others_their_rate() -> Result<()> {
    let refused = refused_documents()?;
    let good = refused * 3;
    let servers = Servers::shared();
    let cluster = Cluster::on(servers.addresses(), 1, 1).await?;
    let client = cluster.client()?;
    client
        .collection(
            COLLECTION,
            &json!({"mappings": {"dynamic": "false", "properties": {"n": {"type": "integer"}}}}),
        )
        .await?;
    // Warm, so that the first run is not the slower one.
    run(&client, 0, 400, 0).await?;

    let alone = run(&client, 1, good, 0).await?;
    forbid_behind_its_back(servers.addresses()).await?;
    let mixed = run(&client, 2, good, refused).await?;
    eprintln!(
        "{good} good documents: {alone:?} alone, {mixed:?} with {refused} refused among them"
    );
    ensure!(
        mixed <= alone * 2 + Duration::from_secs(5),
        "the good ones keep less than half of their rate: {alone:?} alone, {mixed:?} with {refused} refused among {good}"
    );
    Ok(())
}

/// Writes them as one bulk, every fourth one refused, until all have their verdict; returns the time until
/// the last good one is found.
async fn run(client: &Arc<Client>, run: u64, good: u64, refused: u64) -> Result<Duration> {
    let before = client.count(COLLECTION, &[]).await?;
    let mut lines = String::new();
    let (mut written, mut bad) = (0, 0);
    while written < good {
        let id = format!("{run}-{written}");
        line(&mut lines, &id, &json!({"n": written}))?;
        written += 1;
        if written % 3 == 0 && bad < refused {
            line(
                &mut lines,
                &format!("{run}-bad-{bad}"),
                &json!({"n": 1, "addr": "no address"}),
            )?;
            bad += 1;
        }
    }
    let began = Instant::now();
    let mut answers = client.bulk("document.create", lines.as_bytes()).await?;
    answers.retain(|answer| answer["request_id"].is_string());
    ensure!(
        answers.len() as u64 == good + refused,
        "{} answers",
        answers.len()
    );
    while client.count(COLLECTION, &[]).await? < before + good {
        ensure!(began.elapsed() < PATIENCE, "not all good ones arrive");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed();
    if refused > 0 {
        judge(client, &answers, began).await?;
    }
    Ok(took)
}

fn line(lines: &mut String, id: &str, body: &Value) -> Result<()> {
    let request = json!({"index": "faults", "collection": "mixed", "_id": id, "body": body});
    writeln!(lines, "{request}")?;
    Ok(())
}

/// Every refused one says that it cannot be mapped, and no good one does.
async fn judge(client: &Client, answers: &[Value], began: Instant) -> Result<()> {
    for (n, answer) in answers.iter().enumerate() {
        let is_bad = n % 4 == 3;
        // A sample of the good ones, all of the bad ones.
        if !is_bad && n % 97 != 0 {
            continue;
        }
        let request = answer["request_id"].as_str().context("an accepted line")?;
        loop {
            let seen = client.look(request).await.map(|seen| seen.status);
            match (&seen, is_bad) {
                (Some(Status::Applied), false) => break,
                (Some(Status::Refused(code)), true) if code == "unmappable" => break,
                (None | Some(Status::Queued), _) => {}
                _ => bail!("line {n}: {seen:?}"),
            }
            ensure!(began.elapsed() < PATIENCE, "line {n}: {seen:?} after all");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// A field that the collection's mapping does not know becomes an address in the index itself, so
/// that no check can foresee what it refuses.
async fn forbid_behind_its_back(servers: &Addresses) -> Result<()> {
    let (http, url) = (reqwest::Client::new(), servers.elasticsearch_url());
    let indices: Vec<Value> = http
        .get(format!("{url}/_cat/indices?format=json&h=index"))
        .send()
        .await?
        .json()
        .await?;
    let mine: Vec<&str> = indices
        .iter()
        .filter_map(|row| row["index"].as_str())
        .filter(|name| name.contains("mixed"))
        .collect();
    ensure!(
        !mine.is_empty(),
        "no index of {COLLECTION} among {indices:?}"
    );
    for index in mine {
        let answer = http
            .put(format!("{url}/{index}/_mapping"))
            .json(&json!({"properties": {"addr": {"type": "ip"}}}))
            .send()
            .await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
    }
    Ok(())
}
