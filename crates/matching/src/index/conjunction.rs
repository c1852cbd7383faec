//! Conditions that must hold together, kept once however many filters contain them, and the choice
//! of the one to wait for. Must never be looked at unless the condition it waits for holds (or, for
//! negations only, the guard does not).

use smallvec::SmallVec;

use super::posting::Posting;

/// A literal as a number: twice the leaf, one more when negated.
pub(super) type ConditionCode = u32;

#[inline]
pub(super) fn condition_code(leaf: u32, negated: bool) -> ConditionCode {
    leaf << 1 | u32::from(negated)
}

#[inline]
pub(super) fn leaf_of(code: ConditionCode) -> u32 {
    code >> 1
}

#[inline]
pub(super) fn is_negated(code: ConditionCode) -> bool {
    code & 1 == 1
}

/// What brings a conjunction up for verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// This leaf holds.
    Leaf(u32),
    /// One of these leaves holds (from an `or` inside the conjunction).
    ///
    /// Boxed twice, so that a conjunction is one line of the cache.
    Leaves(Box<Box<[u32]>>),
    /// This leaf does not hold; nothing else is positive here.
    Guard(u32),
    /// Always.
    Always,
}

/// Conditions that must hold together, in one line of the cache while they are few.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct IndexedConjunction {
    /// Its literals, ascending.
    pub(super) codes: SmallVec<[ConditionCode; 4]>,
    pub(super) access: Access,
    /// The filters it belongs to, as targets.
    pub(super) owners: Posting,
}

impl IndexedConjunction {
    /// The literal that need not be verified any more.
    #[inline]
    pub(super) fn settled(&self) -> ConditionCode {
        match &self.access {
            Access::Leaf(leaf) => condition_code(*leaf, false),
            Access::Guard(leaf) => condition_code(*leaf, true),
            Access::Leaves(_) | Access::Always => ConditionCode::MAX,
        }
    }
}

/// Somebody to be told: a filter itself, or a conjunction to be verified first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConjunctionTarget(pub(super) u32);

/// The largest number of filters, and of conjunctions.
pub(super) const MOST: u32 = 1 << 30;

impl ConjunctionTarget {
    const FILTER: u32 = 1 << 31;
    const SEVERAL: u32 = 1 << 30;

    /// `several`: the filter may be reached in more than one way, so it must be told only once.
    pub(super) fn filter(slot: u32, several: bool) -> Self {
        Self(slot | Self::FILTER | if several { Self::SEVERAL } else { 0 })
    }

    pub(super) fn conjunction(number: u32) -> Self {
        Self(number)
    }

    #[inline]
    pub(super) fn is_filter(self) -> bool {
        self.0 & Self::FILTER != 0
    }

    #[inline]
    pub(super) fn is_several(self) -> bool {
        self.0 & Self::SEVERAL != 0
    }

    /// The filter's slot or the conjunction's number.
    #[inline]
    pub(super) fn number(self) -> u32 {
        self.0 & !(Self::FILTER | Self::SEVERAL)
    }
}
