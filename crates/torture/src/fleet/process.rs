//! One process of a fleet: started, signalled, ended; what it prints is kept in a file. Must only ever
//! signal its own child.

use anyhow::{Context, Result, ensure};
use runtime::clock::CLOCK_FILE;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Until a process must be ready: debug builds on busy machines, servers that come back.
const READY: Duration = Duration::from_secs(120);
/// Until a process must have ended by itself.
const ENDED: Duration = Duration::from_secs(60);

/// What is needed to start a process again as it was.
#[derive(Debug, Clone)]
pub(super) struct StartOptions {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    /// `host:port` of its `/readyz`.
    pub(super) health: String,
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub(super) struct FleetProcess {
    pub(super) options: StartOptions,
    child: Child,
    output: PathBuf,
    clock: PathBuf,
}

/// The program with none of this process's `CONSIGN_*` variables.
pub(super) fn program_command(
    program: &Path,
    variables: &[(String, String)],
    folder: &Path,
) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("CONSIGN_") {
            command.env_remove(variable);
        }
    }
    let variables = variables.iter().map(|(name, value)| (name, value));
    command
        .envs(variables)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

impl FleetProcess {
    /// Starts it; what it prints goes to `NAME.log` in the folder.
    pub(super) fn start(program: &Path, folder: &Path, options: StartOptions) -> Result<Self> {
        let output = folder.join(format!("{}.log", options.name));
        let log = File::options().create(true).append(true).open(&output)?;
        let clock = folder.join(format!("{}.clock", options.name));
        fs::write(&clock, "0")?;
        // Whose files are full is told so by an error, and not by a signal that ends it.
        let shell = Path::new("sh");
        let child = program_command(shell, &options.variables, folder)
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(program)
            .args(&options.arguments)
            .env(CLOCK_FILE, &clock)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", options.name))?;
        Ok(Self {
            options,
            child,
            output,
            clock,
        })
    }

    /// Waits until it says that it is ready.
    pub(super) async fn ready(&mut self, http: &reqwest::Client) -> Result<()> {
        let began = Instant::now();
        let url = format!("http://{}/readyz", self.options.health);
        loop {
            let asked = http.get(&url).timeout(Duration::from_secs(2)).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!(
                    "{} ended by itself, {status}\n{}",
                    self.options.name,
                    self.output_tail()
                );
            }
            ensure!(
                began.elapsed() < READY,
                "{} is not ready after {READY:?}\n{}",
                self.options.name,
                self.output_tail()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Is it there, and ready within this time?
    pub(super) async fn is_ready_within(&mut self, http: &reqwest::Client, time: Duration) -> bool {
        timeout(time, self.ready(http))
            .await
            .is_ok_and(|ready| ready.is_ok())
    }

    pub(super) async fn kill9(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM; it must end by itself.
    pub(super) async fn terminate(&mut self) -> Result<()> {
        self.send_signal(Signal::TERM)?;
        let ended = timeout(ENDED, self.child.wait()).await;
        let status = ended.with_context(|| {
            format!("{} does not end\n{}", self.options.name, self.output_tail())
        })??;
        ensure!(
            status.success(),
            "{} ended with {status} on SIGTERM\n{}",
            self.options.name,
            self.output_tail()
        );
        Ok(())
    }

    pub(super) fn freeze(&self) -> Result<()> {
        self.send_signal(Signal::STOP)
    }

    pub(super) fn thaw(&self) -> Result<()> {
        self.send_signal(Signal::CONT)
    }

    /// No file takes a byte of it any more, neither at its end nor in its middle.
    pub(super) fn fill_disk(&self) -> Result<()> {
        self.limit_files(Some(0))
    }

    pub(super) fn empty_disk(&self) -> Result<()> {
        self.limit_files(getrlimit(Resource::Fsize).current)
    }

    fn limit_files(&self, current: Option<u64>) -> Result<()> {
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit { current, maximum };
        prlimit(Some(self.id()?), Resource::Fsize, limit)?;
        Ok(())
    }

    /// Its time of day is so much ahead.
    pub(super) fn set_clock(&self, millis: i64) -> Result<()> {
        // In one step: it is read at any time.
        let next = self.clock.with_extension("next");
        fs::write(&next, millis.to_string())?;
        Ok(fs::rename(next, &self.clock)?)
    }

    fn id(&self) -> Result<Pid> {
        let id = self.child.id();
        let id = id.and_then(|id| Pid::from_raw(id.cast_signed()));
        id.with_context(|| format!("{} is gone\n{}", self.options.name, self.output_tail()))
    }

    fn send_signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.id()?, signal)?)
    }

    /// The last lines that it printed.
    fn output_tail(&self) -> String {
        let text = fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}
