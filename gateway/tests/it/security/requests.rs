//! What became of a request is told to whoever made it, and to those who may have all explained.

use super::{allow, answer, close, user, with};
use crate::harness::{App, Builder};
use runtime::Shutdown;
use serde_json::{Value, json};

const UNKNOWN: (u16, &str) = (404, "unknown_request");

/// A document is created there; the id of the request.
async fn create(app: &App, token: &str, id: &str, prefer: &str) -> String {
    let body = json!({"index": "ix", "collection": "co", "_id": id, "body": {}});
    let path = "/v1/operations/document.create";
    let asked = with(app, "POST", path, Some(token), Some(&body));
    let (status, _, told) = answer(asked.header("prefer", prefer)).await;
    assert!(status < 300, "{told:#}");
    told["request_id"].as_str().unwrap().to_owned()
}

async fn shown(app: &App, token: Option<&str>, request: &str) -> (u16, String, Value) {
    let path = format!("/v1/requests/{request}");
    answer(with(app, "GET", &path, token, None)).await
}

#[tokio::test]
async fn a_request_is_shown_to_whoever_made_it() {
    let app = Builder {
        worker: false,
        ..Builder::default()
    };
    let app = app.start().await;
    let (trigger, shutdown) = Shutdown::manual();
    let worker = app.worker_until(shutdown);
    let admin = close(&app).await;
    let rights = || json!({"document": allow(&["create"]), "request": allow(&["get"])});
    let meera = user(&app, &admin, "meera", rights(), json!([])).await;
    let bob = user(&app, &admin, "bob", rights(), json!([])).await;
    let explains = json!({"request": allow(&["get", "explain"])});
    let support = user(&app, &admin, "support", explains, json!([])).await;

    let applied = create(&app, &meera, "a", "wait=20").await;
    let refused = {
        let body = json!({"index": "ix", "collection": "co", "_id": "a", "body": {}});
        let asked = with(
            &app,
            "POST",
            "/v1/operations/document.create",
            Some(&meera),
            Some(&body),
        );
        let (status, _, told) = answer(asked.header("prefer", "wait=20")).await;
        assert_eq!(status, 409, "{told:#}");
        told["request_id"].as_str().unwrap().to_owned()
    };
    trigger.soft();
    worker.await.unwrap();
    let queued = create(&app, &meera, "b", "respond-async").await;

    for (request, status) in [
        (&applied, "applied"),
        (&refused, "refused"),
        (&queued, "queued"),
    ] {
        for token in [&meera, &support, &admin] {
            let (code, _, told) = shown(&app, Some(token), request).await;
            assert_eq!((code, &told["status"]), (200, &json!(status)), "{told:#}");
        }
        let (code, id, told) = shown(&app, Some(&bob), request).await;
        assert_eq!((code, id.as_str()), UNKNOWN, "{status}: {told:#}");
        assert_eq!(shown(&app, None, request).await.0, 401);
    }
}
