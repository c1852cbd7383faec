//! Events that come out of the queue of their key: what is parked, before each batch, and dead
//! letters whose intent is in it. Reads the rows of `held` and the ledger; a queue whose links do
//! not join stops the partition.

use super::{
    Decider,
    inputs::{Event, Input},
    intent::Intent,
    judge_held::held_size,
    queues::DrainTurn,
};
use crate::{
    decode::{self, Undecodable},
    record_retry::RecordPart,
    tenure_end::TenureEnd,
};
use change_feed::HeldRow;
use event_log::Record;
use event_schema::{
    decision::OriginalRecord,
    held::{self, HeldPlace},
    id::EntityKey,
    mutation::RowKey,
    offset::ChangesOffset,
    outcome::DeadReason,
    position::Position,
    replay::Replay,
};
use futures::future::try_join_all;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use store::document::RowScan;

/// Parked events decided before a batch, at most; and no more bytes of them than of a batch.
const DRAINED_AT_ONCE: usize = 500;
/// Rows that are read at a time: any of them may hold a large event.
const READ_AT_ONCE: usize = 32;

/// A held event that is to be decided.
pub(super) struct HeldInput {
    pub key: EntityKey,
    pub row: HeldRow,
    /// What stands for its position so far.
    pub replaces: ChangesOffset,
    /// Its event, or the one that a person put in its place; not if no one can decode it.
    pub event: Result<Box<Event>, DeadReason>,
    pub by: Option<Replay>,
    /// Decided already: a store refused it.
    pub dead: Option<DeadReason>,
    pub discarded: bool,
}

impl Decider {
    /// Is there something parked that can be decided now?
    pub fn can_drain(&mut self, applied: u64) -> bool {
        self.queues.settle(applied);
        self.queues.can_drain()
    }

    /// What is decided before the events of a batch.
    pub(super) async fn drain_queues(&mut self) -> Result<Vec<Input>, TenureEnd> {
        let mut turns = VecDeque::from(self.queues.next_turns(DRAINED_AT_ONCE));
        let (mut rows, mut left) = (Vec::new(), self.worker.config.batch_bytes);
        while left > 0 && !turns.is_empty() {
            let some = first_turns(&mut turns);
            let found = try_join_all(some.iter().map(|turn| self.read_turn(turn))).await?;
            for (turn, found) in some.into_iter().zip(found) {
                let found = turn.check(found);
                let found = found.map_err(|broken| TenureEnd::Halted(broken.to_string()))?;
                for row in found {
                    if left == 0 {
                        break;
                    }
                    left = left.saturating_sub(held_size(&row));
                    rows.push((turn.key.clone(), row));
                }
            }
        }
        self.queues
            .put_first(turns.into_iter().map(|turn| turn.key).collect());
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let standing = self.find_standing(rows.iter().map(|(_, row)| row)).await?;
        let inputs = rows.into_iter().zip(standing);
        inputs
            .map(|((key, row), replaces)| {
                let original = row.event.clone();
                let held = self.held_input(key, row, replaces, original)?;
                Ok(Input::Held(Box::new(held)))
            })
            .collect()
    }

