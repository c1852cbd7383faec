//! `admin:resetSecurity`: as before the first administrator.

use super::{PASSWORD, allow, closed, ok, refused, user};
use serde_json::json;

const RESET: (&str, &str) = ("POST", "/admin/_resetSecurity");

#[tokio::test]
async fn everything_is_as_before_the_first_administrator() {
    let (app, admin) = closed().await;
    let rights = json!({"admin": allow(&["resetSecurity"]), "auth": allow(&["*"])});
    let meera = user(&app, &admin, "meera", rights, json!([])).await;
    let key = json!({"description": "sensor"});
    let key = ok(&app, "POST", "/api-keys/_create", Some(&meera), Some(key)).await;
    let key = key["_source"]["token"].as_str().unwrap();
    ok(&app, "PUT", "/ix/co/a", Some(&admin), Some(json!({"n": 1}))).await;
    // It gives everybody everything: that is for those alone who have it.
    let forbidden = (403, "security.rights.forbidden");
    refused(&app, RESET, Some(&meera), None, forbidden).await;
    ok(&app, "GET", "/_me", Some(&meera), None).await;

    let counts = ok(&app, RESET.0, RESET.1, Some(&admin), None).await;
    let expected = json!({"deletedUsers": 2, "deletedProfiles": 4, "deletedRoles": 4});
    assert_eq!(counts, expected);
    let invalid = (401, "security.token.invalid");
    for gone in [&admin, &meera, key] {
        refused(&app, ("GET", "/_me"), Some(gone), None, invalid).await;
    }
    let exists = ok(&app, "GET", "/_adminExists", None, None).await;
    assert_eq!(exists, json!({"exists": false}));
    // Open again, with what was written.
    ok(&app, "GET", "/ix/co/a", None, None).await;
    let users = ok(&app, "POST", "/users/_search", None, Some(json!({}))).await;
    assert_eq!(users["total"], 0);

    // And closed again, by names that were there before.
    let body = json!({"credentials": {"local": {"username": "root", "password": PASSWORD}}});
    let first = "/_createFirstAdmin/root?reset=true";
    ok(&app, "POST", first, None, Some(body)).await;
    let unauthorized = (401, "security.rights.unauthorized");
    refused(&app, ("GET", "/ix/co/a"), None, None, unauthorized).await;
    for gone in [&admin, &meera, key] {
        refused(&app, ("GET", "/_me"), Some(gone), None, invalid).await;
    }
}
