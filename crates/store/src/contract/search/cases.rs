//! The documents, queries and sorts with the answers that Elasticsearch gives. Pure data: nothing
//! here may depend on a view.

use serde_json::{Value, json};

pub fn mappings() -> Value {
    json!({"properties": {
        "kind": {"type": "keyword"},
        "title": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 20}}},
        "n": {"type": "long"},
        "i": {"type": "integer"},
        "x": {"type": "double"},
        "on": {"type": "boolean"},
        "at": {"type": "date"},
        "where": {"type": "geo_point"},
        "who": {"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}},
    }})
}

/// Ids are one letter each, so that an answer is a word.
pub const DOCUMENTS: &[(&str, &str)] = &[
    (
        "a",
        r#"{"kind":"apple","title":"The quick brown Fox","n":1,"i":10,"x":1.5,"on":true,"at":"2020-01-01",
            "where":{"lat":52.52,"lon":13.405},"who":{"name":"ann","age":30},"note":"Hello World","count":5}"#,
    ),
    (
        "b",
        r#"{"kind":"banana","title":"Quick brown dogs","n":2,"x":2.5,"on":false,"at":"2020-01-01T12:30:00Z",
            "where":[2.3522,48.8566],"who":{"name":"bob"},"note":"hello there","count":7}"#,
    ),
    (
        "c",
        r#"{"kind":["cherry","apple"],"title":["lazy fox","summer's day"],"n":[3,30],"x":3,"at":1577923200000,
            "where":"51.5074,-0.1278","count":[5,9]}"#,
    ),
    (
        "d",
        r#"{"kind":"Date","n":9007199254740993,"x":-0.5,"at":"2021-06-15T10:00:00.123+02:00",
            "where":{"lat":40.7128,"lon":-74.006},"who":[{"name":"ann"},{"name":"dan","age":41}]}"#,
    ),
    (
        "e",
        r#"{"kind":null,"title":null,"n":-9223372036854775808,"note":null,"on":"true"}"#,
    ),
    ("f", "{}"),
    (
        "g",
        r#"{"kind":"","title":"","n":9007199254740992,"x":1e10,"where":[[179.9,-17.7],[178.4,-18.1]],"who":{}}"#,
    ),
    (
        "h",
        r#"{"kind":"éclair","title":"Éclair au café 東京, served well-done at 10.5","n":"42","i":7.9,"at":"2020-02-29","who.name":"dotted"}"#,
    ),
];

/// Queries, and the ids that they find, sorted.
pub fn queries() -> Vec<(Value, &'static str)> {
    let mut all = Vec::new();
    all.extend(terms());
    all.extend(ranges());
    all.extend(texts());
    all.extend(compounds());
    all.extend(places());
    all
}

