//! Plans in log order, each over what the ones before decided. The verdicts are made here and
//! nowhere else.

use super::{
    Decider,
    inputs::{Event, Input, Inputs},
};
use crate::lane::Halt;
use catalog::{Needs, Plan, PlanError};
use event_schema::{
    decision::Decision,
    mutation::DocumentKey,
    outcome::{DeadReason, Refusal, RefusalCode, Verdict},
    topics::CHANGES,
};

impl Decider {
    pub(super) async fn fold(&mut self, inputs: &mut Inputs) -> Result<Vec<Decision>, Halt> {
        let mut decisions = Vec::with_capacity(inputs.events.len());
        for input in inputs.events.drain(..) {
            let decision = match input {
                Input::Event(event) => self.judge(*event).await?,
                Input::Dead {
                    request,
                    operation,
                    position,
                    accepted,
                    reason,
                } => Decision {
                    epoch: self.epoch,
                    request,
                    operation,
                    tenant: String::new(),
                    catalog: self.worker.ports.catalog.version().to_owned(),
                    position,
                    verdict: Verdict::DeadLettered(reason),
                    documents: Vec::new(),
                    rows: Vec::new(),
                    judged_by: Vec::new(),
                    judged_by_rows: Vec::new(),
                    result: None,
                    volatile: None,
                    accepted,
                    decided: self.worker.ports.clock.now(),
                    reply: None,
                    origin: None,
                },
            };
            self.state.decide(&decision, self.batch);
            decisions.push(decision);
        }
        Ok(decisions)
    }

    async fn judge(&mut self, event: Event) -> Result<Decision, Halt> {
        let outcome = match &event.refused {
            Some(refusal) => Ok(refuse(refusal.clone())),
            None => self.plan(&event).await?,
        };
        let plan = outcome.unwrap_or_else(|error| Plan {
            verdict: Verdict::DeadLettered(DeadReason {
                code: "unplannable".into(),
                message: error.to_string(),
                store: None,
            }),
            documents: Vec::new(),
            rows: Vec::new(),
            result: None,
        });
        let decision = self.decision(event, plan);
        Ok(self.fitting(decision))
    }

    async fn plan(&mut self, event: &Event) -> Result<Result<Plan, PlanError>, Halt> {
        let transaction = &event.transaction;
        let name = &transaction.attributes.operation;
        let catalog = self.worker.catalogs.get(&transaction.attributes.catalog);
        let Some(operation) = catalog.as_ref().and_then(|catalog| catalog.operation(name)) else {
            return Ok(Err(PlanError::UnknownOperation(name.clone())));
        };
        if let Some(gone) = self.gone(event).await? {
            return Ok(Ok(gone));
        }
        let plan = match operation.plan(transaction, &self.state) {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(error)),
        };
        for change in &plan.documents {
            let DocumentKey {
                index,
                collection,
                incarnation,
                ..
            } = &change.key;
            let Some(collection) = self.collection(index, collection, incarnation).await? else {
                return Ok(Ok(no_collection(&format!("{index}/{collection}"))));
            };
            let Some((view, after)) = self.worker.ports.view.as_ref().zip(change.after.as_ref())
            else {
                continue;
            };
            if let Err(unmappable) = view.check(&collection, &change.key.id, after) {
                let refusal = Refusal {
                    code: RefusalCode::Unmappable,
                    message: unmappable.message,
                    pointer: Some(unmappable.pointer),
                };
                return Ok(Ok(refuse(refusal)));
            }
        }
        Ok(Ok(plan))
    }

    /// The refusal of an event whose collection was dropped or emptied since it was accepted:
    /// before anything is judged by what was in there.
    async fn gone(&mut self, event: &Event) -> Result<Option<Plan>, Halt> {
        for (name, incarnation) in &event.transaction.data.incarnations {
            let (Some((index, collection)), Some(incarnation)) =
                (name.split_once('/'), incarnation.as_str())
            else {
                continue;
            };
            if self
                .collection(index, collection, incarnation)
                .await?
                .is_none()
            {
                return Ok(Some(no_collection(name)));
            }
        }
        Ok(None)
    }

    fn decision(&self, event: Event, plan: Plan) -> Decision {
        let Needs {
            documents: judged_by,
            rows: judged_by_rows,
        } = self.judged_by(&event, &plan.verdict);
        let attributes = event.transaction.attributes;
        Decision {
            epoch: self.epoch,
            request: attributes.id,
            operation: attributes.operation,
            tenant: attributes.tenant,
            catalog: attributes.catalog,
            position: event.position,
            verdict: plan.verdict,
            documents: plan.documents,
            rows: plan.rows,
            judged_by,
            judged_by_rows,
            result: plan.result,
            volatile: event.transaction.data.volatile,
            accepted: event.accepted,
            decided: self.worker.ports.clock.now(),
            reply: event.transaction.data.reply,
            origin: event.transaction.data.origin,
        }
    }

    /// Whose state made it a refusal; nobody's, where it was refused for its idempotency key.
    fn judged_by(&self, event: &Event, verdict: &Verdict) -> Needs {
        let operation = &event.transaction.attributes;
        match verdict {
            Verdict::Refused(_) if event.refused.is_none() => {
                let catalog = self.worker.catalogs.get(&operation.catalog);
                let needs = catalog.as_ref().and_then(|known| {
                    known
                        .operation(&operation.operation)?
                        .needs(&event.transaction)
                        .ok()
                });
                needs.unwrap_or_default()
            }
            Verdict::Refused(_) | Verdict::Applied | Verdict::DeadLettered(_) => Needs::default(),
        }
    }

    /// A decision that would not fit into a record of `changes` is a refusal instead, judged by all
    /// that it would have changed: how large that was before counts, too.
    fn fitting(&self, mut decision: Decision) -> Decision {
        let bodies = decision
            .documents
            .iter()
            .flat_map(|change| [&change.before, &change.after])
            .flatten()
            .map(|body| body.get().len())
            .sum::<usize>();
        let cells = |row: &event_schema::mutation::RowMutation| {
            let maps = std::iter::once(&row.cells).chain(row.before.as_ref());
            maps.flat_map(|cells| cells.values())
                .map(|value| value.as_str().map_or(64, str::len))
                .sum::<usize>()
        };
        let rows = decision.rows.iter().map(cells).sum::<usize>();
        let others = decision
            .volatile
            .as_ref()
            .map_or(0, |volatile| volatile.get().len())
            + 512 * (decision.documents.len() + decision.rows.len());
        let limit = self.worker.ports.layout.record_limit(&CHANGES) - 4096;
        if bodies + rows + others > limit {
            let message = format!(
                "its decision would take {} bytes, more than the {limit} that a record may have",
                bodies + rows + others
            );
            decision.judged_by = decision
                .documents
                .iter()
                .map(|change| change.key.clone())
                .collect();
            decision.judged_by_rows = decision.rows.iter().map(|row| row.key.clone()).collect();
            let plan = refuse(Refusal {
                code: RefusalCode::TooLarge,
                message,
                pointer: None,
            });
            (
                decision.verdict,
                decision.documents,
                decision.rows,
                decision.result,
            ) = (plan.verdict, plan.documents, plan.rows, plan.result);
        }
        decision
    }
}

fn no_collection(name: &str) -> Plan {
    refuse(Refusal {
        code: RefusalCode::Missing,
        message: format!("there is no collection {name}"),
        pointer: None,
    })
}

fn refuse(refusal: Refusal) -> Plan {
    Plan {
        verdict: Verdict::Refused(refusal),
        documents: Vec::new(),
        rows: Vec::new(),
        result: None,
    }
}
