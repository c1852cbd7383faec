//! Catalog routes: Sunbird's envelope in, Sunbird's envelope out, errors too.

use crate::harness::{Builder, app, log_only, told};
use gateway::Config;
use serde_json::json;

#[tokio::test]
async fn a_location_is_made_and_read() {
    let app = app().await;
    let body = json!({"id": "x", "ver": "v1", "ts": "t", "params": {"msgid": "m-1"}, "request": {"name": "Kerala", "code": "KL", "type": "state"}});
    let (status, _, json) = told(app.post("/v1/location/create", &body)).await;
    assert_eq!(status, 200, "{json:#}");
    assert_eq!(
        (
            json["id"].as_str(),
            json["ver"].as_str(),
            json["responseCode"].as_str()
        ),
        (Some("api.location.create"), Some("v1"), Some("OK"))
    );
    assert_eq!(
        (
            json["params"]["msgid"].as_str(),
            json["params"]["status"].as_str()
        ),
        (Some("m-1"), Some("success"))
    );
    assert!(json["params"]["err"].is_null() && json["params"]["errmsg"].is_null());
    assert_eq!(json["result"]["response"], "SUCCESS");
    assert!(json["ts"].as_str().unwrap().ends_with("+0000"), "{json}");
    let id = json["result"]["id"].as_str().unwrap();
    assert_eq!(
        told(app.get(&format!("/v1/tables/location/{id}"))).await.0,
        200
    );
    assert_eq!(
        told(app.get(&format!("/v1/documents/sunbird/location/{id}")))
            .await
            .2["_source"]["name"],
        "Kerala"
    );
}

#[tokio::test]
async fn errors_come_in_the_envelope() {
    let app = log_only().await;
    let cases = [
        (
            json!({"request": {"name": "Kerala", "code": "KL", "type": "planet"}}),
            400,
            "invalid",
        ),
        (json!({"params": {}}), 400, "invalid"),
        (
            json!({"request": {"name": "K", "code": "KL", "type": "district"}}),
            400,
            "invalid",
        ),
        (json!([]), 400, "invalid"),
    ];
    for (body, expected, code) in cases {
        let (status, _, json) = told(app.post("/v1/location/create", &body)).await;
        assert_eq!(
            (status.as_u16(), json["responseCode"].as_str()),
            (expected, Some("CLIENT_ERROR")),
            "{json:#}"
        );
        assert_eq!(
            (
                json["params"]["err"].as_str(),
                json["params"]["status"].as_str()
            ),
            (Some(code), Some("CLIENT_ERROR"))
        );
        assert!(json["params"]["errmsg"].is_string() && json["result"]["problem"]["code"] == code);
    }
    let (status, _, json) = told(app.client.post(app.url("/v1/location/create")).body("{}")).await;
    assert_eq!(
        (status.as_u16(), json["params"]["err"].as_str()),
        (415, Some("unsupported_media_type"))
    );
    let missing = json!({"request": {"id": "none", "name": "x"}});
    let (status, _, json) = told(
        app.client
            .patch(app.url("/v1/location/update"))
            .json(&missing)
            .header("prefer", "wait=1"),
    )
    .await;
    assert_eq!(status, 202, "no worker: {json}");
}

