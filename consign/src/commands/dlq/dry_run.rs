//! What a replay would do, without doing it: each dead letter as it is planned now, and a count of all.

use super::{Invocation, patience::ask_patiently, selection, text};
use crate::{client::Client, failure::Failure};
use ::replay::{DeadLetterFilter, JobOrder};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Dead letters that are asked about together.
const TOGETHER: usize = 250;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Those that would come to what is wanted, as far as a person is shown them.
const SHOWN: u64 = 20;

#[derive(Debug, Default)]
struct Foreseen {
    total: u64,
    wanted: u64,
    /// Parked events that would follow.
    follow: u64,
}

/// Tells what would become of each; fails if not all of them would come to what is wanted.
pub async fn dry_run(
    client: &Client,
    order: &JobOrder,
    invocation: &Invocation<'_>,
) -> Result<(), Failure> {
    let letters = selection::fetch_letters(client, &order.select).await?;
    if letters.is_empty() && !order.select.requests.is_empty() {
        return Err(Failure::failed("no dead letter of these requests waits"));
    }
    let mut foreseen = Foreseen::default();
    for some in letters.chunks(TOGETHER) {
        let ids = some.iter().map(|letter| letter.request_id.clone());
        let select = DeadLetterFilter {
            requests: ids.collect(),
            ..DeadLetterFilter::default()
        };
        let order = JobOrder {
            select,
            ..order.clone()
        };
        let ask = || {
            let request = client.at(Method::POST, "/v1/replays");
            request.json(&order).timeout(PATIENCE)
        };
        let answer = ask_patiently(client, ask).await?.succeeded()?;
        for item in answer["items"].as_array().into_iter().flatten() {
            foreseen.tell_item(item, &order, invocation);
        }
    }
    foreseen.conclude(order.action.wanted(), invocation)
}

impl Foreseen {
    fn tell_item(&mut self, item: &Value, order: &JobOrder, invocation: &Invocation<'_>) {
        let preview = &item["preview"];
        let verdict = preview["verdict"].as_str();
        let is_overtaken = preview["overtaken"] == true && !order.as_new;
        let is_wanted = matches!(verdict, Some("applied" | "discarded")) && !is_overtaken;
        self.total += 1;
        if is_wanted {
            self.wanted += 1;
            self.follow += preview["follow"].as_u64().unwrap_or(0);
        }
        if invocation.output.json {
            invocation.output.line(&item.to_string());
        } else if !is_wanted || self.wanted <= SHOWN {
            let of = |name: &str| item[name].as_str().unwrap_or_default();
            let told = match item["problem"]["detail"].as_str() {
                Some(why) => format!("cannot be: {why}\n"),
                None => text::preview_text(preview),
            };
            let line = format!("{}  {}  {told}", of("request_id"), of("key"));
            invocation.output.line(line.trim_end());
        }
    }

    fn conclude(&self, end: &str, invocation: &Invocation<'_>) -> Result<(), Failure> {
        let output = invocation.output;
        let left = self.wanted.saturating_sub(SHOWN);
        if left > 0 && !output.json {
            output.line(&format!("… {left} more would be {end} (--json lists each)"));
        }
        let Self {
            total,
            wanted,
            follow,
        } = self;
        output.note(&format!(
            "{wanted} of {total} dead letters would be {end}, {follow} parked behind them would follow; nothing was done"
        ));
        match total - wanted {
            0 => Ok(()),
            failing => Err(Failure::failed(format!(
                "{failing} of them would not be {end}"
            ))),
        }
    }
}