fn terms() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"match_all": {}}), "abcdefgh"),
        (json!({"term": {"kind": "apple"}}), "ac"),
        (json!({"term": {"kind": {"value": "banana"}}}), "b"),
        (
            json!({"term": {"kind": {"value": "banana", "boost": 2.0}}}),
            "b",
        ),
        (json!({"term": {"kind": "Apple"}}), ""),
        (json!({"term": {"kind": "date"}}), ""),
        (json!({"term": {"kind": ""}}), "g"),
        (json!({"term": {"kind": "éclair"}}), "h"),
        (json!({"term": {"title": "quick"}}), "ab"),
        (json!({"term": {"title": "Quick"}}), ""),
        (json!({"term": {"title": "quick brown"}}), ""),
        (json!({"term": {"title.raw": "lazy fox"}}), "c"),
        (json!({"term": {"title.raw": "Quick brown dogs"}}), "b"),
        (json!({"term": {"title": "summer's"}}), "c"),
        (json!({"term": {"title": "東"}}), "h"),
        (json!({"term": {"title": "東京"}}), ""),
        (json!({"term": {"title": "éclair"}}), "h"),
        (json!({"term": {"title": "well"}}), "h"),
        (json!({"term": {"title": "10.5"}}), "h"),
        (json!({"term": {"n": 1}}), "a"),
        (json!({"term": {"n": "1"}}), "a"),
        (json!({"term": {"n": 1.0}}), "a"),
        (json!({"term": {"n": 1.5}}), ""),
        (json!({"term": {"n": 30}}), "c"),
        (json!({"term": {"n": 42}}), "h"),
        (json!({"term": {"n": 9007199254740993_i64}}), "d"),
        (json!({"term": {"n": 9007199254740992_i64}}), "g"),
        (json!({"term": {"n": -9223372036854775808_i64}}), "e"),
        (json!({"term": {"i": 7}}), "h"),
        (json!({"term": {"x": 3}}), "c"),
        (json!({"term": {"x": 3.0}}), "c"),
        (json!({"term": {"x": "1.5"}}), "a"),
        (json!({"term": {"on": true}}), "ae"),
        (json!({"term": {"on": "false"}}), "b"),
        (json!({"term": {"at": "2020-01-01"}}), "ab"),
        (json!({"term": {"at": "2020-01-01T12:30:00Z"}}), "b"),
        (json!({"term": {"at": 1577923200000_i64}}), "c"),
        (json!({"term": {"at": "2020-01-02"}}), "c"),
        (json!({"term": {"who.name": "ann"}}), "ad"),
        (json!({"term": {"who.name": "dotted"}}), "h"),
        (json!({"term": {"note": "hello"}}), "ab"),
        (json!({"term": {"note": "Hello World"}}), ""),
        (json!({"term": {"note.keyword": "Hello World"}}), "a"),
        (json!({"term": {"count": 5}}), "ac"),
        (json!({"term": {"count": "9"}}), "c"),
        (json!({"term": {"no_such_field": 1}}), ""),
        (json!({"terms": {"kind": ["apple", "banana"]}}), "abc"),
        (json!({"terms": {"kind": []}}), ""),
        (json!({"terms": {"n": [1, 3, "42"]}}), "ach"),
        (json!({"terms": {"note": ["world", "there"]}}), "ab"),
        (json!({"exists": {"field": "kind"}}), "abcdgh"),
        (json!({"exists": {"field": "title"}}), "abcgh"),
        (json!({"exists": {"field": "note"}}), "ab"),
        (json!({"exists": {"field": "note.keyword"}}), "ab"),
        (json!({"exists": {"field": "who"}}), "abdh"),
        (json!({"exists": {"field": "who.age"}}), "ad"),
        (json!({"exists": {"field": "where"}}), "abcdg"),
        (json!({"exists": {"field": "no_such_field"}}), ""),
        (json!({"ids": {"values": ["a", "f", "zzz", "a"]}}), "af"),
        (json!({"ids": {"values": []}}), ""),
        (json!({"term": {"_id": "c"}}), "c"),
    ]
}

