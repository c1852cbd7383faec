//! Events that this service makes of what was uploaded: named by what they derive from, so that
//! whoever makes them again makes the same ones.

use super::{
    Published, WritePath,
    publish::{
        Sent,
        event::{Context, Event},
    },
    submit::admit_write,
    validate::AskedBy,
};
use crate::{
    access::{Caller, right},
    error::{Code, Problem},
};
use catalog::{Operation, Upload};
use event_schema::envelope::Claim;
use json_text::ScannedJson;
use rights::ActionPlace;
use runtime::Backoff;
use std::{sync::Arc, time::Duration};

/// A bare request of an operation, internal ones included.
#[derive(Clone, Copy)]
pub(crate) struct DerivedRequest<'a> {
    pub operation: &'a str,
    pub json: &'a ScannedJson,
    pub unique: [u8; 16],
    pub caller: &'a Caller,
    pub traceparent: &'a str,
    /// What it must be the first to claim.
    pub claim: Option<&'a Claim>,
}

/// Times that a full queue is tried.
const PATIENCE: u32 = 200;

impl WritePath {
    /// Stages 1 to 3 for it, up to the hand-over.
    pub(crate) async fn prepare_derived(
        &self,
        request: DerivedRequest<'_>,
    ) -> Result<Event, Problem> {
        let operation = self.any_operation(request.operation)?;
        // What only the service asks for was let in with what it belongs to.
        let may = |touched: &[(String, String)]| {
            if operation.internal() {
                Ok(())
            } else {
                admit_write(request.caller, &operation, touched)
            }
        };
        let by = AskedBy {
            caller: request.caller,
            may: &may,
            is_repeatable: true,
        };
        let item = self
            .validator
            .line(&operation, request.json, request.unique, by)
            .await?;
        if !operation.internal() {
            self.full_keys.check(item.key())?;
        }
        let context = Context {
            caller: request.caller,
            right: right::of_operation(operation.name()),
            traceparent: request.traceparent,
            claim: request.claim.cloned(),
            replies: false,
            origin: None,
            is_derived: true,
        };
        Ok(self.builder.build(operation.kind(), item, &context))
    }

    /// Likewise, and waits until the log has it.
    pub(crate) async fn publish_derived(
        &self,
        request: DerivedRequest<'_>,
    ) -> Result<Published, Problem> {
        let event = self.prepare_derived(request).await?;
        self.send_event(event).await?.published().await
    }

    /// Waits for room in the queue to the log.
    pub(crate) async fn send_event(&self, mut event: Event) -> Result<Sent, Problem> {
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(200));
        loop {
            let (problem, back) = match self.publisher.send(event) {
                Ok(sent) => return Ok(sent),
                Err(failed) => *failed,
            };
            match back {
                Some(back) if backoff.attempts() < PATIENCE => event = back,
                Some(_) | None => return Err(problem),
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// May the caller begin the upload, and ask for what its lines may stand for? Where each line
    /// writes is looked at when it is carried out.
    pub(crate) fn admit_upload(
        &self,
        operation: &Operation,
        upload: &Upload,
        caller: &Caller,
    ) -> Result<(), Problem> {
        admit_write(caller, operation, &[])?;
        let line = self.any_operation(&upload.line)?;
        for asked in line.outline().parts {
            caller.check(right::of_operation(asked), ActionPlace::Nowhere)?;
        }
        Ok(())
    }

    /// An operation, whoever may ask for it.
    pub(crate) fn any_operation(&self, name: &str) -> Result<Arc<Operation>, Problem> {
        self.catalog
            .current()
            .shared_operation(name)
            .ok_or_else(|| {
                Problem::new(
                    Code::Internal,
                    format!("the catalog has no operation `{name}`"),
                )
            })
    }
}
