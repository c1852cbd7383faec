//! What roles allow where, at every door; and that a change of them counts from its answer on.

use super::{allow, answer, closed, ok, refused, user, with};
use crate::socket::Socket;
use reqwest::StatusCode;
use serde_json::{Value, json};

const FORBIDDEN: (u16, &str) = (403, "security.rights.forbidden");

#[tokio::test]
async fn a_restricted_policy_reaches_its_collections_and_no_other_by_any_door() {
    let (app, admin) = closed().await;
    let document = allow(&[
        "create",
        "get",
        "search",
        "scroll",
        "count",
        "mGet",
        "createOrReplace",
    ]);
    let rights = json!({"document": document, "realtime": allow(&["subscribe", "join", "count"]), "table": allow(&["get"])});
    let here = json!([{"index": "ix", "collections": ["co"]}]);
    let token = user(&app, &admin, "meera", rights, here).await;
    let (mine, token) = (token.clone(), Some(token.as_str()));
    for collection in ["co", "other"] {
        let path = format!("/ix/{collection}/a?refresh=wait_for");
        ok(&app, "PUT", &path, Some(&admin), Some(json!({"n": 1}))).await;
    }
    let body = json!({"n": 2});
    ok(&app, "GET", "/ix/co/a", token, None).await;
    ok(&app, "POST", "/ix/co/b/_create", token, Some(body.clone())).await;
    refused(&app, ("GET", "/ix/other/a"), token, None, FORBIDDEN).await;
    refused(
        &app,
        ("POST", "/ix/other/b/_create"),
        token,
        Some(body),
        FORBIDDEN,
    )
    .await;
    // Consign's own API.
    for (collection, status) in [("co", 200), ("other", 403)] {
        let place = format!("/v1/documents/ix/{collection}");
        let (told, ..) = answer(with(&app, "GET", &format!("{place}/a"), token, None)).await;
        assert_eq!(told, status);
        let search = json!({"query": {"match_all": {}}});
        let (told, ..) = answer(with(
            &app,
            "POST",
            &format!("{place}/_search"),
            token,
            Some(&search),
        ))
        .await;
        assert_eq!(told, status);
        let write = json!({"index": "ix", "collection": collection, "_id": "c", "body": {}});
        let (told, ..) = answer(with(
            &app,
            "POST",
            "/v1/operations/document.create",
            token,
            Some(&write),
        ))
        .await;
        assert_eq!(told, if status == 200 { 202 } else { 403 });
    }
    // A table has no collection to be within.
    let (told, code, _) = answer(with(&app, "GET", "/v1/tables/user/x", token, None)).await;
    assert_eq!((told, code.as_str()), (403, "forbidden"));
    // Lines of a bulk are looked at one by one.
    let lines = "{\"index\":\"ix\",\"collection\":\"co\",\"_id\":\"d\",\"body\":{}}\n{\"index\":\"ix\",\"collection\":\"other\",\"_id\":\"d\",\"body\":{}}\n";
    let bulk = app
        .client
        .post(app.url("/v1/operations/document.create/_bulk"));
    let bulk = bulk
        .bearer_auth(&mine)
        .header("content-type", "application/x-ndjson")
        .body(lines);
    let text = bulk.send().await.unwrap().text().await.unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines[0]["request_id"].is_string() && lines[1].to_string().contains("forbidden"),
        "{text}"
    );
    // Several targets, one of them elsewhere.
    let targets = json!([{"index": "ix", "collections": ["co", "other"]}]);
    let search =
        json!({"controller": "document", "action": "search", "targets": targets, "body": {}});
    refused(&app, ("POST", "/_query"), token, Some(search), FORBIDDEN).await;
}

#[tokio::test]
async fn scroll_ids_and_rooms_are_held_to_the_collections_they_stand_for() {
    let (app, admin) = closed().await;
    let rights =
        json!({"document": allow(&["search", "scroll"]), "realtime": allow(&["join", "count"])});
    let both = json!([{"index": "ix"}]);
    let token = user(&app, &admin, "meera", rights, both).await;
    for id in ["a", "b"] {
        ok(
            &app,
            "PUT",
            &format!("/ix/other/{id}?refresh=wait_for"),
            Some(&admin),
            Some(json!({})),
        )
        .await;
    }
    let page = ok(
        &app,
        "POST",
        "/ix/other/_search?size=1&scroll=1m",
        Some(&token),
        Some(json!({})),
    )
    .await;
    let scroll = format!("/_scroll/{}", page["scrollId"].as_str().unwrap());
    // The right to the collection goes; the id is still his.
    let narrower = json!({"policies": [{"roleId": "default"}, {"roleId": "meera", "restrictedTo": [{"index": "ix", "collections": ["co"]}]}]});
    ok(&app, "PUT", "/profiles/meera", Some(&admin), Some(narrower)).await;
    refused(&app, ("GET", &scroll), Some(&token), None, FORBIDDEN).await;

    app.notifier("n");
    let mut theirs = Socket::connect(app.address).await;
    let frame = |action: &str, jwt: &str, body: Value| json!({"controller": "realtime", "action": action, "index": "ix", "collection": "other", "body": body, "jwt": jwt, "requestId": action});
    theirs
        .send(frame("subscribe", &admin, json!({})).to_string())
        .await;
    let told = theirs.next().await;
    let room = told["result"]["roomId"]
        .as_str()
        .unwrap_or_else(|| panic!("{told:#}"))
        .to_owned();
    let mut mine = Socket::connect(app.address).await;
    for action in ["join", "count"] {
        let mut asked = frame(action, &token, json!({"roomId": room}));
        asked
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name != "index" && name != "collection");
        mine.send(asked.to_string()).await;
        let told = mine.next().await;
        assert_eq!(told["error"]["id"], "security.rights.forbidden", "{told:#}");
    }
}

