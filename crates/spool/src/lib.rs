//! A gateway's spool: what its log has not acknowledged, in the order of the calls. Young records
//! are in memory, in flight to the log; those that grow old are made durable (in groups: one fsync,
//! or one object), and everything that comes later goes behind them. The log's own publisher is
//! the shipper: what is on the disk is handed to it in its order, and let go of when it is
//! acknowledged. A full disk is a refusal, never a drop. See ADR 17 and ADR 30.
//!
//! [`machine`] is the order as a pure state machine, [`medium`] is what records are made durable on
//! ([`folder`]: a folder of this machine), [`Spool`] joins both to a log. Any process may ship a
//! spool, also twice or at the same time as its owner: records are the same bytes each time, and
//! whoever applies them finds repeats. Nothing here knows what a record means.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod adopt;
pub mod codec;
mod config;
mod delivery;
pub mod folder;
mod folder_medium;
pub mod machine;
pub mod medium;
mod pump;
mod sender;
mod spooled_times;
mod stand_in;

pub use config::{Config, SpoolDurability};
pub use delivery::{Acknowledged, SpoolDelivery, SpoolPlace};
pub use folder::SpoolFolder;
pub use folder_medium::{FolderMedium, FolderSite};
pub use medium::{Shipped, SpoolId, SpoolMedium, SpoolSite};
pub use sender::{Spool, SpoolOptions, SpoolRefusal, SpoolSendError, SpoolStatus};
pub use stand_in::UNSHIPPABLE;
