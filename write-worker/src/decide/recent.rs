//! The request ids seen lately: recognises a record that the log holds twice without asking a
//! store. Bounded; the oldest go first.
//!
//! See ADR 4.

use event_schema::id::RequestId;
use std::collections::{HashMap, VecDeque};

pub(crate) struct Recent {
    /// Unique bytes of the id → offset in `transactions` of its first record.
    seen: HashMap<[u8; 16], u64>,
    order: VecDeque<[u8; 16]>,
    limit: usize,
}

impl Recent {
    pub fn new(limit: usize) -> Self {
        Self {
            seen: HashMap::new(),
            order: VecDeque::new(),
            limit: limit.max(1),
        }
    }

    /// Is this another record of a request seen at an earlier offset?
    pub fn repeats(&self, request: &RequestId, offset: u64) -> bool {
        self.seen
            .get(&request.unique())
            .is_some_and(|first| *first < offset)
    }

    pub fn insert(&mut self, request: &RequestId, offset: u64) {
        let unique = request.unique();
        if self.seen.contains_key(&unique) {
            return;
        }
        self.seen.insert(unique, offset);
        self.order.push_back(unique);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }
}
