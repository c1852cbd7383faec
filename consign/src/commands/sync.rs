//! `consign sync`: the view's documents of users, organisations, batches or enrolments, chosen ones or all,
//! compared with the record and written again where they differ. Typed again after an interruption, it
//! goes on with what still differs.

mod chosen;
mod report;

use super::Invocation;
use crate::{
    client::{self, Client},
    failure::Failure,
    progress::FractionBar,
};
use chosen::{CHUNK, ChosenObjects, ObjectKind};
use clap::Args;
use report::SyncReport;
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use tokio::time::Instant;

const EXAMPLES: &str = "\
Examples:
  consign sync --type user 7c1f0e52-3a94-4d0b-9b57-21d6c0f8e4a1
  consign sync --type organisation --ids-from schools.txt
  consign sync --type batch --all
  consign sync --type user --all --behind 7c1f0e52-3a94-4d0b-9b57-21d6c0f8e4a1     goes on there
  consign sync --type user_course --ids-from - --rewrite          also those that do not differ

Nothing is asked for unless all that are named are in the record. The workers write documents again as the record has them, at versions of their own;
subscribers are not notified, and `_version` stays. For everything that the view holds: `consign audit`, `consign repair`, `consign rebuild`.

Exit codes: 0 nothing differs now, 1 something still does or was not written, 2 usage, 3 no answer.";

/// The status of what is refused for what it says, of no other call than this one.
const INVALID: u64 = 422;

/// How long may differ what is written while it is looked at.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// Write documents of the view again, where they differ from the record
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
    /// Everything of the type that the record has
    #[arg(long, conflicts_with_all = ["ids", "ids_from"])]
    all: bool,
    /// With --all: only what comes behind this id, in the order of the record
    #[arg(long, value_name = "ID", requires = "all")]
    behind: Option<String>,
    /// Also write those that do not differ
    #[arg(long)]
    rewrite: bool,
    #[command(flatten)]
    client: client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let bar = FractionBar::new(invocation.shared.json);
    let mut sync = DocumentSync {
        objects: ChosenObjects {
            client: &client,
            kind: arguments.kind,
        },
        bar: &bar,
        rewrite: arguments.rewrite,
        written: Vec::new(),
        report: SyncReport::default(),
    };
    let done = if arguments.all {
        sync.all(arguments.behind).await
    } else {
        let ids = chosen::read_ids(arguments.ids, arguments.ids_from.as_deref())?;
        sync.these(&ids).await
    };
    bar.end();
    let report = sync.report;
    // What was changed was changed, whatever ended it.
    if done.is_ok() || report.compared > 0 {
        invocation.output.result(&report, SyncReport::line)?;
    }
    done?;
    if report.left.is_empty() && report.not_written.is_empty() {
        return Ok(());
    }
    let failure = Failure::failed("not all of them are as the record has them");
    Err(failure.hint("--json names them; typed again, it goes on with what differs"))
}

/// What became of some that were asked for at once.
enum WriteAnswer {
    /// None of them was written: the whole is not accepted, and why.
    Refused(String),
    /// With the ids of what was refused, or is not decided.
    Decided { not_written: Vec<String> },
}

struct DocumentSync<'a> {
    objects: ChosenObjects<'a>,
    bar: &'a FractionBar,
    rewrite: bool,
    /// Ids of what was asked for.
    written: Vec<String>,
    report: SyncReport,
}

impl DocumentSync<'_> {
    async fn these(&mut self, ids: &[String]) -> Result<(), Failure> {
        self.objects.expect_present(ids).await?;
        for chunk in ids.chunks(CHUNK) {
            self.chunk(chunk).await?;
            self.show(ids.len());
        }
        self.settle().await
    }

    async fn all(&mut self, mut behind: Option<String>) -> Result<(), Failure> {
        let expected = self.objects.count().await?;
        loop {
            let page = self.objects.page(behind.as_deref()).await;
            let done = match page {
                Ok(ids) if ids.is_empty() => break,
                Ok(ids) => self.chunk(&ids).await.map(|()| ids),
                Err(failure) => Err(failure),
            };
            let ids = done.map_err(|failure| match &behind {
                Some(id) => failure.hint(format!("it goes on with --behind {id}")),
                None => failure,
            })?;
            behind = ids.last().cloned();
            self.show(expected);
        }
        self.settle().await
    }

    fn show(&self, expected: usize) {
        let SyncReport {
            compared, written, ..
        } = &self.report;
        let text = format!("{compared} compared, {written} written again");
        let done = *compared as f64 / expected.max(*compared).max(1) as f64;
        self.bar.set(done, text);
    }

    /// Compares, and has written what differs.
    async fn chunk(&mut self, ids: &[String]) -> Result<(), Failure> {
        let differing = self.objects.differing(ids).await?;
        self.report.compared += ids.len();
        self.report.differed.extend_from_slice(&differing);
        let asked = if self.rewrite { ids } else { &differing };
        let mut waiting = vec![asked];
        while let Some(ids) = waiting.pop().filter(|ids| !ids.is_empty()) {
            match (self.write(ids).await?, ids) {
                (WriteAnswer::Refused(why), [id]) => self.report.refuse(id, why),
                // One of them is enough: which is it?
                (WriteAnswer::Refused(_), ids) => {
                    let (one, other) = ids.split_at(ids.len() / 2);
                    waiting.extend([other, one]);
                }
                (WriteAnswer::Decided { not_written }, ids) => {
                    self.written.extend_from_slice(ids);
                    self.report.written += ids.len() - not_written.len();
                    self.report.not_written.extend(not_written);
                }
            }
        }
        Ok(())
    }

    /// Asks for documents to be written and waits for it.
    async fn write(&self, ids: &[String]) -> Result<WriteAnswer, Failure> {
        let client = self.objects.client;
        let body = json!({"objectType": self.objects.kind.name(), "objectIds": ids});
        let asked = client.at(Method::POST, "/v1/operations/data.sync");
        let asked = asked.header("prefer", "wait=30").json(&body);
        let mut told = match client.send(asked).await?.succeeded() {
            Ok(told) => told,
            Err(failure) if failure.status == Some(INVALID) => {
                return Ok(WriteAnswer::Refused(failure.message));
            }
            Err(failure) => return Err(failure),
        };
        let path = match told["request_id"].as_str() {
            Some(request) => format!("/v1/requests/{request}"),
            None => return Err(Failure::failed(format!("no request in {told}"))),
        };
        loop {
            told = client.get(&path).await?.succeeded()?;
            match told["status"].as_str() {
                // What is dead-lettered may be one part of it.
                Some("applied" | "dead_lettered") => break,
                Some("refused") => {
                    let why = told["problem"]["detail"].as_str().unwrap_or("refused");
                    return Ok(WriteAnswer::Refused(why.to_owned()));
                }
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
        let not_written = not_written.map(|(_, id)| id.clone()).collect();
        Ok(WriteAnswer::Decided { not_written })
    }

    /// Notes what differs still: what changes at the moment is looked at again.
    async fn settle(&mut self) -> Result<(), Failure> {
        let (began, mut left) = (Instant::now(), std::mem::take(&mut self.written));
        loop {
            let mut differing = Vec::new();
            for chunk in left.chunks(CHUNK) {
                differing.extend(self.objects.differing(chunk).await?);
            }
            left = differing;
            if left.is_empty() || began.elapsed() > SETTLED_WITHIN {
                self.report.left = left;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
