//! `consign sealing erase`: destroys the keys of subjects. Nothing brings them back.

use super::{Invocation, OpenedKeys, open_keys};
use crate::failure::Failure;
use ::sealing::ErasedSubject;
use clap::Args;
use event_schema::topics::SECURITY_LOG;
use security_log::{EventKind, LogTarget, SecurityEvent, recorder::record_once};
use serde::Serialize;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign sealing erase user/0190a7c2-6d3e-7b1a-9c55-1f2e3d4c5b6a --yes
  consign sealing erase user/17 user/18 --yes --config gateway.toml

What was sealed for these subjects can no longer be read: not in the log, dead letters, spools, stores, nor in any copy or backup of
them without a backup of the key itself. Running gateways and workers forget their copies of the keys within ten seconds.";

/// Destroy the keys of subjects, so that nothing sealed for them can ever be read again
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Entity keys, such as user/17
    #[arg(required = true, value_name = "SUBJECT")]
    subjects: Vec<String>,
    /// It cannot be undone
    #[arg(long)]
    yes: bool,
}

const ERASED: &str = "erased";
/// How long the log may take to say that it was done.
const LOGGING: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct ErasureReport {
    subjects: Vec<SubjectOutcome>,
    /// On each server of the record store, before its files hold nothing of the keys any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_run: Vec<String>,
}

#[derive(Serialize)]
struct SubjectOutcome {
    subject: String,
    outcome: &'static str,
}

impl ErasureReport {
    fn text(&self) -> String {
        let line = |one: &SubjectOutcome| format!("{}  {}\n", one.subject, one.outcome);
        let mut text: String = self.subjects.iter().map(line).collect();
        if !self.to_run.is_empty() {
            text += "The servers' files still hold the keys, wrapped. Run on each server of the record store:\n";
            text.extend(self.to_run.iter().map(|command| format!("  {command}\n")));
        }
        text
    }
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    if let Some(wrong) = arguments.subjects.iter().find(|s| !s.contains('/')) {
        let hint = "a subject is an entity key: its kind and its id, as in user/17";
        return Err(Failure::usage(format!("`{wrong}` is no subject")).hint(hint));
    }
    if !arguments.yes {
        let failure = Failure::usage("what is erased cannot be read ever again");
        return Err(failure.hint("say --yes"));
    }
    let opened = open_keys(invocation).await?;
    let now = runtime::Clock::now(&runtime::SystemClock);
    let erasure = opened.subjects.erase(&arguments.subjects, now).await?;
    let told = |(subject, outcome): (String, ErasedSubject)| {
        let outcome = match outcome {
            ErasedSubject::Destroyed => ERASED,
            ErasedSubject::Already => "was erased before",
            ErasedSubject::NeverHad => "had nothing sealed",
        };
        SubjectOutcome { subject, outcome }
    };
    let subjects = arguments.subjects.into_iter().zip(erasure.outcomes);
    let report = ErasureReport {
        subjects: subjects.map(told).collect(),
        to_run: erasure.to_run,
    };
    if !log_erasure(&opened, &report.subjects, now).await {
        let why = "the erasure is done, and is not in the log of security events: the log does not take it";
        invocation.output.state(why);
    }
    opened.stack.close().await;
    invocation.output.result(&report, ErasureReport::text)?;
    Ok(())
}

/// False: the log did not take it.
async fn log_erasure(opened: &OpenedKeys, subjects: &[SubjectOutcome], now: i64) -> bool {
    let erased = subjects.iter().filter(|one| one.outcome == ERASED);
    let events =
        erased.map(|one| SecurityEvent::new(EventKind::SUBJECT_ERASED).about(&one.subject));
    let events: Vec<SecurityEvent> = events.collect();
    if events.is_empty() {
        return true;
    }
    let target = LogTarget {
        log: opened.stack.log.clone(),
        topic: opened.stack.layout.name(&SECURITY_LOG).into(),
        keys: opened.secret.clone(),
        service: "command",
        process: format!("{:032x}", runtime::random::<u128>()),
    };
    let logging = record_once(target, events, now);
    tokio::time::timeout(LOGGING, logging)
        .await
        .unwrap_or(false)
}
