//! From an event and the current state to a verdict and mutations. Pure: the same event over the
//! same state plans the same for ever.

mod document;
mod others;
mod row;
mod target;

use crate::{
    Accepted,
    expression::EvalError,
    members::Members,
    operation::{Guard, Operation, Sight},
};
use event_schema::{
    Raw,
    decision::UniqueValue,
    envelope::Transaction,
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    outcome::{Refusal, RefusalCode, Verdict},
    signing::Keyring,
};
use serde_json::{Map, Value};
use target::{Spot, SpotStage, Subject};

/// What must be read before an event can be planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    pub documents: Vec<DocumentKey>,
    pub rows: Vec<RowKey>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.rows.is_empty()
    }

    fn add(&mut self, subject: &Subject) {
        match subject {
            Subject::Document(key) => self.documents.push(key.clone()),
            Subject::Row { fresh: true, .. } => {}
            Subject::Row { key, .. } => self.rows.push(key.clone()),
        }
    }
}

/// A document as it stands when an event is planned.
#[derive(Clone, Debug, Default)]
pub struct CurrentDocument {
    /// Of the last write, deletions included; 0 where there never was one.
    pub revision: u64,
    /// `None`: there is no such document now.
    pub body: Option<Raw>,
}

/// The state that an event is planned over: stores plus what earlier events of the batch decided.
/// Only asked for what it knows.
pub trait Current {
    /// Was the document read, or written since?
    fn knows_document(&self, key: &DocumentKey) -> bool {
        _ = key;
        true
    }
    fn knows_row(&self, key: &RowKey) -> bool {
        _ = key;
        true
    }
    fn document(&self, key: &DocumentKey) -> CurrentDocument;
    /// The whole row without its key columns; `None` if there is none.
    fn row(&self, key: &RowKey) -> Option<Map<String, Value>>;
    /// Unix milliseconds at which the row goes by itself, where that is known.
    fn row_expires(&self, key: &RowKey) -> Option<i64> {
        _ = key;
        None
    }
    /// The deployment's secret, from which codes are made that no event holds.
    fn secret(&self) -> Option<&Keyring> {
        None
    }
}

/// What planning came to: a plan, or what must be read first.
#[derive(Clone, Debug)]
pub enum Planned {
    Plan(Box<Plan>),
    /// Which documents and rows it is about hangs on others; these are not known yet.
    Unread(Needs),
}

/// What an event comes to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `Applied` or `Refused`; a refusal has no mutations.
    pub verdict: Verdict,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    /// What it does to other keys, in order: each becomes an event of its own.
    pub parts: Vec<Accepted>,
    /// Values that the key must get before the plan may stand.
    pub takes: Vec<TakenValue>,
    /// Values that the key lets go once it is applied.
    pub releases: Vec<UniqueValue>,
    /// What stands is written once more: no new revision, and nobody is notified.
    pub silent: bool,
    /// What the client is told of an applied request.
    pub result: Option<Raw>,
    /// All that it was judged by.
    pub read: Needs,
}

impl Plan {
    /// A plan that changes nothing.
    pub fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            documents: Vec::new(),
            rows: Vec::new(),
            parts: Vec::new(),
            takes: Vec::new(),
            releases: Vec::new(),
            silent: false,
            result: None,
            read: Needs::default(),
        }
    }
}

/// A value that only one key may have, and what is told where another has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenValue {
    pub value: UniqueValue,
    pub refusal: Refusal,
}

/// An event that can never be planned: a dead letter. Not a refusal, which is an answer to a sound
/// event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the catalog has no operation `{0}`")]
    UnknownOperation(String),
    #[error("the event does not hold what its operation needs: {0}")]
    BadEvent(String),
}

impl From<EvalError> for PlanError {
    fn from(error: EvalError) -> Self {
        Self::BadEvent(error.0)
    }
}

/// Why planning ends without changes.
enum Stop {
    Refused(Refusal),
    Broken(PlanError),
}

impl<E: Into<PlanError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

fn refusal_stop(code: RefusalCode, message: impl Into<String>) -> Stop {
    Stop::Refused(Refusal {
        code,
        message: message.into(),
        rule: None,
        pointer: None,
    })
}

impl Operation {
    /// What must be read before `plan`.
    pub fn needs(&self, event: &Transaction) -> Result<Needs, PlanError> {
        let request = self.request(event)?;
        let sight = Sight::new(
            &self.program,
            &request,
            &event.data.generated,
            &event.data.principal,
        );
        let mut needs = Needs::default();
        for spot in self.spots(event, &sight, SpotStage::Early)? {
            needs.add(&spot.subject);
        }
        Ok(needs)
    }

    /// Verdict and mutations. Pure.
    pub fn plan(&self, event: &Transaction, current: &dyn Current) -> Result<Planned, PlanError> {
        let mut read = Needs::default();
        let planned = match self.changes(event, current, &mut read) {
            Ok(Some(plan)) => plan,
            Ok(None) => return Ok(Planned::Unread(read)),
            Err(Stop::Refused(refusal)) => Plan::of(Verdict::Refused(refusal)),
            Err(Stop::Broken(error)) => return Err(error),
        };
        Ok(Planned::Plan(Box::new(Plan { read, ..planned })))
    }

