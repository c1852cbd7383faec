//! A batch between deciding and applying: only made of decisions that the log has acknowledged.

use crate::{
    effects::{Effects, Repeat},
    tenure_end::TenureEnd,
};
use event_schema::{
    RequestTail,
    offset::{ChangesOffset, TransactionsOffset},
};

/// A batch on its way to the stores. Made of decisions that the log has acknowledged.
#[derive(Debug)]
pub(crate) struct Decided {
    /// Counts batches of a tenure, from 1.
    pub number: u64,
    /// In the order of `changes`.
    pub effects: Vec<Effects>,
    pub repeats: Vec<Repeat>,
    /// The last record of this batch in `changes`; `None` if it has none.
    pub last: Option<ChangesOffset>,
    /// What of `transactions` it consumes; `None` if nothing is resolved with it.
    pub consumed: Option<Consumed>,
    /// Why the record behind it is not decided: the tenure ends with this batch.
    pub waits: Option<TenureEnd>,
}

/// How much of `transactions` a batch consumes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consumed {
    /// The first offset after it.
    pub next: TransactionsOffset,
    /// The requests of the records before `next`.
    pub tail: RequestTail,
    pub records: usize,
}

impl Decided {
    /// What an earlier owner decided.
    pub fn again(effects: Vec<Effects>) -> Self {
        Self {
            number: 0,
            effects,
            repeats: Vec::new(),
            last: None,
            consumed: None,
            waits: None,
        }
    }

    /// What is to come of its effects.
    pub fn open_account(&self) -> BatchAccount {
        BatchAccount(self.effects.iter().map(|effect| effect.at).collect())
    }
}

/// The records of `changes` that a batch carries out. Nothing may be marked as resolved before the
/// account is settled: what was lost on the way ends the tenure, and whoever takes the partition
/// next finishes it.
#[derive(Debug)]
#[must_use]
pub(crate) struct BatchAccount(Vec<ChangesOffset>);

impl BatchAccount {
    /// `carried_out`: what is resolved of the batch, in its order.
    pub fn settle(self, carried_out: impl Iterator<Item = ChangesOffset>) -> Result<(), TenureEnd> {
        if carried_out.eq(self.0.iter().copied()) {
            return Ok(());
        }
        let why = format!(
            "of {} records of `changes` in a batch not each was carried out once",
            self.0.len()
        );
        Err(TenureEnd::Reclaim(why))
    }
}

#[cfg(test)]
mod tests {
    use super::BatchAccount;
    use event_schema::offset::ChangesOffset;

    fn offsets(of: &[u64]) -> Vec<ChangesOffset> {
        of.iter()
            .map(|offset| ChangesOffset::new(*offset))
            .collect()
    }

    #[test]
    fn each_record_is_carried_out_once() {
        let settle = |carried_out: &[u64]| {
            let account = BatchAccount(offsets(&[3, 4, 6]));
            account.settle(offsets(carried_out).into_iter()).is_ok()
        };
        assert!(settle(&[3, 4, 6]));
        for wrong in [&[3, 4][..], &[3, 6], &[3, 4, 4, 6], &[3, 4, 6, 7], &[]] {
            assert!(!settle(wrong), "{wrong:?}");
        }
    }
}
