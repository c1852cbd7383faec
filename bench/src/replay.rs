//! `consign-bench replay`: how fast one job mends and replays dead letters, until the last is applied,
//! beside the same requests when they are written and nothing is wrong with them.

use crate::{
    compared::{Compared, Round},
    dead_letters::{self, DefinitionsFolder, LetterBody, OPERATION},
    environment::BenchEnvironment,
    workload,
};
use clap::Args;
use consign::{client::Client, commands::Invocation, failure::Failure};
use serde_json::json;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  consign-bench replay
  consign-bench replay --letters 1000 --config gateway.toml      on servers

On servers it leaves topics, a keyspace and indices behind that begin with b and a number (bench_b… for the keyspace).";

/// Dead letters, replayed a second by one job with a patch, beside sound requests of the same
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Dead letters in each round, each of a key of its own
    #[arg(long, default_value_t = 10_000)]
    letters: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// How often it is asked how far a job is.
const LOOK: Duration = Duration::from_millis(20);

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let definitions = DefinitionsFolder::make()?;
    let settings = definitions.settings();
    let settings = [settings[0].as_str(), settings[1].as_str()];
    let mut environment = BenchEnvironment::make(invocation, &settings).await?;
    let client = environment.whole().await?;
    // What a token covers is waited for in this one.
    workload::create_collection(&client).await?;
    let (mut rounds, letters) = (Vec::new(), arguments.letters.max(1));
    for round in 0..arguments.rounds.max(1) as u64 {
        let first = round * 2 * letters;
        let began = Instant::now();
        write_all(&client, first..first + letters, LetterBody::Whole).await?;
        let floor = letters as f64 / began.elapsed().as_secs_f64();
        write_all(
            &client,
            first + letters..first + 2 * letters,
            LetterBody::Missing,
        )
        .await?;
        dead_letters::expect_dead(&client, letters, Some(0)).await?;
        let began = Instant::now();
        replay_all(&client, letters).await?;
        rounds.push(Round::new(
            floor,
            letters as f64 / began.elapsed().as_secs_f64(),
        ));
    }
    let on = environment.on();
    environment.end().await?;
    Compared::new(
        "replay",
        on,
        "the same requests in one bulk, until the last is applied",
        Some(0.8),
        rounds,
    )
    .print(invocation)
}

/// Until all of them have a verdict.
async fn write_all(
    client: &Client,
    keys: std::ops::Range<u64>,
    body: LetterBody,
) -> Result<(), Failure> {
    let token = dead_letters::send(client, keys, body).await?;
    workload::until_applied(client, &token).await
}

async fn replay_all(client: &Client, letters: u64) -> Result<(), Failure> {
    let order = json!({"select": {"all": true, "operation": OPERATION}, "reason": "they had no document",
        "patch": [{"op": "add", "path": "/body", "value": dead_letters::document(0)}]});
    let request = client.at(reqwest::Method::POST, "/v1/replays").json(&order);
    let job = client.send(request).await?.succeeded()?;
    // Without its items: they show what each came to, and would be read and sent with each look.
    let path = format!(
        "/v1/replays/{}?limit=0",
        job["id"].as_str().unwrap_or_default()
    );
    loop {
        let job = client.get(&path).await?.succeeded()?;
        if job["state"] == "done" {
            return match job["counts"]["applied"].as_u64() {
                Some(applied) if applied == letters => Ok(()),
                _ => Err(Failure::failed(format!(
                    "not all were applied: {}",
                    job["counts"]
                ))),
            };
        }
        tokio::time::sleep(LOOK).await;
    }
}
