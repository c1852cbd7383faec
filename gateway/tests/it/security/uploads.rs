//! Uploads: begun by those who may ask for what a line asks for, carried out with the rights that are
//! left then, shown to whoever began them.

use super::{allow, answer, close, closed, ok, refused, user, with};
use crate::{harness::App, uploads::taker};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const START: (&str, &str) = ("POST", "/v1/operations/location.bulk.upload");
const FILE: &str = "code,name,parentCode,parentId\nKL,Kerala,,\nTN,Tamil Nadu,,\n";

fn states() -> Value {
    json!({"type": "state", "data": FILE})
}

fn uploader(actions: &[&str]) -> Value {
    json!({"location": allow(actions), "upload": allow(&["get", "results"])})
}

async fn start(app: &App, token: &str) -> String {
    let (status, _, json) = answer(with(app, START.0, START.1, Some(token), Some(&states()))).await;
    assert_eq!(status, 202, "{json:#}");
    json["processId"].as_str().unwrap().to_owned()
}

async fn completed(app: &App, token: &str, process: &str) -> Value {
    let path = format!("/v1/upload/status/{process}");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, _, json) = answer(with(app, "GET", &path, Some(token), None)).await;
        if json["result"]["status"] == "COMPLETED" {
            return json["result"].clone();
        }
        assert!(Instant::now() < deadline, "{json:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_upload_needs_the_rights_of_its_lines_and_is_shown_to_its_owner() {
    let (app, admin) = closed().await;
    let all = uploader(&["bulk.upload", "create", "update"]);
    let meera = user(&app, &admin, "meera", all.clone(), json!([])).await;
    let arun = user(&app, &admin, "arun", all, json!([])).await;
    let half = uploader(&["bulk.upload", "create"]);
    let half = user(&app, &admin, "half", half, json!([])).await;
    let forbidden = (403, "forbidden");
    refused(&app, START, Some(&half), Some(states()), forbidden).await;
    refused(&app, START, None, Some(states()), (401, "unauthenticated")).await;
    let process = start(&app, &meera).await;
    let status = completed(&app, &meera, &process).await;
    assert_eq!(
        (&status["succeeded"], &status["failed"]),
        (&json!(2), &json!(0))
    );
    completed(&app, &admin, &process).await;
    let results = format!("/v1/upload/results/{process}");
    refused(&app, ("GET", &results), Some(&arun), None, forbidden).await;
    let path = format!("/v1/upload/status/{process}");
    let (status, _, json) = answer(with(&app, "GET", &path, Some(&arun), None)).await;
    assert_eq!(
        (status, &json["result"]["problem"]["code"]),
        (403, &json!("forbidden"))
    );
}

/// What was taken away before the lines are carried out is gone for them.
#[tokio::test]
async fn lines_have_the_rights_that_are_left() {
    let app = taker().await;
    let admin = close(&app).await;
    let all = uploader(&["bulk.upload", "create", "update"]);
    let meera = user(&app, &admin, "meera", all, json!([])).await;
    let process = start(&app, &meera).await;
    let less = json!({"controllers": uploader(&["bulk.upload"])});
    ok(
        &app,
        "PUT",
        "/roles/meera?force=true",
        Some(&admin),
        Some(less),
    )
    .await;
    app.sibling(gateway::Config::default()).await;
    let status = completed(&app, &meera, &process).await;
    assert_eq!(
        (&status["succeeded"], &status["failed"]),
        (&json!(0), &json!(2))
    );
    let results = format!("/v1/upload/results/{process}");
    let text = with(&app, "GET", &results, Some(&meera), None).send().await;
    let text = text.unwrap().text().await.unwrap();
    assert!(
        text.contains("KL,Kerala,,,failed,`location:create` is not among"),
        "{text}"
    );
}

/// Nothing is done in the name of an account that is gone, whoever has that name now.
#[tokio::test]
async fn lines_of_a_user_who_is_gone_are_refused_by_name() {
    let app = taker().await;
    let admin = close(&app).await;
    let all = || uploader(&["bulk.upload", "create", "update"]);
    let meera = user(&app, &admin, "meera", all(), json!([])).await;
    let arun = user(&app, &admin, "arun", all(), json!([])).await;
    let processes = [start(&app, &meera).await, start(&app, &arun).await];
    for name in ["meera", "arun"] {
        let path = format!("/users/{name}");
        ok(&app, "DELETE", &path, Some(&admin), None).await;
    }
    // The same name, and all rights.
    user(&app, &admin, "arun", all(), json!([])).await;
    app.sibling(gateway::Config::default()).await;
    for (name, process) in ["meera", "arun"].iter().zip(&processes) {
        let status = completed(&app, &admin, process).await;
        assert_eq!(
            (&status["succeeded"], &status["failed"]),
            (&json!(0), &json!(2))
        );
        let results = format!("/v1/upload/results/{process}");
        let text = with(&app, "GET", &results, Some(&admin), None).send().await;
        let text = text.unwrap().text().await.unwrap();
        let gone = format!("KL,Kerala,,,failed,\"user `{name}`, who sent the file, is gone\"");
        assert!(text.contains(&gone), "{text}");
    }
}
