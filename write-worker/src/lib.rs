//! The write-worker: consume → decode → decide → apply → feedback.
//!
//! The one worker that owns a partition decides each event in log order (verdict, before, after),
//! appends the decisions to `changes`, and only then touches a store. Everything outside `changes`
//! is a projection that may be written twice, late, or by a ghost without harm. The worker must
//! never touch a store for a decision that is not acknowledged in `changes`, and never judge a
//! position twice.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod append;
mod apply;
mod catalogs;
mod config;
mod consume;
mod decide;
mod decided;
mod decode;
mod effects;
mod finished;
mod flood;
mod known_collections;
mod liveness;
mod mark;
mod metrics;
mod partition;
mod parts;
mod record_retry;
mod store_presence;
mod store_waits;
mod tenure_end;

pub use config::Config;
pub use consume::WorkerError;
pub use finished::Finished;

use catalog::Catalog;
use event_log::Log;
use event_schema::{
    offset::TransactionsOffset, position::Position, signing::Keyring, topics::Layout,
};
pub use local_feedback::LocalFeedback;
use metrics::Metrics;
use runtime::{Clock, Health, Shutdown};
use std::sync::Arc;
use store::{Record, View};
use store_presence::StorePresence;

/// What a worker is given: the log, the stores, the definitions, and where to report.
#[derive(Clone)]
pub struct Ports {
    pub log: Log,
    pub catalog: Catalog,
    pub record: Arc<dyn Record>,
    /// Absent: there is no search.
    pub view: Option<Arc<dyn View>>,
    /// The deployment's secret: names the requests of parts, and makes codes that no event holds.
    pub keys: Keyring,
    /// The keys of subjects whose values are sealed.
    pub sealing: sealing::SubjectKeys,
    pub layout: Layout,
    pub clock: Arc<dyn Clock>,
    pub health: Health,
    pub registry: prometheus::Registry,
    /// The gateway in this process, if there is one.
    pub feedback: LocalFeedback,
    /// Where lanes tell that they have finished what stood.
    pub finished: Finished,
    /// This worker's name in `open` records and logs; unique per start.
    pub owner: String,
}

/// Everything a lane needs, shared by all lanes of the process.
struct Worker {
    config: Config,
    ports: Ports,
    metrics: Metrics,
    catalogs: catalogs::Catalogs,
    topics: TopicNames,
    /// Does the record store forget acknowledged writes when its process is killed?
    forgetful: bool,
    /// When such a store was away, every partition is taken again, whether its task noticed or not.
    presence: StorePresence,
    parts: Arc<parts::PartProgress>,
    floods: flood::FloodGuard,
    collections: known_collections::KnownCollections,
    waits: store_waits::StoreWaits,
}

impl Worker {
    /// A position of the generation that is worked on.
    fn position_at(&self, partition: u16, offset: TransactionsOffset) -> Position {
        Position {
            generation: self.ports.layout.generation,
            partition,
            offset,
        }
    }
}

struct TopicNames {
    transactions: Arc<str>,
    changes: Arc<str>,
    mailbox: Arc<str>,
    dead_letters: Arc<str>,
    security: Arc<str>,
}

/// What this service counts, for the documentation.
///
/// # Errors
/// If a metric cannot be made.
pub fn metric_descriptions() -> Result<Vec<runtime::metrics::MetricDescription>, prometheus::Error>
{
    let list = runtime::metrics::MetricList::default();
    Metrics::register(&list)?;
    Ok(list.into_descriptions())
}

/// Works until shutdown: soft finishes the batches in hand, hard lets go at once.
pub async fn run(config: Config, ports: Ports, shutdown: Shutdown) -> Result<(), WorkerError> {
    use event_schema::topics::{CHANGES, DEAD_LETTERS, MAILBOX, SECURITY, TRANSACTIONS};
    let name = |topic| Arc::from(ports.layout.name(topic));
    let topics = TopicNames {
        transactions: name(&TRANSACTIONS),
        changes: name(&CHANGES),
        mailbox: name(&MAILBOX),
        dead_letters: name(&DEAD_LETTERS),
        security: name(&SECURITY),
    };
    let metrics = Metrics::register(&ports.registry)?;
    ports.health.set_weakened("worker", config.weaknesses());
    let forgetful = consume::is_forgetful(&config, &ports, &shutdown).await?;
    consume::consume_transactions(
        Arc::new(Worker {
            catalogs: catalogs::Catalogs::new(ports.catalog.clone()),
            parts: Arc::new(parts::PartProgress::new(ports.layout.partitions)),
            floods: flood::FloodGuard::new(&config),
            collections: known_collections::KnownCollections::default(),
            waits: store_waits::StoreWaits::new(ports.health.clone(), metrics.store_gauges()),
            config,
            ports,
            metrics,
            topics,
            forgetful,
            presence: StorePresence::default(),
        }),
        shutdown,
    )
    .await
}
