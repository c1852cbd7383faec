//! A set of numbers that is nearly always tiny: who waits for a condition, which conjunctions a
//! filter has. Must never cost more than two words when it holds up to three, nor more than a hash
//! step to remove from when it holds many.

use hashbrown::HashSet;
use smallvec::SmallVec;

/// From this many on, a set is kept as a hash set, so that removing stays cheap.
const LARGE: usize = 256;

/// So many fill a line of the cache with their length.
type Several = SmallVec<[u32; 12]>;

/// Numbers without doubles, in no particular order.
#[derive(Debug, Default)]
pub(super) enum Posting {
    #[default]
    Empty,
    One(u32),
    Two([u32; 2]),
    Three([u32; 3]),
    Some(Box<Several>),
    Many(Box<HashSet<u32>>),
}

impl Posting {
    pub(super) fn len(&self) -> usize {
        match self {
            Posting::Many(items) => items.len(),
            _ => self.listed().len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Posting::Empty)
    }

    /// What it holds, unless these are many.
    #[inline]
    fn listed(&self) -> &[u32] {
        match self {
            Posting::Empty | Posting::Many(_) => &[],
            Posting::One(item) => std::slice::from_ref(item),
            Posting::Two(items) => items,
            Posting::Three(items) => items,
            Posting::Some(items) => items,
        }
    }

    fn of(items: &[u32]) -> Self {
        match *items {
            [] => Posting::Empty,
            [one] => Posting::One(one),
            [one, two] => Posting::Two([one, two]),
            [one, two, three] => Posting::Three([one, two, three]),
            _ => Posting::Some(Box::new(Several::from_slice(items))),
        }
    }

    /// The number must not be there yet.
    pub(super) fn insert(&mut self, item: u32) {
        match self {
            Posting::Many(items) => {
                items.insert(item);
            }
            Posting::Some(items) if items.len() < LARGE => items.push(item),
            Posting::Some(items) => {
                let all = items.drain(..).chain([item]).collect();
                *self = Posting::Many(Box::new(all));
            }
            _ => {
                let mut items = Several::from_slice(self.listed());
                items.push(item);
                *self = Posting::of(&items);
            }
        }
    }

    pub(super) fn remove(&mut self, item: u32) {
        match self {
            Posting::Some(items) if items.len() > 4 => {
                if let Some(at) = items.iter().position(|found| *found == item) {
                    items.swap_remove(at);
                }
            }
            Posting::Many(items) => {
                items.remove(&item);
                if items.len() <= LARGE / 2 {
                    *self = Posting::Some(Box::new(items.drain().collect()));
                }
            }
            _ => {
                let mut items = Several::from_slice(self.listed());
                items.retain(|found| *found != item);
                *self = Posting::of(&items);
            }
        }
    }

    #[inline]
    pub(super) fn for_each(&self, visit: impl FnMut(u32)) {
        match self {
            Posting::Many(items) => items.iter().copied().for_each(visit),
            _ => self.listed().iter().copied().for_each(visit),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Posting;

    #[test]
    fn two_words_are_enough() {
        assert_eq!(size_of::<Posting>(), 16);
    }

    proptest! {
        #[test]
        fn holds_what_a_set_holds(steps in prop::collection::vec((0_u32..3, 0_u32..400), 1..900)) {
            let (mut posting, mut wanted) = (Posting::default(), BTreeSet::new());
            for (step, item) in steps {
                if step > 0 && wanted.insert(item) {
                    posting.insert(item);
                } else if step == 0 {
                    wanted.remove(&item);
                    posting.remove(item);
                }
                let mut held = Vec::new();
                posting.for_each(|item| held.push(item));
                held.sort_unstable();
                prop_assert_eq!(&held, &wanted.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!((posting.len(), posting.is_empty()), (wanted.len(), wanted.is_empty()));
            }
            wanted.iter().for_each(|item| posting.remove(*item));
            prop_assert!(posting.is_empty());
        }
    }
}
