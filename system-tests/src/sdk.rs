//! The unmodified `kuzzle-sdk` from npm, driven by `system-tests/kuzzle` in Node. Does for it what
//! it cannot do itself: kills gateways and starts them again when it asks.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::{
    cluster::Cluster,
    node::{self, Summary},
};

/// Runs every check against the cluster's gateways; what the script prints goes to standard error.
///
/// # Errors
/// If it cannot run, or ends without having counted. Failed checks are in the summary.
pub async fn run(cluster: &mut Cluster) -> Result<Summary> {
    run_suites(cluster, &[]).await
}

/// Runs the checks of these suites alone; of none: all but those that close the deployment.
///
/// # Errors
/// As [`run`].
pub async fn run_suites(cluster: &mut Cluster, suites: &[&str]) -> Result<Summary> {
    node::install(&folder())?;
    let mut command = tokio::process::Command::new("node");
    command
        .arg("main.js")
        .args(cluster.gateways())
        .args(suites)
        .current_dir(folder());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start node")?;
    let mut answers = child.stdin.take().context("no input")?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let mut summary = None;
    while let Some(line) = lines.next_line().await? {
        eprintln!("{line}");
        if let Some(wish) = line.strip_prefix("? ") {
            grant(cluster, wish).await?;
            answers.write_all(b"done\n").await?;
        }
        summary = Summary::read(&line).or(summary);
    }
    let status = child.wait().await?;
    let summary = summary.with_context(|| format!("it ended without counting: {status}"))?;
    ensure!(
        status.success() == (summary.failed == 0),
        "it ended with {status} after {summary:?}"
    );
    Ok(summary)
}

/// `kill -9 the gateway at URL`, `start the gateway at URL again`.
async fn grant(cluster: &mut Cluster, wish: &str) -> Result<()> {
    let place = cluster
        .gateways()
        .iter()
        .position(|gateway| wish.contains(gateway.as_str()));
    let name = match (place, cluster.process("dev").is_ok()) {
        (None, _) => bail!("`{wish}` names no gateway"),
        (Some(_), true) => "dev".to_owned(),
        (Some(n), false) => format!("gateway-{n}"),
    };
    match wish.split_whitespace().next() {
        Some("kill") => cluster.kill9(&name),
        Some("start") => cluster.restart(&name).await,
        _ => bail!("`{wish}` cannot be met"),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kuzzle")
}