#[tokio::test]
async fn what_is_not_applied_in_time_is_accepted_in_the_envelope() {
    let app = Builder {
        worker: false,
        config: Config {
            sunbird_wait_seconds: 1,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    let body = json!({"request": {"name": "Kerala", "code": "KL", "type": "state"}});
    let (status, headers, json) = told(app.post("/v1/location/create", &body)).await;
    assert_eq!(
        (status.as_u16(), json["responseCode"].as_str()),
        (202, Some("OK")),
        "{json}"
    );
    let id = json["result"]["request_id"].as_str().unwrap();
    assert_eq!(headers["location"], format!("/v1/requests/{id}"));
    assert_eq!(
        told(app.get(&format!("/v1/requests/{id}"))).await.2["status"],
        "queued"
    );
}

#[tokio::test]
async fn a_user_is_created_from_a_real_request() {
    let app = app().await;
    let request = json!({
        "userName": "meera.nair", "firstName": "Meera", "lastName": "Nair", "email": "meera.nair@example.org", "emailVerified": true,
        "phone": "9845012367", "phoneVerified": true, "countryCode": "+91", "channel": "coastal-schools", "userType": "TEACHER",
    });
    let (status, _, json) = told(app.post(
        "/v1/user/create",
        &json!({"params": {"msgid": "m"}, "request": request}),
    ))
    .await;
    assert_eq!(
        (status.as_u16(), json["result"]["response"].as_str()),
        (200, Some("SUCCESS")),
        "{json:#}"
    );
    let id = json["result"]["userId"].as_str().unwrap();
    assert_eq!(
        told(app.get(&format!("/v1/documents/sunbird/user/{id}")))
            .await
            .0,
        200
    );
    assert_eq!(told(app.get(&format!("/v1/tables/user/{id}"))).await.0, 200);
}

/// What stands is written once more, and is no newer for it.
#[tokio::test]
async fn a_sync_writes_a_document_without_a_new_revision() {
    let app = app().await;
    let request = json!({"firstName": "Meera", "email": "meera@example.org", "emailVerified": true, "channel": "c"});
    let asked = app.post("/v1/operations/user.create", &request);
    let (status, _, json) = told(asked.header("prefer", "wait=20")).await;
    assert_eq!(status, 200, "{json:#}");
    let id = json["result"]["userId"].as_str().unwrap();
    let path = format!("/v1/documents/sunbird/user/{id}");
    let (_, _, before) = told(app.get(&path)).await;
    let request = json!({"objectType": "user", "objectIds": [id]});
    let asked = app.post("/v1/operations/data.sync", &request);
    let (status, _, json) = told(asked.header("prefer", "wait=20")).await;
    assert_eq!(status, 200, "{json:#}");
    let request = json["request_id"].as_str().unwrap();
    let (_, _, json) = told(app.get(&format!("/v1/requests/{request}"))).await;
    assert_eq!(json["parts"][0]["status"], "applied", "{json:#}");
    let (_, _, after) = told(app.get(&path)).await;
    assert_eq!(after, before);
    assert_eq!(after["_version"], 1);
}

#[tokio::test]
async fn a_further_route_of_an_operation_is_the_operation() {
    let app = app().await;
    let body = json!({"request": {"userName": "meera", "firstName": "Meera", "email": "meera@example.org", "emailVerified": true, "channel": "coastal-schools"}});
    let (status, _, json) = told(app.post("/v1/user/create", &body)).await;
    assert_eq!(status, 200, "{json:#}");
    let id = json["result"]["userId"].as_str().unwrap().to_owned();
    let patch = |path: &str, request: serde_json::Value| {
        let body = json!({"request": request});
        told(app.client.patch(app.url(path)).json(&body))
    };
    for (path, name) in [
        ("/v1/user/update", "Nair"),
        ("/private/user/v1/update", "Nair Thomas"),
    ] {
        let (status, _, json) = patch(path, json!({"userId": id, "lastName": name})).await;
        assert_eq!(status, 200, "{json:#}");
        assert_eq!(json["id"], "api.user.update");
        let user = format!("/v1/documents/sunbird/user/{id}");
        let (_, _, user) = told(app.get(&user)).await;
        assert_eq!(user["_source"]["lastName"], name, "{user:#}");
        let (status, _, json) = patch(path, json!({"userId": id, "userName": "other"})).await;
        assert_eq!(status, 400, "{json:#}");
    }
    let other =
        json!({"request": {"firstName": "Asha", "phone": "9876543210", "phoneVerified": true}});
    let (status, _, json) = told(app.post("/v2/user/create", &other)).await;
    assert_eq!(
        (status.as_u16(), &json["id"]),
        (200, &json!("api.user.create")),
        "{json:#}"
    );
    let (status, _, _) = told(app.post("/v2/user/block", &other)).await;
    assert_eq!(status, 404, "what no operation has");
    let (status, _, _) = told(app.get("/private/user/v1/update")).await;
    assert_eq!(status, 405);
    let (status, _, _) = told(app.post("/private/user/v1/create", &body)).await;
    assert_eq!(status, 404, "what no operation has");
}
