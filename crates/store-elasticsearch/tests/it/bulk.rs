//! A partly failed bulk request, with every status that a server can be brought to answer.

use crate::prefix::{http, lease, open};
use serde_json::{Value, json};
use store::{
    Collection, DocumentWrite, ItemVerdict, View,
    contract::{Fixture, answers::all_done},
};
use store_elasticsearch::Elasticsearch;
use testbed::Servers;

fn address() -> &'static str {
    &Servers::shared().addresses().elasticsearch
}

fn index(collection: &Collection) -> String {
    let Collection {
        index,
        collection,
        incarnation,
        ..
    } = collection;
    format!("{}{index}.{collection}.{incarnation}-000001", lease())
}

fn names(collection: &Collection) -> String {
    index(collection).trim_end_matches("-000001").to_owned()
}

async fn made(view: &Elasticsearch, mappings: Value) -> Fixture {
    let fixture = Fixture::with_mappings(mappings);
    view.create_collection(&fixture.collection)
        .await
        .expect("made");
    fixture
}

fn transient(verdict: &ItemVerdict, word: &str) {
    assert!(
        matches!(verdict, ItemVerdict::Transient(why) if why.contains(word)),
        "expected transient with {word}: {verdict:?}"
    );
}

/// Good documents around one of each kind, in collections in every state: one request, a verdict
/// for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_has_its_own_verdict() {
    let view = open();
    let types = json!({"properties": {
        "n": {"type": "integer"}, "at": {"type": "date"}, "where": {"type": "geo_point"}, "k": {"type": "keyword"}, "o": {"properties": {}}
    }});
    let good = made(&view, types).await;
    let strict = made(
        &view,
        json!({"dynamic": "strict", "properties": {"n": {"type": "integer"}}}),
    )
    .await;
    let (closed, blocked, missing) = (
        made(&view, json!({})).await,
        made(&view, json!({})).await,
        Fixture::new(),
    );
    assert_eq!(
        http(
            address(),
            "POST",
            &format!("/{}/_close", index(&closed.collection)),
            None
        )
        .0,
        200
    );
    assert_eq!(
        http(
            address(),
            "PUT",
            &format!("/{}/_block/write", index(&blocked.collection)),
            None
        )
        .0,
        200
    );
    all_done(
        &view.apply(&[good.document("stale", 50, Some("{}"))]).await,
        1,
    );

    let parsing = "document_parsing_exception";
    let bodies = [
        (r#"{"n":"many"}"#.to_owned(), parsing),
        (r#"{"n":3000000000}"#.to_owned(), parsing),
        (r#"{"at":"yesterday"}"#.to_owned(), parsing),
        (r#"{"where":{"lat":200,"lon":0}}"#.to_owned(), parsing),
        (r#"{"o":5}"#.to_owned(), parsing),
        (r#"{"n":{"a":1}}"#.to_owned(), parsing),
        (format!(r#"{{"k":"{}"}}"#, "é".repeat(16_384)), parsing),
        (
            r#"{"new":123456789012345678901234567890}"#.to_owned(),
            parsing,
        ),
        (
            format!("{}1{}", r#"{"d":"#.repeat(21), "}".repeat(21)),
            parsing,
        ),
        (r#"{"":1}"#.to_owned(), parsing),
        (r#"{"a":1,"a":2}"#.to_owned(), parsing),
        (r#"{"_id":"x"}"#.to_owned(), parsing),
    ];
    let mut batch: Vec<DocumentWrite> = vec![good.document("first", 1, Some(r#"{"n":1.7}"#))];
    for (n, (body, _)) in bodies.iter().enumerate() {
        batch.push(good.document(&format!("bad{n}"), 2, Some(body)));
        batch.push(good.document(&format!("good{n}"), 2, Some(r#"{"n":2}"#)));
    }
    let states = batch.len();
    batch.extend([
        strict.document("unknown", 3, Some(r#"{"m":1}"#)),
        strict.document("known", 3, Some(r#"{"n":1}"#)),
        strict.document("marker", 3, None),
        closed.document("d", 3, Some("{}")),
        blocked.document("d", 3, Some("{}")),
        missing.document("d", 3, Some("{}")),
        good.document("stale", 3, Some(r#"{"n":3}"#)),
        good.document("last", 3, Some("{}")),
    ]);
    let verdicts = view.apply(&batch).await;
    assert_eq!(verdicts.len(), batch.len());
    assert_eq!(verdicts[0], ItemVerdict::Done);
    for (n, (body, code)) in bodies.iter().enumerate() {
        let shown: String = body.chars().take(80).collect();
        let verdict = &verdicts[1 + 2 * n];
        assert!(
            matches!(verdict, ItemVerdict::Permanent { code: found, .. } if found == code),
            "{shown}: {verdict:?}"
        );
        assert_eq!(verdicts[2 + 2 * n], ItemVerdict::Done, "beside {shown}");
    }
    let rest = &verdicts[states..];
    assert!(
        matches!(&rest[0], ItemVerdict::Permanent { code, .. } if code == "strict_dynamic_mapping_exception"),
        "{:?}",
        rest[0]
    );
    assert_eq!(
        rest[1..3],
        [ItemVerdict::Done, ItemVerdict::Done],
        "our member is no unknown field"
    );
    transient(&rest[3], "index_closed_exception");
    transient(&rest[4], "cluster_block_exception");
    transient(&rest[5], "index_not_found_exception");
    assert_eq!(rest[6..], [ItemVerdict::Done, ItemVerdict::Done]);
    assert_eq!(
        http(
            address(),
            "GET",
            &format!("/{}", names(&missing.collection)),
            None
        )
        .0,
        404,
        "no index is made by a write"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_fields_are_the_limit() {
    let view = open();
    let f = made(
        &view,
        json!({"dynamic_templates": [{"k": {"match": "*", "mapping": {"type": "keyword"}}}]}),
    )
    .await;
    let wide = |from: usize, count: usize| {
        let fields: Vec<String> = (from..from + count)
            .map(|n| format!(r#""f{n}":"x""#))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    all_done(
        &view
            .apply(&[f.document("a", 1, Some(&wide(0, 1_000)))])
            .await,
        1,
    );
    let verdicts = view
        .apply(&[
            f.document("b", 2, Some(&wide(1_000, 1))),
            f.document("c", 3, Some(&wide(0, 10))),
        ])
        .await;
    assert!(
        matches!(&verdicts[0], ItemVerdict::Permanent { code, .. } if code == "document_parsing_exception"),
        "{:?}",
        verdicts[0]
    );
    assert_eq!(verdicts[1], ItemVerdict::Done);
}

/// The flood-stage block answers 429 and passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for() {
    let view = open();
    let (full, other) = (made(&view, json!({})).await, made(&view, json!({})).await);
    let path = format!("/{}/_settings", index(&full.collection));
    let block = |value: Value| json!({"index.blocks.read_only_allow_delete": value});
    assert_eq!(
        http(address(), "PUT", &path, Some(&block(json!(true)))).0,
        200
    );
    let batch = [
        full.document("d", 1, Some("{}")),
        other.document("d", 1, Some("{}")),
    ];
    let verdicts = view.apply(&batch).await;
    transient(&verdicts[0], "429");
    assert_eq!(verdicts[1], ItemVerdict::Done);
    assert_eq!(
        http(address(), "PUT", &path, Some(&block(Value::Null))).0,
        200
    );
    all_done(&view.apply(&batch).await, 2);
}

/// Ids that would spoil the whole request are kept out of it; what the whole request is refused for
/// is found by halving.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_spoils_a_request_is_found() {
    let view = open();
    let f = made(&view, json!({})).await;
    let batch = [
        f.document("a", 1, Some("{}")),
        f.document(&"x".repeat(513), 2, Some("{}")),
        f.document("", 3, Some("{}")),
        f.document(&"é".repeat(256), 4, Some("{}")),
        f.document("b", 5, None),
    ];
    let verdicts = view.apply(&batch).await;
    for (n, done) in [true, false, false, true, true].into_iter().enumerate() {
        assert_eq!(
            verdicts[n] == ItemVerdict::Done,
            done,
            "item {n}: {:?}",
            verdicts[n]
        );
        assert_eq!(matches!(verdicts[n], ItemVerdict::Permanent { .. }), !done);
    }
}
