//! How fast the record applies, beside bare prepared inserts of the same bytes by the same driver
//! in the same run: documents of 1 KiB with their ledger rows, then rows of an operation's table.
//!
//! `cargo run --release -p store-cassandra --example cassandra_apply_rate -- [host:port] [documents
//! per round] [rounds]`

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use event_schema::outcome::Verdict;
use futures::{StreamExt, stream};
use scylla::{client::session_builder::SessionBuilder, statement::Consistency};
use serde_json::json;
use std::time::{Duration, Instant};
use store::{
    ItemVerdict, Record,
    contract::{self, Fixture},
    document::Write,
};
use store_cassandra::{Cassandra, Config};

const BATCH: u64 = 500;
const IN_FLIGHT: usize = 128;

type Error = Box<dyn std::error::Error + Send + Sync>;

struct Bench {
    record: Cassandra,
    session: scylla::client::session::Session,
    keyspace: String,
    body: String,
    next: u64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| testbed::Addresses::shared().cassandra);
    let count: u64 = arguments.next().map_or(Ok(10_000), |n| n.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let keyspace = testbed::unique("bench");
    let record = Cassandra::new(Config {
        nodes: vec![address.clone()],
        keyspace: keyspace.clone(),
        ..Config::default()
    })?;
    record.migrate(&contract::tables()).await?;
    let session = SessionBuilder::new().known_node(&address).build().await?;
    let body = format!(r#"{{"n":1,"text":"{}"}}"#, "x".repeat(1_003));
    let mut bench = Bench {
        record,
        session,
        keyspace: keyspace.clone(),
        body,
        next: 1,
    };

    let (mut documents, mut rows) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let pairs = [
            (
                bench.ours_documents(count).await?,
                bench.bare_documents(count).await?,
                &mut documents,
            ),
            (
                bench.ours_rows(count).await?,
                bench.bare_rows(count).await?,
                &mut rows,
            ),
        ];
        for ((ours, bare, into), what) in pairs.into_iter().zip(["documents with ledger", "rows"]) {
            let rate = |took: Duration| count as f64 / took.as_secs_f64();
            let label = if round == 0 {
                "warm-up".to_owned()
            } else {
                format!("round {round}")
            };
            println!(
                "{label}: {what}: ours {:.0}/s, bare {:.0}/s, ratio {:.2}",
                rate(ours),
                rate(bare),
                rate(ours) / rate(bare)
            );
            if round > 0 {
                into.push(rate(ours) / rate(bare));
            }
        }
    }
    for (what, mut ratios) in [("documents with ledger", documents), ("rows", rows)] {
        ratios.sort_by(f64::total_cmp);
        println!(
            "{what}: median ratio {:.2} of {rounds} rounds, {count} each",
            ratios[ratios.len() / 2]
        );
    }
    bench
        .session
        .query_unpaged(format!("DROP KEYSPACE \"{keyspace}\""), ())
        .await?;
    Ok(())
}

impl Bench {
    fn take(&mut self, count: u64) -> u64 {
        let first = self.next;
        self.next += count;
        first
    }

    /// As a worker does it: a batch's writes, then its ledger rows; two batches at once.
    async fn ours_documents(&mut self, count: u64) -> Result<Duration, Error> {
        let f = Fixture::new();
        let first = self.take(count);
        let batches: Vec<_> = (first..first + count)
            .step_by(BATCH as usize)
            .map(|from| {
                let numbers = from..(from + BATCH).min(first + count);
                let writes: Vec<Write> = numbers
                    .clone()
                    .map(|n| f.put(&format!("d{n}"), n, &self.body))
                    .collect();
                let entries: Vec<_> = numbers.map(|n| f.entry(n, n, Verdict::Applied)).collect();
                (writes, entries)
            })
            .collect();
        // Whoever applies has met the partition: the first write of each is looked at, once.
        all_done(&self.record.apply(&[f.put("first", first - 1, "{}")]).await)?;
        let began = Instant::now();
        let record = &self.record;
        let work: Vec<_> = batches
            .iter()
            .map(|(writes, entries)| async move {
                all_done(&record.apply(writes).await)?;
                all_done(&record.remember(entries).await)
            })
            .collect();
        let mut work = stream::iter(work).buffered(2);
        while let Some(done) = work.next().await {
            done?;
        }
        Ok(began.elapsed())
    }

