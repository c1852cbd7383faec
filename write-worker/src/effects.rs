//! What one record of `changes` leaves to do. Decisions and voids become the same thing here, so
//! that there is one way to finish what stands, whichever owner decided it.

use change_feed::{
    chains_successors, document_name, held_after, key_name, lock_after, rests_on_key, row_name,
};
use event_schema::{
    decision::{Change, ClaimedValues, Decision, OriginalRecord, Part, Void, VoidEnd},
    envelope::{Claim, Reply},
    held::{self, HeldKind},
    id::{EntityKey, RequestId},
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    offset::ChangesOffset,
    outcome::{DeadReason, LedgerEntry, Parked, Refusal, RefusalCode, Times, Verdict},
    position::{Position, Version},
    replay::Replay,
};
use store::fold::StoredEffects;

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
    /// What it will say of the intent by which a held event was decided, and who waits for that.
    pub replay: Option<(LedgerEntry, Option<Reply>)>,
    /// The idempotency key that the request holds.
    pub claim: Option<Claim>,
    pub reply: Option<Reply>,
    /// Set for what is dead: the dead letter is written before the ledger says so.
    pub dead: Option<DeadEvent>,
    /// Of a refusal: the documents and rows by which it was judged.
    pub judged_by: Vec<String>,
    /// The event's trace context, where spans are exported.
    pub traceparent: Option<String>,
    /// What comes later on its key rests on it.
    pub chains: bool,
    /// It rests on what was decided on its key before.
    pub rests_on_key: bool,
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
        let dead = dead_event(&decision.verdict, &decision.rows);
        let replay = decision.by.as_ref().map(|by| {
            let times = (by.accepted, decision.decided);
            let verdict = decision.verdict.clone();
            replay_entry(by, &decision.key, version, verdict, times)
        });
        let entry = LedgerEntry {
            request: decision.request,
            key: decision.key.clone(),
            operation: decision.operation,
            principal: decision.principal,
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
        let rests_on_key = rests_on_key(&entry.verdict);
        let chains = rests_on_key && chains_successors(decision.relaxed, &decision.rows);
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
            replay,
            claim: decision.claim,
            reply: decision.reply,
            dead,
            judged_by: judged_by(&decision.judged_by, &decision.judged_by_rows),
            traceparent: decision.traceparent,
            chains,
            rests_on_key,
            is_void: false,
        }
    }

    fn of_void(at: ChangesOffset, version: Version, void: Void) -> Self {
        let verdict = match void.ends {
            VoidEnd::Refused(refusal) => Some(Verdict::Refused(refusal)),
            VoidEnd::Dead(_) | VoidEnd::Anew => None,
            VoidEnd::Held => verdict_of_held(&void.rows, void.request),
        };
        let dead = verdict
            .as_ref()
            .and_then(|verdict| dead_event(verdict, &void.rows));
        let by = void.by.as_ref().filter(|_| verdict.is_some());
        let replay = by.map(|by| {
            let undone = Verdict::Refused(Refusal {
                code: RefusalCode::Superseded,
                message: "what it rested on was undone".into(),
                pointer: None,
                rule: None,
            });
            replay_entry(by, &void.key, version, undone, (by.accepted, void.time))
        });
        let chains = chains_successors(void.relaxed, &void.rows);
        let entry = verdict.map(|verdict| LedgerEntry {
            request: void.request,
            key: void.key.clone(),
            operation: void.operation,
            principal: void.principal,
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
            replay,
            claim: void.claim,
            reply: void.reply,
            dead,
            judged_by: Vec::new(),
            traceparent: None,
            chains,
            rests_on_key: true,
            is_void: true,
        }
    }
}

impl Effects {
    /// The documents and rows that it changes; two names are the same only if those are.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let documents = self.documents.iter();
        let documents = documents.map(|change| document_name(&change.key));
        let names = documents.chain(self.rows.iter().map(|row| row_name(&row.key)));
        names.chain(self.chains.then(|| key_name(&self.key)))
    }

    /// Does it change one of these, or was it judged by one?
    pub fn rests_on(&self, is_one: impl Fn(&str) -> bool) -> bool {
        self.names().any(|name| is_one(&name))
            || self.judged_by.iter().any(|name| is_one(name))
            || self.rests_on_key && is_one(&key_name(&self.key))
    }

    /// What it changes in stores.
    pub fn stored(&self) -> StoredEffects<'_> {
        StoredEffects {
            version: self.version,
            position: self.position,
            request: self.request,
            documents: &self.documents,
            rows: &self.rows,
        }
    }

    /// What the ledger will say of it, and of the intent that asked for it.
    pub fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        let replay = self.replay.iter().map(|(entry, _)| entry);
        self.entry.iter().chain(replay)
    }
}

/// A dead event's bytes are in the row that holds it.
fn dead_event(verdict: &Verdict, rows: &[RowMutation]) -> Option<DeadEvent> {
    let Verdict::DeadLettered(reason) = verdict else {
        return None;
    };
    let original = held_after(rows).and_then(|row| held::read_original(&row.cells).ok());
    let reason = reason.clone();
    Some(DeadEvent { reason, original })
}

/// What the ledger says of an event that is back in its queue.
fn verdict_of_held(rows: &[RowMutation], request: RequestId) -> Option<Verdict> {
    let held = held::read_held(&held_after(rows)?.cells).ok()?;
    if let (HeldKind::Dead, Some(reason)) = (held.kind, held.reason()) {
        return Some(Verdict::DeadLettered(reason.clone()));
    }
    let lock = lock_after(rows).and_then(|row| held::read_lock(&row.key, &row.cells).ok());
    let behind = lock.and_then(|(_, lock)| lock.behind).unwrap_or(request);
    Some(Verdict::Parked(Parked { behind }))
}

fn replay_entry(
    by: &Replay,
    key: &EntityKey,
    version: Version,
    verdict: Verdict,
    (accepted, decided): (i64, i64),
) -> (LedgerEntry, Option<Reply>) {
    let entry = LedgerEntry {
        request: by.request,
        key: key.clone(),
        operation: by.operation.clone(),
        principal: Some(by.principal.clone()),
        position: by.position,
        version,
        verdict,
        result: None,
        parts: Vec::new(),
        times: Times {
            accepted,
            decided,
            applied: 0,
        },
    };
    (entry, by.reply.clone())
}

fn judged_by(documents: &[DocumentKey], rows: &[RowKey]) -> Vec<String> {
    let documents = documents.iter().map(document_name);
    documents.chain(rows.iter().map(row_name)).collect()
}
