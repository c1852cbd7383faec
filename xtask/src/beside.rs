//! Checks that run one after the other while tests do, at the lowest priority: tests wait a lot, and
//! what they leave of the processor is enough. Their output is kept until they are asked for.

use std::{
    process::{Command, Output, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use crate::timeline::Timeline;

/// See the module's header.
pub(crate) struct ChecksBeside(JoinHandle<Vec<EndedCheck>>);

struct EndedCheck {
    name: &'static str,
    output: Result<Output>,
    took: Duration,
}

impl ChecksBeside {
    pub(crate) fn start<const N: usize>(checks: [(&'static str, Command); N]) -> Self {
        let run = move || checks.map(EndedCheck::of).into_iter().collect();
        Self(thread::spawn(run))
    }

    /// Waits for them; each becomes a stage of its own, which shows how long it was still waited for.
    pub(crate) fn finish(self, timeline: &mut Timeline) {
        let Ok(ended) = self.0.join() else {
            return timeline.check("Checks beside the tests", || Err(anyhow!("a panic")));
        };
        for check in ended {
            timeline.check(check.name, || check.judge());
        }
    }
}

impl EndedCheck {
    fn of((name, command): (&'static str, Command)) -> Self {
        let began = Instant::now();
        let output = at_lowest_priority(&command)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {command:?}"));
        Self {
            name,
            output,
            took: began.elapsed(),
        }
    }

    fn judge(self) -> Result<bool> {
        let output = self.output?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        println!("{:.1} s beside the tests", self.took.as_secs_f64());
        Ok(output.status.success())
    }
}

/// The same command under `nice`.
fn at_lowest_priority(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"]).arg(command.get_program());
    nice.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        nice.current_dir(folder);
    }
    nice
}

#[cfg(test)]
mod tests {
    use super::ChecksBeside;
    use crate::timeline::Timeline;
    use std::process::Command;

    #[test]
    fn each_counts_only_if_it_fails() {
        let shell = |line: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]).env("EXPECTED", "19");
            shell
        };
        let priority = "test $(nice) = $EXPECTED";
        let mut timeline = Timeline::start();
        ChecksBeside::start([("good", shell(priority))]).finish(&mut timeline);
        assert_eq!(timeline.total.failed, 0);
        let checks = [
            ("bad", shell("exit 1")),
            ("good", shell("true")),
            ("missing", Command::new("/no/such/program")),
        ];
        ChecksBeside::start(checks).finish(&mut timeline);
        assert_eq!(timeline.total.failed, 2);
    }
}
