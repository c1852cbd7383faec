use proptest::prelude::*;

use crate::geo::{BoundingBox, Direction, Point, Polygon, Radius, Rectangle};

fn middle() -> impl Strategy<Value = Point> {
    (-75.0..75.0, -179.0..179.0).prop_map(|(lat, lon)| Point::new(lat, lon))
}

/// Points of the rectangle, its corners and edges among them.
fn inside(rectangle: &Rectangle) -> Vec<Point> {
    let along = |low: f64, high: f64, step: i32| low + (high - low) * f64::from(step) / 4.0;
    (0..5)
        .flat_map(|row| (0..5).map(move |column| (row, column)))
        .map(|(row, column)| {
            let lat = along(rectangle.south, rectangle.north, row).min(rectangle.north);
            let lon = along(rectangle.west, rectangle.east, column).min(rectangle.east);
            Point::new(lat, lon)
        })
        .collect()
}

proptest! {
    #[test]
    fn all_of_a_circles_is_in_it(centre in middle(), exponent in 0.0..6.9_f64) {
        let radius = Radius::new(centre, 0.0, 10_f64.powf(exponent));
        for point in radius.inner().iter().flat_map(inside) {
            prop_assert!(radius.contains(point, &Direction::from(point)), "{:?}", point);
        }
        prop_assert_eq!(Radius::new(centre, 1.0, 5_000.0).inner(), None);
    }

    #[test]
    fn all_of_a_polygons_is_in_it(
        centre in middle(),
        size in -3.0..0.9_f64,
        corners in prop::collection::vec((0.2..1.0_f64, 0.0..1.0_f64), 3..9),
        in_order in any::<bool>(),
    ) {
        let steps = corners.len() as f64;
        let corner = |(at, (out, turn)): (usize, &(f64, f64))| {
            let step = if in_order { at as f64 / steps } else { *turn };
            let (sine, cosine) = (step * std::f64::consts::TAU).sin_cos();
            let size = 10_f64.powf(size) * out;
            Point::new(centre.lat + size * sine, centre.lon + size * cosine)
        };
        let polygon = Polygon::new(corners.iter().enumerate().map(corner).collect()).unwrap();
        for point in polygon.inner().iter().flat_map(inside) {
            prop_assert!(polygon.contains(point), "{:?} {:?}", polygon, point);
        }
    }

    #[test]
    fn all_of_a_boxes_is_in_it(a in middle(), b in middle()) {
        let area = BoundingBox { top: a.lat.max(b.lat), left: a.lon, bottom: a.lat.min(b.lat), right: b.lon };
        for point in area.inner().iter().flat_map(inside) {
            prop_assert!(area.contains(point));
        }
    }
}

#[test]
fn usual_areas_have_one_of_half_their_size() {
    let area = |rectangle: Rectangle| {
        (rectangle.east - rectangle.west) * (rectangle.north - rectangle.south)
    };
    for lat in [-50.0, 0.0, 45.0] {
        let centre = Point::new(lat, 7.0);
        let radius = Radius::new(centre, 0.0, 50_000.0);
        let share = area(radius.inner().unwrap()) / area(radius.bounds().first);
        assert!(share > 0.45, "{share}");
        let corner = |step: i32| {
            let angle = f64::from(step) * std::f64::consts::FRAC_PI_3;
            Point::new(lat + 0.5 * angle.sin(), 7.0 + 0.5 * angle.cos())
        };
        let polygon = Polygon::new((0..6).map(corner).collect()).unwrap();
        let share = area(polygon.inner().unwrap()) / area(polygon.bounds().first);
        assert!(share > 0.24, "{share}");
    }
}
