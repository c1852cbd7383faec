//! The records of `security` (one partition): what changed of accounts, API keys, sessions and rights,
//! and how far each gateway has come in taking that into account. A change says where to look again,
//! never what is found there: read twice, late, or of an owner that has been replaced, it costs a look
//! and does no harm.
//!
//! A gateway believes what it read of callers for so long as it holds a lease on this topic, and it
//! holds one only by its own beacon, read back: everything before that beacon is taken into account
//! by then. The times that must fit each other stand here side by side. See ADR 37.

pub mod kept;

use crate::{
    mutation::{DocumentKey, RowKey},
    position::Version,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, time::Duration};

/// For so long after a beacon was made the gateway that read it back believes what it knows, by a
/// clock that counts suspension.
pub const LEASE: Duration = Duration::from_secs(5);

/// After so long without a word from a gateway its lease has run out, by the clock of whoever waits:
/// clocks that count time may differ by a few in a hundred.
pub const LEASE_IS_OVER: Duration = Duration::from_millis(5_250);

/// How often a gateway makes a beacon.
pub const BEACON_EVERY: Duration = Duration::from_secs(2);

/// The index of all collections of users, keys and rights.
pub const INDEX: &str = "consign-security";
pub const USERS: &str = "users";
pub const API_KEYS: &str = "api-keys";
pub const RIGHTS: &str = "rights";
pub const ACCOUNTS: &str = "security_account";
pub const SESSIONS: &str = "security_session";

/// What callers are made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecuritySubject {
    /// All roles and profiles.
    Rights,
    /// A user or principal: what is shown of him, and by what he is authenticated.
    Account(String),
    /// By its id.
    ApiKey(String),
    /// By its `sid`.
    Session(String),
}

/// A decision that changed a subject stands in the record store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityChange {
    /// Which decision; informs, decides nothing.
    pub version: Version,
}

/// A gateway is alive, and takes into account what stood in the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityBeacon {
    /// Counts the beacons of the gateway.
    pub number: u64,
    /// Everything below this offset is taken into account.
    pub folded: u64,
    /// Does it wait for all others to say the same of this beacon?
    pub asks: bool,
}

/// One record of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityRecord {
    Changed(SecuritySubject, SecurityChange),
    Beacon {
        instance: String,
        beacon: SecurityBeacon,
    },
    /// The gateway believes nothing from here on.
    GatewayEnded {
        instance: String,
    },
}

impl SecuritySubject {
    /// Whom a document is about, if it is one of these.
    pub fn of_document(key: &DocumentKey) -> Option<Self> {
        if key.index != INDEX {
            return None;
        }
        match key.collection.as_str() {
            USERS => Some(Self::Account(key.id.clone())),
            API_KEYS => Some(Self::ApiKey(key.id.clone())),
            RIGHTS => Some(Self::Rights),
            _ => None,
        }
    }

    /// Likewise of a row.
    pub fn of_row(key: &RowKey) -> Option<Self> {
        let text = |column: &str| key.key.get(column).and_then(Value::as_str);
        match key.table.as_str() {
            ACCOUNTS => text("kuid").map(|kuid| Self::Account(kuid.to_owned())),
            SESSIONS => text("sid").map(|sid| Self::Session(sid.to_owned())),
            _ => None,
        }
    }

    /// The key of its records.
    pub fn key(&self) -> Cow<'static, str> {
        match self {
            Self::Rights => "rights".into(),
            Self::Account(kuid) => format!("account/{kuid}").into(),
            Self::ApiKey(id) => format!("api-key/{id}").into(),
            Self::Session(sid) => format!("session/{sid}").into(),
        }
    }

    pub fn parse(key: &str) -> Option<Self> {
        if key == "rights" {
            return Some(Self::Rights);
        }
        let (kind, id) = key.split_once('/')?;
        match kind {
            "account" => Some(Self::Account(id.to_owned())),
            "api-key" => Some(Self::ApiKey(id.to_owned())),
            "session" => Some(Self::Session(id.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(index: &str, collection: &str) -> DocumentKey {
        DocumentKey {
            index: index.into(),
            collection: collection.into(),
            incarnation: "own00000".into(),
            id: "a/b".into(),
        }
    }

    fn row(table: &str, key: Value) -> RowKey {
        RowKey {
            table: table.into(),
            key: key.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn whatever_callers_are_made_of_is_found_and_nothing_else() {
        let of = |index, collection| SecuritySubject::of_document(&document(index, collection));
        assert_eq!(
            of(INDEX, USERS),
            Some(SecuritySubject::Account("a/b".into()))
        );
        assert_eq!(
            of(INDEX, API_KEYS),
            Some(SecuritySubject::ApiKey("a/b".into()))
        );
        assert_eq!(of(INDEX, RIGHTS), Some(SecuritySubject::Rights));
        assert_eq!(of("shop", USERS), None);
        let of = |table, key| SecuritySubject::of_row(&row(table, key));
        let account = Some(SecuritySubject::Account("meera".into()));
        assert_eq!(of(ACCOUNTS, json!({"kuid": "meera"})), account);
        let session = Some(SecuritySubject::Session("0b8f".into()));
        assert_eq!(of(SESSIONS, json!({"sid": "0b8f", "jti": "*"})), session);
        // That a session began takes nothing away.
        let began = json!({"kuid": "meera", "sid": "0b8f"});
        assert_eq!(of("security_open_session", began), None);
    }

    #[test]
    fn a_subject_comes_back_from_its_key() {
        let subjects = [
            SecuritySubject::Rights,
            SecuritySubject::Account("corporate:a/b".into()),
            SecuritySubject::ApiKey("k1".into()),
            SecuritySubject::Session("0b8f".into()),
        ];
        for subject in subjects {
            assert_eq!(SecuritySubject::parse(&subject.key()), Some(subject));
        }
        for key in ["", "account", "user/a", "gateway/5f"] {
            assert_eq!(SecuritySubject::parse(key), None, "{key}");
        }
    }
}
