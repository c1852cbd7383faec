//! A `consign dev` on a folder of its own and a free port; killed when dropped.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// The binary under a clean set of `CONSIGN_*` variables.
pub fn consign(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONSIGN_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str], folder: &Path) -> Output {
    consign(arguments, folder).output().expect("it starts")
}

/// Its output as JSON, whatever it exits with.
pub fn json(arguments: &[&str], folder: &Path) -> (Value, i32) {
    let output = run(arguments, folder);
    let text = String::from_utf8(output.stdout).expect("text");
    let value = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!(
            "{arguments:?}: {error}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (value, output.status.code().expect("it was not killed"))
}

pub struct Pipeline {
    child: Child,
    pub url: String,
}

impl Pipeline {
    pub fn start(folder: &Path) -> Self {
        Self::start_at(folder, "127.0.0.1:0")
    }

    pub fn start_at(folder: &Path, listen: &str) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("dev.log"))
            .expect("a log");
        let mut command = consign(
            &["dev", "--data", "data", "--listen", listen, "--json"],
            folder,
        );
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut first)
            .expect("a line");
        let told: Value = serde_json::from_str(&first).unwrap_or_else(|_| {
            drop(child.kill());
            panic!(
                "it does not start: {}",
                std::fs::read_to_string(folder.join("dev.log")).unwrap_or_default()
            )
        });
        Self {
            url: told["listening"].as_str().expect("an address").to_owned(),
            child,
        }
    }

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill9(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and what it exits with.
    pub fn terminate(mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status()
            .expect("kill");
        assert!(sent.success());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Any call; the answer's status and body.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let mut request = reqwest::Client::new()
            .request(method, format!("{}{path}", self.url))
            .header("prefer", "wait=20");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
