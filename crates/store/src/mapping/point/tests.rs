use super::{Point, point, points};
use serde_json::json;

#[test]
fn every_spelling() {
    let berlin = Point {
        lat: 52.5,
        lon: 13.25,
    };
    for value in [
        json!({"lat": 52.5, "lon": 13.25}),
        json!({"lat": "52.5", "lon": "13.25"}),
        json!([13.25, 52.5]),
        json!("52.5,13.25"),
        json!(" 52.5 , 13.25 "),
        json!("POINT (13.25 52.5)"),
        json!("point(13.25 52.5)"),
        json!({"type": "Point", "coordinates": [13.25, 52.5]}),
    ] {
        assert_eq!(point(&value), Ok(berlin), "{value}");
    }
    let hashed = point(&json!("u33dc0")).expect("a geohash");
    assert!(
        (hashed.lat - 52.51).abs() < 0.02 && (hashed.lon - 13.36).abs() < 0.05,
        "{hashed:?}"
    );
    assert_eq!(
        points(&json!([[13.25, 52.5], "52.5,13.25", null])),
        Ok(vec![berlin, berlin])
    );
}

#[test]
fn nowhere() {
    for value in [
        json!(5),
        json!([1]),
        json!({"lat": 1}),
        json!({"lat": 91, "lon": 0}),
        json!([181, 0]),
        json!("a,b"),
        json!(""),
        json!("allo"),
        json!(true),
    ] {
        assert!(points(&value).is_err(), "{value}");
    }
}
