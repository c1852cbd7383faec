//! Finding documents: searches in both languages, counts, scrolls, exports.

use super::{fault, ok, world};
use crate::harness::App;
use serde_json::{Value, json};

async fn filled(count: usize) -> App {
    let app = world().await;
    let documents: Vec<Value> = (0..count).map(|n| json!({"_id": format!("d{n:02}"), "body": {"n": n, "name": if n % 2 == 0 { "even" } else { "odd, \"so\"" }, "o": {"p": n}}})).collect();
    ok(
        &app,
        "POST",
        "/ix/co/_mCreate?refresh=wait_for",
        Some(json!({"documents": documents})),
    )
    .await;
    app
}

fn ids(result: &Value) -> Vec<String> {
    result["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Conditions that no index can tell are told by the filter language's own engine.
#[tokio::test]
async fn every_clause_of_the_filter_language_searches() {
    let app = world().await;
    let documents = [
        json!({"_id": "list", "body": {"l": [1, 2, 1], "o": [{"k": "x"}, {"k": "y"}], "n": 1}}),
        json!({"_id": "other", "body": {"l": [2, 1], "o": [{"k": "y"}], "n": 2, "name": "a b"}}),
        json!({"_id": "null", "body": {"l": null, "n": 3, "name": "ab\nc"}}),
        json!({"_id": "none", "body": {"n": 4, "at": [1, 2]}}),
    ];
    let create = "/ix/co/_mCreate?refresh=wait_for";
    ok(&app, "POST", create, Some(json!({"documents": documents}))).await;
    let select = |index: i64, query: Value| json!({"select": {"field": "l", "index": index, "query": query}});
    let last_is_one = select(-1, json!({"equals": {"value": 1}}));
    for (filter, expected) in [
        (last_is_one.clone(), vec!["list", "other"]),
        (select(2, json!({"exists": "value"})), vec!["list"]),
        (
            json!({"not": select(0, json!({"equals": {"value": 1}}))}),
            vec!["none", "null", "other"],
        ),
        (
            json!({"bool": {"must_not": [last_is_one], "must": [{"range": {"n": {"lt": 4}}}]}}),
            vec!["null"],
        ),
        (
            json!({"or": [select(0, json!({"equals": {"value": 2}})), {"equals": {"n": 4}}]}),
            vec!["none", "other"],
        ),
        (json!({"match": {"l": [1, 1]}}), vec!["list"]),
        (json!({"match": {"o": [{"k": "y"}]}}), vec!["list", "other"]),
        (json!({"match": {"l": null}}), vec!["null"]),
        (json!({"equals": {"l": null}}), vec!["null"]),
        (
            json!({"and": [{"match": {"l": []}}, {"term": {"n": {"value": 2}}}]}),
            vec!["other"],
        ),
        (json!({"regexp": {"name": "\\bb"}}), vec!["other"]),
        (
            json!({"regexp": {"name": {"value": "^c", "flags": "m"}}}),
            vec!["null"],
        ),
        (
            json!({"geoDistanceRange": {"at": [2, 1], "from": "0m", "to": "1km"}}),
            vec!["none"],
        ),
    ] {
        let body = || Some(json!({"query": filter, "sort": ["_id"]}));
        let found = ok(&app, "POST", "/ix/co/_search?lang=koncorde", body()).await;
        assert_eq!(ids(&found), expected, "{filter}");
        let query = Some(json!({"query": filter}));
        let count = ok(&app, "POST", "/ix/co/_count?lang=koncorde", query).await;
        assert_eq!(count["count"], expected.len(), "{filter}");
    }
    let select = json!({"query": select(0, json!({"equals": {"value": 1}}))});
    let targets = json!([{"index": "ix", "collections": ["co", "other"]}]);
    ok(&app, "PUT", "/ix/other", None).await;
    let several = json!({"controller": "document", "action": "search", "lang": "koncorde",
        "targets": targets, "body": select});
    let restricted = "api.assert.koncorde_restricted_keyword";
    fault(&app, "POST", "/_query", Some(several), 400, restricted).await;
    let deleted = "/ix/co/_query?lang=koncorde";
    let deleted = ok(&app, "DELETE", deleted, Some(select)).await;
    assert_eq!(deleted["ids"], json!(["list"]));
}

#[tokio::test]
async fn documents_are_found_in_both_languages() {
    let app = filled(6).await;
    let query = json!({"query": {"range": {"n": {"gte": 2}}}, "sort": [{"n": "desc"}]});
    let found = ok(&app, "POST", "/ix/co/_search?from=1&size=2", Some(query)).await;
    assert_eq!(
        (ids(&found), &found["total"]),
        (vec!["d04".to_owned(), "d03".to_owned()], &json!(4))
    );
    let hit = &found["hits"][0];
    assert_eq!(
        (&hit["index"], &hit["collection"], &hit["_source"]["n"]),
        (&json!("ix"), &json!("co"), &json!(4))
    );
    let koncorde =
        json!({"query": {"and": [{"equals": {"name": "even"}}, {"range": {"n": {"lt": 4}}}]}});
    let found = ok(&app, "POST", "/ix/co/_search?lang=koncorde", Some(koncorde)).await;
    assert_eq!(ids(&found), ["d00", "d02"]);
    assert_eq!(
        ok(
            &app,
            "POST",
            "/ix/co/_count?lang=koncorde",
            Some(json!({"query": {"equals": {"name": "even"}}}))
        )
        .await,
        json!({"count": 3})
    );
    let body = "/ix/co/_search?searchBody=%7B%22query%22%3A%7B%22ids%22%3A%7B%22values%22%3A%5B%22d01%22%5D%7D%7D%7D";
    assert_eq!(ids(&ok(&app, "GET", body, None).await), ["d01"]);

    fault(
        &app,
        "POST",
        "/ix/co/_search?lang=koncorde",
        Some(json!({"query": {"equal": {"a": 1}}})),
        400,
        "api.assert.koncorde_dsl_error",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_search?lang=sql",
        Some(json!({"query": {}})),
        400,
        "api.assert.invalid_argument",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_search?size=10001",
        None,
        413,
        "services.storage.get_limit_exceeded",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_search",
        Some(json!({"suggest": {}})),
        501,
        "services.storage.unsupported",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co,other/_search",
        None,
        400,
        "services.storage.invalid_multi_index_collection_usage",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_search",
        Some(json!({"query": {"terms": 5}})),
        400,
        "services.storage.unexpected_bad_request",
    )
    .await;
}

#[tokio::test]
async fn a_scroll_reads_everything_once() {
    let app = filled(11).await;
    let mut page = ok(
        &app,
        "POST",
        "/ix/co/_search?scroll=1m&size=4",
        Some(json!({"sort": {"name": "asc"}})),
    )
    .await;
    let mut seen = ids(&page);
    assert_eq!(
        (page["total"].as_u64(), page["remaining"].as_u64()),
        (Some(11), Some(7))
    );
    while page["remaining"] != 0 {
        let id = page["scrollId"].as_str().unwrap().to_owned();
        page = ok(&app, "GET", &format!("/_scroll/{id}?scroll=30s"), None).await;
        seen.extend(ids(&page));
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), sorted.len()), (11, 11));
    let id = page["scrollId"].as_str().unwrap().to_owned();
    assert_eq!(
        ids(&ok(&app, "GET", &format!("/_scroll/{id}"), None).await),
        Vec::<String>::new()
    );
    fault(
        &app,
        "GET",
        &format!("/_scroll/x{id}"),
        None,
        404,
        "services.storage.unknown_scroll_id",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_search?scroll=soon",
        None,
        400,
        "api.assert.invalid_argument",
    )
    .await;
    let short = ok(&app, "POST", "/ix/co/_search?scroll=1ms&size=4", None).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    fault(
        &app,
        "GET",
        &format!("/_scroll/{}", short["scrollId"].as_str().unwrap()),
        None,
        404,
        "services.storage.unknown_scroll_id",
    )
    .await;
}

