//! A document as it was, and a request's way, from the log.

use crate::harness::{App, Builder, app, city, log_only, told};
use event_log::embedded;
use event_schema::topics::CHANGES;
use serde_json::{Value, json};

/// Writes and waits; answers the token and the request.
async fn write(app: &App, operation: &str, body: &Value) -> (String, String) {
    let request = app.post(&format!("/v1/operations/{operation}"), body);
    let (status, _, answer) = told(request.header("Prefer", "wait=10")).await;
    assert!(status.is_success(), "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("token"), text("request_id"))
}

async fn history(app: &App) -> Value {
    let (status, _, history) = told(app.get("/v1/documents/geo/cities/1/_history")).await;
    assert!(status.is_success(), "{history}");
    history
}

async fn at(app: &App, moment: &str) -> (u16, Value) {
    let read = app
        .get("/v1/documents/geo/cities/1")
        .query(&[("at", moment)]);
    let (status, _, answer) = told(read).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn a_document_is_read_as_it_was() {
    let app = app().await;
    app.cities().await;
    let (first, _) = write(&app, "document.create", &city("1", "Lutetia")).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let (second, renamed) = write(&app, "document.createOrReplace", &city("1", "Paris")).await;
    let gone = json!({"index": "geo", "collection": "cities", "_id": "1"});
    let (third, _) = write(&app, "document.delete", &gone).await;
    write(&app, "document.create", &city("1", "Paris again")).await;

    let told = history(&app).await;
    let entries = told["entries"].as_array().unwrap();
    let actions: Vec<_> = entries.iter().map(|one| one["action"].clone()).collect();
    assert_eq!(actions, ["create", "replace", "delete", "create"], "{told}");
    assert_eq!(entries[1]["request_id"], renamed);
    assert_eq!(entries[1]["_source"]["name"], "Paris");
    assert_eq!(
        (&told["whole"], &entries[2]["_source"]),
        (&json!(true), &Value::Null)
    );

    let (status, then) = at(&app, &first).await;
    assert_eq!((status, &then["_source"]["name"]), (200, &json!("Lutetia")));
    assert_eq!(then["_version"], 1);
    assert_eq!(at(&app, &second).await.1["_source"]["name"], "Paris");
    assert_eq!(at(&app, &third).await.0, 404);
    let time = entries[0]["time"].as_str().unwrap();
    assert_eq!(at(&app, time).await.1["_source"]["name"], "Lutetia");
    assert_eq!(at(&app, "1000").await.0, 404, "before it was written");
    assert_eq!(at(&app, "2999-01-01T00:00:00Z").await.1["_version"], 4);
    let (status, refused) = at(&app, "yesterday").await;
    assert_eq!((status, &refused["code"]), (400, &json!("bad_request")));
    // Another key's write says nothing of this document.
    let mut others = Vec::new();
    for n in 2..12 {
        others.push(
            write(&app, "document.create", &city(&n.to_string(), "x"))
                .await
                .0,
        );
    }
    let mut refused = 0;
    for other in others {
        refused += u32::from(at(&app, &other).await.0 == 400);
    }
    assert!(refused > 0, "all keys in one partition");
}

#[tokio::test]
async fn what_is_older_than_the_log_is_said_to_be_gone() {
    let app = Builder {
        log: embedded::Options {
            segment_bytes: 4 << 10,
            ..embedded::Options::default()
        },
        ..Builder::default()
    };
    let app = app.start().await;
    app.cities().await;
    let (first, _) = write(&app, "document.create", &city("1", "n0")).await;
    for n in 1..60 {
        write(
            &app,
            "document.createOrReplace",
            &city("1", &format!("n{n}")),
        )
        .await;
    }
    let partition = history(&app).await["partition"].as_u64().unwrap() as u16;
    let topic = app.layout.name(&CHANGES);
    let admin = &app.log.admin;
    let end = admin.offsets(&topic, partition).await.unwrap().end;
    admin
        .delete_before(&topic, partition, end - 10)
        .await
        .unwrap();
    let begins = admin.offsets(&topic, partition).await.unwrap().earliest;
    assert!(begins > 0, "nothing was deleted");

    let kept = history(&app).await;
    assert_eq!(kept["whole"], false);
    let (status, problem) = at(&app, "1000").await;
    assert_eq!((status, &problem["code"]), (410, &json!("history_gone")));
    assert_eq!(problem["kept_from"], kept["kept_from"]);
    assert_eq!(at(&app, &first).await.0, 410);
    let (status, now) = at(&app, "2999-01-01T00:00:00Z").await;
    assert_eq!((status, &now["_source"]["name"]), (200, &json!("n59")));
}

#[tokio::test]
async fn a_request_is_explained_from_the_log() {
    let app = app().await;
    app.cities().await;
    let (_, request) = write(&app, "document.create", &city("1", "Paris")).await;
    let explain = |request: &str| told(app.get(&format!("/v1/requests/{request}/explain")));
    let steps = |told: &Value| -> Vec<String> {
        let steps = told["steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["step"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut seen = explain(&request).await.2;
    // Its mark comes with the next batch, or when the partition is idle.
    for _ in 0..200 {
        if steps(&seen).contains(&"resolved".to_owned()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        seen = explain(&request).await.2;
    }
    let expected = [
        "received", "accepted", "decided", "applied", "resolved", "notified",
    ];
    assert_eq!(steps(&seen), expected, "{seen}");
    assert_eq!(
        (&seen["operation"], &seen["key"]),
        (&json!("document.create"), &json!("geo/cities/1"))
    );
    assert_eq!(
        (&seen["verdict"], &seen["next"]),
        (&json!("applied"), &json!("nothing is left to do"))
    );
    assert_eq!(seen["documents"][0]["record"], "current");
    let refused = app.post("/v1/operations/document.create", &city("1", "again"));
    let (_, _, refused) = told(refused.header("Prefer", "wait=10")).await;
    let why = explain(refused["request_id"].as_str().unwrap()).await.2;
    assert_eq!(why["verdict"]["refused"]["code"], "exists", "{why}");
}

#[tokio::test]
async fn a_request_that_waits_is_explained_too() {
    let app = log_only().await;
    app.cities().await;
    let written = app.post("/v1/operations/document.create", &city("1", "Paris"));
    let request = told(written).await.2["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/requests/{request}/explain");
    let seen = told(app.get(&path)).await.2;
    let steps = seen["steps"].as_array().unwrap();
    assert_eq!(
        (steps.len(), &steps[1]["step"]),
        (2, &json!("accepted")),
        "{seen}"
    );
    assert!(
        seen["next"]
            .as_str()
            .unwrap()
            .starts_with("a worker decides it"),
        "{seen}"
    );
}
