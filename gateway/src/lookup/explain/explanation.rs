//! What is told of a request: the answer's form, and what follows from what is in it.

use event_schema::{codec, id::RequestId, outcome::Verdict, purge::PURGE, repair::REPAIR};
use serde::Serialize;

/// The answer of `GET /v1/requests/{id}/explain`.
#[derive(Debug, Serialize)]
pub(crate) struct RequestExplanation {
    pub(super) request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) catalog: Option<String>,
    pub(super) partition: u16,
    pub(super) steps: Vec<ExplainedStep>,
    /// The verdict, as it stands in the log or the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<Verdict>,
    /// Of one that is parked: the dead letter at the head of its key's queue now, if one stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) behind: Option<RequestId>,
    pub(super) documents: Vec<ExplainedDocument>,
    pub(super) parts: Vec<ExplainedPart>,
    /// What happens next, or that nothing does.
    pub(super) next: String,
}

impl RequestExplanation {
    /// Nothing is known of it yet.
    pub(super) fn of(id: RequestId) -> Self {
        Self {
            request_id: id,
            operation: None,
            key: None,
            catalog: None,
            partition: id.partition(),
            steps: Vec::new(),
            verdict: None,
            behind: None,
            documents: Vec::new(),
            parts: Vec::new(),
            next: String::new(),
        }
    }

    /// What is asked of an owner for one document or many stands under a key that may name one which
    /// no route shows.
    pub(super) fn hide_key_of_intent(&mut self) {
        let is_intent = |operation: &str| operation == PURGE || operation == REPAIR;
        if self.operation().is_some_and(is_intent) {
            self.key = None;
        }
    }

    pub(crate) fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }
}

/// Something that happened to it.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedStep {
    pub(super) step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<String>,
    /// Milliseconds since the step before that has a time; by different clocks, so it may be below 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after_ms: Option<i64>,
    pub(super) detail: String,
    #[serde(skip)]
    pub(super) millis: Option<i64>,
}

/// What the stores hold of a document that it changed.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedDocument {
    pub(super) document: String,
    #[serde(rename = "_version")]
    pub(super) version: u64,
    pub(super) record: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) view: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExplainedPart {
    pub(super) request_id: RequestId,
    pub(super) partition: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// None: it has no verdict yet.
    pub(super) verdict: Option<Verdict>,
}

impl RequestExplanation {
    pub(super) fn step(&mut self, step: &'static str, millis: Option<i64>, detail: String) {
        self.steps.push(ExplainedStep {
            step,
            time: millis.map(codec::rfc3339),
            after_ms: None,
            detail,
            millis,
        });
    }

    /// What happens next, and how long each step took.
    pub(super) fn end(&mut self, is_remembered: bool, is_resolved: bool) {
        self.next = self.next_step(is_remembered, is_resolved);
        self.measure();
    }

    fn next_step(&self, is_remembered: bool, is_resolved: bool) -> String {
        let waiting = self.parts.iter().filter(|part| part.verdict.is_none());
        let waiting = waiting.count();
        let text = match &self.verdict {
            None => "a worker decides it when it has decided what stands before it",
            Some(_) if !is_remembered => "a worker brings it into the stores, then into the ledger",
            Some(_) if waiting > 0 => {
                return format!(
                    "{waiting} parts are still to be decided by the owners of their keys"
                );
            }
            Some(Verdict::Parked(_)) => {
                return match self.behind {
                    Some(dead) => format!(
                        "it follows by itself when the dead letter {dead} at the head of its key's queue is replayed or discarded"
                    ),
                    None => "the owner of its key decides it when it has decided what was parked before it".to_owned(),
                };
            }
            Some(Verdict::DeadLettered(_)) => {
                "nothing by itself: a person looks at it (`consign dlq show`)"
            }
            Some(_) if !is_resolved => "a mark covers it; nothing else is left to do",
            Some(_) => "nothing is left to do",
        };
        text.to_owned()
    }

    /// How long each step took.
    fn measure(&mut self) {
        let mut before: Option<i64> = None;
        for step in &mut self.steps {
            step.after_ms = step.millis.zip(before).map(|(now, before)| now - before);
            before = step.millis.or(before);
        }
    }
}
