//! What must be so after every step, as a reader of the log sees it: every decision that counts
//! stands, every position below a mark was decided or is a repeat, what the ledger remembers is not
//! voided, and no partition is taken over and over again.

use super::{History, PARTITIONS};
use crate::record::ModelRecord;
use change_feed::{StandingPositions, TenureRule};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Mark},
    id::RequestId,
    offset::{ChangesOffset, TransactionsOffset},
    position::{Position, Version},
    topics,
};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A partition may be taken so often within a minute.
const MOST_OPENS: usize = 60;
const MINUTE: i64 = 60_000;

/// What was read of the log so far.
#[derive(Default)]
pub(super) struct LogInvariants([PartitionReading; PARTITIONS as usize]);

struct PartitionReading {
    tenure: TenureRule,
    standing: StandingPositions,
    /// The next record of `changes`.
    next: u64,
    /// Below this, a mark says, everything is decided.
    marked: TransactionsOffset,
    /// Intents that became the decision of what they were about.
    intents: BTreeSet<TransactionsOffset>,
    voided: Vec<(RequestId, Version)>,
    /// When the partition was taken lately.
    opens: VecDeque<i64>,
    /// The request of each record of `transactions`, and where each stands first.
    requests: Vec<Option<[u8; 16]>>,
    first: HashMap<[u8; 16], u64>,
}

impl History {
    /// Reads on to the end of the log.
    ///
    /// # Errors
    /// What does not hold.
    pub(super) fn check_log(&mut self) -> Result<(), String> {
        let Some(mut invariants) = self.invariants.take() else {
            return Ok(());
        };
        for (partition, reading) in (0..PARTITIONS).zip(&mut invariants.0) {
            self.read_requests(partition, reading);
            self.read_changes(partition, reading)?;
            // A store that forgets may be told again what was voided meanwhile.
            if !self.is_forgetful() {
                reading.check_ledger(&self.record)?;
            }
        }
        self.invariants = Some(invariants);
        Ok(())
    }

    fn read_requests(&self, partition: u16, reading: &mut PartitionReading) {
        let topic = self.layout.name(&topics::TRANSACTIONS);
        let mut offset = reading.requests.len() as u64;
        while let Some(record) = self.log.record_at(&topic, partition, offset) {
            let id = record.headers.iter().find(|(name, _)| name == "ce_id");
            let text = id.and_then(|(_, id)| std::str::from_utf8(id).ok());
            let request = text.and_then(|text| RequestId::parse_trusted(text).ok());
            let unique = request.map(|request| request.unique());
            if let Some(unique) = unique {
                reading.first.entry(unique).or_insert(offset);
            }
            reading.requests.push(unique);
            offset += 1;
        }
    }

    fn read_changes(&self, partition: u16, reading: &mut PartitionReading) -> Result<(), String> {
        let topic = self.layout.name(&topics::CHANGES);
        while let Some(record) = self.log.record_at(&topic, partition, reading.next) {
            let offset = ChangesOffset::new(reading.next);
            reading.next += 1;
            let parts = Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            let change = codec::decode_change(&parts).map_err(|error| error.to_string())?;
            if reading.tenure.counts(offset, &change) {
                let place = Position {
                    generation: self.layout.generation,
                    partition,
                    offset: TransactionsOffset::FIRST,
                };
                let read = reading.read(offset, record.timestamp, change, place);
                read.map_err(|why| format!("`changes` of {partition} at {offset}: {why}"))?;
            }
        }
        Ok(())
    }
}

impl Default for PartitionReading {
    fn default() -> Self {
        Self {
            tenure: TenureRule::in_force(None),
            standing: StandingPositions::default(),
            next: 0,
            marked: TransactionsOffset::FIRST,
            intents: BTreeSet::new(),
            voided: Vec::new(),
            opens: VecDeque::new(),
            requests: Vec::new(),
            first: HashMap::new(),
        }
    }
}

impl PartitionReading {
    /// Reads a record that counts; `place` is any position of the partition.
    fn read(
        &mut self,
        offset: ChangesOffset,
        at: i64,
        change: Change,
        place: Position,
    ) -> Result<(), String> {
        match change {
            Change::Open(_) => self.open(at),
            Change::Decision(decision) => {
                let intent = decision.by.as_ref().map(|by| by.position.offset);
                self.intents.extend(intent);
                if self.standing.decide(offset, &decision) {
                    return Ok(());
                }
                let (position, replaces) = (decision.position, decision.replaces);
                Err(format!(
                    "the decision of {position} replaces {replaces:?}, and something else stands"
                ))
            }
            Change::Void(void) => {
                let version = Version::new(place.generation, void.decision);
                self.voided.push((void.request, version));
                if self.standing.void(offset, &void) {
                    return Ok(());
                }
                let (position, decision) = (void.position, void.decision);
                Err(format!(
                    "{decision} is voided for {position}, and does not stand"
                ))
            }
            Change::Mark(mark) => self.mark(&mark, place),
        }
    }

    fn open(&mut self, at: i64) -> Result<(), String> {
        self.opens.push_back(at);
        while self
            .opens
            .pop_front_if(|open| *open < at - MINUTE)
            .is_some()
        {}
        let opens = self.opens.len();
        if opens > MOST_OPENS {
            return Err(format!("taken {opens} times within a minute"));
        }
        Ok(())
    }

    fn mark(&mut self, mark: &Mark, place: Position) -> Result<(), String> {
        self.standing.mark(mark);
        while self.marked < mark.next {
            let offset = self.marked;
            self.marked = offset.next();
            let position = Position { offset, ..place };
            let is_decided = self.standing.get(&position).is_some();
            if !is_decided && !self.intents.contains(&offset) && !self.is_repeat(offset) {
                let next = mark.next;
                return Err(format!("a mark at {next}, and {offset} was never decided"));
            }
        }
        Ok(())
    }

    fn is_repeat(&self, offset: TransactionsOffset) -> bool {
        let unique = self.requests.get(offset.get() as usize).copied().flatten();
        let first = unique.and_then(|unique| self.first.get(&unique));
        first.is_some_and(|first| *first < offset.get())
    }

    fn check_ledger(&self, record: &ModelRecord) -> Result<(), String> {
        let is_remembered = |(request, version): &&(RequestId, Version)| {
            let entry = record.entry(request);
            entry.is_some_and(|entry| entry.version == *version)
        };
        match self.voided.iter().find(is_remembered) {
            Some((request, version)) => Err(format!(
                "the ledger remembers {request} at {version}, which is voided"
            )),
            None => Ok(()),
        }
    }
}
