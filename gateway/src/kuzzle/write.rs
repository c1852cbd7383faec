//! Writes of this family go the way of all writes and wait until they are applied. Here is how an
//! action becomes a bare request of the catalog, and what its outcomes are told as.

use super::{Fault, KuzzleCall, Reply, fault::Id};
use crate::{
    access::Caller,
    answer::{Furthest, taken_answer},
    app::App,
    error::{Code, Problem},
    request::{RawRequest, headers::Options},
    write::{Prepared, Submitted, feedback::Outcome},
};
use event_schema::{
    envelope::Origin,
    outcome::{RefusalCode, Verdict},
};
use json_text::{JsonObjectWriter, ScannedJson};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use store::Collection;

/// What became of one document's write.
#[derive(Debug, Deserialize)]
pub(super) struct WrittenDocument {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(rename = "_version", default)]
    pub version: u64,
    #[serde(default)]
    pub created: bool,
}

/// All that became of one request's writes, in its order.
pub(super) struct Done {
    pub items: Vec<Result<WrittenDocument, Fault>>,
    /// Of all of them that are in the log.
    pub token: Option<String>,
}

impl Done {
    /// Of a request of one document.
    pub(super) fn one(self) -> Result<(WrittenDocument, Option<String>), Fault> {
        let Self { items, token } = self;
        match items.into_iter().next() {
            Some(item) => item.map(|written| (written, token)),
            None => Err(Fault::new(Id::Unexpected, "a request has no outcome")),
        }
    }
}

/// A member's value in a bare request.
#[derive(Clone, Copy)]
pub(super) enum BareValue<'a> {
    Text(&'a str),
    Json(&'a RawValue),
    /// A body in which, but for `_kuzzle_info`, all names are plain: the scan that it came through
    /// has said so.
    PlainBody(&'a RawValue),
}

impl<'a> BareValue<'a> {
    /// What is no text.
    pub(super) fn raw(self) -> Option<&'a RawValue> {
        match self {
            Self::Text(_) => None,
            Self::Json(raw) | Self::PlainBody(raw) => Some(raw),
        }
    }

    fn size(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(raw) | Self::PlainBody(raw) => raw.get().len(),
        }
    }

    fn push_to(self, name: &str, object: &mut JsonObjectWriter) {
        match self {
            Self::Text(text) => object.push_value(name, &text.into()),
            Self::Json(raw) => object.push(name, raw.into()),
            Self::PlainBody(raw) => object.push_plain(name, raw.into()),
        }
    }
}

/// The bare request of an operation on the call's collection. Nothing in it is read again.
pub(super) fn bare_request(
    call: KuzzleCall<'_>,
    members: &[(&str, BareValue<'_>)],
) -> Result<ScannedJson, Fault> {
    let (index, collection) = (call.request.index()?, call.request.collection()?);
    let size: usize = members.iter().map(|(_, value)| value.size()).sum();
    let mut object = JsonObjectWriter::with_capacity(size + 512);
    object.push_value("index", &index.into());
    object.push_value("collection", &collection.into());
    for (name, value) in members {
        value.push_to(name, &mut object);
    }
    if let Some(volatile) = &call.request.volatile {
        object.push("volatile", (&**volatile).into());
    }
    Ok(object.finish())
}

/// Does the request hand more over after this?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    EndTurn,
    GoOn,
}

/// An operation whose events are handed over.
pub(super) struct Begun<'a> {
    call: KuzzleCall<'a>,
    operation: &'a str,
    json: ScannedJson,
    silent: bool,
    collection: Arc<Collection>,
    submitted: Submitted,
}

/// Carries an operation out and waits. `silent`: nobody is told of it.
pub(super) async fn run_operation(
    call: KuzzleCall<'_>,
    operation: &str,
    json: ScannedJson,
    silent: bool,
    then: Then,
) -> Result<Done, Fault> {
    let begun = begin_operation(call, operation, json, silent).await?;
    if then == Then::EndTurn {
        call.request.turn.end();
    }
    begun.done().await
}

/// Hands an operation over, in the turn of the request.
pub(super) async fn begin_operation<'a>(
    call: KuzzleCall<'a>,
    operation: &'a str,
    json: ScannedJson,
    silent: bool,
) -> Result<Begun<'a>, Fault> {
    let collection = super::place::request_collection(call).await?;
    let wait = call.app.config.kuzzle_wait();
    let prepared = prepare_write(call, operation, json.clone(), silent, wait).await?;
    Ok(Begun {
        call,
        operation,
        json,
        silent,
        collection,
        submitted: call
            .app
            .writes
            .hand_over(prepared, &call.request.turn)
            .await,
    })
}

impl Begun<'_> {
    /// Waits until it is applied.
    pub(super) async fn done(self) -> Result<Done, Fault> {
        let (call, collection, name) = (self.call, self.collection, self.submitted.name());
        let writes = &call.app.writes;
        let mut outcomes = writes.complete(self.submitted).await.outcomes;
        if let Some(first) = name
            && is_outdated(call, &collection, &outcomes).await?
        {
            // Made for a collection that is gone by now, and refused for that: nothing was written.
            let wait = call.app.config.kuzzle_wait();
            let again = prepare_write(call, self.operation, self.json, self.silent, wait).await?;
            let again = writes
                .hand_over_again(again, &call.request.turn, first)
                .ok_or_else(|| overtaken_fault(&collection))?;
            outcomes = writes.complete(again).await.outcomes;
        }
        Ok(Done {
            token: outcomes_token(call.app, &call.request.caller, &outcomes),
            items: outcomes
                .iter()
                .map(|one| written_item(call, one, &collection))
                .collect(),
        })
    }
}

