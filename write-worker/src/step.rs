//! A step: one record of `changes` as work to do. Decisions and voids become the same thing here,
//! so that there is one way to finish what stands, whoever decided it.

use event_schema::{
    decision::{Decision, OriginalRecord, Void},
    envelope::Reply,
    id::RequestId,
    mutation::{DocumentChange, RowMutation},
    outcome::{DeadReason, LedgerEntry, Times, Verdict},
    position::{Position, Version},
};

/// What remains to be done for one position once its decision (or void) stands in `changes`.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub position: Position,
    pub version: Version,
    pub request: RequestId,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    /// What the ledger will say; `None` for a void whose position is decided anew.
    pub entry: Option<LedgerEntry>,
    pub reply: Option<Reply>,
    /// Set for what is dead: the dead letter is written before the ledger says so.
    pub dead: Option<DeadReason>,
}

/// Something that happened to a record of `transactions` beside a decision, to be done when its
/// batch is applied.
#[derive(Clone, Debug)]
pub(crate) enum Aside {
    /// The log holds the request twice: whoever waits for this one is told of the first.
    Duplicate {
        request: RequestId,
        reply: Option<Reply>,
    },
    /// Nobody can decode it, not even its id.
    Undecodable {
        position: Position,
        reason: DeadReason,
        original: OriginalRecord,
    },
}

impl Step {
    pub fn of_decision(offset: u64, decision: Decision) -> Self {
        let version = Version::new(decision.position.generation, offset);
        let dead = match &decision.verdict {
            Verdict::DeadLettered(reason) => Some(reason.clone()),
            Verdict::Applied | Verdict::Refused(_) => None,
        };
        let entry = LedgerEntry {
            request: decision.request,
            operation: decision.operation,
            position: decision.position,
            version,
            verdict: decision.verdict,
            result: decision.result,
            times: Times {
                accepted: decision.accepted,
                decided: decision.decided,
                applied: 0,
            },
        };
        Self {
            position: decision.position,
            version,
            request: decision.request,
            documents: decision.documents,
            rows: decision.rows,
            entry: Some(entry),
            reply: decision.reply,
            dead,
        }
    }

    pub fn of_void(offset: u64, void: Void) -> Self {
        let version = Version::new(void.position.generation, offset);
        let entry = void.dead.clone().map(|reason| LedgerEntry {
            request: void.request,
            operation: void.operation.clone(),
            position: void.position,
            version,
            verdict: Verdict::DeadLettered(reason),
            result: None,
            times: Times {
                accepted: void.accepted,
                decided: void.time,
                applied: 0,
            },
        });
        Self {
            position: void.position,
            version,
            request: void.request,
            documents: void.documents,
            rows: void.rows,
            entry,
            reply: void.reply,
            dead: void.dead,
        }
    }
}
