//! The requests decided lately: answers whether a record repeats one of them without asking a
//! store, where it can. Bounded; the oldest go first, but none of which the ledger may not know yet.
//!
//! See ADR 13, which replaces ADR 4.

use event_schema::{id::RequestId, offset::TransactionsOffset};
use std::collections::{HashMap, VecDeque};

/// Requests by the first position at which each stands, from one position on without a gap.
pub(crate) struct RecentRequests {
    /// Unique bytes of the id → offset of its first record.
    first: HashMap<[u8; 16], TransactionsOffset>,
    order: VecDeque<[u8; 16]>,
    /// Every request that was decided at or behind this offset is here.
    known_from: TransactionsOffset,
    /// The ledger knows every request that stands before this offset.
    resolved: TransactionsOffset,
    limit: usize,
}

/// Is a record another one of a request that stands before it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    Yes,
    No,
    /// A copy may stand before what is remembered here: the ledger knows.
    AskLedger,
}

impl RecentRequests {
    /// `known_from`: from this offset on, every request that was decided will be inserted.
    /// `resolved`: what the ledger knows, or will know before anything is asked here.
    pub fn new(limit: usize, known_from: TransactionsOffset, resolved: TransactionsOffset) -> Self {
        Self {
            first: HashMap::new(),
            order: VecDeque::new(),
            known_from,
            resolved,
            limit: limit.max(1),
        }
    }

    /// The ledger knows every request before this offset.
    pub fn resolved(&mut self, next: TransactionsOffset) {
        self.resolved = self.resolved.max(next);
        self.forget_oldest();
    }

    /// `seen`: no copy of the event stands before it.
    pub fn repeats(
        &self,
        request: &RequestId,
        offset: TransactionsOffset,
        seen: TransactionsOffset,
    ) -> Repeats {
        match self.first.get(&request.unique()) {
            Some(first) if *first < offset => Repeats::Yes,
            // The record itself, decided before its mark was lost.
            Some(_) => Repeats::No,
            None if seen >= self.known_from => Repeats::No,
            None => Repeats::AskLedger,
        }
    }

    /// Is it known here that the request was decided? If not, the ledger may know.
    pub fn knows(&self, request: &RequestId) -> bool {
        self.first.contains_key(&request.unique())
    }

    pub fn insert(&mut self, request: &RequestId, offset: TransactionsOffset) {
        let unique = request.unique();
        if self.first.contains_key(&unique) {
            return;
        }
        self.first.insert(unique, offset);
        self.order.push_back(unique);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.order.len() > self.limit {
            let Some(oldest) = self.order.front() else {
                return;
            };
            let offset = self.first.get(oldest).copied().unwrap_or_default();
            if offset >= self.resolved {
                return;
            }
            self.first.remove(oldest);
            self.order.pop_front();
            self.known_from = self.known_from.max(offset.next());
        }
    }
}

#[cfg(test)]
mod tests;
