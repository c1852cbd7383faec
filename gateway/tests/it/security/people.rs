//! Users, and who may make them what.

use super::{PASSWORD, allow, answer, closed, ok, refused, user, with};
use crate::harness::app;
use serde_json::json;

const FORBIDDEN: (u16, &str) = (403, "security.rights.forbidden");

#[tokio::test]
async fn one_of_two_first_administrators_wins_and_then_nobody_may() {
    let app = app().await;
    assert_eq!(
        ok(&app, "GET", "/_adminExists", None, None).await["exists"],
        false
    );
    let body =
        |name: &str| json!({"credentials": {"local": {"username": name, "password": PASSWORD}}});
    let (first, second) = (body("one"), body("two"));
    let (one, two) = tokio::join!(
        answer(with(&app, "POST", "/_createFirstAdmin", None, Some(&first))),
        answer(with(
            &app,
            "POST",
            "/_createFirstAdmin",
            None,
            Some(&second)
        )),
    );
    let mut told = [(one.0, one.1), (two.0, two.1)];
    told.sort();
    assert_eq!(
        told,
        [
            (200, String::new()),
            (412, "api.process.admin_exists".into())
        ]
    );
    assert_eq!(
        ok(&app, "GET", "/_adminExists", None, None).await["exists"],
        true
    );
    // Without `reset` everybody may still do everything, as in Kuzzle.
    refused(
        &app,
        ("POST", "/_createFirstAdmin"),
        None,
        Some(body("three")),
        (412, "api.process.admin_exists"),
    )
    .await;
    ok(&app, "POST", "/_restrictDefaultRights", None, None).await;
    refused(
        &app,
        ("POST", "/_createFirstAdmin"),
        None,
        Some(body("three")),
        (401, "security.rights.unauthorized"),
    )
    .await;
}

/// Who may write users, roles and profiles may not make more of himself, nor of anybody, than he is.
#[tokio::test]
async fn nobody_grants_more_than_he_has() {
    let (app, admin) = closed().await;
    let clerk = json!({"security": {"actions": {"*": true}}, "auth": allow(&["createApiKey"])});
    let clerk = user(&app, &admin, "clerk", clerk, json!([])).await;
    user(
        &app,
        &admin,
        "meera",
        json!({"auth": allow(&["createApiKey"])}),
        json!([]),
    )
    .await;
    let token = Some(clerk.as_str());
    let all = json!({"controllers": {"*": {"actions": {"*": true}}}});
    let admins = json!({"policies": [{"roleId": "admin"}]});
    let local = json!({"username": "x", "password": PASSWORD});
    let secret = json!({"password": "a fresh long password"});
    for (verb, path, body) in [
        (
            "PUT",
            "/users/clerk/_update",
            json!({"profileIds": ["admin"]}),
        ),
        (
            "PUT",
            "/users/clerk/_replace",
            json!({"profileIds": ["clerk", "admin"]}),
        ),
        (
            "PUT",
            "/users/root/_update",
            json!({"profileIds": ["clerk"]}),
        ),
        // The profiles stay, and all else of who may do more is replaced.
        (
            "PUT",
            "/users/root/_replace",
            json!({"profileIds": ["admin"], "name": "nobody"}),
        ),
        (
            "POST",
            "/users/x/_create",
            json!({"content": {"profileIds": ["admin"]}, "credentials": {"local": local}}),
        ),
        ("PUT", "/roles/clerk", all.clone()),
        ("POST", "/roles/new/_create", all.clone()),
        (
            "PUT",
            "/roles/admin",
            json!({"controllers": {"auth": {"actions": {"login": true}}}}),
        ),
        ("PUT", "/profiles/clerk", admins.clone()),
        ("PUT", "/profiles/clerk/_update", admins.clone()),
        ("POST", "/profiles/new/_create", admins.clone()),
        (
            "PUT",
            "/profiles/admin",
            json!({"policies": [{"roleId": "default"}]}),
        ),
        ("PUT", "/credentials/local/root/_update", secret.clone()),
        ("DELETE", "/credentials/local/root", json!({})),
        (
            "POST",
            "/users/root/api-keys/_create",
            json!({"description": "x"}),
        ),
        ("DELETE", "/users/root", json!({})),
        ("POST", "/users/_mDelete", json!({"ids": ["root"]})),
    ] {
        refused(&app, (verb, path), token, Some(body), FORBIDDEN).await;
    }
    // What he has he may give.
    ok(
        &app,
        "PUT",
        "/credentials/local/meera/_update",
        token,
        Some(secret),
    )
    .await;
    ok(
        &app,
        "PUT",
        "/users/meera/_update",
        token,
        Some(json!({"profileIds": ["clerk"]})),
    )
    .await;
    refused(
        &app,
        ("PUT", "/_me"),
        token,
        Some(json!({"profileIds": ["admin"]})),
        (400, "api.assert.forbidden_argument"),
    )
    .await;
    ok(&app, "PUT", "/_me", token, Some(json!({"city": "Kochi"}))).await;
}

