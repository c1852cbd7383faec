//! The operator of the day: commands as they are typed, with a transcript of what was typed and
//! answered.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    env,
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Instant,
};
use system_tests::process::consign;

/// Lines of an answer that the transcript shows.
const SHOWN: usize = 24;

/// Types commands to gateways, in a folder.
pub struct Operator {
    folder: PathBuf,
    transcript: String,
}

/// What a command came to.
pub struct Answer {
    pub code: i32,
    pub output: String,
    pub errors: String,
}

impl Operator {
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            transcript: String::new(),
        }
    }

    /// A remark in the transcript.
    pub fn note(&mut self, text: &str) {
        eprintln!("# {text}");
        // A text takes whatever is written to it.
        _ = writeln!(self.transcript, "# {text}");
    }

    /// Types it to a gateway, and waits for its end.
    pub fn run(&mut self, gateway: &str, line: &str) -> Result<Answer> {
        let began = Instant::now();
        let output = consign()?
            .args(words(line))
            .args(["--url", gateway])
            .current_dir(&self.folder)
            .output()?;
        let answer = Answer {
            code: output.status.code().context("it was killed")?,
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let took = began.elapsed().as_secs_f64();
        let lines = answer.output.lines().count();
        eprintln!(
            "$ consign {line}: {lines} lines in {took:.1} s, exit {}",
            answer.code
        );
        self.record(line, &answer, took);
        Ok(answer)
    }

    /// Types it with `--json`: a value for each line of the answer. It must exit as wanted.
    pub fn json(&self, gateway: &str, line: &str, wanted: i32) -> Result<Vec<Value>> {
        let began = Instant::now();
        let mut command = consign()?;
        command.args(words(line)).args(["--json", "--url", gateway]);
        let output = command.current_dir(&self.folder).output()?;
        let took = began.elapsed().as_secs_f64();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(wanted),
            "{line}: {}: {errors}",
            output.status
        );
        let text = String::from_utf8(output.stdout)?;
        eprintln!(
            "$ consign {line} --json: {} lines in {took:.1} s",
            text.lines().count()
        );
        let values = text.lines().map(|line| Ok(serde_json::from_str(line)?));
        values.collect()
    }

    /// Types it and leaves it running; what it prints goes to the file `name`.
    pub fn begin(&self, gateway: &str, line: &str, name: &str) -> Result<Child> {
        let file = File::create(self.folder.join(name))?;
        let mut command = consign()?;
        command.args(words(line)).args(["--url", gateway]);
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        Ok(command.spawn()?)
    }

    /// What a command that was left running has printed.
    pub fn printed(&mut self, line: &str, name: &str, code: i32) -> Result<String> {
        let output = std::fs::read_to_string(self.folder.join(name))?;
        let errors = String::new();
        let answer = Answer {
            code,
            output,
            errors,
        };
        self.record(line, &answer, 0.0);
        Ok(answer.output)
    }

    fn record(&mut self, line: &str, answer: &Answer, took: f64) {
        let text = &mut self.transcript;
        _ = writeln!(text, "$ consign {line}");
        let lines: Vec<&str> = answer.output.lines().chain(answer.errors.lines()).collect();
        if lines.len() > SHOWN {
            let left = lines.len() - SHOWN;
            let (head, tail) = (&lines[..SHOWN / 2], &lines[lines.len() - SHOWN / 2..]);
            _ = writeln!(
                text,
                "{}\n… {left} lines …\n{}",
                head.join("\n"),
                tail.join("\n")
            );
        } else {
            _ = writeln!(text, "{}", lines.join("\n"));
        }
        _ = writeln!(text, "# exit {}, {took:.1} s\n", answer.code);
    }
}

impl Drop for Operator {
    /// Where `CONSIGN_TEST_BAD_DEPLOY_TRANSCRIPT` says, for whoever wants to read it.
    fn drop(&mut self) {
        if let Ok(path) = env::var("CONSIGN_TEST_BAD_DEPLOY_TRANSCRIPT") {
            drop(std::fs::write(path, &self.transcript));
        }
    }
}

/// As a shell takes it apart: blanks between words, but within quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let of = |(n, part): (usize, &str)| -> Vec<String> {
        if n % 2 == 1 {
            vec![part.to_owned()]
        } else {
            part.split_whitespace().map(str::to_owned).collect()
        }
    };
    parts.flat_map(of).collect()
}
