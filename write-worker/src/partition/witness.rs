//! Does the log still hold what the last mark saw? A topic that was deleted and made again, a tail
//! that was lost after it was acknowledged, a record store that belongs to another log: none of
//! these is guessed around. Each stops the partition with a sentence that says what to do; the way
//! out is a new generation.

use event_log::Offsets;
use event_schema::{
    decision::{Mark, TopicIds},
    id::RequestId,
    offset::{Epoch, TransactionsOffset},
};

/// What the log says when a partition is taken.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub topics: &'a TopicIds,
    pub transactions: Offsets,
    /// Before the partition was opened.
    pub changes: Offsets,
    /// Where our `open` landed.
    pub epoch: Epoch,
    /// The request at the mark's `next - 1`, where that record is still kept.
    pub last: Option<RequestId>,
}

const WAY_OUT: &str = "start a new generation once it is known what was lost";

/// Why this log is not the one that the mark was made of; nothing if it may be.
pub(super) fn find_contradiction(mark: Option<&Mark>, log: &Evidence<'_>) -> Option<String> {
    let Some(mark) = mark else {
        return without_mark(log);
    };
    let made_again = made_again(&mark.topics, log.topics);
    if made_again.is_some() {
        return made_again;
    }
    if mark.at >= log.epoch.opened_at() {
        return Some(format!(
            "the mark stands at {} in `changes`, but the log ended before {}: its tail was lost; {WAY_OUT}",
            mark.at, log.epoch
        ));
    }
    if mark.reapply_from.get() < log.changes.earliest {
        return Some(format!(
            "`changes` begins at {}, behind {} where the mark says to start: records were deleted that are still needed; {WAY_OUT}",
            log.changes.earliest, mark.reapply_from
        ));
    }
    let decided = DecidedTail {
        next: mark.next,
        last: mark.last,
    };
    lost_tail(&decided, log.transactions, log.last)
}

/// Which topic is another one than it was.
pub(super) fn made_again(then: &TopicIds, now: &TopicIds) -> Option<String> {
    let topics = [
        ("transactions", &then.transactions, &now.transactions),
        ("changes", &then.changes, &now.changes),
    ];
    topics.into_iter().find_map(|(topic, then, now)| {
        let (then, now) = then.as_ref().zip(now.as_ref())?;
        (then != now).then(|| {
            format!(
                "the topic `{topic}` was deleted and made again (its id was {then}, is {now}): {WAY_OUT}"
            )
        })
    })
}

/// How far `transactions` was decided, by the mark or by what stands in `changes` behind it.
#[derive(Debug)]
pub(super) struct DecidedTail {
    pub next: TransactionsOffset,
    /// The request at `next - 1`.
    pub last: Option<RequestId>,
}

/// Why `transactions` does not hold what was decided; `stands` is the request at `next - 1` now.
pub(super) fn lost_tail(
    decided: &DecidedTail,
    transactions: Offsets,
    stands: Option<RequestId>,
) -> Option<String> {
    if decided.next.get() > transactions.end {
        return Some(format!(
            "`transactions` ends at {}, but was decided up to {}: its tail was lost; {WAY_OUT}",
            transactions.end, decided.next
        ));
    }
    match (decided.last, stands) {
        (Some(then), Some(now)) if then != now => Some(format!(
            "the record of `transactions` before {} is {now}, but was {then}: its tail was lost and written again; {WAY_OUT}",
            decided.next
        )),
        _ => None,
    }
}

/// A partition that was never taken has a log that begins at 0.
fn without_mark(log: &Evidence<'_>) -> Option<String> {
    (log.changes.earliest > 0).then(|| {
        format!(
            "the record store has no mark, but `changes` begins at {}: it is another store than this log was applied to (a wrong or emptied keyspace?); name the right one, or {WAY_OUT}",
            log.changes.earliest
        )
    })
}

#[cfg(test)]
mod tests;
