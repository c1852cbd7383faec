//! Aggregations over a world's fields: mostly such as go together with a field, nested in each other.

use super::{
    searches::{field, query},
    world::World,
};
use seeded_dice::SeededDice;
use serde_json::{Map, Value, json};

const NUMBERS: &[&str] = &[
    "long",
    "integer",
    "short",
    "byte",
    "double",
    "float",
    "half_float",
];

pub fn draw(dice: &mut SeededDice, world: &World, depth: usize) -> Value {
    let mut all = Map::new();
    for n in 0..1 + dice.below(2) {
        all.insert(format!("a{n}"), one(dice, world, depth));
    }
    all.into()
}

/// A field whose kind is one of these, if there is one; now and then any field.
fn of_kinds<'w>(dice: &mut SeededDice, world: &'w World, kinds: &[&str]) -> (&'w str, &'w str) {
    let fitting: Vec<_> = world
        .fields
        .iter()
        .filter(|field| kinds.iter().any(|kind| field.kind.ends_with(kind)))
        .collect();
    let named = if fitting.is_empty() || dice.chance(1, 12) {
        field(dice, world)
    } else {
        dice.pick(&fitting)
    };
    (&named.path, named.kind)
}

fn one(dice: &mut SeededDice, world: &World, depth: usize) -> Value {
    let mut body = match dice.below(20) {
        0..=5 => terms(dice, world),
        6..=9 => return metric(dice, world),
        10 | 11 => ranges(dice, world),
        12 | 13 => histogram(dice, world),
        14 | 15 => dates(dice, world),
        16 => json!({"filter": query(dice, world, 1)}),
        17 => filters(dice, world),
        18 => {
            let (path, _) = of_kinds(dice, world, &["keyword", "long", "date"]);
            json!({"missing": {"field": path}})
        }
        _ => return top_hits(dice, world),
    };
    if depth < 2 && dice.chance(1, 3) {
        body["aggs"] = draw(dice, world, depth + 1);
    }
    if dice.chance(1, 12) {
        body["meta"] = json!({"a": [1]});
    }
    body
}

fn terms(dice: &mut SeededDice, world: &World) -> Value {
    let kinds = [NUMBERS, &["keyword", "keyword", "boolean", "date", "ip"]].concat();
    let (path, _) = of_kinds(dice, world, &kinds);
    let mut body = json!({"field": path});
    if dice.chance(1, 3) {
        body["size"] = json!(1 + dice.below(4));
    }
    if dice.chance(1, 3) {
        let order = *dice.pick(&["_count", "_key"]);
        body["order"] = json!({order: dice.pick(&["asc", "desc"])});
    }
    if dice.chance(1, 8) {
        body["min_doc_count"] = json!(2);
    }
    let mut whole = json!({"terms": body});
    if dice.chance(1, 5) {
        let (path, _) = of_kinds(dice, world, NUMBERS);
        let kind = *dice.pick(&["max", "sum", "avg"]);
        whole["terms"]["order"] = json!([{"m": dice.pick(&["asc", "desc"])}, {"_key": "asc"}]);
        whole["aggs"] = json!({"m": {kind: {"field": path}}});
    }
    whole
}

fn metric(dice: &mut SeededDice, world: &World) -> Value {
    let kind = *dice.pick(&[
        "min",
        "max",
        "sum",
        "avg",
        "stats",
        "extended_stats",
        "value_count",
        "cardinality",
        "percentiles",
    ]);
    let any = [NUMBERS, &["keyword", "date", "boolean", "ip"]].concat();
    let kinds = if kind == "value_count" || kind == "cardinality" {
        any.as_slice()
    } else if dice.chance(1, 6) {
        &["date"]
    } else {
        NUMBERS
    };
    let (path, _) = of_kinds(dice, world, kinds);
    let mut body = json!({"field": path});
    if kind == "percentiles" && dice.chance(1, 2) {
        body["percents"] = dice
            .pick(&[
                json!([50]),
                json!([99.9, 0, 33.3]),
                json!([100]),
                json!([-1]),
            ])
            .clone();
        body["keyed"] = json!(dice.chance(1, 2));
    }
    json!({kind: body})
}

