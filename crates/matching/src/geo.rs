//! Points, boxes and polygons on the WGS84 ellipsoid: parsing every spelling the filter language
//! knows, and exact containment. Must never decide by an approximation: a cheap test may only
//! answer when its error bound proves the exact test would agree.

mod bounds;
mod distance;
mod inner;
mod parse;
mod polygon;

#[cfg(test)]
mod tests;

pub use bounds::{Bounds, Rectangle};
pub use distance::{Direction, Radius, TestedPoint, geodesic_distance};
pub use parse::{BoxError, DistanceError, parse_box, parse_distance, parse_point};
pub use polygon::Polygon;

/// A position in decimal degrees. Never NaN nor infinite when it comes from [`parse_point`]; no
/// range is enforced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub lat: f64,
    pub lon: f64,
}

impl Point {
    pub fn new(lat: f64, lon: f64) -> Self {
        Self { lat, lon }
    }
}

/// A latitude/longitude box, edges included. `left > right` crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundingBox {
    pub top: f64,
    pub left: f64,
    pub bottom: f64,
    pub right: f64,
}

impl BoundingBox {
    /// Whether the point lies inside or on the edge.
    pub fn contains(&self, point: Point) -> bool {
        if !(self.bottom <= point.lat && point.lat <= self.top) {
            return false;
        }
        let across = if self.left > self.right { 360.0 } else { 0.0 };
        [point.lon, point.lon - 360.0, point.lon + 360.0]
            .iter()
            .any(|lon| self.left <= *lon && *lon - across <= self.right)
    }
}

/// The same longitude within [-180, 180]; values already there are untouched, so nothing is lost to
/// rounding.
fn wrap_longitude(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) {
        return lon;
    }
    // The remainder is exact, however large the number.
    let turned = lon % 360.0;
    if turned > 180.0 {
        turned - 360.0
    } else if turned < -180.0 {
        turned + 360.0
    } else {
        turned
    }
}
