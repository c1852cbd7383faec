//! The hash of a password can be guessed at by whoever reads it, so no file of the deployment holds
//! one: not the log, nor the record, the view, or what is kept of replies.

use super::{PASSWORD, allow, closed, login, ok, user};
use crate::sealed::files_with;
use serde_json::json;

/// What every hash begins with.
const HASHES: [&str; 2] = ["$argon2id$", "m=19456,t=2"];

#[tokio::test]
async fn no_file_holds_the_hash_of_a_password() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["updateMyCredentials", "deleteMyCredentials"])});
    let meera = user(&app, &admin, "meera", rights.clone(), json!([])).await;
    user(&app, &admin, "quokka-gone", rights, json!([])).await;
    let own = "/_me/credentials/local/_update";
    let new = json!({"password": "another long password"});
    ok(&app, "PUT", own, Some(&meera), Some(new)).await;
    // The name alone: the hash that stands is written again as it is.
    let renamed = json!({"username": "meera-two"});
    ok(&app, "PUT", own, Some(&meera), Some(renamed)).await;
    let meera = login(&app, "meera-two", "another long password").await;
    let gone = "/users/quokka-gone";
    ok(&app, "DELETE", gone, Some(&admin), None).await;
    let dropped = "/_me/credentials/local";
    ok(&app, "DELETE", dropped, Some(&meera), None).await;
    assert!(
        files_with(app.folder(), "quokka-gone") > 0,
        "what is plain is found"
    );
    assert!(files_with(app.folder(), "sealed:1:") > 0, "what is sealed");
    for text in HASHES {
        assert_eq!(files_with(app.folder(), text), 0, "{text}");
    }
    login(&app, "root", PASSWORD).await;
}

/// An erased account's password opens nothing, and is not taken for one without a password.
#[tokio::test]
async fn nobody_logs_in_to_an_account_whose_key_was_erased() {
    let (app, admin) = closed().await;
    user(
        &app,
        &admin,
        "meera",
        json!({"none": allow(&["none"])}),
        json!([]),
    )
    .await;
    let erased = app.erase("account/meera").await;
    assert_eq!(erased, sealing::ErasedSubject::Destroyed);
    // The gateway's copy is believed for a while; another gateway has none.
    let sibling = app.sibling(gateway::Config::default()).await;
    let body = json!({"username": "meera", "password": PASSWORD});
    let url = format!("http://{sibling}/_login/local");
    let answer = app.client.post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}
