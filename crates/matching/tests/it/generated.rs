//! Random filters and documents for the laws that must hold of every filter. Few fields and few
//! values, so that conditions on the same field meet often.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "a", "a", "b", "b", "c.d", "c", "tags[x]"])
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-2_i64..4).prop_map(Value::from),
        1 => prop::sample::select(vec![json!(0.5), json!(-0.0), json!(1.0), json!(9_007_199_254_740_993_i64), json!(u64::MAX), json!(1e300)]),
    ]
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "x",
        "y",
        "foo",
        "FOO",
        "é",
        "a\nb",
        "48.8566,2.3522",
        "quo\"te]",
    ])
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![3 => number(), 3 => text().prop_map(Value::from), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)]
}

fn value() -> impl Strategy<Value = Value> {
    let point = prop::sample::select(vec![
        json!({"lat": 48.0, "lon": 2.0}),
        json!([10, 179.5]),
        json!("u09tvw0f64"),
        json!({"latLon": [0, 0]}),
    ]);
    let leaf = prop_oneof![6 => scalar(), 1 => point];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            1 => prop::collection::btree_map(prop::sample::select(vec!["a", "b", "d", "c.d"]), inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// A document over the fields that filters name, literal dotted keys among them.
pub fn document() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["a", "a", "b", "c", "c.d", "tags[x]", "e"]);
    prop::collection::vec((key, value()), 0..5).prop_map(|pairs| {
        Value::Object(
            pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Map<_, _>>(),
        )
    })
}

fn range() -> impl Strategy<Value = Value> {
    let low = prop::option::of((prop::sample::select(vec!["gt", "gte"]), -2_i64..3));
    let high = prop::option::of((prop::sample::select(vec!["lt", "lte"]), number()));
    (field(), low, high).prop_filter_map(
        "a range has an end and is not empty",
        |(field, low, high)| {
            if let (Some((_, low)), Some((_, high))) = (&low, &high)
                && *low as f64 >= high.as_f64()?
            {
                return None;
            }
            let low = low.map(|(name, at)| (name, Value::from(at)));
            let ends: Map<String, Value> = low
                .into_iter()
                .chain(high)
                .map(|(name, at)| (name.to_owned(), at))
                .collect();
            (!ends.is_empty()).then(|| json!({"range": {field: ends}}))
        },
    )
}

fn geo() -> impl Strategy<Value = Value> {
    let shapes = vec![
        json!({"geoBoundingBox": {"a": {"top": 50, "left": 0, "bottom": 40, "right": 10}}}),
        json!({"geoBoundingBox": {"a": {"top": 50, "left": 170, "bottom": -40, "right": -170}}}),
        json!({"geoDistance": {"a": "48,2", "distance": "100 km"}}),
        json!({"geoDistanceRange": {"a": [0, 0], "from": "0m", "to": "1000mi"}}),
        json!({"geoDistanceRange": {"b": [0, 0], "from": "1ft", "to": "1000mi"}}),
        json!({"geoPolygon": {"a": {"points": [[0, 0], [60, 0], [60, 10], [0, 10]]}}}),
    ];
    prop::sample::select(shapes)
}

fn escaped(field: &str) -> String {
    field.replace('[', "\\[").replace(']', "\\]")
}

fn leaf() -> impl Strategy<Value = Value> {
    let presence = || prop::sample::select(vec!["exists", "missing"]);
    prop_oneof![
        4 => (field(), scalar()).prop_map(|(field, value)| json!({"equals": {field: value}})),
        1 => (field(), prop::collection::vec(text(), 1..3)).prop_map(|(field, values)| json!({"in": {field: values}})),
        1 => prop::collection::vec(text(), 1..3).prop_map(|values| json!({"ids": {"values": values}})),
        2 => (presence(), field()).prop_map(|(keyword, field)| json!({keyword: escaped(field)})),
        1 => (presence(), field(), scalar()).prop_map(|(keyword, field, value)| json!({keyword: format!("{}[{value}]", escaped(field))})),
        4 => range(),
        1 => (field(), prop::sample::select(vec!["^foo", "o+", "(?i)FOO", "^$", "\\W"]), prop::sample::select(vec!["", "i"]))
            .prop_map(|(field, value, flags)| json!({"regexp": {field: {"value": value, "flags": flags}}})),
        1 => geo(),
        1 => prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c", "c.d"]), value(), 1..3).prop_map(|object| json!({"match": object})),
        1 => Just(json!({"nothing": true})),
    ]
}

/// Valid filters to depth 5.
pub fn filter() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 16, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            3 => several().prop_map(|all| json!({"and": all})),
            3 => several().prop_map(|any| json!({"or": any})),
            2 => inner.clone().prop_map(|one| json!({"not": one})),
            1 => (several(), several()).prop_map(|(must, not)| json!({"bool": {"must": must, "must_not": not}})),
            1 => (several(), several()).prop_map(|(should, not)| json!({"bool": {"should": should, "should_not": not}})),
            1 => (field(), -2_i64..3, value_filter()).prop_map(|(field, index, query)| json!({"select": {"field": field, "index": index, "query": query}})),
        ]
    })
}

/// A query for `select`, on the field `value`.
fn value_filter() -> impl Strategy<Value = Value> {
    prop_oneof![
        scalar().prop_map(|value| json!({"equals": {"value": value}})),
        scalar().prop_map(
            |value| json!({"or": [{"not": {"equals": {"value": value}}}, {"exists": "value.d"}]})
        ),
        Just(json!({"or": [{"exists": "value"}, {"missing": "value"}]})),
        Just(json!({"and": [{"exists": "value"}, {"missing": "value"}]})),
    ]
}
