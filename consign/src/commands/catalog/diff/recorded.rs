//! What a partition of the log holds of a time: the decisions that stand, with their events, and the
//! state in which each document and row was before the first of them. It only reads.

use crate::{failure::Failure, stack::Stack};
use audit::{PartitionFold, StandingRecord};
use event_log::Record;
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Decision},
    envelope::Transaction,
    mutation::{DocumentChange, RowMutation},
    topics::{CHANGES, TRANSACTIONS},
};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// A decision or a void, in the order in which they stand.
pub(super) struct RecordedDecision {
    /// Is its event to be compared: of a decision within the time? It is absent if it is not, or is no
    /// longer kept.
    pub is_asked: bool,
    pub event: Option<Transaction>,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
}

/// The first change of each document and row since the time began: what was before it.
#[derive(Default)]
pub(super) struct StateBefore {
    pub documents: HashMap<String, DocumentChange>,
    pub rows: HashMap<String, RowMutation>,
}

pub(super) struct RecordedPartition {
    pub decisions: Vec<RecordedDecision>,
    pub before: StateBefore,
}

/// Where the gathering is in the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TimePlace {
    Before,
    Within,
    Behind,
}

struct Gathering {
    time: Range<i64>,
    limit: usize,
    place: TimePlace,
    /// With the offset of its event in `transactions`, if that is asked for.
    decisions: Vec<(Option<u64>, RecordedDecision)>,
    before: StateBefore,
    is_over: bool,
}

impl RecordedPartition {
    /// `time`: when the log took the events, Unix milliseconds.
    pub(super) async fn read(
        stack: &Stack,
        partition: u16,
        time: Range<i64>,
        limit: usize,
    ) -> Result<Self, Failure> {
        let failed = |error: audit::AuditError| Failure::failed(error.to_string());
        let topic = stack.layout.name(&CHANGES);
        let fold = PartitionFold::begin(&stack.log, &topic, partition).await;
        let mut fold = fold.map_err(failed)?;
        let mut gathering = Gathering {
            time,
            limit,
            place: TimePlace::Before,
            decisions: Vec::new(),
            before: StateBefore::default(),
            is_over: false,
        };
        let take = |record: StandingRecord<'_>| gathering.take(record.change);
        fold.read_on(&stack.log, take).await.map_err(failed)?;
        if gathering.is_over {
            let why =
                format!("partition {partition} holds more than {limit} decisions of this time");
            return Err(Failure::failed(why).hint("a shorter time, or a larger --limit"));
        }
        let Gathering {
            decisions, before, ..
        } = gathering;
        let wanted: HashSet<u64> = decisions.iter().filter_map(|(offset, _)| *offset).collect();
        let mut events = events(stack, partition, &wanted).await?;
        let decisions = decisions.into_iter().map(|(offset, mut decided)| {
            decided.event = offset.and_then(|offset| events.remove(&offset));
            decided
        });
        Ok(Self {
            decisions: decisions.collect(),
            before,
        })
    }
}

impl Gathering {
    fn take(&mut self, change: &Change) {
        let (event, documents, rows) = match change {
            Change::Decision(decision) => {
                self.pass(decision);
                let is_asked = self.place == TimePlace::Within && decision.by.is_none();
                let event = is_asked.then(|| decision.position.offset.get());
                (event, &decision.documents, &decision.rows)
            }
            Change::Void(void) => (None, &void.documents, &void.rows),
            Change::Open(_) | Change::Mark(_) => return,
        };
        if self.place == TimePlace::Before {
            return;
        }
        for change in documents {
            let first = self.before.documents.entry(change.key.to_string());
            first.or_insert_with(|| change.clone());
        }
        for row in rows {
            let first = self.before.rows.entry(row.key.to_string());
            first.or_insert_with(|| row.clone());
        }
        if self.place == TimePlace::Behind {
            return;
        }
        if self.decisions.len() == self.limit {
            self.is_over = true;
            return;
        }
        let decided = RecordedDecision {
            is_asked: event.is_some(),
            event: None,
            documents: documents.clone(),
            rows: rows.clone(),
        };
        self.decisions.push((event, decided));
    }

    /// Events are decided as the log took them; only what was held is decided later.
    fn pass(&mut self, decision: &Decision) {
        if decision.by.is_some() || decision.replaces.is_some() {
            return;
        }
        if decision.accepted >= self.time.end {
            self.place = TimePlace::Behind;
        } else if decision.accepted >= self.time.start {
            self.place = TimePlace::Within;
        }
    }
}

/// Those of these offsets that can be read as transactions.
async fn events(
    stack: &Stack,
    partition: u16,
    wanted: &HashSet<u64>,
) -> Result<HashMap<u64, Transaction>, Failure> {
    let mut events = HashMap::new();
    let (Some(first), Some(last)) = (wanted.iter().min(), wanted.iter().max()) else {
        return Ok(events);
    };
    let topic = stack.layout.name(&TRANSACTIONS);
    let kept = stack.log.admin.offsets(&topic, partition).await;
    let kept = kept.map_err(|error| Failure::failed(error.to_string()))?;
    let failed = |error: event_log::StreamError| Failure::failed(error.to_string());
    let range = (*first).max(kept.earliest)..*last + 1;
    let mut scan = stack.log.scan(&topic, partition, range);
    while let Some(records) = scan.next().await.map_err(failed)? {
        let read = records.into_iter();
        let asked = read.filter(|record| wanted.contains(&record.offset));
        events.extend(asked.filter_map(|record| Some((record.offset, decoded(record)?))));
    }
    Ok(events)
}

fn decoded(record: Record) -> Option<Transaction> {
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    codec::decode_transaction(&parts).ok()
}
