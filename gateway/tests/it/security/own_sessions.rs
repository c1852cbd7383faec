//! One's own sessions: who sees them, and what becomes of one that is ended from afar.

use super::{PASSWORD, allow, answer, close, closed, login, ok, refused, sessions, user, with};
use crate::{
    harness::{App, Builder, told},
    socket::Socket,
};
use event_log::{Delivery, Log, NewRecord, Publisher, Refused, SendError};
use event_schema::topics::TRANSACTIONS;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const PATH: &str = "/v1/security/sessions";
const INVALID: (u16, &str) = (401, "security.token.invalid");
const MISSING: (u16, &str) = (404, "missing");

async fn listed(app: &App, token: &str) -> Vec<Value> {
    let (status, _, page) = told(with(app, "GET", PATH, Some(token), None)).await;
    assert_eq!(status, 200, "{page:#}");
    assert!(page["next"].is_null(), "{page:#}");
    page["sessions"].as_array().unwrap().clone()
}

/// A role that allows nothing that there is.
fn nothing() -> Value {
    json!({"none": allow(&["none"])})
}

/// A log-in does not wait until its session is noted.
async fn so_many(app: &App, token: &str, wanted: usize) -> Vec<Value> {
    for _ in 0..250 {
        let found = listed(app, token).await;
        let is_noted = |session: &Value| session["address"].is_string();
        if found.len() == wanted && found.iter().all(is_noted) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {wanted}: {:#?}", listed(app, token).await);
}

/// The id of the session that this token is of.
async fn id_of(app: &App, token: &str) -> String {
    let found = listed(app, token).await;
    let current = found.iter().find(|session| session["current"] == true);
    current.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn end(app: &App, token: &str, id: &str) -> (u16, String) {
    let path = format!("{PATH}/{id}");
    let (status, code, _) = answer(with(app, "DELETE", &path, Some(token), None)).await;
    (status, code)
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_one_ends_alone() {
    let (app, admin) = closed().await;
    let here = user(&app, &admin, "meera", nothing(), json!([])).await;
    let there = login(&app, "meera", PASSWORD).await;
    let third = login(&app, "meera", PASSWORD).await;
    let found = so_many(&app, &here, 3).await;
    let current = found.iter().filter(|session| session["current"] == true);
    assert_eq!(current.count(), 1, "{found:#?}");
    for session in &found {
        assert_eq!(session["address"], "127.0.0.1", "{session:#}");
        assert!(
            session["began"].as_str() < session["until"].as_str(),
            "{session:#}"
        );
    }
    let text = json!(found).to_string();
    for token in [&here, &there, &third] {
        assert!(!text.contains(token.as_str()));
    }
    let id = id_of(&app, &there).await;
    assert_eq!(end(&app, &here, &id).await.0, 200);
    refused(&app, ("GET", "/_me"), Some(&there), None, INVALID).await;
    ok(&app, "GET", "/_me", Some(&third), None).await;
    assert_eq!(listed(&app, &here).await.len(), 2);
    // It ends once.
    assert_eq!(end(&app, &here, &id).await, (404, "missing".to_owned()));
    // Also the one that asks.
    let own = id_of(&app, &here).await;
    assert_eq!(end(&app, &here, &own).await.0, 200);
    refused(&app, ("GET", "/_me"), Some(&here), None, INVALID).await;
    assert_eq!(listed(&app, &third).await.len(), 1);
}

#[tokio::test]
async fn nobody_sees_or_ends_the_session_of_another() {
    let (app, admin) = closed().await;
    let meera = user(&app, &admin, "meera", nothing(), json!([])).await;
    let robot = user(&app, &admin, "robot", nothing(), json!([])).await;
    so_many(&app, &meera, 1).await;
    let id = id_of(&app, &meera).await;
    for other in [&robot, &admin] {
        let found = listed(&app, other).await;
        assert!(!json!(found).to_string().contains(&id), "{found:#?}");
        assert_eq!(end(&app, other, &id).await, (404, "missing".to_owned()));
    }
    ok(&app, "GET", "/_me", Some(&meera), None).await;
    for nonsense in ["x", "*", "%00", "0b8f0b8f0b8f0b8f0b8f0b8f0b8f0b8f"] {
        let path = format!("{PATH}/{nonsense}");
        refused(&app, ("DELETE", &path), Some(&meera), None, MISSING).await;
    }
    let path = format!("{PATH}/{id}");
    for way in [("GET", PATH), ("DELETE", path.as_str())] {
        refused(&app, way, None, None, (401, "unauthenticated")).await;
    }
    // Whoever may not log out may not from afar either.
    let profile = json!({"policies": [{"roleId": "meera"}]});
    ok(&app, "PUT", "/profiles/meera", Some(&admin), Some(profile)).await;
    for way in [("GET", PATH), ("DELETE", path.as_str())] {
        refused(&app, way, Some(&meera), None, (403, "forbidden")).await;
    }
}

/// Where everybody may do everything there are callers without sessions.
#[tokio::test]
async fn whoever_shows_nothing_has_no_sessions() {
    let app = crate::harness::app().await;
    let unauthenticated = (401, "unauthenticated");
    refused(&app, ("GET", PATH), None, None, unauthenticated).await;
    let path = format!("{PATH}/0b8f0b8f0b8f0b8f0b8f0b8f0b8f0b8f");
    refused(&app, ("DELETE", &path), None, None, unauthenticated).await;
}

#[tokio::test]
async fn a_session_that_is_ended_from_afar_hears_nothing_more() {
    let (app, admin) = closed().await;
    app.notifier("n");
    let rights = json!({"realtime": allow(&["subscribe"])});
    let here = user(&app, &admin, "meera", rights, json!([{"index": "ix"}])).await;
    let there = login(&app, "meera", PASSWORD).await;
    let mut socket = Socket::connect(app.address).await;
    let asked = json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": "co", "body": {}, "jwt": there, "requestId": "s", "state": "done"});
    socket.send(asked.to_string()).await;
    let subscribed = socket.next().await;
    assert!(subscribed["error"].is_null(), "{subscribed:#}");
    let body = || Some(json!({"n": 1}));
    ok(&app, "PUT", "/ix/co/a", Some(&admin), body()).await;
    assert_eq!(socket.next().await["result"]["_id"], "a");
    so_many(&app, &here, 2).await;
    let id = id_of(&app, &there).await;
    assert_eq!(end(&app, &here, &id).await.0, 200);
    ok(&app, "PUT", "/ix/co/b", Some(&admin), body()).await;
    assert_eq!(socket.next().await["type"], "TokenExpired");
    socket.silent(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_refreshed_session_stays_one_and_ends_by_its_time() {
    let (app, clock) = sessions::on_a_clock().await;
    let first = login(&app, "root", PASSWORD).await;
    let begun = so_many(&app, &first, 1).await.remove(0);
    clock.advance(60_000);
    let refreshed = ok(&app, "POST", "/_refreshToken", Some(&first), None).await;
    let token = refreshed["jwt"].as_str().unwrap();
    let found = so_many(&app, token, 1).await.remove(0);
    assert_eq!(
        (&found["id"], &found["began"], &found["address"]),
        (&begun["id"], &begun["began"], &begun["address"])
    );
    assert!(
        found["until"].as_str() > begun["until"].as_str(),
        "{found:#}"
    );
    assert!(found["refreshed"].is_string(), "{found:#}");
    clock.advance(3_601_000);
    let later = login(&app, "root", PASSWORD).await;
    let left = so_many(&app, &later, 1).await.remove(0);
    assert_ne!(left["id"], begun["id"]);
}

#[tokio::test]
async fn what_ended_otherwise_is_listed_no_more() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["updateMyCredentials"])});
    let here = user(&app, &admin, "meera", rights, json!([])).await;
    let there = login(&app, "meera", PASSWORD).await;
    let third = login(&app, "meera", PASSWORD).await;
    so_many(&app, &here, 3).await;
    ok(&app, "POST", "/_logout", Some(&third), None).await;
    assert_eq!(listed(&app, &here).await.len(), 2);
    let new = json!({"password": "another long password"});
    let path = "/_me/credentials/local/_update";
    ok(&app, "PUT", path, Some(&here), Some(new)).await;
    let left = listed(&app, &here).await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0]["current"], true);
    refused(
        &app,
        ("GET", PATH),
        Some(&there),
        None,
        (401, "unauthenticated"),
    )
    .await;
}

