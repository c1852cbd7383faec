//! Which acts are told to the log of security events, and in what words. It decides nothing, and it must
//! never be given a password, a token, a hash or the content of a document.

use crate::{
    access::{Caller, session::UserSession},
    app::{App, Shared},
    config::TlsEnd,
};
use event_schema::topics::SECURITY_LOG;
use replay::{JobState, ReplayJob};
use rights::RightsSet;
use runtime::Shutdown;
use security_log::{EventKind, LogTarget, SecurityEvent};
use serde_json::{Value, json};
use std::net::IpAddr;

/// Who acts, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Actor<'a> {
    pub caller: &'a Caller,
    pub address: Option<IpAddr>,
}

impl<'a> Actor<'a> {
    /// What the service does by itself.
    pub(crate) fn unseen(caller: &'a Caller) -> Self {
        Self {
            caller,
            address: None,
        }
    }

    fn did(self, kind: EventKind) -> SecurityEvent {
        let event = SecurityEvent::new(kind).by(&self.caller.name);
        event.from_address(self.address)
    }
}

/// What an internal operation did, where its request says all of it. The others are told by who
/// knows what stood before ([`user_changed`], [`rights_changed`]), or are no act of anybody.
pub(crate) fn internal_operation(
    actor: Actor<'_>,
    operation: &str,
    request: &Value,
) -> Option<SecurityEvent> {
    let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str);
    let about = |kind, pointer: &str| {
        let event = actor.did(kind);
        match text(pointer) {
            Some(subject) => event.about(subject),
            None => event,
        }
    };
    let event = match operation {
        "security.createUser" => {
            let profiles = request.pointer("/user/profileIds").cloned();
            let event = about(EventKind::USER_CREATED, "/kuid");
            let is_first = request["admin"] == true;
            event
                .with("profiles", profiles.unwrap_or_default())
                .with("first_administrator", is_first)
        }
        "security.deleteUser" => about(EventKind::USER_DELETED, "/kuid"),
        "security.setCredentials" => {
            let has_password = request.get("hash").is_some();
            about(EventKind::CREDENTIALS_SET, "/kuid").with("password", has_password)
        }
        "security.dropCredentials" => about(EventKind::CREDENTIALS_DELETED, "/kuid"),
        "security.endSessions" => about(EventKind::SESSIONS_REVOKED, "/kuid"),
        "security.createApiKey" => {
            let event = about(EventKind::KEY_CREATED, "/key/userId");
            let until = request.pointer("/key/expiresAt").cloned();
            event
                .with("key", text("/id").unwrap_or_default())
                .with("expires_at", until.unwrap_or_default())
        }
        "security.deleteApiKey" => actor
            .did(EventKind::KEY_DELETED)
            .with("key", text("/id").unwrap_or_default()),
        _ => return None,
    };
    Some(event)
}

/// Internal operations that [`internal_operation`] says nothing of, and why.
#[cfg(test)]
const TOLD_ELSEWHERE: [(&str, &str); 9] = [
    ("security.writeUser", "user_changed"),
    ("security.createRights", "rights_changed"),
    ("security.replaceRights", "rights_changed"),
    ("security.beginSession", "login_succeeded"),
    ("security.refreshSession", "no act of note"),
    ("security.endSession", "session_ended and session_reused"),
    ("security.useAttempt", "login_succeeded and login_failed"),
    ("security.openAccount", "login_succeeded"),
    ("security.renewHash", "the same password, hashed again"),
];

/// The profiles of a user, before and after; what else is said of him is his.
pub(crate) fn user_changed(
    actor: Actor<'_>,
    kuid: &str,
    before: &[String],
    after: &[String],
) -> SecurityEvent {
    let event = actor.did(EventKind::USER_CHANGED).about(kuid);
    event
        .with("before", json!({"profiles": before}))
        .with("after", json!({"profiles": after}))
}

