use seeded_dice::SeededDice;
use serde_json::json;

use super::distance::Direction;
use super::{BoundingBox, Point, Polygon, Radius, geodesic_distance, parse_distance, parse_point};

fn at(lat: f64, lon: f64) -> Point {
    Point { lat, lon }
}

#[test]
fn points_in_every_spelling() {
    for value in [
        json!({"lat": 48.5, "lon": 2.25}),
        json!([48.5, 2.25]),
        json!(["48.5", " 2.25f"]),
        json!("48.5,2.25"),
        json!(" 48.5 , 2.25 "),
        json!("4.85e1,+2.25"),
        json!("48.5,2.25,100"),
        json!("POINT (2.25 48.5)"),
        json!({"type": "Point", "coordinates": [2.25, 48.5]}),
        json!("48.5, 2.25"),
        json!({"latLon": {"lat": "48.5", "lon": "2.25"}}),
        json!({"lat_lon": "48.5,2.25"}),
    ] {
        assert_eq!(parse_point(&value), Some(at(48.5, 2.25)), "{value}");
    }
    for value in [
        json!(null),
        json!(5),
        json!([1]),
        json!({"lat": 1}),
        json!("1;2"),
        json!("bogus;"),
        json!({"lat": "x", "lon": 1}),
        json!("xyz"),
        json!(["48.5", "2.25x"]),
        json!("48.5.1,2"),
        json!("1,2,3,4"),
        json!({"type": "LineString", "coordinates": [1, 2]}),
    ] {
        assert_eq!(parse_point(&value), None, "{value}");
    }
    let cell = parse_point(&json!("gcpvj0du")).expect("a geohash");
    assert!(
        geodesic_distance(cell, at(51.5074, -0.1278)) < 5_000.0,
        "{cell:?}"
    );
}

#[test]
fn distances_in_every_unit() {
    for (text, metres) in [
        ("5km", 5_000.0),
        ("1,000m", 1.0),
        ("1 mi", 1609.34),
        ("12 Feet", 12.0 * 0.3048),
        ("3 deca-meters", 30.0),
        ("2 cm", 0.02),
    ] {
        let read = parse_distance(text).expect(text);
        assert!((read - metres).abs() < 1e-9, "{text}: {read}");
    }
    for text in ["500", "m", "1e3m", "", "1.2.3m", "5 parsecs"] {
        assert!(parse_distance(text).is_err(), "{text}");
    }
}

#[test]
fn boxes_across_the_antimeridian() {
    let across = BoundingBox {
        top: 10.0,
        left: 170.0,
        bottom: -10.0,
        right: -170.0,
    };
    assert!(
        across.contains(at(0.0, 175.0))
            && across.contains(at(0.0, -175.0))
            && across.contains(at(0.0, 170.0))
    );
    assert!(
        !across.contains(at(0.0, 169.9))
            && !across.contains(at(11.0, 175.0))
            && !across.contains(at(0.0, 0.0))
    );
    let beyond = BoundingBox {
        top: 10.0,
        left: 179.0,
        bottom: -10.0,
        right: 181.0,
    };
    assert!(beyond.contains(at(0.0, -179.5)) && beyond.contains(at(0.0, 180.0)));
}

#[test]
fn polygon_edges_are_geodesic_and_belong_to_it() {
    let square = Polygon::new(vec![
        at(50.0, 0.0),
        at(50.0, 40.0),
        at(40.0, 40.0),
        at(40.0, 0.0),
    ])
    .expect("four points");
    assert!(square.contains(at(51.0, 20.0)), "the northern edge bulges");
    assert!(!square.contains(at(40.5, 20.0)), "so does the southern");
    assert!(
        square.contains(at(45.0, 0.0)) && square.contains(at(50.0, 40.0)),
        "border and corner"
    );
    assert!(Polygon::new(vec![at(0.0, 0.0), at(1.0, 1.0)]).is_none());
}

#[test]
fn polygons_around_poles_and_antimeridian() {
    let cap = Polygon::new(
        (0..6)
            .map(|step| at(70.0, f64::from(step) * 60.0))
            .collect(),
    )
    .expect("six points");
    assert!(
        cap.contains(at(90.0, 12.0))
            && cap.contains(at(80.0, 33.0))
            && !cap.contains(at(60.0, 33.0))
            && !cap.contains(at(-80.0, 33.0))
    );
    let across = Polygon::new(vec![
        at(5.0, 175.0),
        at(5.0, -175.0),
        at(-5.0, -175.0),
        at(-5.0, 175.0),
    ])
    .expect("four points");
    assert!(
        across.contains(at(0.0, 180.0))
            && across.contains(at(0.0, -178.0))
            && across.contains(at(0.0, 178.0))
            && !across.contains(at(0.0, 0.0))
    );
}

