//! One process of the product under test: started, signalled, ended; its output kept in a file.
//! Sends signals only to its own child.

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

/// A running `consign`; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
}

/// The `consign` binary of the same build as this test.
///
/// # Errors
/// If it was not built; says the line to type.
pub fn binary() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let path = own
        .ancestors()
        .nth(2)
        .context("no target folder")?
        .join("consign");
    ensure!(
        path.exists(),
        "{} is not there: cargo build --package consign",
        path.display()
    );
    Ok(path)
}

/// The binary with none of this process's `CONSIGN_*` variables: those that steer a test are no
/// settings of the product.
///
/// # Errors
/// If it was not built.
pub fn consign() -> Result<Command> {
    let mut command = Command::new(binary()?);
    for (variable, _) in env::vars().filter(|(v, _)| v.starts_with("CONSIGN_")) {
        command.env_remove(variable);
    }
    Ok(command)
}

impl Process {
    /// Starts it with a clean set of `CONSIGN_*` variables; what it prints goes to
    /// `folder/name.log`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(
        name: &str,
        arguments: &[&str],
        variables: &[(&str, String)],
        folder: &Path,
    ) -> Result<Self> {
        let output = folder.join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&output)?;
        let mut command = consign()?;
        command
            .args(arguments)
            .envs(variables.iter().map(|(k, v)| (k, v)))
            .current_dir(folder)
            .stdin(Stdio::null());
        let child = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            output,
        })
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for it to end by itself.
    ///
    /// # Errors
    /// If it does not within `patience`.
    pub fn terminate(&mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                began.elapsed() < patience,
                "{} did not end within {patience:?} of SIGTERM\n{}",
                self.name,
                self.tail()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// If it is gone.
    pub fn stop(&self) -> Result<()> {
        self.signal("STOP")
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// If it is gone.
    pub fn cont(&self) -> Result<()> {
        self.signal("CONT")
    }

    /// SIGHUP.
    ///
    /// # Errors
    /// If it is gone.
    pub fn hang_up(&self) -> Result<()> {
        self.signal("HUP")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory, KiB.
    ///
    /// # Errors
    /// If it is gone.
    pub fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .context("no VmRSS")?;
        Ok(line
            .split_whitespace()
            .nth(1)
            .context("no number")?
            .parse()?)
    }

    /// All that it printed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn printed(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.output)?)
    }

    /// What others on the machine see that it was started with.
    ///
    /// # Errors
    /// If it is gone.
    pub fn command_line(&self) -> Result<String> {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.child.id()))?;
        Ok(String::from_utf8_lossy(&line).replace('\0', " "))
    }

    /// The last lines it printed.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!(
            "-- {}\n{}",
            self.name,
            lines[lines.len().saturating_sub(30)..].join("\n")
        )
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status()?;
        ensure!(sent.success(), "{} is gone\n{}", self.name, self.tail());
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            eprintln!("{}", self.tail());
        }
    }
}
