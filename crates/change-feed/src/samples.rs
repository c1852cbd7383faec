//! Records for the tests of this crate, each standing where it says it must.

use event_schema::{
    decision::{
        Change, ClaimedValues, Decision, Mark, Open, OriginalRecord, TopicIds, Void, VoidEnd,
    },
    held::{FailedAttempt, HeldEvent, HeldKind},
    id::{EntityKey, RequestId},
    mutation::{DocumentAction, DocumentChange, DocumentKey},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    outcome::{DeadReason, Verdict},
    position::Position,
    signing::Keyring,
    to_raw,
};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

use crate::{UndoPlan, VoidStamp, Window};

pub(crate) fn at(offset: u64) -> ChangesOffset {
    ChangesOffset::new(offset)
}

pub(crate) fn epoch(open: u64) -> Epoch {
    Epoch::begun_at(at(open))
}

pub(crate) fn position(offset: u64) -> Position {
    Position {
        generation: 1,
        partition: 0,
        offset: TransactionsOffset::new(offset),
    }
}

pub(crate) fn request(number: u64) -> RequestId {
    let keys = Keyring::new(1, *b"0123456789abcdef");
    RequestId::mint(&keys, 1, 0, [number as u8; 16])
}

pub(crate) fn document(id: &str) -> DocumentKey {
    DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: id.into(),
    }
}

/// Revision `n` of a document is `{"n": n}`; revision 0 is that it is not there.
pub(crate) fn change(id: &str, before: u64, after: u64) -> DocumentChange {
    let body = |n: u64| (n > 0).then(|| to_raw(&json!({ "n": n })));
    DocumentChange {
        key: document(id),
        action: DocumentAction::Merge,
        revision_before: before,
        revision: after,
        before: body(before),
        after: body(after),
        purged: false,
    }
}

/// A decision on document `id`: revision `n` → `n + 1`.
pub(crate) fn decision(open: u64, offset: u64, id: &str, n: u64) -> Decision {
    Decision {
        epoch: epoch(open),
        at: at(0),
        key: EntityKey(id.into()),
        request: request(offset),
        operation: "document.update".into(),
        principal: None,
        tenant: "default".into(),
        catalog: "c".into(),
        position: position(offset),
        replaces: None,
        by: None,
        silent: false,
        verdict: Verdict::Applied,
        documents: vec![change(id, n, n + 1)],
        rows: Vec::new(),
        parts: Vec::new(),
        claims: ClaimedValues::default(),
        claim: None,
        judged_by: Vec::new(),
        judged_by_rows: Vec::new(),
        result: None,
        volatile: None,
        relaxed: true,
        accepted: 0,
        decided: 0,
        reply: None,
        origin: None,
        traceparent: None,
    }
}

pub(crate) fn open() -> Change {
    Change::Open(Open {
        owner: "w".into(),
        time: 0,
    })
}

pub(crate) fn mark(open: u64, through: u64, next: u64) -> Change {
    Change::Mark(Mark {
        epoch: epoch(open),
        at: at(0),
        generation: 1,
        partition: 0,
        through: at(through),
        next: TransactionsOffset::new(next),
        time: 0,
        reapply_from: at(through + 1),
        reapply_epoch: Some(epoch(open)),
        topics: TopicIds::default(),
        tail: Default::default(),
        parts: BTreeMap::new(),
    })
}

/// Undoes the decision at `decided` on document `id`, back to revision 1.
pub(crate) fn void(open: u64, decided: u64, offset: u64, id: &str) -> Void {
    Void {
        epoch: epoch(open),
        at: at(0),
        key: EntityKey(id.into()),
        request: request(offset),
        operation: "document.update".into(),
        principal: None,
        position: position(offset),
        decision: at(decided),
        ends: dead(),
        by: None,
        relaxed: true,
        documents: vec![change(id, 2, 1)],
        rows: Vec::new(),
        event: None,
        silent: false,
        claim: None,
        time: 0,
        accepted: 0,
        reply: None,
    }
}

pub(crate) fn dead() -> VoidEnd {
    VoidEnd::Dead(DeadReason {
        code: "x".into(),
        message: "y".into(),
        store: None,
    })
}

/// An event that is to be parked or held.
pub(crate) fn held_event(n: u64) -> HeldEvent {
    HeldEvent {
        request: request(n),
        operation: "user.update".into(),
        tenant: "default".into(),
        catalog: "c".into(),
        position: position(n),
        kind: HeldKind::Parked,
        attempts: 0,
        history: Vec::new(),
        accepted: 0,
        since: 0,
        prev: None,
    }
}

pub(crate) fn failed() -> FailedAttempt {
    FailedAttempt {
        time: 0,
        reason: DeadReason {
            code: "x".into(),
            message: "y".into(),
            store: None,
        },
        replay: None,
    }
}

/// The record with the offset at which it must stand.
pub(crate) fn placed(mut record: Change, offset: u64) -> Change {
    match &mut record {
        Change::Open(_) => {}
        Change::Decision(decision) => decision.at = at(offset),
        Change::Mark(mark) => mark.at = at(offset),
        Change::Void(void) => void.at = at(offset),
    }
    record
}

/// A window and the records it was folded from.
pub(crate) struct Folded {
    pub window: Window,
    pub log: BTreeMap<ChangesOffset, Change>,
}

impl Folded {
    pub fn of(records: Vec<Change>) -> Self {
        let mut folded = Self {
            window: Window::from(1, 0, None),
            log: BTreeMap::new(),
        };
        records.into_iter().for_each(|record| folded.append(record));
        folded
    }

    /// Appends where the record must stand.
    pub fn append(&mut self, record: Change) {
        let offset = self.log.len() as u64;
        self.append_as_it_is(placed(record, offset));
    }

    /// Appends, wherever it must stand.
    pub fn append_as_it_is(&mut self, record: Change) {
        let offset = at(self.log.len() as u64);
        self.window.fold(offset, &record);
        self.log.insert(offset, record);
    }

    pub fn standing(&self) -> Vec<u64> {
        self.window.standing().map(ChangesOffset::get).collect()
    }

    /// What would be voided for these decisions.
    pub fn voids(&self, rejected: &[u64], open: u64) -> Vec<Void> {
        let rejected = rejected.iter().map(|offset| (at(*offset), dead()));
        let plan: UndoPlan = self.window.undo(&rejected.collect());
        let reads = plan.reads().into_iter();
        let records = reads.map(|offset| (offset, self.log[&offset].clone()));
        let events = plan.positions().map(|position| {
            let value = position.offset.to_string();
            let event = OriginalRecord {
                key: None,
                value: Some(value),
                headers: Vec::new(),
            };
            (position, event)
        });
        let stamp = VoidStamp {
            epoch: epoch(open),
            first: at(self.log.len() as u64),
            time: 7,
        };
        plan.voids(&records.collect(), &HashMap::from_iter(events), stamp)
            .unwrap()
    }
}
