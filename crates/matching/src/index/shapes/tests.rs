use std::collections::BTreeMap;

use proptest::prelude::*;

use super::IndexedShapes;
use crate::geo::{BoundingBox, Direction, Point, Polygon, Radius};

#[derive(Debug, Clone)]
enum Area {
    Box(BoundingBox),
    Radius(Radius),
    Polygon(Polygon),
}

impl Area {
    fn contains(&self, point: Point) -> bool {
        match self {
            Area::Box(area) => area.contains(point),
            Area::Radius(radius) => radius.contains(point, &Direction::from(point)),
            Area::Polygon(polygon) => polygon.contains(point),
        }
    }

    fn put(&self, shapes: &mut IndexedShapes, leaf: u32, there: bool) {
        let (bounds, inner) = match self {
            Area::Box(area) => (area.bounds(), area.inner()),
            Area::Radius(radius) => (radius.bounds(), radius.inner()),
            Area::Polygon(polygon) => (polygon.bounds(), polygon.inner()),
        };
        if there {
            shapes.insert(&bounds, inner, leaf);
        } else {
            shapes.remove(&bounds, leaf);
        }
    }
}

/// Near each other, so that cells get crowded, and now and then far out.
fn point() -> impl Strategy<Value = Point> {
    prop_oneof![
        6 => (-20_i32..20, -20_i32..20).prop_map(|(lat, lon)| Point::new(f64::from(lat) / 8.0, f64::from(lon) / 8.0)),
        4 => (-3.0..3.0, -3.0..3.0).prop_map(|(lat, lon)| Point::new(lat, lon)),
        1 => (-90.0..=90.0, 170.0..190.0).prop_map(|(lat, lon)| Point::new(lat, lon)),
        1 => (-300.0..300.0, -500.0..500.0).prop_map(|(lat, lon)| Point::new(lat, lon)),
    ]
}

fn area() -> impl Strategy<Value = Area> {
    prop_oneof![
        3 => (point(), point()).prop_filter_map("a box has a size", |(a, b)| {
            (a.lat != b.lat && a.lon != b.lon).then_some(Area::Box(BoundingBox {
                top: a.lat.max(b.lat), left: a.lon, bottom: a.lat.min(b.lat), right: b.lon,
            }))
        }),
        3 => (point(), 0.0..6.0_f64).prop_map(|(at, exponent)| Area::Radius(Radius::new(at, 0.0, 10_f64.powf(exponent)))),
        3 => prop::collection::vec(point(), 3..6).prop_map(|points| Area::Polygon(Polygon::new(points).unwrap())),
    ]
}

proptest! {
    #[test]
    fn finds_what_the_areas_contain(
        steps in prop::collection::vec((0_u32..160, prop::option::weighted(0.85, area())), 1..300),
        points in prop::collection::vec(point(), 1..30),
    ) {
        let (mut shapes, mut known) = (IndexedShapes::default(), BTreeMap::<u32, Area>::new());
        for (leaf, area) in steps {
            if let Some(old) = known.remove(&leaf) {
                old.put(&mut shapes, leaf, false);
            }
            if let Some(area) = area {
                area.put(&mut shapes, leaf, true);
                known.insert(leaf, area);
            }
        }
        for at in points {
            let mut found = Vec::new();
            shapes.search(at, |leaf, inside| {
                if inside || known[&leaf].contains(at) {
                    found.push(leaf);
                }
            });
            found.sort_unstable();
            found.dedup();
            let wanted: Vec<u32> =
                known.iter().filter(|(_, area)| area.contains(at)).map(|(leaf, _)| *leaf).collect();
            prop_assert_eq!(found, wanted, "{:?}", at);
        }
        known.iter().for_each(|(leaf, area)| area.put(&mut shapes, *leaf, false));
        prop_assert!(shapes.is_empty());
        prop_assert_eq!(shapes.cells.len(), 0);
    }
}
