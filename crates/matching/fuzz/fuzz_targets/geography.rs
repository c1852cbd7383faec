//! Numbers as shapes and a point: what a shape holds lies within its bounds, and a polygon is the
//! same turned round.

#![no_main]

use libfuzzer_sys::fuzz_target;
use matching::geo::{
    BoundingBox, Bounds, Direction, Point, Polygon, Radius, Rectangle, geodesic_distance,
};

fn within(bounds: &Bounds, point: Point) -> bool {
    let at = Bounds::position(point);
    let holds = |area: &Rectangle| {
        area.south <= at.lat && at.lat <= area.north && area.west <= at.lon && at.lon <= area.east
    };
    holds(&bounds.first) || bounds.second.as_ref().is_some_and(holds)
}

fuzz_target!(|numbers: Vec<i16>| {
    let mut points = numbers
        .chunks_exact(2)
        .map(|pair| Point::new(f64::from(pair[0]) / 364.0, f64::from(pair[1]) / 182.0));
    let (Some(point), Some(centre)) = (points.next(), points.next()) else {
        return;
    };
    let ring = Radius::new(centre, 0.0, geodesic_distance(centre, point));
    assert!(ring.contains(point, &Direction::from(point)) && within(&ring.bounds(), point));
    let area = BoundingBox {
        top: point.lat.max(centre.lat),
        left: point.lon,
        bottom: point.lat.min(centre.lat),
        right: centre.lon,
    };
    assert!(area.contains(point) && within(&area.bounds(), point));
    let corners: Vec<Point> = points.collect();
    let turned = Polygon::new(corners.iter().rev().copied().collect());
    if let (Some(polygon), Some(turned)) = (Polygon::new(corners), turned) {
        assert_eq!(polygon.contains(point), turned.contains(point));
        assert!(!polygon.contains(point) || within(&polygon.bounds(), point));
    }
});
