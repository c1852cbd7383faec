//! Rows of operations' own tables, by a path segment per key column.

use crate::harness::{app, log_only, problem, told};
use serde_json::json;

#[tokio::test]
async fn a_row_is_read_by_its_key() {
    let app = app().await;
    let request = json!({"name": "Kerala", "code": "KL", "type": "state"});
    let (status, _, json) = told(
        app.post("/v1/operations/location.create", &request)
            .header("prefer", "wait=20"),
    )
    .await;
    assert_eq!(status, 200, "{json}");
    let id = json["result"]["id"].as_str().unwrap();
    let token = json["token"].as_str().unwrap();
    let (_, _, row) = told(app.get(&format!("/v1/tables/location/{id}?after={token}"))).await;
    assert_eq!(
        (
            row["id"].as_str(),
            row["code"].as_str(),
            row["name"].as_str()
        ),
        (Some(id), Some("KL"), Some("Kerala"))
    );
}

#[tokio::test]
async fn what_is_no_row_is_named() {
    let app = log_only().await;
    let found = problem(app.get("/v1/tables/locaton/1"), 404, "unknown_table").await;
    assert!(
        found["detail"].as_str().unwrap().contains("`location`"),
        "{found}"
    );
    problem(app.get("/v1/tables/location/a%2Fb"), 404, "missing").await;
    problem(app.get("/v1/tables/location/a/b"), 422, "bad_key").await;
}

/// A code that was made is nothing a client may read, nor is how often one was asked for.
#[tokio::test]
async fn rows_of_a_hidden_table_are_never_shown() {
    let app = app().await;
    let request = json!({"type": "phone", "key": "9845012367"});
    let asked = app
        .post("/v1/operations/otp.generate", &request)
        .header("prefer", "wait=20");
    let (status, _, json) = told(asked).await;
    assert_eq!(status, 200, "{json}");
    for row in ["otp/phone/9845012367", "rate_limit/9845012367/HOUR"] {
        let path = format!("/v1/tables/{row}");
        problem(app.get(&path), 404, "unknown_table").await;
    }
}
