//! A block of lines: each line's requests are accepted and published, their verdicts awaited, and the
//! results written as one event. A line that is refused because of what stands is tried once more when the
//! lines before it are decided, as long as that helps.

use super::{DerivedId, csv::CsvLine, header::UploadHeader, open_uploads::OpenUpload};
use crate::{
    access::Caller,
    app::Shared,
    error::{Code, Problem},
    write::derived::DerivedRequest,
};
use catalog::Upload;
use event_schema::{
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
};
use json_text::ScannedJson;
use request_spans::TraceContext;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often verdicts are asked for.
const POLL: Duration = Duration::from_millis(50);
/// The operation that keeps results.
const RESULTS: &str = "upload.results";

/// A line that is being carried out.
pub(crate) struct UploadLine {
    /// Among the file's lines with cells, from 1.
    sequence: u64,
    cells: Map<String, Value>,
    state: LineState,
    /// Which of its requests an earlier gateway had got decided.
    decided: Vec<bool>,
}

enum LineState {
    /// To be accepted, or once more.
    Waiting,
    /// In the log.
    Asked(Vec<RequestId>),
    Done,
    Failed(String),
}

/// What a block is carried out with.
pub(crate) struct BlockRun<'a> {
    pub app: &'a Shared,
    pub upload: &'a Upload,
    pub open: &'a OpenUpload,
    pub caller: &'a Caller,
}

impl UploadLine {
    pub(crate) fn new(sequence: u64, header: &UploadHeader, line: &CsvLine) -> Self {
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

    fn has_failed(&self) -> bool {
        matches!(self.state, LineState::Failed(_))
    }
}

impl BlockRun<'_> {
    /// Carries out the lines; how many of them failed.
    pub(crate) async fn run(&self, lines: &mut [UploadLine]) -> Result<u64, Problem> {
        self.find_decided(lines).await?;
        loop {
            let refused = self.ask(lines).await?;
            self.await_verdicts(lines).await?;
            let helped = lines
                .iter()
                .any(|line| matches!(line.state, LineState::Done) && refused.newly(line.sequence));
            // What was refused before the lines in front of it were decided may hold now.
            let again = refused.lines.iter().filter(|_| helped).count();
            if again == 0 {
                break;
            }
            for line in lines.iter_mut() {
                if refused.lines.contains(&line.sequence) {
                    line.state = LineState::Waiting;
                }
            }
        }
        Ok(lines.iter().filter(|line| line.has_failed()).count() as u64)
    }

    /// What an earlier gateway got through is not asked for again. It may have ended between two
    /// requests of a line: then the others still are.
    async fn find_decided(&self, lines: &mut [UploadLine]) -> Result<(), Problem> {
        let first = |line: &UploadLine| self.any_id(DerivedId::Line(line.sequence, 0));
        let ids: Vec<RequestId> = lines.iter().map(first).collect();
        let found = self.app.ports.record.ledger(&ids).await?;
        for (line, first) in lines.iter_mut().zip(found) {
            if let (LineState::Waiting, Some(first)) = (&line.state, first) {
                self.find_rest(line, first).await?;
            }
        }
        Ok(())
    }

    /// What of a line whose first request is decided is decided, too.
    async fn find_rest(&self, line: &mut UploadLine, first: LedgerEntry) -> Result<(), Problem> {
        let count = match self.requests_of(line).await {
            Ok(requests) => requests.len() as u64,
            // What the line did may be what refuses it now.
            Err(problem) if is_of_line(&problem) => 1,
            Err(problem) => return Err(problem),
        };
        let mut entries = vec![Some(first)];
        let rest = (1..count).map(|n| self.any_id(DerivedId::Line(line.sequence, n)));
        let rest: Vec<RequestId> = rest.collect();
        entries.extend(self.app.ports.record.ledger(&rest).await?);
        match of_entries(&entries) {
            Some(state) => line.state = state,
            None => line.decided = entries.iter().map(Option::is_some).collect(),
        }
        Ok(())
    }

    /// The ledger is asked by what is unique in an id, wherever it went.
    fn any_id(&self, id: DerivedId) -> RequestId {
        let builder = &self.app.writes.builder;
        let unique = id.of(&self.open.unique);
        RequestId::mint(&builder.keys, builder.generation, 0, unique)
    }

    /// Accepts and publishes what waits.
    async fn ask(&self, lines: &mut [UploadLine]) -> Result<RoundRefusals, Problem> {
        let mut refused = RoundRefusals::default();
        for line in lines.iter_mut() {
            if !matches!(line.state, LineState::Waiting) {
                continue;
            }
            line.state = match self.ask_line(line).await {
                Ok(ids) => {
                    refused.asked.push(line.sequence);
                    LineState::Asked(ids)
                }
                Err(problem) if is_of_line(&problem) => {
                    refused.lines.push(line.sequence);
                    LineState::Failed(told(&problem))
                }
                Err(problem) => return Err(problem),
            };
        }
        Ok(refused)
    }

