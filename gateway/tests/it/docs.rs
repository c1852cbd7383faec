//! The OpenAPI document says all there is, and the page loads nothing from elsewhere.

use crate::harness::{log_only, told};

#[tokio::test]
async fn every_route_is_described_and_every_description_is_served() {
    let app = log_only().await;
    let (_, _, spec) = told(app.get("/openapi.json")).await;
    assert_eq!(spec["openapi"], "3.1.0");
    let paths = spec["paths"].as_object().unwrap();
    for path in [
        "/v1/operations/{operation}",
        "/v1/operations/{operation}/_bulk",
        "/v1/requests/{id}",
        "/v1/tables/{table}/{key}",
        "/v1/location/create",
        "/v1/operations/document.create",
        "/healthz",
        "/metrics",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let concrete = path
                .split('/')
                .map(|s| if s.starts_with('{') { "x" } else { s })
                .collect::<Vec<_>>()
                .join("/");
            let answer = app
                .client
                .request(method.to_uppercase().parse().unwrap(), app.url(&concrete))
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            let unrouted = status == 405
                || status == 404
                    && text.contains("\"code\":\"unknown_route\"")
                    && !path.contains("/docs/errors");
            assert!(!unrouted, "{method} {path}: {status} {text}");
            assert!(
                operation["responses"]
                    .as_object()
                    .is_some_and(|responses| !responses.is_empty()),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn references_lead_somewhere_and_ids_are_unique() {
    let app = log_only().await;
    let text = app
        .get("/openapi.json")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
    for reference in text
        .split("\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(
            spec.pointer(reference).is_some() || reference.contains("$defs"),
            "{reference}"
        );
    }
    let mut ids: Vec<_> = text
        .split("\"operationId\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[tokio::test]
async fn the_page_is_self_contained() {
    let app = log_only().await;
    let answer = app.get("/docs").send().await.unwrap();
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("/openapi.json") && !page.contains("http://") && !page.contains("https://")
    );
    let error = app.get("/docs/errors/queue_full").send().await.unwrap();
    assert_eq!(error.status(), 200);
    assert!(error.text().await.unwrap().contains("429"));
    assert_eq!(
        app.get("/docs/errors/none").send().await.unwrap().status(),
        404
    );
}
