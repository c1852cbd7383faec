//! A block of lines: each line's requests are accepted and published, their verdicts awaited, and the
//! results written as one event. A line that is refused because of what stands is tried once more when the
//! lines before it are decided, as long as that helps.

use super::{
    DerivedId, PER_LINE,
    line::{LineState, UploadLine},
    open_uploads::OpenUpload,
};
use crate::{
    access::Caller,
    app::Shared,
    error::{Code, Problem},
    write::{derived::DerivedRequest, publish::event::Event},
};
use event_schema::id::RequestId;
use futures::{StreamExt, stream};
use json_text::ScannedJson;
use request_spans::TraceContext;
use serde_json::Value;
use std::time::Duration;

/// How often verdicts are asked for.
const POLL: Duration = Duration::from_millis(50);
/// Lines that are accepted side by side.
const AT_ONCE: usize = 32;
/// The operation that keeps results.
const RESULTS: &str = "upload.results";

/// What a block is carried out with.
pub(super) struct BlockRun<'a> {
    pub app: &'a Shared,
    pub open: &'a OpenUpload,
    /// Who sent the file, with the rights that are left.
    pub caller: &'a Caller,
    pub work: BlockWork<'a>,
}

/// What is done with lines of which nothing is decided.
pub(super) enum BlockWork<'a> {
    /// This operation says what they ask for.
    AskedBy(String),
    /// They are refused, for this reason.
    Refused(&'a str),
}

