//! The gateway: request → validate → publish → feedback, over HTTP. It decides nothing about
//! documents and writes no store; what it answers with a 2xx is safe in the log.
//!
//! The path of a write is [`write`]: its files are the stages. Reads go to the stores and wait for
//! writes they were told of.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod access;
mod answer;
mod app;
mod audits;
mod bulk;
mod catalog_reload;
mod catalog_source;
pub mod config;
pub mod error;
mod guard;
mod handles;
mod holders;
mod hooks;
mod host_header;
mod instance;
mod intents;
mod kuzzle;
mod lookup;
mod mailbox;
mod markers;
mod metrics;
mod openapi;
mod origins;
mod read;
mod replays;
mod request;
mod revocations;
mod route_doc;
mod router;
mod routes;
mod security_events;
mod security_topic;
mod security_write;
mod served_routes;
mod server;
mod session_sweep;
mod set_up;
mod spans;
mod spool_row;
mod spool_watch;
mod subscriptions;
mod transport;
mod upload;
mod write;
mod write_opening;

pub use catalog_source::CatalogSource;
pub use config::Config;
pub use hooks::HookConfigError;
pub use transport::tls::certificate::CertificateError;

pub use local_feedback::LocalFeedback;
use runtime::{Clock, Health, Shutdown};
use std::sync::Arc;
use tokio::sync::watch;

/// What the gateway stands on. Clones share everything.
#[derive(Clone)]
pub struct Ports {
    pub log: event_log::Log,
    pub catalog: catalog::CatalogInUse,
    /// From where the catalog is read again; without one it never is.
    pub catalog_source: Option<Arc<dyn CatalogSource>>,
    pub record: Arc<dyn store::Record>,
    /// Without one there is no search.
    pub view: Option<Arc<dyn store::View>>,
    pub keys: event_schema::signing::Keyring,
    /// The keys of subjects whose values are sealed.
    pub sealing: sealing::SubjectKeys,
    pub layout: event_schema::topics::Layout,
    pub clock: Arc<dyn Clock>,
    /// What the log's acknowledgement means, once the log and its topics are found to be what they
    /// must be: see [`event_log::Admin::durability`]. Until then nothing is written.
    pub durability: watch::Receiver<Option<event_log::Durability>>,
    /// Where events go that the log does not take: without one they are refused while it is away.
    pub spool: Option<Arc<spool::Spool>>,
    /// Where a worker in this process leaves verdicts; connected at start.
    pub feedback: LocalFeedback,
    /// Where components say how they are, and which settings weaken promises: `/readyz`.
    pub health: Health,
    /// Where metrics go: `/metrics`.
    pub registry: prometheus::Registry,
}

/// Why the gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("a metric cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the catalog's route {method} {path} of `{operation}` {why}")]
    Route {
        method: String,
        path: String,
        operation: String,
        why: String,
    },
    #[error(
        "`gateway.allowed_origins` holds {0:?}, which is no origin: a scheme, `://`, a host and perhaps a port, or `*` for all"
    )]
    Origin(String),
    #[error(
        "{0} can be reached by others than this machine: give it a certificate (security.tls = \"own\"), \
         let TLS end in front of it and say so (security.tls = \"proxy\"), listen on 127.0.0.1, or take \
         the risk (security.open = true)"
    )]
    Unprotected(std::net::SocketAddr),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Outbound(#[from] outbound::OutboundConfigError),
    #[error(transparent)]
    Hook(#[from] HookConfigError),
    #[error(transparent)]
    Issuer(#[from] bearer_tokens::IssuerConfigError),
    #[error("the listener failed: {0}")]
    Listener(#[from] std::io::Error),
}

/// By what the first administrator is made of a deployment that others than this machine can reach:
/// for who has its secret.
pub fn set_up_code(keys: &event_schema::signing::Keyring) -> String {
    set_up::set_up_code(keys)
}

/// By what questions to the hook are signed that has no secret of its own: for who runs its endpoint.
pub fn hook_secret(hook: &str, keys: &event_schema::signing::Keyring) -> String {
    hooks::derived_secret_text(hook, keys)
}

/// The record that events of this catalog stand on: it must be in the log before they are decided.
pub fn definitions_record(
    catalog: &catalog::Catalog,
    layout: &event_schema::topics::Layout,
) -> event_log::NewRecord {
    write::publish::definitions::definitions_record(catalog, layout)
}

/// What this service counts, for the documentation.
///
/// # Errors
/// If a metric cannot be made.
pub fn metric_descriptions() -> Result<Vec<runtime::metrics::MetricDescription>, prometheus::Error>
{
    let list = runtime::metrics::MetricList::default();
    metrics::GatewayMetrics::new(&list)?;
    Ok(list.into_descriptions())
}

/// Serves until shutdown: soft stops accepting and lets requests in hand finish, hard ends at once.
pub async fn run(
    config: Config,
    listener: tokio::net::TcpListener,
    ports: Ports,
    shutdown: Shutdown,
) -> Result<(), GatewayError> {
    server::run_server(config, listener, ports, shutdown).await
}
