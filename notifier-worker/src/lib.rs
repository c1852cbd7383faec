//! The notifier-worker: consume → match → deliver.
//!
//! Whoever owns a partition reads its decisions and marks, and the messages that are only told,
//! matches them with the rooms that people listen in, and appends what each gateway must hear to
//! its mailbox: at least once, in the partition's order. It stores nothing and decides nothing; it
//! must never leave out a change that was decided after its room was said to be active, and never
//! commit what was not acknowledged.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod config;
mod consume;
mod deliver;
mod lane;
mod metrics;
mod notify;
mod rooms;

pub use config::Config;
pub use consume::NotifierError;

use event_log::Log;
use event_schema::{codec::Parts, topics::Layout};
use metrics::NotifierMetrics;
use runtime::{Clock, Health, Shutdown};
use std::sync::Arc;

/// What a notifier is given: the log, and where to report.
#[derive(Clone)]
pub struct Ports {
    pub log: Log,
    pub layout: Layout,
    pub clock: Arc<dyn Clock>,
    pub health: Health,
    pub registry: prometheus::Registry,
    /// This notifier's name in `rooms`; unique per start.
    pub notifier: String,
}

/// Everything a lane needs, shared by all lanes of the process.
struct Notifier {
    config: Config,
    ports: Ports,
    metrics: NotifierMetrics,
    topics: TopicNames,
    registry: rooms::Registry,
}

struct TopicNames {
    changes: Arc<str>,
    informative: Arc<str>,
    mailbox: Arc<str>,
    rooms: Arc<str>,
}

/// What this service counts, for the documentation.
///
/// # Errors
/// If a metric cannot be made.
pub fn metric_descriptions() -> Result<Vec<runtime::metrics::MetricDescription>, prometheus::Error>
{
    let list = runtime::metrics::MetricList::default();
    NotifierMetrics::register(&list)?;
    Ok(list.into_descriptions())
}

/// Works until shutdown: soft waits for what was sent, hard lets go at once.
pub async fn run(config: Config, ports: Ports, shutdown: Shutdown) -> Result<(), NotifierError> {
    use event_schema::topics::{CHANGES, INFORMATIVE, MAILBOX, ROOMS};
    let name = |topic| Arc::from(ports.layout.name(topic));
    let topics = TopicNames {
        changes: name(&CHANGES),
        informative: name(&INFORMATIVE),
        mailbox: name(&MAILBOX),
        rooms: name(&ROOMS),
    };
    let metrics = NotifierMetrics::register(&ports.registry)?;
    let registry = rooms::Registry::new(ports.layout.partitions, config.presence_kept);
    let notifier = Arc::new(Notifier {
        config,
        ports,
        metrics,
        topics,
        registry,
    });
    // It outlives the lanes, which wait for it.
    let (stop, until_ended) = Shutdown::manual();
    let following = runtime::spawn(
        "rooms",
        rooms::follow::follow_rooms(notifier.clone(), until_ended.clone()),
    );
    let watching = runtime::spawn(
        "expiry",
        rooms::expiry::expire_gateways(notifier.clone(), until_ended),
    );
    let ended = consume::consume_changes(notifier, shutdown).await;
    stop.hard();
    // They hold the log; a panic in them is logged where it happened.
    _ = tokio::join!(following, watching);
    ended
}

/// A record without its place; shares its bytes.
fn record_parts(record: &event_log::Record) -> Parts {
    Parts {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    }
}