#[test]
fn rings_agree_with_the_exact_distance() {
    let mut state = 7_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for _ in 0..20_000 {
        let centre = at(random() * 180.0 - 90.0, random() * 360.0 - 180.0);
        let spread = 10_f64.powf(random() * 5.0 - 4.0);
        let point = at(
            (centre.lat + spread * (random() - 0.5)).clamp(-90.0, 90.0),
            centre.lon + spread * (random() - 0.5),
        );
        let exact = geodesic_distance(centre, point);
        for factor in [0.9, 0.994, 0.9999, 1.0, 1.0001, 1.006, 1.1] {
            let ring = Radius::new(centre, 0.0, exact * factor);
            assert_eq!(
                ring.contains(point, &Direction::from(point)),
                exact <= exact * factor
            );
            let ring = Radius::new(centre, exact * factor, exact * 2.0 + 1.0);
            assert_eq!(
                ring.contains(point, &Direction::from(point)),
                exact * factor <= exact
            );
            if exact <= exact * factor {
                let (bounds, at) = (
                    Radius::new(centre, 0.0, exact * factor).bounds(),
                    super::Bounds::position(point),
                );
                let holds = |r: &super::Rectangle| {
                    r.south <= at.lat && at.lat <= r.north && r.west <= at.lon && at.lon <= r.east
                };
                assert!(
                    holds(&bounds.first) || bounds.second.as_ref().is_some_and(holds),
                    "{centre:?} {point:?} {bounds:?}"
                );
            }
        }
    }
}

/// Points by a seed.
struct DrawnPoints(SeededDice);

impl DrawnPoints {
    fn unit(&mut self) -> f64 {
        self.0.unit()
    }

    fn point(&mut self) -> Point {
        at(self.unit() * 180.0 - 90.0, self.unit() * 360.0 - 180.0)
    }

    /// Near to another, from a metre to a continent away.
    fn near(&mut self, other: Point) -> Point {
        let spread = 10_f64.powf(self.unit() * 7.0 - 5.0);
        at(
            (other.lat + spread * (self.unit() - 0.5)).clamp(-90.0, 90.0),
            other.lon + spread * (self.unit() - 0.5),
        )
    }
}

#[test]
fn the_cheap_side_of_an_edge_is_the_exact_side() {
    let mut random = DrawnPoints(SeededDice::new(99));
    let mut decided = 0;
    for _ in 0..400_000 {
        let a = random.point();
        let b = random.near(a);
        let share = random.unit();
        let between = at(
            a.lat + (b.lat - a.lat) * share,
            a.lon + (b.lon - a.lon) * share,
        );
        decided += u32::from(super::polygon::sides_agree(a, b, random.near(between)));
    }
    assert!(decided > 20_000, "{decided}");
}

#[test]
fn polygons_keep_within_their_bounds_and_do_not_depend_on_their_direction() {
    let mut random = DrawnPoints(SeededDice::new(7));
    let mut inside = 0;
    for _ in 0..20_000 {
        let centre = random.point();
        let corners: Vec<Point> = (0..3 + (random.unit() * 5.0) as usize)
            .map(|_| random.near(centre))
            .collect();
        let point = random.near(centre);
        let polygon = Polygon::new(corners.clone()).expect("three points and more");
        let mut turned = corners.clone();
        turned.reverse();
        turned.rotate_left(1);
        let turned = Polygon::new(turned).expect("three points and more");
        assert_eq!(
            polygon.contains(point),
            turned.contains(point),
            "{corners:?} {point:?}"
        );
        if polygon.contains(point) {
            inside += 1;
            let (bounds, at) = (polygon.bounds(), super::Bounds::position(point));
            let holds = |r: &super::Rectangle| {
                r.south <= at.lat && at.lat <= r.north && r.west <= at.lon && at.lon <= r.east
            };
            assert!(
                holds(&bounds.first) || bounds.second.as_ref().is_some_and(holds),
                "{corners:?} {point:?} {bounds:?}"
            );
        }
    }
    assert!(inside > 500, "{inside}");
}
