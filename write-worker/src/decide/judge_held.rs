//! Verdicts about what is held: an event that is parked behind a dead letter, one that dies, and
//! those that come out of their queue. Each moves the queue of its key by the rows of its own
//! decision.

use super::{
    Decider,
    decision::refusing_plan,
    held::HeldInput,
    inputs::{Damaged, Event},
    intent::Intent,
};
use crate::{decode, tenure_end::TenureEnd};
use catalog::{Order, Plan};
use change_feed::HeldRow;
use event_schema::{
    decision::{Decision, OriginalRecord},
    held::{FailedAttempt, HeldEvent, HeldKind, HeldMode, undecodable_key},
    id::{EntityKey, RequestId},
    outcome::{DeadReason, Parked, RefusalCode, Verdict},
    purge::PURGE,
    repair::REPAIR,
    replay::Replay,
    topics::TRANSACTIONS,
};

impl Decider {
    /// Does the operation let later events of its key overtake a dead one?
    pub(super) fn is_relaxed(&self, catalog: &str, operation: &str) -> bool {
        if operation == REPAIR || operation == PURGE {
            return true;
        }
        let catalog = self.worker.catalogs.get(catalog);
        let operation = catalog
            .as_ref()
            .and_then(|known| known.operation(operation));
        operation.is_some_and(|operation| operation.order() == Order::Relaxed)
    }

    /// The event waits behind what is dead before it.
    pub(super) fn park_event(&mut self, event: Event, behind: RequestId) -> Decision {
        let held = self.held_event_of(&event);
        let original = OriginalRecord::of(&decode::record_parts(&event.record));
        let mut decision = self.make_decision(event, Plan::of(Verdict::Parked(Parked { behind })));
        decision.volatile = None;
        let park = |step: change_feed::HoldingStep<'_>| step.park(held, &original);
        decision.rows = self.queues.step(&decision.key, self.batch, park);
        decision
    }

    /// An event of no queue has its verdict: a dead one is held, an applied one may overtake others.
    pub(super) fn settle_event(&mut self, event: Event, plan: Plan) -> Decision {
        let Verdict::DeadLettered(reason) = &plan.verdict else {
            let decision = self.make_decision(event, plan);
            return self.overtaking(self.fit_decision(decision, 0));
        };
        let failed = self.failed_attempt(reason.clone(), None);
        let held = self.held_event_of(&event);
        let original = OriginalRecord::of(&decode::record_parts(&event.record));
        let mut decision = self.make_decision(event, plan);
        let mode = held_mode(decision.relaxed);
        let hold = |step: change_feed::HoldingStep<'_>| step.hold(mode, held, failed, &original);
        decision.rows = self.queues.step(&decision.key, self.batch, hold);
        decision
    }

    /// What is applied overtakes dead letters of its key that do not lock it.
    fn overtaking(&mut self, mut decision: Decision) -> Decision {
        if decision.verdict == Verdict::Applied && self.queues.lock(&decision.key).is_some() {
            let position = decision.position;
            let rows = self.queues.step(&decision.key, self.batch, |step| {
                step.overtake(&position).into_iter().collect()
            });
            decision.rows.extend(rows);
        }
        decision
    }

