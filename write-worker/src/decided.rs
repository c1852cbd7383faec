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
}
