//! API keys.

use super::{allow, closed, ok, refused, user};
use serde_json::json;

const INVALID: (u16, &str) = (401, "security.token.invalid");

#[tokio::test]
async fn a_key_is_told_once_and_opens_what_its_owner_may() {
    let (app, admin) = closed().await;
    let rights =
        json!({"auth": allow(&["createApiKey", "searchApiKeys", "deleteApiKey", "refreshToken"])});
    let token = user(&app, &admin, "meera", rights, json!([])).await;
    let body = json!({"description": "sensor"});
    let made = ok(
        &app,
        "POST",
        "/api-keys/_create?_id=k1",
        Some(&token),
        Some(body),
    )
    .await;
    let key = made["_source"]["token"].as_str().unwrap().to_owned();
    assert!(
        key.starts_with("kapikey-") && key.split('.').count() == 3,
        "{key}"
    );
    assert_eq!(made["_source"]["expiresAt"], -1);
    assert!(made["_source"]["birth"].is_null());
    let me = ok(&app, "GET", "/_me", Some(&key), None).await;
    assert_eq!(me["_id"], "meera");
    refused(
        &app,
        ("GET", "/users/root"),
        Some(&key),
        None,
        (403, "security.rights.forbidden"),
    )
    .await;
    refused(
        &app,
        ("POST", "/_refreshToken"),
        Some(&key),
        None,
        (401, "security.token.refresh_forbidden"),
    )
    .await;
    // Neither a piece of it nor one that looks the same.
    let (head, _) = key.rsplit_once('.').unwrap();
    refused(
        &app,
        ("GET", "/_me"),
        Some(&format!("{head}.AAAA")),
        None,
        INVALID,
    )
    .await;
    let found = ok(
        &app,
        "POST",
        "/api-keys/_search",
        Some(&token),
        Some(json!({})),
    )
    .await;
    assert_eq!(
        (&found["total"], &found["hits"][0]["_id"]),
        (&json!(1), &json!("k1")),
        "{found:#}"
    );
    assert!(!found.to_string().contains(&key));
    // Another's key is none.
    refused(
        &app,
        ("DELETE", "/api-keys/k1"),
        Some(&admin),
        None,
        (404, "services.storage.not_found"),
    )
    .await;
    ok(&app, "DELETE", "/api-keys/k1", Some(&token), None).await;
    refused(&app, ("GET", "/_me"), Some(&key), None, INVALID).await;
}

#[tokio::test]
async fn revoking_tokens_ends_sessions_and_keys_alike() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["createApiKey", "searchApiKeys"])});
    let token = user(&app, &admin, "meera", rights, json!([])).await;
    let body = json!({"description": "sensor"});
    let made = ok(
        &app,
        "POST",
        "/users/meera/api-keys/_create",
        Some(&admin),
        Some(body),
    )
    .await;
    let key = made["_source"]["token"].as_str().unwrap().to_owned();
    ok(&app, "GET", "/_me", Some(&key), None).await;
    ok(&app, "DELETE", "/users/meera/tokens", Some(&admin), None).await;
    refused(&app, ("GET", "/_me"), Some(&key), None, INVALID).await;
    refused(&app, ("GET", "/_me"), Some(&token), None, INVALID).await;
    let left = ok(
        &app,
        "POST",
        "/users/meera/api-keys/_search",
        Some(&admin),
        Some(json!({})),
    )
    .await;
    assert_eq!(left["total"], 0);
}
