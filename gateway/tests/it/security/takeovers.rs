//! What somebody who holds a session for a moment too long, or some rights, could make more of.

use super::{PASSWORD, allow, answer, closed, login, ok, refused, user, with};
use crate::harness::{App, app};
use serde_json::{Value, json};

const INVALID: (u16, &str) = (401, "security.token.invalid");
const OWN: &str = "/_me/credentials/local/_update";

/// Another gateway of the deployment, which has just let this session in: for a moment it believes
/// what it read.
async fn elsewhere(app: &App, token: &str) -> String {
    let url = format!("http://{}", app.sibling(gateway::Config::default()).await);
    let asked = app.client.get(format!("{url}/_me")).bearer_auth(token);
    assert_eq!(answer(asked).await.0, 200);
    url
}

#[tokio::test]
async fn a_session_that_a_reset_ended_does_not_undo_the_reset_elsewhere() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["updateMyCredentials", "getCurrentUser"])});
    let thief = user(&app, &admin, "meera", rights, json!([])).await;
    let other = elsewhere(&app, &thief).await;
    let reset = json!({"password": "a wholly new password"});
    let of_user = "/credentials/local/meera/_update";
    ok(&app, "PUT", of_user, Some(&admin), Some(reset)).await;
    // Within the moment in which the other gateway still takes the session for one.
    let same = json!({"username": "meera"});
    let asked = app.client.put(format!("{other}{OWN}")).bearer_auth(&thief);
    let (status, id, json) = answer(asked.json(&same)).await;
    assert_eq!((status, id.as_str()), INVALID, "{json:#}");
    login(&app, "meera", "a wholly new password").await;
    refused(&app, ("GET", "/_me"), Some(&thief), None, INVALID).await;
}

#[tokio::test]
async fn no_key_is_made_by_a_session_that_was_revoked() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["createApiKey", "getCurrentUser"])});
    let thief = user(&app, &admin, "meera", rights, json!([])).await;
    let other = elsewhere(&app, &thief).await;
    ok(&app, "DELETE", "/users/meera/tokens", Some(&admin), None).await;
    let key = json!({"description": "for ever"});
    let asked = app.client.post(format!("{other}/api-keys/_create"));
    let (status, id, json) = answer(asked.bearer_auth(&thief).json(&key)).await;
    assert_eq!((status, id.as_str()), INVALID, "{json:#}");
}

async fn manager(app: &App, admin: &str) -> String {
    let rights = json!({"security": allow(&["*"]), "auth": allow(&["*"])});
    user(app, admin, "manager", rights, json!([])).await
}

#[tokio::test]
async fn nobody_becomes_an_administrator_by_being_the_first_again() {
    let (app, admin) = closed().await;
    let manager = manager(&app, &admin).await;
    let first = ("POST", "/_createFirstAdmin/evil");
    let body = || {
        let local = json!({"username": "evil", "password": PASSWORD});
        Some(json!({"credentials": {"local": local}}))
    };
    let forbidden = (403, "security.rights.forbidden");
    refused(&app, first, Some(&manager), body(), forbidden).await;
    // Another one, made as any user is; then the first goes.
    let second = json!({"content": {"profileIds": ["admin"]}, "credentials": {"local": {"username": "second", "password": PASSWORD}}});
    let made = "/users/second/_create";
    ok(&app, "POST", made, Some(&admin), Some(second)).await;
    let second = login(&app, "second", PASSWORD).await;
    ok(&app, "DELETE", "/users/root", Some(&second), None).await;
    refused(&app, first, Some(&manager), body(), forbidden).await;
    let exists = ok(&app, "GET", "/_adminExists", Some(&second), None).await;
    assert_eq!(exists["exists"], true);
    let taken = (412, "api.process.admin_exists");
    refused(&app, first, Some(&second), body(), taken).await;
}

/// While everybody may do everything, an administrator who was made as any user is counts, too.
#[tokio::test]
async fn an_administrator_who_was_made_as_a_user_is_one() {
    let app = app().await;
    let no: Value = ok(&app, "GET", "/_adminExists", None, None).await;
    assert_eq!(no["exists"], false);
    let made = json!({"content": {"profileIds": ["admin"]}, "credentials": {"local": {"username": "root", "password": PASSWORD}}});
    ok(&app, "POST", "/users/root/_create", None, Some(made)).await;
    let body = json!({"credentials": {"local": {"username": "two", "password": PASSWORD}}});
    let asked = with(&app, "POST", "/_createFirstAdmin/two", None, Some(&body));
    let (status, id, _) = answer(asked).await;
    assert_eq!((status, id.as_str()), (412, "api.process.admin_exists"));
}
