//! Bodies of logins, credentials, users, roles and profiles: what nothing reads is refused by name, and
//! nothing of the request is carried out.

use super::{PASSWORD, answer, closed, ok, refused, with};
use serde_json::{Value, json};

const UNEXPECTED: (u16, &str) = (400, "api.assert.unexpected_argument");

fn local(members: Value) -> Value {
    let mut local = json!({"username": "new", "password": PASSWORD});
    let members = members.as_object().unwrap().clone();
    local.as_object_mut().unwrap().extend(members);
    json!({"content": {"profileIds": ["default"]}, "credentials": {"local": local}})
}

#[tokio::test]
async fn what_a_body_holds_that_nothing_reads_is_refused() {
    let (app, admin) = closed().await;
    let token = Some(admin.as_str());
    let known = json!({"content": {"profileIds": ["default"]}});
    ok(&app, "POST", "/users/known/_create", token, Some(known)).await;
    let credentials = json!({"username": "new", "password": PASSWORD, "surprise": 1});
    let role = json!({"controllers": {"*": {"actions": {"*": true}}}, "surprise": 1});
    let action = json!({"controllers": {"server": {"actions": {"now": true}, "surprise": 1}}});
    let profile = json!({"policies": [{"roleId": "default"}], "surprise": 1});
    let policy = json!({"policies": [{"roleId": "default", "surprise": 1}]});
    let place = json!({"policies": [{"roleId": "default", "restrictedTo": [{"index": "ix", "surprise": 1}]}]});
    let surprised = local(json!({"surprise": 1}));
    let restricted = json!({"credentials": surprised["credentials"]});
    for (verb, path, body) in [
        ("POST", "/_login/local", credentials.clone()),
        (
            "POST",
            "/credentials/local/known/_create",
            credentials.clone(),
        ),
        (
            "PUT",
            "/credentials/local/root/_update",
            credentials.clone(),
        ),
        (
            "POST",
            "/credentials/local/root/_validate",
            credentials.clone(),
        ),
        ("PUT", "/credentials/local/_me/_update", credentials.clone()),
        (
            "POST",
            "/credentials/local/_me/_validate",
            credentials.clone(),
        ),
        ("POST", "/users/_create", surprised.clone()),
        ("POST", "/users/_createRestricted", restricted),
        ("POST", "/roles/new/_create", role.clone()),
        ("PUT", "/roles/new", role.clone()),
        ("PUT", "/roles/admin/_update", role),
        ("PUT", "/roles/new", action),
        ("POST", "/profiles/new/_create", profile.clone()),
        ("PUT", "/profiles/new", profile.clone()),
        ("PUT", "/profiles/admin/_update", profile),
        ("PUT", "/profiles/new", policy),
        ("PUT", "/profiles/new", place),
    ] {
        let (status, id, json) = answer(with(&app, verb, path, token, Some(&body))).await;
        assert_eq!((status, id.as_str()), UNEXPECTED, "{verb} {path}: {json:#}");
        assert!(json["error"].to_string().contains("surprise"), "{json:#}");
    }
    let unknown = (404, "security.role.not_found");
    refused(&app, ("GET", "/roles/new"), token, None, unknown).await;
    let unknown = (404, "security.profile.not_found");
    refused(&app, ("GET", "/profiles/new"), token, None, unknown).await;
    let users = ok(&app, "POST", "/users/_search", token, Some(json!({}))).await;
    assert_eq!(users["total"], 2, "{users:#}");
}

/// What is shown of credentials may be sent back, and gives nobody's to another.
#[tokio::test]
async fn credentials_are_of_the_user_whom_the_request_names() {
    let (app, admin) = closed().await;
    let token = Some(admin.as_str());
    let path = "/users/known/_create";
    let other = (400, "api.assert.invalid_argument");
    let of_another = Some(local(json!({"kuid": "root"})));
    refused(&app, ("POST", path), token, of_another, other).await;
    ok(
        &app,
        "POST",
        path,
        token,
        Some(local(json!({"kuid": "known"}))),
    )
    .await;
    let path = "/credentials/local/known/_update";
    let of_another = Some(json!({"username": "next", "kuid": "root"}));
    refused(&app, ("PUT", path), token, of_another, other).await;
    let own = Some(json!({"username": "next", "kuid": "known"}));
    ok(&app, "PUT", path, token, own).await;
}

/// It would be no place at all, where less may be allowed or more.
#[tokio::test]
async fn a_right_is_asked_for_at_a_place_that_has_a_name() {
    let (app, admin) = closed().await;
    let asked = json!({"controller": "document", "action": "get", "index": ["ix"]});
    let wrong = (400, "api.assert.invalid_type");
    let path = ("POST", "/_checkRights");
    refused(&app, path, Some(&admin), Some(asked), wrong).await;
}
