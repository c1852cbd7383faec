//! Runs test binaries one after the other, their output shown. A binary that dies, hangs or ends
//! without a count is a failure; one that hangs is ended with all that it started, and the tests in
//! which it hung are named.

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{
    binaries::select,
    choice::{Choice, Chosen},
    descendants,
    stopwatch::Stopwatch,
};
use crate::{command::cargo, tally::Tally};

/// The longest that one binary may take.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// The same for one that starts whole processes and servers, and breaks them.
const SYSTEM_LIMIT: Duration = Duration::from_secs(40 * 60);

/// How long single tests took.
#[derive(Debug, Default)]
pub(super) struct Durations(Vec<(Duration, String)>);

impl Durations {
    /// Prints the slowest.
    pub(super) fn report(&self, most: usize) {
        let mut slowest: Vec<_> = self.0.iter().collect();
        slowest.sort_by_key(|(time, name)| (Reverse(*time), name));
        slowest.truncate(most);
        if !slowest.is_empty() {
            println!("\n== The slowest tests");
        }
        for (time, name) in slowest {
            println!("{:>8.1} s  {name}", time.as_secs_f64());
        }
    }
}

pub(super) fn run(
    chosen: &[Chosen],
    choice: &Choice<'_>,
    variables: &[(&str, String)],
    durations: &mut Durations,
) -> Result<Tally> {
    let mut sum = Tally::default();
    for Chosen { binary, tests } in chosen {
        let at_once = threads(binary.is_system());
        println!("\n-- {}", binary.shown());
        let mut command = binary.command();
        command
            .args(choice.arguments())
            .arg(format!("--test-threads={at_once}"))
            .envs(variables.iter().map(|(k, v)| (k, v)));
        let watch = Stopwatch::start(tests, at_once, Instant::now());
        let limit = if binary.is_system() {
            SYSTEM_LIMIT
        } else {
            LIMIT
        };
        let mut running = Running {
            watch,
            limit,
            ended: Vec::new(),
        };
        sum += running.count(&mut command)?;
        let named = running.ended.into_iter();
        let shown = binary.shown();
        durations
            .0
            .extend(named.map(|(name, time)| (time, format!("{shown}: {name}"))));
    }
    Ok(sum)
}

pub(super) fn run_docs(packages: &[String], variables: &[(&str, String)]) -> Result<Tally> {
    let mut command = cargo();
    command.args(["test", "--locked", "--quiet", "--doc"]);
    command.envs(variables.iter().map(|(k, v)| (k, v)));
    select(&mut command, packages);
    let mut running = Running {
        watch: Stopwatch::start(&[], 0, Instant::now()),
        limit: LIMIT,
        ended: Vec::new(),
    };
    running.count(&mut command)
}

/// As many tests at once as the binaries would run by themselves; of those that start whole
/// processes one more, since they wait for servers that come back much of the time.
fn threads(is_system: bool) -> usize {
    let set = std::env::var("RUST_TEST_THREADS").ok();
    let set = set.and_then(|threads| threads.parse().ok());
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    set.unwrap_or_else(|| processors() + usize::from(is_system))
}

/// One process that runs tests.
struct Running {
    watch: Stopwatch,
    limit: Duration,
    ended: Vec<(String, Duration)>,
}

impl Running {
    /// Runs it, shows its output, adds up its closing lines.
    fn count(&mut self, command: &mut Command) -> Result<Tally> {
        let began = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let (tally, results) = self.read(&mut child, began)?;
        let status = child.wait()?;
        println!("   {:.1} s", began.elapsed().as_secs_f64());
        if status.success() && results > 0 || tally.failed > 0 {
            return Ok(tally);
        }
        eprintln!("ended with {status} after {results} results: counted as a failure");
        Ok(Tally { failed: 1, ..tally })
    }

    fn read(&mut self, child: &mut Child, began: Instant) -> Result<(Tally, usize)> {
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let (send, lines) = sync_channel(1024);
        // It ends with the output, which a stranger that was left behind may keep open: nobody
        // waits for it.
        thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let (mut tally, mut results) = (Tally::default(), 0);
        loop {
            match lines.recv_timeout(self.limit.saturating_sub(began.elapsed())) {
                Ok(line) => {
                    println!("{line}");
                    self.ended.extend(self.watch.line(&line, Instant::now()));
                    if let Some(read) = Tally::read(&line) {
                        tally += read;
                        results += 1;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.say_what_hangs();
                    descendants::kill_all(child)?;
                    tally += Tally::failure();
                    return Ok((tally, results));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok((tally, results)),
            }
        }
    }

    fn say_what_hangs(&self) {
        eprintln!(
            "not done after {} s, which is the limit: ended, counted as a failure; running were:",
            self.limit.as_secs()
        );
        for (name, time) in self.watch.running(Instant::now()) {
            eprintln!("  {name} (for {} s)", time.as_secs());
        }
    }
}
