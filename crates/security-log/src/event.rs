//! What is logged: one fact of security, and its form as a CloudEvent (structured mode, JSON).

use event_schema::codec::rfc3339;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Before the name of each kind, in the attribute `type`.
pub const TYPE_PREFIX: &str = "consign.security.";

/// What a `log.lost` says of places in its chain whose events the log gave up: `[[first, last], …]`.
pub(crate) const HOLES: &str = "places";

/// A kind of event: its name, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKind {
    pub name: &'static str,
    pub says: &'static str,
}

macro_rules! kinds {
    ($($constant:ident = $name:literal, $says:literal;)*) => {
        impl EventKind {
            $(pub const $constant: Self = Self { name: $name, says: $says };)*
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$constant),*];
        }
    };
}

kinds! {
    LOG_OPENED = "log.opened", "a process began to log; what its settings weaken";
    LOG_CLOSED = "log.closed", "a process ended in order";
    LOG_LOST = "log.lost", "events were lost, since they came faster than the log took them, or it gave them up: how many, and which places in the chain";
    LOGIN_SUCCEEDED = "login.succeeded", "a session began";
    LOGIN_FAILED = "login.failed", "wrong passwords of a user from an address, counted over a minute; unknown users without their name";
    LOGIN_LIMITED = "login.limited", "log-ins that were not looked at, counted over a minute";
    SESSION_ENDED = "session.ended", "a session was ended by log-out";
    SESSION_REUSED = "session.reused", "a token that was refreshed was shown again: its session ended";
    SESSIONS_REVOKED = "sessions.revoked", "all sessions and API keys of a user ended";
    KEY_CREATED = "key.created", "an API key was made";
    KEY_DELETED = "key.deleted", "an API key was deleted";
    USER_CREATED = "user.created", "a user was made";
    USER_CHANGED = "user.changed", "the profiles or the content of a user were changed; profiles before and after";
    USER_DELETED = "user.deleted", "a user was deleted";
    CREDENTIALS_SET = "credentials.set", "a user name or password was set";
    CREDENTIALS_DELETED = "credentials.deleted", "a user's way to log in was deleted";
    ROLE_CHANGED = "role.changed", "a role before and after; null where there was or is none";
    PROFILE_CHANGED = "profile.changed", "a profile before and after; null where there was or is none";
    REQUEST_DENIED = "request.denied", "requests without the right or with a credential that is not honoured, counted over a minute";
    DEAD_LETTERS_READ = "dead_letters.read", "dead letters were listed, shown or tried out, counted over a minute";
    DEAD_LETTERS_MOVED = "dead_letters.moved", "a job to replay, edit or discard dead letters was made";
    DEAD_LETTERS_JOB_CHANGED = "dead_letters.job_changed", "such a job was paused, resumed or cancelled";
    FLOOD_PASSED = "flood.passed", "dead letters of an operation or a cause were let happen, however many come";
    SUBJECT_ERASED = "subject.erased", "the key of a subject's sealed values was destroyed";
    CATALOG_RELOADED = "catalog.reloaded", "the catalog was read again, and is another one";
}

/// One fact. `detail` must hold no secret and no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    pub kind: EventKind,
    /// Who did it: a user's id, `anonymous`; none: the process itself, or somebody unknown.
    pub by: Option<String>,
    pub address: Option<IpAddr>,
    /// Whom or what it was done to.
    pub subject: Option<String>,
    pub detail: Map<String, Value>,
}

/// Texts that callers choose are cut to this many characters.
const LONGEST_TEXT: usize = 256;

impl SecurityEvent {
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            by: None,
            address: None,
            subject: None,
            detail: Map::new(),
        }
    }

    #[must_use]
    pub fn by(mut self, who: &str) -> Self {
        self.by = Some(shorten(who));
        self
    }

    #[must_use]
    pub fn from_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.subject = Some(shorten(subject));
        self
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) => shorten(&text).into(),
            other => other,
        };
        self.detail.insert(name.to_owned(), value);
        self
    }

    /// Likewise, and that there was more to say than a record holds.
    pub(crate) fn without_detail(&self) -> Self {
        let detail = Map::new();
        let bare = Self {
            detail,
            ..self.clone()
        };
        bare.with("too_large", true)
    }

    /// The CloudEvent (1.0). `time`: Unix milliseconds.
    pub(crate) fn encode(
        &self,
        (source, process): (&str, &str),
        sequence: u64,
        time: i64,
    ) -> Vec<u8> {
        let mut data = Map::new();
        if let Some(by) = &self.by {
            data.insert("by".to_owned(), by.as_str().into());
        }
        if let Some(address) = self.address {
            data.insert("address".to_owned(), address.to_string().into());
        }
        data.extend(self.detail.clone());
        let mut event = json!({
            "specversion": "1.0",
            "id": format!("{process}/{sequence}"),
            "source": format!("/consign/{source}/{process}"),
            "type": format!("{TYPE_PREFIX}{}", self.kind.name),
            "time": rfc3339(time),
            "datacontenttype": "application/json",
        });
        if let Some(subject) = &self.subject {
            event["subject"] = subject.as_str().into();
        }
        event["data"] = data.into();
        serde_json::to_vec(&event).expect("an event is plain JSON")
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_cloud_event() {
        let event = SecurityEvent::new(EventKind::USER_CHANGED)
            .by("root")
            .from_address("10.0.0.7".parse().ok())
            .about("meera")
            .with("after", json!({"profileIds": ["clerk"]}));
        let bytes = event.encode(("gateway", "p1"), 4, 1_760_000_000_000);
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        let expected = json!({
            "specversion": "1.0",
            "id": "p1/4",
            "source": "/consign/gateway/p1",
            "type": "consign.security.user.changed",
            "time": "2025-10-09T08:53:20Z",
            "datacontenttype": "application/json",
            "subject": "meera",
            "data": {"by": "root", "address": "10.0.0.7", "after": {"profileIds": ["clerk"]}},
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn what_a_caller_chose_is_cut() {
        let long = "x".repeat(10_000);
        let event = SecurityEvent::new(EventKind::REQUEST_DENIED)
            .by(&long)
            .with("right", long.clone());
        assert!(event.encode(("gateway", "p"), 0, 0).len() < 1_000);
    }

    #[test]
    fn names_of_kinds_are_different() {
        let mut names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EventKind::ALL.len());
    }
}
