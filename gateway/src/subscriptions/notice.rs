//! Notifications as Kuzzle's clients read them. The text of one is made once and completed per
//! channel; whoever else needs the same bytes shares them.

use event_schema::notification::{Coming, Event, Notice, Presence, Scope, State};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt::Write;
use websocket::TextFrame;

/// A notification without scope, cursor and channel.
pub(crate) struct Text {
    head: String,
    scoped: bool,
    middle: String,
    tail: String,
}

#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    source: Option<&'a RawValue>,
    #[serde(rename = "_version", skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(rename = "_updatedFields", skip_serializing_if = "Option::is_none")]
    updated_fields: Option<&'a [String]>,
}

impl Text {
    /// Of a change, or a message, told in this state. `token`: the handle of the write that it
    /// tells of.
    pub(crate) fn of_change(notice: &Notice, state: State, token: Option<&str>) -> Self {
        let event = match notice.event {
            Event::Write => "write",
            Event::Delete => "delete",
            Event::Publish => "publish",
        };
        let controller = match notice.event {
            Event::Write | Event::Delete => "document",
            Event::Publish => "realtime",
        };
        let state = match state {
            State::Pending => "pending",
            State::Done => "done",
        };
        let origin = notice.origin.as_ref();
        let own = notice.request.to_string();
        let mut head = String::with_capacity(256);
        _ = write!(
            head,
            r#"{{"type":"document","status":200,"event":"{event}","action":{},"scope":""#,
            json(&notice.action)
        );
        let mut middle = String::with_capacity(512);
        _ = write!(
            middle,
            r#"","controller":{},"index":{},"collection":{},"requestId":{},"timestamp":{},"volatile":{},"protocol":{},"state":"{state}""#,
            json(origin.map_or(controller, |origin| origin.controller.as_str())),
            json(&notice.index),
            json(&notice.collection),
            json(origin.map_or(own.as_str(), |origin| origin.request.as_str())),
            notice.timestamp,
            notice
                .volatile
                .as_ref()
                .map_or("null", |volatile| volatile.get()),
            json(origin.map_or("http", |origin| origin.protocol.as_str())),
        );
        if let Some(token) = token {
            _ = write!(middle, r#","token":{}"#, json(token));
        }
        let outcome = Outcome {
            id: notice.id.as_deref(),
            source: notice.source.as_deref(),
            version: notice.version,
            updated_fields: notice.updated_fields.as_deref(),
        };
        Self {
            head,
            scoped: true,
            middle,
            tail: format!(r#"","result":{}}}"#, json(&outcome)),
        }
    }

    /// Of somebody's coming or going.
    pub(crate) fn of_user(presence: &Presence) -> Self {
        let (user, action) = match presence.user {
            Coming::In => ("in", "subscribe"),
            Coming::Out => ("out", "unsubscribe"),
        };
        // Whoever just went away said so by no protocol.
        let protocol = match (presence.user, presence.said) {
            (Coming::In, _) | (Coming::Out, true) => r#""websocket""#,
            (Coming::Out, false) => "null",
        };
        let mut middle = String::with_capacity(384);
        _ = write!(
            middle,
            r#"{{"type":"user","status":200,"user":"{user}","action":"{action}","controller":"realtime","index":{},"collection":{},"timestamp":{},"volatile":{},"protocol":{protocol}"#,
            json(&presence.index),
            json(&presence.collection),
            presence.timestamp,
            presence
                .volatile
                .as_ref()
                .map_or("null", |volatile| volatile.get()),
        );
        Self {
            head: String::new(),
            scoped: false,
            middle,
            tail: format!(r#"","result":{{"count":{}}}}}"#, presence.count),
        }
    }

    /// As it is told on a channel. `channel` and `cursor` have nothing in them that JSON escapes.
    pub(crate) fn on(&self, channel: &str, scope: Scope, cursor: Option<&str>) -> TextFrame {
        let scope = match (self.scoped, scope) {
            (true, Scope::In) => "in",
            (true, Scope::Out) => "out",
            (false, Scope::In | Scope::Out) => "",
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

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("a value made of JSON types serialises")
}

#[cfg(test)]
mod tests;
