//! `consign sync`: the view's documents of chosen users, organisations, batches or enrolments, compared with
//! the record and written again where they differ. Typed again after an interruption, it goes on with what
//! still differs.

mod chosen;

use super::Invocation;
use crate::{
    client::{self, Client},
    failure::Failure,
    progress::FractionBar,
};
use chosen::{ChosenObjects, ObjectKind};
use clap::Args;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use tokio::time::Instant;

const EXAMPLES: &str = "\
Examples:
  consign sync --type user 7c1f0e52-3a94-4d0b-9b57-21d6c0f8e4a1
  consign sync --type organisation --ids-from schools.txt
  consign sync --type user_course --ids-from - --all          also those that do not differ

Nothing is asked for unless all of them are in the record. The workers write documents again as the record has them, at versions of their own;
subscribers are not notified, and `_version` stays. For everything that the view holds: `consign audit`, `consign repair`, `consign rebuild`.

Exit codes: 0 nothing differs now, 1 something still does or was not written, 2 usage, 3 no answer.";

/// How long what was written may take until a search finds it.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// Write chosen documents of the view again, where they differ from the record
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Ids of what is compared
    ids: Vec<String>,
    /// A file with an id in each line; - is the standard input
    #[arg(long, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// What the ids are of
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: ObjectKind,
    /// Also write those that do not differ
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    client: client::Endpoint,
}

/// What a sync came to.
#[derive(Debug, Serialize)]
struct SyncReport {
    compared: usize,
    /// Ids of what differed.
    differed: Vec<String>,
    written: usize,
    /// Ids of what was refused, or is not decided.
    not_written: Vec<String>,
    /// Ids of what differs still.
    left: Vec<String>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let ids = chosen::read_ids(arguments.ids, arguments.ids_from.as_deref())?;
    let bar = FractionBar::new(invocation.shared.json);
    let sync = DocumentSync {
        objects: ChosenObjects {
            client: &client,
            kind: arguments.kind,
        },
        bar: &bar,
    };
    let report = sync.run(&ids, arguments.all).await;
    bar.end();
    let report = report?;
    invocation.output.result(&report, |report| {
        format!(
            "{} compared, {} differed, {} written again, {} differ still\n",
            report.compared,
            report.differed.len(),
            report.written,
            report.left.len()
        )
    })?;
    if report.left.is_empty() && report.not_written.is_empty() {
        return Ok(());
    }
    let failure = Failure::failed("not all of them are as the record has them");
    Err(failure.hint("--json names them; typed again, it goes on with what differs"))
}

struct DocumentSync<'a> {
    objects: ChosenObjects<'a>,
    bar: &'a FractionBar,
}

impl DocumentSync<'_> {
    async fn run(&self, ids: &[String], all: bool) -> Result<SyncReport, Failure> {
        self.objects.expect_present(ids).await?;
        let mut differed = Vec::new();
        for chunk in ids.chunks(chosen::CHUNK) {
            differed.extend(self.objects.differing(chunk).await?);
            self.bar.set(0.0, format!("{} differ", differed.len()));
        }
        let asked = if all { ids } else { &differed };
        let mut not_written = Vec::new();
        for (n, chunk) in asked.chunks(chosen::CHUNK).enumerate() {
            not_written.extend(self.write(chunk).await?);
            let done = n * chosen::CHUNK + chunk.len();
            let text = format!("{done} of {} written again", asked.len());
            self.bar.set(done as f64 / asked.len() as f64, text);
        }
        Ok(SyncReport {
            compared: ids.len(),
            written: asked.len() - not_written.len(),
            left: self.left(asked).await?,
            differed,
            not_written,
        })
    }

    /// Asks for a chunk and waits for it; the ids of what was not written.
    async fn write(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let client = self.objects.client;
        let body = json!({"objectType": self.objects.kind.name(), "objectIds": ids});
        let asked = client.at(Method::POST, "/v1/operations/data.sync");
        let asked = asked.header("prefer", "wait=30").json(&body);
        let mut told = client.send(asked).await?.succeeded()?;
        let path = match told["request_id"].as_str() {
            Some(request) => format!("/v1/requests/{request}"),
            None => return Err(Failure::failed(format!("no request in {told}"))),
        };
        loop {
            told = client.get(&path).await?.succeeded()?;
            match told["status"].as_str() {
                Some("applied") => break,
                Some("refused" | "dead_lettered") => return Ok(ids.to_vec()),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        // One part for each id, in their order.
        let parts = told["parts"].as_array().map_or(&[][..], Vec::as_slice);
        let is_written = |n: usize| {
            parts
                .get(n)
                .is_some_and(|part: &Value| part["status"] == "applied")
        };
        let not_written = ids.iter().enumerate().filter(|(n, _)| !is_written(*n));
        Ok(not_written.map(|(_, id)| id.clone()).collect())
    }

    /// What differs still, when a search has had the time to find what was written.
    async fn left(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let (began, mut left) = (Instant::now(), ids.to_vec());
        loop {
            let mut differing = Vec::new();
            for chunk in left.chunks(chosen::CHUNK) {
                differing.extend(self.objects.differing(chunk).await?);
            }
            left = differing;
            if left.is_empty() || began.elapsed() > SEEN_WITHIN {
                return Ok(left);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