/// A search of any size, and sort values of any size, give ids that fit into an address.
#[tokio::test]
async fn ids_of_long_scrolls_are_short_and_good_on_any_gateway() {
    let app = filled(11).await;
    let long = "z".repeat(5_000);
    let documents: Vec<Value> = (0..4)
        .map(|n| json!({"_id": format!("l{n}"), "body": {"name": format!("{long}{n}")}}))
        .collect();
    ok(
        &app,
        "POST",
        "/ix/co/_mCreate?refresh=wait_for",
        Some(json!({"documents": documents})),
    )
    .await;
    let other = app.sibling(gateway::Config::default()).await;
    let many: Vec<String> = (0..20_000).map(|n| format!("other-{n:06}")).collect();
    let queries = [
        json!({"bool": {"must_not": {"terms": {"name": many}}}}),
        json!({"match_all": {}}),
    ];
    for query in queries {
        let body = json!({"query": query, "sort": [{"name": "desc"}]});
        let mut page = ok(&app, "POST", "/ix/co/_search?scroll=1m&size=2", Some(body)).await;
        let mut seen = ids(&page);
        for n in 0.. {
            let id = page["scrollId"].as_str().unwrap().to_owned();
            assert!(id.len() <= 2_048, "{} bytes", id.len());
            if page["remaining"] == 0 {
                break;
            }
            page = match n % 3 {
                0 => ok(&app, "GET", &format!("/_scroll/{id}?scroll=1m"), None).await,
                1 => {
                    let request =
                        json!({"controller": "document", "action": "scroll", "scrollId": id});
                    ok(&app, "POST", "/_query", Some(request)).await
                }
                _ => {
                    let url = format!("http://{other}/_scroll/{id}?scroll=1m");
                    let answer = app.client.get(url).send().await.unwrap();
                    answer.json::<Value>().await.unwrap()["result"].take()
                }
            };
            seen.extend(ids(&page));
        }
        assert_eq!(seen.len(), 15, "{seen:?}");
        assert_eq!(seen[..4], ["l3", "l2", "l1", "l0"]);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 15);
    }
}

