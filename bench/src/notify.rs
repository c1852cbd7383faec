//! `consign-bench notify`: notifications a second to many WebSockets in one room, beside a bare
//! server that sends the same bytes to as many. A notification counts when its last byte was read;
//! afterwards every socket must have read each, and all of them the same bytes.

mod drive;

use crate::{
    compared::{Compared, Round},
    environment::BenchEnvironment,
    files,
    listeners::Socket,
    workload::{self, COLLECTION, INDEX},
};
use clap::Args;
use consign::commands::Invocation;
use consign::{client::envelope, failure::Failure, settings::LogKind};
use drive::Drive;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  consign-bench notify
  consign-bench notify --sockets 100 --seconds 10 --json
  consign-bench notify --in-flight 1            one message after the other";

/// Cursors and tokens hold offsets, which are not all of one length; everything else is.
const SLACK: usize = 32;
const FLOOR: &str = "a bare axum WebSocket server that sends the same bytes to as many sockets";

/// Notifications a second to many sockets in one room, beside a bare WebSocket server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Subscribers, all of one room
    #[arg(long, default_value_t = 1_000)]
    sockets: usize,
    /// Messages or writes on their way at once; the next goes out when one has reached all
    #[arg(long, default_value_t = 32)]
    in_flight: u64,
}

/// What makes notifications.
#[derive(Clone, Copy, Debug)]
enum By {
    Messages,
    Writes,
}

impl By {
    fn request(self, n: u64) -> String {
        match self {
            Self::Messages => {
                let message = json!({"from": "somebody", "number": format!("{n:012}"), "text": "On my way, there in ten minutes."});
                let place = json!({"index": INDEX, "collection": COLLECTION, "body": message});
                envelope::request_envelope("realtime", "publish", place).to_string()
            }
            Self::Writes => {
                let write = serde_json::from_str(&workload::request(n)).unwrap_or_default();
                envelope::request_envelope("document", "createOrReplace", write).to_string()
            }
        }
    }
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    files::allow(arguments.sockets as u64 + 1_000)?;
    let most = arguments.sockets + 100;
    let limits = [
        format!("gateway.max_connections={}", most + 100),
        format!("gateway.live.connections_per_address={most}"),
    ];
    let mut environment =
        BenchEnvironment::make(invocation, &limits.each_ref().map(String::as_str)).await?;
    if environment.settings.log.kind != LogKind::Embedded {
        return Err(Failure::usage(
            "this measures `consign dev`, which runs on files: leave log.kind at `embedded`",
        ));
    }
    let client = environment.whole().await?;
    let ours = environment.process();
    workload::create_collection(&client).await?;
    let floor = environment.broadcast().await?;
    let listen = Some(subscribe());
    let (mut told, mut first) = (Vec::new(), 1);
    for (bench, by) in [
        ("notify of messages", By::Messages),
        ("notify of writes that are done", By::Writes),
    ] {
        let sample = sample(client.url(), by).await?;
        let bare = Drive {
            url: &floor,
            path: "/tell",
            listen: None,
            request: &|_| sample.clone(),
            bytes: sample.len(),
            slack: 0,
            process: environment.process(),
        };
        let ours = Drive {
            url: client.url(),
            path: "/",
            listen: listen.clone(),
            request: &|n| by.request(n),
            bytes: sample.len(),
            slack: SLACK,
            process: ours,
        };
        let mut rounds = Vec::new();
        for round in 1..=arguments.rounds.max(1) {
            let bare = bare.run(&arguments, &mut first).await?;
            let ours = ours.run(&arguments, &mut first).await?;
            rounds.push(Round::new(bare.rate, ours.rate));
            let (of, bytes) = (arguments.rounds.max(1), sample.len());
            let micros = format!(
                "processor µs for each: floor {:.2}, consign {:.2}",
                bare.micros, ours.micros
            );
            invocation.output.note(&format!(
                "{bench}, {bytes} bytes, round {round} of {of}; {micros}"
            ));
        }
        told.push(Compared::new(
            bench,
            environment.on(),
            FLOOR,
            Some(0.6),
            rounds,
        ));
    }
    environment.end().await?;
    invocation.output.result(&told, |told| {
        told.iter()
            .map(Compared::text)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

/// How the room is asked for.
fn subscribe() -> String {
    envelope::request_envelope(
        "realtime",
        "subscribe",
        json!({"index": INDEX, "collection": COLLECTION, "body": {}}),
    )
    .to_string()
}

/// One notification, as it is told.
async fn sample(url: &str, by: By) -> Result<String, Failure> {
    let (mut listener, mut driver) = (Socket::open(url, "/").await?, Socket::open(url, "/").await?);
    listener.say(&subscribe()).await?;
    listener.text().await?;
    driver.say(&by.request(0)).await?;
    listener.text().await
}
