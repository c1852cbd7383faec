//! Any JSON as mappings, settings, search, sort, filter or document: it is carried out or refused by
//! name, and never an internal error. What is drawn is always the same.

use crate::harness::{App, app, told};
use reqwest::Method;
use seeded_dice::SeededDice;
use serde_json::{Map, Value, json};

/// What is drawn, by a seed.
struct Draws(SeededDice);

impl Draws {
    fn below(&mut self, count: usize) -> usize {
        self.0.below(count)
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        self.0.pick(all)
    }

    fn word(&mut self) -> &'static str {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        words[self.below(words.len())]
    }

    fn scalar(&mut self) -> Value {
        let texts = [
            "",
            "a",
            "x y",
            "*",
            "a*",
            "(",
            "\"",
            "\\",
            "AUTO",
            "now-1d/d",
            "2020-01-01",
            "[1 TO",
            "k:(a OR",
            "\"a b\"~2",
            "_exists_:k",
            "a^",
            "~",
            "NOT",
            "1,2",
            "10.0.0.0/8",
            "\u{0}",
            "50%",
            "+01:00",
            "1d",
            "POINT (1 2)",
            "😀",
        ];
        match self.below(12) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(0),
            3 => json!(-1),
            4 => json!(1.5),
            5 => json!(1e300),
            6 => json!(u64::MAX),
            7 => json!(i64::MIN),
            8 => json!(self.word()),
            _ => json!(self.pick(&texts)),
        }
    }

    /// Anything, of words that mean something somewhere.
    fn any(&mut self, depth: usize) -> Value {
        match self.below(8) {
            _ if depth > 5 => self.scalar(),
            0..=2 => self.scalar(),
            3 => (0..self.below(3)).map(|_| self.any(depth + 1)).collect(),
            _ => self.object(depth),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let count = self.below(4);
        let members = (0..count).map(|_| (self.word().to_owned(), self.any(depth + 1)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn field(&mut self) -> &'static str {
        let fields = [
            "k", "t", "n", "d", "g", "o", "o.x", "ne", "ne.x", "free", "_id", "*", "ip",
        ];
        fields[self.below(fields.len())]
    }

    /// A clause whose name is one, with nearly right contents.
    fn clause(&mut self, depth: usize) -> Value {
        let name = *self.pick(&CLAUSES);
        let field = self.field();
        if depth > 3 {
            return json!({"term": {field: self.scalar()}});
        }
        match name {
            "bool" => {
                let kind = *self.pick(&["must", "filter", "should", "must_not"]);
                let clauses = [self.clause(depth + 1), self.clause(depth + 1)];
                json!({"bool": {kind: clauses, self.word(): self.any(depth)}})
            }
            "nested" => {
                json!({"nested": {"path": self.field(), "query": self.clause(depth + 1), self.word(): self.any(depth)}})
            }
            "range" => {
                json!({"range": {field: {"gte": self.scalar(), "lt": self.scalar(), self.word(): self.scalar()}}})
            }
            "query_string" | "simple_query_string" => {
                json!({name: {"query": self.scalar(), "fields": [self.field()], self.word(): self.any(depth)}})
            }
            "multi_match" => {
                json!({name: {"query": self.scalar(), "fields": [self.field(), "k"], self.word(): self.any(depth)}})
            }
            "exists" => json!({"exists": {"field": self.any(4)}}),
            "constant_score" | "not" => json!({name: {"filter": self.clause(depth + 1)}}),
            _ if self.below(2) == 0 => json!({name: {field: self.any(4)}}),
            _ => json!({name: {field: {"value": self.scalar(), self.word(): self.any(depth)}}}),
        }
    }
}

const CLAUSES: [&str; 22] = [
    "bool",
    "nested",
    "range",
    "query_string",
    "simple_query_string",
    "multi_match",
    "exists",
    "constant_score",
    "not",
    "match",
    "term",
    "terms",
    "fuzzy",
    "wildcard",
    "regexp",
    "prefix",
    "match_phrase",
    "match_phrase_prefix",
    "geo_distance",
    "geo_bounding_box",
    "ids",
    "dis_max",
];

const WORDS: &str = "query bool must filter should must_not match term terms range nested path \
    value fuzziness prefix_length max_expansions fields default_operator type exists field ids \
    values k t n d g o x ne _id _score sort order missing mode size from aggs date_histogram \
    calendar_interval stats top_hits highlight collapse _source search_after score_mode boost \
    minimum_should_match distance unit format time_zone gte lt properties dynamic null_value \
    copy_to ignore_above analyzer index mappings settings analysis number_of_shards keyword long \
    date object mapping limit slop operator queries tie_breaker fixed_interval interval ranges \
    filters keyed script runtime_mappings post_filter min_score track_total_hits slice";

async fn world() -> App {
    let app = app().await;
    let mappings = json!({"mappings": {"properties": {
        "k": {"type": "keyword"}, "t": {"type": "text"}, "n": {"type": "long"}, "d": {"type": "date"},
        "g": {"type": "geo_point"}, "ip": {"type": "ip"}, "o": {"properties": {"x": {"type": "keyword"}}},
        "ne": {"type": "nested", "properties": {"x": {"type": "text"}}},
    }}});
    let made = app
        .client
        .put(app.url("/v1/collections/any/c"))
        .json(&mappings);
    assert_eq!(told(made).await.0, 201);
    for (id, body) in [
        (
            "a",
            json!({"k": "quick", "t": "the quick fox", "n": 1, "d": "2020-01-01", "g": "1,2", "o": {"x": "a"}, "ne": [{"x": "fox"}]}),
        ),
        (
            "b",
            json!({"k": ["a", "b"], "t": ["x y", "z"], "n": [1, 2], "ip": "10.0.0.1", "free": "a"}),
        ),
        ("c", json!({"free": 1.5})),
    ] {
        let write = json!({"index": "any", "collection": "c", "_id": id, "body": body});
        let write = app.post("/v1/operations/document.create", &write);
        assert_eq!(told(write.header("prefer", "wait=20")).await.0, 200);
    }
    app
}

/// What is sent for the turn `n`: verb, path and body.
fn drawn(draws: &mut Draws, n: usize) -> (Method, String, Value) {
    let search = "/v1/documents/any/c/_search".to_owned();
    let post = Method::POST;
    match draws.below(16) {
        0 => (post, search, draws.any(0)),
        1 => (
            post,
            search,
            json!({draws.word(): draws.any(0), "query": draws.clause(0)}),
        ),
        2 => (post, search, json!({"sort": draws.any(0)})),
        3 => (
            post,
            search,
            json!({"sort": [{draws.field(): draws.any(2)}], "search_after": draws.any(3)}),
        ),
        4 => (
            post,
            search,
            json!({"aggs": {"a": {draws.word(): draws.any(1)}}}),
        ),
        5 => (
            post,
            search,
            json!({"aggs": {"a": {*draws.pick(&["terms", "stats", "histogram", "date_histogram", "range", "filters", "top_hits", "missing", "cardinality"]): {"field": draws.field(), draws.word(): draws.any(2)}}}}),
        ),
        6 => (
            post,
            search,
            json!({"highlight": draws.any(0), "query": draws.clause(1)}),
        ),
        7 => (
            post,
            "/v1/documents/any/c/_count".to_owned(),
            json!({"query": draws.clause(0)}),
        ),
        8 => (
            post,
            format!(
                "/any/c/_search?lang={}",
                draws.pick(&["koncorde", "elasticsearch"])
            ),
            json!({"query": draws.clause(0)}),
        ),
        9 => (
            post,
            "/any/c/_search?lang=koncorde".to_owned(),
            json!({"query": draws.any(0)}),
        ),
        10 => (
            Method::PUT,
            format!("/v1/collections/any/m{n}"),
            json!({"mappings": draws.any(0), "settings": draws.any(0)}),
        ),
        11 => (
            Method::PUT,
            format!("/v1/collections/any/p{n}"),
            json!({"mappings": {"properties": {"q": draws.any(0)}}}),
        ),
        12 => (
            Method::PUT,
            "/any/c/_mapping".to_owned(),
            json!({"properties": {draws.field(): draws.any(0)}}),
        ),
        13 => (
            Method::PUT,
            format!("/any/s{n}"),
            json!({"settings": draws.any(0)}),
        ),
        14 => (post, "/any/c/_create".to_owned(), draws.object(0)),
        _ => (
            post,
            search,
            json!({"query": draws.clause(0), "sort": [draws.any(2)]}),
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_is_carried_out_or_refused_by_name() {
    let app = world().await;
    let mut draws = Draws(SeededDice::new(11));
    let (mut done, mut refused, mut unsupported) = (0, 0, 0);
    for n in 0..1_500 {
        let (verb, path, body) = drawn(&mut draws, n);
        let request = app.client.request(verb.clone(), app.url(&path)).json(&body);
        let (status, _, answer) = told(request).await;
        match status.as_u16() {
            200..=299 => done += 1,
            400..=499 => refused += 1,
            501 => unsupported += 1,
            _ => panic!("{verb} {path} {body}: {status} {answer:#}"),
        }
        let has_code = answer["code"].is_string() || answer["error"]["id"].is_string();
        assert!(
            status.is_success() || has_code,
            "{verb} {path} {body}: {answer:#}"
        );
    }
    assert!(
        done > 100 && refused > 300 && unsupported > 50,
        "{done} {refused} {unsupported}"
    );
    let healthy = told(app.get("/readyz")).await;
    assert_eq!(healthy.0, 200, "{:#}", healthy.2);
}
