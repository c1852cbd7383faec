//! What the service keeps for itself is shown by no route, not even to the administrator; above
//! all, no hash of a password.

use super::{answer, closed, ok, refused, stored_hash, with};
use crate::socket::Socket;
use serde_json::{Value, json};

const INDEX: &str = "consign-security";

#[tokio::test]
async fn no_door_leads_to_system_collections_and_tables() {
    let (app, admin) = closed().await;
    let token = Some(admin.as_str());
    let query = json!({"query": {"match_all": {}}});
    for collection in ["users", "api-keys", "rights"] {
        for (controller, actions) in [
            (
                "document",
                "get mGet exists search count create createOrReplace update delete deleteByQuery validate",
            ),
            ("bulk", "import write mWrite deleteByQuery updateByQuery"),
            (
                "collection",
                "create update delete truncate exists getMapping updateMapping getSettings refresh",
            ),
            ("index", "create delete exists"),
            ("realtime", "subscribe publish validate"),
        ] {
            for action in actions.split(' ') {
                let named = json!({"controller": controller, "action": action, "index": INDEX, "collection": collection, "_id": "root", "body": query});
                let expected = (412, "services.storage.unknown_index");
                refused(&app, ("POST", "/_query"), token, Some(named), expected).await;
            }
        }
        let place = format!("/v1/documents/{INDEX}/{collection}");
        for (verb, path, body) in [
            ("GET", format!("{place}/root"), None),
            ("POST", format!("{place}/_search"), Some(query.clone())),
            ("POST", format!("{place}/_count"), Some(json!({}))),
            ("POST", format!("{place}/_ids"), Some(json!({}))),
            (
                "POST",
                format!("{place}/_compare"),
                Some(json!({"ids": ["root"]})),
            ),
            (
                "POST",
                format!("{place}/_mget"),
                Some(json!({"ids": ["root"]})),
            ),
        ] {
            refused(
                &app,
                (verb, &path),
                token,
                body,
                (404, "unknown_collection"),
            )
            .await;
        }
        let targets = json!([{"index": INDEX, "collections": [collection]}]);
        let body = json!({"controller": "document", "action": "search", "targets": targets, "body": query});
        let (status, ..) = answer(with(&app, "POST", "/_query", token, Some(&body))).await;
        assert_eq!(status, 412);
        let write = json!({"index": INDEX, "collection": collection, "_id": "x", "body": {"profileIds": ["admin"]}});
        let (status, _, json) = answer(with(
            &app,
            "POST",
            "/v1/operations/document.create",
            token,
            Some(&write),
        ))
        .await;
        assert!((400..500).contains(&status), "{json:#}");
    }
    for path in [
        "/v1/tables/security_account/root",
        "/v1/tables/security_session/a/b",
        "/v1/tables/security_open_session/root/b",
    ] {
        refused(&app, ("GET", path), token, None, (404, "unknown_table")).await;
    }
    for operation in [
        "security.createUser",
        "security.setCredentials",
        "security.replaceRights",
        "security.beginSession",
        "security.endSession",
    ] {
        let path = format!("/v1/operations/{operation}");
        refused(
            &app,
            ("POST", &path),
            token,
            Some(json!({})),
            (404, "unknown_operation"),
        )
        .await;
    }
    let mapping = json!({});
    let create = format!("/v1/collections/{INDEX}/mine");
    refused(
        &app,
        ("PUT", &create),
        token,
        Some(mapping),
        (422, "bad_name"),
    )
    .await;
}

#[tokio::test]
async fn no_list_names_them_and_nobody_subscribes_to_them() {
    let (app, admin) = closed().await;
    let token = Some(admin.as_str());
    for path in [
        "/_list",
        "/_storageStats",
        "/v1/collections",
        "/v1/operations",
        "/openapi.json",
        "/_openapi",
    ] {
        let text = with(&app, "GET", path, token, None)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(
            text.len() > 10 && !text.contains(INDEX) && !text.contains("security_account"),
            "{path}: {text}"
        );
    }
    let mut socket = Socket::connect(app.address).await;
    let subscribe = json!({"controller": "realtime", "action": "subscribe", "index": INDEX, "collection": "users", "body": {}, "jwt": admin, "requestId": "s"});
    socket.send(subscribe.to_string()).await;
    let told = socket.next().await;
    assert_eq!(
        told["error"]["id"], "services.storage.unknown_index",
        "{told:#}"
    );
    // What resets all data leaves users where they are.
    ok(&app, "POST", "/admin/_resetDatabase", token, None).await;
    ok(&app, "GET", "/users/root", token, None).await;
}

/// Everything that the service says of users, to whoever may know most.
#[tokio::test]
async fn no_answer_holds_a_hash() {
    let (app, admin) = closed().await;
    let token = Some(admin.as_str());
    let mut said = String::new();
    for (verb, path, body) in [
        ("GET", "/users/root", None),
        ("POST", "/users/_search", Some(json!({}))),
        ("POST", "/users/_mGet", Some(json!({"ids": ["root"]}))),
        ("GET", "/credentials/local/root", None),
        ("GET", "/credentials/local/root/_byId", None),
        ("GET", "/_me", None),
        ("GET", "/_me/credentials/local", None),
        ("PUT", "/users/root/_update", Some(json!({"name": "Other"}))),
        (
            "PUT",
            "/_me/credentials/local/_update",
            Some(json!({"password": "another long password"})),
        ),
    ] {
        let result: Value = ok(&app, verb, path, token, body).await;
        said.push_str(&result.to_string());
    }
    assert!(said.contains("root") && said.contains("profileIds"));
    assert!(
        !said.contains("argon2") && !said.contains("$v=19$"),
        "{said}"
    );
    // The hash is where it must be, and nowhere near a view: its row is no document.
    assert!(stored_hash(&app, "root").await.starts_with("sealed:1:"));
}
