//! Notifications as Kuzzle's clients read them. The text of one is made once, completed once per
//! channel, and shared by all sockets on it.

use super::channel;
use data_encoding::HEXLOWER;
use event_schema::{
    id::RequestId,
    notification::{Event, Notice, Presence, PresenceChange, Scope, State},
};
use sealing::mask::mask_sealed;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::{fmt::Write, sync::Arc};
use subscriptions::delivery::{Change, Delivery, DeliveryContent};
use websocket::TextFrame;

/// The frame of a delivery, shared by all sockets on its channel.
pub(crate) fn delivery_frame(delivery: &Delivery<'_>) -> TextFrame {
    let KuzzleFrame(frame) = delivery.once_per_channel(|| {
        let text = delivery.once_per_event(|| {
            Arc::new(match delivery.content {
                DeliveryContent::Change(change) => NotificationText::of_change(&change),
                DeliveryContent::Presence(presence) => NotificationText::of_presence(presence),
            })
        });
        let (scope, cursor) = match delivery.content {
            DeliveryContent::Change(change) => (Some(change.scope), change.cursor),
            DeliveryContent::Presence(_) => (None, None),
        };
        let channel = channel::channel_name(delivery.room, delivery.options);
        KuzzleFrame(text.on(&channel, scope, cursor))
    });
    frame
}

#[derive(Clone)]
struct KuzzleFrame(TextFrame);

/// A notification without scope, cursor and channel.
struct NotificationText {
    head: String,
    middle: String,
    tail: String,
}

#[derive(Serialize)]
struct NotificationOutcome<'a> {
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    source: Option<&'a RawValue>,
    #[serde(rename = "_version", skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(rename = "_updatedFields", skip_serializing_if = "Option::is_none")]
    updated_fields: Option<Vec<&'a str>>,
}

/// What Kuzzle keeps about a document; its clients are not told of that as a field.
const METADATA: &str = "_kuzzle_info";

fn own_fields(names: &[String]) -> Vec<&str> {
    let is_metadata = |name: &str| {
        let rest = name.strip_prefix(METADATA);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let names = names.iter().map(String::as_str);
    names.filter(|name| !is_metadata(name)).collect()
}

impl NotificationText {
    /// Of a change, or a message.
    fn of_change(change: &Change<'_>) -> Self {
        let (notice, token): (&Notice, _) = (change.notice, change.token);
        let event = match notice.event {
            Event::Write => "write",
            Event::Delete => "delete",
            Event::Publish => "publish",
        };
        let controller = match notice.event {
            Event::Write | Event::Delete => "document",
            Event::Publish => "realtime",
        };
        let state = match change.state {
            State::Pending => "pending",
            State::Done => "done",
        };
        let origin = notice.origin.as_ref();
        let own = nameless(notice.request);
        let mut head = String::with_capacity(256);
        _ = write!(
            head,
            r#"{{"type":"document","status":200,"event":"{event}","action":{},"scope":""#,
            json_text(&notice.action)
        );
        let mut middle = String::with_capacity(512);
        _ = write!(
            middle,
            r#"","controller":{},"index":{},"collection":{},"requestId":{},"timestamp":{},"volatile":{},"protocol":{},"state":"{state}""#,
            json_text(origin.map_or(controller, |origin| origin.controller.as_str())),
            json_text(&notice.index),
            json_text(&notice.collection),
            json_text(origin.map_or(own.as_str(), |origin| origin.request.as_str())),
            notice.timestamp,
            notice
                .volatile
                .as_ref()
                .map_or("null", |volatile| volatile.get()),
            json_text(origin.map_or("http", |origin| origin.protocol.as_str())),
        );
        if let Some(token) = token {
            _ = write!(middle, r#","token":{}"#, json_text(token));
        }
        let outcome = NotificationOutcome {
            id: notice.id.as_deref(),
            source: notice.source.as_deref(),
            version: notice.version,
            updated_fields: notice.updated_fields.as_deref().map(own_fields),
        };
        Self {
            head,
            middle,
            tail: format!(r#"","result":{}}}"#, mask_sealed(&json_text(&outcome))),
        }
    }

    /// Of a presence event.
    fn of_presence(presence: &Presence) -> Self {
        let (user, action) = match presence.user {
            PresenceChange::In => ("in", "subscribe"),
            PresenceChange::Out => ("out", "unsubscribe"),
        };
        // A connection that just ended left by no protocol.
        let protocol = match (presence.user, presence.explicit) {
            (PresenceChange::In, _) | (PresenceChange::Out, true) => r#""websocket""#,
            (PresenceChange::Out, false) => "null",
        };
        let mut middle = String::with_capacity(384);
        _ = write!(
            middle,
            r#"{{"type":"user","status":200,"user":"{user}","action":"{action}","controller":"realtime","index":{},"collection":{},"timestamp":{},"volatile":{},"protocol":{protocol}"#,
            json_text(&presence.index),
            json_text(&presence.collection),
            presence.timestamp,
            presence
                .volatile
                .as_ref()
                .map_or("null", |volatile| volatile.get()),
        );
        Self {
            head: String::new(),
            middle,
            tail: format!(r#"","result":{{"count":{}}}}}"#, presence.count),
        }
    }

    /// As it is sent on a channel. `channel` and `cursor` have nothing in them that JSON escapes.
    fn on(&self, channel: &str, scope: Option<Scope>, cursor: Option<&str>) -> TextFrame {
        let scope = match scope {
            Some(Scope::In) => "in",
            Some(Scope::Out) => "out",
            None => "",
        };
        let (label, cursor, end) =
            cursor.map_or(("", "", ""), |cursor| (r#","cursor":""#, cursor, r#"""#));
        TextFrame::from_pieces(&[
            &self.head,
            scope,
            &self.middle,
            label,
            cursor,
            end,
            r#","room":""#,
            channel,
            &self.tail,
        ])
    }
}

/// What stands for a request that no client of this protocol named. Whoever knows its id finds it
/// by this; nobody finds the id, which is for whoever made the request alone.
fn nameless(request: RequestId) -> String {
    let hash = Sha256::digest(request.to_string().as_bytes());
    HEXLOWER.encode(&hash[..16])
}

fn json_text<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("a value made of JSON types serialises")
}

#[cfg(test)]
mod tests;
