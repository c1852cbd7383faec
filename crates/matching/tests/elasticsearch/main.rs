//! Translated filters, answered by a real Elasticsearch and by the embedded view, find the documents
//! that plain evaluation finds. Over what the translation promises to keep: documents without arrays and nulls, whose
//! fields hold what their mapping says, and places that lie clearly in an area or outside.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod embedded;
mod http;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::LazyLock;

use matching::{Document, Filter, Options, elasticsearch, to_elasticsearch};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// One search finds all documents.
const DOCUMENTS: usize = 400;

/// An index of documents that no test changes.
struct Corpus {
    address: String,
    index: String,
    documents: Vec<Value>,
    embedded: embedded::Embedded,
}

/// The fields of all documents.
fn mappings() -> Value {
    let keyword = json!({"type": "keyword"});
    json!({"dynamic": "strict", "properties": {
        "k": keyword, "long": {"type": "long"}, "double": {"type": "double"}, "flag": {"type": "boolean"},
        "place": {"type": "geo_point"}, "o": {"properties": {"k": keyword, "n": {"type": "long"}}},
    }})
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let address = testbed::Servers::shared().addresses().elasticsearch.clone();
    let mut runner = TestRunner::deterministic();
    let mut draw = || document().new_tree(&mut runner).unwrap().current();
    let mut documents: Vec<Value> = (0..DOCUMENTS).map(|_| draw()).collect();
    documents
        .iter_mut()
        .enumerate()
        .for_each(|(at, document)| document["_id"] = format!("id{at}").into());
    let corpus = Corpus {
        address,
        index: testbed::unique("matching-filters").to_lowercase(),
        embedded: embedded::Embedded::new(&mappings(), &documents),
        documents,
    };
    corpus.fill();
    corpus
});

impl Corpus {
    fn fill(&self) {
        let settings = json!({"mappings": mappings(), "settings": {"number_of_shards": 1, "number_of_replicas": 0}});
        http::call(
            &self.address,
            "PUT",
            &format!("/{}", self.index),
            &settings.to_string(),
        );
        let mut bulk = String::new();
        for document in &self.documents {
            let mut source = document.clone();
            let id = source.as_object_mut().unwrap().remove("_id").unwrap();
            writeln!(bulk, "{}\n{source}", json!({"index": {"_id": id}})).unwrap();
        }
        let answer = http::call(
            &self.address,
            "POST",
            &format!("/{}/_bulk?refresh=true", self.index),
            &bulk,
        );
        assert_eq!(answer["errors"], false, "{answer}");
    }

    /// The ids that each query finds.
    fn search(&self, queries: &[Value]) -> Vec<BTreeSet<String>> {
        let mut body = String::new();
        for query in queries {
            writeln!(
                body,
                "{{}}\n{}",
                json!({"query": query, "size": DOCUMENTS, "_source": false})
            )
            .unwrap();
        }
        let answer = http::call(
            &self.address,
            "POST",
            &format!("/{}/_msearch", self.index),
            &body,
        );
        let ids = |(response, query): (&Value, &Value)| {
            let hits = response["hits"]["hits"]
                .as_array()
                .unwrap_or_else(|| panic!("{query}: {response}"));
            hits.iter()
                .map(|hit| hit["_id"].as_str().unwrap().to_owned())
                .collect()
        };
        answer["responses"]
            .as_array()
            .unwrap()
            .iter()
            .zip(queries)
            .map(ids)
            .collect()
    }

    /// The ids of the documents that the filter matches.
    fn evaluate(&self, filter: &Filter) -> BTreeSet<String> {
        let matching = self
            .documents
            .iter()
            .filter(|document| filter.matches(&Document::new(document)));
        matching
            .map(|document| document["_id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "foo",
        "Foo",
        "foobar",
        "bar",
        "é",
        "日本",
        "😀",
        "a b c",
        "line1\nline2",
        "x.y",
        "quo\"te",
        "#@&<>~\\",
        "abc123",
    ])
}

fn double() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![-2.5, -0.0, 0.0, 0.5, 1.0, 1e-7, 1e300, 42.25])
}

fn long() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![
        i64::MIN,
        -3,
        0,
        1,
        2,
        1_700_000_000_000,
        1_700_000_000_001,
        9_007_199_254_740_992,
        9_007_199_254_740_993,
        i64::MAX,
    ])
}

/// Whole degrees; every area below ends well between them.
fn place() -> impl Strategy<Value = (i32, i32)> {
    (
        -85..86,
        prop_oneof![-180..180, -10..10, 170..180, -180..-170],
    )
        .prop_map(|(lat, lon)| (lat, lon))
}

