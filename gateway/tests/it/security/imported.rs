//! Users, roles, profiles and API keys that another deployment made.

use super::{PASSWORD, allow, answer, closed, login, ok, refused, stored_hash, user, with};
use crate::harness::App;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

const LOAD: &str = "/admin/_loadSecurities";
const KEY: &str = "kapikey-AAAA.eyJfaWQiOiJtZWVyYSJ9.c2lnbmF0dXJl";

/// What Kuzzle made of `correct horse battery`.
fn hash() -> Value {
    let hashes = include_str!("../../../src/access/password/imported/hashes.jsonl");
    let mut hash: Value = serde_json::from_str(hashes.lines().next().unwrap()).unwrap();
    hash["userSalt"] = "5f".repeat(128).into();
    hash
}

fn securities() -> Value {
    let fingerprint: String = Sha256::digest(KEY)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let local = json!({"username": "meera@example.org", "hash": hash()});
    json!({
        "roles": {"reader": {"controllers": {"document": allow(&["get"]), "auth": allow(&["*"])}}},
        "profiles": {"reader": {"policies": [{"roleId": "reader", "restrictedTo": [{"index": "ix"}]}], "rateLimit": 0}},
        "users": {"meera": {"content": {"profileIds": ["reader"], "name": "Meera"}, "credentials": {"local": local}}},
        "apiKeys": {"k1": {"userId": "meera", "fingerprint": fingerprint, "description": "sensor", "expiresAt": -1, "ttl": -1}},
    })
}

/// The outcomes of all items.
async fn load(app: &App, token: &str, query: &str, body: &Value) -> (u16, Vec<String>, Value) {
    let asked = with(
        app,
        "POST",
        &format!("{LOAD}{query}"),
        Some(token),
        Some(body),
    );
    let (status, _, told) = answer(asked).await;
    let items = told["result"]["items"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let outcomes = items
        .iter()
        .map(|item| item["outcome"].as_str().unwrap().to_owned());
    (status, outcomes.collect(), told)
}

#[tokio::test]
async fn people_and_programs_log_in_as_before_and_passwords_are_hashed_anew() {
    let (app, admin) = closed().await;
    let body = securities();
    let all = |outcome: &str| vec![outcome.to_owned(); 4];
    let (status, outcomes, told) = load(&app, &admin, "?dryRun=true", &body).await;
    assert_eq!((status, outcomes), (200, all("created")), "{told:#}");
    let gone = (404, "security.user.not_found");
    refused(&app, ("GET", "/users/meera"), Some(&admin), None, gone).await;
    let (status, outcomes, told) = load(&app, &admin, "", &body).await;
    assert_eq!((status, outcomes), (200, all("created")), "{told:#}");
    // Again: nothing is done.
    let (status, outcomes, told) = load(&app, &admin, "?onExistingUsers=overwrite", &body).await;
    let unchanged = ["unchanged", "unchanged", "unchanged", "kept"].map(str::to_owned);
    assert_eq!((status, outcomes), (200, unchanged.to_vec()), "{told:#}");
    let taken = (400, "security.user.prevent_overwrite");
    let fail = format!("{LOAD}?onExistingUsers=fail");
    refused(
        &app,
        ("POST", &fail),
        Some(&admin),
        Some(body.clone()),
        taken,
    )
    .await;

    let me = ok(&app, "GET", "/_me", Some(KEY), None).await;
    assert_eq!(
        (&me["_id"], &me["_source"]["name"]),
        (&json!("meera"), &json!("Meera"))
    );
    let imported = stored_hash(&app, "meera").await;
    let wrong = json!({"username": "meera@example.org", "password": "correct horse batterz"});
    let failed = (401, "plugin.strategy.missing_user");
    refused(&app, ("POST", "/_login/local"), None, Some(wrong), failed).await;
    let session = login(&app, "meera@example.org", PASSWORD).await;
    let patience = Instant::now() + Duration::from_secs(10);
    while stored_hash(&app, "meera").await == imported {
        assert!(Instant::now() < patience, "the hash stays what it was");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The session, begun before, goes on; the password is the same.
    ok(&app, "GET", "/_me", Some(&session), None).await;
    let renewed = stored_hash(&app, "meera").await;
    login(&app, "meera@example.org", PASSWORD).await;
    assert_eq!(
        stored_hash(&app, "meera").await,
        renewed,
        "it is hashed anew once"
    );
    ok(&app, "PUT", "/ix/co/a", Some(&admin), Some(json!({"n": 1}))).await;
    ok(&app, "GET", "/ix/co/a", Some(&session), None).await;
}

#[tokio::test]
async fn each_item_has_an_outcome_and_nobody_loads_more_than_he_has() {
    let (app, admin) = closed().await;
    let mut body = securities();
    let mut unknown = hash();
    unknown["algorithm"] = "md5".into();
    let local = json!({"username": "bob", "hash": unknown});
    body["users"]["bob"] =
        json!({"content": {"profileIds": ["reader"]}, "credentials": {"local": local}});
    body["users"]["carol"] = json!({"content": {"profileIds": ["no-such"]}});
    let (status, outcomes, told) = load(&app, &admin, "", &body).await;
    assert_eq!(status, 206, "{told:#}");
    assert_eq!(
        outcomes,
        [
            "created", "created", "created", "failed", "failed", "created"
        ]
    );
    assert_eq!(told["result"]["failed"], 2);
    // Who may load, and no more.
    let rights = json!({"admin": allow(&["loadSecurities"])});
    let loader = user(&app, &admin, "loader", rights, json!([])).await;
    let root = json!({"users": {"evil": {"content": {"profileIds": ["admin"]}}}});
    let (status, outcomes, _) = load(&app, &loader, "", &root).await;
    assert_eq!((status, outcomes), (206, vec!["failed".to_owned()]));
    let role = json!({"roles": {"evil": {"controllers": {"*": allow(&["*"])}}}});
    let forbidden = (403, "security.rights.forbidden");
    refused(&app, ("POST", LOAD), Some(&loader), Some(role), forbidden).await;
    // Not even an administrator opens what is closed by loading a dump.
    let open = json!({"roles": {"anonymous": {"controllers": {"*": allow(&["*"])}}}});
    let (status, _, told) = load(&app, &admin, "", &open).await;
    assert_eq!(status, 400, "{told:#}");
    let (status, _, _) = answer(with(&app, "GET", "/users/root", None, None)).await;
    assert_eq!(status, 401);
    let key = json!({"apiKeys": {"k2": {"userId": "root", "fingerprint": "0".repeat(64)}}});
    let (status, outcomes, _) = load(&app, &loader, "", &key).await;
    assert_eq!((status, outcomes), (206, vec!["failed".to_owned()]));
}