#[tokio::test]
async fn long_scrolls_have_bounds_and_an_end() {
    let config = gateway::Config {
        kept_searches: 1,
        ..gateway::Config::default()
    };
    let app = super::world_with(config).await;
    let many: Vec<String> = (0..200).map(|n| format!("value-{n:06}")).collect();
    let body = json!({"query": {"terms": {"name": many}}});
    let path = "/ix/co/_search?scroll=1s";
    let first = ok(&app, "POST", path, Some(body.clone())).await;
    let refusal = "api.process.too_many_requests";
    fault(&app, "POST", path, Some(body.clone()), 429, refusal).await;
    ok(&app, "POST", path, Some(json!({}))).await;
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let id = first["scrollId"].as_str().unwrap();
    let gone = "services.storage.unknown_scroll_id";
    fault(&app, "GET", &format!("/_scroll/{id}"), None, 404, gone).await;
    ok(&app, "POST", path, Some(body)).await;
}

#[tokio::test]
async fn pages_go_on_with_search_after() {
    let app = filled(5).await;
    let first = ok(
        &app,
        "POST",
        "/ix/co/_search?size=3",
        Some(json!({"sort": [{"n": "asc"}]})),
    )
    .await;
    let last = first["hits"][2]["_source"]["n"].clone();
    let next = ok(
        &app,
        "POST",
        "/ix/co/_search?size=3",
        Some(json!({"sort": [{"n": "asc"}], "search_after": [last]})),
    )
    .await;
    assert_eq!(
        (ids(&first), ids(&next)),
        (
            vec!["d00".into(), "d01".into(), "d02".into()],
            vec!["d03".into(), "d04".into()]
        )
    );
}

#[tokio::test]
async fn an_export_streams_lines() {
    let app = filled(3).await;
    let answer = app.get("/ix/co/_export?format=jsonl").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (lines.len(), &lines[0]),
        (
            4,
            &json!({"type": "collection", "index": "ix", "collection": "co"})
        )
    );
    assert_eq!(
        (&lines[2]["_id"], &lines[2]["body"]["n"]),
        (&json!("d01"), &json!(1))
    );
    let csv = app
        .get("/ix/co/_export?format=csv&fields=n,name,o.p,o")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(
        csv.lines().take(3).collect::<Vec<_>>(),
        [
            "_id,n,name,o.p,o",
            "d00,0,even,0,[OBJECT]",
            r#"d01,1,"odd, ""so""",1,[OBJECT]"#
        ]
    );
    let some = json!({"query": {"term": {"name": "even"}}});
    let found = app
        .post("/ix/co/_export?format=csv&fields=n", &some)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(found, "_id,n\nd00,0\nd02,2\n");
    fault(
        &app,
        "GET",
        "/ix/co/_export?format=xml",
        None,
        400,
        "api.assert.invalid_argument",
    )
    .await;
    fault(
        &app,
        "GET",
        "/ix/none/_export",
        None,
        412,
        "services.storage.unknown_collection",
    )
    .await;
}

