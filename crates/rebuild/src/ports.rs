//! What a rebuild stands on, and whom it tells how far it is.

use crate::report::RebuildReport;
use event_log::Log;
use event_schema::topics::Layout;
use runtime::Clock;
use std::sync::Arc;
use store::{Record, View, schema::Table};

/// What a rebuild reads and writes.
#[derive(Clone)]
pub struct RebuildPorts {
    pub log: Log,
    pub layout: Layout,
    pub record: Arc<dyn Record>,
    pub view: Option<Arc<dyn View>>,
    /// The operations' tables, made where they are missing.
    pub tables: Vec<Table>,
    pub clock: Arc<dyn Clock>,
}

/// What is told of it while it goes on.
pub type RebuildObserver<'a> = &'a (dyn Fn(&RebuildReport) + Send + Sync);
