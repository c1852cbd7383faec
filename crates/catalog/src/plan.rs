//! From an event and the current state to a verdict and mutations. Pure: the same event over the
//! same state plans the same for ever.

mod document;
mod row;
mod target;

use crate::{
    definition::Expect,
    expression::EvalError,
    members::Members,
    operation::{Guard, Operation, Sight},
};
use event_schema::{
    Raw,
    envelope::Transaction,
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    outcome::{Refusal, RefusalCode, Verdict},
};
use serde_json::{Map, Value};
use target::{Spot, Subject};

/// What must be read before an event can be planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    pub documents: Vec<DocumentKey>,
    pub rows: Vec<RowKey>,
}

/// A document as it stands when an event is planned.
#[derive(Clone, Debug)]
pub struct CurrentDocument {
    /// Of the last write, deletions included; 0 where there never was one.
    pub revision: u64,
    /// `None`: there is no such document now.
    pub body: Option<Raw>,
}

/// The state that an event is planned over: stores plus what earlier events of the batch decided.
/// Only asked for what `needs` named.
pub trait Current {
    fn document(&self, key: &DocumentKey) -> CurrentDocument;
    /// The whole row without its key columns; `None` if there is none.
    fn row(&self, key: &RowKey) -> Option<Map<String, Value>>;
    /// Unix milliseconds at which the row goes by itself, where that is known.
    fn row_expires(&self, key: &RowKey) -> Option<i64> {
        _ = key;
        None
    }
}

/// What an event comes to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `Applied` or `Refused`; a refusal has no mutations.
    pub verdict: Verdict,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    /// What the client is told of an applied request.
    pub result: Option<Raw>,
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

fn refused(code: RefusalCode, message: impl Into<String>) -> Stop {
    Stop::Refused(Refusal {
        code,
        message: message.into(),
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
        for spot in self.spots(event, &sight)? {
            match spot.subject {
                Subject::Document(key) => needs.documents.push(key),
                Subject::Row { fresh: true, .. } => {}
                Subject::Row { key, .. } => needs.rows.push(key),
            }
        }
        Ok(needs)
    }

    /// Verdict and mutations. Pure.
    pub fn plan(&self, event: &Transaction, current: &dyn Current) -> Result<Plan, PlanError> {
        match self.changes(event, current) {
            Ok(plan) => Ok(plan),
            Err(Stop::Refused(refusal)) => Ok(Plan {
                verdict: Verdict::Refused(refusal),
                documents: Vec::new(),
                rows: Vec::new(),
                result: None,
            }),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    fn changes(&self, event: &Transaction, current: &dyn Current) -> Result<Plan, Stop> {
        let request = self.request(event)?;
        let mut sight = Sight::new(
            &self.program,
            &request,
            &event.data.generated,
            &event.data.principal,
        );
        let mut spots = self.spots(event, &sight)?;
        for spot in &mut spots {
            spot.read(current);
            if let (true, Some(name), Some(value)) =
                (spot.write.looked_at, &spot.write.name, spot.value())
            {
                sight.current.insert(name, value);
            }
        }
        let mut wanted = event.data.if_version;
        for spot in &mut spots {
            spot.skip = !spot.wanted(&sight)?;
            if !spot.skip {
                spot.check_expected(if spot.is_document() {
                    wanted.take()
                } else {
                    None
                })?;
            }
        }
        if let Some(asked) = wanted {
            return Err(refused(
                RefusalCode::Version,
                format!("nothing here has a version that could be {asked}"),
            ));
        }
        check_guards(&self.program.guards, &sight)?;
        let mut plan = Plan {
            verdict: Verdict::Applied,
            documents: Vec::new(),
            rows: Vec::new(),
            result: None,
        };
        for spot in spots.iter().filter(|spot| !spot.skip) {
            match &spot.subject {
                Subject::Document(key) => {
                    let Some(change) = document::change(spot, key, &sight)? else {
                        continue;
                    };
                    if let Some(name) = &spot.write.name {
                        sight.written.insert(name, document::told(&change));
                    }
                    plan.documents.push(change);
                }
                Subject::Row { key, table, .. } => {
                    plan.rows.push(row::mutation(spot, key, table, &sight)?)
                }
            }
        }
        plan.result = self
            .program
            .result
            .as_ref()
            .map(|result| sight.scope().value(result))
            .transpose()?
            .flatten()
            .map(|v| event_schema::raw(&v));
        Ok(plan)
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
    ) -> Result<Vec<Spot<'a>>, PlanError> {
        let mut spots: Vec<Spot<'a>> = Vec::with_capacity(self.program.writes.len());
        for write in &self.program.writes {
            target::collect(write, event, sight, &mut spots)?;
        }
        let mut seen = std::collections::HashSet::with_capacity(spots.len());
        match spots
            .iter()
            .find(|spot| !seen.insert(spot.subject.to_string()))
        {
            Some(twice) => Err(PlanError::BadEvent(format!(
                "{} is written twice",
                twice.subject
            ))),
            None => Ok(spots),
        }
    }
}

fn check_guards(guards: &[Guard], sight: &Sight<'_>) -> Result<(), Stop> {
    for guard in guards {
        if !sight.scope().holds(&guard.that)? {
            return Err(Stop::Refused(Refusal {
                code: guard.code,
                message: guard.say.clone(),
                pointer: guard.at.clone(),
            }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
