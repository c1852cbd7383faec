//! `consign notifier`: one notifier, beside others, on servers.

use super::Invocation;
use crate::{
    failure::Failure,
    services::{self, Surroundings},
    stack::Logged,
};
use clap::Args;
use std::{net::SocketAddr, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign notifier --config /etc/consign/notifier.toml
  consign notifier --config notifier.toml --admin 127.0.0.1:0

Waits for Kafka and its topics; /readyz says what is missing. It touches no store. As many notifiers as there are partitions share the
changes; start and stop them at any time: no subscriber misses a change.";

/// Run a notifier-worker: matches changes against subscriptions and notifies the subscribers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Where to answer /healthz, /readyz and /metrics [default: `admin.listen` of the settings]
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let admin = arguments.admin.map(|admin| format!("admin.listen={admin}"));
    let settings = invocation
        .settings(&admin.into_iter().collect::<Vec<_>>())?
        .settings;
    let logged = Logged::shared(&settings)?;
    runtime::telemetry::init_telemetry();
    request_spans::export_spans(&settings.tracing, "notifier-worker")?;
    let around = Surroundings::new(
        Duration::from_millis(settings.notifier.drain_ms) + Duration::from_secs(5),
    )?;
    let listener = services::bind_listener(settings.admin.listen, "admin.listen").await?;
    tracing::info!(admin = %listener.local_addr()?, "the notifier starts");
    let (_stop, until_ended) = around.shutdown.child();
    let served = runtime::admin::serve_admin(
        listener,
        around.health.clone(),
        around.registry.clone(),
        until_ended,
    );
    let admin = runtime::spawn("admin", served);
    if services::await_topics(&logged, &around).await?.is_some() {
        services::watch_log(&logged, &around);
        let ports = notifier_worker::Ports {
            log: logged.log.clone(),
            layout: logged.layout.clone(),
            clock: services::system_clock(),
            health: around.health.clone(),
            registry: around.registry.clone(),
            notifier: standalone::prepare::owner_name(),
        };
        notifier_worker::run(settings.notifier, ports, around.shutdown)
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    admin.abort();
    Ok(())
}
