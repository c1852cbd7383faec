//! A document as it was: every change of it that stands in `changes`, as far back as that is kept.
//! Reads one partition from its beginning, within a time; it asks no store what was.

mod moment;

pub(crate) use moment::HistoryMoment;

use crate::{
    app::App,
    error::{Code, Problem},
};
use audit::{PartitionFold, StandingRecord};
use event_schema::{
    Raw, codec,
    decision::Change,
    id::{EntityKey, RequestId},
    mutation::{DocumentAction, DocumentChange, DocumentKey},
    offset::ChangesOffset,
    position::Position,
    topics::CHANGES,
};
use moment::{DecidedMoment, MomentFound};
use serde::Serialize;
use std::{collections::VecDeque, time::Duration};
use store::StoredDocument;
use tokio::time::timeout;

/// Changes that one answer holds, the newest.
const MOST: usize = 1_000;
/// For reading a partition.
const PATIENCE: Duration = Duration::from_secs(10);

/// All that the log keeps of a document.
#[derive(Debug, Serialize)]
pub(crate) struct DocumentHistory {
    index: String,
    collection: String,
    #[serde(rename = "_id")]
    id: String,
    partition: u16,
    /// The log holds everything since the document was first written.
    whole: bool,
    /// From when on the log holds the partition's changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_from: Option<String>,
    entries: VecDeque<HistoryEntry>,
    /// Older ones, which are left out of this answer.
    omitted: u64,
    #[serde(skip)]
    kept_from_millis: Option<i64>,
    #[serde(skip)]
    current: Option<StoredDocument>,
}

/// One change.
#[derive(Debug, Serialize)]
struct HistoryEntry {
    #[serde(rename = "_version")]
    version: u64,
    /// When it was decided, as the log says.
    time: String,
    action: &'static str,
    operation: String,
    /// Told to whoever may see what became of any request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    /// Its place in `changes`.
    offset: ChangesOffset,
    /// A store would not take it: it was undone as if it had never been.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    undone: bool,
    /// It mends what a store held, and changes nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    silent: bool,
    #[serde(rename = "_source")]
    after: Option<Raw>,
    #[serde(skip)]
    before: Option<(u64, Raw)>,
    #[serde(skip)]
    millis: i64,
    #[serde(skip)]
    is_void: bool,
}

/// Reads the history of a document.
pub(crate) async fn read_history(app: &App, key: &DocumentKey) -> Result<DocumentHistory, Problem> {
    Ok(read_within(app, key, None).await?.0)
}

/// The document as it was then: revision and body; none, if there was none.
pub(crate) async fn document_at(
    app: &App,
    key: &DocumentKey,
    moment: HistoryMoment,
) -> Result<Option<(u64, Raw)>, Problem> {
    let HistoryMoment::Write(event) = moment else {
        return read_history(app, key)
            .await?
            .at(moment, MomentFound::NotDecided);
    };
    let (history, found) = read_within(app, key, Some(event)).await?;
    history.at(moment, found)
}

/// Within a time. `event`: a write whose moment is looked for.
async fn read_within(
    app: &App,
    key: &DocumentKey,
    event: Option<Position>,
) -> Result<(DocumentHistory, MomentFound), Problem> {
    let Ok(_permit) = app.log_scans.try_acquire() else {
        let detail = "the limit of concurrent readers of the log is reached";
        return Err(Problem::new(Code::Overloaded, detail).retry_after(1));
    };
    let current = app
        .ports
        .record
        .documents(std::slice::from_ref(key))
        .await?;
    let current = current.into_iter().next().flatten();
    let read = read_changes(app, key, current, event);
    timeout(PATIENCE, read).await.map_err(|_| {
        let detail = "the partition of the log is too long to be read for one answer";
        Problem::new(Code::LookupIncomplete, detail).retry_after(10)
    })?
}

async fn read_changes(
    app: &App,
    key: &DocumentKey,
    current: Option<StoredDocument>,
    event: Option<Position>,
) -> Result<(DocumentHistory, MomentFound), Problem> {
    let partition = owner_partition(app, key, current.as_ref());
    let topic = app.ports.layout.name(&CHANGES);
    let log = &app.ports.log;
    let unread = |error: audit::AuditError| {
        Problem::new(Code::LookupIncomplete, error.to_string()).retry_after(2)
    };
    let fold = PartitionFold::begin(log, &topic, partition).await;
    let mut fold = fold.map_err(unread)?;
    let mut history = DocumentHistory {
        index: key.index.clone(),
        collection: key.collection.clone(),
        id: key.id.clone(),
        partition,
        whole: fold.begins == 0,
        kept_from: None,
        entries: VecDeque::new(),
        omitted: 0,
        kept_from_millis: None,
        current,
    };
    let mut decided = event.map(|event| DecidedMoment::new(event, history.whole));
    let take = |record: StandingRecord<'_>| {
        if let Some(decided) = &mut decided {
            decided.take(&record);
        }
        history.take(key, record);
    };
    fold.read_on(log, take).await.map_err(unread)?;
    let resolved = fold.mark.as_ref().map(|mark| mark.next);
    let (resolved, end) = (resolved.unwrap_or_default(), ChangesOffset::new(fold.next));
    let found = decided.map_or(MomentFound::NotDecided, |decided| {
        decided.found(resolved, end)
    });
    history.kept_from_millis = fold.begins_at;
    history.kept_from = fold.begins_at.map(codec::rfc3339);
    Ok((history, found))
}

