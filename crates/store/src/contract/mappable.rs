//! What a mapping takes and what it refuses: the cases for `check`. Pure data, in Elasticsearch's
//! words.

use serde_json::{Value, json};

fn typed(kind: &str) -> Value {
    json!({"properties": {"v": {"type": kind}}})
}

fn of(kind: &str, value: &str) -> (Value, String, String) {
    (typed(kind), "id".to_owned(), format!(r#"{{"v":{value}}}"#))
}

fn nested(depth: usize) -> String {
    format!("{}1{}", r#"{"o":"#.repeat(depth), "}".repeat(depth))
}

/// The store's own member cannot be a client's.
pub fn is_reserved(body: &str) -> bool {
    body.contains("_consign")
}

/// Mapping, id, body, and the pointer of what does not fit.
pub fn refused() -> Vec<(Value, String, String, &'static str)> {
    let mut all: Vec<(Value, String, String, &'static str)> = Vec::new();
    let long_keyword = format!(r#""{}""#, "k".repeat(32_767));
    let wide_keyword = format!(r#""{}""#, "é".repeat(16_384));
    let values = [
        ("integer", r#""many""#),
        ("integer", "3000000000"),
        ("integer", "true"),
        ("integer", r#"{"a":1}"#),
        ("long", "9223372036854775808"),
        ("long", r#""9223372036854775808""#),
        ("long", "1e30"),
        ("double", r#""x""#),
        ("double", "false"),
        ("boolean", "1"),
        ("boolean", r#""yes""#),
        ("date", r#""yesterday""#),
        ("date", r#""2020-13-01""#),
        ("date", r#""2020-02-30""#),
        ("date", "true"),
        ("date", "1.5e12"),
        ("date", r#""1e3""#),
        ("date", r#""+2020-01-01""#),
        ("date", r#""2020-01-01T10:00:00Nowhere/City""#),
        ("date", r#""2020-01-01T10:00:00.""#),
        ("ip", r#""10.0.0.256""#),
        ("ip", r#""""#),
        ("ip", "5"),
        ("flattened", r#""x""#),
        ("long", r#"" 5""#),
        ("long", r#""1f""#),
        ("half_float", "65520"),
        ("geo_point", r#"{"lat":1,"lon":2,"x":3}"#),
        ("geo_point", r#"{"geohash":"u33dc0"}"#),
        ("geo_point", r#"{"lat":200,"lon":0}"#),
        ("geo_point", r#"{"lat":0,"lon":181}"#),
        ("geo_point", r#"{"lat":1}"#),
        ("geo_point", "5"),
        ("geo_point", r#""nowhere at all""#),
        ("keyword", r#"{"a":1}"#),
        ("text", r#"{"a":1}"#),
        ("object", "1"),
        ("keyword", long_keyword.as_str()),
        ("keyword", wide_keyword.as_str()),
    ];
    for (kind, value) in values {
        let (mappings, id, body) = of(kind, value);
        all.push((mappings, id, body, "/v"));
    }
    let strict = json!({"dynamic": "strict", "properties": {"v": {"type": "long"}, "o": {"properties": {"k": {"type": "keyword"}}}}});
    let plain = |body: &str, pointer| (json!({}), "id".to_owned(), body.to_owned(), pointer);
    all.extend([
        (
            strict.clone(),
            "id".to_owned(),
            r#"{"v":1,"w":2}"#.to_owned(),
            "/w",
        ),
        (
            strict,
            "id".to_owned(),
            r#"{"o":{"k":"a","x/y":1}}"#.to_owned(),
            "/o/x~1y",
        ),
        plain(r#"{"":1}"#, "/"),
        plain(r#"{"a..b":1}"#, "/a..b"),
        plain(r#"{"a":{" ":1}}"#, "/a/ "),
        plain(r#"{"_id":"x"}"#, "/_id"),
        plain(r#"{"_source":1}"#, "/_source"),
        plain(r#"{"_routing.x":1}"#, "/_routing.x"),
        plain(r#"{"_consign":{}}"#, "/_consign"),
        // It would hide the document.
        plain(r#"{"_consign.deleted":true}"#, "/_consign.deleted"),
        plain(r#"{"n":[1,{"a":1}]}"#, "/n/1"),
        (
            typed("integer"),
            "id".to_owned(),
            r#"{"v":[1,"x"]}"#.to_owned(),
            "/v/1",
        ),
        (
            typed("object"),
            "id".to_owned(),
            r#"{"v":["a"]}"#.to_owned(),
            "/v/0",
        ),
        (
            json!({"properties": {"v": {"type": "float", "fields": {"raw": {"type": "long", "ignore_malformed": true}}}}}),
            "id".to_owned(),
            r#"{"v":0.5}"#.to_owned(),
            "/v",
        ),
        plain(r#"[]"#, ""),
        plain(r#""text""#, ""),
        (json!({}), "x".repeat(513), "{}".to_owned(), ""),
    ]);
    all.push((
        json!({}),
        "id".to_owned(),
        nested(21),
        "/o/o/o/o/o/o/o/o/o/o/o/o/o/o/o/o/o/o/o/o",
    ));
    let fields: Vec<String> = (0..501).map(|n| format!(r#""f{n}":"text""#)).collect();
    all.push((
        json!({}),
        "id".to_owned(),
        format!("{{{}}}", fields.join(",")),
        "",
    ));
    all
}

/// Mapping, id, body.
pub fn taken() -> Vec<(Value, String, String)> {
    let keyword = format!(r#""{}""#, "k".repeat(32_766));
    let values = [
        ("integer", r#""12""#),
        ("integer", "1.7"),
        ("integer", "null"),
        ("integer", "[1,null,2]"),
        ("integer", r#""""#),
        ("long", "9223372036854775807"),
        ("double", r#""1.5""#),
        ("double", "1e300"),
        ("boolean", r#""false""#),
        ("boolean", r#""""#),
        ("date", r#""2020-01-01""#),
        ("date", r#""2020-01-01T10:00:00.123456789Z""#),
        ("date", r#""2020-01-01T10:00+02:00""#),
        ("date", r#""2020""#),
        ("date", "1577923200000"),
        ("date", r#""1577923200000""#),
        ("date", "-1"),
        ("date", r#""-1.5""#),
        ("date", "1577836800000.5"),
        ("date", r#""-2020-01-01""#),
        ("date", r#""2020-01-01T10:00:00UTC""#),
        ("date", r#""2020-01-01T10:00:00Europe/Paris""#),
        ("date", r#""2020-01-01T10:00:00,5""#),
        ("date", r#""2020-01-01T10:00:00+0530""#),
        ("date", r#""2020-01-01T10:00:00GMT+2""#),
        ("ip", r#""10.0.0.1""#),
        ("ip", r#""fe80::1%eth0""#),
        ("flattened", r#"{"a":{"b":[1,"x",null]}}"#),
        ("double", r#"" 5""#),
        ("double", r#""1f""#),
        ("byte", r#""5 ""#),
        ("half_float", "65519"),
        ("geo_point", r#"" 1 , 2 ""#),
        ("geo_point", "[13.4,52.5,10]"),
        ("geo_point", r#"{"lat":1,"lon":2,"z":3}"#),
        ("geo_point", r#"{"lat":52.5,"lon":13.4}"#),
        ("geo_point", r#"{"lat":"52.5","lon":"13.4"}"#),
        ("geo_point", "[13.4,52.5]"),
        ("geo_point", "[[13.4,52.5],[1,2]]"),
        ("geo_point", r#""52.5,13.4""#),
        ("geo_point", r#""POINT (13.4 52.5)""#),
        ("geo_point", r#""u33dc0""#),
        ("geo_point", r#"{"type":"Point","coordinates":[13.4,52.5]}"#),
        ("keyword", "1.5"),
        ("keyword", "true"),
        ("text", "[1,true,\"a\"]"),
        ("object", "{}"),
        ("object", "null"),
        ("object", r#"[{"a":1},{"b":"x"}]"#),
        ("keyword", keyword.as_str()),
    ];
    let mut all: Vec<(Value, String, String)> = values
        .into_iter()
        .map(|(kind, value)| of(kind, value))
        .collect();
    let long_text = format!(r#"{{"text":"{}"}}"#, "word ".repeat(8_000));
    let plain = |body: &str| (json!({}), "id".to_owned(), body.to_owned());
    all.extend([
        plain("{}"),
        plain(r#"{"a.b":1,"c":{"d":[{"e":1},{"f":"x"}]}}"#),
        plain(r#"{"n":-9223372036854775808,"x":1.5,"s":"é","t":true,"z":null}"#),
        plain(&long_text),
        plain(&nested(20)),
        (json!({}), "x".repeat(512), "{}".to_owned()),
        (
            json!({"dynamic": false, "properties": {"v": {"type": "long"}}}),
            "id".to_owned(),
            r#"{"v":1,"w":"anything"}"#.to_owned(),
        ),
        (
            json!({"dynamic": "strict", "properties": {"o": {"type": "object", "dynamic": true}}}),
            "id".to_owned(),
            r#"{"o":{"new":1}}"#.to_owned(),
        ),
        (
            json!({"properties": {"v": {"type": "keyword", "ignore_above": 10}}}),
            "id".to_owned(),
            format!(r#"{{"v":"{}"}}"#, "k".repeat(40_000)),
        ),
        (
            json!({"properties": {"v": {"type": "integer", "ignore_malformed": true}}}),
            "id".to_owned(),
            r#"{"v":"many"}"#.to_owned(),
        ),
        (
            json!({"properties": {"v": {"type": "object", "enabled": false}}}),
            "id".to_owned(),
            r#"{"v":{"":1,"n":1e39}}"#.to_owned(),
        ),
    ]);
    all
}
