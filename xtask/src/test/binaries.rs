//! Builds the test binaries once and runs each by itself, as cargo would: from its package's
//! folder, output shown. A binary that dies, hangs or ends without a count is a failure.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{command::cargo, tally::Tally};

/// The longest that one binary may take.
const PATIENCE: Duration = Duration::from_secs(25 * 60);

pub(crate) struct TestBinary {
    pub(crate) package: String,
    pub(crate) kind: String,
    name: String,
    path: PathBuf,
    folder: PathBuf,
}

/// The part of cargo's JSON messages that says which binaries it made.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    profile: Option<Profile>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

/// One build of everything that runs in tests: the binaries themselves and what tests them.
pub(crate) fn build(packages: &[String]) -> Result<Vec<TestBinary>> {
    let mut command = cargo();
    command.args([
        "build",
        "--locked",
        "--bins",
        "--tests",
        "--message-format=json-render-diagnostics",
    ]);
    select(&mut command, packages);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = BufReader::new(child.stdout.take().context("no output")?);
    let mut found = Vec::new();
    for line in output.lines() {
        found.extend(serde_json::from_str(&line?).ok().and_then(test_binary));
    }
    ensure!(child.wait()?.success(), "the build failed");
    found.sort_by(|a, b| (&a.package, &a.kind, &a.name).cmp(&(&b.package, &b.kind, &b.name)));
    Ok(found)
}

fn test_binary(message: Message) -> Option<TestBinary> {
    let (target, folder) = (
        message.target?,
        message.manifest_path?.parent()?.to_path_buf(),
    );
    if !message.profile?.test {
        return None;
    }
    Some(TestBinary {
        package: folder.file_name()?.to_string_lossy().into_owned(),
        kind: target.kind.first()?.clone(),
        name: target.name,
        path: message.executable?,
        folder,
    })
}

fn select(command: &mut Command, packages: &[String]) {
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
}

pub(crate) fn run(
    binaries: &[TestBinary],
    filter: Option<&str>,
    variables: &[(&str, String)],
) -> Result<Tally> {
    let mut sum = Tally::default();
    for binary in binaries {
        println!("\n-- {} {} {}", binary.package, binary.kind, binary.name);
        let mut command = Command::new(&binary.path);
        command
            .args(filter)
            .current_dir(&binary.folder)
            .env("CARGO_MANIFEST_DIR", &binary.folder);
        sum += count(&mut command, variables)?;
    }
    Ok(sum)
}

pub(crate) fn run_docs(packages: &[String], variables: &[(&str, String)]) -> Result<Tally> {
    let mut command = cargo();
    command.args(["test", "--locked", "--quiet", "--doc"]);
    select(&mut command, packages);
    count(&mut command, variables)
}

/// Runs it, shows its output, adds up its closing lines.
fn count(command: &mut Command, variables: &[(&str, String)]) -> Result<Tally> {
    let began = Instant::now();
    command
        .envs(variables.iter().map(|(k, v)| (k, v)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let (tally, results) = read(&mut child, began)?;
    let status = child.wait()?;
    println!("   {:.1} s", began.elapsed().as_secs_f64());
    if status.success() && results > 0 || tally.failed > 0 {
        return Ok(tally);
    }
    eprintln!("ended with {status} after {results} results: counted as a failure");
    Ok(Tally { failed: 1, ..tally })
}

fn read(child: &mut Child, began: Instant) -> Result<(Tally, usize)> {
    let output = BufReader::new(child.stdout.take().context("no output")?);
    let (send, lines) = sync_channel(1024);
    let reader = thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| send.send(line))
    });
    let (mut tally, mut results) = (Tally::default(), 0);
    loop {
        match lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
            Ok(line) => {
                println!("{line}");
                if let Some(read) = Tally::read(&line) {
                    tally += read;
                    results += 1;
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("not done after {} minutes: killed", PATIENCE.as_secs() / 60);
                child.kill()?;
                tally += Tally::failure();
                break;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if tally.failed == 0 {
        drop(reader.join());
    }
    Ok((tally, results))
}