/// Where the document's owner decides: its last writer says, where it has one.
fn owner_partition(app: &App, key: &DocumentKey, current: Option<&StoredDocument>) -> u16 {
    let layout = &app.ports.layout;
    let position = current.map(|stored| stored.meta.position);
    match position.filter(|position| position.generation == layout.generation) {
        Some(position) if position.partition < layout.partitions => position.partition,
        Some(_) | None => EntityKey(key.to_string()).partition(layout.partitions),
    }
}

impl DocumentHistory {
    fn take(&mut self, key: &DocumentKey, record: StandingRecord<'_>) {
        let (documents, is_void) = match record.change {
            Change::Decision(decision) => (&decision.documents, false),
            Change::Void(void) => {
                let undone = |entry: &&mut HistoryEntry| entry.offset == void.decision;
                if let Some(entry) = self.entries.iter_mut().find(undone) {
                    entry.undone = true;
                }
                (&void.documents, true)
            }
            Change::Open(_) | Change::Mark(_) => return,
        };
        let Some(change) = documents.iter().find(|change| change.key == *key) else {
            return;
        };
        if self.entries.len() == MOST {
            self.entries.pop_front();
            self.omitted += 1;
        }
        self.entries
            .push_back(history_entry(record, change, is_void));
    }

    /// For callers who may not see what became of others' requests.
    pub(crate) fn hide_requests(&mut self) {
        for entry in &mut self.entries {
            entry.request_id = None;
        }
    }

    /// Bodies as any read shows them: opened, where what is sealed is shown.
    pub(crate) async fn shown(mut self, app: &App) -> Result<Self, Problem> {
        let (index, collection) = (self.index.clone(), self.collection.clone());
        for entry in &mut self.entries {
            if let Some(body) = entry.after.take() {
                entry.after = Some(app.sealed.document(&index, &collection, body).await?);
            }
        }
        Ok(self)
    }

    /// Were there no changes of it at all, and is it in no store?
    pub(crate) fn is_unknown(&self) -> bool {
        self.entries.is_empty() && self.current.is_none()
    }

    /// `found`: where the write was decided, if the moment is one.
    fn at(&self, moment: HistoryMoment, found: MomentFound) -> Result<Option<(u64, Raw)>, Problem> {
        if let HistoryMoment::Write(event) = moment
            && event.partition != self.partition
        {
            let detail = "the token is of a write to another key, which says nothing of when this document was written: name a time";
            return Err(Problem::new(Code::BadRequest, detail));
        }
        let stands = |entry: &&HistoryEntry| !entry.undone && !entry.is_void;
        let before = match (moment, found) {
            (HistoryMoment::Time(_), _) => None,
            (HistoryMoment::Write(_), MomentFound::Before(offset)) => Some(offset),
            (HistoryMoment::Write(_), MomentFound::Gone) => return Err(self.gone()),
            (HistoryMoment::Write(_), MomentFound::NotDecided) => {
                let detail = "the write of this token is not decided yet";
                return Err(Problem::new(Code::LookupIncomplete, detail).retry_after(1));
            }
        };
        let reached = |entry: &&HistoryEntry| match moment {
            HistoryMoment::Time(time) => entry.millis <= time,
            HistoryMoment::Write(_) => before.is_some_and(|before| entry.offset < before),
        };
        let mut standing = self.entries.iter().filter(stands);
        if let Some(last) = standing.by_ref().rev().find(reached) {
            return Ok(last.after.clone().map(|after| (last.version, after)));
        }
        let first = self.entries.iter().find(stands);
        if self.whole && self.omitted == 0 {
            return Ok(None);
        }
        let is_kept = match moment {
            HistoryMoment::Time(time) => self.kept_from_millis.is_some_and(|from| from <= time),
            // The log is kept from before its moment, or that would be gone.
            HistoryMoment::Write(_) => true,
        };
        if !is_kept || self.omitted > 0 {
            return Err(self.gone());
        }
        match (first, &self.current) {
            (Some(first), _) => Ok(first.before.clone()),
            (None, Some(current)) => {
                let body = current.body.clone();
                Ok(body.map(|body| (current.meta.revision, body)))
            }
            (None, None) => Ok(None),
        }
    }

    fn gone(&self) -> Problem {
        let from = self.kept_from.as_deref().unwrap_or("now");
        let detail = format!("changes of this document are kept from {from} on");
        Problem::new(Code::HistoryGone, detail).with("kept_from", from.into())
    }
}

fn history_entry(
    record: StandingRecord<'_>,
    change: &DocumentChange,
    is_void: bool,
) -> HistoryEntry {
    let (operation, request, silent) = match record.change {
        Change::Decision(one) => (&one.operation, one.request, one.silent),
        Change::Void(one) => (&one.operation, one.request, one.silent),
        Change::Open(_) | Change::Mark(_) => unreachable!("they change no document"),
    };
    let action = match (&change.before, &change.after, change.action) {
        _ if is_void => "undo",
        _ if change.purged => "purge",
        (_, None, _) => "delete",
        (None, Some(_), _) => "create",
        (Some(_), Some(_), DocumentAction::Merge) => "update",
        (Some(_), Some(_), _) => "replace",
    };
    let before = change.before.clone();
    HistoryEntry {
        version: change.revision,
        time: codec::rfc3339(record.time),
        action,
        operation: operation.clone(),
        request_id: Some(request),
        offset: record.offset,
        undone: false,
        silent,
        after: change.after.clone(),
        before: before.map(|before| (change.revision_before, before)),
        millis: record.time,
        is_void,
    }
}
