//! Types and rules that the check when planning does not know: whatever a document holds there, the
//! index takes it or refuses it for good. Never an answer that would be asked for again for ever.

use crate::prefix::{http, lease, open};
use serde_json::{Value, json};
use store::{
    ItemVerdict, View,
    contract::{Fixture, declarable},
};
use testbed::Servers;

/// Types that planning knows: their documents are refused before.
const KNOWN: &str = "alias boolean byte date double flattened float geo_point half_float integer \
    ip keyword long nested object short text";

/// Types that the servers of the tests do not have: modules bring them.
const ABSENT: &str = "constant_keyword geo_shape scaled_float search_as_you_type token_count \
    unsigned_long wildcard aggregate_metric_double annotated_text counted_keyword histogram join \
    match_only_text murmur3 percolator point rank_feature rank_features rank_vectors shape version";

/// Every other type of the table, and what makes a field of a known one the index's own.
fn fields() -> Vec<Value> {
    let known: Vec<&str> = KNOWN.split(' ').collect();
    let mut all = declarable::types();
    all.retain(|field| !known.contains(&field["type"].as_str().unwrap_or_default()));
    all.extend([
        json!({"type": "object", "subobjects": false}),
        json!({"type": "date", "format": "basic_week_date"}),
        json!({"type": "geo_point", "fields": {"raw": {"type": "keyword"}}}),
        json!({"type": "keyword", "ignore_above": 3, "fields": {"c": {"type": "completion"}}}),
    ]);
    all
}

const VALUES: [&str; 26] = [
    "null",
    "true",
    "5",
    "-1.5",
    "1e400",
    r#""x""#,
    r#""""#,
    r#""aGVsbG8=""#,
    r#""2020-01-01""#,
    r#""2020W011""#,
    r#""10.0.0.0/8""#,
    "{}",
    r#"{"a":1}"#,
    r#"{"a.b":{"c":[1]}}"#,
    r#"{"gte":1,"lte":5}"#,
    r#"{"gte":5,"lte":1}"#,
    r#"{"gte":{"a":1}}"#,
    r#"{"input":["a"],"weight":1}"#,
    r#"{"input":{"a":1}}"#,
    "[]",
    "[[]]",
    "[1,2,3]",
    "[1,[2],{}]",
    r#"[{"a":1},null]"#,
    r#"[null,{"a":1},"x"]"#,
    r#"[{"lat":1},[1],"1,2"]"#,
];

#[tokio::test]
async fn what_only_the_index_reads_is_taken_or_refused_for_good() {
    let view = open();
    let (mut taken, mut refused, mut stumbled) = (0, 0, 0);
    let mut absent = Vec::new();
    for field in fields() {
        let properties = json!({"v": field.clone(), "o": {"properties": {"v": field.clone()}}});
        let fixture = Fixture::with_mappings(json!({"properties": properties}));
        if let Err(error) = view.create_collection(&fixture.collection).await {
            let kind = field["type"].as_str().expect("a type");
            assert!(
                error.to_string().contains("does not exist"),
                "{kind}: {error}"
            );
            absent.push(kind.to_owned());
            continue;
        }
        let alone = VALUES.iter().map(|value| format!(r#"{{"v":{value}}}"#));
        let pairs = VALUES
            .iter()
            .map(|value| format!(r#"{{"o":[{{"v":{value}}},{{"v":{{"a":1}}}}]}}"#));
        let bodies: Vec<String> = alone.chain(pairs).collect();
        let writes: Vec<_> = (1_u64..)
            .zip(&bodies)
            .map(|(n, body)| fixture.document(&format!("d{n}"), n, Some(body)))
            .collect();
        for (verdict, body) in view.apply(&writes).await.into_iter().zip(&bodies) {
            match verdict {
                ItemVerdict::Done => taken += 1,
                ItemVerdict::Permanent { code, .. } => {
                    refused += 1;
                    stumbled += usize::from(code == "null_pointer_exception");
                }
                other => panic!("{body} in {field}: {other:?}"),
            }
        }
        let dropped = view.drop_collection(&fixture.collection).await;
        dropped.expect("dropped");
    }
    assert_eq!(absent.join(" "), ABSENT);
    // Some of these make the server itself stumble, which must not pass for an outage.
    assert!(
        taken > 50 && refused > 100 && stumbled > 0,
        "{taken} {refused} {stumbled}"
    );
}

/// What the settings of a collection refuse is refused for good, at the index as when it is planned.
#[tokio::test]
async fn what_settings_refuse_is_refused_for_good() {
    let view = open();
    let mut fixture: Option<Fixture> = None;
    for (n, (settings, mappings, body, fits)) in (1_u64..).zip(declarable::settings_that_refuse()) {
        let is_known = fixture.as_ref().is_some_and(|fixture| {
            let known = &fixture.collection;
            (&known.settings, &known.mappings) == (&Some(settings.clone()), &Some(mappings.clone()))
        });
        if !is_known {
            let mut next = Fixture::with_mappings(mappings);
            next.collection.settings = Some(settings.clone());
            let made = view.create_collection(&next.collection).await;
            made.expect("the index is made");
            fixture = Some(next);
        }
        let fixture = fixture.as_ref().expect("made above");
        let writes = [
            fixture.document(&format!("d{n}"), n, Some(&body)),
            fixture.document(&format!("gone{n}"), n, None),
        ];
        let verdicts = view.apply(&writes).await;
        let is_done = verdicts[0] == ItemVerdict::Done;
        assert!(
            is_done == fits && (is_done || matches!(verdicts[0], ItemVerdict::Permanent { .. })),
            "{settings}: {body}: {:?}",
            verdicts[0]
        );
        assert_eq!(verdicts[1], ItemVerdict::Done, "{settings}: a deletion");
    }
}

/// An operator's pipeline that is not there refuses for good; nothing waits for it.
#[tokio::test]
async fn a_pipeline_that_is_not_there_refuses_for_good() {
    let view = open();
    let fixture = Fixture::new();
    let made = view.create_collection(&fixture.collection).await;
    made.expect("the index is made");
    let address = &Servers::shared().addresses().elasticsearch;
    let collection = &fixture.collection;
    let index = format!(
        "{}{}.{}.{}-000001",
        lease(),
        collection.index,
        collection.collection,
        collection.incarnation
    );
    for pipeline in ["default_pipeline", "final_pipeline"] {
        let path = format!("/{index}/_settings");
        let change = |value: Value| {
            let body = json!({format!("index.{pipeline}"): value});
            let (status, answer) = http(address, "PUT", &path, Some(&body));
            assert_eq!(status, 200, "{answer}");
        };
        change(json!("nobody-made-it"));
        let verdicts = view
            .apply(&[fixture.document(pipeline, 1, Some("{}"))])
            .await;
        assert!(
            matches!(verdicts[0], ItemVerdict::Permanent { .. }),
            "{pipeline}: {verdicts:?}"
        );
        change(Value::Null);
        let verdicts = view
            .apply(&[fixture.document(pipeline, 2, Some("{}"))])
            .await;
        assert_eq!(verdicts[0], ItemVerdict::Done, "{pipeline}");
    }
}
