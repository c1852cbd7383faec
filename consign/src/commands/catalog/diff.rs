//! `consign catalog diff`: what changed definitions would have made of events that the log holds:
//! which would be refused, accepted or written otherwise. It only reads.

mod recorded;
mod state;

use super::{Invocation, check::beside};
use crate::{
    failure::Failure,
    stack::{self, Stack},
};
use catalog::{Catalog, Needs, PlanDifference, Replanned};
use clap::Args;
use event_schema::{codec, envelope::Transaction, id::RequestId, signing::Keyring};
use recorded::{RecordedDecision, RecordedPartition};
use sealing::{SealedBoundary, SubjectKeys, boundary::OpenedState};
use serde::Serialize;
use state::RecordedState;
use std::{collections::BTreeMap, ops::Range, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  consign catalog diff - changed/                                 - : the folders of the settings
  consign catalog diff old/ new/ --events 2026-03-01T00:00:00Z..2026-03-02T00:00:00Z
  consign catalog diff - changed/ --events 2026-03-01T00:00:00Z.. --json

Each event is accepted and planned by both over the state in which it was decided. Exit code 0 if nothing differs,
1 if anything does, 3 if that could not be seen: events that the log no longer keeps are counted, and no difference
among the others is then no proof.
On the embedded default the command needs the data folder, so `consign dev` must not be running.";

/// Times that a plan may ask for more to read.
const ROUNDS: usize = 8;

/// Run changed definitions over recorded events, and list what would differ
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A file or folder of definitions beside those that are built in; `-` for the folders of the
    /// settings
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The definitions to compare with, given likewise
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// FROM..TO, RFC 3339 times at which the log appended them; either may be left out
    #[arg(long, value_name = "FROM..TO", default_value = "..", value_parser = times)]
    events: Range<i64>,
    /// Decisions of a partition that are held in memory
    #[arg(long, value_name = "NUMBER", default_value_t = 200_000)]
    limit: usize,
}

/// Unix milliseconds.
fn times(text: &str) -> Result<Range<i64>, String> {
    let (from, to) = text.split_once("..").ok_or("FROM..TO has two dots")?;
    let time = |text: &str, open: i64| {
        if text.is_empty() {
            return Ok(open);
        }
        codec::from_rfc3339(text).ok_or_else(|| format!("`{text}` is no time of RFC 3339"))
    };
    Ok(time(from, i64::MIN)?..time(to, i64::MAX)?)
}

/// What differs, and how much does not.
#[derive(Debug, Default, Serialize)]
struct CatalogDifferences {
    events: u64,
    same: u64,
    /// Events that the log no longer keeps, or that cannot be read.
    unread: u64,
    findings: Vec<EventDifference>,
}

impl CatalogDifferences {
    /// That nothing differs is only known where everything was seen.
    fn judge(&self) -> Result<(), Failure> {
        match (self.findings.is_empty(), self.unread) {
            (false, _) => Err(Failure::told()),
            (true, 0) => Ok(()),
            (true, _) => Err(Failure::told().could_not_look()),
        }
    }
}

/// An event of which the new definitions make something else.
#[derive(Debug, Serialize)]
struct EventDifference {
    request_id: RequestId,
    operation: String,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<PlanDifference>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let of = |path: &PathBuf| {
        if path.as_os_str() == "-" {
            stack::load_catalog(&settings)
        } else {
            beside(Vec::new(), std::slice::from_ref(path))
        }
    };
    let read = |path| of(path).map_err(Failure::could_not_look);
    let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
    let stack = Stack::open(&settings)
        .await
        .map_err(Failure::could_not_look)?;
    let keys = match stack.own_keys() {
        Some(keys) => keys,
        None => stack::load_keyring(&settings)?,
    };
    let sealing = stack::subject_keys(&settings, &stack.record, &keys)?;
    let run = DiffRun {
        stack: &stack,
        old: &old,
        new: &new,
        keys: &keys,
        sealing: &sealing,
    };
    let compared = run.compare(&arguments).await;
    stack.close().await;
    let compared = compared.map_err(Failure::could_not_look)?;
    invocation.output.result(&compared, text)?;
    compared.judge()
}

struct DiffRun<'a> {
    stack: &'a Stack,
    old: &'a Catalog,
    new: &'a Catalog,
    keys: &'a Keyring,
    sealing: &'a SubjectKeys,
}

