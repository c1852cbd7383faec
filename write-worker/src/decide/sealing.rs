//! Sealed values around planning: an event is opened before anything is read for it, and its plan is
//! sealed before it becomes a decision. Nothing that leaves here for the log is plain.

use super::{Decider, decision::refused_plan, inputs::Event};
use crate::record_retry::RecordPart;
use crate::tenure_end::TenureEnd;
use catalog::{Catalog, Needs, Operation, Plan, PlanError, Planned};
use event_schema::outcome::{Refusal, RefusalCode};
use parking_lot::Mutex;
use sealing::{
    SealedBoundary, SubjectAccess, SubjectErased, boundary::OpenedState, mask::mask_values,
};

/// What an event has to do with sealed values.
pub(super) struct OpenedEvent {
    subject: SubjectAccess,
    /// What was plain in its request and in the state that it was planned over, so that no message
    /// shows it.
    values: Mutex<Vec<String>>,
}

impl Decider {
    /// Opens an event's request for its subject, if its operation has to do with sealed values.
    pub(super) async fn open_sealed(&self, event: &mut Event) -> Result<(), TenureEnd> {
        let attributes = &event.transaction.attributes;
        let Some(catalog) = self.worker.catalogs.get(&attributes.catalog) else {
            return Ok(());
        };
        if !catalog.sealed().is_touched_by(&attributes.operation) || event.opened.is_some() {
            return Ok(());
        }
        let subject = self.subject_access(&attributes.key.0).await?;
        let boundary = self.sealed_boundary(&catalog).of(&subject);
        let request = &mut event.transaction.data.request;
        let values = boundary.open_request(&attributes.operation, request);
        let values = Mutex::new(values);
        event.opened = Some(OpenedEvent { subject, values });
        Ok(())
    }

    async fn subject_access(&self, subject: &str) -> Result<SubjectAccess, TenureEnd> {
        let keys = &self.worker.ports.sealing;
        let access = || keys.access(subject);
        self.worker
            .retry_until_answered(RecordPart::Contents, access)
            .await
    }

    /// Without a subject.
    pub(super) fn sealed_boundary<'a>(&'a self, catalog: &'a Catalog) -> SealedBoundary<'a> {
        SealedBoundary {
            marks: catalog.sealed(),
            secret: self.worker.ports.sealing.secret(),
            subject: None,
        }
    }

    fn boundary_of<'a>(
        &'a self,
        catalog: &'a Catalog,
        event: &'a Event,
    ) -> Option<SealedBoundary<'a>> {
        let opened = event.opened.as_ref()?;
        Some(self.sealed_boundary(catalog).of(&opened.subject))
    }

    /// What the event's plan asks for, by the names that stores have.
    pub(super) fn needs_of(
        &self,
        catalog: &Catalog,
        operation: &Operation,
        event: &Event,
    ) -> Result<Needs, PlanError> {
        let mut needs = operation.needs(&event.transaction)?;
        if let Some(boundary) = self.boundary_of(catalog, event) {
            boundary.store_keys(&mut needs);
        }
        Ok(needs)
    }

    /// Plans over the state, opened where the event is.
    pub(super) fn plan_opened(
        &self,
        catalog: &Catalog,
        operation: &Operation,
        event: &Event,
    ) -> Result<Planned, PlanError> {
        let (Some(boundary), Some(opened)) =
            (self.boundary_of(catalog, event), event.opened.as_ref())
        else {
            return operation.plan(&event.transaction, &self.state);
        };
        let state = OpenedState::new(&self.state, boundary);
        let planned = operation.plan(&event.transaction, &state);
        opened.values.lock().extend(state.into_values());
        let mut planned = planned?;
        if let Planned::Unread(needs) = &mut planned {
            boundary.store_keys(needs);
        }
        Ok(planned)
    }

    /// A message without what is plain only in this process's memory.
    pub(super) fn mask_message(&self, event: &Event, message: &mut String) {
        if let Some(opened) = &event.opened {
            mask_values(message, &opened.values.lock());
        }
    }

    /// Why planning panicked, as it may be told: a message may quote any part of a value.
    pub(super) fn panic_message<'p>(
        &self,
        event: &Event,
        panic: &'p (dyn std::any::Any + Send),
    ) -> &'p str {
        if event.opened.is_some() {
            return "a panic while sealed values were open, so its message is not kept";
        }
        let text = panic.downcast_ref::<&str>().copied();
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message")
    }

    /// The plan as it may be written down: its own subject's values, and those of its parts.
    pub(super) async fn seal_plan(
        &self,
        catalog: &Catalog,
        event: &Event,
        mut plan: Plan,
    ) -> Result<Plan, TenureEnd> {
        if let Some(boundary) = self.boundary_of(catalog, event)
            && let Some(opened) = &event.opened
            && let Err(erased) = boundary.seal_plan(&mut plan, &opened.values.lock())
        {
            return Ok(refused_plan(erased_refusal(erased)));
        }
        for part in &mut plan.parts {
            if !catalog.sealed().is_touched_by(&part.operation) {
                continue;
            }
            part.key = self.sealed_boundary(catalog).entity_key(part.key.clone());
            let subject = self.subject_access(&part.key.0).await?;
            let boundary = self.sealed_boundary(catalog).of(&subject);
            if let Err(erased) = boundary.seal_part(part) {
                return Ok(refused_plan(erased_refusal(erased)));
            }
        }
        Ok(plan)
    }
}

fn erased_refusal(erased: SubjectErased) -> Refusal {
    Refusal {
        code: RefusalCode::Rule,
        message: erased.to_string(),
        rule: Some("erased".to_owned()),
        pointer: None,
    }
}
