//! Which tests a run is about: asks each binary for the names of its tests. Never guesses one.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::binaries::TestBinary;

/// What was asked for; all tests without a filter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Choice<'a> {
    pub(super) filter: Option<&'a str>,
    pub(super) exact: bool,
}

/// A binary, and those of its tests that were chosen, in the order in which it runs them.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) binary: TestBinary,
    pub(super) tests: Vec<String>,
}

impl Choice<'_> {
    /// The arguments by which a binary knows them.
    pub(super) fn arguments(&self) -> Vec<&str> {
        let exact = self.exact.then_some("--exact");
        self.filter.into_iter().chain(exact).collect()
    }

    /// Leaves out binaries without such a test, unless no name was asked for.
    pub(super) fn of(&self, binaries: Vec<TestBinary>, quick: bool) -> Result<Vec<Chosen>> {
        let mut chosen = Vec::new();
        for binary in binaries {
            if quick && binary.is_system() {
                continue;
            }
            let tests = self.listed(&binary)?;
            if !tests.is_empty() || self.filter.is_none() {
                chosen.push(Chosen { binary, tests });
            }
        }
        Ok(chosen)
    }

    fn listed(&self, binary: &TestBinary) -> Result<Vec<String>> {
        let mut command = binary.command();
        command
            .args(self.arguments())
            .args(["--list", "--format", "terse"])
            .stdin(Stdio::null());
        let output = command
            .output()
            .with_context(|| format!("cannot run {}", binary.shown()))?;
        ensure!(
            output.status.success(),
            "{} does not list its tests: {}",
            binary.shown(),
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout);
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }
}
