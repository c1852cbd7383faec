//! Nothing is looked up, made, repeated or told for a caller who may not, or who may no more.

use super::{allow, answer, closed, ok, refused, user, with};
use crate::harness::told;
use sealing::KeyId;
use serde_json::{Value, json};

const FORBIDDEN: (u16, &str) = (403, "forbidden");

/// Restricted to one collection, and one more right.
fn here() -> Value {
    json!([{"index": "ix", "collections": ["co"]}])
}

#[tokio::test]
async fn who_may_not_is_not_told_what_is_there_and_leaves_nothing_behind() {
    let (app, admin) = closed().await;
    let rights = json!({"document": allow(&["create"]), "user": allow(&["update"])});
    let token = user(&app, &admin, "meera", rights, here()).await;
    let write = "/v1/operations/document.create";
    for collection in ["other", "no-such"] {
        let body = json!({"index": "ix", "collection": collection, "_id": "x", "body": {}});
        refused(&app, ("POST", write), Some(&token), Some(body), FORBIDDEN).await;
    }
    // A line of a bulk is told the same of both.
    let lines = ["other", "no-such"].map(|collection| {
        json!({"index": "ix", "collection": collection, "_id": "x", "body": {}}).to_string()
    });
    let bulk = app.client.post(app.url(&format!("{write}/_bulk")));
    let bulk = bulk.bearer_auth(&token).body(lines.join("\n"));
    let bulk = bulk.header("content-type", "application/x-ndjson");
    let text = bulk.send().await.unwrap().text().await.unwrap();
    assert_eq!(text.matches("\"forbidden\"").count(), 2, "{text}");
    // A request whose values would be sealed makes no key of the subject.
    let update = "/v1/operations/user.update";
    let stranger = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let body = json!({"userId": stranger, "location": "Ulm"});
    refused(&app, ("POST", update), Some(&token), Some(body), FORBIDDEN).await;
    let sealing = app.sealing();
    let id: KeyId = sealing.id(&format!("user/{stranger}"));
    assert!(sealing.find(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_repeat_is_not_answered_once_its_place_was_taken_away() {
    let (app, admin) = closed().await;
    let rights = json!({"document": allow(&["create"])});
    let token = user(&app, &admin, "meera", rights, here()).await;
    let body = json!({"index": "ix", "collection": "co", "_id": "x", "body": {}});
    let path = "/v1/operations/document.create";
    let send = || {
        with(&app, "POST", path, Some(&token), Some(&body)).header("idempotency-key", "\"once\"")
    };
    let (status, _, first) = told(send()).await;
    assert_eq!(status, 202, "{first}");
    assert_eq!(told(send()).await.0, 202);
    let elsewhere = json!({"policies": [{"roleId": "meera", "restrictedTo": [{"index": "ix", "collections": ["other"]}]}]});
    ok(
        &app,
        "PUT",
        "/profiles/meera",
        Some(&admin),
        Some(elsewhere),
    )
    .await;
    let (status, code, json) = answer(send()).await;
    assert_eq!((status, code.as_str()), FORBIDDEN, "{json:#}");
}

#[tokio::test]
async fn an_export_ends_with_the_user_who_asked_for_it() {
    let (app, admin) = closed().await;
    let rights = json!({"document": allow(&["export"])});
    let token = user(&app, &admin, "meera", rights, here()).await;
    // A page and a little more, and of a page more than sockets hold.
    let text = "x".repeat(1_000);
    for hundreds in 0..6 {
        let one =
            |n: usize| json!({"_id": format!("d{:04}", hundreds * 100 + n), "body": {"big": text}});
        let documents: Vec<Value> = (0..100).map(one).collect();
        let path = "/ix/co/_mCreate?refresh=wait_for";
        let body = json!({"documents": documents});
        ok(&app, "POST", path, Some(&admin), Some(body)).await;
    }
    let fields = vec!["big"; 60].join(",");
    let path = format!("/ix/co/_export?format=csv&fields={fields}");
    let export = with(&app, "GET", &path, Some(&token), None);
    let answered = export.send().await.unwrap();
    assert_eq!(answered.status(), 200);
    ok(&app, "DELETE", "/users/meera", Some(&admin), None).await;
    let rest = answered.text().await;
    assert!(
        rest.is_err(),
        "{} bytes came, to the end",
        rest.unwrap().len()
    );
    // Of who may, all of it comes.
    let whole = with(&app, "GET", &path, Some(&admin), None);
    let whole = whole.send().await.unwrap().text().await.unwrap();
    assert_eq!(whole.lines().count(), 601);
}

#[tokio::test]
async fn the_history_of_a_document_does_not_name_others_requests() {
    let (app, admin) = closed().await;
    let rights = json!({"document": allow(&["history"]), "request": allow(&["get"])});
    let token = user(&app, &admin, "meera", rights, here()).await;
    ok(&app, "PUT", "/ix/co/a", Some(&admin), Some(json!({"n": 1}))).await;
    let path = "/v1/documents/ix/co/a/_history";
    for (token, is_named) in [(&token, false), (&admin, true)] {
        let (status, _, history) = answer(with(&app, "GET", path, Some(token), None)).await;
        assert_eq!(status, 200, "{history:#}");
        assert_eq!(
            history["entries"][0]["request_id"].is_string(),
            is_named,
            "{history:#}"
        );
    }
}

#[tokio::test]
async fn what_a_user_may_do_is_explained() {
    let (app, admin) = closed().await;
    let rights = json!({"document": allow(&["get"])});
    let token = user(&app, &admin, "meera", rights, here()).await;
    let ask = async |token: &str, query: &str| {
        let path = format!("/v1/security/explain?{query}");
        answer(with(&app, "GET", &path, Some(token), None)).await
    };
    let asked = "user=meera&right=document:get&place=ix/co";
    assert_eq!(ask(&token, asked).await.0, 403);
    let (status, _, told) = ask(&admin, asked).await;
    let because = "the role `meera` of the profile `meera` allows `document:get` in `ix/co`";
    let found = (status, &told["allowed"], told["because"].as_str().unwrap());
    assert_eq!(found, (200, &json!(true), because), "{told:#}");
    for (query, why) in [
        (
            "user=meera&right=document:get&place=ix/other",
            "restricted to other places",
        ),
        (
            "user=meera&right=document:get&place=*",
            "restricted to other places",
        ),
        (
            "user=meera&right=document.delete&place=ix/co",
            "says anything",
        ),
        (
            "user=anonymous&right=document:get&place=ix",
            "says anything",
        ),
    ] {
        let (_, _, told) = ask(&admin, query).await;
        let because = told["because"].as_str().unwrap();
        assert!(
            told["allowed"] == false && because.contains(why),
            "{query}: {told:#}"
        );
    }
    assert_eq!(ask(&admin, "user=nobody&right=document:get").await.0, 404);
    assert_eq!(ask(&admin, "user=meera&right=document").await.0, 400);
    assert_eq!(ask(&admin, "user=meera").await.0, 400);
}

#[tokio::test]
async fn nobody_logs_in_by_get() {
    let app = crate::harness::app().await;
    let get = ("GET", "/_login/local");
    let body = json!({"username": "root", "password": super::PASSWORD});
    let refusal = (400, "network.http.unsupported_verb");
    refused(&app, get, None, Some(body), refusal).await;
    let named = ("GET", "/_login/local?username=root&password=secret");
    let unknown = (400, "api.assert.unexpected_argument");
    refused(&app, named, None, None, unknown).await;
}
