//! Reading the log: an event as it is shown, and which of them are asked for. Pure.

use crate::{
    chain::{CHAIN_HEADER, ChainLink},
    event::{HOLES, TYPE_PREFIX},
};
use event_log::Record;
use event_schema::codec::from_rfc3339;
use serde::Serialize;
use serde_json::{Map, Value};

/// An event, and where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct LoggedEvent {
    pub offset: u64,
    /// The CloudEvent as it was written.
    #[serde(flatten)]
    pub event: Map<String, Value>,
}

impl LoggedEvent {
    /// None: these bytes are no event.
    pub fn of(record: &Record) -> Option<Self> {
        let value = record.value.as_deref()?;
        let event = serde_json::from_slice(value).ok()?;
        Some(Self {
            offset: record.offset,
            event,
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.event.get(name)?.as_str()
    }

    /// Without the prefix that all have.
    pub fn kind(&self) -> &str {
        let kind = self.text("type").unwrap_or_default();
        kind.strip_prefix(TYPE_PREFIX).unwrap_or(kind)
    }

    fn data(&self, name: &str) -> Option<&str> {
        self.event.get("data")?.get(name)?.as_str()
    }
}

/// The kind that these bytes of an event name.
pub(crate) fn kind_of(value: &[u8]) -> Option<String> {
    let event: Map<String, Value> = serde_json::from_slice(value).ok()?;
    let kind = event.get("type")?.as_str()?;
    Some(kind.strip_prefix(TYPE_PREFIX)?.to_owned())
}

/// The place in its chain that a record says it has; not looked at.
pub fn claimed_link(record: &Record) -> Option<ChainLink> {
    let (_, text) = record
        .headers
        .iter()
        .find(|(name, _)| name == CHAIN_HEADER)?;
    ChainLink::from_header(std::str::from_utf8(text).ok()?)
}

/// The places in its chain that a loss says the log gave up, first and last of each run.
pub(crate) fn lost_places(value: &[u8]) -> Vec<(u64, u64)> {
    let Ok(mut event) = serde_json::from_slice::<Value>(value) else {
        return Vec::new();
    };
    serde_json::from_value(event["data"][HOLES].take()).unwrap_or_default()
}

/// Which events are asked for: all conditions that are there hold.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// A kind (`login.failed`), or the beginning of several (`login`).
    pub kind: Option<String>,
    /// Who did it, or whom it was done to.
    pub user: Option<String>,
    pub address: Option<String>,
    /// Unix milliseconds, from this on and before that.
    pub since: Option<i64>,
    pub until: Option<i64>,
}

impl EventFilter {
    pub fn matches(&self, event: &LoggedEvent) -> bool {
        let kind = |wanted: &String| {
            let rest = event.kind().strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let user = |wanted: &String| {
            [event.text("subject"), event.data("by")].contains(&Some(wanted.as_str()))
        };
        let address = |wanted: &String| event.data("address") == Some(wanted.as_str());
        let time = event
            .text("time")
            .and_then(from_rfc3339)
            .unwrap_or_default();
        self.kind.as_ref().is_none_or(kind)
            && self.user.as_ref().is_none_or(user)
            && self.address.as_ref().is_none_or(address)
            && self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
    }
}