/// What a later write of the connection stands behind cannot be written once more.
fn overtaken_fault(collection: &Collection) -> Fault {
    let message = "the collection was dropped or emptied before the write was applied; a later \
                   write of this connection stands, so it was not repeated";
    Fault::new(Id::UnknownCollection, message).props([&collection.index, &collection.collection])
}

/// An operation that nobody can wait for.
pub(super) async fn submit_unawaited(
    call: KuzzleCall<'_>,
    operation: &str,
    json: ScannedJson,
) -> Result<(), Fault> {
    let prepared = prepare_write(call, operation, json, false, Duration::ZERO).await?;
    let writes = &call.app.writes;
    let submitted = writes.hand_over(prepared, &call.request.turn).await;
    call.request.turn.end();
    for outcome in writes.complete(submitted).await.outcomes {
        taken_answer(call.app, &call.request.caller, &outcome)?;
    }
    Ok(())
}

async fn prepare_write(
    call: KuzzleCall<'_>,
    operation: &str,
    json: ScannedJson,
    silent: bool,
    wait: Duration,
) -> Result<Prepared, Fault> {
    let (app, request) = (call.app, call.request);
    let origin = Origin {
        request: request.request_id.clone(),
        protocol: request.transport.name().to_owned(),
        controller: request.controller.clone(),
        action: request.action.clone(),
        silent,
    };
    let options = Options {
        wait: Some(wait),
        refresh: request.refreshes() && !wait.is_zero(),
        if_match: None,
        idempotency_key: None,
        traceparent: request.traceparent.clone(),
        origin: Some(origin),
    };
    let operation = app.writes.operation(operation)?;
    let raw = RawRequest::made(json, options, request.caller.clone());
    app.writes
        .prepare(&operation, raw)
        .await
        .map_err(|problem| named_fault(call, problem))
}

/// Was every write refused because its collection has another incarnation by now?
async fn is_outdated(
    call: KuzzleCall<'_>,
    collection: &Collection,
    outcomes: &[Outcome],
) -> Result<bool, Fault> {
    let missing = |outcome: &Outcome| {
        let Outcome::Decided(_, entry) = outcome else {
            return false;
        };
        matches!(&entry.verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Missing)
    };
    if !outcomes.iter().all(missing) {
        return Ok(false);
    }
    let now = call
        .app
        .collections
        .renew(&collection.index, &collection.collection)
        .await?;
    Ok(now.is_none_or(|now| now.incarnation != collection.incarnation))
}

fn written_item(
    call: KuzzleCall<'_>,
    outcome: &Outcome,
    collection: &Arc<Collection>,
) -> Result<WrittenDocument, Fault> {
    let taken = taken_answer(call.app, &call.request.caller, outcome).map_err(|problem| {
        strict_fault(named_fault(call, problem.clone()), &problem, collection)
    })?;
    match taken
        .result
        .map(|result| serde_json::from_str(result.get()))
    {
        Some(Ok(written)) => Ok(written),
        None if taken.status == "accepted" => {
            let so_far = match taken.confirmed {
                None => "is accepted and not applied yet",
                Some(_) => {
                    "is accepted while its caller could not be looked at, which is done before it \
                     is applied"
                }
            };
            let message = format!(
                "the request {} {so_far}: ask for it, or read with its token as `after`",
                taken.request_id
            );
            Err(Fault::new(Id::NotApplied, message)
                .props([&taken.request_id.to_string()])
                .about(Some(taken.request_id), Some(taken.token)))
        }
        Some(Err(_)) | None => Err(Fault::new(
            Id::Unexpected,
            "the outcome of a write cannot be read",
        )),
    }
}

/// What the document lacks or has too much, by the names of this family.
fn named_fault(call: KuzzleCall<'_>, problem: Problem) -> Fault {
    let missing = problem.code() == Code::Missing;
    let fault = Fault::from(problem);
    match (&call.request.id, missing) {
        (Some(id), true) => {
            let (index, collection) = (
                call.request.index.as_deref().unwrap_or_default(),
                call.request.collection.as_deref().unwrap_or_default(),
            );
            fault
                .said(format!(
                    "there is no document \"{id}\" in \"{index}\":\"{collection}\""
                ))
                .props([id, index, collection])
        }
        _ => fault,
    }
}

/// A field that a strict mapping does not have has an id of its own.
fn strict_fault(fault: Fault, problem: &Problem, collection: &Collection) -> Fault {
    let mappings = collection.mappings.as_ref();
    let is_strict = mappings
        .and_then(|mappings| mappings.get("dynamic"))
        .is_some_and(|dynamic| dynamic == "strict");
    let field = problem
        .pointer()
        .and_then(|pointer| pointer.strip_prefix('/'))
        .and_then(|pointer| pointer.split('/').next());
    let known = |field: &str| {
        mappings
            .and_then(|mappings| mappings.pointer(&format!("/properties/{field}")))
            .is_some()
    };
    match field {
        Some(field) if problem.code() == Code::Unmappable && is_strict && !known(field) => {
            fault.renamed(Id::StrictMapping)
        }
        Some(_) | None => fault,
    }
}

/// One token for all that is in the log.
fn outcomes_token(app: &App, caller: &Caller, outcomes: &[Outcome]) -> Option<String> {
    let published: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Accepted(published) | Outcome::Decided(published, _) => Some(published),
            Outcome::Failed(_) => None,
        })
        .collect();
    match published.as_slice() {
        [] => None,
        [one] => Some(app.token_of(caller, one)),
        many => {
            let mut furthest = Furthest::default();
            many.iter().for_each(|one| furthest.take(one));
            Some(furthest.token(app, caller))
        }
    }
}

/// The answer to a write of one document.
pub(super) fn write_reply<T: serde::Serialize>(result: &T, token: Option<String>) -> Reply {
    Reply::of(result).token(token)
}
