//! Specifications: declared, told, and kept by documents.

use super::{fault, ok, world};
use serde_json::{Value, json};

fn specification() -> Value {
    json!({"strict": true, "fields": {
        "name": {"type": "string", "mandatory": true, "typeOptions": {"length": {"min": 2}}},
        "n": {"type": "integer", "defaultValue": 7},
    }})
}

#[tokio::test]
async fn specifications_are_declared_told_and_gone() {
    let app = world().await;
    let path = "/ix/co/_specifications";
    fault(&app, "GET", path, None, 404, "validation.assert.not_found").await;
    let wrong = json!({"fields": {"a": {"type": "x"}, "b": {}}});
    let invalid = "validation.assert.invalid_specifications";
    let refused = fault(&app, "PUT", path, Some(wrong.clone()), 400, invalid).await;
    assert_eq!(
        refused["errors"].as_array().unwrap().len(),
        2,
        "{refused:#}"
    );
    let check = "/ix/co/_validateSpecifications";
    let told = ok(&app, "POST", check, Some(wrong)).await;
    assert_eq!(
        (&told["valid"], told["details"].as_array().unwrap().len()),
        (&json!(false), 2)
    );
    assert_eq!(
        ok(&app, "POST", check, Some(specification())).await,
        json!({"valid": true})
    );
    fault(&app, "GET", path, None, 404, "validation.assert.not_found").await;

    assert_eq!(
        ok(&app, "PUT", path, Some(specification())).await,
        specification()
    );
    let stands = json!({"index": "ix", "collection": "co", "validation": specification()});
    assert_eq!(ok(&app, "GET", path, None).await, stands);
    ok(&app, "PUT", "/ix/other", Some(json!({}))).await;
    ok(&app, "PUT", "/ix/other/_specifications", Some(json!({}))).await;
    let all = ok(
        &app,
        "POST",
        "/validations/_search",
        Some(json!({"query": {}})),
    )
    .await;
    assert_eq!(
        (&all["total"], &all["hits"][0]),
        (&json!(2), &json!({"_id": "ix#co", "_source": stands}))
    );
    let first = ok(&app, "POST", "/validations/_search?size=1&scroll=1m", None).await;
    let id = first["scrollId"].as_str().unwrap();
    let next = ok(&app, "GET", &format!("/validations/_scroll/{id}"), None).await;
    assert_eq!(
        (&first["hits"][0]["_id"], &next["hits"][0]["_id"]),
        (&json!("ix#co"), &json!("ix#other"))
    );
    let gone = "services.storage.unknown_scroll_id";
    fault(&app, "GET", &format!("/_scroll/{id}"), None, 404, gone).await;
    let query = json!({"query": {"term": {"index": "ix"}}});
    fault(
        &app,
        "POST",
        "/validations/_search",
        Some(query),
        501,
        "services.storage.unsupported",
    )
    .await;

    // A mapping that changes and documents that go leave them there.
    ok(
        &app,
        "PUT",
        "/ix/co/_mapping",
        Some(json!({"properties": {"more": {"type": "keyword"}}})),
    )
    .await;
    ok(&app, "DELETE", "/ix/co/_truncate", None).await;
    assert_eq!(ok(&app, "GET", path, None).await, stands);
    assert_eq!(
        ok(&app, "DELETE", path, None).await,
        json!({"acknowledged": true})
    );
    fault(&app, "GET", path, None, 404, "validation.assert.not_found").await;
    ok(&app, "POST", "/ix/co/_create", Some(json!({"anything": 1}))).await;
    let own = "services.storage.unexpected_bad_request";
    fault(
        &app,
        "PUT",
        "/sunbird/user/_specifications",
        Some(json!({})),
        400,
        own,
    )
    .await;
}

#[tokio::test]
async fn documents_keep_them() {
    let app = world().await;
    ok(&app, "PUT", "/ix/co/_specifications", Some(specification())).await;
    let (field, document) = (
        "validation.check.failed_field",
        "validation.check.failed_document",
    );
    for (body, id) in [
        (json!({"name": "x"}), field),
        (json!({"n": 1}), field),
        (json!({"name": "xy", "n": "1"}), field),
        (json!({"name": "xy", "z": 1}), document),
    ] {
        for (verb, path) in [("POST", "/ix/co/_create?_id=a"), ("PUT", "/ix/co/a")] {
            fault(&app, verb, path, Some(body.clone()), 400, id).await;
        }
        let told = ok(&app, "POST", "/ix/co/_validate", Some(body)).await;
        assert_eq!(told["valid"], false, "{told}");
    }
    assert_eq!(ok(&app, "GET", "/ix/co/a/_exists", None).await, false);
    let good = || Some(json!({"name": "xy"}));
    assert_eq!(
        ok(&app, "POST", "/ix/co/_validate", good()).await["valid"],
        true
    );
    let made = ok(&app, "POST", "/ix/co/_create?_id=a", good()).await;
    assert_eq!(
        (&made["_source"]["name"], &made["_source"]["n"]),
        (&json!("xy"), &json!(7))
    );
    // As the whole document would be.
    ok(&app, "PATCH", "/ix/co/a/_update", Some(json!({"n": 8}))).await;
    fault(
        &app,
        "PATCH",
        "/ix/co/a/_update",
        Some(json!({"name": null})),
        400,
        field,
    )
    .await;
    fault(
        &app,
        "PATCH",
        "/ix/co/a/_update",
        Some(json!({"z": 1})),
        400,
        document,
    )
    .await;
    ok(&app, "PATCH", "/ix/co/a/_update", Some(json!({"n": null}))).await;
    let stands = ok(&app, "GET", "/ix/co/a", None).await;
    assert_eq!(
        (&stands["_source"]["name"], &stands["_source"]["n"]),
        (&json!("xy"), &json!(7))
    );
    let missing = "services.storage.not_found";
    fault(
        &app,
        "PATCH",
        "/ix/co/none/_update",
        Some(json!({"n": 1})),
        404,
        missing,
    )
    .await;
}
