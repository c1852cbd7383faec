//! `consign load`: a file of lines through `_bulk`, resumable. A chunk is sent again as a whole,
//! under the same keys, until every line of it has a final answer: whatever breaks in between,
//! nothing is doubled and nothing is left out.

mod bar;
mod chunk;
mod input;
mod send;
mod state;
mod summary;

use super::Invocation;
use crate::{
    client::{self, Client},
    failure::Failure,
};
use bar::Bar;
use chunk::Chunks;
use clap::Args;
use input::Input;
use send::Sender;
use serde_json::Value;
use state::{State, Target};
use std::path::PathBuf;
use summary::Summary;

const EXAMPLES: &str = "\
Examples:
  consign load data/cities.jsonl.gz --operation document.createOrReplace --index world --collection cities --id /id --create
  consign load requests.jsonl --operation user.create           lines that are whole requests
  consign load changes.jsonl --operation document.update --index world --collection cities --id /id --wait

Each line of the file is one document (with --index and --collection) or one whole request. Type the same line again after an interruption:
it goes on behind the last line that was acknowledged. To load the same file once more, add --afresh.

Accepted means safe in the log; what a worker refuses later (a document that exists, say) is seen by its request id.
Exit 1 if the gateway refused lines.";

/// Load a file of JSON lines, plain or gzipped
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// JSON lines; gzipped if its name ends in .gz
    file: PathBuf,
    /// The operation that each line is a request of
    #[arg(long, short, value_name = "NAME")]
    operation: String,
    /// Lines are documents of this index
    #[arg(long, requires = "collection")]
    index: Option<String>,
    /// Lines are documents of this collection
    #[arg(long, requires = "index")]
    collection: Option<String>,
    /// Field that holds a document's id, as a JSON pointer or a name; without it ids are made
    #[arg(
        long,
        alias = "id-field",
        value_name = "POINTER",
        requires = "collection"
    )]
    id: Option<String>,
    /// The request's member that the document goes into
    #[arg(
        long,
        value_name = "NAME",
        default_value = "body",
        requires = "collection"
    )]
    member: String,
    /// Create the collection first, if it does not exist
    #[arg(long, requires = "collection")]
    create: bool,
    /// Mappings for --create: JSON, or a file of it
    #[arg(long, value_name = "JSON|FILE", requires = "create")]
    mappings: Option<String>,
    /// Wait until everything is applied
    #[arg(long, requires = "collection")]
    wait: bool,
    /// State file, to resume the load from [default: FILE.load.json]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Start from the beginning, ignoring the state of an earlier run
    #[arg(long)]
    afresh: bool,
    /// Lines in one request
    #[arg(long, value_name = "LINES", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    chunk: u64,
    /// How long to retry while the gateway is unreachable or overloaded, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
    #[command(flatten)]
    client: client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let input = Input::open(&arguments.file)?;
    let target = match (&arguments.index, &arguments.collection) {
        (Some(index), Some(collection)) => {
            if arguments.create {
                create_collection(&client, index, collection, arguments.mappings.as_deref())
                    .await?;
            }
            Target::Incarnation(find_incarnation(&client, index, collection).await?)
        }
        _ => Target::Url(client.url().to_owned()),
    };
    let mut state = State::open(&arguments, input.size, target)?;
    if state.started_over {
        invocation
            .output
            .note("the collection is not the one that an earlier run loaded into: starting over");
    } else if state.done && !arguments.afresh {
        invocation
            .output
            .note("this file was loaded before; --afresh loads it again");
    } else if state.lines > 0 {
        invocation.output.note(&format!(
            "going on behind line {}, as far as an earlier run came",
            state.lines
        ));
    }
    let mut bar = Bar::new(input.size, invocation.output.json);
    let mut summary = Summary::new(state.lines);
    let ended = tokio::select! {
        ended = load_chunks(&client, &arguments, input, &mut state, &mut bar, &mut summary) => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::failed("interrupted").hint("type the same line again to go on")),
    };
    bar.end();
    ended?;
    if arguments.wait
        && let (Some(index), Some(collection)) = (&arguments.index, &arguments.collection)
    {
        summary.applied =
            Some(send::until_applied(&client, index, collection, &summary.tokens).await?);
    }
    summary.finish();
    invocation.output.result(&summary, Summary::text)?;
    match summary.refused {
        0 => Ok(()),
        _ => Err(Failure::told()),
    }
}

async fn load_chunks(
    client: &Client,
    arguments: &Arguments,
    input: Input,
    state: &mut State,
    bar: &mut Bar,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let position = input.position.clone();
    let mut sender = Sender::new(client, arguments);
    let mut chunks = Chunks::new(input, arguments, state.lines)?;
    while let Some(chunk) = chunks.next()? {
        summary.take(sender.send(&chunk, state, bar).await?);
        state.advance(chunk.through)?;
        bar.at(position.load(std::sync::atomic::Ordering::Relaxed), summary);
    }
    state.finish()
}

async fn create_collection(
    client: &Client,
    index: &str,
    collection: &str,
    mappings: Option<&str>,
) -> Result<(), Failure> {
    let mut body = serde_json::Map::new();
    if let Some(given) = mappings {
        let text = if given.trim_start().starts_with('{') {
            given.to_owned()
        } else {
            std::fs::read_to_string(given)
                .map_err(|error| Failure::usage(format!("--mappings {given}: {error}")))?
        };
        let mappings: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::usage(format!("--mappings: {error}")))?;
        body.insert("mappings".to_owned(), mappings);
    }
    let request = client
        .at(
            reqwest::Method::PUT,
            &format!("/v1/collections/{index}/{collection}"),
        )
        .json(&body);
    client.send(request).await?.succeeded().map(drop)
}

/// Tells this collection from any other of its name.
async fn find_incarnation(
    client: &Client,
    index: &str,
    collection: &str,
) -> Result<String, Failure> {
    let known = client.get("/v1/collections").await?.succeeded()?;
    let is_it = |known: &&Value| known["index"] == index && known["collection"] == collection;
    let found = known["collections"]
        .as_array()
        .into_iter()
        .flatten()
        .find(is_it);
    found
        .and_then(|found| found["incarnation"].as_str())
        .map(str::to_owned)
        .ok_or_else(|| {
            Failure::failed(format!("there is no collection {index}/{collection}"))
                .hint("--create makes it, with --mappings where fields need them")
        })
}

#[cfg(test)]
mod tests;
