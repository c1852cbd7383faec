//! Types and rules that the check when planning does not know: whatever a document holds there, the
//! index takes it or refuses it for good. Never an answer that would be asked for again for ever.

use crate::prefix::open;
use serde_json::{Value, json};
use store::{ItemVerdict, View, contract::Fixture};

/// Types whose values the index alone reads, and what they cannot do without.
fn types() -> Vec<Value> {
    let plain = [
        "binary",
        "completion",
        "date_nanos",
        "date_range",
        "double_range",
        "float_range",
        "integer_range",
        "ip_range",
        "long_range",
        "sparse_vector",
    ];
    let mut all: Vec<Value> = plain.iter().map(|kind| json!({"type": kind})).collect();
    all.extend([
        json!({"type": "dense_vector", "dims": 3}),
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
    for field in types() {
        let properties = json!({"v": field.clone(), "o": {"properties": {"v": field.clone()}}});
        let fixture = Fixture::with_mappings(json!({"properties": properties}));
        let made = view.create_collection(&fixture.collection).await;
        made.expect("the index is made");
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
    // Some of these make the server itself stumble, which must not pass for an outage.
    assert!(
        taken > 50 && refused > 100 && stumbled > 0,
        "{taken} {refused} {stumbled}"
    );
}