    async fn bare_documents(&mut self, count: u64) -> Result<Duration, Error> {
        let f = Fixture::new();
        let keyspace = &self.keyspace;
        let text = format!(
            "INSERT INTO \"{keyspace}\".documents (\"index\", collection, incarnation, id, body, version, position, revision, request, deleted) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        );
        let document = self.prepared(&text).await?;
        let ledger = self
            .prepared(&format!(
                "INSERT INTO \"{keyspace}\".ledger (request, entry) VALUES (?, ?) USING TIMESTAMP ?"
            ))
            .await?;
        let first = self.take(count);
        let c = &f.collection;
        let prepared: Vec<_> = (first..first + count)
            .map(|n| {
                (
                    n,
                    format!("d{n}"),
                    f.request(n),
                    serde_json::to_string(&f.entry(n, n, Verdict::Applied)).expect("JSON"),
                )
            })
            .collect();
        let (session, body, document, ledger) = (&self.session, &self.body, &document, &ledger);
        let began = Instant::now();
        let work: Vec<_> = prepared
            .iter()
            .map(|(n, id, request, entry)| {
                let at = f.version(*n).timestamp(0);
                async move {
                    let position = (1_i32, 0_i32, *n as i64);
                    let key = (&c.index, &c.collection, &c.incarnation, id);
                    let values = (
                        key.0,
                        key.1,
                        key.2,
                        key.3,
                        body,
                        *n as i64,
                        position,
                        *n as i64,
                        request.to_string(),
                        false,
                        at,
                    );
                    session.execute_unpaged(document, values).await?;
                    session
                        .execute_unpaged(ledger, (request.unique().to_vec(), entry, at))
                        .await
                }
            })
            .collect();
        let mut work = stream::iter(work).buffer_unordered(IN_FLIGHT);
        while let Some(done) = work.next().await {
            done?;
        }
        Ok(began.elapsed())
    }

    async fn ours_rows(&mut self, count: u64) -> Result<Duration, Error> {
        let first = self.take(count);
        let batches: Vec<Vec<Write>> = (first..first + count)
            .step_by(BATCH as usize)
            .map(|from| {
                (from..(from + BATCH).min(first + count))
                    .map(|n| Fixture::new().put_row(n as i64, cells(n), n))
                    .collect()
            })
            .collect();
        let began = Instant::now();
        let record = &self.record;
        let work: Vec<_> = batches
            .iter()
            .map(|writes| async move { all_done(&record.apply(writes).await) })
            .collect();
        let mut work = stream::iter(work).buffered(2);
        while let Some(done) = work.next().await {
            done?;
        }
        Ok(began.elapsed())
    }

    async fn bare_rows(&mut self, count: u64) -> Result<Duration, Error> {
        let keyspace = &self.keyspace;
        let text = format!(
            "INSERT INTO \"{keyspace}\".contract_rows (owner, item, name, count, total, open) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        );
        let insert = &self.prepared(&text).await?;
        let first = self.take(count);
        let owners: Vec<_> = (first..first + count)
            .map(|n| (n as i64, Fixture::new().name("owner"), "x".repeat(200)))
            .collect();
        let session = &self.session;
        let began = Instant::now();
        let work: Vec<_> = owners
            .iter()
            .map(|(n, owner, name)| async move {
                session
                    .execute_unpaged(
                        insert,
                        (owner, n, name, *n as i32, n, true, (1_i64 << 52) | (n << 8)),
                    )
                    .await
            })
            .collect();
        let mut work = stream::iter(work).buffer_unordered(IN_FLIGHT);
        while let Some(done) = work.next().await {
            done?;
        }
        Ok(began.elapsed())
    }

    async fn prepared(
        &self,
        text: &str,
    ) -> Result<scylla::statement::prepared::PreparedStatement, Error> {
        let mut statement = self.session.prepare(text).await?;
        statement.set_consistency(Consistency::LocalQuorum);
        Ok(statement)
    }
}

fn cells(n: u64) -> serde_json::Value {
    json!({"name": "x".repeat(200), "count": n as i32, "total": n, "open": true})
}

fn all_done(verdicts: &[ItemVerdict]) -> Result<(), Error> {
    match verdicts
        .iter()
        .find(|verdict| **verdict != ItemVerdict::Done)
    {
        None => Ok(()),
        Some(other) => Err(format!("not done: {other:?}").into()),
    }
}
