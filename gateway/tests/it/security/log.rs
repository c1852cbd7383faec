//! The log of security events: what is told in it and what never is, and that nobody without the secret
//! changes it unseen.

use super::{PASSWORD, allow, answer, closed, login, ok, refused, user, with};
use crate::harness::{App, told};
use bytes::Bytes;
use event_log::NewRecord;
use event_schema::topics::SECURITY_LOG;
use serde_json::{Value, json};

/// A page of the log, as the administrator reads it.
async fn read(app: &App, admin: &str, query: &str) -> Value {
    let path = format!("/v1/security/log?{query}");
    let (status, _, page) = told(with(app, "GET", &path, Some(admin), None)).await;
    assert_eq!(status, 200, "{page:#}");
    page
}

async fn verified(app: &App, admin: &str) -> Value {
    let path = "/v1/security/log/verify";
    told(with(app, "GET", path, Some(admin), None)).await.2
}

/// Waits for events of the type, of the user.
async fn events(app: &App, admin: &str, kind: &str, user: &str) -> Vec<Value> {
    for _ in 0..200 {
        let page = read(app, admin, &format!("type={kind}&user={user}")).await;
        let found = page["events"].as_array().unwrap().clone();
        if !found.is_empty() {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no {kind} of {user}: {:#}", read(app, admin, "").await);
}

#[tokio::test]
async fn who_did_what_to_whom_is_told() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["createApiKey", "deleteApiKey"])});
    let token = user(&app, &admin, "meera", rights, json!([])).await;
    let first = &events(&app, &admin, "user.created", "root").await[0];
    assert_eq!(first["data"]["first_administrator"], true, "{first:#}");
    let made = &events(&app, &admin, "user.created", "meera").await[0];
    assert_eq!(
        (&made["data"]["by"], &made["subject"]),
        (&json!("root"), &json!("meera"))
    );
    assert_eq!(made["data"]["address"], "127.0.0.1");
    assert_eq!(
        (&made["specversion"], &made["type"]),
        (&json!("1.0"), &json!("consign.security.user.created"))
    );
    let role = &events(&app, &admin, "role.changed", "meera").await[0];
    assert_eq!(role["data"]["before"], Value::Null);
    assert_eq!(
        role["data"]["after"]["controllers"]["auth"]["actions"]["createApiKey"],
        true
    );
    events(&app, &admin, "login.succeeded", "meera").await;

    let body = Some(json!({"description": "sensor"}));
    let key = ok(&app, "POST", "/api-keys/_create?_id=k1", Some(&token), body).await;
    assert_eq!(
        events(&app, &admin, "key.created", "meera").await[0]["data"]["key"],
        "k1"
    );
    ok(&app, "DELETE", "/api-keys/k1", Some(&token), None).await;
    assert_eq!(
        events(&app, &admin, "key.deleted", "meera").await[0]["data"]["key"],
        "k1"
    );

    let profiles = Some(json!({"profileIds": ["default"]}));
    ok(&app, "PUT", "/users/meera/_update", Some(&admin), profiles).await;
    let changed = &events(&app, &admin, "user.changed", "meera").await[0]["data"];
    assert_eq!(changed["before"]["profiles"], json!(["meera"]));
    assert_eq!(changed["after"]["profiles"], json!(["default"]));

    let password = Some(json!({"username": "meera", "password": "another long one"}));
    ok(
        &app,
        "PUT",
        "/credentials/local/meera/_update",
        Some(&admin),
        password,
    )
    .await;
    assert_eq!(
        events(&app, &admin, "credentials.set", "meera").await[0]["data"]["password"],
        true
    );
    let again = login(&app, "meera", "another long one").await;
    ok(&app, "POST", "/_logout", Some(&again), None).await;
    events(&app, &admin, "session.ended", "meera").await;
    ok(&app, "DELETE", "/users/meera/tokens", Some(&admin), None).await;
    events(&app, &admin, "sessions.revoked", "meera").await;
    ok(&app, "DELETE", "/users/meera", Some(&admin), None).await;
    events(&app, &admin, "user.deleted", "meera").await;

    let page = read(&app, &admin, "limit=1000").await;
    let everything = page.to_string();
    let secret = key["_source"]["token"].as_str().unwrap();
    for hidden in [
        PASSWORD,
        "another long one",
        secret,
        &token,
        &admin,
        "$argon2id",
    ] {
        assert!(!everything.contains(hidden), "{hidden}: {page:#}");
    }
    let report = verified(&app, &admin).await;
    assert_eq!(
        (&report["whole"], &report["processes"]),
        (&json!(true), &json!(1)),
        "{report:#}"
    );
}

