//! Searches over a world's fields: every clause that the embedded default serves, with values that
//! fit, nearly fit and do not fit, sorts and pages.

use super::{
    aggregations, languages, values,
    world::{Named, World},
};
use seeded_dice::SeededDice;
use serde_json::{Map, Value, json};

pub fn draw(dice: &mut SeededDice, world: &World) -> Value {
    let mut body = Map::new();
    if dice.chance(9, 10) {
        body.insert("query".to_owned(), query(dice, world, 0));
    }
    if dice.chance(2, 5) {
        sorted(dice, world, &mut body);
    } else {
        body.insert("size".to_owned(), json!(100));
    }
    if dice.chance(1, 4) {
        body.insert("aggs".to_owned(), aggregations::draw(dice, world, 0));
        if dice.chance(1, 6) {
            body.insert("post_filter".to_owned(), query(dice, world, 1));
        }
    }
    if dice.chance(1, 8) {
        body.insert("_source".to_owned(), shown(dice, world));
    }
    body.into()
}

/// A part of the documents: names, patterns, parts of names.
fn shown(dice: &mut SeededDice, world: &World) -> Value {
    let one = |dice: &mut SeededDice| {
        let path = field(dice, world).path.as_str();
        match dice.below(5) {
            0 => json!(format!("{}*", &path[..path.len() - 1])),
            1 => json!(format!("*{}", &path[path.len() - 1..])),
            2 => json!(format!("{path}.*")),
            _ => json!(path),
        }
    };
    let first: Vec<Value> = (0..dice.below(3)).map(|_| one(dice)).collect();
    let second: Vec<Value> = (0..dice.below(3)).map(|_| one(dice)).collect();
    match dice.below(4) {
        0 => json!(first),
        1 => json!({"includes": first, "excludes": second}),
        2 => json!({"excludes": second}),
        _ => json!(dice.chance(1, 2)),
    }
}

pub fn field<'w>(dice: &mut SeededDice, world: &'w World) -> &'w Named {
    dice.pick(&world.fields)
}

/// A value for a field in a query: mostly of its kind.
fn value(dice: &mut SeededDice, kind: &str) -> Value {
    if let Some(kind) = kind.strip_prefix("free ") {
        return fitting(dice, kind);
    }
    let kind = if dice.chance(1, 15) {
        *dice.pick(&["keyword", "long", "date", "boolean", "double"])
    } else {
        kind
    };
    match serde_json::from_str(values::one(dice, kind)).expect("the pools hold JSON") {
        Value::Array(_) | Value::Object(_) if kind != "geo_point" => json!("x"),
        other => other,
    }
}

/// Values that an index takes for a dynamic field of the kind: there nobody knows the type but the
/// index itself.
fn fitting(dice: &mut SeededDice, kind: &str) -> Value {
    let pool: &[Value] = match kind {
        "long" => &[
            json!(1),
            json!(2),
            json!("3"),
            json!(-5),
            json!(1.5),
            json!(9_007_199_254_740_993_i64),
        ],
        "float" => &[json!(1.5), json!("2.5"), json!(0), json!(3)],
        "boolean" => &[json!(true), json!("false"), json!(false)],
        "date" => &[
            json!("2020-01-01"),
            json!("2020"),
            json!("2020-01-02T10:00:00Z"),
            json!("2020-01-01||/M"),
            json!("now-1d"),
        ],
        "slash" => &[
            json!("2016/08/18"),
            json!("2016/08/18 12:55:43"),
            json!("2016/08/17 23:00:00"),
        ],
        _ => &[
            json!("hello"),
            json!("World"),
            json!("word"),
            json!("5"),
            json!("2021"),
            json!(1.5),
            json!("Hello World"),
            json!(""),
        ],
    };
    dice.pick(pool).clone()
}