fn ranges() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"range": {"n": {"gte": 2}}}), "bcdgh"),
        (json!({"range": {"n": {"gt": 2, "lte": 42}}}), "ch"),
        (json!({"range": {"n": {"gte": 4, "lte": 29}}}), ""),
        (json!({"range": {"n": {"gt": 9007199254740992_i64}}}), "d"),
        (
            json!({"range": {"n": {"lt": 9007199254740993_i64, "gte": 9007199254740992_i64}}}),
            "g",
        ),
        (json!({"range": {"n": {"lt": 1}}}), "e"),
        (json!({"range": {"n": {"gt": 1.5, "lt": 2.5}}}), "b"),
        (json!({"range": {"n": {"gte": "2", "lte": "3"}}}), "bc"),
        (json!({"range": {"n": {}}}), "abcdegh"),
        (json!({"range": {"n": {"gte": null, "lt": 2}}}), "ae"),
        (json!({"range": {"x": {"gte": 1.5, "lt": 3}}}), "ab"),
        (json!({"range": {"x": {"lt": 0}}}), "d"),
        (json!({"range": {"x": {"gt": 1e9}}}), "g"),
        (json!({"range": {"kind": {"gte": "b", "lt": "d"}}}), "bc"),
        (json!({"range": {"kind": {"lt": "a"}}}), "dg"),
        (json!({"range": {"kind": {"gt": "cherry"}}}), "h"),
        (
            json!({"range": {"at": {"gte": "2020-01-01", "lte": "2020-01-01"}}}),
            "ab",
        ),
        (json!({"range": {"at": {"gt": "2020-01-01"}}}), "cdh"),
        (json!({"range": {"at": {"lt": "2020-01-02"}}}), "ab"),
        (
            json!({"range": {"at": {"gte": "2020-01-01T12:30:00Z", "lt": "2020-01-02T00:00:00+01:00"}}}),
            "b",
        ),
        (json!({"range": {"at": {"lte": "2020-01"}}}), "ab"),
        (json!({"range": {"at": {"gte": 1577923200000_i64}}}), "cdh"),
        (
            json!({"range": {"at": {"gte": "1577923200001", "lt": "2021"}}}),
            "h",
        ),
        (
            json!({"range": {"at": {"gte": "2021-06-15T08:00:00.123Z", "lte": "2021-06-15T08:00:00.123Z"}}}),
            "d",
        ),
        (json!({"range": {"count": {"gte": 6, "lt": 9}}}), "b"),
        (json!({"range": {"count": {"gt": 5}}}), "bc"),
        (json!({"range": {"who.age": {"gte": 31}}}), "d"),
        (json!({"range": {"no_such_field": {"gte": 1}}}), ""),
    ]
}

fn texts() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"match": {"title": "quick"}}), "ab"),
        (json!({"match": {"title": "QUICK"}}), "ab"),
        (
            json!({"match": {"title": {"query": "quick fox", "operator": "and"}}}),
            "a",
        ),
        (
            json!({"match": {"title": {"query": "brown, Quick!", "operator": "AND"}}}),
            "ab",
        ),
        (json!({"match": {"title": "quick fox"}}), "abc"),
        (
            json!({"match": {"title": {"query": "lazy day", "operator": "and"}}}),
            "c",
        ),
        (json!({"match": {"title": "CAFÉ"}}), "h"),
        (json!({"match": {"title": "cafe"}}), ""),
        (json!({"match": {"title": ""}}), ""),
        (json!({"match": {"kind": "apple"}}), "ac"),
        (json!({"match": {"kind": "apple banana"}}), ""),
        (json!({"match": {"n": 1}}), "a"),
        (json!({"match": {"n": "42"}}), "h"),
        (json!({"match": {"at": "2020-01-01"}}), "ab"),
        (json!({"match": {"on": true}}), "ae"),
        (
            json!({"match": {"note": {"query": "WORLD hello", "operator": "and"}}}),
            "a",
        ),
        (json!({"match": {"no_such_field": "x"}}), ""),
        (json!({"prefix": {"kind": "b"}}), "b"),
        (json!({"prefix": {"kind": {"value": "ch"}}}), "c"),
        (json!({"prefix": {"kind": ""}}), "abcdgh"),
        (json!({"prefix": {"kind": "A"}}), ""),
        // Only the letters of ASCII have two cases.
        (
            json!({"prefix": {"kind": {"value": "A", "case_insensitive": true}}}),
            "ac",
        ),
        (
            json!({"term": {"kind": {"value": "dATE", "case_insensitive": true}}}),
            "d",
        ),
        (
            json!({"term": {"kind": {"value": "éCLAIR", "case_insensitive": true}}}),
            "h",
        ),
        (
            json!({"term": {"kind": {"value": "ÉCLAIR", "case_insensitive": true}}}),
            "",
        ),
        (
            json!({"wildcard": {"kind": {"value": "É*", "case_insensitive": true}}}),
            "",
        ),
        (
            json!({"regexp": {"kind": {"value": "[É]CLAIR", "case_insensitive": true}}}),
            "",
        ),
        (
            json!({"regexp": {"kind": {"value": "[éx]CL[A]IR", "case_insensitive": true}}}),
            "h",
        ),
        (json!({"wildcard": {"kind": ""}}), ""),
        (json!({"prefix": {"title": "qui"}}), "ab"),
        (json!({"prefix": {"title": "Qui"}}), ""),
        (json!({"prefix": {"title.raw": "Qui"}}), "b"),
        (json!({"prefix": {"note.keyword": "Hello W"}}), "a"),
        (json!({"prefix": {"no_such_field": "x"}}), ""),
    ]
}

