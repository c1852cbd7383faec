//! Bulk writes: without metadata, whatever the number.

use super::{fault, ok, world};
use serde_json::json;

#[tokio::test]
async fn bulk_writes_leave_documents_as_they_are() {
    let app = world().await;
    let made = ok(&app, "POST", "/ix/co/_write", Some(json!({"name": "x"}))).await;
    assert_eq!(
        (&made["_source"], &made["_version"]),
        (&json!({"name": "x"}), &json!(1))
    );
    let many = ok(
        &app,
        "POST",
        "/ix/co/_mWrite",
        Some(json!({"documents": [{"_id": "a", "body": {"name": "x"}}, {"body": {"name": "y"}}]})),
    )
    .await;
    assert_eq!(
        (
            &many["successes"][0]["_source"],
            many["successes"].as_array().unwrap().len()
        ),
        (&json!({"name": "x"}), 2)
    );
    let updated = ok(
        &app,
        "PATCH",
        "/ix/co/_bulk/_query?refresh=wait_for",
        Some(json!({"query": {"term": {"name": "x"}}, "changes": {"n": 3}})),
    )
    .await;
    assert_eq!(updated, json!({"updated": 2}));
    assert_eq!(
        ok(&app, "GET", "/ix/co/a", None).await["_source"],
        json!({"name": "x", "n": 3})
    );
    assert_eq!(
        ok(
            &app,
            "DELETE",
            "/ix/co/_bulk/_query",
            Some(json!({"query": {"term": {"name": "x"}}}))
        )
        .await,
        json!({"deleted": 2})
    );
    assert_eq!(
        ok(
            &app,
            "DELETE",
            "/ix/co/_bulk/_query",
            Some(json!({"query": {}}))
        )
        .await,
        json!({"deleted": 1})
    );
}

#[tokio::test]
async fn an_import_keeps_its_order() {
    let app = world().await;
    let data = json!({"bulkData": [
        {"index": {"_id": "1"}}, {"name": "a"}, {"create": {"_id": "2"}}, {"name": "b"}, {"create": {"_id": "1"}}, {"name": "c"},
        {"update": {"_id": "1"}}, {"doc": {"n": 1}}, {"delete": {"_id": "2"}}, {"create": {"_id": "2"}}, {"name": "again"},
    ]});
    let done = ok(&app, "POST", "/ix/co/_bulk", Some(data)).await;
    assert_eq!(
        done["successes"],
        json!([{"index": {"_id": "1", "status": 201}}, {"create": {"_id": "2", "status": 201}}, {"update": {"_id": "1", "status": 200}}, {"delete": {"_id": "2", "status": 200}}, {"create": {"_id": "2", "status": 201}}])
    );
    let error = &done["errors"][0]["create"];
    assert_eq!(
        (&error["_id"], &error["status"], &error["_source"]),
        (&json!("1"), &json!(400), &json!({"name": "c"}))
    );
    assert_eq!(
        ok(&app, "GET", "/ix/co/1", None).await["_source"],
        json!({"name": "a", "n": 1})
    );
    assert_eq!(
        ok(&app, "GET", "/ix/co/2", None).await["_source"],
        json!({"name": "again"})
    );
    for bad in [
        json!({"bulkData": [{"index": {}}]}),
        json!({"bulkData": [{"move": {}}, {}]}),
        json!({"bulkData": [{"delete": {}}]}),
        json!({"bulkData": [{"index": {"_id": "1"}, "delete": {"_id": "1"}}, {}]}),
        json!({"bulkData": [{"index": {"_id": 1.5}}, {}]}),
        json!({"bulkData": [{"index": {"_id": ["1"]}}, {}]}),
        json!({"bulkData": [{"index": {"_id": "1", "_index": "elsewhere"}}, {}]}),
        json!({"bulkData": [{"index": {"_id": "1", "if_seq_no": 3}}, {}]}),
        json!({"bulkData": [{"update": {"_id": "1"}}, {"doc": {}, "doc_as_upsert": true}]}),
        json!({"bulkData": [{"update": {"_id": "1"}}, {"doc": {}, "script": {"source": "x"}}]}),
        json!({"bulkData": [{"index": {"_id": "3"}}, {"n": 3}, {"update": {}}, {"doc": {}}]}),
    ] {
        fault(
            &app,
            "POST",
            "/ix/co/_bulk",
            Some(bad),
            400,
            "api.assert.invalid_argument",
        )
        .await;
    }
    fault(
        &app,
        "GET",
        "/ix/co/3",
        None,
        404,
        "services.storage.not_found",
    )
    .await;
    let by_number = json!({"bulkData": [{"index": {"_id": -42}}, {"n": 42}]});
    ok(&app, "POST", "/ix/co/_bulk", Some(by_number)).await;
    assert_eq!(
        ok(&app, "GET", "/ix/co/-42", None).await["_source"],
        json!({"n": 42})
    );
}
