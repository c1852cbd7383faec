//! What every service stands on: life-cycle, clock, back-off, telemetry, health and the small admin
//! server. It knows nothing of events, stores or the log, and must never learn.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod admin;
pub mod backoff;
pub mod clock;
pub mod health;
pub mod lifecycle;
pub mod metrics;
mod random;
pub mod secret_file;
pub mod settings;
pub mod spawn;
pub mod task;
pub mod telemetry;

pub use backoff::Backoff;
pub use clock::{Clock, SystemClock};
pub use health::{Health, State};
pub use lifecycle::{Shutdown, ShutdownTrigger};
pub use random::{random, seed_thread};
pub use spawn::{TaskSet, catch_panic, spawn};
pub use task::TaskStarter;
