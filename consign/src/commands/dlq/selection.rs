//! Which dead letters a command is about, as the gateway is asked for them.

use super::patience::ask_patiently;
use crate::{client::Client, failure::Failure};
use ::replay::{DeadLetterFilter, DeadLetterLine, JobAction, JobOrder, JsonPatch};
use clap::Args;
use reqwest::Method;

#[derive(Clone, Debug, Default, Args)]
pub struct Filters {
    /// Only of this operation
    #[arg(long, short, value_name = "NAME")]
    pub operation: Option<String>,
    /// Only with this reason's code
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Only refused by this store
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    /// Only what failed last at this time (RFC 3339) or later
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what failed last before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only those with this text in their message or in the event
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Only those with this in the request: a JSON pointer, or `/POINTER=VALUE`; repeatable
    #[arg(long, value_name = "FIELD")]
    pub field: Vec<String>,
}

/// One of them must be said: a command that moves things is never about everything by accident.
#[derive(Clone, Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub struct Selection {
    /// These requests; repeatable
    #[arg(long, value_name = "ID")]
    pub request: Vec<String>,
    /// Those that are held under this key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// All of one cause, as `consign dlq stats` shows it
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<String>,
    /// All there are
    #[arg(long)]
    pub all: bool,
}

impl Filters {
    pub fn with(&self, selection: &Selection) -> DeadLetterFilter {
        let (selection, filters) = (selection.clone(), self.clone());
        DeadLetterFilter {
            requests: selection.request,
            key: selection.key,
            fingerprint: selection.fingerprint,
            operation: filters.operation,
            code: filters.code,
            store: filters.store,
            since: filters.since,
            until: filters.until,
            text: filters.text,
            fields: filters.field,
            all: selection.all,
        }
    }
}

/// What every command that moves dead letters takes.
#[derive(Clone, Debug, Args)]
pub struct JobArguments {
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub filters: Filters,
    /// Dry run: show what would change, field by field in each store
    #[arg(long)]
    pub dry_run: bool,
    /// At most this many per second
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// Repeat until none of the selection is left: what is parked may die of the same cause at its turn
    #[arg(long)]
    pub repeat: bool,
    /// The reason, shown to the client and kept
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub client: crate::client::Endpoint,
}

impl JobArguments {
    pub fn select(&self) -> DeadLetterFilter {
        self.filters.with(&self.selection)
    }

    pub fn order(&self, action: JobAction, as_new: bool, patch: Option<JsonPatch>) -> JobOrder {
        JobOrder {
            action,
            select: self.select(),
            dry_run: self.dry_run,
            rate: self.rate,
            reason: self.reason.clone(),
            as_new,
            repeat: self.repeat,
            patch,
        }
    }
}

/// The dead letters that the filter takes, the newest last.
pub async fn fetch_letters(
    client: &Client,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetterLine>, Failure> {
    let requests = filter.requests.iter();
    let mut query: Vec<(&str, &str)> = requests.map(|id| ("request", id.as_str())).collect();
    query.extend(filter.fields.iter().map(|field| ("field", field.as_str())));
    let others = [
        ("key", &filter.key),
        ("fingerprint", &filter.fingerprint),
        ("operation", &filter.operation),
        ("code", &filter.code),
        ("store", &filter.store),
        ("since", &filter.since),
        ("until", &filter.until),
        ("text", &filter.text),
    ];
    let said = others.iter();
    query.extend(said.filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    let ask = || client.at(Method::GET, "/v1/dead-letters").query(&query);
    let mut answer = ask_patiently(client, ask).await?.succeeded()?;
    serde_json::from_value(answer["dead_letters"].take())
        .map_err(|error| Failure::failed(format!("the gateway's list cannot be read: {error}")))
}
