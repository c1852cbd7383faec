use serde_json::{Value, json};

use crate::filter::{Filter, Options};

fn room(filter: &Value) -> String {
    Filter::parse(filter, &Options::default())
        .unwrap()
        .normalise()
        .room_id("index", "collection")
}

/// Clients hold on to these: a change here is a break, not a fix of the test.
#[test]
fn ids_stay_as_they_are() {
    for (filter, wanted) in GOLDEN {
        let value = serde_json::from_str(filter).unwrap();
        assert_eq!(room(&value), *wanted, "{filter}");
    }
}

const GOLDEN: &[(&str, &str)] = &[
    (
        "{}",
        "ca1fa9e97d1aec44c9a1b7c924645dbfb06eefc441bd248f05f3a8cea7717e63",
    ),
    (
        r#"{"nothing": 1}"#,
        "f39ffd76a2986c5525e8bf62c8bc02dc66f7aa42a4720e86a0a60573ffb48722",
    ),
    (
        r#"{"and": [{"equals": {"a": 1}}, {"range": {"b": {"gt": 0.5, "lte": 3}}}, {"not": {"exists": "c"}}]}"#,
        "e43894b408c326090fdc14bd3b2ed66e14b6216c1003b16a40cd2586b953809f",
    ),
    (
        r#"{"or": [{"regexp": {"a": {"value": "^x", "flags": "i"}}}, {"exists": "t[\"a\"]"}, {"match": {"a": {"b": [1, 2]}}}]}"#,
        "2578944d61544ea5c91affd8fcd20ce30ba6104b2625ae3e77a93d509efdc372",
    ),
    (
        r#"{"or": [{"geoDistance": {"p": [1, 2], "distance": "1km"}}, {"geoPolygon": {"p": {"points": [[0, 0], [0, 1], [1, 1]]}}}]}"#,
        "7f0a3581c265bcab23f4a8849351651d1032267535e0f5471ff9d8dfdbad1b15",
    ),
    (
        r#"{"select": {"field": "a", "index": -1, "query": {"in": {"value": ["x", "y"]}}}}"#,
        "bdc76d19fc4f2406be0df61ce08ae7258b445df01f7326075273a755a97bff75",
    ),
];

#[test]
fn index_collection_and_seed_count() {
    let form = Filter::parse(&json!({"exists": "a"}), &Options::default())
        .unwrap()
        .normalise();
    let ids = [
        form.room_id("ab", "c"),
        form.room_id("a", "bc"),
        form.room_id("ab", "d"),
        form.room_id_with_seed(b"s", "ab", "c"),
    ];
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(id.len(), 64);
        assert!(!ids[..at].contains(id));
    }
}

#[test]
fn spellings_of_areas_share_a_room() {
    let same = |one: Value, other: Value| assert_eq!(room(&one), room(&other), "{one} {other}");
    let polygon = |points: Value| json!({"geoPolygon": {"p": {"points": points}}});
    same(
        polygon(json!([[0, 0], [0, 1], [1, 1]])),
        polygon(json!([[1, 1], [0, 0], [0, 1]])),
    );
    same(
        polygon(json!([[0, 0], [0, 1], [1, 1]])),
        polygon(json!(["1,1", "0,1", {"lat": 0, "lon": -0.0}, [1, 1]])),
    );
    let bounds = |left: i32, right: i32| json!({"geoBoundingBox": {"p": {"top": 1, "left": left, "bottom": 0, "right": right}}});
    same(bounds(179, 181), bounds(179, -179));
    same(bounds(-181, -179), bounds(179, -179));
    same(
        json!({"geoDistance": {"p": [1, 182], "distance": "1km"}}),
        json!({"geoDistance": {"distance": "1 000 m", "p": "1,-178"}}),
    );
    same(
        json!({"geoDistanceRange": {"p": [1, 2], "from": "0m", "to": "1km"}}),
        json!({"geoDistance": {"p": [1, 2], "distance": "1km"}}),
    );
    assert_ne!(room(&bounds(-180, 180)), room(&bounds(180, -180)));
}
