//! Offsets, each of its own topic, and what is named by one: an epoch, a claim. A number of one
//! topic can never be taken for a number of another; nothing here adds two offsets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! offset {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The first offset of a partition.
            pub const FIRST: Self = Self(0);

            /// An offset that the log gave.
            pub const fn new(offset: u64) -> Self {
                Self(offset)
            }

            /// The number, for the log.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The offset after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }

            /// The offset before this one; `None` for the first.
            pub const fn previous(self) -> Option<Self> {
                match self.0.checked_sub(1) {
                    Some(offset) => Some(Self(offset)),
                    None => None,
                }
            }

            /// So many records later.
            #[must_use]
            pub const fn plus(self, records: u64) -> Self {
                Self(self.0 + records)
            }

            /// So many records earlier, at least the first.
            #[must_use]
            pub const fn minus(self, records: u64) -> Self {
                Self(self.0.saturating_sub(records))
            }

            /// Records from `earlier` up to this one; 0 where that lies behind.
            pub const fn since(self, earlier: Self) -> u64 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

offset! {
    /// An offset in a partition of `transactions`.
    TransactionsOffset
}
offset! {
    /// An offset in a partition of `changes`.
    ChangesOffset
}
offset! {
    /// An offset in a partition of `informative`.
    InformativeOffset
}

/// A tenure of a partition of `changes`: the offset of the `open` record that began it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Epoch(ChangesOffset);

impl Epoch {
    /// The tenure that the `open` record at this offset begins.
    pub const fn begun_at(open: ChangesOffset) -> Self {
        Self(open)
    }

    /// Where its `open` record stands.
    pub const fn opened_at(self) -> ChangesOffset {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
