//! `consign purge markers`: lists the markers that deletions left, page by page, has the workers purge
//! those that no late write can need any longer, and says of the others why they stay. Typed again, it
//! goes over what is left.

use super::Invocation;
use crate::{
    client::{Client, Endpoint},
    confirmation::require_confirmation,
    failure::Failure,
    progress::FractionBar,
};
use clap::Args;
use event_schema::purge::PurgeResult;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

const EXAMPLES: &str = "\
Examples:
  consign purge markers --dry-run
  consign purge markers --index world --collection cities --yes
  consign purge markers --older-than 7d --rate 200 --yes --json

A marker goes if it is older than the age and the worker's `markers_kept_ms`, if no worker may apply its deletion again, if nothing was
written since, and if nothing is held under its key. What stays is counted by the reason. A document that is made again afterwards begins at `_version` 1.

Exit codes: 0 every marker was judged, 1 some were not in time, 2 usage, 3 no answer.";

/// Purge the markers of deleted documents
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only of this index
    #[arg(long, value_name = "INDEX")]
    index: Option<String>,
    /// Only of collections of this name
    #[arg(long, value_name = "COLLECTION")]
    collection: Option<String>,
    /// The least age: a number and s, m, h or d
    #[arg(long, value_name = "AGE", default_value = "1d", value_parser = read_age)]
    older_than: Duration,
    /// At most this many markers a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Dry run: only count what would be asked for
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// The reason, kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long to wait for the workers, for each page, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    #[command(flatten)]
    client: Endpoint,
}

/// What a purge came to.
#[derive(Debug, Default, Serialize)]
struct PurgeReport {
    dry_run: bool,
    found: u64,
    asked: u64,
    purged: u64,
    /// How many stay, by the reason.
    left: BTreeMap<String, u64>,
    /// Requests that were refused, or have no verdict yet.
    not_judged: Vec<String>,
}

#[derive(Deserialize)]
struct PageAnswer {
    found: u64,
    asked: u64,
    requests: Vec<PageRequest>,
    left: Vec<NamedReason>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct PageRequest {
    request_id: String,
}

#[derive(Deserialize)]
struct NamedReason {
    why: String,
}

fn read_age(text: &str) -> Result<Duration, String> {
    let wrong = || "a number and s, m, h or d, such as 36h".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    // Longer than anything was kept.
    let all = number
        .checked_mul(seconds)
        .filter(|all| *all <= 100 * 366 * 86_400);
    all.map(Duration::from_secs).ok_or_else(wrong)
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    require_confirmation(
        "purge the markers of deleted documents?",
        arguments.dry_run || arguments.yes,
        "nothing was purged",
    )?;
    let client = Client::new(&arguments.client)?;
    let bar = FractionBar::new(invocation.output.json);
    let mut report = PurgeReport {
        dry_run: arguments.dry_run,
        ..PurgeReport::default()
    };
    let done = purge_all(&client, &arguments, &mut report, &bar).await;
    bar.end();
    done.map_err(|failure| {
        let purged = report.purged;
        let hint = failure.hint.clone().unwrap_or_default();
        let more = format!("{purged} were purged; typed again, it goes over what is left");
        failure.hint([hint, more].join(" ").trim().to_owned())
    })?;
    invocation.output.result(&report, report_text)?;
    if report.not_judged.is_empty() {
        return Ok(());
    }
    let failure = Failure::failed("not all of them were judged");
    Err(failure.hint("typed again, it goes over what is left"))
}

async fn purge_all(
    client: &Client,
    arguments: &Arguments,
    report: &mut PurgeReport,
    bar: &FractionBar,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut behind: Option<String> = None;
    loop {
        let limit = arguments.rate.map_or(500, |rate| rate.clamp(1, 500));
        let order = json!({
            "index": arguments.index, "collection": arguments.collection,
            "older_than_ms": u64::try_from(arguments.older_than.as_millis()).unwrap_or(u64::MAX),
            "limit": limit, "behind": behind, "dry_run": arguments.dry_run, "reason": arguments.reason,
        });
        let answer = ask_for_page(client, &order, arguments.wait).await?;
        let page: PageAnswer = serde_json::from_value(answer)
            .map_err(|error| Failure::failed(format!("the gateway's answer: {error}")))?;
        report.found += page.found;
        report.asked += page.asked;
        for left in page.left {
            *report.left.entry(left.why).or_default() += 1;
        }
        let (asked, judged) = (page.requests.len(), report.not_judged.len());
        let deadline = Instant::now() + Duration::from_secs(arguments.wait);
        for request in page.requests {
            await_verdict(client, request.request_id, deadline, report).await?;
        }
        if asked > 0 && report.not_judged.len() - judged == asked {
            // Nothing is judged now: more would only wait as well.
            return Ok(());
        }
        let text = format!("{} markers found, {} purged", report.found, report.purged);
        bar.set(0.0, text);
        match page.next {
            Some(next) => behind = Some(next),
            None => return Ok(()),
        }
        if let Some(rate) = arguments.rate {
            let due = Duration::from_secs_f64(report.asked as f64 / f64::from(rate));
            tokio::time::sleep_until(began + due).await;
        }
    }
}

/// A gateway reads few pages at once: it is asked again for as long as a page may take.
async fn ask_for_page(client: &Client, order: &Value, wait: u64) -> Result<Value, Failure> {
    let began = Instant::now();
    loop {
        let asked = client.at(Method::POST, "/v1/markers/_purge").json(order);
        let asked = asked.timeout(Duration::from_secs(120));
        let answer = client.send(asked).await?;
        if answer.status != 429 || began.elapsed() > Duration::from_secs(wait) {
            return answer.succeeded();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Adds what the workers decided of one request.
async fn await_verdict(
    client: &Client,
    request: String,
    deadline: Instant,
    report: &mut PurgeReport,
) -> Result<(), Failure> {
    let known = client.decided_request(&request, deadline).await?;
    let status = known["status"].as_str().unwrap_or("queued");
    if status != "applied" {
        report.not_judged.push(format!("{request} {status}"));
        return Ok(());
    }
    let result = serde_json::from_value(known["result"].clone());
    let result: PurgeResult =
        result.map_err(|error| Failure::failed(format!("the result of {request}: {error}")))?;
    report.purged += result.purged;
    for left in result.left {
        *report.left.entry(left.why.text().to_owned()).or_default() += 1;
    }
    Ok(())
}

fn report_text(report: &PurgeReport) -> String {
    let mut text = match report.dry_run {
        true => format!(
            "{} markers found, {} would be asked for\n",
            report.found, report.asked
        ),
        false => format!("{} markers found, {} purged\n", report.found, report.purged),
    };
    for (why, count) in &report.left {
        text += &format!("left: {count}: {why}\n");
    }
    for one in &report.not_judged {
        text += &format!("not judged: {one}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_numbers_with_a_unit() {
        let of = |text: &str| read_age(text).map(|age| age.as_secs());
        assert_eq!(of("1d"), Ok(86_400));
        assert_eq!(of("36h"), Ok(129_600));
        assert_eq!((of("0s"), of("90m")), (Ok(0), Ok(5_400)));
        for wrong in [
            "",
            "d",
            "1",
            "1w",
            "-1d",
            "1.5d",
            "99999999999999999d",
            "1é",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
