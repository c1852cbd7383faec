use super::{Leniency, Point, read_point, read_points};
use serde_json::{Value, json};

const STRICT: Leniency = Leniency {
    ignore_z: true,
    ignore_malformed: false,
};
const BERLIN: Point = Point {
    lat: 52.5,
    lon: 13.25,
};

fn of_document(value: &Value) -> Result<Vec<Point>, String> {
    read_points(value, STRICT)
}

#[test]
fn every_spelling() {
    for value in [
        json!({"lat": 52.5, "lon": 13.25}),
        json!({"lat": "52.5", "lon": " 13.25 "}),
        json!([13.25, 52.5]),
        json!("52.5,13.25"),
        json!(" 52.5 , 13.25 "),
        json!("POINT (13.25 52.5)"),
        json!(" point(13.25 52.5)"),
    ] {
        assert_eq!(of_document(&value), Ok(vec![BERLIN]), "{value}");
        assert_eq!(read_point(&value), Ok(BERLIN), "{value}");
    }
    for value in [
        json!([13.25, 52.5, 10]),
        json!([13.25, "52.5"]),
        json!("52.5,13.25,10"),
        json!({"lat": 52.5, "lon": 13.25, "z": 10}),
        json!({"type": "Point", "coordinates": [13.25, 52.5]}),
    ] {
        assert_eq!(of_document(&value), Ok(vec![BERLIN]), "{value}");
        assert!(read_point(&value).is_err(), "{value} in a query");
    }
    let hashed = read_point(&json!("u33dc0")).expect("a geohash");
    assert_eq!(read_point(&json!({"geohash": "u33dc0"})), Ok(hashed));
    assert_eq!(
        (hashed.lat, hashed.lon),
        (52.514_648_437_5, 13.403_320_312_5)
    );
    assert_eq!(
        of_document(&json!([[13.25, 52.5], "52.5,13.25", null])),
        Ok(vec![BERLIN, BERLIN])
    );
}

#[test]
fn nowhere() {
    for value in [
        json!(5),
        json!([1]),
        json!([[]]),
        json!([[[1, 2]]]),
        json!({"lat": 1}),
        json!({"lat": 1, "lon": 2, "x": 3}),
        json!({"geohash": "u33dc0"}),
        json!({"lat": 91, "lon": 0}),
        json!([181, 0]),
        json!("a,b"),
        json!("NaN,1"),
        json!("POINT (1,2)"),
        json!(""),
        json!("allo"),
        json!("U33DC0"),
        json!(true),
    ] {
        assert!(of_document(&value).is_err(), "{value}");
    }
}

#[test]
fn a_field_that_forgives_moves_points_onto_the_earth() {
    let forgiving = Leniency {
        ignore_malformed: true,
        ..STRICT
    };
    for (value, found) in [
        (
            json!({"lat": 91, "lon": 1}),
            vec![Point {
                lat: 89.0,
                lon: -179.0,
            }],
        ),
        (
            json!([200, 5]),
            vec![Point {
                lat: 5.0,
                lon: -160.0,
            }],
        ),
        (
            json!("91,0"),
            vec![Point {
                lat: 89.0,
                lon: 180.0,
            }],
        ),
        (json!(5), vec![]),
        (json!({"a": 1}), vec![]),
    ] {
        assert_eq!(read_points(&value, forgiving), Ok(found), "{value}");
    }
}

#[test]
fn what_an_index_cannot_read_past_is_not_forgiven() {
    let read = |value: Value, ignore_z| {
        let leniency = Leniency {
            ignore_z,
            ignore_malformed: true,
        };
        read_points(&value, leniency).is_ok()
    };
    for value in [
        json!([13.4]),
        json!([1, "x"]),
        json!([1, null]),
        json!([1, 2, "x"]),
    ] {
        assert!(!read(value.clone(), true), "{value}");
    }
    for value in [
        json!([200, 0]),
        json!(["x", 1]),
        json!([[1], [2]]),
        json!([[1, 2], 3]),
        json!([1, 2, 3, 4]),
    ] {
        assert!(read(value.clone(), true), "{value}");
    }
    assert!(!read(json!([1, 2, 3, 4]), false));
}
