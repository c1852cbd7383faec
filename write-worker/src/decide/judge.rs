//! Plans in log order, each over what the ones before decided. The verdicts are made here and
//! nowhere else.

use super::{
    Decider,
    decision::{refused_plan, refusing_plan},
    inputs::{Event, Input},
    judge_held::queue_of,
    purge, repair,
};
use crate::tenure_end::TenureEnd;
use catalog::{Catalog, Needs, Plan, PlanError, Planned};
use event_schema::{
    decision::Decision,
    mutation::DocumentKey,
    outcome::{DeadReason, Refusal, RefusalCode, Verdict},
    position::Position,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Decider {
    /// `applied`: the last batch that the stores hold.
    pub(super) async fn judge_all(
        &mut self,
        inputs: &mut Vec<Input>,
        applied: u64,
    ) -> Result<Vec<Decision>, TenureEnd> {
        let mut decisions = Vec::with_capacity(inputs.len());
        for input in inputs.drain(..) {
            let decision = match input {
                Input::Event(event) if repair::is_repair(&event) => {
                    self.judge_repair(*event, &decisions).await?
                }
                Input::Event(event) if purge::is_purge(&event) => {
                    self.judge_purge(*event, applied).await?
                }
                Input::Event(event) => match self.judge_event(*event).await? {
                    Some(decision) => decision,
                    None => break,
                },
                Input::Damaged(damaged) => {
                    let reason = &damaged.reason;
                    if self
                        .is_flood(&damaged.position, &damaged.operation, reason)
                        .await
                    {
                        break;
                    }
                    self.hold_damaged(*damaged)
                }
                Input::Intent(intent) => self.judge_intent(*intent).await?,
                Input::Held(held) if self.queues.is_next(&held.key, &held.row) => {
                    self.judge_held(*held).await?
                }
                // Something before it in its queue died again.
                Input::Held(_) => continue,
            };
            self.state.decide(&decision, self.batch);
            decisions.push(decision);
        }
        Ok(decisions)
    }

    /// Nothing: the event would be one dead letter too many, and waits at its place.
    async fn judge_event(&mut self, mut event: Event) -> Result<Option<Decision>, TenureEnd> {
        if let Some(refusal) = event.refused.clone() {
            return Ok(Some(self.settle_event(event, refused_plan(refusal))));
        }
        if let Some(lock) = self.queues.parking(queue_of(&event)) {
            let behind = lock.behind.unwrap_or(event.transaction.attributes.id);
            return Ok(Some(self.park_event(event, behind)));
        }
        let dead = event.dead.take();
        let was_refused = dead.is_some();
        let plan = match dead {
            Some(reason) => Plan::of(Verdict::DeadLettered(reason)),
            None => self.plan_event(&event).await?,
        };
        // What a store refused was counted when it did.
        if let (Verdict::DeadLettered(reason), false) = (&plan.verdict, was_refused) {
            let operation = &event.transaction.attributes.operation;
            if self.is_flood(&event.position, operation, reason).await {
                return Ok(None);
            }
        }
        Ok(Some(self.settle_event(event, plan)))
    }

    /// Is this one dead letter too many?
    async fn is_flood(
        &mut self,
        position: &Position,
        operation: &str,
        reason: &DeadReason,
    ) -> bool {
        let flood = self.worker.admit_letter(position, operation, reason).await;
        self.flood = flood.map(Box::new);
        self.flood.is_some()
    }

    pub(super) async fn plan_event(&mut self, event: &Event) -> Result<Plan, TenureEnd> {
        let attributes = &event.transaction.attributes;
        let Some(catalog) = self.worker.catalogs.get(&attributes.catalog) else {
            let why = format!("the catalog {} is not known", attributes.catalog);
            return Err(TenureEnd::Reclaim(why));
        };
        if let Some(refused) = self.refuse_unconfirmed(event).await? {
            return Ok(refused);
        }
        if let Some(plan) = self.without_collection(event).await? {
            return Ok(plan);
        }
        loop {
            match self.plan_guarded(&catalog, event) {
                Ok(Planned::Plan(plan)) => {
                    let plan = self.seal_plan(&catalog, event, *plan).await?;
                    let plan = self.check_mapping(plan).await?;
                    return self.take_values(event, plan).await;
                }
                Ok(Planned::Unread(needs)) => self.read_needed(&needs).await?,
                Err(reason) => return Ok(Plan::of(Verdict::DeadLettered(reason))),
            }
        }
    }

    /// Planning is pure: a panic in it leaves nothing half done, and would come again with the same
    /// event. So the event is dead, and the partition goes on.
    fn plan_guarded(&self, catalog: &Catalog, event: &Event) -> Result<Planned, DeadReason> {
        let name = &event.transaction.attributes.operation;
        let planned = catch_unwind(AssertUnwindSafe(|| match catalog.operation(name) {
            Some(operation) => self.plan_opened(catalog, operation, event),
            None => Err(PlanError::UnknownOperation(name.clone())),
        }));
        match planned {
            Ok(Ok(plan)) => Ok(plan),
            Ok(Err(error)) => {
                let mut message = error.to_string();
                self.mask_message(event, &mut message);
                Err(DeadReason {
                    code: "unplannable".into(),
                    message,
                    store: None,
                })
            }
            Err(panic) => {
                let why = self.panic_message(event, panic.as_ref());
                tracing::error!(position = %event.position, operation = name, why, "ALARM: planning panicked: dead letter");
                self.worker.metrics.alarm();
                Err(DeadReason {
                    code: "planner_failed".into(),
                    message: format!("planning failed: {why}"),
                    store: None,
                })
            }
        }
    }

    /// What the view's mapping would not take is refused, as far as can be known.
    async fn check_mapping(&mut self, plan: Plan) -> Result<Plan, TenureEnd> {
        for change in &plan.documents {
            let DocumentKey {
                index,
                collection,
                incarnation,
                ..
            } = &change.key;
            let found = self.worker.read_collection(index, collection, incarnation);
            let Some(collection) = found.await? else {
                let missing = no_collection(&format!("{index}/{collection}"));
                return Ok(judged_by(missing, plan.read));
            };
            let Some((view, after)) = self.worker.ports.view.as_ref().zip(change.after.as_ref())
            else {
                continue;
            };
            if let Err(unmappable) = view.check(&collection, &change.key.id, after) {
                let refusal = refused_plan(Refusal {
                    code: RefusalCode::Unmappable,
                    message: unmappable.message,
                    rule: None,
                    pointer: Some(unmappable.pointer),
                });
                return Ok(judged_by(refusal, plan.read));
            }
        }
        Ok(plan)
    }

    /// The refusal of an event whose collection was dropped or emptied since it was accepted: before
    /// anything is judged by what was in there.
    async fn without_collection(&mut self, event: &Event) -> Result<Option<Plan>, TenureEnd> {
        for (name, incarnation) in &event.transaction.data.incarnations {
            let (Some((index, collection)), Some(incarnation)) =
                (name.split_once('/'), incarnation.as_str())
            else {
                continue;
            };
            let found = self.worker.read_collection(index, collection, incarnation);
            if found.await?.is_none() {
                return Ok(Some(no_collection(name)));
            }
        }
        Ok(None)
    }
}

fn judged_by(refusal: Plan, read: Needs) -> Plan {
    Plan { read, ..refusal }
}

fn no_collection(name: &str) -> Plan {
    refusing_plan(
        RefusalCode::Missing,
        format!("there is no collection {name}"),
    )
}
