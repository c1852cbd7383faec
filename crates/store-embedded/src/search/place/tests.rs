use super::{Box, arc_distance, indexed_point, read_distance};
use serde_json::json;
use store::mapping::point::Point;

fn at(lat: f64, lon: f64) -> Point {
    Point { lat, lon }
}

#[test]
fn distances_over_the_great_circle() {
    let (paris, berlin) = (at(48.8566, 2.3522), at(52.52, 13.405));
    assert!(
        (arc_distance(paris, berlin) - 877_464.0).abs() < 500.0,
        "{}",
        arc_distance(paris, berlin)
    );
    assert!((arc_distance(at(0.0, 179.5), at(0.0, -179.5)) - 111_195.08).abs() < 0.1);
    assert_eq!(arc_distance(berlin, berlin), 0.0);
    assert!(
        arc_distance(berlin, indexed_point(berlin)) < 0.02,
        "rounded by less than two centimetres"
    );
}

#[test]
fn lengths_and_their_units() {
    for (value, metres) in [
        (json!("10km"), 10_000.0),
        (json!("10 km"), 10_000.0),
        (json!("1.5mi"), 2_414.016),
        (json!(7), 7.0),
        (json!("7"), 7.0),
        (json!("2nmi"), 3_704.0),
        (json!("3in"), 0.0762),
    ] {
        assert!(
            (read_distance(&value, "").expect("a distance") - metres).abs() < 1e-9,
            "{value}"
        );
    }
    for value in [
        json!("km"),
        json!("ten km"),
        json!(""),
        json!(-1),
        json!(0),
        json!(true),
        json!("5 parsecs"),
    ] {
        assert!(read_distance(&value, "").is_err(), "{value}");
    }
}

#[test]
fn boxes_hold_their_edges_and_cross_the_date_line() {
    let of = |value| Box::read(&value, "").expect("a box");
    // Sixteenths of the range are kept exactly; other edges are those of the nearest step within.
    let plain = of(json!({"top": 11.25, "left": -22.5, "bottom": -11.25, "right": 22.5}));
    assert!(
        plain.contains(at(11.25, 22.5))
            && plain.contains(at(-11.25, -22.5))
            && !plain.contains(at(11.251, 0.0))
    );
    let across = of(json!({"top_left": [170, 10], "bottom_right": [-170, -10]}));
    assert!(
        across.contains(at(0.0, 180.0))
            && across.contains(at(0.0, -180.0))
            && across.contains(at(0.0, -175.0))
            && !across.contains(at(0.0, 0.0))
    );
    assert!(
        of(json!({"top": 90, "left": -180, "bottom": -90, "right": 180})).contains(at(90.0, 180.0))
    );
    for value in [
        json!({"top": 1}),
        json!({"top": -1, "left": 0, "bottom": 1, "right": 1}),
        json!({"top_left": [0, 91], "bottom_right": [1, 0]}),
        json!(1),
    ] {
        assert!(Box::read(&value, "").is_err(), "{value}");
    }
}