    async fn read_turn(&self, turn: &DrainTurn) -> Result<Vec<HeldRow>, TenureEnd> {
        let scan = RowScan {
            table: held::HELD.to_owned(),
            partition: held::queue_key(&turn.key),
            after: Some(turn.after.as_str().to_owned()),
            limit: turn.limit,
        };
        let record = &self.worker.ports.record;
        let found = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.scan_rows(&scan))
            .await?;
        let read = found.into_iter();
        read.map(|(key, row)| held_row(&key, row.cells)).collect()
    }

    /// Where what stands for these events stands: the ledger says it, since what is read here is
    /// applied.
    async fn find_standing(
        &self,
        rows: impl Iterator<Item = &HeldRow>,
    ) -> Result<Vec<ChangesOffset>, TenureEnd> {
        let requests: Vec<_> = rows.map(|row| row.held.request).collect();
        let record = &self.worker.ports.record;
        let entries = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&requests))
            .await?;
        let offset = |entry: Option<event_schema::outcome::LedgerEntry>| {
            entry.map_or(ChangesOffset::FIRST, |entry| entry.version.offset())
        };
        Ok(entries.into_iter().map(offset).collect())
    }

    /// The held events that these intents name.
    pub(super) async fn find_held(&self, inputs: &mut [Input]) -> Result<(), TenureEnd> {
        let mut intents: Vec<&mut Intent> = inputs
            .iter_mut()
            .filter_map(|input| match input {
                Input::Intent(intent) => Some(&mut **intent),
                Input::Event(_) | Input::Damaged(_) | Input::Held(_) => None,
            })
            .collect();
        if intents.is_empty() {
            return Ok(());
        }
        let keys: Vec<RowKey> = intents.iter().map(|intent| intent.held_key()).collect();
        let record = &self.worker.ports.record;
        let found = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.rows(&keys))
            .await?;
        let mut rows = Vec::with_capacity(keys.len());
        for (key, row) in keys.iter().zip(found) {
            rows.push(row.map(|row| held_row(key, row.cells)).transpose()?);
        }
        let mut standing = self.find_standing(rows.iter().flatten()).await?.into_iter();
        for (intent, row) in intents.iter_mut().zip(rows) {
            let Some((row, replaces)) = row.zip(standing.next()) else {
                continue;
            };
            let original = intent.edited().unwrap_or_else(|| row.event.clone());
            let mut held = self.held_input(intent.key().clone(), row, replaces, original)?;
            held.by = Some(intent.replay());
            held.discarded = intent.is_discard();
            intent.held = Some(held);
        }
        Ok(())
    }

    /// A held event as it is planned.
    pub(super) fn held_input(
        &self,
        key: EntityKey,
        row: HeldRow,
        replaces: ChangesOffset,
        original: OriginalRecord,
    ) -> Result<HeldInput, TenureEnd> {
        let (position, accepted) = (row.held.position, row.held.accepted);
        let event = self.held_event(&original, position, accepted)?;
        let event = event.map(|mut event| {
            event.replaces = Some(replaces);
            Box::new(event)
        });
        Ok(HeldInput {
            key,
            row,
            replaces,
            event,
            by: None,
            dead: None,
            discarded: false,
        })
    }

    fn held_event(
        &self,
        original: &OriginalRecord,
        position: Position,
        accepted: i64,
    ) -> Result<Result<Event, DeadReason>, TenureEnd> {
        let Some(record) = log_record(original, position, accepted) else {
            let why = format!("the event held of {position} is not as it was put there");
            return Err(TenureEnd::Halted(why));
        };
        match decode::decode_record(&record) {
            Ok(transaction) => Ok(Ok(Event {
                position,
                accepted,
                transaction,
                record,
                replaces: None,
                dead: None,
                refused: None,
                opened: None,
            })),
            Err(Undecodable::Damaged(damaged)) => Ok(Err(damaged.reason)),
            Err(Undecodable::NewerLevel(error)) => Err(TenureEnd::Reclaim(error.to_string())),
        }
    }
}

/// Turns that are read together, the next ones first.
fn first_turns(turns: &mut VecDeque<DrainTurn>) -> Vec<DrainTurn> {
    let (mut some, mut rows) = (Vec::new(), 0);
    while let Some(turn) = turns.pop_front_if(|turn| rows == 0 || rows + turn.limit <= READ_AT_ONCE)
    {
        rows += turn.limit;
        some.push(turn);
    }
    some
}

/// A kept event as it stood in the log.
pub(crate) fn log_record(
    original: &OriginalRecord,
    position: Position,
    accepted: i64,
) -> Option<Record> {
    let parts = original.parts().ok()?;
    Some(Record {
        partition: position.partition,
        offset: position.offset.get(),
        timestamp: accepted,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    })
}

/// A row of `held` as it stands.
pub(crate) fn held_row(key: &RowKey, cells: Map<String, Value>) -> Result<HeldRow, TenureEnd> {
    let read = || {
        let place: HeldPlace = held::read_place(key)?;
        let (held, event) = (held::read_held(&cells)?, held::read_original(&cells)?);
        Ok((place, held, event))
    };
    let (place, held, event) =
        read().map_err(|error: held::UnreadableRow| TenureEnd::Halted(error.to_string()))?;
    Ok(HeldRow {
        place,
        held,
        event,
        cells,
    })
}