/// Refuses writes while it is told to.
struct RefusingLog {
    real: Arc<dyn Publisher>,
    refuses: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Publisher for RefusingLog {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let is_write = record.topic.contains(TRANSACTIONS.name);
        if is_write && self.refuses.load(Ordering::SeqCst) {
            let (why, record) = (Refused::Closed, Box::new(record));
            return Err(SendError { why, record });
        }
        self.real.send(record)
    }
    async fn flush(&self, limit: Duration) -> usize {
        self.real.flush(limit).await
    }
    fn healthy(&self) -> bool {
        self.real.healthy()
    }
}

/// Whoever comes to mend the log must be let in.
#[tokio::test]
async fn a_log_that_takes_nothing_keeps_nobody_out() {
    let refuses = Arc::new(AtomicBool::new(false));
    let given = refuses.clone();
    let builder = Builder {
        wrap: Box::new(move |log: Log| Log {
            publisher: Arc::new(RefusingLog {
                real: log.publisher.clone(),
                refuses: given,
            }),
            ..log
        }),
        ..Builder::default()
    };
    let app = builder.start().await;
    let admin = close(&app).await;
    so_many(&app, &admin, 1).await;
    refuses.store(true, Ordering::SeqCst);
    let unnoted = login(&app, "root", PASSWORD).await;
    ok(&app, "GET", "/_me", Some(&unnoted), None).await;
    refuses.store(false, Ordering::SeqCst);
    assert_eq!(listed(&app, &admin).await.len(), 1);
    // It sees itself, and a refresh notes it.
    assert_eq!(listed(&app, &unnoted).await.len(), 2);
    ok(&app, "POST", "/_refreshToken", Some(&unnoted), None).await;
    assert_eq!(listed(&app, &admin).await.len(), 2);
}