fn compounds() -> Vec<(Value, &'static str)> {
    let apple = json!({"term": {"kind": "apple"}});
    let brown = json!({"term": {"title": "brown"}});
    let on = json!({"term": {"on": true}});
    vec![
        (json!({"bool": {}}), "abcdefgh"),
        (json!({"bool": {"must": apple}}), "ac"),
        (json!({"bool": {"must": [apple, brown]}}), "a"),
        (
            json!({"bool": {"filter": [apple], "must_not": [brown]}}),
            "c",
        ),
        (
            json!({"bool": {"must_not": {"exists": {"field": "n"}}}}),
            "f",
        ),
        (json!({"bool": {"should": [apple, brown]}}), "abc"),
        (
            json!({"bool": {"should": [apple, brown, on], "minimum_should_match": 2}}),
            "a",
        ),
        (
            json!({"bool": {"should": [apple, brown, on], "minimum_should_match": "3"}}),
            "a",
        ),
        (
            json!({"bool": {"should": [apple, brown, on], "minimum_should_match": 1}}),
            "abce",
        ),
        (
            json!({"bool": {"should": [apple, brown], "minimum_should_match": -1}}),
            "abc",
        ),
        (
            json!({"bool": {"should": [apple, brown, on], "minimum_should_match": "67%"}}),
            "a",
        ),
        (json!({"bool": {"filter": on, "should": [apple]}}), "ae"),
        (
            json!({"bool": {"filter": on, "should": [apple], "minimum_should_match": 1}}),
            "a",
        ),
        (
            json!({"bool": {"must_not": [apple], "should": [brown]}}),
            "b",
        ),
        (
            json!({"bool": {"must": [{"bool": {"should": [apple, on]}}, {"range": {"n": {"lt": 2}}}]}}),
            "ae",
        ),
        (
            json!({"bool": {"must": [], "should": [], "filter": []}}),
            "abcdefgh",
        ),
    ]
}

fn places() -> Vec<(Value, &'static str)> {
    let near_berlin = |distance: Value| json!({"geo_distance": {"distance": distance, "where": {"lat": 52.5, "lon": 13.4}}});
    vec![
        (near_berlin(json!("10km")), "a"),
        (near_berlin(json!("1000 km")), "abc"),
        (near_berlin(json!(1_000_000)), "abc"),
        (near_berlin(json!("5mi")), "a"),
        (near_berlin(json!("1m")), ""),
        (
            json!({"geo_distance": {"distance": "10km", "where": [2.35, 48.85]}}),
            "b",
        ),
        (
            json!({"geo_distance": {"distance": "10km", "where": "48.85,2.35"}}),
            "b",
        ),
        (
            json!({"geo_distance": {"distance": "20km", "distance_type": "arc", "where": {"lat": -18.1, "lon": 178.5}}}),
            "g",
        ),
        (
            json!({"geo_distance": {"distance": "300km", "where": {"lat": -17.7, "lon": -179.0}}}),
            "g",
        ),
        (
            json!({"geo_bounding_box": {"where": {"top_left": {"lat": 55, "lon": -5}, "bottom_right": {"lat": 50, "lon": 5}}}}),
            "c",
        ),
        (
            json!({"geo_bounding_box": {"where": {"top_left": [-80, 60], "bottom_right": [20, 45]}}}),
            "abc",
        ),
        (
            json!({"geo_bounding_box": {"where": {"top": 45, "left": -80, "bottom": 35, "right": -70}}}),
            "d",
        ),
        (
            json!({"geo_bounding_box": {"where": {"top_right": "60,20", "bottom_left": "50,10"}}}),
            "a",
        ),
        (
            json!({"geo_bounding_box": {"where": {"top_left": {"lat": -17, "lon": 179}, "bottom_right": {"lat": -18, "lon": -179}}}}),
            "g",
        ),
    ]
}

