//! Rectangles of latitude and longitude that surely lie inside a shape: a point in one needs no
//! exact test. Must never hold a point that the exact test would refuse; holding too few only costs
//! time, and so does none.

#[cfg(test)]
mod tests;

use super::{BoundingBox, Point, Polygon, Radius, Rectangle};

/// How much of the way to the border a rectangle goes, largest first.
const OF_RADIUS: [f64; 3] = [0.7, 0.6, 0.4];
const OF_BOUNDS: [f64; 4] = [0.64, 0.5, 0.3, 0.15];

/// Beyond this, and across the antimeridian, there is none: few areas are there.
const HIGHEST: f64 = 89.9;

impl Rectangle {
    /// With so many degrees to each side of the middle.
    fn around(middle: Point, north: f64, east: f64) -> Option<Self> {
        let rectangle = Self {
            south: middle.lat - north,
            west: middle.lon - east,
            north: middle.lat + north,
            east: middle.lon + east,
        };
        let plain = rectangle.west >= -180.0
            && rectangle.east <= 180.0
            && rectangle.south >= -HIGHEST
            && rectangle.north <= HIGHEST;
        (plain && north > 0.0 && east > 0.0).then_some(rectangle)
    }
}

impl BoundingBox {
    /// The box itself, where it is plain.
    pub fn inner(&self) -> Option<Rectangle> {
        let plain = -180.0 <= self.left && self.left < self.right && self.right <= 180.0;
        plain.then_some(Rectangle {
            south: self.bottom,
            west: self.left,
            north: self.top,
            east: self.right,
        })
    }
}

impl Radius {
    /// Nothing for a ring with a hole.
    pub fn inner(&self) -> Option<Rectangle> {
        let within = self.certain_chord()?;
        let centre = self.centre();
        let angle = 2.0 * (within.sqrt() / 2.0).min(1.0).asin().to_degrees();
        let narrowing = centre.lat.to_radians().cos();
        OF_RADIUS.into_iter().find_map(|share| {
            let north = share * angle;
            let found = Rectangle::around(centre, north, north / narrowing)?;
            // The haversine of the farthest point, with the greatest cosine of a latitude.
            let nearest = found.south.max(-found.north).max(0.0);
            let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin();
            let (up, aside) = (half_sine(north), half_sine(north / narrowing));
            let farthest = 4.0 * (up * up + narrowing * nearest.to_radians().cos() * aside * aside);
            (north < 60.0 && farthest * (1.0 + 1e-9) < within).then_some(found)
        })
    }
}

impl Polygon {
    /// Around the middle of the corners; only where all edges are short and far from the poles.
    pub fn inner(&self) -> Option<Rectangle> {
        let bounds = self.bounds();
        let outer = bounds.first;
        if bounds.second.is_some() || outer.east - outer.west > 180.0 {
            return None;
        }
        let count = self.points().len() as f64;
        let sum = |of: fn(&Point) -> f64| self.points().iter().map(of).sum::<f64>() / count;
        let middle = Point::new(sum(|point| point.lat), sum(|point| point.lon));
        let (north, east) = (
            (outer.north - outer.south) / 2.0,
            (outer.east - outer.west) / 2.0,
        );
        let found = OF_BOUNDS.into_iter().find_map(|share| {
            let found = Rectangle::around(middle, share * north, share * east)?;
            self.no_edge_meets(&found).then_some(found)
        });
        // No edge comes near, so all of it is where its middle is.
        found.filter(|_| self.contains(middle))
    }
}