/// What is refused often is told once, with its count, when the minute or the process ends.
#[tokio::test]
async fn refusals_are_counted_and_an_unknown_name_is_not_told() {
    let (mut app, admin) = closed().await;
    let nothing = json!({"none": allow(&["none"])});
    let token = user(&app, &admin, "meera", nothing, json!([])).await;
    for (name, password) in [
        ("meera", "wrong"),
        ("meera", "wrong"),
        ("my-password-by-mistake", "x"),
    ] {
        let body = json!({"username": name, "password": password});
        let (status, ..) = answer(with(&app, "POST", "/_login/local", None, Some(&body))).await;
        assert_eq!(status, 401);
    }
    for _ in 0..3 {
        refused(
            &app,
            ("GET", "/users/root"),
            Some(&token),
            None,
            (403, "security.rights.forbidden"),
        )
        .await;
        refused(
            &app,
            ("GET", "/v1/dead-letters"),
            Some(&token),
            None,
            (403, "forbidden"),
        )
        .await;
    }
    let (status, ..) = answer(with(&app, "GET", "/v1/dead-letters", Some(&admin), None)).await;
    assert_eq!(status, 200);
    app.trigger.soft();
    app.gateway.take().unwrap().await.unwrap().unwrap();

    let topic = app.layout.name(&SECURITY_LOG);
    let records = app
        .log
        .scan_kept(&topic, 0, 0)
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let logged: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap())
        .collect();
    let counted = |kind: &str, subject: Value| {
        let kind = format!("consign.security.{kind}");
        let mut found = logged
            .iter()
            .filter(|event| event["type"] == *kind && event["subject"] == subject);
        let event = found
            .next()
            .unwrap_or_else(|| panic!("no {kind}: {logged:#?}"))
            .clone();
        assert!(found.next().is_none(), "once: {logged:#?}");
        event["data"]["count"].clone()
    };
    assert_eq!(counted("login.failed", json!("meera")), 2);
    assert_eq!(counted("login.failed", Value::Null), 1);
    assert_eq!(counted("dead_letters.read", Value::Null), 1);
    let denied = |right: &str| {
        let found = logged.iter().find(|event| event["data"]["right"] == right);
        let data = &found.unwrap_or_else(|| panic!("no {right}: {logged:#?}"))["data"];
        (data["by"].clone(), data["count"].clone())
    };
    assert_eq!(denied("security:getUser"), (json!("meera"), json!(3)));
    assert_eq!(denied("deadLetter:list"), (json!("meera"), json!(3)));
    assert!(!format!("{logged:?}").contains("by-mistake"));
    assert_eq!(logged[0]["type"], "consign.security.log.opened");
    assert_eq!(
        logged.last().unwrap()["type"],
        "consign.security.log.closed"
    );
}

#[tokio::test]
async fn a_forged_event_shows_and_a_log_is_read_in_pages() {
    let (app, admin) = closed().await;
    events(&app, &admin, "login.succeeded", "root").await;
    assert_eq!(verified(&app, &admin).await["whole"], true);
    let forged = NewRecord {
        topic: app.layout.name(&SECURITY_LOG).into(),
        partition: 0,
        key: None,
        value: Some(Bytes::from_static(
            br#"{"type": "consign.security.user.deleted", "subject": "meera"}"#,
        )),
        headers: Vec::new(),
    };
    let forged = app.log.append(forged).await.unwrap().offset;
    let report = verified(&app, &admin).await;
    assert_eq!(
        (&report["whole"], &report["problem_count"]),
        (&json!(false), &json!(1)),
        "{report:#}"
    );
    assert_eq!(report["problems"][0]["offset"], forged);

    let whole = read(&app, &admin, "limit=1000").await;
    let (mut paged, mut from) = (Vec::new(), 0);
    loop {
        let page = read(&app, &admin, &format!("from={from}&limit=2")).await;
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            break;
        }
        paged.extend(events.clone());
        from = page["next"].as_u64().unwrap();
    }
    assert_eq!(json!(paged), whole["events"]);
    let last = read(&app, &admin, "last=2").await;
    assert_eq!(last["events"].as_array().unwrap().len(), 2);
    for wrong in ["type=nonsense", "since=yesterday", "from=x", "color=red"] {
        let path = format!("/v1/security/log?{wrong}");
        let (status, ..) = answer(with(&app, "GET", &path, Some(&admin), None)).await;
        assert_eq!(status, 400, "{wrong}");
    }
}
