//! What is wrong, in plain words, and what to do about it. Pure: it says nothing that the status does
//! not show.

use super::{SystemAnswer, SystemStatus};
use event_schema::flood::DeadLetterFlood;
use replay::LetterCause;
use runtime::State;
use serde::Serialize;
use std::collections::BTreeMap;

/// An event or a change that is older than this and not handled is no ordinary lag.
const LATE_SECONDS: i64 = 30;
/// Causes that are advised about, each by itself.
const CAUSES: usize = 5;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Advice {
    pub severity: Severity,
    pub problem: String,
    /// What to do, often a line to type.
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// It works, and something waits for a person.
    Attention,
    /// Something does not work now.
    Failing,
}

fn failing_advice(problem: String, remedy: impl Into<String>) -> Advice {
    Advice {
        severity: Severity::Failing,
        problem,
        remedy: remedy.into(),
    }
}

fn attention_advice(problem: String, remedy: impl Into<String>) -> Advice {
    Advice {
        severity: Severity::Attention,
        ..failing_advice(problem, remedy)
    }
}

/// The worst first.
pub(super) fn status_advice(status: &SystemStatus) -> Vec<Advice> {
    let mut advice: Vec<Advice> = status.systems.iter().filter_map(of_system).collect();
    let is_any_away = !advice.is_empty();
    advice.extend(of_components(status));
    advice.extend(of_floods(status));
    // What stands still because of one of those needs no advice of its own.
    if !is_any_away {
        advice.extend(of_late_partitions(status));
        advice.extend(of_late_notifiers(status));
    }
    advice.extend(of_dead_letters(status));
    advice.extend(of_spools(status));
    advice.sort_by_key(|advice| std::cmp::Reverse(advice.severity));
    advice
}

fn of_system(system: &SystemAnswer) -> Option<Advice> {
    if system.answers {
        return None;
    }
    let SystemAnswer { role, name, .. } = system;
    let why = system.why.as_deref().unwrap_or("no answer");
    let seconds = system.away_seconds.filter(|seconds| *seconds > 0);
    let since = seconds.map_or_else(String::new, |seconds| format!(" for {seconds} s"));
    let (problem, remedy) = match *role {
        "log" => (
            format!("the log does not answer{since}: {why}"),
            "bring its brokers back; without a spool writes are refused until then, with one they wait in it: consign doctor",
        ),
        "record" => (
            format!("the record store ({name}) does not answer{since}: {why}"),
            "bring it back; events wait in the log meanwhile, and nothing is lost: consign doctor",
        ),
        _ => (
            format!("the view ({name}) does not answer{since}: {why}"),
            "bring it back; searches fail and events wait in the log meanwhile: consign doctor",
        ),
    };
    Some(failing_advice(problem, remedy))
}

/// Components of this process that are not ready, but for those of which something is said already.
fn of_components(status: &SystemStatus) -> Vec<Advice> {
    let report = &status.readiness;
    let components = report.components.iter();
    let floods = status.partitions.iter().filter(|one| one.flood.is_some());
    let flooded: Vec<String> = floods
        .map(|one| format!("write-worker partition {}", one.partition))
        .collect();
    let others = components.filter(|(name, _)| {
        !matches!(&***name, "log" | "record" | "view") && !flooded.contains(name)
    });
    let advised = others.filter_map(|(name, state)| {
        let seconds = report.not_ready_seconds.get(name).copied().unwrap_or(0);
        let problem = |why: &String| format!("{name}, for {seconds} s: {why}");
        match state {
            State::Ready => None,
            State::Starting { why } | State::Degraded { why } => {
                Some(attention_advice(problem(why), "consign health"))
            }
            State::Missing { why } => Some(failing_advice(problem(why), "consign health")),
        }
    });
    advised.collect()
}

