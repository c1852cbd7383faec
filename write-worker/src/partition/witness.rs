//! Does the log still hold what the last mark saw? A topic that was deleted and made again, a tail
//! that was lost after it was acknowledged, a record store that belongs to another log: none of
//! these is guessed around. Each stops the partition with a sentence that says what to do; the way
//! out is a new generation.

use crate::decode;
use event_log::{Offsets, Record};
use event_schema::{
    RequestTail,
    decision::{Mark, TopicIds},
    id::RequestId,
    offset::{Epoch, TransactionsOffset},
    position::Position,
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
    /// What stands before the mark's `next`.
    pub standing: StandingTail,
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
        tail: mark.tail,
    };
    lost_tail(&decided, log.transactions, &log.standing)
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
    /// The requests before `next`.
    pub tail: RequestTail,
}

/// What the last records before a place in `transactions` are now, where they are still kept.
#[derive(Debug, Default)]
pub(super) struct StandingTail(Vec<StandingRequest>);

/// A record of `transactions`.
#[derive(Clone, Copy, Debug)]
pub(super) struct StandingRequest {
    pub offset: TransactionsOffset,
    pub request: RequestId,
    /// A copy that was damaged was decided by a name that was made for it.
    made_up: RequestId,
}

impl StandingTail {
    /// `place`: of the record at an offset.
    pub fn of_records(
        records: &[Record],
        topic: &str,
        place: impl Fn(TransactionsOffset) -> Position,
    ) -> Self {
        let standing = |record: &Record| {
            let offset = TransactionsOffset::new(record.offset);
            let position = place(offset);
            StandingRequest {
                offset,
                request: decode::record_identity(record, topic, &position),
                made_up: RequestId::of_record(topic, &position),
            }
        };
        Self(records.iter().map(standing).collect())
    }

    /// Those before `next` that nothing names: repeats, which have no decision of their own.
    pub fn unnamed(&self, decided: &DecidedTail) -> Vec<StandingRequest> {
        let is_unnamed = |standing: &&StandingRequest| {
            let back = decided.next.since(standing.offset.next());
            standing.offset < decided.next && !decided.tail.is_known(back)
        };
        self.0.iter().filter(is_unnamed).copied().collect()
    }

    /// Their requests, as far as they are known, before `next`.
    pub fn requests_before(&self, next: TransactionsOffset) -> RequestTail {
        let mut tail = RequestTail::default();
        let before = self.0.iter().filter(|standing| standing.offset < next);
        let mut end = TransactionsOffset::FIRST;
        for standing in before {
            tail.push(standing.offset.next().since(end), &standing.request);
            end = standing.offset.next();
        }
        tail
    }
}

/// Why `transactions` does not hold what was decided; `standing` is what it holds now.
pub(super) fn lost_tail(
    decided: &DecidedTail,
    transactions: Offsets,
    standing: &StandingTail,
) -> Option<String> {
    if decided.next.get() > transactions.end {
        return Some(format!(
            "`transactions` ends at {}, but was decided up to {}: its tail was lost; {WAY_OUT}",
            transactions.end, decided.next
        ));
    }
    let is_other = |standing: &&StandingRequest| {
        let back = decided.next.since(standing.offset.next());
        standing.offset < decided.next
            && !decided.tail.may_be(back, &standing.request)
            && !decided.tail.may_be(back, &standing.made_up)
    };
    let other = standing.0.iter().find(is_other)?;
    Some(format!(
        "the record at {} of `transactions` is {} now, and was another one when it was decided: the tail was lost and written again; {WAY_OUT}",
        other.offset, other.request
    ))
}

/// Why a record that should repeat a request does not: nobody knows that one.
pub(super) fn never_decided(standing: &StandingRequest, next: TransactionsOffset) -> String {
    format!(
        "the record at {} of `transactions` is {}, which was never decided, though the log was decided up to {next}: the tail was lost and written again; {WAY_OUT}",
        standing.offset, standing.request
    )
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
