//! The unmodified `kuzzle-sdk` from npm, driven by `system-tests/kuzzle` in Node. Does for it what it cannot do itself: kills gateways and
//! starts them again when it asks.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::cluster::Cluster;

/// What the script printed last: `N checks, M failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub checks: u64,
    pub failed: u64,
}

/// Runs every check against the cluster's gateways; what the script prints goes to standard error.
///
/// # Errors
/// If it cannot run, or ends without having counted. Failed checks are in the summary.
pub async fn run(cluster: &mut Cluster) -> Result<Summary> {
    install()?;
    let mut command = tokio::process::Command::new("node");
    command.arg("main.js").args(cluster.gateways()).current_dir(folder());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().context("cannot start node")?;
    let mut answers = child.stdin.take().context("no input")?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let mut summary = None;
    while let Some(line) = lines.next_line().await? {
        eprintln!("{line}");
        if let Some(wish) = line.strip_prefix("? ") {
            grant(cluster, wish).await?;
            answers.write_all(b"done\n").await?;
        }
        summary = closing(&line).or(summary);
    }
    let status = child.wait().await?;
    let summary = summary.with_context(|| format!("it ended without counting: {status}"))?;
    ensure!(status.success() == (summary.failed == 0), "it ended with {status} after {summary:?}");
    Ok(summary)
}

/// `kill -9 the gateway at URL`, `start the gateway at URL again`.
async fn grant(cluster: &mut Cluster, wish: &str) -> Result<()> {
    let place = cluster.gateways().iter().position(|gateway| wish.contains(gateway.as_str()));
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

fn closing(line: &str) -> Option<Summary> {
    let (checks, rest) = line.split_once(" checks, ")?;
    Some(Summary { checks: checks.parse().ok()?, failed: rest.strip_suffix(" failed")?.parse().ok()? })
}

/// `npm ci`, once per process: what the lock file names, nothing else.
fn install() -> Result<()> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE.lock().map_err(|_| anyhow::anyhow!("the SDK could not be installed"))?;
    if *done {
        return Ok(());
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    let output = Command::new("npm").args(arguments).current_dir(folder()).stdin(Stdio::null()).output();
    let output = output.context("these tests drive the npm package kuzzle-sdk and need Node and npm: apt-get install nodejs npm")?;
    ensure!(
        output.status.success(),
        "`npm ci` in {} failed; it needs the npm registry, or its packages in npm's cache\n{}",
        folder().display(),
        String::from_utf8_lossy(&output.stderr)
    );
    *done = true;
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kuzzle")
}
