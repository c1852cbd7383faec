//! Where a document is after a change, seen from a filter. It follows from the document before and
//! after alone: no record is kept of who was notified of what.

use crate::Notification;
use event_schema::{Raw, notification::Scope};
use matching::{Document, Filter};
use serde_json::Value;

/// How a subscriber with this filter is notified of the change; `None`: not at all.
pub fn subscriber_scope(filter: &Filter, notification: &Notification) -> Option<Scope> {
    let id = notification.notice.id.as_deref();
    let holds = |body: &Option<Raw>| {
        let document = body.as_ref().and_then(|body| with_id(body, id));
        document.is_some_and(|document| filter.matches(&Document::new(&document)))
    };
    if holds(&notification.after) {
        return Some(Scope::In);
    }
    holds(&notification.before).then_some(Scope::Out)
}

/// The body as filters see it: with `_id`. A body that is no object has no fields, and no filter on
/// fields holds.
pub fn with_id(body: &Raw, id: Option<&str>) -> Option<Value> {
    let mut document: Value = serde_json::from_str(body.get()).ok()?;
    let fields = document.as_object_mut()?;
    if let Some(id) = id {
        fields.insert("_id".to_owned(), id.into());
    }
    Some(document)
}
