//! The example as the README shows it: cities loaded by the command, the page served by its own
//! server, two tabs of a real browser driven by `examples/cities/drive.mjs`.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use system_tests::{
    cluster::Cluster,
    node::{self, Summary},
};

/// Set to `none` on a machine that has no Chromium and shall have none.
const BROWSER: &str = "CONSIGN_TEST_BROWSER";
/// Fewer would mean that the script lost some.
const AT_LEAST: u64 = 16;

/// The page's server; ended when dropped.
struct Page {
    server: Child,
    address: String,
}

impl Page {
    fn serve(folder: &Path) -> Result<Self> {
        let mut server = Command::new("node")
            .args(["serve.js", "0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .map(str::to_owned);
        Ok(Self {
            address: address.with_context(|| format!("the page's server said: {line}"))?,
            server,
        })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_of_a_browser_see_what_they_shall_and_nothing_else() -> Result<()> {
    if env::var(BROWSER).as_deref() == Ok("none") {
        eprintln!("left out: {BROWSER}=none");
        return Ok(());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let example = root.join("examples/cities");
    node::install(&example)?;
    let cluster = Cluster::embedded().await?;
    let gateway = cluster.gateways().first().context("no gateway")?;
    let cities = root.join("data/cities.jsonl.gz").canonicalize()?;
    let command = "--operation document.createOrReplace --index world --collection cities --id /id --create --wait --state loaded.json";
    let mut arguments = vec![
        "load",
        cities.to_str().context("a path that is no text")?,
        "--url",
        gateway,
    ];
    arguments.extend(command.split(' '));
    cluster.run("dev", &arguments)?;

    let page = Page::serve(&example)?;
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cities");
    fs::create_dir_all(&pictures)?;
    let mut driver = Command::new("node");
    driver
        .args(["drive.mjs", &page.address, gateway])
        .arg(&pictures)
        .current_dir(&example);
    let output = tokio::task::spawn_blocking(move || {
        driver
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
    })
    .await??;
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}pictures: {}", pictures.display());
    let summary = said
        .lines()
        .filter_map(Summary::read)
        .next_back()
        .context("it ended without counting")?;
    ensure!(
        output.status.success() && summary.failed == 0,
        "{summary:?}; {BROWSER}=none leaves the browser out\n{said}"
    );
    ensure!(summary.checks >= AT_LEAST, "{summary:?}");
    Ok(())
}