fn ranges(dice: &mut SeededDice, world: &World) -> Value {
    if dice.chance(1, 3) {
        return date_ranges(dice, world);
    }
    let (path, _) = of_kinds(dice, world, NUMBERS);
    let all = [
        json!({"to": 2}),
        json!({"from": 2, "to": 10.5}),
        json!({"from": 5}),
        json!({"from": -1, "to": 1, "key": "near"}),
        json!({}),
        json!({"from": 1e10}),
    ];
    let ranges: Vec<Value> = (0..1 + dice.below(3))
        .map(|_| dice.pick(&all).clone())
        .collect();
    json!({"range": {"field": path, "ranges": ranges, "keyed": dice.chance(1, 4)}})
}

fn date_ranges(dice: &mut SeededDice, world: &World) -> Value {
    let (path, _) = of_kinds(dice, world, &["date"]);
    let all = [
        json!({"to": "2020-01-01"}),
        json!({"from": "2020-01-01", "to": "2020-02"}),
        json!({"from": "2020-01-01T10:00:00Z"}),
        json!({"from": "now-10y/d", "key": "new"}),
        json!({"from": "2020-01-01||-1M/M", "to": "2021||/y"}),
        json!({"from": 1_577_836_800_000_i64}),
        json!({"to": 2020}),
        json!({"from": "yesterday"}),
        json!({}),
    ];
    let ranges: Vec<Value> = (0..1 + dice.below(3))
        .map(|_| dice.pick(&all).clone())
        .collect();
    let mut body = json!({"field": path, "ranges": ranges, "keyed": dice.chance(1, 4)});
    if dice.chance(1, 5) {
        body["format"] = json!(dice.pick(&["yyyy-MM-dd", "epoch_millis", "epoch_second"]));
    }
    json!({"date_range": body})
}

fn histogram(dice: &mut SeededDice, world: &World) -> Value {
    let (path, kind) = of_kinds(
        dice,
        world,
        &["short", "byte", "half_float", "float", "integer"],
    );
    let mut body =
        json!({"field": path, "interval": dice.pick(&[json!(5), json!(2.5), json!(1000)])});
    let is_narrow = ["short", "byte", "half_float"].contains(&kind);
    if !is_narrow || dice.chance(1, 2) {
        body["min_doc_count"] = json!(1);
    }
    if dice.chance(1, 4) {
        body["offset"] = json!(1);
    }
    if dice.chance(1, 4) {
        body["keyed"] = json!(true);
    }
    json!({"histogram": body})
}

fn dates(dice: &mut SeededDice, world: &World) -> Value {
    let (path, _) = of_kinds(dice, world, &["date"]);
    let mut body = json!({"field": path, "min_doc_count": 1});
    match dice.below(3) {
        0 => body["fixed_interval"] = json!(dice.pick(&["12h", "7d", "90m"])),
        _ => {
            body["calendar_interval"] =
                json!(dice.pick(&["day", "1w", "month", "quarter", "year", "1h", "minute"]));
        }
    }
    if dice.chance(1, 6) {
        body["calendar_interval"] = json!("year");
        body.as_object_mut()
            .expect("an object")
            .retain(|name, _| name != "fixed_interval" && name != "min_doc_count");
    }
    if dice.chance(1, 4) {
        body["format"] = json!(dice.pick(&["yyyy-MM-dd", "epoch_millis", "dd.MM.yyyy HH:mm"]));
    }
    if dice.chance(1, 5) {
        body["keyed"] = json!(true);
    }
    json!({"date_histogram": body})
}

fn filters(dice: &mut SeededDice, world: &World) -> Value {
    let (first, second) = (query(dice, world, 1), query(dice, world, 1));
    let mut body = if dice.chance(1, 2) {
        json!({"filters": {"b": first, "a": second}})
    } else {
        json!({"filters": [first, second]})
    };
    match dice.below(4) {
        0 => body["other_bucket"] = json!(true),
        1 => body["other_bucket_key"] = json!("rest"),
        _ => {}
    }
    json!({"filters": body})
}

fn top_hits(dice: &mut SeededDice, world: &World) -> Value {
    let (path, _) = of_kinds(dice, world, &["keyword", "long", "double", "date"]);
    let mut body = json!({"size": 1 + dice.below(3), "sort": [{path: {"order": dice.pick(&["asc", "desc"]), "unmapped_type": "long"}}, {"_id": "asc"}]});
    if dice.chance(1, 3) {
        body["_source"] = json!([path]);
    }
    if dice.chance(1, 4) {
        body["sort"] = json!(["_score", "_id"]);
    }
    json!({"top_hits": body})
}
