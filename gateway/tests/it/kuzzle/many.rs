//! Many documents in one call, by name and by query.

use super::{call, fault, ok, world};
use serde_json::{Value, json};

fn documents(count: usize) -> Value {
    json!({"documents": (0..count).map(|n| json!({"_id": format!("d{n}"), "body": {"n": n, "name": "x"}})).collect::<Vec<_>>()})
}

#[tokio::test]
async fn each_document_has_its_own_outcome() {
    let app = world().await;
    let made = call(&app, "POST", "/ix/co/_mCreate", Some(documents(3))).await;
    let successes = made["result"]["successes"].as_array().unwrap();
    assert_eq!(
        (successes.len(), &made["result"]["errors"]),
        (3, &json!([]))
    );
    assert_eq!(
        (
            &successes[1]["_id"],
            &successes[1]["status"],
            &successes[1]["created"],
            &successes[1]["result"]
        ),
        (&json!("d1"), &json!(201), &json!(true), &json!("created"))
    );
    assert_eq!(
        (
            &successes[1]["_source"]["n"],
            &successes[1]["_source"]["_kuzzle_info"]["author"]
        ),
        (&json!(1), &json!("-1"))
    );
    let token = made["token"].as_str().unwrap();
    let seen = ok(
        &app,
        "POST",
        &format!("/ix/co/_search?after={token}&size=0"),
        None,
    )
    .await;
    assert_eq!(seen["total"], 3);
    fault(
        &app,
        "GET",
        "/ix/co/d0?after=t1.nonsense.x",
        None,
        400,
        "api.assert.invalid_argument",
    )
    .await;

    let body = json!({"documents": [{"_id": "d1", "body": {}}, {"_id": "new", "body": {"n": 9}}, {"_id": {}, "body": {}}, {"_id": "no"}, 7]});
    let part = ok(&app, "POST", "/ix/co/_mCreate", Some(body.clone())).await;
    assert_eq!(part["successes"].as_array().unwrap().len(), 1, "{part:#}");
    let reasons: Vec<_> = part["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["status"].clone(), error["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(reasons[0], (json!(400), "document already exists"));
    assert_eq!(
        reasons[1..3],
        [
            (json!(400), "document _id must be a string"),
            (json!(400), "document body must be an object")
        ]
    );
    assert_eq!(
        (reasons.len(), &part["errors"][0]["document"]["_id"]),
        (4, &json!("d1"))
    );
    let error = fault(
        &app,
        "POST",
        "/ix/co/_mCreate?strict",
        Some(body),
        400,
        "api.process.incomplete_multiple_request",
    )
    .await;
    assert_eq!(
        (error["errors"].as_array().unwrap().len(), &error["count"]),
        (5, &json!(5))
    );

    let updated = ok(
        &app,
        "PATCH",
        "/ix/co/_mUpdate",
        Some(json!({"documents": [{"_id": "d1", "body": {"n": 5, "o": {"p": 1}}}, {"_id": "none", "body": {}}]})),
    )
    .await;
    assert_eq!(
        (
            &updated["successes"][0]["_updatedFields"],
            &updated["successes"][0]["_source"]["name"]
        ),
        (&json!(["n", "o.p"]), &json!("x"))
    );
    assert_eq!(
        (
            &updated["errors"][0]["status"],
            &updated["errors"][0]["reason"]
        ),
        (&json!(404), &json!("document not found"))
    );
    let upserted = ok(
        &app,
        "POST",
        "/ix/co/_mUpsert",
        Some(json!({"documents": [{"_id": "d1", "changes": {"n": 6}}, {"_id": "up", "changes": {"n": 1}, "default": {"name": "u"}}]})),
    )
    .await;
    assert_eq!(
        (
            &upserted["successes"][0]["created"],
            &upserted["successes"][1]["created"],
            &upserted["successes"][1]["_source"]["name"]
        ),
        (&json!(false), &json!(true), &json!("u"))
    );
    let replaced = ok(
        &app,
        "PUT",
        "/ix/co/_mReplace",
        Some(json!({"documents": [{"_id": "up", "body": {"n": 2}}, {"_id": "none", "body": {}}]})),
    )
    .await;
    assert_eq!(
        (
            &replaced["successes"][0]["result"],
            &replaced["errors"][0]["status"]
        ),
        (&json!("updated"), &json!(404))
    );
    let either = ok(
        &app,
        "PUT",
        "/ix/co/_mCreateOrReplace",
        Some(json!({"documents": [{"_id": "up", "body": {}}, {"_id": "up2", "body": {}}]})),
    )
    .await;
    assert_eq!(
        (
            &either["successes"][0]["created"],
            &either["successes"][1]["created"]
        ),
        (&json!(false), &json!(true))
    );

    let got = ok(&app, "GET", "/ix/co/_mGet?ids=d0,none,d1", None).await;
    assert_eq!(
        (&got["successes"][1]["_id"], &got["errors"]),
        (&json!("d1"), &json!(["none"]))
    );
    assert_eq!(
        ok(
            &app,
            "POST",
            "/ix/co/_mExists",
            Some(json!({"ids": ["d0", "none"]}))
        )
        .await,
        json!({"successes": ["d0"], "errors": ["none"]})
    );
    fault(
        &app,
        "POST",
        "/ix/co/_mGet?strict=true",
        Some(json!({"ids": ["d0", "none"]})),
        400,
        "api.process.incomplete_multiple_request",
    )
    .await;
    let gone = ok(
        &app,
        "DELETE",
        "/ix/co/_mDelete",
        Some(json!({"ids": ["d0", "none"]})),
    )
    .await;
    assert_eq!(
        (
            &gone["successes"],
            &gone["errors"][0]["_id"],
            &gone["errors"][0]["status"]
        ),
        (&json!(["d0"]), &json!("none"), &json!(404))
    );
}

#[tokio::test]
async fn more_than_may_be_written_at_once_is_refused_whole() {
    let app = world().await;
    fault(
        &app,
        "POST",
        "/ix/co/_mCreate",
        Some(documents(201)),
        413,
        "services.storage.write_limit_exceeded",
    )
    .await;
    ok(&app, "POST", "/ix/co/_mWrite", Some(documents(201))).await;
    fault(
        &app,
        "PUT",
        "/ix/co/_query",
        Some(json!({"query": {"term": {"name": "x"}}, "changes": {"n": 0}})),
        413,
        "services.storage.write_limit_exceeded",
    )
    .await;
    fault(
        &app,
        "DELETE",
        "/ix/co/_query",
        Some(json!({"query": {"term": {"name": "x"}}})),
        413,
        "services.storage.write_limit_exceeded",
    )
    .await;
    fault(
        &app,
        "DELETE",
        "/ix/co/_query",
        Some(json!({})),
        400,
        "api.assert.missing_argument",
    )
    .await;
    fault(
        &app,
        "DELETE",
        "/ix/co/_query",
        Some(json!({"query": 5})),
        400,
        "api.assert.invalid_type",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_mCreate",
        Some(json!({"documents": {}})),
        400,
        "api.assert.invalid_type",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_mCreate",
        Some(json!({})),
        400,
        "api.assert.missing_argument",
    )
    .await;
}

#[tokio::test]
async fn what_a_query_finds_is_written() {
    let app = world().await;
    ok(&app, "POST", "/ix/co/_mCreate", Some(documents(9))).await;
    let body = json!({"query": {"range": {"n": {"gte": 5}}}, "changes": {"name": "y"}});
    let changed = ok(&app, "PUT", "/ix/co/_query?source=true", Some(body)).await;
    let successes = changed["successes"].as_array().unwrap();
    assert_eq!(
        (
            successes.len(),
            &successes[0]["_id"],
            &successes[0]["status"],
            &successes[0]["_source"]["name"]
        ),
        (4, &json!("d5"), &json!(200), &json!("y"))
    );
    let gone = ok(
        &app,
        "DELETE",
        "/ix/co/_query?lang=koncorde",
        Some(json!({"query": {"equals": {"name": "x"}}})),
    )
    .await;
    assert_eq!(
        (
            gone["ids"].as_array().unwrap().len(),
            &gone["documents"][0]["_id"]
        ),
        (5, &json!("d0"))
    );
    assert_eq!(
        ok(&app, "POST", "/ix/co/_count", None).await,
        json!({"count": 4})
    );
}

/// Fields whose names begin with an underscore are fields like others, also to what writes by query.
#[tokio::test]
async fn what_is_found_by_its_author_or_age_is_written() {
    let app = world().await;
    ok(&app, "POST", "/ix/co/_mCreate", Some(documents(6))).await;
    let one = ok(&app, "GET", "/ix/co/d0", None).await;
    let created = &one["_source"]["_kuzzle_info"]["createdAt"];
    let author = json!({"term": {"_kuzzle_info.author": "-1"}});
    let age = json!({"range": {"_kuzzle_info.createdAt": {"gte": created}}});
    let koncorde = json!({"and": [{"equals": {"_kuzzle_info.author": "-1"}}, age]});
    let later = json!({"range": {"_kuzzle_info.createdAt": {"lt": created}}});
    for (lang, query, count) in [
        ("elasticsearch", &author, 6),
        ("elasticsearch", &age, 6),
        ("elasticsearch", &later, 0),
        ("koncorde", &koncorde, 6),
        ("koncorde", &later, 0),
    ] {
        let found = |action: &str| format!("/ix/co/{action}?lang={lang}");
        let body = Some(json!({"query": query}));
        let counted = ok(&app, "POST", &found("_count"), body).await;
        assert_eq!(counted["count"], count, "{lang} {query}");
        let body = Some(json!({"query": query, "changes": {"seen": lang}}));
        let changed = ok(&app, "PUT", &found("_query"), body.clone()).await;
        let changed = changed["successes"].as_array().unwrap().len();
        assert_eq!(changed, count, "{lang} {query}");
        let changed = ok(&app, "PATCH", &found("_bulk/_query"), body).await;
        assert_eq!(changed["updated"], count, "{lang} {query}");
    }
    let some = json!({"query": {"bool": {"filter": [author, {"range": {"n": {"lt": 2}}}]}}});
    let gone = ok(&app, "DELETE", "/ix/co/_query", Some(some)).await;
    assert_eq!(gone["ids"], json!(["d0", "d1"]));
    let rest = Some(json!({"query": koncorde}));
    let gone = ok(&app, "DELETE", "/ix/co/_bulk/_query?lang=koncorde", rest).await;
    assert_eq!(gone["deleted"], 4);
}

/// A document that an upsert makes holds whole members, as Kuzzle makes it; one that is there is
/// merged deeply.
#[tokio::test]
async fn upserts_that_create_merge_nothing() {
    let app = world().await;
    let changes = json!({"o": {"a": 1}, "l": [1], "x": "changes"});
    let default =
        json!({"o": {"b": 2}, "l": [2, 3], "y": "default", "_kuzzle_info": {"author": "me"}});
    let both = json!({"changes": changes, "default": default});
    ok(&app, "POST", "/ix/co/one/_upsert", Some(both.clone())).await;
    let many = json!({"documents": [{"_id": "many", "changes": changes, "default": default}, {"_id": "bare", "changes": changes}]});
    ok(&app, "POST", "/ix/co/_mUpsert", Some(many)).await;
    let cases = [
        (
            "one",
            json!({"o": {"a": 1}, "l": [1], "y": "default", "x": "changes"}),
        ),
        (
            "many",
            json!({"o": {"b": 2}, "l": [2, 3], "x": "changes", "y": "default"}),
        ),
        ("bare", changes.clone()),
    ];
    for (id, wanted) in cases {
        let mut found = ok(&app, "GET", &format!("/ix/co/{id}"), None).await;
        let info = found["_source"]
            .as_object_mut()
            .unwrap()
            .remove("_kuzzle_info")
            .unwrap();
        assert_eq!(found["_source"], wanted, "{id}");
        assert_eq!(
            (&info["author"], &info["updater"]),
            (&json!("-1"), &json!("-1")),
            "{id}"
        );
        assert!(
            info["createdAt"].is_u64() && info["updatedAt"].is_u64(),
            "{id}: {info}"
        );
    }
    let more = json!({"changes": {"o": {"c": 3}}, "default": {"z": 1}});
    ok(&app, "POST", "/ix/co/one/_upsert", Some(more)).await;
    let found = ok(&app, "GET", "/ix/co/one", None).await;
    assert_eq!(found["_source"]["o"], json!({"a": 1, "c": 3}));
    assert!(found["_source"].get("z").is_none(), "{found}");

    for (bad, why) in [
        (
            json!({"_id": "a", "changes": 5}),
            "document changes must be an object",
        ),
        (
            json!({"_id": "a", "changes": {}, "default": []}),
            "document default must be an object",
        ),
        (
            json!({"_id": 5, "changes": {}}),
            "document _id must be a string",
        ),
    ] {
        let told = ok(
            &app,
            "POST",
            "/ix/co/_mUpsert",
            Some(json!({"documents": [bad]})),
        )
        .await;
        assert_eq!(
            (&told["errors"][0]["reason"], &told["errors"][0]["document"]),
            (&json!(why), &bad)
        );
    }
}

#[tokio::test]
async fn ids_that_are_numbers_are_read_as_their_text() {
    let app = world().await;
    let documents = json!({"documents": [{"_id": 5, "body": {}}, {"_id": 1.0, "body": {}}, {"_id": "a", "body": {}}]});
    let made = ok(&app, "POST", "/ix/co/_mCreate", Some(documents.clone())).await;
    let ids = |list: &Value| {
        let list = list["successes"].as_array().unwrap();
        list.iter()
            .map(|one| one.get("_id").unwrap_or(one).clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&made), ["5", "1", "a"]);
    for path in ["/ix/co/_mCreateOrReplace", "/ix/co/_mWrite"] {
        let verb = if path.ends_with("_mWrite") {
            "POST"
        } else {
            "PUT"
        };
        assert_eq!(
            ids(&ok(&app, verb, path, Some(documents.clone())).await),
            ["5", "1", "a"],
            "{path}"
        );
    }
    let wanted = || Some(json!({"ids": ["a", 5, 1, 7]}));
    let got = ok(&app, "POST", "/ix/co/_mGet", wanted()).await;
    assert_eq!(
        (ids(&got), &got["errors"]),
        (vec![json!("a"), json!("5"), json!("1")], &json!(["7"]))
    );
    let there = ok(&app, "POST", "/ix/co/_mExists", wanted()).await;
    assert_eq!(
        (ids(&there), &there["errors"]),
        (vec![json!("a"), json!("5"), json!("1")], &json!(["7"]))
    );
    let gone = ok(&app, "DELETE", "/ix/co/_mDelete", wanted()).await;
    assert_eq!(ids(&gone), ["a", "5", "1"]);
    assert_eq!(gone["errors"][0]["_id"], "7");
    let strict = json!({"documents": [{"_id": 5, "body": {}}]});
    for (verb, path) in [("PUT", "/ix/co/_mReplace"), ("PATCH", "/ix/co/_mUpdate")] {
        let told = ok(&app, verb, path, Some(strict.clone())).await;
        assert_eq!(
            told["errors"][0]["reason"], "document _id must be a string",
            "{path}"
        );
    }
}

/// What no document can have for an id is refused for itself.
#[tokio::test]
async fn an_id_that_is_none_leaves_the_others_as_they_are() {
    let app = world().await;
    let long = "x".repeat(513);
    for odd in [
        json!(null),
        json!(true),
        json!({"a": 1}),
        json!(["a"]),
        json!(""),
        json!(long),
        json!("a\nb"),
    ] {
        for id in ["a", "b"] {
            ok(&app, "PUT", &format!("/ix/co/{id}"), Some(json!({"n": 1}))).await;
        }
        let wanted = || Some(json!({"ids": ["a", odd, "b"]}));
        let got = ok(&app, "POST", "/ix/co/_mGet", wanted()).await;
        assert_eq!(
            (&got["successes"][1]["_id"], &got["errors"]),
            (&json!("b"), &json!([odd])),
            "{odd}"
        );
        let there = ok(&app, "POST", "/ix/co/_mExists", wanted()).await;
        assert_eq!(there, json!({"successes": ["a", "b"], "errors": [odd]}));
        let incomplete = "api.process.incomplete_multiple_request";
        let strict = "/ix/co/_mGet?strict=true";
        fault(&app, "POST", strict, wanted(), 400, incomplete).await;
        let gone = ok(&app, "DELETE", "/ix/co/_mDelete", wanted()).await;
        assert_eq!(gone["successes"], json!(["a", "b"]), "{odd}");
        let error = &gone["errors"][0];
        assert_eq!((&error["_id"], &error["status"]), (&odd, &json!(400)));
    }
}

#[tokio::test]
async fn answers_stand_in_the_order_of_the_request_and_show_what_was_asked() {
    let app = world().await;
    let documents: Vec<Value> = (0..40)
        .map(|n| match n % 4 {
            0 => json!({"body": n}),
            3 => json!({"_id": "taken", "body": {"n": n}}),
            _ => json!({"body": {"n": n}}),
        })
        .collect();
    let body = json!({"documents": documents});
    let told = ok(&app, "POST", "/ix/co/_mCreate", Some(body)).await;
    let of = |list: &Value, pointer: &str| -> Vec<u64> {
        let list = list.as_array().unwrap();
        list.iter()
            .map(|one| one.pointer(pointer).and_then(Value::as_u64).unwrap_or(99))
            .collect()
    };
    let made = of(&told["successes"], "/_source/n");
    let wanted: Vec<u64> = (0..40)
        .filter(|n| n % 4 == 1 || n % 4 == 2 || *n == 3)
        .collect();
    assert_eq!(made, wanted);
    let refused = told["errors"].as_array().unwrap().iter();
    let refused: Vec<u64> = refused
        .map(|one| {
            let document = &one["document"];
            document["body"]
                .as_u64()
                .or_else(|| document["body"]["n"].as_u64())
                .unwrap()
        })
        .collect();
    let wanted: Vec<u64> = (0..40)
        .filter(|n| n % 4 == 0 || (n % 4 == 3 && *n != 3))
        .collect();
    assert_eq!(refused, wanted);

    let ids: Vec<&str> = told["successes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["_id"].as_str().unwrap())
        .collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    let made = |ids: &[&str]| {
        ids.iter()
            .filter(|id| **id != "taken")
            .map(|id| (*id).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        made(&ids),
        made(&sorted),
        "ids that are made sort as they were made"
    );

    let one = json!({"documents": [{"_id": "s", "body": {"n": 1}}]});
    for (verb, path) in [
        ("POST", "_mCreate"),
        ("PUT", "_mCreateOrReplace"),
        ("PUT", "_mReplace"),
        ("PATCH", "_mUpdate"),
    ] {
        for (source, shown) in [("source=false", false), ("source=true", true), ("", true)] {
            if path == "_mCreate" {
                ok(
                    &app,
                    "DELETE",
                    "/ix/co/_mDelete",
                    Some(json!({"ids": ["s"]})),
                )
                .await;
            }
            let told = ok(
                &app,
                verb,
                &format!("/ix/co/{path}?{source}"),
                Some(one.clone()),
            )
            .await;
            let found = told["successes"][0].get("_source").is_some();
            assert_eq!(found, shown, "{path}?{source}: {told}");
        }
    }
}
