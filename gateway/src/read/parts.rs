//! What a request does to other keys: its parts, each a request of its own. A request is applied once
//! each of them has a verdict; one that died is told as the request's own end, without undoing it.

use event_schema::{
    id::RequestId,
    outcome::{DeadReason, LedgerEntry, Verdict},
};
use store::{Record, StoreError};

/// The ledger's entries of a request's parts, in its order; `None` where one has no verdict yet.
pub(crate) async fn part_entries(
    record: &dyn Record,
    parts: &[RequestId],
) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
    if parts.is_empty() {
        Ok(Vec::new())
    } else {
        record.ledger(parts).await
    }
}

/// The verdict as the client is told of it; `None` while a part has none.
pub(crate) fn folded_verdict(
    entry: &LedgerEntry,
    parts: &[Option<LedgerEntry>],
) -> Option<Verdict> {
    if entry.verdict != Verdict::Applied {
        return Some(entry.verdict.clone());
    }
    let dead = parts.iter().flatten().find_map(|part| match &part.verdict {
        Verdict::DeadLettered(reason) => Some(DeadReason {
            message: format!(
                "its part {} on `{}` is a dead letter: {}",
                part.request, part.key.0, reason.message
            ),
            ..reason.clone()
        }),
        Verdict::Applied | Verdict::Refused(_) | Verdict::Parked(_) => None,
    });
    // One that is parked has its verdict to come.
    let is_decided = |part: &Option<LedgerEntry>| {
        let verdict = part.as_ref().map(|part| &part.verdict);
        !matches!(verdict, None | Some(Verdict::Parked(_)))
    };
    match dead {
        Some(reason) => Some(Verdict::DeadLettered(reason)),
        None if parts.iter().all(is_decided) => Some(Verdict::Applied),
        None => None,
    }
}
