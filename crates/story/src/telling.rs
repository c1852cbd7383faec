//! One document's change, or a message, as it will be told: the notice, and the documents that say
//! who must hear of it. Pure.

use crate::fields;
use event_schema::{
    Raw,
    decision::{Decision, Void},
    envelope::Informative,
    mutation::DocumentChange,
    notification::{Event, Notice, State},
    position::Position,
};
use serde::Deserialize;
use serde_json::Value;

/// What is told, and by what it is matched. The state is that of the first time it is told.
#[derive(Debug)]
pub struct Telling {
    pub notice: Notice,
    pub before: Option<Raw>,
    pub after: Option<Raw>,
}

/// The operations after which nothing of the old document is left.
const WHOLE: [&str; 4] = [
    "document.create",
    "document.createOrReplace",
    "document.replace",
    "document.write",
];

/// What a decision tells while it is pending; done, it is the same with the other state. Nothing
/// where its client wanted silence.
pub fn of_decision(decision: &Decision) -> Vec<Telling> {
    if decision.origin.as_ref().is_some_and(|origin| origin.silent) {
        return Vec::new();
    }
    let of = |change| {
        let mut telling = of_document(
            change,
            &decision.operation,
            decision.position,
            decision.decided,
            decision.request,
        )?;
        telling.notice.origin.clone_from(&decision.origin);
        telling.notice.volatile.clone_from(&decision.volatile);
        Some(telling)
    };
    decision.documents.iter().filter_map(of).collect()
}

/// The reverse change.
pub fn of_void(void: &Void) -> Vec<Telling> {
    void.documents
        .iter()
        .filter_map(|change| {
            of_document(
                change,
                &void.operation,
                void.position,
                void.time,
                void.request,
            )
        })
        .collect()
}

fn of_document(
    change: &DocumentChange,
    operation: &str,
    position: Position,
    timestamp: i64,
    request: event_schema::id::RequestId,
) -> Option<Telling> {
    let (event, action) = match (&change.before, &change.after) {
        (None, None) => return None,
        (Some(_), None) => (Event::Delete, "delete"),
        (None, Some(_)) => (Event::Write, "create"),
        (Some(_), Some(_)) if WHOLE.contains(&operation) => (Event::Write, "replace"),
        (Some(_), Some(_)) => (Event::Write, "update"),
    };
    let updated_fields = match (&change.before, &change.after) {
        (Some(before), Some(after)) if action == "update" => Some(differing(before, after)),
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
        request,
        origin: None,
        volatile: None,
        timestamp,
        write: Some((position.partition, position.offset)),
    };
    Some(Telling {
        notice,
        before: change.before.clone(),
        after: change.after.clone(),
    })
}

fn differing(before: &Raw, after: &Raw) -> Vec<String> {
    let parse = |document: &Raw| serde_json::from_str::<Value>(document.get()).unwrap_or_default();
    fields::changed(&parse(before), &parse(after))
}

/// The request of an event that is only told.
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
pub fn of_message(event: Informative, accepted: i64) -> Option<Telling> {
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
        write: None,
    };
    Some(Telling {
        notice,
        before: None,
        after: Some(message.body),
    })
}

impl Telling {
    /// Bytes it holds, roughly.
    pub fn size(&self) -> usize {
        let of =
            |document: &Option<Raw>| document.as_ref().map_or(0, |document| document.get().len());
        of(&self.before) + of(&self.after) + 512
    }
}

#[cfg(test)]
mod tests;
