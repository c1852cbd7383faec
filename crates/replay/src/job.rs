//! A job that moves many dead letters: what was asked for, how far it is, and what became of each,
//! kept as the record of who did what and why. Plain data; whoever runs it is elsewhere.

use crate::{DeadLetterFilter, HeldLetter, JsonPatch, ReplayPreview};
use event_schema::{held::HeldPlace, id::RequestId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobAction {
    /// Decides each again, in its place.
    #[default]
    Replay,
    /// Gives each up.
    Discard,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobOrder {
    pub action: JobAction,
    pub select: DeadLetterFilter,
    /// Only say what would come of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// At most this many per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Why, for those who look later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Also those that later events of their key have overtaken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub as_new: bool,
    /// Also dead letters of the selection that come while it runs, until none is left: what was parked
    /// may die of the same cause at its turn. Each request once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// Applied to the request of each before it is replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<JsonPatch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Running,
    Paused,
    /// Ended by a person before all were done.
    Cancelled,
    Done,
}

/// What a person last asked of a job, and who runs it: the runner that is not named stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobWish {
    pub state: JobState,
    pub runner: String,
}

/// A job, without its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayJob {
    pub id: String,
    pub order: JobOrder,
    pub state: JobState,
    /// Who asked for it.
    pub principal: String,
    /// RFC 3339.
    pub created: String,
    /// Unix milliseconds: when its runner last said so.
    pub updated: i64,
    pub total: usize,
    /// Items before this one have an end.
    pub done: usize,
    /// Ends, by their names.
    pub counts: BTreeMap<String, usize>,
    /// Why its runner waits, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
}

/// One dead letter of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobItem {
    pub request_id: String,
    pub key: String,
    pub operation: String,
    pub fingerprint: String,
    /// Where it was held, and how often it had failed: what the job saw of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<HeldPlace>,
    pub attempts: u32,
    /// Of a patch with values that are sealed: the patch as JSON, sealed for this item's key. The
    /// order shows it masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// `pending`, then `applied`, `refused`, `discarded` or `dead_lettered`.
    pub status: String,
    /// The request by which it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<RequestId>,
    /// Why it did not come to what was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Value>,
    /// Before and after, as planned just before it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<ReplayPreview>,
}

/// Dead letters a second.
const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 1_000_000.0;

pub(crate) const PENDING: &str = "pending";

impl JobAction {
    /// The end that each item should come to.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Replay => "applied",
            Self::Discard => "discarded",
        }
    }
}

impl JobOrder {
    /// Why it cannot be meant.
    ///
    /// # Errors
    /// If it names nothing, or a rate that is none.
    pub fn check(&self) -> Result<(), String> {
        if self
            .rate
            .is_some_and(|rate| !(SLOWEST..=FASTEST).contains(&rate))
        {
            let why = format!("`rate` is how many a second, from {SLOWEST} to {FASTEST}");
            return Err(why);
        }
        if self.patch.is_some() && self.action == JobAction::Discard {
            return Err("what is given up is not edited".to_owned());
        }
        self.select.check_selection()
    }
}

impl ReplayJob {
    /// Did every item come to what was wanted? Nothing while some have no end.
    pub fn succeeded(&self) -> Option<bool> {
        let wanted = self.counts.get(self.order.action.wanted());
        (self.done == self.total).then(|| wanted.copied().unwrap_or(0) == self.total)
    }

    /// Items up to here have these ends.
    pub fn advance(&mut self, ended: &[JobItem]) {
        for item in ended {
            *self.counts.entry(item.status.clone()).or_default() += 1;
        }
        self.done += ended.len();
    }

    pub fn is_over(&self) -> bool {
        matches!(self.state, JobState::Cancelled | JobState::Done)
    }
}

impl JobItem {
    /// What waits to be moved.
    pub fn of(letter: &HeldLetter) -> Self {
        let line = letter.line();
        Self {
            request_id: line.request_id,
            key: line.key,
            operation: line.operation,
            fingerprint: line.fingerprint,
            place: Some(letter.place.clone()),
            attempts: line.attempts,
            patch: None,
            status: PENDING.to_owned(),
            by: None,
            problem: None,
            preview: None,
        }
    }

    /// A request that no dead letter waits of.
    pub fn without_letter(request: &str, status: &str, problem: Option<Value>) -> Self {
        Self {
            request_id: request.to_owned(),
            key: String::new(),
            operation: String::new(),
            fingerprint: String::new(),
            place: None,
            attempts: 0,
            patch: None,
            status: status.to_owned(),
            by: None,
            problem,
            preview: None,
        }
    }

    pub fn is_pending(&self) -> bool {
        self.status == PENDING
    }
}
