//! Where the members of an object stand in its text, and what is known of them.

use std::ops::Range;

/// Lists and objects of a plain member nest at most this deep.
pub const PLAIN_DEPTH: usize = 16;

/// Where a member of an object stands in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberSpan {
    /// Between the quotes.
    pub name: Range<usize>,
    pub is_escaped: bool,
    pub value: Range<usize>,
    pub is_plain: bool,
}
