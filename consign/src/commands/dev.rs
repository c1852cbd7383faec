//! `consign dev`: the whole pipeline in this process, on files.

mod closing;

use super::Invocation;
use crate::failure::Failure;
use clap::Args;
use closing::FirstAdmin;
use runtime::Shutdown;
use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign dev
  consign dev --data /var/lib/consign --listen 127.0.0.1:9000
  consign dev --listen 127.0.0.1:0 --json       a free port; the first line of output says which

Everything is in the data folder; delete the folder to start afresh. One process holds it at a time.";

/// Run the whole pipeline in this process on files: no Kafka, no Cassandra, no Elasticsearch
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Folder for everything that is kept [default: ./data, or `data` of the settings]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080, or `gateway.listen` of
    /// the settings]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Require credentials: creates the administrator `admin`, whose password is printed
    /// this once
    #[arg(long)]
    closed: bool,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let data = arguments
        .data
        .map(|data| format!("data={}", data.display()));
    let listen = arguments
        .listen
        .map(|listen| format!("gateway.listen={listen}"));
    let settings = invocation
        .settings(&data.into_iter().chain(listen).collect::<Vec<_>>())?
        .settings;
    runtime::telemetry::init_telemetry();
    request_spans::export_spans(&settings.tracing, "dev")?;
    if !settings.is_embedded() {
        tracing::warn!(
            "`consign dev` runs on files; the log, record and view that the settings name are not used"
        );
    }
    let deadline = Duration::from_secs(settings.gateway.drain_seconds)
        + Duration::from_millis(settings.worker.drain_ms.max(settings.notifier.drain_ms));
    let shutdown = Shutdown::on_signals(deadline)?;
    let data = settings.data.clone();
    let scheme = settings.security.scheme();
    if arguments.closed && scheme == "https" {
        let why = "--closed makes the administrator over plain HTTP, and security.tls is \"own\"";
        let hint = "start it once without TLS, or send POST /_createFirstAdmin yourself";
        return Err(Failure::usage(why).hint(hint));
    }
    let options = standalone::Options {
        data: data.clone(),
        layout: settings.topics.layout(),
        gateway: gateway::Config {
            security: settings.security,
            outbound: settings.outbound,
            ..settings.gateway
        },
        worker: settings.worker,
        notifier: settings.notifier,
        keys: settings.secret.keyring()?,
        master_keys: settings.secret.master_keys()?,
        signing_keys_file: settings.secret.signing_keys_file,
        catalog: settings.catalog.folders,
        reload_by_signal: !std::io::stdin().is_terminal(),
        clock: crate::services::system_clock(),
    };
    let running = standalone::start(options, shutdown)
        .await
        .map_err(explain_failure)?;
    let shown = std::fs::canonicalize(&data).unwrap_or(data);
    let url = format!("{scheme}://{}", running.address);
    let admin = if arguments.closed {
        Some(closing::create_first_admin(&url).await?)
    } else {
        None
    };
    let told = serde_json::json!({ "listening": url, "data": shown, "pid": std::process::id(), "admin": admin });
    invocation.output.result(&told, |_| {
        start_banner(&url, &shown.display().to_string(), admin.as_ref())
    })?;
    Ok(running.ended().await?)
}

fn explain_failure(error: standalone::StandaloneError) -> Failure {
    let hint = match &error {
        standalone::StandaloneError::Listen { .. } => {
            Some("choose another: consign dev --listen 127.0.0.1:0")
        }
        standalone::StandaloneError::Topics(_) => {
            Some("a folder keeps its number of partitions; choose another with --data")
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn start_banner(url: &str, data: &str, admin: Option<&FirstAdmin>) -> String {
    let access = match admin {
        None => "open to every caller until there is an administrator: `consign dev --closed` creates one".to_owned(),
        Some(FirstAdmin { name, password: Some(password) }) => {
            format!("closed; the administrator is `{name}`, the password {password} is shown this once")
        }
        Some(FirstAdmin { .. }) => "closed; the administrator is the one who was made before".to_owned(),
    };
    format!(
        "\nConsign is ready.

  API    {url}/v1         described at {url}/docs
  data   {data}
  access {access}

Try it:

  curl -X PUT {url}/v1/collections/demo/notes
  curl -X POST {url}/v1/operations/document.create -H 'content-type: application/json' -H 'prefer: wait=5' \\
       -d '{{\"index\": \"demo\", \"collection\": \"notes\", \"_id\": \"first\", \"body\": {{\"text\": \"hello\"}}}}'

Ctrl-C stops it. Whatever was answered with a 2xx is still there afterwards, after kill -9 too.\n"
    )
}