/// One event for each role and profile that is another than before.
pub(crate) fn rights_changed(
    actor: Actor<'_>,
    before: &RightsSet,
    after: &RightsSet,
) -> Vec<SecurityEvent> {
    let (before, after) = (json!(before), json!(after));
    let kinds = [
        ("roles", EventKind::ROLE_CHANGED),
        ("profiles", EventKind::PROFILE_CHANGED),
    ];
    let of = |(member, kind): (&str, EventKind)| {
        let empty = serde_json::Map::new();
        let old = before[member].as_object().unwrap_or(&empty);
        let new = after[member].as_object().unwrap_or(&empty);
        let mut ids: Vec<&String> = old.keys().chain(new.keys()).collect();
        ids.sort_unstable();
        ids.dedup();
        let changed = ids.into_iter().filter(|id| old.get(*id) != new.get(*id));
        let told = changed.map(|id| {
            let side =
                |side: &serde_json::Map<String, Value>| side.get(id).cloned().unwrap_or_default();
            actor
                .did(kind)
                .about(id)
                .with("before", side(old))
                .with("after", side(new))
        });
        told.collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(of).collect()
}

/// Rights by which dead letters are seen. Making a job answers 202, and is told by itself; trying one
/// out shows what it is about.
const READS_DEAD_LETTERS: [(&str, &str); 3] = [
    ("deadLetter", "list"),
    ("deadLetter", "get"),
    ("replay", "create"),
];

impl App {
    pub(crate) fn login_succeeded(&self, address: Option<IpAddr>, session: &UserSession) {
        let kuid = &session.kuid;
        let event = SecurityEvent::new(EventKind::LOGIN_SUCCEEDED).by(kuid);
        let event = event.about(kuid).from_address(address);
        self.security_log
            .record(event.with("session", session.sid.as_str()));
    }

    /// `known`: the user of that name, if there is one; what else was typed may be a password.
    pub(crate) fn login_failed(&self, address: Option<IpAddr>, known: Option<&str>) {
        let event = SecurityEvent::new(EventKind::LOGIN_FAILED).from_address(address);
        self.security_log.count(match known {
            Some(kuid) => event.about(kuid),
            None => event,
        });
    }

    pub(crate) fn login_limited(&self, address: Option<IpAddr>) {
        let event = SecurityEvent::new(EventKind::LOGIN_LIMITED);
        self.security_log.count(event.from_address(address));
    }

    /// One of the actor's own.
    pub(crate) fn session_ended(&self, actor: Actor<'_>, sid: &str) {
        let event = actor.did(EventKind::SESSION_ENDED);
        let event = event.about(&actor.caller.name);
        self.security_log.record(event.with("session", sid));
    }

    pub(crate) fn session_reused(&self, session: &UserSession) {
        let event = SecurityEvent::new(EventKind::SESSION_REUSED).about(&session.kuid);
        self.security_log
            .record(event.with("session", session.sid.as_str()));
    }

    /// A request was answered so: told if a right or a credential was missing.
    pub(crate) fn request_refused(&self, actor: Actor<'_>, right: (&str, &str), status: u16) {
        if matches!(status, 401 | 403) {
            let right = format!("{}:{}", right.0, right.1);
            let event = actor.did(EventKind::REQUEST_DENIED);
            self.security_log
                .count(event.with("right", right).with("status", status));
        }
    }

    /// A request was let in and answered so.
    pub(crate) fn request_answered(&self, actor: Actor<'_>, right: (&str, &str), status: u16) {
        if READS_DEAD_LETTERS.contains(&right) && status == 200 {
            let event = actor.did(EventKind::DEAD_LETTERS_READ);
            self.security_log.count(event);
        }
        if right == ("deadLetter", "pass") && status == 200 {
            let event = actor.did(EventKind::FLOOD_PASSED);
            self.security_log.record(event);
        }
        self.request_refused(actor, right, status);
    }

    pub(crate) fn dead_letters_moved(&self, caller: &Caller, job: &ReplayJob) {
        let event = Actor::unseen(caller).did(EventKind::DEAD_LETTERS_MOVED);
        let event = event
            .about(&job.id)
            .with("action", json!(job.order.action))
            .with("edited", job.order.patch.is_some())
            .with("dead_letters", job.total)
            .with("reason", json!(job.order.reason));
        self.security_log.record(event);
    }

    /// A job was asked to go on, wait or end.
    pub(crate) fn dead_letters_job_changed(&self, actor: Actor<'_>, job: &str, state: JobState) {
        let event = actor.did(EventKind::DEAD_LETTERS_JOB_CHANGED);
        self.security_log
            .record(event.about(job).with("state", json!(state)));
    }

    /// `by`: a caller; none: whoever may signal the process.
    pub(crate) fn catalog_reloaded(&self, by: Option<&str>, (before, after): (&str, &str)) {
        let event = SecurityEvent::new(EventKind::CATALOG_RELOADED);
        let event = match by {
            Some(by) => event.by(by),
            None => event,
        };
        self.security_log
            .record(event.with("before", before).with("after", after));
    }

    /// Appends what is told to the log, until that is closed.
    pub(crate) async fn write_security_log(self: Shared, shutdown: Shutdown) {
        let (target, opened) = self.security_log_target();
        let logging = self.security_log.clone();
        // What is served ends with the service, and this last.
        drop(self);
        logging.write_to(target, opened, shutdown).await;
    }

    /// Where this process logs, and what it says first.
    fn security_log_target(&self) -> (LogTarget, SecurityEvent) {
        let (ports, security) = (&self.ports, &self.config.security);
        let target = LogTarget {
            log: ports.log.clone(),
            topic: ports.layout.name(&SECURITY_LOG).into(),
            keys: ports.keys.clone(),
            service: "gateway",
            process: self.writes.builder.reply.instance.clone(),
        };
        let opened = SecurityEvent::new(EventKind::LOG_OPENED)
            .with("version", env!("CARGO_PKG_VERSION"))
            .with("catalog", ports.catalog.current().version())
            .with("tls", security.tls == TlsEnd::Own)
            .with("open", security.open);
        (target, opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::system;
    use ::catalog::Catalog;
    use rights::Role;

    fn names(events: &[SecurityEvent]) -> Vec<(&str, &str)> {
        let named = events.iter().map(|event| {
            (
                event.kind.name,
                event.subject.as_deref().unwrap_or_default(),
            )
        });
        named.collect()
    }

    /// An internal operation that nobody thought of here would change users in silence.
    #[test]
    fn every_internal_operation_is_told_or_has_a_reason() {
        let catalog = Catalog::builtin().unwrap();
        let nobody = Caller::nobody();
        let mut told = 0;
        let names = catalog.operations().map(|known| known.name());
        for name in names.filter(|name| system::is_operation(name)) {
            let event = internal_operation(Actor::unseen(&nobody), name, &json!({}));
            let elsewhere = TOLD_ELSEWHERE.iter().any(|(known, _)| *known == name);
            assert_ne!(event.is_some(), elsewhere, "{name}");
            told += 1;
        }
        assert!(told >= 14, "{told}");
    }

    #[test]
    fn what_is_told_of_an_operation_holds_no_secret() {
        let nobody = Caller::nobody();
        let request = json!({
            "kuid": "meera", "username": "m", "hash": "SECRET", "sessions": "SECRET", "was": "SECRET", "kept": "SECRET", "birth": "SECRET",
            "user": {"profileIds": ["clerk"], "phone": "SECRET"},
            "id": "k1", "key": {"userId": "meera", "fingerprint": "SECRET", "birth": "SECRET", "description": "SECRET", "expiresAt": -1},
        });
        let catalog = Catalog::builtin().unwrap();
        for operation in catalog.operations().filter(|known| known.internal()) {
            let event = internal_operation(Actor::unseen(&nobody), operation.name(), &request);
            assert!(!format!("{event:?}").contains("SECRET"), "{event:?}");
        }
    }

    #[test]
    fn each_role_and_profile_that_changed_is_told_with_both_sides() {
        let nobody = Caller::nobody();
        let before = RightsSet::default();
        let mut after = before.clone();
        let role: Role = serde_json::from_value(
            json!({"controllers": {"document": {"actions": {"get": true}}}}),
        )
        .unwrap();
        after.roles.insert("reader".to_owned(), role);
        after.profiles.remove("anonymous");
        let events = rights_changed(Actor::unseen(&nobody), &before, &after);
        assert_eq!(
            names(&events),
            [("role.changed", "reader"), ("profile.changed", "anonymous")]
        );
        assert_eq!(events[0].detail["before"], Value::Null);
        assert_eq!(
            events[0].detail["after"]["controllers"]["document"]["actions"]["get"],
            true
        );
        assert_eq!(events[1].detail["after"], Value::Null);
        assert!(rights_changed(Actor::unseen(&nobody), &after, &after).is_empty());
    }
}