/// One for each cause: a bad deploy makes all partitions wait at once.
fn of_floods(status: &SystemStatus) -> Vec<Advice> {
    let flooded = status.partitions.iter();
    let floods = flooded.filter_map(|partition| partition.flood.as_ref());
    let mut causes: BTreeMap<(&str, &str), Vec<&DeadLetterFlood>> = BTreeMap::new();
    for flood in floods {
        let cause = (flood.operation.as_str(), flood.fingerprint.as_str());
        causes.entry(cause).or_default().push(flood);
    }
    let advised = causes.into_iter().map(|((operation, cause), floods)| {
        let partitions: Vec<String> = floods.iter().map(|one| one.partition.to_string()).collect();
        let who = match partitions.as_slice() {
            [one] => format!("partition {one} waits"),
            many => format!("{} partitions ({}) wait", many.len(), many.join(", ")),
        };
        let message = floods.first().map_or("", |flood| &flood.message);
        let problem = format!(
            "{who} because of a flood of dead letters of `{operation}` ({cause}): {message}"
        );
        let remedy = format!(
            "mend the cause, then it goes on by itself; or let them die: consign dlq pass --operation {operation}"
        );
        failing_advice(problem, remedy)
    });
    advised.collect()
}

fn of_late_partitions(status: &SystemStatus) -> Vec<Advice> {
    let late = status.partitions.iter().filter_map(|partition| {
        let seconds = partition.waiting_seconds?;
        let is_late = seconds >= LATE_SECONDS && partition.flood.is_none();
        is_late.then(|| {
            let lag = partition.lag.unwrap_or_default();
            let problem = format!(
                "partition {} is {lag} events behind, the oldest has waited for {seconds} s",
                partition.partition
            );
            attention_advice(
                problem,
                "does a write-worker own it, and does it get on? consign health --url WORKER",
            )
        })
    });
    late.collect()
}

fn of_late_notifiers(status: &SystemStatus) -> Vec<Advice> {
    let late = status.partitions.iter().filter_map(|partition| {
        let seconds = partition.notifier_waiting_seconds?;
        (seconds >= LATE_SECONDS).then(|| {
            let lag = partition.notifier_lag.unwrap_or_default();
            let problem = format!(
                "subscribers are {lag} records of partition {} behind, the oldest has waited for {seconds} s",
                partition.partition
            );
            attention_advice(
                problem,
                "does a notifier own it, and does it get on? consign health --url NOTIFIER",
            )
        })
    });
    late.collect()
}

fn of_dead_letters(status: &SystemStatus) -> Vec<Advice> {
    let Some(held) = status.held.filter(|held| held.dead > 0) else {
        return Vec::new();
    };
    let mut advice: Vec<Advice> = status.causes.iter().take(CAUSES).map(of_cause).collect();
    let shown: usize = status
        .causes
        .iter()
        .take(CAUSES)
        .map(|cause| cause.count)
        .sum();
    let rest = held.dead.saturating_sub(shown as u64);
    if rest > 0 {
        advice.push(attention_advice(
            format!("{rest} more dead letters wait"),
            "consign dlq stats",
        ));
    }
    advice
}

fn of_cause(cause: &LetterCause) -> Advice {
    let LetterCause {
        fingerprint,
        operation,
        count,
        waiting,
        message,
        ..
    } = cause;
    let problem = format!(
        "{count} dead letters of `{operation}` wait, {waiting} events behind them: {message}"
    );
    let remedy = format!(
        "look: consign dlq replay --fingerprint {fingerprint} --dry-run; mend: consign dlq edit --fingerprint {fingerprint} --patch FILE"
    );
    attention_advice(problem, remedy)
}

/// Other gateways' spools; this one's is a component.
fn of_spools(status: &SystemStatus) -> Vec<Advice> {
    let own = status.spool.as_ref();
    let own = usize::from(own.is_some_and(|spool| spool.records > 0));
    let others = status.spools.unwrap_or(0).saturating_sub(own);
    if others == 0 {
        return Vec::new();
    }
    vec![attention_advice(
        format!("{others} spools of other gateways hold writes that are not in the log"),
        "they are shipped when those gateways reach the log; where one is gone: consign spool status, consign spool ship",
    )]
}