/// Sorts, and all ids in their order.
pub fn sorts() -> Vec<(Value, &'static str)> {
    vec![
        (json!(["_id"]), "abcdefgh"),
        (json!([{"_id": "desc"}]), "hgfedcba"),
        (json!("_id"), "abcdefgh"),
        (json!({"_id": {"order": "desc"}}), "hgfedcba"),
        (json!([{"n": "asc"}, "_id"]), "eabchgdf"),
        (json!([{"n": "desc"}, "_id"]), "dghcbaef"),
        (
            json!([{"n": {"order": "desc", "mode": "min"}}, "_id"]),
            "dghcbaef",
        ),
        (
            json!([{"n": {"order": "asc", "mode": "max"}}, "_id"]),
            "eabchgdf",
        ),
        (
            json!([{"x": {"order": "asc", "missing": "_first"}}, "_id"]),
            "efhdabcg",
        ),
        (json!([{"x": "asc"}, {"_id": "asc"}]), "dabcgefh"),
        (
            json!([{"x": {"order": "desc"}}, {"_id": "asc"}]),
            "gcbadefh",
        ),
        (json!([{"kind": "asc"}, "_id"]), "gdacbhef"),
        (json!([{"kind": "desc"}, "_id"]), "hcbadgef"),
        (json!([{"title.raw": "asc"}, "_id"]), "gbacdefh"),
        (json!([{"at": "asc"}, "_id"]), "abchdefg"),
        (json!([{"at": "desc"}, "_id"]), "dhcbaefg"),
        (json!([{"on": "asc"}, "_id"]), "baecdfgh"),
        (json!([{"on": "desc"}, {"_id": "desc"}]), "eabhgfdc"),
        (
            json!([{"who.age": {"order": "asc", "missing": "_last"}}, "_id"]),
            "adbcefgh",
        ),
        (
            json!([{"_geo_distance": {"where": {"lat": 52.5, "lon": 13.4}, "order": "asc"}}, "_id"]),
            "abcdgefh",
        ),
        (
            json!([{"_geo_distance": {"where": [-74, 40.7], "unit": "km"}}, "_id"]),
            "dcbagefh",
        ),
        (json!([{"note.keyword": "desc"}, "_id"]), "bacdefgh"),
        (json!([{"count": {"order": "desc"}}, "_id"]), "cbadefgh"),
    ]
}

/// Malformed pages, and where every view says that they are.
pub fn misplaced() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"search_after": [1]}), "/search_after"),
        (
            json!({"sort": "_score", "search_after": [1]}),
            "/search_after",
        ),
        (
            json!({"sort": ["n"], "search_after": [1, 2]}),
            "/search_after",
        ),
        (
            json!({"sort": ["n", "_id"], "search_after": [1]}),
            "/search_after",
        ),
        (
            json!({"sort": ["n"], "search_after": [null]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["n"], "search_after": ["abc"]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["n"], "search_after": [true]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["kind", "i"], "search_after": ["x", "1.5"]}),
            "/search_after/1",
        ),
        (
            json!({"sort": [{"x": "desc"}], "search_after": ["1,5"]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["on"], "search_after": ["maybe"]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["at"], "search_after": ["yesterday"]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["kind"], "search_after": [{}]}),
            "/search_after/0",
        ),
        (
            json!({"sort": ["n"], "search_after": [1], "from": 1}),
            "/from",
        ),
        (json!({"from": 9_999, "size": 2}), "/size"),
    ]
}