    /// A record that no one can decode is held for a person, and locks nothing.
    pub(super) fn hold_damaged(&mut self, damaged: Damaged) -> Decision {
        let layout = &self.worker.ports.layout;
        let key = undecodable_key(self.partition, layout.partitions(&TRANSACTIONS));
        let held = HeldEvent {
            request: damaged.request,
            operation: damaged.operation.clone(),
            tenant: String::new(),
            catalog: self.worker.ports.catalog.version().to_owned(),
            position: damaged.position,
            kind: HeldKind::Parked,
            attempts: 0,
            history: Vec::new(),
            accepted: damaged.accepted,
            since: self.now(),
            prev: None,
        };
        let verdict = Verdict::DeadLettered(damaged.reason.clone());
        let mut decision = self.decision_of_held(&held, &key, Plan::of(verdict));
        decision.relaxed = true;
        let failed = self.failed_attempt(damaged.reason, None);
        let hold = |step: change_feed::HoldingStep<'_>| {
            step.hold(HeldMode::Open, held, failed, &damaged.original)
        };
        decision.rows = self.queues.step(&key, self.batch, hold);
        decision
    }

    /// An intent is refused, or it is done: then the decision is that of what it is about.
    pub(super) async fn judge_intent(&mut self, intent: Intent) -> Result<Decision, TenureEnd> {
        let objection = self.intent_objection(&intent);
        match (objection, intent) {
            (
                None,
                Intent {
                    held: Some(held), ..
                },
            ) => self.judge_held(held).await,
            (objection, Intent { event, .. }) => {
                let gone =
                    || refusing_plan(RefusalCode::Superseded, "nothing is held there".to_owned());
                let mut decision = self.make_decision(event, objection.unwrap_or_else(gone));
                decision.relaxed = true;
                Ok(decision)
            }
        }
    }

    /// Decides an event that comes out of its queue, at its own position.
    pub(super) async fn judge_held(&mut self, input: HeldInput) -> Result<Decision, TenureEnd> {
        let HeldInput {
            key,
            row,
            replaces,
            event,
            by,
            dead,
            discarded,
        } = input;
        let plan = match (&event, dead) {
            _ if discarded => refusing_plan(RefusalCode::Discarded, discarded_by(by.as_ref())),
            (_, Some(reason)) => Plan::of(Verdict::DeadLettered(reason)),
            (Ok(event), None) => self.plan_event(event).await?,
            (Err(reason), None) => Plan::of(Verdict::DeadLettered(reason.clone())),
        };
        let decision = match event {
            Ok(event) => self.make_decision(*event, plan),
            Err(_) => {
                let mut decision = self.decision_of_held(&row.held, &key, plan);
                decision.relaxed = self.is_relaxed(&row.held.catalog, &row.held.operation);
                decision
            }
        };
        let mut decision = self.fit_decision(decision, held_size(&row));
        decision.key = key;
        decision.replaces = Some(replaces);
        decision.by = by;
        if discarded {
            (decision.judged_by, decision.judged_by_rows) = Default::default();
        }
        Ok(self.leave_queue(decision, &row))
    }

    /// Takes a decided event out of its queue, or leaves it there as dead: as it was accepted,
    /// whatever a person put in its place for one replay.
    fn leave_queue(&mut self, mut decision: Decision, row: &HeldRow) -> Decision {
        let (key, batch) = (decision.key.clone(), self.batch);
        let Verdict::DeadLettered(reason) = &decision.verdict else {
            let rows = self.queues.step(&key, batch, |step| step.release(row));
            decision.rows.extend(rows);
            return self.overtaking(decision);
        };
        let by = decision.by.as_ref().map(|by| by.request);
        let (failed, mode) = (
            self.failed_attempt(reason.clone(), by),
            held_mode(decision.relaxed),
        );
        let fail = |step: change_feed::HoldingStep<'_>| step.fail(row, mode, failed);
        decision.rows = self.queues.step(&key, batch, fail);
        decision
    }

    fn failed_attempt(&self, reason: DeadReason, replay: Option<RequestId>) -> FailedAttempt {
        FailedAttempt {
            time: self.now(),
            reason,
            replay,
        }
    }

    fn held_event_of(&self, event: &Event) -> HeldEvent {
        let attributes = &event.transaction.attributes;
        HeldEvent {
            request: attributes.id,
            operation: attributes.operation.clone(),
            tenant: attributes.tenant.clone(),
            catalog: attributes.catalog.clone(),
            position: event.position,
            kind: HeldKind::Parked,
            attempts: 0,
            history: Vec::new(),
            accepted: event.accepted,
            since: self.now(),
            prev: None,
        }
    }

    fn now(&self) -> i64 {
        self.worker.ports.clock.now()
    }
}

fn held_mode(relaxed: bool) -> HeldMode {
    if relaxed {
        HeldMode::Open
    } else {
        HeldMode::Strict
    }
}

/// Bytes that the reverse change of a held event takes.
pub(super) fn held_size(row: &HeldRow) -> usize {
    let cells = row.cells.values().filter_map(serde_json::Value::as_str);
    cells.map(|text| text.len() + text.len() / 8).sum::<usize>() + 4096
}

fn discarded_by(by: Option<&Replay>) -> String {
    let reason = by.and_then(|by| by.reason.as_deref());
    let principal = by.map_or("a person", |by| by.principal.as_str());
    match reason {
        Some(reason) => format!("given up by {principal}: {reason}"),
        None => format!("given up by {principal}"),
    }
}

/// The key of an event as its queue knows it.
pub(super) fn queue_of(event: &Event) -> &EntityKey {
    &event.transaction.attributes.key
}
