//! `consign gateway`: one gateway, beside others, on servers.

use super::Invocation;
use crate::{
    failure::Failure,
    services::{self, Surroundings},
    settings::Settings,
    spools::{self, SpoolAdoption},
    stack::{self, Stack},
};
use clap::Args;
use event_log::{Durability, NewRecord};
use spool::Spool;
use standalone::{CatalogFolders, signing_keys};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

const EXAMPLES: &str = "\
Examples:
  consign gateway --config /etc/consign/gateway.toml
  consign gateway --config gateway.toml --listen 127.0.0.1:9000

Starts while Kafka is away: with `spool.folder` writes are taken and kept there until it is there with its topics (`consign topics create`);
without, they are 503. /readyz says what is missing. SIGTERM lets requests in hand finish.";

/// Run a gateway: accepts requests, writes them to the log, serves reads and subscriptions
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
    let (catalog, keys) = (
        stack::load_catalog(&settings)?,
        stack::load_keyring(&settings)?,
    );
    runtime::telemetry::init_telemetry();
    request_spans::export_spans(&settings.tracing, "gateway")?;
    let around = Surroundings::new(Duration::from_secs(settings.gateway.drain_seconds + 10))?;
    if let Some(file) = settings.secret.signing_keys_file.clone() {
        signing_keys::load_signing_keys(&file, &keys)?;
        let until = around.shutdown.clone();
        let following = signing_keys::follow_signing_keys(file, keys.clone(), until);
        runtime::spawn("signing-keys", following);
    }
    let listener = services::bind_listener(settings.gateway.listen, "gateway.listen").await?;
    tracing::info!(address = %listener.local_addr()?, "the gateway starts");
    let (known, durability) = watch::channel(None);
    let layout = settings.topics.layout();
    let definitions = gateway::definitions_record(&catalog, &layout);
    let spool = open_spool(&settings, &stack, &around, &definitions, &durability).await?;
    let (record, view) = (stack.record.clone(), stack.view.clone());
    let folders = CatalogFolders::new(settings.catalog.folders.clone(), record, view, true);
    let ports = gateway::Ports {
        feedback: gateway::LocalFeedback::default(),
        sealing: stack::subject_keys(&settings, &stack.record, &keys)?,
        log: stack.log.clone(),
        catalog: catalog.into(),
        catalog_source: Some(Arc::new(folders)),
        record: stack.record.clone(),
        view: stack.view.clone(),
        keys,
        layout,
        clock: services::system_clock(),
        durability,
        spool,
        health: around.health.clone(),
        registry: around.registry.clone(),
    };
    let (stop, until_stopped) = around.shutdown.child();
    let config = gateway::Config {
        security: settings.security,
        outbound: settings.outbound,
        ..settings.gateway
    };
    let serving = services::run_gateway(config, listener, ports, until_stopped);
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => ended,
        // Topics that are not what they must be: nothing may be written to them.
        Err(failure) = services::prepare_log(&stack, &around, known) => {
            stop.hard();
            serving.await.and(Err(failure))
        }
    }
}

/// The gateway's spool, if it is to have one; those of dead gateways beside it are looked after.
async fn open_spool(
    settings: &Settings,
    stack: &Stack,
    around: &Surroundings,
    definitions: &NewRecord,
    durability: &watch::Receiver<Option<Durability>>,
) -> Result<Option<Arc<Spool>>, Failure> {
    let Some(site) = spools::site(settings)? else {
        return Ok(None);
    };
    let (log, health) = (&stack.log, &around.health);
    let own = spools::open_spool(site.as_ref(), settings, log, definitions, health).await?;
    let adoption = SpoolAdoption {
        site,
        own: own.clone(),
        settings: settings.clone(),
        log: log.clone(),
        record: stack.record.clone(),
    };
    if spools::is_in_tables(settings) {
        let record = stack.record.clone();
        let may_forget = move || {
            let record = record.clone();
            async move { record.may_forget().await }
        };
        let telling = spools::say_forgetful(may_forget, health.clone(), around.shutdown.clone());
        runtime::spawn("spool-weaknesses", telling);
    }
    let adopting = adoption.run(durability.clone(), around.shutdown.clone());
    runtime::spawn("adopt-spools", adopting);
    Ok(Some(own))
}
