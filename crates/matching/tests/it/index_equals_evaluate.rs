//! The engine answers as plain evaluation does, whatever is registered and removed on the way.

use std::collections::BTreeMap;

use matching::{Document, Engine, Filter, Options, Scratch};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Few names and values, so that filters and documents meet often.
fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a", "b", "c", "a.b", "a.c", "b.a.c", "tags", "pos", "_id",
    ])
    .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "x",
        "y",
        "foo",
        "Foobar",
        "bar",
        "",
        "é",
        "abc123",
        "línea\nfoo",
    ])
    .prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..6).prop_map(Value::from),
        prop::sample::select(vec![
            json!(0.5),
            json!(-0.0),
            json!(2.5),
            json!(1e300),
            json!(-1e300)
        ]),
        prop::sample::select(vec![
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_992_i64),
            json!(1_700_000_000_001_i64)
        ]),
        prop::sample::select(vec![
            json!(u64::MAX),
            json!(u64::MAX - 1),
            json!(i64::MIN),
            json!(1.844_674_407_370_955_2e19)
        ]),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![4 => text().prop_map(Value::from), 4 => number(), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)]
}

fn point() -> impl Strategy<Value = Value> {
    let degrees = (
        prop::sample::select(vec![-89.5, -10.0, 0.0, 0.5, 10.0, 80.0, 90.0]),
        prop::sample::select(vec![-180.0, -179.5, -1.0, 0.0, 0.5, 179.0, 180.0]),
    );
    (degrees, 0..4).prop_map(|((lat, lon), spelling)| match spelling {
        0 => json!({"lat": lat, "lon": lon}),
        1 => json!([lat, lon]),
        2 => json!(format!("{lat},{lon}")),
        _ => json!({"latLon": [lat.to_string(), lon]}),
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![6 => scalar(), 2 => point(), 2 => prop::collection::vec(scalar(), 0..4).prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c", "a.c"]), inner.clone(), 0..3).prop_map(|map| json!(map)),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["a", "b", "c", "tags", "pos", "_id", "a.b", "b.a"]);
    prop::collection::vec((key, value()), 0..6).prop_map(|pairs| {
        Value::Object(
            pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    })
}

fn range() -> impl Strategy<Value = Value> {
    let bound = prop::sample::select(vec!["gt", "gte"]);
    let upper = prop::sample::select(vec!["lt", "lte"]);
    (
        field(),
        prop::option::of((bound, number())),
        prop::option::of((upper, number())),
    )
        .prop_map(|(field, low, high)| {
            let mut bounds = serde_json::Map::new();
            bounds.extend(
                low.into_iter()
                    .chain(high)
                    .map(|(keyword, number)| (keyword.to_owned(), number)),
            );
            json!({"range": {field: bounds}})
        })
}

fn geo() -> impl Strategy<Value = Value> {
    let distance = prop::sample::select(vec!["1km", "60 km", "1200km", "9000 km", "30000km"]);
    let farther = prop::sample::select(vec!["1500km", "12000 km"]);
    let edge = prop::sample::select(vec![-180.0, -170.0, -1.0, 0.0, 0.5, 170.0, 180.0]);
    prop_oneof![
        (field(), point(), distance.clone()).prop_map(|(field, at, distance)| json!({"geoDistance": {field: at, "distance": distance}})),
        (field(), point(), distance, farther)
            .prop_map(|(field, at, from, to)| json!({"geoDistanceRange": {field: at, "from": from, "to": to}})),
        (field(), edge.clone(), edge)
            .prop_map(|(field, left, right)| json!({"geoBoundingBox": {field: {"top": 80, "left": left, "bottom": -10, "right": right}}})),
        (field(), prop::collection::vec(point(), 3..7)).prop_map(|(field, points)| json!({"geoPolygon": {field: {"points": points}}})),
    ]
}

fn pattern() -> impl Strategy<Value = Value> {
    let texts = vec![
        "foo",
        "^foo",
        "bar$",
        "o+",
        "(?i)FOO",
        "f.*r|123",
        "[a-c]{2}",
        "^$",
        "",
        "\\bfoo\\b",
        "é",
        "x|y|(abc\\d)",
        "(foo|bar)+",
    ];
    let flags = prop::sample::select(vec!["", "i", "m", "s"]);
    (field(), prop::sample::select(texts), flags).prop_map(
        |(field, text, flags)| json!({"regexp": {field: {"value": text, "flags": flags}}}),
    )
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (field(), scalar()).prop_map(|(field, value)| json!({"equals": {field: value}})),
        2 => (field(), prop::collection::vec(text(), 1..4)).prop_map(|(field, values)| json!({"in": {field: values}})),
        2 => (prop::sample::select(vec!["exists", "missing"]), field()).prop_map(|(keyword, field)| json!({keyword: field})),
        2 => (prop::sample::select(vec!["exists", "missing"]), field(), scalar()).prop_map(|(keyword, field, value)| json!({keyword: format!("{field}[{value}]")})),
        4 => range(),
        3 => pattern(),
        3 => geo(),
        1 => Just(json!({})),
        1 => Just(json!({"nothing": true})),
        2 => prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), value(), 1..3).prop_map(|object| json!({"match": object})),
    ]
}

/// Filters to depth 5; some refused by the parser, which is as well.
fn filter() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 24, 4, |inner| {
        let several = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            3 => several().prop_map(|all| json!({"and": all})),
            3 => several().prop_map(|any| json!({"or": any})),
            3 => inner.clone().prop_map(|one| json!({"not": one})),
            1 => (several(), several()).prop_map(|(must, not)| json!({"bool": {"must": must, "must_not": not}})),
            1 => (several(), several()).prop_map(|(should, not)| json!({"bool": {"should": should, "should_not": not}})),
            1 => (field(), -2_i64..3, inner.clone()).prop_map(|(field, index, query)| json!({"select": {"field": field, "index": index, "query": query}})),
        ]
    })
}

