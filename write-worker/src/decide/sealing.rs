//! Sealed values around planning: an event is opened before anything is read for it, and its plan is
//! sealed before it becomes a decision. Nothing that leaves here for the log is plain.

use super::{Decider, decision::refused, inputs::Event};
use crate::tenure_end::TenureEnd;
use catalog::{Catalog, Needs, Operation, Plan, PlanError, Planned};
use event_schema::outcome::{Refusal, RefusalCode};
use sealing::{
    SealedBoundary, SubjectErased, SubjectKey, boundary::OpenedState, mask::mask_values,
};
use std::sync::Arc;

/// What an event has to do with sealed values.
pub(super) struct OpenedEvent {
    /// `None`: the subject was erased.
    key: Option<Arc<SubjectKey>>,
    /// What was plain in its request, so that no message shows it.
    values: Vec<String>,
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
        let key = self.subject_key(&attributes.key.0).await?;
        let boundary = self.boundary(&catalog, &attributes.key.0, key.as_deref());
        let request = &mut event.transaction.data.request;
        let values = boundary.open_request(&attributes.operation, request);
        event.opened = Some(OpenedEvent { key, values });
        Ok(())
    }

    async fn subject_key(&self, subject: &str) -> Result<Option<Arc<SubjectKey>>, TenureEnd> {
        let keys = &self.worker.ports.sealing;
        let ensure = || keys.ensure(subject);
        self.worker.retry_until_answered("record", ensure).await
    }

    /// For the subject of this entity key.
    fn boundary<'a>(
        &'a self,
        catalog: &'a Catalog,
        subject: &str,
        key: Option<&'a SubjectKey>,
    ) -> SealedBoundary<'a> {
        SealedBoundary {
            marks: catalog.sealed(),
            secret: self.worker.ports.sealing.secret(),
            subject: Some(self.worker.ports.sealing.id(subject)),
            key,
        }
    }

    fn boundary_of<'a>(
        &'a self,
        catalog: &'a Catalog,
        event: &'a Event,
    ) -> Option<SealedBoundary<'a>> {
        let opened = event.opened.as_ref()?;
        let subject = &event.transaction.attributes.key.0;
        Some(self.boundary(catalog, subject, opened.key.as_deref()))
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
        let Some(boundary) = self.boundary_of(catalog, event) else {
            return operation.plan(&event.transaction, &self.state);
        };
        let state = OpenedState {
            state: &self.state,
            boundary,
        };
        let mut planned = operation.plan(&event.transaction, &state)?;
        if let Planned::Unread(needs) = &mut planned {
            boundary.store_keys(needs);
        }
        Ok(planned)
    }

    /// A message without what is plain only in this process's memory.
    pub(super) fn mask_message(&self, event: &Event, message: &mut String) {
        if let Some(opened) = &event.opened {
            mask_values(message, &opened.values);
        }
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
            && let Err(erased) = boundary.seal_plan(&mut plan, &opened.values)
        {
            return Ok(refused(refusal(erased)));
        }
        for part in &mut plan.parts {
            if !catalog.sealed().is_touched_by(&part.operation) {
                continue;
            }
            let named = self.boundary(catalog, &part.key.0, None);
            part.key = named.entity_key(part.key.clone());
            let key = self.subject_key(&part.key.0).await?;
            let boundary = self.boundary(catalog, &part.key.0, key.as_deref());
            if let Err(erased) = boundary.seal_request(part) {
                return Ok(refused(refusal(erased)));
            }
        }
        Ok(plan)
    }
}

fn refusal(erased: SubjectErased) -> Refusal {
    Refusal {
        code: RefusalCode::Rule,
        message: erased.to_string(),
        rule: Some("erased".to_owned()),
        pointer: None,
    }
}