/// Each frame shows its own credential, or none.
#[tokio::test]
async fn a_frame_is_as_good_as_the_credential_in_it() {
    let (app, admin) = closed().await;
    let mut socket = Socket::connect(app.address).await;
    for (jwt, id) in [
        (json!(admin), Value::Null),
        (json!(null), json!("security.rights.unauthorized")),
        (json!("kauth-a.b.c"), json!("security.token.invalid")),
    ] {
        let frame = json!({"controller": "server", "action": "now", "jwt": jwt, "requestId": "n"});
        socket.send(frame.to_string()).await;
        let told = socket.next().await;
        assert_eq!(told["error"]["id"], id, "{told:#}");
    }
}

#[tokio::test]
async fn a_change_of_roles_counts_from_its_answer_on() {
    let (app, admin) = closed().await;
    let rights = json!({"server": allow(&["now"])});
    let token = user(&app, &admin, "meera", rights, json!([])).await;
    for _ in 0..5 {
        ok(&app, "GET", "/_now", Some(&token), None).await;
        let deny = json!({"controllers": {"server": {"actions": {"now": false}}}});
        ok(&app, "PUT", "/roles/meera", Some(&admin), Some(deny)).await;
        refused(&app, ("GET", "/_now"), Some(&token), None, FORBIDDEN).await;
        let allowed = json!({"controllers": {"server": allow(&["now"])}});
        ok(&app, "PUT", "/roles/meera", Some(&admin), Some(allowed)).await;
    }
    ok(
        &app,
        "PUT",
        "/users/meera/_update",
        Some(&admin),
        Some(json!({"profileIds": ["default"]})),
    )
    .await;
    refused(&app, ("GET", "/_now"), Some(&token), None, FORBIDDEN).await;
}

/// Operations of the catalog need the right of their name, on their own route as by name; Sunbird's
/// clients show the user's token where they always do.
#[tokio::test]
async fn an_operation_needs_the_right_of_its_name() {
    let (app, admin) = closed().await;
    let token = user(
        &app,
        &admin,
        "meera",
        json!({"note": allow(&["create"])}),
        json!([]),
    )
    .await;
    let create = async |path: &str, token: &str| {
        let body = json!({"request": {}});
        let request = app
            .client
            .post(app.url(path))
            .header("x-authenticated-user-token", token);
        let answer = request.json(&body).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let (status, json) = create("/v1/note/create", &token).await;
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "let in, and the request is invalid: {json:#}"
    );
    let (status, json) = create("/v1/user/create", &token).await;
    assert_eq!(
        (status, &json["result"]["problem"]["code"]),
        (StatusCode::FORBIDDEN, &json!("forbidden"))
    );
    let (status, json) = create("/v1/user/create", "rubbish").await;
    assert_eq!(
        (status, &json["params"]["status"]),
        (StatusCode::UNAUTHORIZED, &json!("UNAUTHORIZED")),
        "{json:#}"
    );
    let (status, ..) = answer(with(
        &app,
        "POST",
        "/v1/operations/user.create",
        Some(&token),
        Some(&json!({})),
    ))
    .await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn what_a_document_was_needs_the_right_to_its_history() {
    let (app, admin) = closed().await;
    let here = json!([{"index": "ix", "collections": ["co"]}]);
    let reads = json!({"document": allow(&["get"])});
    let reader = user(&app, &admin, "meera", reads, here.clone()).await;
    let looks_back = json!({"document": allow(&["get", "history"])});
    let historian = user(&app, &admin, "ravi", looks_back, here).await;
    let path = "/ix/co/a?refresh=wait_for";
    ok(&app, "PUT", path, Some(&admin), Some(json!({"n": 1}))).await;
    let now = "/v1/documents/ix/co/a";
    let then = "/v1/documents/ix/co/a?at=2020-01-01T00:00:00Z";
    for (token, path, is_allowed) in [
        (&reader, now, true),
        (&reader, then, false),
        (&historian, now, true),
        (&historian, then, true),
    ] {
        let (told, _, body) = answer(with(&app, "GET", path, Some(token), None)).await;
        assert_eq!(told != 403, is_allowed, "{path}: {told} {body:#}");
    }
}
