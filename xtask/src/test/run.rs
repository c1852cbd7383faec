//! Runs test binaries in one lane or in several side by side, their output shown. A binary that
//! dies, hangs or ends without a count is a failure; one that hangs is ended with all that it
//! started, and the tests in which it hung are named. What two binaries print as their output is
//! never mixed; what goes to the error stream is shown as it comes.

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    fmt::Write as _,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

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

/// What all binaries of a run share.
pub(super) struct Runner<'a> {
    pub(super) choice: Choice<'a>,
    pub(super) variables: &'a [(&'a str, String)],
    /// So many binaries at once. With one, lines are shown as they come; with more, a binary's lines
    /// are shown together when it has ended.
    pub(super) lanes: usize,
}

impl Runner<'_> {
    /// Each lane takes the next binary when its last one has ended.
    pub(super) fn run(&self, chosen: &[Chosen], durations: &mut Durations) -> Result<Tally> {
        let lanes = self.lanes.min(chosen.len());
        let waiting = Mutex::new(chosen.iter());
        let next = || waiting.lock().ok()?.next();
        let lane = || {
            let mut ended = Vec::new();
            while let Some(binary) = next() {
                ended.push(self.run_one(binary, lanes)?);
            }
            Ok(ended)
        };
        let ended: Vec<Result<Vec<_>>> = thread::scope(|scope| {
            let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
            let join = |lane: ScopedJoinHandle<'_, _>| match lane.join() {
                Ok(ended) => ended,
                Err(_) => Err(anyhow!("a panic in a lane of tests")),
            };
            lanes.into_iter().map(join).collect()
        });
        let mut sum = Tally::default();
        for lane in ended {
            for (tally, times) in lane? {
                sum += tally;
                durations.0.extend(times);
            }
        }
        Ok(sum)
    }

    fn run_one(&self, chosen: &Chosen, lanes: usize) -> Result<(Tally, Vec<(Duration, String)>)> {
        let Chosen { binary, tests } = chosen;
        let at_once = threads(binary.is_system());
        let mut command = binary.command();
        command
            .args(self.choice.arguments())
            .arg(format!("--test-threads={at_once}"))
            .envs(self.variables.iter().map(|(k, v)| (k, v)));
        let limit = if binary.is_system() {
            SYSTEM_LIMIT
        } else {
            LIMIT
        };
        let mut running = Running {
            watch: Stopwatch::start(tests, at_once, Instant::now()),
            limit,
            ended: Vec::new(),
            output: RunOutput::for_lanes(lanes),
        };
        running.output.line(&format!("\n-- {}", binary.shown()));
        let tally = running.count(&mut command);
        running.output.finish();
        let tally = tally?;
        let shown = binary.shown();
        let named = running.ended.into_iter();
        let times = named.map(|(name, time)| (time, format!("{shown}: {name}")));
        Ok((tally, times.collect()))
    }
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
        output: RunOutput::Live,
    };
    running.count(&mut command)
}

/// The line of a test that passed, with how long it took; other lines as they are.
fn with_time(mut line: String, ended: Option<&(String, Duration)>) -> String {
    if let Some((_, time)) = ended.filter(|_| line.ends_with(" ok")) {
        // A text takes whatever is written to it.
        _ = write!(line, " ({:.1} s)", time.as_secs_f64());
    }
    line
}

/// As many tests at once as the binaries would run by themselves; of those that start whole
/// processes one more, since they wait for servers that come back much of the time.
fn threads(is_system: bool) -> usize {
    let set = std::env::var("RUST_TEST_THREADS").ok();
    let set = set.and_then(|threads| threads.parse().ok());
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    set.unwrap_or_else(|| processors() + usize::from(is_system))
}

/// Where the lines of a binary go.
enum RunOutput {
    Live,
    Kept(String),
}

impl RunOutput {
    fn for_lanes(lanes: usize) -> Self {
        match lanes {
            0 | 1 => Self::Live,
            _ => Self::Kept(String::new()),
        }
    }

    fn line(&mut self, line: &str) {
        match self {
            Self::Live => println!("{line}"),
            Self::Kept(kept) => {
                kept.push_str(line);
                kept.push('\n');
            }
        }
    }

    /// Prints what was kept, by one call: no other lane's lines come in between.
    fn finish(&mut self) {
        if let Self::Kept(kept) = self {
            print!("{}", std::mem::take(kept));
        }
    }
}

/// One process that runs tests.
struct Running {
    watch: Stopwatch,
    limit: Duration,
    ended: Vec<(String, Duration)>,
    output: RunOutput,
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
        self.output
            .line(&format!("   {:.1} s", began.elapsed().as_secs_f64()));
        if status.success() && results > 0 || tally.failed > 0 {
            return Ok(tally);
        }
        let line = format!("ended with {status} after {results} results: counted as a failure");
        self.output.line(&line);
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
                    let ended = self.watch.line(&line, Instant::now());
                    if let Some(read) = Tally::read(&line) {
                        tally += read;
                        results += 1;
                    }
                    self.output.line(&with_time(line, ended.as_ref()));
                    self.ended.extend(ended);
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

    fn say_what_hangs(&mut self) {
        self.output.line(&format!(
            "not done after {} s, which is the limit: ended, counted as a failure; running were:",
            self.limit.as_secs()
        ));
        for (name, time) in self.watch.running(Instant::now()) {
            self.output
                .line(&format!("  {name} (for {} s)", time.as_secs()));
        }
    }
}
