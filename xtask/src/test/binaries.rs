//! Builds the test binaries once, and says where each came from. Runs none.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::command::cargo;

#[derive(Debug, Clone)]
pub(super) struct TestBinary {
    pub(super) package: String,
    /// `lib`, `bin` or `test`.
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The package's.
    pub(super) folder: PathBuf,
    /// Where its source begins: `src/lib.rs`, `tests/it/main.rs`.
    pub(super) source: PathBuf,
}

impl TestBinary {
    /// Whole processes and faults, which take minutes.
    pub(super) fn is_system(&self) -> bool {
        self.package == "system-tests" && self.kind == "test"
    }

    /// Ready to run, as cargo would: from its package's folder.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }

    pub(super) fn shown(&self) -> String {
        format!("{} {} {}", self.package, self.kind, self.name)
    }
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
    src_path: PathBuf,
}

/// One build of everything that runs in tests: the binaries themselves and what tests them.
pub(super) fn build(packages: &[String], lib: bool) -> Result<Vec<TestBinary>> {
    let mut command = cargo();
    command.args(["build", "--locked"]);
    if lib {
        command.args(["--profile", "test", "--lib", "--bins"]);
    } else {
        command.args(["--bins", "--tests"]);
    }
    command.arg("--message-format=json-render-diagnostics");
    select(&mut command, packages);
    // What drives the product as a process needs its binary.
    if packages.iter().any(|package| package == "system-tests") && !lib {
        command.args(["--package", "consign"]);
    }
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
    found.retain(|binary: &TestBinary| packages.is_empty() || packages.contains(&binary.package));
    found.sort_by(|a, b| (&a.package, &a.kind, &a.name).cmp(&(&b.package, &b.kind, &b.name)));
    Ok(found)
}

fn test_binary(message: Message) -> Option<TestBinary> {
    let target = message.target?;
    let folder = message.manifest_path?.parent().map(Path::to_path_buf)?;
    if !message.profile?.test {
        return None;
    }
    Some(TestBinary {
        package: folder.file_name()?.to_string_lossy().into_owned(),
        kind: target.kind.first()?.clone(),
        name: target.name,
        path: message.executable?,
        folder,
        source: target.src_path,
    })
}

pub(super) fn select(command: &mut Command, packages: &[String]) {
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
}
