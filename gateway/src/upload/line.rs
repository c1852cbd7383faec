//! A line of a file while it is carried out: its cells, and what it came to so far. It asks for nothing
//! itself.

use super::{csv::CsvLine, header::UploadHeader};
use event_schema::{
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
};
use serde_json::{Map, Value, json};

pub(super) struct UploadLine {
    /// Among the file's lines with cells, from 1.
    pub sequence: u64,
    pub cells: Map<String, Value>,
    pub state: LineState,
    /// Its first requests, as far as an earlier gateway got them decided.
    pub decided: Vec<LedgerEntry>,
}

pub(super) enum LineState {
    /// To be accepted, or once more.
    Waiting,
    /// In the log.
    Asked(Vec<RequestId>),
    Done,
    Failed(String),
}

impl UploadLine {
    pub(super) fn new(sequence: u64, header: &UploadHeader, line: &CsvLine) -> Self {
        let (cells, state) = match header.cells(line) {
            Ok(cells) => (cells, LineState::Waiting),
            Err(why) => (Map::new(), LineState::Failed(why)),
        };
        Self {
            sequence,
            cells,
            state,
            decided: Vec::new(),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, LineState::Waiting)
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, LineState::Done)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.state, LineState::Failed(_))
    }

    /// When it asks for nothing more. What is decided of it by now was not its last request, so it is no
    /// success that the definitions have nothing to follow any more.
    pub(super) fn ended_state(&self) -> LineState {
        match LineState::of_entries(&self.decided) {
            LineState::Done if !self.decided.is_empty() => LineState::Failed(
                "its first request was carried out; those behind it are no longer sent".to_owned(),
            ),
            state => state,
        }
    }

    /// As an element of the results' `lines`.
    pub(super) fn result(&self) -> Value {
        let remarks = match &self.state {
            LineState::Failed(why) => Some(why),
            _ => None,
        };
        json!({
            "sequence": self.sequence,
            "data": Value::Object(self.cells.clone()).to_string(),
            "remarks": remarks,
        })
    }
}

impl LineState {
    /// What the requests of a line came to together.
    pub(super) fn of_entries<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> Self {
        let mut state = Self::Done;
        for entry in entries {
            if let failed @ Self::Failed(_) = Self::of_verdict(&entry.verdict) {
                state = failed;
            }
        }
        state
    }

    fn of_verdict(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Applied => Self::Done,
            Verdict::Refused(refusal) => Self::Failed(refusal.message.clone()),
            Verdict::DeadLettered(reason) => Self::Failed(reason.message.clone()),
            // It may take days until a person has looked at what it waits for.
            Verdict::Parked(_) => Self::Failed(
                "parked behind a dead letter of the same key: it is carried out when that is solved"
                    .to_owned(),
            ),
        }
    }
}
