//! Calls `servers/servers`, the one script that knows how each server is started. Turns its failure
//! into an error that can be read.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{name, server::Server};

/// The environment of a set of instances: where their data lies, which ports they use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    variables: Vec<(String, OsString)>,
}

impl Script {
    pub(crate) fn with(mut self, variable: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((variable.to_owned(), value.into()));
        self
    }

    /// Runs one verb for the servers given and returns what it printed.
    pub(crate) fn run(&self, verb: &str, servers: &[Server]) -> Result<String> {
        let script = name::root().join("servers/servers");
        let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let output = self
            .command(&script, verb, &names)
            .output()
            .with_context(|| format!("cannot run {}", script.display()))?;
        if !output.status.success() {
            bail!(
                "`servers/servers {verb} {}` failed:\n{}\n{}\nReal servers need bash, a JDK 17 and Maven. On Debian: apt-get install -y openjdk-17-jdk-headless maven",
                names.join(" "),
                String::from_utf8_lossy(&output.stdout).trim_end(),
                String::from_utf8_lossy(&output.stderr).trim_end(),
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same as a line for a shell, for a program that runs it when it wants to.
    pub(crate) fn line(&self, verb: &str, server: Server) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let variables = self.variables.iter();
        let variables: String = variables
            .map(|(name, value)| format!("{name}={} ", quoted(&value.to_string_lossy())))
            .collect();
        let script = name::root().join("servers/servers");
        let script = quoted(&script.to_string_lossy());
        format!("{variables}bash {script} {verb} {server}")
    }

    /// Runs a class of a server's jars and returns what it printed.
    pub(crate) fn run_class(
        &self,
        server: &str,
        class: &str,
        arguments: &[String],
    ) -> Result<String> {
        let script = name::root().join("servers/servers");
        let mut all = vec![server.to_owned(), class.to_owned()];
        all.extend_from_slice(arguments);
        let output = self.command(&script, "run", &all).output()?;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if !output.status.success() {
            bail!("{class} {}: {text}", arguments.join(" "));
        }
        Ok(text)
    }

    fn command(&self, script: &Path, verb: &str, names: &[String]) -> Command {
        let mut command = Command::new("bash");
        command
            .arg(script)
            .arg(verb)
            .args(names)
            .envs(self.variables.iter().map(|(k, v)| (k, v)));
        command
    }
}
