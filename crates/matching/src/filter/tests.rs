use serde_json::{Value, json};

use super::{Filter, Options};

fn round(filter: Value) -> Value {
    Filter::parse(&filter, &Options::default())
        .unwrap()
        .to_json()
}

#[test]
fn is_written_as_it_was_read() {
    for filter in [
        json!({}),
        json!({"nothing": true}),
        json!({"bool": {"must": [{"equals": {"a": 1}}], "should_not": [{"missing": "b"}, {"in": {"c": ["x"]}}]}}),
        json!({"exists": "a\\[0\\][\"x]\"]"}),
        json!({"regexp": {"a": {"value": "x", "flags": "im"}}}),
        json!({"not": {"select": {"field": "a", "index": -1, "query": {"range": {"value": {"gte": 1, "lt": 2.5}}}}}}),
        json!({"match": {"a": {"b": [1, null]}}}),
        json!({"geoBoundingBox": {"p": {"top": 1.0, "left": 170.0, "bottom": 0.0, "right": -170.0}}}),
        json!({"geoDistanceRange": {"p": {"lat": 1.0, "lon": 2.0}, "from": "0.5m", "to": "1000m"}}),
    ] {
        assert_eq!(round(filter.clone()), filter);
    }
    assert_eq!(round(Value::Null), json!({}));
    assert_eq!(
        round(json!({"exists": {"field": "a"}})),
        json!({"exists": "a"})
    );
}

#[test]
fn distances_are_written_without_an_exponent() {
    let filter = json!({"geoDistance": {"p": [0, 0], "distance": "1nm"}});
    assert_eq!(round(filter)["geoDistance"]["distance"], "0.000000001m");
}
