//! Which fleet is tortured: what its flags and the settings say.

use super::Invocation;
use crate::failure::Failure;
use ::torture::fleet::{FleetKind, ServerCommands, ServerFleet, ServerLink};
use clap::Args;

#[derive(Debug, Args)]
pub struct FleetArguments {
    /// A gateway of a fleet that runs already; can be repeated
    #[arg(long, value_name = "URL", conflicts_with = "on_servers")]
    gateway: Vec<String>,
    /// Start gateways, workers and notifiers on the servers that the settings name
    #[arg(long)]
    on_servers: bool,
    #[arg(long, value_name = "N", default_value_t = 2, requires = "on_servers")]
    gateways: usize,
    #[arg(long, value_name = "N", default_value_t = 2, requires = "on_servers")]
    workers: usize,
    #[arg(long, value_name = "N", default_value_t = 2, requires = "on_servers")]
    notifiers: usize,
    /// A proxy before a broker, to be cut, stalled, delayed and half-closed: it listens where the
    /// broker says that it is (advertised.listeners). Can be repeated, once for each broker
    #[arg(long, value_name = "LISTEN=BROKER", requires = "on_servers", value_parser = link)]
    kafka_proxy: Vec<ServerLink>,
    /// Proxies before the one node of Cassandra and the one of Elasticsearch
    #[arg(long, requires = "on_servers")]
    store_proxies: bool,
    /// A server that may be taken away, and the shell commands for it; can be repeated. Servers
    /// whose names begin with `broker` are also taken away together
    #[arg(long, value_names = ["NAME", "DOWN", "UP"], num_args = 3, requires = "on_servers")]
    outage: Vec<String>,
}

impl FleetArguments {
    pub(super) fn kind(&self, invocation: Invocation<'_>) -> Result<FleetKind, Failure> {
        if !self.gateway.is_empty() {
            let trimmed = self
                .gateway
                .iter()
                .map(|url| url.trim_end_matches('/').to_owned());
            return Ok(FleetKind::Given(trimmed.collect()));
        }
        if !self.on_servers {
            return Ok(FleetKind::Embedded);
        }
        let settings = invocation.settings(&[])?.settings;
        if settings.is_embedded() {
            return Err(Failure::usage("the settings name no servers")
                .hint("--config FILE with log.kind = \"kafka\", record.kind and view.kind"));
        }
        let node = |nodes: &[String], what: &str| match nodes {
            [one] => Ok(Some(one.clone())),
            _ => Err(Failure::usage(format!(
                "--store-proxies: one node of {what}, not several"
            ))),
        };
        let (mut cassandra, mut elasticsearch) = (None, None);
        if self.store_proxies {
            cassandra = node(&settings.cassandra.nodes, "Cassandra")?;
            elasticsearch = node(&settings.elasticsearch.urls, "Elasticsearch")?;
        }
        let servers = self.outage.chunks_exact(3).map(|one| ServerCommands {
            name: one[0].clone(),
            down: one[1].clone(),
            up: one[2].clone(),
        });
        Ok(FleetKind::OnServers(ServerFleet {
            gateways: self.gateways,
            workers: self.workers,
            notifiers: self.notifiers,
            variables: own_variables(invocation)?,
            kafka: self.kafka_proxy.clone(),
            cassandra,
            elasticsearch,
            servers: servers.collect(),
        }))
    }
}

/// The settings of this process, for those that it starts.
fn own_variables(invocation: Invocation<'_>) -> Result<Vec<(String, String)>, Failure> {
    let own = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut variables: Vec<(String, String)> = own
        .filter(|(name, _)| name.starts_with("CONSIGN_"))
        .collect();
    if let Some(file) = &invocation.shared.config {
        let file = std::fs::canonicalize(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        variables.push(("CONSIGN_CONFIG".to_owned(), file.display().to_string()));
    }
    for set in &invocation.shared.set {
        let (key, value) = set
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--set {set}: KEY=VALUE")))?;
        variables.push((runtime::settings::variable_name(key), value.to_owned()));
    }
    Ok(variables)
}

fn link(text: &str) -> Result<ServerLink, String> {
    let (listen, target) = text
        .split_once('=')
        .ok_or("LISTEN=BROKER, host:port each")?;
    let (listen, target) = (listen.to_owned(), target.to_owned());
    Ok(ServerLink { listen, target })
}
