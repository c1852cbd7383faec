//! What a rebuild stands on, and what is told how far it is.

use crate::report::RebuildReport;

/// What a rebuild reads and writes: the ports that an audit reads.
pub use audit::AuditPorts as RebuildPorts;

/// What is told of it while it goes on.
pub type RebuildObserver<'a> = &'a (dyn Fn(&RebuildReport) + Send + Sync);
