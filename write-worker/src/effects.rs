//! What one record of `changes` leaves to do. Decisions and voids become the same thing here, so
//! that there is one way to finish what stands, whichever owner decided it.

use change_feed::{document_name, row_name};
use event_schema::{
    decision::{Change, ClaimedValues, Decision, OriginalRecord, Part, Void, VoidEnd},
    envelope::{Claim, Reply},
    id::{EntityKey, RequestId},
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    offset::ChangesOffset,
    outcome::{DeadReason, LedgerEntry, Times, Verdict},
    position::{Position, Version},
};
use std::collections::HashSet;

/// What remains to be done for one position once its decision (or void) stands in `changes`.
#[derive(Clone, Debug)]
pub(crate) struct Effects {
    pub at: ChangesOffset,
    pub position: Position,
    pub version: Version,
    pub key: EntityKey,
    pub request: RequestId,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    /// What the ledger will say; `None` for a void whose position is decided anew.
    pub entry: Option<LedgerEntry>,
    /// Events of other keys, to publish once the ledger remembers this.
    pub parts: Vec<Part>,
    /// Unique values that are its own, and those that it lets go once the ledger remembers this.
    pub values: ClaimedValues,
    /// The idempotency key that the request holds.
    pub claim: Option<Claim>,
    pub reply: Option<Reply>,
    /// Set for what is dead: the dead letter is written before the ledger says so.
    pub dead: Option<DeadEvent>,
    /// Of a refusal: the documents and rows by which it was judged.
    pub judged_by: Vec<String>,
    /// The event's trace context, where spans are exported.
    pub traceparent: Option<String>,
    /// It restores what was before a decision: no store may refuse it.
    pub is_void: bool,
}

/// Why an event is dead, and its bytes where the record carries them.
#[derive(Clone, Debug)]
pub(crate) struct DeadEvent {
    pub reason: DeadReason,
    pub original: Option<OriginalRecord>,
}

/// A record of `transactions` that the log holds twice: whoever waits for this one is sent the
/// verdict of the first.
#[derive(Clone, Debug)]
pub(crate) struct Repeat {
    pub request: RequestId,
    pub reply: Option<Reply>,
}

impl Effects {
    /// `generation`: of the log that the record stands in. Control records of a whole partition
    /// leave nothing to do.
    pub fn of(at: ChangesOffset, change: Change, generation: u16) -> Option<Self> {
        let version = Version::new(generation, at);
        match change {
            Change::Decision(decision) => Some(Self::of_decision(at, version, decision)),
            Change::Void(void) => Some(Self::of_void(at, version, void)),
            Change::Open(_) | Change::Mark(_) => None,
        }
    }

    fn of_decision(at: ChangesOffset, version: Version, decision: Decision) -> Self {
        let dead = match &decision.verdict {
            Verdict::DeadLettered(reason) => Some(DeadEvent {
                reason: reason.clone(),
                original: decision.event,
            }),
            Verdict::Applied | Verdict::Refused(_) => None,
        };
        let entry = LedgerEntry {
            request: decision.request,
            key: decision.key.clone(),
            operation: decision.operation,
            position: decision.position,
            version,
            verdict: decision.verdict,
            result: decision.result,
            parts: decision.parts.iter().map(|part| part.request).collect(),
            times: Times {
                accepted: decision.accepted,
                decided: decision.decided,
                applied: 0,
            },
        };
        Self {
            at,
            position: decision.position,
            version,
            key: decision.key,
            request: decision.request,
            documents: decision.documents,
            rows: decision.rows,
            entry: Some(entry),
            parts: decision.parts,
            values: decision.claims,
            claim: decision.claim,
            reply: decision.reply,
            dead,
            judged_by: judged_by(&decision.judged_by, &decision.judged_by_rows),
            traceparent: decision.traceparent,
            is_void: false,
        }
    }

    fn of_void(at: ChangesOffset, version: Version, void: Void) -> Self {
        let (verdict, dead) = match void.ends {
            VoidEnd::Refused(refusal) => (Some(Verdict::Refused(refusal)), None),
            VoidEnd::Dead(reason) => (
                Some(Verdict::DeadLettered(reason.clone())),
                Some(DeadEvent {
                    reason,
                    original: void.event,
                }),
            ),
            VoidEnd::Anew | VoidEnd::Held => (None, None),
        };
        let entry = verdict.map(|verdict| LedgerEntry {
            request: void.request,
            key: void.key.clone(),
            operation: void.operation,
            position: void.position,
            version,
            verdict,
            result: None,
            parts: Vec::new(),
            times: Times {
                accepted: void.accepted,
                decided: void.time,
                applied: 0,
            },
        });
        Self {
            at,
            position: void.position,
            version,
            key: void.key,
            request: void.request,
            documents: void.documents,
            rows: void.rows,
            entry,
            parts: Vec::new(),
            values: ClaimedValues::default(),
            claim: void.claim,
            reply: void.reply,
            dead,
            judged_by: Vec::new(),
            traceparent: None,
            is_void: true,
        }
    }
}

impl Effects {
    /// The documents and rows that it changes; two names are the same only if those are.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let documents = self.documents.iter();
        let documents = documents.map(|change| document_name(&change.key));
        documents.chain(self.rows.iter().map(|row| row_name(&row.key)))
    }

    /// Does it change one of these, or was it judged by one?
    pub fn rests_on(&self, names: &HashSet<String>) -> bool {
        self.names().any(|name| names.contains(&name))
            || self.judged_by.iter().any(|name| names.contains(name))
    }
}

fn judged_by(documents: &[DocumentKey], rows: &[RowKey]) -> Vec<String> {
    let documents = documents.iter().map(document_name);
    documents.chain(rows.iter().map(row_name)).collect()
}