pub fn query(dice: &mut SeededDice, world: &World, depth: usize) -> Value {
    let named = field(dice, world);
    let (path, kind) = (named.path.as_str(), named.kind);
    // The type of such a field is known to the index alone: it is asked what fits it.
    let is_free = kind.starts_with("free") && kind != "free text";
    let drawn = dice.below(if depth < 2 { 30 } else { 20 });
    match drawn {
        12..=16 if is_free => json!({"exists": {"field": path}}),
        0 | 1 => json!({"term": {path: value(dice, kind)}}),
        2 if !is_free && dice.chance(1, 2) => any_case(dice, path),
        2 => json!({"term": {path: {"value": value(dice, kind), "boost": 2.0}}}),
        3 => {
            let some: Vec<Value> = (0..dice.below(4)).map(|_| value(dice, kind)).collect();
            json!({"terms": {path: some}})
        }
        4..=7 => range(dice, path, kind),
        8 | 9 => matching(dice, path, kind),
        10 | 11 => json!({"exists": {"field": path}}),
        12 => json!({"prefix": {path: dice.pick(&["", "a", "A", "qui", "l", "2", "ap"])}}),
        13 => wildcard(dice, path),
        14 => phrase(dice, path),
        15 => many(dice, world),
        16 => {
            json!({"regexp": {path: dice.pick(&["a.*", "[a-z]+", "(apple|b)", "", ".*o.*", "qu?ick", "a{2}", "éc.+"])}})
        }
        17 if !is_free && dice.chance(1, 2) => languages::fuzzy(dice, path),
        17 | 18 => place(dice, world),
        19 => match dice.below(5) {
            0 => json!({"match_all": {}}),
            1 => json!({"match_none": {}}),
            2 => json!({"ids": {"values": ["d1", "d3", "zz"]}}),
            3 => json!({"term": {"_id": "d2"}}),
            _ => json!({"exists": {"field": "nowhere"}}),
        },
        20 | 21 => languages::query_string(dice, world),
        22 => languages::nested(dice, world, depth),
        23 if !is_free => languages::fuzzy(dice, path),
        _ => boolean(dice, world, depth),
    }
}

fn range(dice: &mut SeededDice, path: &str, kind: &str) -> Value {
    let mut bounds = Map::new();
    if dice.chance(3, 4) {
        bounds.insert((*dice.pick(&["gte", "gt"])).to_owned(), value(dice, kind));
    }
    if dice.chance(1, 2) {
        bounds.insert((*dice.pick(&["lte", "lt"])).to_owned(), value(dice, kind));
    }
    if kind == "date" && dice.chance(1, 4) {
        let reckoned = [
            "now",
            "now-1d/d",
            "2020-01-01||+1M/d",
            "2020-01-01||/y",
            "2020-02-29||-1y",
            "now+1x",
            "2020-01-01T10:00:00||/h",
        ];
        bounds.clear();
        bounds.insert(
            (*dice.pick(&["gte", "lt", "lte", "gt"])).to_owned(),
            (*dice.pick(&reckoned)).into(),
        );
    }
    if kind.contains("date") && dice.chance(1, 10) {
        bounds.insert(
            "time_zone".to_owned(),
            (*dice.pick(&["+01:00", "-05:30", "UTC", "Z"])).into(),
        );
    }
    if kind == "date" && dice.chance(1, 10) {
        bounds.insert(
            "format".to_owned(),
            (*dice.pick(&["yyyy-MM-dd", "epoch_second", "dd.MM.yyyy||yyyy"])).into(),
        );
    }
    json!({"range": {path: bounds}})
}

fn matching(dice: &mut SeededDice, path: &str, kind: &str) -> Value {
    let text = match kind {
        "text" | "free text" => json!(dice.pick(&[
            "quick fox",
            "Hello",
            "QUICK brown",
            "lazy day",
            "",
            "fox",
            "10.5",
            "hello world there",
            "東京"
        ])),
        _ => value(dice, kind),
    };
    match dice.below(5) {
        0 => {
            json!({"match": {path: {"query": text, "operator": dice.pick(&["and", "AND", "or"])}}})
        }
        1 => {
            json!({"match": {path: {"query": text, "minimum_should_match": dice.pick(&[json!(2), json!("50%"), json!("-1"), json!(-1), json!("75%")])}}})
        }
        2 => json!({"match": {path: {"query": text, "lenient": true}}}),
        _ => json!({"match": {path: text}}),
    }
}

