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