    /// What a line asks other operations for.
    async fn requests_of(&self, line: &UploadLine) -> Result<Vec<(String, Value)>, Problem> {
        let writes = &self.app.writes;
        let mut fields = self.open.fields.clone();
        fields.insert("line".to_owned(), line.cells.clone().into());
        let json = ScannedJson::from(&Value::Object(fields));
        let unique = DerivedId::Line(line.sequence, 0).of(&self.open.unique);
        let operation = writes.any_operation(&self.upload.line)?;
        let validator = &writes.validator;
        validator
            .expand(operation, &json, unique, &self.caller.name)
            .await
    }

    async fn ask_line(&self, line: &UploadLine) -> Result<Vec<RequestId>, Problem> {
        let writes = &self.app.writes;
        let requests = self.requests_of(line).await?;
        let traceparent = TraceContext::fresh(true).to_string();
        let (mut ids, mut events) = (Vec::with_capacity(requests.len()), Vec::new());
        for (n, (operation, request)) in requests.into_iter().enumerate() {
            let id = DerivedId::Line(line.sequence, n as u64);
            if line.decided.get(n).is_some_and(|decided| *decided) {
                ids.push(self.any_id(id));
                continue;
            }
            let json = ScannedJson::from(&request);
            let request = DerivedRequest {
                operation: &operation,
                json: &json,
                unique: id.of(&self.open.unique),
                caller: self.caller,
                traceparent: &traceparent,
            };
            let event = writes.prepare_derived(request).await?;
            ids.push(event.request());
            events.push(event);
        }
        for event in events {
            writes.publish_event(event).await?;
        }
        Ok(ids)
    }

    /// Waits until everything that was asked is decided, whatever it takes.
    async fn await_verdicts(&self, lines: &mut [UploadLine]) -> Result<(), Problem> {
        loop {
            let asked = |line: &UploadLine| match &line.state {
                LineState::Asked(ids) => ids.clone(),
                _ => Vec::new(),
            };
            let ids: Vec<RequestId> = lines.iter().flat_map(asked).collect();
            if ids.is_empty() {
                return Ok(());
            }
            let mut found = self.app.ports.record.ledger(&ids).await?.into_iter();
            for line in lines.iter_mut() {
                if let LineState::Asked(ids) = &line.state {
                    let entries: Vec<_> = found.by_ref().take(ids.len()).collect();
                    if let Some(state) = of_entries(&entries) {
                        line.state = state;
                    }
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The results of a block as one event, and how far the upload is with it.
    pub(crate) async fn write_results(
        &self,
        lines: &[UploadLine],
        counts: &Value,
    ) -> Result<RequestId, Problem> {
        let shown = |line: &UploadLine| {
            let remarks = match &line.state {
                LineState::Failed(why) => Some(why),
                _ => None,
            };
            json!({"sequence": line.sequence, "data": Value::Object(line.cells.clone()).to_string(), "remarks": remarks})
        };
        let mut request = counts.clone();
        request["processId"] = self.open.process.clone().into();
        request["lines"] = lines.iter().map(shown).collect();
        let traceparent = TraceContext::fresh(true).to_string();
        let derived = DerivedRequest {
            operation: RESULTS,
            json: &ScannedJson::from(&request),
            unique: DerivedId::Results(self.open.blocks).of(&self.open.unique),
            caller: self.caller,
            traceparent: &traceparent,
        };
        Ok(self.app.writes.publish_derived(derived).await?.request)
    }
}

/// What a round came to.
#[derive(Default)]
struct RoundRefusals {
    /// Lines that were refused before they became events.
    lines: Vec<u64>,
    asked: Vec<u64>,
}

impl RoundRefusals {
    /// Was it asked in this round, before something that was refused?
    fn newly(&self, sequence: u64) -> bool {
        let last = self.lines.last();
        self.asked.contains(&sequence) && last.is_some_and(|last| sequence < *last)
    }
}

/// `None` while one has no verdict.
fn of_entries(entries: &[Option<LedgerEntry>]) -> Option<LineState> {
    let mut state = LineState::Done;
    for entry in entries {
        if let failed @ LineState::Failed(_) = of_verdict(&entry.as_ref()?.verdict) {
            state = failed;
        }
    }
    Some(state)
}

fn of_verdict(verdict: &Verdict) -> LineState {
    match verdict {
        Verdict::Applied => LineState::Done,
        Verdict::Refused(refusal) => LineState::Failed(refusal.message.clone()),
        Verdict::DeadLettered(reason) => LineState::Failed(reason.message.clone()),
        // It may take days until a person has looked at what it waits for.
        Verdict::Parked(_) => LineState::Failed(
            "parked behind a dead letter of the same key: it is carried out when that is solved"
                .to_owned(),
        ),
    }
}

/// Will it be the same however long it is waited for? A queue behind a dead letter may take days.
fn is_of_line(problem: &Problem) -> bool {
    let is_refused = problem.status().is_client_error() && !problem.is_passing();
    is_refused || problem.code() == Code::KeyLocked
}

fn told(problem: &Problem) -> String {
    problem.detail().to_owned()
}
