//! The whole pipeline in one look, as far as a gateway can see it: which systems answer, what waits in
//! each partition and for how long, what is held, the spools, and what to do about it. It must answer
//! while parts of all that are away: what cannot be read is left out, and named.

mod advice;
mod partitions;

use crate::{access::system, app::App, spool_watch};
use advice::{Advice, Severity};
use event_schema::codec::rfc3339;
use partitions::PartitionStatus;
use replay::{HeldCounts, LetterCause, group_causes};
use runtime::health::Report;
use serde::Serialize;
use std::{fmt::Display, future::Future, time::Duration};
use store::spools;
use tokio::time::timeout;

/// For each question.
const PATIENCE: Duration = Duration::from_secs(3);
/// Dead letters that are read for their causes: more would take long, and show no more.
const LETTERS: usize = 500;
/// Causes that are shown, those with most letters.
const CAUSES: usize = 20;

/// See the module's header.
#[derive(Debug, Serialize)]
pub(crate) struct SystemStatus {
    time: String,
    state: SystemState,
    /// The version of the catalog by which this gateway accepts.
    catalog: String,
    systems: Vec<SystemAnswer>,
    partitions: Vec<PartitionStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HeldCounts>,
    /// Of the dead letters that were read, see [`LETTERS`].
    causes: Vec<LetterCause>,
    /// This gateway's; none where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    spool: Option<SpoolSummary>,
    /// How many spools of the deployment hold something.
    #[serde(skip_serializing_if = "Option::is_none")]
    spools: Option<usize>,
    /// What this process says in `/readyz`.
    readiness: Report,
    unread: Vec<UnreadPart>,
    advice: Vec<Advice>,
}

/// How it stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum SystemState {
    Well,
    /// It works, and something waits for a person.
    Attention,
    /// Something does not work now.
    Failing,
    /// Nothing is known to be wrong, but not everything could be read.
    Unknown,
}

/// A server, or a file, that the pipeline stands on.
#[derive(Debug, Serialize)]
struct SystemAnswer {
    role: &'static str,
    name: &'static str,
    answers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// For how long it has not answered, as far as this gateway knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    away_seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
struct SpoolSummary {
    records: u64,
    bytes: u64,
    oldest_seconds: i64,
    is_spooling: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<String>,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct UnreadPart {
    part: &'static str,
    why: String,
}

/// Asks, within a time.
async fn ask_in_time<T, E: Display>(
    part: &'static str,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, UnreadPart> {
    let why = match timeout(PATIENCE, question).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    Err(UnreadPart { part, why })
}

/// The answer, or none and a note of that; what is the same for many is noted once.
fn note_unread<T>(unread: &mut Vec<UnreadPart>, answer: Result<T, UnreadPart>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(part) => {
            if !unread.contains(&part) {
                unread.push(part);
            }
            None
        }
    }
}

impl SystemStatus {
    pub(crate) async fn read(app: &App) -> Self {
        let record = app.ports.record.as_ref();
        let spool = spool_summary(app);
        let (partitions, held, systems, others) = tokio::join!(
            partitions::read_partitions(app),
            ask_in_time("dead letters", replay::held_overview(record, LETTERS)),
            system_answers(app),
            ask_in_time("spools", spools::holding_spools(record, app.now())),
        );
        let (partitions, mut unread) = partitions;
        let held = note_unread(&mut unread, held);
        let others = note_unread(&mut unread, others);
        let mut causes = held.as_ref().map_or_else(Vec::new, |held| {
            let shown = held.letters.iter();
            group_causes(shown.filter(|letter| !system::is_operation(&letter.operation)))
        });
        causes.truncate(CAUSES);
        let mut status = Self {
            time: rfc3339(app.now()),
            state: SystemState::Well,
            catalog: app.ports.catalog.current().version().to_owned(),
            systems,
            partitions,
            held: held.map(|held| held.counts),
            causes,
            spool,
            spools: others.map(|others| others.len()),
            readiness: app.ports.health.report(),
            unread,
            advice: Vec::new(),
        };
        status.advice = advice::status_advice(&status);
        status.state = status.standing();
        status
    }

    fn standing(&self) -> SystemState {
        match self.advice.iter().map(|advice| advice.severity).max() {
            Some(Severity::Failing) => SystemState::Failing,
            Some(Severity::Attention) => SystemState::Attention,
            None if self.unread.is_empty() => SystemState::Well,
            None => SystemState::Unknown,
        }
    }
}

async fn system_answers(app: &App) -> Vec<SystemAnswer> {
    let ports = &app.ports;
    let report = ports.health.report();
    let system = |role: &'static str, name, answer: Result<(), UnreadPart>| SystemAnswer {
        role,
        name,
        answers: answer.is_ok(),
        away_seconds: match answer {
            Ok(()) => None,
            Err(_) => Some(report.not_ready_seconds.get(role).copied().unwrap_or(0)),
        },
        why: answer.err().map(|unread| unread.why),
    };
    let view = async {
        match &ports.view {
            Some(view) => Some(ask_in_time("view", view.ready()).await),
            None => None,
        }
    };
    let admin = &ports.log.admin;
    let (log, record, view_answer) = tokio::join!(
        ask_in_time("log", admin.offsets(&app.transactions, 0)),
        ask_in_time("record", ports.record.ready()),
        view
    );
    let mut systems = vec![
        system("log", "log", log.map(drop)),
        system("record", ports.record.name(), record),
    ];
    if let (Some(view), Some(answer)) = (&ports.view, view_answer) {
        systems.push(system("view", view.name(), answer));
    }
    systems
}

fn spool_summary(app: &App) -> Option<SpoolSummary> {
    let status = app.ports.spool.as_ref()?.status();
    Some(SpoolSummary {
        records: status.records,
        bytes: status.bytes,
        oldest_seconds: spool_watch::age_seconds(&status, app.ports.clock.as_ref()),
        is_spooling: status.is_spooling,
        stuck: status.stuck,
    })
}

#[cfg(test)]
mod tests;
