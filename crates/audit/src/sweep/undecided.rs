//! From `transactions` to `changes`: every event that was accepted must have been decided. Below a
//! mark's `next` each has a record in `changes` that stands, or repeats a request that has one; an
//! event that has neither was passed over, and that is named. Above it nothing is judged: what waits
//! to be decided is waited for, and then counted.

use super::Sweep;
use crate::{
    finding::{AuditFinding, Basis, DifferenceKind, HeldState, ItemName},
    partition::PartitionFold,
    ports::{AuditError, AuditPhase},
};
use event_log::Record;
use event_schema::{
    decision::Change,
    id::RequestId,
    offset::TransactionsOffset,
    position::{Position, Version},
};
use runtime::Backoff;
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;

/// Events without a record of their own that are looked for together.
const TOGETHER: usize = 1_000;

/// An event that no record decides at its own position.
#[derive(Clone, Debug)]
struct PassedOver {
    offset: u64,
    /// Unix milliseconds: when the log took it.
    time: i64,
    /// None: the record does not say.
    request: Option<RequestId>,
}

impl Sweep<'_> {
    /// Looks at each event that was accepted before this was called.
    pub(crate) async fn look_for_undecided(&mut self) -> Result<(), AuditError> {
        let mut ends = Vec::new();
        let topic = self.ports.transactions();
        for fold in &self.folds {
            let offsets = self.ports.log.admin.offsets(&topic, fold.partition).await;
            ends.push(
                offsets
                    .map_err(|error| AuditError::Log(error.to_string()))?
                    .end,
            );
        }
        self.wait_for_marks(&ends).await?;
        for (at, end) in ends.into_iter().enumerate() {
            self.tell(AuditPhase::Undecided);
            self.look_through(at, end).await?;
        }
        Ok(())
    }

    /// Until all of it is resolved, or patience ends.
    async fn wait_for_marks(&mut self, ends: &[u64]) -> Result<(), AuditError> {
        let deadline = Instant::now() + self.patience;
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
        loop {
            self.read_on().await?;
            let mut partitions = self.folds.iter().zip(ends);
            let is_resolved = partitions.all(|(fold, end)| resolved_below(fold) >= *end);
            if is_resolved || Instant::now() >= deadline {
                return Ok(());
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    async fn look_through(&mut self, at: usize, end: u64) -> Result<(), AuditError> {
        let topic = self.ports.transactions();
        let fold = &self.folds[at];
        let (partition, resolved) = (fold.partition, resolved_below(fold));
        let failed = |error: event_log::StreamError| AuditError::Log(error.to_string());
        let log = self.ports.log.clone();
        let mut scan = log.scan_kept(&topic, partition, 0).await.map_err(failed)?;
        if resolved > scan.end() {
            let finding = lost_tail(self, at);
            self.report.add(vec![finding]);
        }
        let mut passed_over = Vec::new();
        while let Some(records) = scan.next().await.map_err(failed)? {
            for record in records.into_iter().filter(|record| record.offset < end) {
                self.report.counts.events += 1;
                if !self.decided[at].contains(record.offset) {
                    passed_over.push(PassedOver::of(&record));
                }
            }
            if passed_over.len() >= TOGETHER {
                self.judge_passed_over(at, std::mem::take(&mut passed_over))
                    .await?;
            }
        }
        self.judge_passed_over(at, passed_over).await
    }

    /// Leaves out what repeats another event, or is older than what is kept.
    async fn judge_passed_over(
        &mut self,
        at: usize,
        events: Vec<PassedOver>,
    ) -> Result<(), AuditError> {
        let ids: Vec<RequestId> = events.iter().filter_map(|one| one.request).collect();
        let mut entries = self.ports.record.ledger(&ids).await?.into_iter();
        let resolved = resolved_below(&self.folds[at]);
        let mut unknown = Vec::new();
        let mut findings = Vec::new();
        for event in events {
            let entry = match event.request {
                Some(_) => entries.next().flatten(),
                None => None,
            };
            match entry {
                None if event.offset < resolved && self.is_older_than_kept(at, &event) => {
                    self.report.counts.too_old += 1;
                }
                None => unknown.push(event),
                Some(entry) if entry.position != event_position(self, at, &event) => {}
                Some(entry) => {
                    // What is not resolved may have been decided since the log was read.
                    if event.offset < resolved && self.should_be_told(at, entry.version) {
                        findings.push(untold_entry(self, at, &event, entry.version));
                    }
                }
            }
        }
        let decided = self.decided_elsewhere(at, &unknown).await?;
        for event in unknown {
            if event.request.is_some_and(|id| decided.contains(&id)) {
                continue;
            }
            if event.offset >= resolved {
                self.report.counts.undecided += 1;
            } else {
                findings.push(undecided_finding(self, at, &event));
            }
        }
        self.report.add(findings);
        Ok(())
    }

    /// Those of them that a record of `changes` decides at another position: their entries of the
    /// ledger have expired, or are lost.
    async fn decided_elsewhere(
        &self,
        at: usize,
        events: &[PassedOver],
    ) -> Result<HashSet<RequestId>, AuditError> {
        let wanted: HashSet<RequestId> = events.iter().filter_map(|one| one.request).collect();
        let mut decided = HashSet::new();
        if wanted.is_empty() {
            return Ok(decided);
        }
        let (log, topic) = (&self.ports.log, self.ports.changes());
        let mut fold = PartitionFold::begin(log, &topic, self.folds[at].partition).await?;
        let take = |record: crate::StandingRecord<'_>| {
            let request = match record.change {
                Change::Decision(decision) => decision.request,
                Change::Void(void) => void.request,
                Change::Open(_) | Change::Mark(_) => return,
            };
            if wanted.contains(&request) {
                decided.insert(request);
            }
        };
        fold.read_on(log, take).await?;
        Ok(decided)
    }

    /// Should `changes` still hold the record of this version?
    fn should_be_told(&self, at: usize, version: Version) -> bool {
        version.generation() == self.ports.layout.generation
            && version.offset().get() >= self.folds[at].begins
    }

    /// Its record may be deleted, and its entry of the ledger expired.
    fn is_older_than_kept(&self, at: usize, event: &PassedOver) -> bool {
        let fold = &self.folds[at];
        let is_before_log = fold.begins > 0 && fold.begins_at.is_none_or(|from| event.time < from);
        let since = self.compare_context().ledger_since;
        is_before_log && since.is_some_and(|since| event.time < since)
    }
}

impl PassedOver {
    fn of(record: &Record) -> Self {
        let mut headers = record.headers.iter();
        let id = headers.find(|(name, _)| name == "ce_id");
        let text = id.and_then(|(_, value)| std::str::from_utf8(value).ok());
        Self {
            offset: record.offset,
            time: record.timestamp,
            request: text.and_then(|text| RequestId::parse_trusted(text).ok()),
        }
    }
}

/// All of `transactions` before this is resolved.
fn resolved_below(fold: &PartitionFold) -> u64 {
    fold.mark.as_ref().map_or(0, |mark| mark.next.get())
}

fn event_position(sweep: &Sweep<'_>, at: usize, event: &PassedOver) -> Position {
    Position {
        generation: sweep.ports.layout.generation,
        partition: sweep.folds[at].partition,
        offset: TransactionsOffset::new(event.offset),
    }
}

fn undecided_finding(sweep: &Sweep<'_>, at: usize, event: &PassedOver) -> AuditFinding {
    let item = ItemName::Event {
        event: event_position(sweep, at, event),
    };
    let detail = "the event was accepted, a mark says that it is resolved, and no record of the log that counts decides it";
    event_finding(
        sweep,
        at,
        (DifferenceKind::Lost, item, "log"),
        (event.request, None),
        detail,
    )
}

fn untold_entry(
    sweep: &Sweep<'_>,
    at: usize,
    event: &PassedOver,
    version: Version,
) -> AuditFinding {
    let item = match event.request {
        Some(ledger) => ItemName::Request { ledger },
        None => ItemName::Event {
            event: event_position(sweep, at, event),
        },
    };
    let store = sweep.ports.record.name();
    let detail = "the ledger remembers a verdict that no record of the log that counts says";
    let found = Some(HeldState::at(version));
    event_finding(
        sweep,
        at,
        (DifferenceKind::Extra, item, store),
        (event.request, found),
        detail,
    )
}

fn lost_tail(sweep: &Sweep<'_>, at: usize) -> AuditFinding {
    let partition = sweep.folds[at].partition;
    let item = ItemName::Mark { partition };
    let detail = "`transactions` ends before what this mark says is resolved: it lost its tail, or is another log";
    event_finding(
        sweep,
        at,
        (DifferenceKind::Extra, item, "log"),
        (None, None),
        detail,
    )
}

fn event_finding(
    sweep: &Sweep<'_>,
    at: usize,
    (kind, item, store): (DifferenceKind, ItemName, &str),
    (request, found): (Option<RequestId>, Option<HeldState>),
    detail: &str,
) -> AuditFinding {
    AuditFinding {
        kind,
        key: item.to_string(),
        item,
        store: store.to_owned(),
        partition: Some(sweep.folds[at].partition),
        expected: None,
        found,
        request,
        row: None,
        basis: Basis::Log,
        detail: detail.to_owned(),
    }
}