impl DiffRun<'_> {
    async fn compare(&self, arguments: &Arguments) -> Result<CatalogDifferences, Failure> {
        let mut found = CatalogDifferences::default();
        for partition in 0..self.stack.layout.partitions {
            let Arguments { events, limit, .. } = arguments;
            let read = RecordedPartition::read(self.stack, partition, events.clone(), *limit);
            let RecordedPartition { decisions, before } = read.await?;
            let mut state = RecordedState::new(before, self.keys);
            for decided in decisions {
                match &decided.event {
                    Some(event) => {
                        found.events += 1;
                        let difference = self.compare_event(event, &mut state).await?;
                        found.same += u64::from(difference.is_none());
                        found.findings.extend(difference);
                    }
                    None => found.unread += u64::from(decided.is_asked),
                }
                let RecordedDecision {
                    documents, rows, ..
                } = decided;
                state.apply(documents, rows);
            }
        }
        Ok(found)
    }

    /// `None`: both make the same of it.
    async fn compare_event(
        &self,
        event: &Transaction,
        state: &mut RecordedState,
    ) -> Result<Option<EventDifference>, Failure> {
        let old = self.replan(self.old, event, state).await?;
        let new = self.replan(self.new, event, state).await?;
        let (mut was, mut is, mut written) = (None, None, Vec::new());
        match (&old, &new) {
            (Replanned::Planned(old), Replanned::Planned(new)) => {
                written = old.differences(new);
                self.hide_sealed(event, &mut written);
            }
            (old, new) => (was, is) = (Some(outcome(old)), Some(outcome(new))),
        }
        let differs = was != is || !written.is_empty();
        Ok(differs.then(|| EventDifference {
            request_id: event.attributes.id,
            operation: event.attributes.operation.clone(),
            time: codec::rfc3339(event.attributes.time),
            old: was,
            new: is,
            written,
        }))
    }

    async fn replan(
        &self,
        catalog: &Catalog,
        event: &Transaction,
        state: &mut RecordedState,
    ) -> Result<Replanned, Failure> {
        let mut event = event.clone();
        let operation = event.attributes.operation.clone();
        let subject = if catalog.sealed().is_touched_by(&operation) {
            // A key that is not there is not made: nothing was sealed with it.
            let id = self.sealing.id(&event.attributes.key.0);
            Some(self.sealing.known(id).await?)
        } else {
            None
        };
        let boundary = SealedBoundary {
            marks: catalog.sealed(),
            secret: self.sealing.secret(),
            subject: subject.as_ref(),
        };
        boundary.open_request(&operation, &mut event.data.request);
        for _ in 0..ROUNDS {
            let opened = OpenedState::new(&*state, boundary);
            match catalog.replan(&event, &opened) {
                Replanned::Unread(mut needs) => {
                    boundary.store_keys(&mut needs);
                    self.read(&needs, state).await?;
                }
                done => return Ok(done),
            }
        }
        Ok(Replanned::Broken(
            "it asks for ever more to read".to_owned(),
        ))
    }

    /// What nobody wrote since is as it was.
    async fn read(&self, needs: &Needs, state: &mut RecordedState) -> Result<(), Failure> {
        let record = &self.stack.record;
        let documents = record.documents(&needs.documents).await?;
        state.add_documents(&needs.documents, documents);
        let rows = record.rows(&needs.rows).await?;
        state.add_rows(&needs.rows, rows);
        Ok(())
    }

    /// Personal values are for no terminal.
    fn hide_sealed(&self, event: &Transaction, written: &mut [PlanDifference]) {
        let operation = &event.attributes.operation;
        let is_touched = |catalog: &Catalog| catalog.sealed().is_touched_by(operation);
        if is_touched(self.old) || is_touched(self.new) {
            for difference in written {
                for value in [&mut difference.old, &mut difference.new] {
                    if !value.is_null() {
                        *value = "•••".into();
                    }
                }
            }
        }
    }
}

fn outcome(replanned: &Replanned) -> String {
    match replanned {
        Replanned::Refused(rule) => format!("refused: {rule}"),
        Replanned::Broken(why) => format!("cannot be planned: {why}"),
        Replanned::Planned(_) => "applied".to_owned(),
        Replanned::Unread(_) => "not known".to_owned(),
    }
}

fn text(compared: &CatalogDifferences) -> String {
    let mut lines = Vec::new();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in &compared.findings {
        *counts.entry(&finding.operation).or_default() += 1;
        let EventDifference {
            request_id,
            operation,
            time,
            ..
        } = finding;
        let verdicts = finding.old.as_ref().zip(finding.new.as_ref());
        let verdicts = verdicts.map(|(old, new)| format!(": {old} → {new}"));
        lines.push(format!(
            "{time} {operation} {request_id}{}",
            verdicts.unwrap_or_default()
        ));
        for PlanDifference {
            of,
            field,
            old,
            new,
        } in &finding.written
        {
            lines.push(format!("    {of} {field}: {old} → {new}"));
        }
    }
    for (operation, count) in counts {
        lines.push(format!("{operation}: {count} would be otherwise"));
    }
    let CatalogDifferences {
        events,
        same,
        unread,
        ..
    } = compared;
    lines.push(format!(
        "{events} events, {same} of them the same under both"
    ));
    if *unread > 0 {
        lines.push(format!(
            "{unread} events are no longer kept, and were not compared"
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{CatalogDifferences, EventDifference};
    use crate::failure::Kind;
    use event_schema::{id::RequestId, signing::Keyring};

    #[test]
    fn no_difference_is_only_known_where_everything_was_seen() {
        let code = |found: &CatalogDifferences| found.judge().err().map(|failure| failure.kind);
        let keys = Keyring::new(1, *b"a secret of thirty-two bytes.....");
        let mut found = CatalogDifferences::default();
        assert_eq!(code(&found), None);
        found.unread = 2;
        assert_eq!(code(&found), Some(Kind::Unreachable));
        found.findings.push(EventDifference {
            request_id: RequestId::mint(&keys, 1, 0, [0; 16]),
            operation: "memo.put".into(),
            time: String::new(),
            old: None,
            new: None,
            written: Vec::new(),
        });
        assert_eq!(code(&found), Some(Kind::Failed));
    }
}