/// A search that names a field of the index itself, in each place where a field may stand, and
/// where that is; some views say it of the clause around.
pub fn naming(field: &str) -> Vec<(Value, &'static str)> {
    let aggregated = |body: Value| json!({"size": 0, "aggs": {"a": body}});
    vec![
        (json!({"query": {"term": {field: "x"}}}), "/query/term"),
        (json!({"query": {"terms": {field: ["x"]}}}), "/query/terms"),
        (
            json!({"query": {"match": {field: {"query": "x"}}}}),
            "/query/match",
        ),
        (json!({"query": {"prefix": {field: "x"}}}), "/query/prefix"),
        (
            json!({"query": {"range": {field: {"gte": 1}}}}),
            "/query/range",
        ),
        (
            json!({"query": {"exists": {"field": field}}}),
            "/query/exists",
        ),
        (
            json!({"query": {"bool": {"must_not": [{"exists": {"field": field}}]}}}),
            "/query/bool/must_not/0/exists",
        ),
        (
            json!({"query": {"multi_match": {"query": "x", "fields": ["title", field]}}}),
            "/query/multi_match",
        ),
        (
            json!({"query": {"query_string": {"query": format!("a {field}:x"), "fields": ["title"]}}}),
            "/query/query_string",
        ),
        (
            json!({"post_filter": {"term": {field: "x"}}}),
            "/post_filter/term",
        ),
        (json!({"sort": [field]}), "/sort/0"),
        (json!({"sort": [{field: "desc"}]}), "/sort/0"),
        (
            aggregated(json!({"terms": {"field": field}})),
            "/aggs/a/terms",
        ),
        (aggregated(json!({"max": {"field": field}})), "/aggs/a/max"),
        (
            aggregated(json!({"filter": {"exists": {"field": field}}})),
            "/aggs/a/filter/exists",
        ),
        (json!({"collapse": {"field": field}}), "/collapse"),
        (
            json!({"query": {"match": {"title": "x"}}, "highlight": {"fields": {field: {}}}}),
            "/highlight/fields",
        ),
        (json!({"fields": [field]}), "/fields"),
        (
            json!({"docvalue_fields": [{"field": field}]}),
            "/docvalue_fields",
        ),
    ]
}

/// Searches that no view answers.
pub fn malformed() -> Vec<Value> {
    vec![
        json!({"query": {}}),
        json!({"query": []}),
        json!({"query": {"term": {"kind": "a"}, "match_all": {}}}),
        json!({"query": {"term": {}}}),
        json!({"query": {"term": {"kind": "a", "n": 1}}}),
        json!({"query": {"term": {"n": "not a number"}}}),
        json!({"query": {"terms": {"kind": "apple"}}}),
        json!({"query": {"range": {"n": {"gte": "abc"}}}}),
        json!({"query": {"range": {"at": {"gte": "yesterday"}}}}),
        json!({"query": {"range": {"n": 1}}}),
        json!({"query": {"exists": {}}}),
        json!({"query": {"ids": {"values": [{}]}}}),
        json!({"query": {"bool": {"must": 1}}}),
        json!({"query": {"bool": {"no_such_occurrence": []}}}),
        json!({"query": {"geo_distance": {"where": {"lat": 1, "lon": 1}}}}),
        json!({"query": {"geo_distance": {"distance": "ten km", "where": {"lat": 1, "lon": 1}}}}),
        json!({"query": {"geo_distance": {"distance": "10km", "where": {"lat": 91, "lon": 1}}}}),
        json!({"query": {"geo_distance": {"distance": "10km", "kind": {"lat": 1, "lon": 1}}}}),
        json!({"query": {"geo_bounding_box": {"where": {"top_left": {"lat": 1, "lon": 1}}}}}),
        json!({"sort": [{"title": "asc"}]}),
        json!({"sort": [{"n": "upwards"}]}),
    ]
}
