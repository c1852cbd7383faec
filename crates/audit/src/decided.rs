//! Which events of a partition of `transactions` have a record in `changes` that stands: kept as
//! ranges of offsets, which is little where nearly all of them have. Pure.

use event_schema::{decision::Change, position::Position};
use std::collections::BTreeMap;

/// The events of one partition that are decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DecidedEvents {
    /// First offset → the offset after the last.
    ranges: BTreeMap<u64, u64>,
}

impl DecidedEvents {
    /// Takes a record that counts and stands: it decides its own event, and the intent that asked
    /// for it.
    pub fn take(&mut self, generation: u16, partition: u16, change: &Change) {
        let (position, by) = match change {
            Change::Decision(decision) => (&decision.position, &decision.by),
            Change::Void(void) => (&void.position, &void.by),
            Change::Open(_) | Change::Mark(_) => return,
        };
        let asked = by.as_ref().map(|by| &by.position);
        let is_ours = |one: &&Position| (one.generation, one.partition) == (generation, partition);
        for one in std::iter::once(position).chain(asked).filter(is_ours) {
            self.insert(one.offset.get());
        }
    }

    pub fn contains(&self, offset: u64) -> bool {
        let before = self.ranges.range(..=offset).next_back();
        before.is_some_and(|(_, end)| offset < *end)
    }

    fn insert(&mut self, offset: u64) {
        let mut range = (offset, offset + 1);
        if let Some((start, end)) = self.ranges.range(..=offset).next_back() {
            if offset < *end {
                return;
            }
            if *end == offset {
                range.0 = *start;
            }
        }
        if let Some(end) = self.ranges.remove(&range.1) {
            range.1 = end;
        }
        self.ranges.insert(range.0, range.1);
    }
}

#[cfg(test)]
mod tests {
    use super::DecidedEvents;

    #[test]
    fn neighbours_are_one_range_in_whatever_order_they_come() {
        let mut decided = DecidedEvents::default();
        for offset in [5, 3, 4, 0, 1, 9, 4, 7] {
            decided.insert(offset);
        }
        let ranges: Vec<_> = decided.ranges.iter().map(|(a, b)| (*a, *b)).collect();
        assert_eq!(ranges, [(0, 2), (3, 6), (7, 8), (9, 10)]);
        let contained: Vec<_> = (0..11).filter(|n| decided.contains(*n)).collect();
        assert_eq!(contained, [0, 1, 3, 4, 5, 7, 9]);
    }
}
