//! Rectangles of latitude and longitude that surely hold a shape: what the spatial index stores.
//! Must never leave out a point the exact test would accept; letting in too many only costs time.

use super::distance::{Direction, LEAST_CURVATURE};
use super::{BoundingBox, Point, Radius, wrap_longitude};

/// Slack for rounding, in degrees (about a tenth of a millimetre).
const SLACK: f64 = 1e-9;

/// One rectangle with `west <= east`, longitudes within [-180, 180] (give or take the slack).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    pub south: f64,
    pub west: f64,
    pub north: f64,
    pub east: f64,
}

/// The one or two rectangles that hold a shape; two when it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub first: Rectangle,
    pub second: Option<Rectangle>,
}

impl Bounds {
    /// Where a point of a document is to be looked up.
    pub fn position(point: Point) -> Point {
        Point {
            lat: point.lat,
            lon: wrap_longitude(point.lon),
        }
    }

    pub(super) fn everywhere() -> Self {
        Self::new(f64::NEG_INFINITY, f64::INFINITY, -180.0, 360.0)
    }

    /// From a range of latitudes, and the longitudes from `west` for `width` degrees eastward.
    pub(super) fn new(south: f64, north: f64, west: f64, width: f64) -> Self {
        let (south, north) = (south - SLACK, north + SLACK);
        let round = width.is_nan() || width + 4.0 * SLACK >= 360.0;
        if round || !west.is_finite() {
            return Self {
                first: Rectangle {
                    south,
                    west: -181.0,
                    north,
                    east: 181.0,
                },
                second: None,
            };
        }
        let west = wrap_longitude(west) - SLACK;
        let east = west + width + 2.0 * SLACK;
        let first = Rectangle {
            south,
            west,
            north,
            east,
        };
        let second = if west < -180.0 {
            Some(Rectangle {
                west: west + 360.0 - SLACK,
                east: 181.0,
                ..first
            })
        } else if east > 180.0 {
            Some(Rectangle {
                west: -181.0,
                east: east - 360.0 + SLACK,
                ..first
            })
        } else {
            None
        };
        Self { first, second }
    }
}

impl BoundingBox {
    pub fn bounds(&self) -> Bounds {
        let width = if self.left > self.right {
            self.right - self.left + 360.0
        } else {
            self.right - self.left
        };
        Bounds::new(self.bottom, self.top, self.left, width)
    }
}

impl Radius {
    pub fn bounds(&self) -> Bounds {
        let centre = self.centre();
        let angle = self.to() / LEAST_CURVATURE * (1.0 + 1e-12);
        let (south, north) = (
            centre.lat - angle.to_degrees(),
            centre.lat + angle.to_degrees(),
        );
        let reaches_pole = !(south > -89.999 && north < 89.999);
        if reaches_pole {
            return Bounds::new(south, north, -180.0, 360.0);
        }
        let half = (angle.sin() / centre.lat.to_radians().cos())
            .clamp(-1.0, 1.0)
            .asin()
            .to_degrees();
        Bounds::new(south, north, centre.lon - half, 2.0 * half)
    }
}

/// Lowest and highest latitude on the great circle from `a` to `b` (shorter way).
pub(super) fn arc_latitudes(a: Point, b: Point) -> (f64, f64) {
    let (low, high) = (a.lat.min(b.lat), a.lat.max(b.lat));
    let (from, to) = (Direction::from(a).0, Direction::from(b).0);
    let cosine: f64 = (0..3).map(|axis| from[axis] * to[axis]).sum();
    // Which way the arc starts, seen from either end: both upward means that it has its summit
    // between them.
    let rises = to[2] - cosine * from[2];
    let falls = from[2] - cosine * to[2];
    let normal = [
        from[1] * to[2] - from[2] * to[1],
        from[2] * to[0] - from[0] * to[2],
        from[0] * to[1] - from[1] * to[0],
    ];
    let summit = normal[0]
        .hypot(normal[1])
        .atan2(normal[2].abs())
        .to_degrees();
    let high = if rises >= 0.0 && falls >= 0.0 {
        high.max(summit)
    } else {
        high
    };
    let low = if rises <= 0.0 && falls <= 0.0 {
        low.min(-summit)
    } else {
        low
    };
    (low, high)
}