    /// `None`: what is in `read` is not known.
    fn changes(
        &self,
        event: &Transaction,
        current: &dyn Current,
        read: &mut Needs,
    ) -> Result<Option<Plan>, Stop> {
        let request = self.request(event)?;
        let mut sight = Sight::new(
            &self.program,
            &request,
            &event.data.generated,
            &event.data.principal,
        );
        sight.secret = current.secret();
        let mut spots = Vec::with_capacity(self.program.writes.len());
        for stage in [SpotStage::Early, SpotStage::Late] {
            let mut found = self.spots(event, &sight, stage)?;
            let unread = target::unread_needs(&found, current);
            if !unread.is_empty() {
                *read = unread;
                return Ok(None);
            }
            for spot in &mut found {
                read.add(&spot.subject);
                spot.read(current);
            }
            // What is to be there must be, before anything is made of it.
            for spot in found.iter().filter(|spot| spot.write.when_early) {
                spot.check_expected(None)?;
            }
            target::show_current(&found, &mut sight);
            spots.append(&mut found);
        }
        check_expectations(&mut spots, &sight, event)?;
        check_guards(&self.program.guards, &sight)?;
        let mut plan = Plan::of(Verdict::Applied);
        let is_already = self.program.already.as_ref();
        let is_already = is_already.map(|already| sight.scope().holds(already));
        if !is_already.transpose()?.unwrap_or(false) {
            self.mutate(spots, &mut sight, &mut plan)?;
            if self.silent {
                plan.silent = true;
                for change in &mut plan.documents {
                    change.revision = change.revision_before;
                }
            }
            self.reach_out(event, &sight, &mut plan)?;
        }
        plan.result = self
            .program
            .result
            .as_ref()
            .map(|result| sight.scope().find(result))
            .transpose()?
            .flatten()
            .map(|value| event_schema::to_raw(&*value));
        Ok(Some(plan))
    }

    fn mutate<'a>(
        &'a self,
        spots: Vec<Spot<'a>>,
        sight: &mut Sight<'a>,
        plan: &mut Plan,
    ) -> Result<(), Stop> {
        for spot in spots.into_iter().filter(|spot| !spot.skip) {
            match &spot.subject {
                Subject::Document(key) => {
                    let Some(change) = document::document_change(&spot, key, sight)? else {
                        continue;
                    };
                    if let Some(name) = &spot.write.name {
                        sight
                            .written
                            .insert(name, document::change_summary(&change));
                    }
                    plan.documents.push(change);
                }
                Subject::Row { key, table, .. } => {
                    let made = row::new_cells(&spot, key, table, sight)?;
                    plan.rows.extend(made.of_row(spot));
                }
            }
        }
        Ok(())
    }

    fn request<'e>(&self, event: &'e Transaction) -> Result<Members<'e>, PlanError> {
        if self.many.is_some() || self.kind == crate::Kind::Informative {
            return Err(PlanError::BadEvent(format!(
                "`{}` is not the name of an event that writes",
                self.name
            )));
        }
        Members::parse(event.data.request.get())
            .map_err(|e| PlanError::BadEvent(format!("its request is not an object: {e}")))
    }

    fn spots<'a>(
        &'a self,
        event: &Transaction,
        sight: &Sight<'_>,
        stage: SpotStage,
    ) -> Result<Vec<Spot<'a>>, PlanError> {
        let mut spots: Vec<Spot<'a>> = Vec::with_capacity(self.program.writes.len());
        let is_late = stage == SpotStage::Late;
        for write in self.program.writes.iter().filter(|w| w.late == is_late) {
            target::collect_spots(write, event, sight, &mut spots)?;
        }
        Ok(spots)
    }
}

/// Sets aside what is not wanted; the rest must be as it is expected, written once, by its owner.
fn check_expectations(
    spots: &mut [Spot<'_>],
    sight: &Sight<'_>,
    event: &Transaction,
) -> Result<(), Stop> {
    let mut wanted = event.data.if_version;
    for spot in spots.iter_mut() {
        spot.skip = !spot.wanted(sight)?;
        if !spot.skip {
            spot.check_expected(if spot.is_document() {
                wanted.take()
            } else {
                None
            })?;
        }
    }
    if let Some(asked) = wanted {
        return Err(refusal_stop(
            RefusalCode::Version,
            format!("nothing here has a version that could be {asked}"),
        ));
    }
    let written: Vec<&Spot<'_>> = spots.iter().filter(|spot| !spot.skip).collect();
    let twice = first_twice(&written);
    for (n, spot) in written.iter().enumerate() {
        if twice == Some(n) {
            let twice = format!("{} would be written twice", spot.subject);
            return Err(refusal_stop(RefusalCode::Rule, twice));
        }
        spot.check_owner(event)?;
    }
    Ok(())
}

/// The place of the first whose document or row another before it has. Few are compared each with
/// each: making a text of each is a thirtieth of what planning costs.
fn first_twice(written: &[&Spot<'_>]) -> Option<usize> {
    const FEW: usize = 16;
    if written.len() <= FEW {
        let is_before = |n: &usize| {
            let (before, rest) = written.split_at(*n);
            rest.first()
                .is_some_and(|spot| before.iter().any(|other| other.subject == spot.subject))
        };
        return (0..written.len()).find(is_before);
    }
    let mut seen = std::collections::HashSet::with_capacity(written.len());
    written
        .iter()
        .position(|spot| !seen.insert(spot.subject.to_string()))
}

fn check_guards(guards: &[Guard], sight: &Sight<'_>) -> Result<(), Stop> {
    for guard in guards {
        if !sight.scope().holds(&guard.that)? {
            return Err(Stop::Refused(Refusal {
                code: guard.code,
                message: guard.say.clone(),
                rule: Some(guard.rule.clone()),
                pointer: guard.at.clone(),
            }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
