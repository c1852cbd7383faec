//! The log of security events: who logged in, what was refused, and by whom rights, keys and dead
//! letters were changed. Events are CloudEvents in a topic of their own; those of one process form a
//! chain, so that one that is missing, moved or forged shows ([`check`]). It holds no secret and no
//! document, and nothing waits for it: what it cannot take is counted, and the count is logged.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod chain;
pub mod check;
mod counted;
pub mod event;
pub mod read;
pub mod recorder;

pub use check::{ChainCheck, ChainReport};
pub use event::{EventKind, SecurityEvent};
pub use read::{EventFilter, LoggedEvent};
pub use recorder::{LogTarget, SecurityLog};