/// Where case is ignored: of ASCII letters only.
fn any_case(dice: &mut SeededDice, path: &str) -> Value {
    let text = *dice.pick(&[
        "APPLE", "apple", "B", "ÉCLAIR", "éCLAIR", "a", "", "QUICK", "10",
    ]);
    match dice.below(4) {
        0 => json!({"prefix": {path: {"value": text, "case_insensitive": true}}}),
        1 => json!({"wildcard": {path: {"value": format!("{text}*"), "case_insensitive": true}}}),
        2 => {
            json!({"regexp": {path: {"value": format!("[{}b-d]?.*", text.chars().next().unwrap_or('A')), "case_insensitive": true}}})
        }
        _ => json!({"term": {path: {"value": text, "case_insensitive": true}}}),
    }
}

fn wildcard(dice: &mut SeededDice, path: &str) -> Value {
    let pattern = *dice.pick(&[
        "a*", "*", "?", "*pp*", "A?ple", "qu*k", "", "*\\**", "b", "éc*",
    ]);
    match dice.below(4) {
        0 => json!({"wildcard": {path: {"wildcard": pattern}}}),
        1 => json!({"wildcard": {path: {"value": pattern, "case_insensitive": true}}}),
        2 => json!({"wildcard": {path: {"value": pattern}}}),
        _ => json!({"wildcard": {path: pattern}}),
    }
}

fn phrase(dice: &mut SeededDice, path: &str) -> Value {
    let text = *dice.pick(&[
        "quick brown",
        "brown fox",
        "fox quick",
        "fox fox",
        "quick",
        "lazy",
        "the brown",
        "summer's day",
        "",
    ]);
    match dice.below(4) {
        0 => json!({"match_phrase": {path: {"query": text, "slop": dice.below(3)}}}),
        1 => json!({"match_phrase_prefix": {path: dice.pick(&["quick br", "qui", "brown f", ""])}}),
        _ => json!({"match_phrase": {path: text}}),
    }
}

fn many(dice: &mut SeededDice, world: &World) -> Value {
    let known: Vec<&Named> = world
        .fields
        .iter()
        .filter(|field| !field.kind.starts_with("free"))
        .collect();
    if known.is_empty() {
        return json!({"match_none": {}});
    }
    let paths: Vec<&str> = (0..1 + dice.below(3))
        .map(|_| dice.pick(&known).path.as_str())
        .collect();
    let text = *dice.pick(&["quick fox", "apple", "10", "hello", "brown quick lazy"]);
    let mut body = json!({"query": text, "fields": paths});
    if dice.chance(1, 3) {
        body["type"] =
            (*dice.pick(&["best_fields", "most_fields", "phrase", "cross_fields"])).into();
    }
    if dice.chance(1, 3) {
        body["operator"] = "and".into();
    }
    if dice.chance(1, 2) {
        body["lenient"] = true.into();
    }
    json!({"multi_match": body})
}

fn place(dice: &mut SeededDice, world: &World) -> Value {
    let points: Vec<&Named> = world
        .fields
        .iter()
        .filter(|field| field.kind == "geo_point")
        .collect();
    let path = if points.is_empty() || dice.chance(1, 15) {
        field(dice, world).path.as_str()
    } else {
        dice.pick(&points).path.as_str()
    };
    let at: Value =
        serde_json::from_str(values::one(dice, "geo_point")).expect("the pools hold JSON");
    match dice.below(5) {
        0 | 1 => {
            json!({"geo_distance": {"distance": dice.pick(&["10km", "1000 km", "5mi", "20000km", "1m", "x km"]), path: at}})
        }
        2 => {
            json!({"geo_bounding_box": {path: {"top_left": {"lat": 60, "lon": -5}, "bottom_right": {"lat": 40, "lon": 14}}}})
        }
        3 => {
            json!({"geo_bounding_box": {path: {"top": 10, "left": 170, "bottom": -30, "right": -170}}})
        }
        _ => {
            json!({"geo_shape": {path: {"shape": {"type": "Polygon", "coordinates": [[[0, 40], [20, 40], [20, 60], [0, 60], [0, 40]]]}, "relation": "intersects"}}})
        }
    }
}