prop_compose! {
    fn document()(
        k in prop::option::of(text()), long in prop::option::of(long()), double in prop::option::of(double()), flag in prop::option::of(any::<bool>()),
        place in prop::option::of(place()), inner in prop::option::of((prop::option::of(text()), prop::option::of(long()))),
    ) -> Value {
        let mut document = serde_json::Map::new();
        let mut put = |name: &str, value: Option<Value>| document.extend(value.map(|value| (name.to_owned(), value)));
        put("k", k.map(Value::from));
        put("long", long.map(Value::from));
        put("double", double.map(Value::from));
        put("flag", flag.map(Value::from));
        put("place", place.map(|(lat, lon)| json!({"lat": lat, "lon": lon})));
        // Written out, since an object without fields is not in the index.
        put("o", inner.filter(|(k, n)| k.is_some() || n.is_some()).map(|(k, n)| {
            let k = k.map(|k| ("k".to_owned(), Value::from(k)));
            k.into_iter().chain(n.map(|n| ("n".to_owned(), Value::from(n)))).collect::<serde_json::Map<_, _>>().into()
        }));
        Value::Object(document)
    }
}

fn keyword_field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["k", "o.k"])
}

fn range() -> impl Strategy<Value = Value> {
    let ends = || {
        (
            prop::option::of(prop::sample::select(vec!["gt", "gte"])),
            prop::option::of(prop::sample::select(vec!["lt", "lte"])),
        )
    };
    let range = |field: &str, low: Option<(&str, Value)>, high: Option<(&str, Value)>| {
        let ends: serde_json::Map<String, Value> = low
            .into_iter()
            .chain(high)
            .map(|(name, at)| (name.to_owned(), at))
            .collect();
        json!({"range": {field: ends}})
    };
    prop_oneof![
        (
            prop::sample::select(vec!["long", "o.n"]),
            ends(),
            long(),
            long()
        )
            .prop_map(move |(field, (low, high), from, to)| {
                range(
                    field,
                    low.map(|name| (name, from.into())),
                    high.map(|name| (name, to.into())),
                )
            }),
        (ends(), double(), double()).prop_map(move |((low, high), from, to)| range(
            "double",
            low.map(|name| (name, from.into())),
            high.map(|name| (name, to.into()))
        )),
        // A decimal limit on whole numbers; what a `long` cannot hold at all is an error there.
        (ends(), prop::sample::select(vec![-2.5, 0.5, 1.0, 1.5])).prop_map(
            move |((low, _), from)| range("long", low.map(|name| (name, from.into())), None)
        ),
    ]
}

fn regexp() -> impl Strategy<Value = Value> {
    let patterns = vec![
        "foo",
        "^foo",
        "foo$",
        "^foo$",
        "^$",
        "",
        "o+",
        "^(foo|bar)",
        "[^a-z]",
        "\\d+",
        "^\\w+$",
        "\\W",
        "\\s",
        "^.$",
        "^.{3}$",
        "\\.",
        "é|日",
        "\\x{1F600}",
        "#@",
        "[&<>~]",
        "\\\\",
        "(?i)FOO",
        "line1.line2",
        "b{1,2}",
        "a.c|x",
        "^(a|b)(b|\\s)",
        "\"",
        "^[\\x00-\\x7f]*$",
        "^(foo){1,}bar$",
        "o??b",
    ];
    let flags = prop::sample::select(vec!["", "", "i", "s"]);
    (keyword_field(), prop::sample::select(patterns), flags).prop_map(
        |(field, value, flags)| json!({"regexp": {field: {"value": value, "flags": flags}}}),
    )
}

