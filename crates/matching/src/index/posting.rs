//! A set of numbers that is nearly always tiny: who waits for a condition, which conjunctions a
//! filter has. Must never cost more than two words when it holds one, nor more than a hash step to
//! remove from when it holds many.

use hashbrown::HashSet;

/// From this many on, a set is kept as a hash set, so that removing stays cheap.
const LARGE: usize = 256;

/// Numbers without doubles, in no particular order.
#[derive(Debug, Default)]
#[expect(
    clippy::box_collection,
    reason = "a posting is two words: most hold one number, and there are millions"
)]
pub(super) enum Posting {
    #[default]
    Empty,
    One(u32),
    Some(Box<Vec<u32>>),
    Many(Box<HashSet<u32>>),
}

impl Posting {
    pub(super) fn len(&self) -> usize {
        match self {
            Posting::Empty => 0,
            Posting::One(_) => 1,
            Posting::Some(items) => items.len(),
            Posting::Many(items) => items.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Posting::Empty)
    }

    /// The number must not be there yet.
    pub(super) fn insert(&mut self, item: u32) {
        match self {
            Posting::Empty => *self = Posting::One(item),
            Posting::One(first) => *self = Posting::Some(Box::new(vec![*first, item])),
            Posting::Some(items) if items.len() < LARGE => items.push(item),
            Posting::Some(items) => {
                let all = items.drain(..).chain([item]).collect();
                *self = Posting::Many(Box::new(all));
            }
            Posting::Many(items) => {
                items.insert(item);
            }
        }
    }

    pub(super) fn remove(&mut self, item: u32) {
        match self {
            Posting::Empty => {}
            Posting::One(only) => {
                if *only == item {
                    *self = Posting::Empty;
                }
            }
            Posting::Some(items) => {
                if let Some(at) = items.iter().position(|found| *found == item) {
                    items.swap_remove(at);
                }
                if let [only] = items[..] {
                    *self = Posting::One(only);
                }
            }
            Posting::Many(items) => {
                items.remove(&item);
                if items.len() <= LARGE / 2 {
                    *self = Posting::Some(Box::new(items.drain().collect()));
                }
            }
        }
    }

    #[inline]
    pub(super) fn for_each(&self, mut visit: impl FnMut(u32)) {
        match self {
            Posting::Empty => {}
            Posting::One(item) => visit(*item),
            Posting::Some(items) => items.iter().copied().for_each(visit),
            Posting::Many(items) => items.iter().copied().for_each(visit),
        }
    }
}
