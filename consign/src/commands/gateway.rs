//! `consign gateway`: one gateway, beside others, on servers.

use super::Invocation;
use crate::{
    failure::Failure,
    services::{self, Surroundings},
    settings::Settings,
    stack::{self, Stack},
};
use clap::Args;
use std::{net::SocketAddr, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign gateway --config /etc/consign/gateway.toml
  consign gateway --config gateway.toml --listen 0.0.0.0:8080

Waits for Kafka and its topics (`consign topics create`); /readyz says what is missing. SIGTERM lets requests in hand finish.";

/// Run a gateway: takes requests, makes them safe in the log, answers reads
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Where to listen [default: `gateway.listen` of the settings]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let listen = arguments
        .listen
        .map(|listen| format!("gateway.listen={listen}"));
    let settings = invocation
        .settings(&listen.into_iter().collect::<Vec<_>>())?
        .settings;
    let stack = Stack::shared(&settings)?;
    let (catalog, keys) = (stack::catalog(&settings)?, stack::keys(&settings)?);
    runtime::telemetry::init();
    let around = Surroundings::new(Duration::from_secs(settings.gateway.drain_seconds + 10))?;
    let listener = services::bind(settings.gateway.listen, "gateway.listen").await?;
    tracing::info!(address = %listener.local_addr()?, "the gateway starts");
    // Ready only once it serves: the gateway itself says so.
    around.health.set(
        "gateway",
        runtime::State::Starting {
            why: "waits for what it needs".into(),
        },
    );
    let (listener, meanwhile) = services::answer_meanwhile(listener, &around)?;
    let ready = services::await_topics(&stack.logged(), &around).await?;
    services::watch(&stack, &around, false);
    let ports = match ready {
        Some(()) => Some(ports(&settings, &stack, &around, catalog, keys).await?),
        None => None,
    };
    meanwhile.end().await;
    match ports {
        Some(ports) => services::gateway(settings.gateway, listener, ports, around.shutdown).await,
        None => Ok(()),
    }
}

async fn ports(
    settings: &Settings,
    stack: &Stack,
    around: &Surroundings,
    catalog: catalog::Catalog,
    keys: event_schema::signing::Keyring,
) -> Result<gateway::Ports, Failure> {
    let topics = stack.topics();
    let durability = stack::patiently(Duration::from_secs(60), async || {
        Ok(stack.log.admin.durability(&topics).await?)
    })
    .await?;
    Ok(gateway::Ports {
        log: stack.log.clone(),
        catalog,
        record: stack.record.clone(),
        view: stack.view.clone(),
        keys,
        layout: settings.topics.layout(),
        clock: services::clock(),
        durability: durability.0,
        health: around.health.clone(),
        registry: around.registry.clone(),
    })
}
