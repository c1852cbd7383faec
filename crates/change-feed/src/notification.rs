//! One document's change, or a message, as subscribers are notified of it: the notice, and the
//! documents by which it is matched. Pure.

use crate::fields;
use event_schema::{
    Raw,
    decision::{Decision, Void},
    envelope::Informative,
    id::RequestId,
    mutation::{DocumentAction, DocumentChange},
    notification::{Event, Notice, State},
    position::Position,
};
use serde::Deserialize;
use serde_json::Value;

/// What subscribers are notified of, and by what it is matched. The state is that of the first time.
#[derive(Debug)]
pub struct Notification {
    pub notice: Notice,
    pub before: Option<Raw>,
    pub after: Option<Raw>,
}

/// What a decision notifies of while it is pending; done, it is the same with the other state.
pub fn of_decision(decision: &Decision) -> Vec<Notification> {
    let source = RecordSource {
        position: decision.position,
        timestamp: decision.decided,
        request: decision.request,
    };
    let of = |change| {
        let mut notification = of_document(change, source)?;
        notification.notice.origin.clone_from(&decision.origin);
        notification.notice.volatile.clone_from(&decision.volatile);
        notification
            .notice
            .traceparent
            .clone_from(&decision.traceparent);
        Some(notification)
    };
    decision.documents.iter().filter_map(of).collect()
}

/// The reverse change.
pub fn of_void(void: &Void) -> Vec<Notification> {
    let source = RecordSource {
        position: void.position,
        timestamp: void.time,
        request: void.request,
    };
    let changes = void.documents.iter();
    changes
        .filter_map(|change| of_document(change, source))
        .collect()
}

/// What all documents of a record share.
#[derive(Clone, Copy)]
struct RecordSource {
    position: Position,
    timestamp: i64,
    request: RequestId,
}

fn of_document(change: &DocumentChange, source: RecordSource) -> Option<Notification> {
    let (event, action) = match (&change.before, &change.after, change.action) {
        (None, None, _) => return None,
        (Some(_), None, _) => (Event::Delete, "delete"),
        (None, Some(_), _) => (Event::Write, "create"),
        (Some(_), Some(_), DocumentAction::Merge) => (Event::Write, "update"),
        (Some(_), Some(_), DocumentAction::Put | DocumentAction::Remove) => {
            (Event::Write, "replace")
        }
    };
    let updated_fields = match (&change.before, &change.after) {
        (Some(before), Some(after)) if action == "update" => Some(differing_fields(before, after)),
        _ => None,
    };
    let notice = Notice {
        event,
        action: action.to_owned(),
        state: State::Pending,
        index: change.key.index.clone(),
        collection: change.key.collection.clone(),
        id: Some(change.key.id.clone()),
        version: Some(change.revision),
        source: change.after.clone().or_else(|| change.before.clone()),
        updated_fields,
        request: source.request,
        origin: None,
        volatile: None,
        timestamp: source.timestamp,
        traceparent: None,
        write: Some(source.position),
    };
    Some(Notification {
        notice,
        before: change.before.clone(),
        after: change.after.clone(),
    })
}

fn differing_fields(before: &Raw, after: &Raw) -> Vec<String> {
    let parse = |document: &Raw| serde_json::from_str::<Value>(document.get()).unwrap_or_default();
    fields::changed_fields(&parse(before), &parse(after))
}

/// The request of an informative event.
#[derive(Deserialize)]
struct Message {
    index: String,
    collection: String,
    #[serde(rename = "_id", default)]
    id: Option<String>,
    body: Raw,
}

/// A message; `accepted`: when the log took it. None for an informative event that is no message to
/// a collection.
pub fn of_message(event: Informative, accepted: i64) -> Option<Notification> {
    if event
        .data
        .origin
        .as_ref()
        .is_some_and(|origin| origin.silent)
    {
        return None;
    }
    let message: Message = serde_json::from_str(event.data.request.get()).ok()?;
    let notice = Notice {
        event: Event::Publish,
        action: "publish".to_owned(),
        state: State::Done,
        index: message.index,
        collection: message.collection,
        id: message.id,
        version: None,
        source: Some(message.body.clone()),
        updated_fields: None,
        request: event.attributes.id,
        origin: event.data.origin,
        volatile: event.data.volatile,
        timestamp: accepted,
        traceparent: event.attributes.traceparent,
        write: None,
    };
    Some(Notification {
        notice,
        before: None,
        after: Some(message.body),
    })
}

impl Notification {
    /// Bytes it holds, roughly.
    pub fn size(&self) -> usize {
        let of =
            |document: &Option<Raw>| document.as_ref().map_or(0, |document| document.get().len());
        of(&self.before) + of(&self.after) + 512
    }
}

#[cfg(test)]
mod tests;