#[derive(Debug, Clone)]
enum Step {
    Add(u64, Value),
    Remove(u64),
    Match(Value),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_u64..30, filter()).prop_map(|(id, filter)| Step::Add(id, filter)),
        2 => (0_u64..30).prop_map(Step::Remove),
        3 => document().prop_map(Step::Match),
    ]
}

/// One engine and the filters it should hold.
#[derive(Default)]
struct Pair {
    engine: Engine,
    filters: BTreeMap<u64, Filter>,
    scratch: Scratch,
}

impl Pair {
    fn take(&mut self, step: Step) {
        match step {
            Step::Add(id, value) => {
                if let Ok(filter) = Filter::parse(&value, &Options::default()) {
                    self.engine.register(id, &filter.normalise());
                    self.filters.insert(id, filter);
                }
            }
            Step::Remove(id) => {
                assert_eq!(self.engine.remove(id), self.filters.remove(&id).is_some())
            }
            Step::Match(value) => self.compare(&value),
        }
        assert_eq!(self.engine.len(), self.filters.len());
    }

    fn compare(&mut self, value: &Value) {
        let document = Document::new(value);
        let mut found = self.engine.matches(&document, &mut self.scratch).to_vec();
        found.sort_unstable();
        let wanted: Vec<u64> = self
            .filters
            .iter()
            .filter(|(_, filter)| filter.matches(&document))
            .map(|(id, _)| *id)
            .collect();
        let differing: Vec<_> = self
            .filters
            .iter()
            .filter(|(id, _)| found.contains(id) != wanted.contains(id))
            .map(|(_, f)| f.to_json())
            .collect();
        assert_eq!(
            found, wanted,
            "document {value}, differing filters {differing:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn through_random_adds_and_removes(steps in prop::collection::vec(step(), 1..60), documents in prop::collection::vec(document(), 1..6)) {
        let mut pair = Pair::default();
        steps.into_iter().for_each(|step| pair.take(step));
        documents.iter().for_each(|document| pair.compare(document));
        // What is left after everything was removed must answer nothing.
        let ids: Vec<u64> = pair.filters.keys().copied().collect();
        ids.into_iter().for_each(|id| pair.take(Step::Remove(id)));
        documents.iter().for_each(|document| pair.compare(document));
        prop_assert!(pair.engine.is_vacant(), "nothing may be left of removed filters");
    }
}
