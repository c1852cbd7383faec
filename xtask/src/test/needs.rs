//! What the chosen tests need beside the compiler: read from their source files, by the few words
//! with which a test reaches for servers, Node or a browser. Never installs anything by itself: the
//! script that knows how does.

#[cfg(test)]
mod tests;

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::{binaries::TestBinary, choice::Chosen};

const SERVERS: &[&str] = &["Servers::shared", "Servers::private"];
const NODE: &[&str] = &["sdk::run", "node::install"];
const BROWSER: &[&str] = &["CONSIGN_TEST_BROWSER"];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) servers: bool,
    pub(super) node: bool,
    pub(super) browser: bool,
}

/// One source file of a test binary.
pub(super) struct TestSource {
    /// From the binary's root: `kafka::faults`.
    module: String,
    pub(super) text: String,
}

impl Needs {
    pub(super) fn of(chosen: &[Chosen]) -> Result<Self> {
        let mut needs = Self::default();
        for chosen in chosen.iter().filter(|c| c.binary.package != "xtask") {
            let sources = sources(&chosen.binary)?;
            let says = |words| {
                let mut sources = sources.iter();
                sources.any(|source| source.counts(&chosen.tests) && source.says(words))
            };
            let own = chosen.binary.kind == "test";
            needs.servers |= says(SERVERS);
            needs.node |= own && says(NODE);
            needs.browser |= own && says(BROWSER);
        }
        Ok(needs)
    }

    /// Looks whether all of it is there; says the lines to type if not.
    pub(super) fn demand(self) -> Result<()> {
        let mut wanted = Vec::new();
        wanted.extend(self.servers.then_some("need_servers"));
        wanted.extend(self.node.then_some("need_node"));
        wanted.extend(self.browser.then_some("need_browser"));
        if wanted.is_empty() {
            return Ok(());
        }
        let script = format!(
            "source tools/requirements.sh; {}; requirements_met",
            wanted.join("; ")
        );
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &script]);
        let status = bash.current_dir(testbed::root()).status();
        ensure!(
            status.context("cannot run bash")?.success(),
            "these tests need what is named above"
        );
        Ok(())
    }
}

impl TestSource {
    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.contains(word))
    }

    /// A file with tests counts when one of them was chosen, one without always: others use it.
    fn counts(&self, tests: &[String]) -> bool {
        let inside = |test: &String| {
            let rest = test.strip_prefix(&self.module);
            rest.is_some_and(|rest| self.module.is_empty() || rest.starts_with("::"))
        };
        let has_tests = ["#[test]", "#[tokio::test"]
            .iter()
            .any(|t| self.text.contains(t));
        !tests.is_empty() && (!has_tests || tests.iter().any(inside))
    }
}

/// The files below the folder of its `main.rs` or `lib.rs`; a test in one file has no others.
pub(super) fn sources(binary: &TestBinary) -> Result<Vec<TestSource>> {
    let mut found = Vec::new();
    let root = binary.source.parent().context("no folder")?;
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(TestSource {
                    module: module(path.strip_prefix(root)?),
                    text: fs::read_to_string(&path)?,
                });
            }
        }
    }
    Ok(found)
}

fn module(path: &Path) -> String {
    let bare = path.with_extension("");
    let parts: Vec<_> = bare.iter().map(|part| part.to_string_lossy()).collect();
    match parts.as_slice() {
        [root] if matches!(root.as_ref(), "main" | "lib") => String::new(),
        parts => parts.join("::"),
    }
}