fn area() -> impl Strategy<Value = Value> {
    let centre =
        || place().prop_map(|(lat, lon)| json!([f64::from(lat) + 0.3, f64::from(lon) + 0.3]));
    let areas = (place(), 1..60, 1..100).prop_map(|((lat, lon), height, width)| {
        let (top, left) = (f64::from(lat) + 0.5, f64::from(lon) + 0.5);
        let right = left + f64::from(width);
        json!({"geoBoundingBox": {"place": {"top": top, "left": left, "bottom": top - f64::from(height), "right": if right > 180.0 { right - 360.0 } else { right }}}})
    });
    let polygon = (-60..60, -170..170).prop_map(|(lat, lon)| {
        let (lat, lon) = (f64::from(lat) + 0.5, f64::from(lon) + 0.5);
        json!({"geoPolygon": {"place": {"points": [[lat, lon], [lat, lon + 2.0], [lat - 3.0, lon + 2.0], [lat - 3.0, lon]]}}})
    });
    prop_oneof![
        areas,
        polygon,
        // Small enough for the sphere and the ellipsoid to agree on whole degrees.
        (centre(), prop::sample::select(vec!["20km", "60 km"]))
            .prop_map(|(at, distance)| json!({"geoDistance": {"place": at, "distance": distance}})),
        (centre(), Just("60 km")).prop_map(
            |(at, to)| json!({"geoDistanceRange": {"place": at, "from": "10km", "to": to}})
        ),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => (keyword_field(), text()).prop_map(|(field, value)| json!({"equals": {field: value}})),
        2 => (prop::sample::select(vec!["long", "o.n"]), long()).prop_map(|(field, value)| json!({"equals": {field: value}})),
        1 => double().prop_map(|value| json!({"equals": {"double": value}})),
        1 => any::<bool>().prop_map(|value| json!({"equals": {"flag": value}})),
        1 => (keyword_field(), prop::collection::vec(text(), 1..4)).prop_map(|(field, values)| json!({"in": {field: values}})),
        1 => prop::collection::vec(0..DOCUMENTS, 1..6).prop_map(|ids| json!({"ids": {"values": ids.iter().map(|id| format!("id{id}")).collect::<Vec<_>>()}})),
        2 => (prop::sample::select(vec!["exists", "missing"]), prop::sample::select(vec!["k", "long", "double", "flag", "place", "o", "o.n", "nowhere"]))
            .prop_map(|(keyword, field)| json!({keyword: field})),
        4 => range(),
        4 => regexp(),
        2 => area(),
        1 => (text(), long()).prop_map(|(k, n)| json!({"match": {"o": {"k": k, "n": n}}})),
        1 => text().prop_map(|k| json!({"match": {"k": k, "flag": true}})),
        1 => Just(json!({"nothing": true})),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 12, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            3 => several().prop_map(|all| json!({"and": all})),
            3 => several().prop_map(|any| json!({"or": any})),
            3 => inner.clone().prop_map(|one| json!({"not": one})),
            2 => (several(), several(), several(), several())
                .prop_map(|(must, not, should, should_not)| json!({"bool": {"must": must, "must_not": not, "should": should, "should_not": should_not}})),
            1 => several().prop_map(|should| json!({"bool": {"should": should}})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_the_filter_matches(filters in prop::collection::vec(filter(), 25)) {
        // Ranges that are empty or have no end are refused by the parser, which is as well.
        let filters: Vec<Filter> = filters.iter().filter_map(|filter| Filter::parse(filter, &Options::default()).ok()).collect();
        let translatable = |filter: &Filter| to_elasticsearch(filter).ok();
        let (filters, queries): (Vec<Filter>, Vec<Value>) = filters.into_iter().filter_map(|filter| translatable(&filter).map(|query| (filter, query))).unzip();
        prop_assume!(!queries.is_empty());
        let here = CORPUS.embedded.search(&queries, DOCUMENTS);
        for (((filter, query), found), here) in filters.iter().zip(&queries).zip(CORPUS.search(&queries)).zip(here) {
            let wanted = CORPUS.evaluate(filter);
            prop_assert_eq!(&found, &wanted, "{} as {}", filter.to_json(), query);
            prop_assert_eq!(&here, &wanted, "embedded: {} as {}", filter.to_json(), query);
        }
    }
}

/// What the translation says may differ does differ: the warning is no empty one.
#[test]
fn null_and_empty_arrays_count_as_absent() {
    let index = testbed::unique("matching-empty").to_lowercase();
    let address = &CORPUS.address;
    http::call(
        address,
        "PUT",
        &format!("/{index}/_doc/1?refresh=true"),
        r#"{"k": null, "l": []}"#,
    );
    for field in ["k", "l"] {
        let filter = Filter::parse(&json!({"exists": field}), &Options::default()).unwrap();
        assert!(filter.matches(&Document::new(&json!({"k": null, "l": []}))));
        let translation = elasticsearch::translate_filter(&filter).unwrap();
        assert_eq!(
            translation.differences,
            [elasticsearch::Difference::EmptyIsAbsent]
        );
        let answer = http::call(
            address,
            "POST",
            &format!("/{index}/_search"),
            &json!({"query": translation.query}).to_string(),
        );
        assert_eq!(answer["hits"]["total"]["value"], 0);
    }
}