fn boolean(dice: &mut SeededDice, world: &World, depth: usize) -> Value {
    let mut body = Map::new();
    for occurrence in ["must", "filter", "must_not", "should"] {
        if dice.chance(1, 2) {
            let clauses: Vec<Value> = (0..dice.below(3))
                .map(|_| query(dice, world, depth + 1))
                .collect();
            let clauses = if clauses.len() == 1 && dice.chance(1, 2) {
                clauses[0].clone()
            } else {
                clauses.into()
            };
            body.insert(occurrence.to_owned(), clauses);
        }
    }
    if dice.chance(1, 4) {
        body.insert(
            "minimum_should_match".to_owned(),
            dice.pick(&[json!(1), json!("2"), json!("50%"), json!(-1), json!(0)])
                .clone(),
        );
    }
    match dice.below(6) {
        0 => json!({"constant_score": {"filter": query(dice, world, depth + 1)}}),
        1 => {
            json!({"dis_max": {"queries": [query(dice, world, depth + 1), query(dice, world, depth + 1)]}})
        }
        _ => json!({"bool": body}),
    }
}

/// Sort keys (`_id` last, so that the order is one), a page of `from` and `size`, or a page after
/// given values.
fn sorted(dice: &mut SeededDice, world: &World, body: &mut Map<String, Value>) {
    let (mut keys, mut after) = (Vec::new(), Vec::new());
    for _ in 0..1 + dice.below(2) {
        let named = field(dice, world);
        let path = named.path.as_str();
        let order = *dice.pick(&["asc", "desc"]);
        if named.kind == "geo_point" {
            let mut key = json!({path: {"lat": 50, "lon": 10}, "order": order});
            if dice.chance(1, 3) {
                key["unit"] = (*dice.pick(&["km", "mi", "m"])).into();
            }
            keys.push(json!({"_geo_distance": key}));
            after.push(json!(500_000.0));
            continue;
        }
        let mut options = Map::from_iter([("order".to_owned(), order.into())]);
        if dice.chance(1, 4) {
            options.insert(
                "missing".to_owned(),
                (*dice.pick(&["_first", "_last"])).into(),
            );
        } else if dice.chance(1, 12) && !named.kind.starts_with("free") {
            options.insert("missing".to_owned(), value(dice, named.kind));
        }
        if dice.chance(1, 5) {
            options.insert("mode".to_owned(), (*dice.pick(&["min", "max"])).into());
        }
        if dice.chance(1, 4) {
            options.insert(
                "unmapped_type".to_owned(),
                (*dice.pick(&["long", "keyword", "date"])).into(),
            );
        }
        keys.push(json!({path: options}));
        after.push(if dice.chance(1, 8) {
            Value::Null
        } else {
            value(dice, named.kind)
        });
    }
    keys.push(json!({"_id": dice.pick(&["asc", "desc"])}));
    after.push(json!(format!("d{}", dice.below(12))));
    body.insert("sort".to_owned(), keys.into());
    match dice.below(5) {
        4 => {
            let named = field(dice, world);
            body.insert("collapse".to_owned(), json!({"field": named.path}));
            body.insert("size".to_owned(), json!(100));
        }
        0 => {
            body.insert("from".to_owned(), json!(dice.below(6)));
            body.insert("size".to_owned(), json!(dice.below(6)));
        }
        1 => {
            body.insert("search_after".to_owned(), after.into());
            body.insert("size".to_owned(), json!(100));
        }
        2 => {
            // Page by page, each after the last hit of the one before.
            body.insert("walk".to_owned(), json!(true));
            body.insert("size".to_owned(), json!(1 + dice.below(5)));
        }
        _ => {
            body.insert("size".to_owned(), json!(100));
        }
    }
}