impl BlockRun<'_> {
    /// Carries out the lines; how many of them failed.
    pub(super) async fn run(&self, lines: &mut [UploadLine]) -> Result<u64, Problem> {
        if self.open.claims > 1 {
            self.find_decided(lines).await?;
        }
        if let BlockWork::Refused(why) = self.work {
            for line in lines.iter_mut().filter(|line| line.is_waiting()) {
                line.state = LineState::Failed(why.to_owned());
            }
        }
        loop {
            let refused = self.ask(lines).await?;
            self.await_verdicts(lines).await?;
            let helped = lines
                .iter()
                .any(|line| line.is_done() && refused.newly(line.sequence));
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

    /// What earlier gateways got through is read from the ledger, request by request of all lines at
    /// once: what a line would ask for now is no matter, since what it did may have changed that.
    async fn find_decided(&self, lines: &mut [UploadLine]) -> Result<(), Problem> {
        let mut open: Vec<&mut UploadLine> =
            lines.iter_mut().filter(|line| line.is_waiting()).collect();
        for n in 0..PER_LINE {
            let both = |line: &&mut UploadLine| {
                [true, false].map(|is_last| self.id(line.sequence, n, is_last))
            };
            let ids: Vec<RequestId> = open.iter().flat_map(both).collect();
            let found = self.app.ports.record.ledger(&ids).await?;
            let mut going_on = Vec::new();
            for (line, entries) in open.into_iter().zip(found.chunks(2)) {
                let (last, one_of_more) = (&entries[0], &entries[1]);
                let Some(entry) = last.as_ref().or(one_of_more.as_ref()) else {
                    continue;
                };
                line.decided.push(entry.clone());
                if last.is_some() {
                    line.state = LineState::of_entries(&line.decided);
                } else {
                    going_on.push(line);
                }
            }
            open = going_on;
        }
        Ok(())
    }

    /// The ledger is asked by what is unique in an id, wherever it went.
    fn id(&self, line: u64, n: u64, is_last: bool) -> RequestId {
        let builder = &self.app.writes.builder;
        let unique = DerivedId::Line { line, n, is_last }.of(&self.open.unique);
        RequestId::mint(&builder.keys, builder.generation, 0, unique)
    }

    /// Accepts what waits, some lines side by side, and publishes it in the order of the file; the
    /// log is awaited for all of it together.
    async fn ask(&self, lines: &mut [UploadLine]) -> Result<RoundRefusals, Problem> {
        let mut preparing = Vec::new();
        let waiting = lines.iter().enumerate();
        for (at, line) in waiting.filter(|(_, line)| line.is_waiting()) {
            preparing.push(async move { (at, self.prepare(line).await) });
        }
        let prepared: Vec<_> = stream::iter(preparing).buffered(AT_ONCE).collect().await;
        let (mut refused, mut sent) = (RoundRefusals::default(), Vec::new());
        for (at, events) in prepared {
            let line = &mut lines[at];
            line.state = match events {
                Ok(events) if events.is_empty() => line.ended_state(),
                Ok(events) => {
                    refused.asked.push(line.sequence);
                    let mut ids: Vec<RequestId> =
                        line.decided.iter().map(|entry| entry.request).collect();
                    for event in events {
                        ids.push(event.request());
                        sent.push(self.app.writes.send_event(event).await?);
                    }
                    LineState::Asked(ids)
                }
                Err(problem) if is_of_line(&problem) => {
                    refused.lines.push(line.sequence);
                    LineState::Failed(problem.detail().to_owned())
                }
                Err(problem) => return Err(problem),
            };
        }
        for mut sent in sent {
            sent.published().await?;
        }
        Ok(refused)
    }

    /// The events of a line, but for those that are decided.
    async fn prepare(&self, line: &UploadLine) -> Result<Vec<Event>, Problem> {
        let requests = self.requests_of(line).await?;
        let count = requests.len() as u64;
        if count > PER_LINE {
            let why = format!("a line asks for at most {PER_LINE} requests, and this for {count}");
            return Err(Problem::new(Code::Invalid, why));
        }
        let traceparent = TraceContext::fresh_sampled().to_string();
        let mut events = Vec::with_capacity(requests.len());
        for (n, (operation, request)) in (0..).zip(requests).skip(line.decided.len()) {
            let (line, is_last) = (line.sequence, n + 1 == count);
            let request = DerivedRequest {
                operation: &operation,
                json: &ScannedJson::from(&request),
                unique: DerivedId::Line { line, n, is_last }.of(&self.open.unique),
                caller: self.caller,
                traceparent: &traceparent,
                claim: None,
            };
            events.push(self.app.writes.prepare_derived(request).await?);
        }
        Ok(events)
    }

    /// What a line asks other operations for.
    async fn requests_of(&self, line: &UploadLine) -> Result<Vec<(String, Value)>, Problem> {
        let BlockWork::AskedBy(operation) = &self.work else {
            return Ok(Vec::new());
        };
        let writes = &self.app.writes;
        let mut fields = self.open.fields.clone();
        fields.insert("line".to_owned(), line.cells.clone().into());
        let json = ScannedJson::from(&Value::Object(fields));
        let first = DerivedId::Line {
            line: line.sequence,
            n: 0,
            is_last: false,
        };
        let operation = writes.any_operation(operation)?;
        let unique = first.of(&self.open.unique);
        writes
            .validator
            .expand(&operation, &json, unique, &self.caller.name)
            .await
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
                    let entries: Option<Vec<_>> = entries.into_iter().collect();
                    if let Some(entries) = entries {
                        line.state = LineState::of_entries(&entries);
                    }
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The results of a block as one event, and how far the upload is with it.
    pub(super) async fn write_results(
        &self,
        lines: &[UploadLine],
        counts: &Value,
    ) -> Result<(), Problem> {
        let mut request = counts.clone();
        request["processId"] = self.open.process.clone().into();
        request["claims"] = self.open.claims.into();
        request["lines"] = lines.iter().map(UploadLine::result).collect();
        let id = DerivedId::Results {
            block: self.open.blocks,
            claims: self.open.claims,
        };
        let derived = DerivedRequest {
            operation: RESULTS,
            json: &ScannedJson::from(&request),
            unique: id.of(&self.open.unique),
            caller: self.caller,
            traceparent: &TraceContext::fresh_sampled().to_string(),
            claim: None,
        };
        self.app.writes.publish_derived(derived).await.map(drop)
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

/// Will it be the same however long it is waited for? A queue behind a dead letter may take days.
fn is_of_line(problem: &Problem) -> bool {
    let is_refused = problem.status().is_client_error() && !problem.is_passing();
    is_refused || matches!(problem.code(), Code::KeyLocked | Code::HookAnswerInvalid)
}