/// As asked, in the address or in the body, or refused by name.
#[tokio::test]
async fn an_export_is_of_what_was_asked_for() {
    let app = filled(4).await;
    let documents = json!({"documents": [
        {"_id": "x", "body": {"n": 1.50, "o.p": 7, "a": {"b.c": {"d": "deep"}}, "l": [1]}},
        {"_id": "y", "body": {"n": 12345678901234567890u64, "f": 1e-7}},
    ]});
    let path = "/ix/co/_mCreate?refresh=wait_for";
    ok(&app, "POST", path, Some(documents)).await;
    let text = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    let raw = app
        .client
        .post(app.url("/ix/co/_write?_id=z"))
        .body(r#"{"n":1.0E+2,"f":10.00,"name":"z"}"#);
    assert!(raw.send().await.unwrap().status().is_success());
    ok(&app, "POST", "/ix/co/_refresh", None).await;
    let only = r#"query={"terms":{"_id":["x","z"]}}"#;
    let lines = text(app.get(&format!("/ix/co/_export?{only}"))).await;
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let fields = r#"fields=["n","f","o.p","a.b.c.d","_id"]&fieldsName={"n":"number","_id":"id"}"#;
    let csv = text(app.get(&format!("/ix/co/_export?format=CSV&{fields}&{only}"))).await;
    assert_eq!(
        csv,
        "id,number,f,o.p,a.b.c.d\nx,1.5,,7,deep\nz,1.0E+2,10.00,,\n"
    );
    let body =
        json!({"query": {"term": {"_id": "z"}}, "fields": ["name", "n"], "fieldsName": {"n": "N"}});
    let csv = text(app.post("/ix/co/_export?format=csv&separator=;", &body)).await;
    assert_eq!(csv, "_id;name;N\nz;z;1.0E+2\n");
    let koncorde = json!({"query": {"equals": {"name": "z"}}});
    let lines = text(app.post("/ix/co/_export?lang=koncorde", &koncorde)).await;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let answer = app.get("/ix/co/_export?format=csv").send().await.unwrap();
    let name = "attachment; filename=\"ix-co.csv\"";
    assert_eq!(answer.headers()["content-disposition"], name);
    for (verb, path, body, status, id) in [
        (
            "GET",
            "/ix/co/_export?query=nonsense",
            None,
            400,
            "api.assert.invalid_type",
        ),
        (
            "GET",
            "/ix/co/_export?fields=[1",
            None,
            400,
            "api.assert.invalid_type",
        ),
        (
            "POST",
            "/ix/co/_export",
            Some(json!({"sort": ["n"]})),
            400,
            "api.assert.unexpected_argument",
        ),
        (
            "POST",
            "/ix/co/_export",
            Some(json!({"fieldsName": {"n": 5}})),
            400,
            "api.assert.invalid_type",
        ),
        (
            "POST",
            "/ix/co/_export",
            Some(json!({"collapse": {"field": "n"}})),
            501,
            "services.storage.unsupported",
        ),
    ] {
        fault(&app, verb, path, body, status, id).await;
    }
}

#[tokio::test]
async fn hits_have_scores_and_parts_of_documents() {
    let app = filled(4).await;
    let search =
        json!({"query": {"match": {"name": "even"}}, "_source": ["n"], "track_total_hits": 1});
    let found = ok(&app, "POST", "/ix/co/_search", Some(search)).await;
    let hit = &found["hits"][0];
    assert_eq!(
        (&found["total"], &hit["_source"]),
        (&json!(1), &json!({"n": 0}))
    );
    assert!(hit["_score"].as_f64().unwrap() > 0.0, "{found}");
    let counted = json!({"size": 0, "aggregations": {"sum": {"sum": {"field": "n"}}}});
    let found = ok(&app, "POST", "/ix/co/_search", Some(counted)).await;
    assert_eq!(found["aggregations"], json!({"sum": {"value": 6.0}}));
    let sorted = json!({"sort": ["n"], "track_total_hits": false});
    let found = ok(&app, "POST", "/ix/co/_search", Some(sorted)).await;
    assert_eq!(
        (&found["hits"][0]["_score"], found.get("total")),
        (&Value::Null, None)
    );
}

#[tokio::test]
async fn targets_name_the_collections_of_a_search() {
    let app = filled(3).await;
    let ask = |targets: Value, index: Option<&str>| {
        let mut body = json!({"controller": "document", "action": "search", "targets": targets, "body": {"sort": ["n"]}});
        if let Some(index) = index {
            body["index"] = index.into();
        }
        body
    };
    let one = json!([{"index": "ix", "collections": ["co", "co"]}]);
    let found = ok(&app, "POST", "/_query", Some(ask(one.clone(), None))).await;
    assert_eq!(
        (ids(&found).len(), &found["hits"][0]["collection"]),
        (3, &json!("co"))
    );
    for (targets, index, status, id) in [
        (one, Some("ix"), 400, "api.assert.invalid_argument"),
        (json!([]), None, 400, "api.assert.invalid_argument"),
        (json!({}), None, 400, "api.assert.invalid_argument"),
        (
            json!([{"index": "ix", "collections": []}]),
            None,
            400,
            "api.assert.invalid_argument",
        ),
        (
            json!([{"index": "ix"}]),
            None,
            400,
            "api.assert.invalid_argument",
        ),
        (
            json!([{"index": "ix", "collections": ["co"], "other": 1}]),
            None,
            400,
            "api.assert.invalid_argument",
        ),
        (
            json!([{"index": "ix", "collections": ["co", "none"]}]),
            None,
            412,
            "services.storage.unknown_collection",
        ),
    ] {
        fault(
            &app,
            "POST",
            "/_query",
            Some(ask(targets, index)),
            status,
            id,
        )
        .await;
    }
}
