//! `consign write-worker`: one worker, beside others, on servers.

use super::Invocation;
use crate::{
    failure::Failure,
    services::{self, Surroundings},
    stack::{self, Stack},
};
use clap::Args;
use std::{net::SocketAddr, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign write-worker --config /etc/consign/write-worker.toml
  consign write-worker --config write-worker.toml --admin 127.0.0.1:0

Waits for Kafka and its topics; /readyz says what is missing. As many workers as there are partitions share the load; start and stop them
at any time. SIGTERM finishes what is in hand.";

/// Run a write-worker: consumes events in order and applies them to the stores
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
    let stack = Stack::shared(&settings)?;
    let catalog = stack::load_catalog(&settings)?;
    runtime::telemetry::init_telemetry();
    request_spans::export_spans(&settings.tracing, "write-worker")?;
    let around = Surroundings::new(
        Duration::from_millis(settings.worker.drain_ms) + Duration::from_secs(5),
    )?;
    let listener = services::bind_listener(settings.admin.listen, "admin.listen").await?;
    tracing::info!(admin = %listener.local_addr()?, "the write-worker starts");
    let (_stop, until_ended) = around.shutdown.child();
    let served = runtime::admin::serve_admin(
        listener,
        around.health.clone(),
        around.registry.clone(),
        until_ended,
    );
    let admin = runtime::spawn("admin", served);
    if services::await_topics(&stack.logged(), &around)
        .await?
        .is_some()
    {
        services::watch_stack(&stack, &around, true);
        let keys = stack::load_keyring(&settings)?;
        let ports = write_worker::Ports {
            feedback: write_worker::LocalFeedback::default(),
            sealing: stack::subject_keys(&settings, &stack.record, &keys)?,
            log: stack.log.clone(),
            catalog,
            record: stack.record.clone(),
            view: stack.view.clone(),
            keys,
            layout: settings.topics.layout(),
            clock: services::system_clock(),
            health: around.health.clone(),
            registry: around.registry.clone(),
            finished: write_worker::Finished::default(),
            owner: standalone::prepare::owner_name(),
        };
        write_worker::run(settings.worker, ports, around.shutdown)
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    admin.abort();
    Ok(())
}