#[tokio::test]
async fn users_are_written_searched_and_deleted() {
    let (app, admin) = closed().await;
    let token = Some(admin.as_str());
    let body = |name: &str| json!({"content": {"profileIds": ["default"], "name": name}, "credentials": {"local": {"username": name, "password": PASSWORD}}});
    let made = ok(&app, "POST", "/users/_create", token, Some(body("meera"))).await;
    let kuid = made["_id"].as_str().unwrap();
    assert!(kuid.starts_with("kuid-"), "{made:#}");
    assert_eq!(made["_source"]["_kuzzle_info"]["author"], "root");
    refused(
        &app,
        ("POST", "/users/_create"),
        token,
        Some(body("meera")),
        (412, "security.credentials.username_taken"),
    )
    .await;
    let path = format!("/users/{kuid}/_create");
    refused(
        &app,
        ("POST", &path),
        token,
        Some(body("other")),
        (412, "security.user.already_exists"),
    )
    .await;
    // The name that the refused request asked for is free.
    ok(
        &app,
        "POST",
        "/users/second/_create",
        token,
        Some(body("other")),
    )
    .await;
    let unknown = json!({"content": {"profileIds": ["nothing"]}});
    refused(
        &app,
        ("POST", "/users/_create"),
        token,
        Some(unknown),
        (404, "security.profile.not_found"),
    )
    .await;
    let query = json!({"query": {"terms": {"profileIds": ["default"]}}});
    let found = ok(&app, "POST", "/users/_search", token, Some(query)).await;
    assert_eq!(found["total"], 2, "{found:#}");
    let changed = ok(
        &app,
        "PUT",
        "/users/second/_update",
        token,
        Some(json!({"name": "New"})),
    )
    .await;
    assert_eq!(
        (
            &changed["_source"]["name"],
            &changed["_source"]["profileIds"]
        ),
        (&json!("New"), &json!(["default"]))
    );
    assert_eq!(changed["_source"]["_kuzzle_info"]["updater"], "root");
    let policies = json!({"policies": [{"roleId": "default"}]});
    ok(&app, "PUT", "/profiles/clerk", token, Some(policies)).await;
    let clerk = json!({"profileIds": ["clerk"]});
    ok(&app, "PUT", "/users/second/_update", token, Some(clerk)).await;
    for (profile, why) in [
        ("default", (400, "security.profile.cannot_delete")),
        ("clerk", (412, "security.profile.in_use")),
    ] {
        let path = format!("/profiles/{profile}");
        refused(&app, ("DELETE", &path), token, None, why).await;
    }
    let gone = ok(
        &app,
        "POST",
        "/users/_mDelete",
        token,
        Some(json!({"ids": [kuid, "second"]})),
    )
    .await;
    assert_eq!(gone, json!([kuid, "second"]));
    refused(
        &app,
        ("GET", "/users/second"),
        token,
        None,
        (404, "security.user.not_found"),
    )
    .await;
}

/// Operations compare the caller with the owner of what they change.
#[tokio::test]
async fn who_registers_himself_chooses_no_id() {
    let (app, admin) = closed().await;
    let may = json!({"controllers": {"auth": {"actions": {"login": true}}, "security": {"actions": {"createRestrictedUser": true}}}});
    ok(&app, "PUT", "/roles/anonymous", Some(&admin), Some(may)).await;
    let local = json!({"username": "meera", "password": PASSWORD});
    let body = || Some(json!({"content": {}, "credentials": {"local": local.clone()}}));
    let chosen = ("POST", "/users/somebody/_createRestricted");
    let unauthorized = (401, "security.rights.unauthorized");
    refused(&app, chosen, None, body(), unauthorized).await;
    let made = ok(&app, "POST", "/users/_createRestricted", None, body()).await;
    assert!(made["_id"].as_str().unwrap().starts_with("kuid-"));
}

/// Whoever may not change an administrator does not log him out either.
#[tokio::test]
async fn nobody_ends_the_sessions_and_keys_of_who_may_do_more() {
    let (app, admin) = closed().await;
    let manages = json!({"security": allow(&["*"])});
    let manager = user(&app, &admin, "manager", manages, json!([])).await;
    let key = json!({"description": "k"});
    let path = "/users/root/api-keys/_create?_id=k";
    ok(&app, "POST", path, Some(&admin), Some(key)).await;
    let forbidden = (403, "security.rights.forbidden");
    for path in ["/users/root/tokens", "/users/root/api-keys/k"] {
        refused(&app, ("DELETE", path), Some(&manager), None, forbidden).await;
    }
    let restricts = ("POST", "/_restrictDefaultRights");
    refused(&app, restricts, Some(&manager), None, forbidden).await;
    ok(&app, "GET", "/_me", Some(&admin), None).await;
}
