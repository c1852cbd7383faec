//! Geodesic distance on WGS84, and rings around a point. The exact solve is the only judge; the
//! chord between unit vectors may answer first where its bounds leave no doubt.

use std::cell::OnceCell;
use std::sync::LazyLock;

use geographiclib_rs::{Geodesic, InverseGeodesic};

use super::{Point, wrap_longitude};

static WGS84: LazyLock<Geodesic> = LazyLock::new(Geodesic::wgs84);

/// Smallest and largest radius of curvature of the ellipsoid. A step of one radian on the unit
/// sphere (same latitude and longitude) is never shorter than the first nor longer than the second
/// on the ellipsoid, whatever its place and direction; so no path is either.
pub(super) const LEAST_CURVATURE: f64 = 6_335_439.327;
pub(super) const GREATEST_CURVATURE: f64 = 6_399_593.626;

/// Rounding of a chord between two unit vectors.
const CHORD_ERROR: f64 = 1e-14;

/// Length of the shortest path over the ellipsoid, in metres. NaN when a latitude is beyond a pole.
pub fn geodesic_distance(from: Point, to: Point) -> f64 {
    if !(from.lat.abs() <= 90.0 && to.lat.abs() <= 90.0) {
        return f64::NAN;
    }
    InverseGeodesic::<f64>::inverse(
        &*WGS84,
        from.lat,
        wrap_longitude(from.lon),
        to.lat,
        wrap_longitude(to.lon),
    )
}

/// Azimuth in degrees, at `from`, of the shortest path to `to`.
pub(super) fn geodesic_azimuth(from: Point, to: Point) -> f64 {
    let (azimuth, _, _): (f64, f64, f64) = WGS84.inverse(
        from.lat,
        wrap_longitude(from.lon),
        to.lat,
        wrap_longitude(to.lon),
    );
    azimuth
}

/// A point on the unit sphere with the latitude and longitude of a point on the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction(pub(super) [f64; 3]);

impl From<Point> for Direction {
    fn from(point: Point) -> Self {
        let (lat_sin, lat_cos) = point.lat.to_radians().sin_cos();
        let (lon_sin, lon_cos) = wrap_longitude(point.lon).to_radians().sin_cos();
        Self([lat_cos * lon_cos, lat_cos * lon_sin, lat_sin])
    }
}

/// A point that is tested against many areas, and its direction once an area wants it.
#[derive(Debug)]
pub struct TestedPoint {
    pub point: Point,
    direction: OnceCell<Direction>,
}

impl From<Point> for TestedPoint {
    fn from(point: Point) -> Self {
        Self {
            point,
            direction: OnceCell::new(),
        }
    }
}

impl TestedPoint {
    pub fn direction(&self) -> &Direction {
        self.direction.get_or_init(|| self.point.into())
    }
}

impl Direction {
    fn square_chord(&self, other: &Self) -> f64 {
        let [x, y, z] = [0, 1, 2].map(|axis| self.0[axis] - other.0[axis]);
        x * x + y * y + z * z
    }
}

/// The points at a distance between `from` and `to` metres of a centre, both included.
#[derive(Debug, Clone, PartialEq)]
pub struct Radius {
    centre: Point,
    from: f64,
    to: f64,
    direction: Direction,
    /// Square chords: certainly nearer than `from`, certainly not; certainly within `to`, certainly
    /// not.
    nearer: f64,
    not_nearer: f64,
    within: f64,
    beyond: f64,
}

impl Radius {
    pub fn new(centre: Point, from: f64, to: f64) -> Self {
        let (nearer, not_nearer) = if from > 0.0 {
            certain_chords(from)
        } else {
            (-1.0, -1.0)
        };
        let (within, beyond) = certain_chords(to);
        Self {
            centre,
            from,
            to,
            direction: centre.into(),
            nearer,
            not_nearer,
            within,
            beyond,
        }
    }

    pub fn centre(&self) -> Point {
        self.centre
    }

    /// Largest distance in metres.
    pub fn to(&self) -> f64 {
        self.to
    }

    /// The square chord within which every point is surely inside; nothing for a ring with a hole.
    pub(super) fn certain_chord(&self) -> Option<f64> {
        let plain = self.from <= 0.0 && self.centre.lat.abs() <= 90.0;
        (plain && self.within > 0.0).then_some(self.within)
    }

    /// Whether the point lies in the ring. `direction` is that of `point`: callers with many rings
    /// compute it once.
    pub fn contains(&self, point: Point, direction: &Direction) -> bool {
        if !(point.lat.abs() <= 90.0 && self.centre.lat.abs() <= 90.0) {
            return false;
        }
        let chord = self.direction.square_chord(direction);
        if chord >= self.beyond || chord < self.nearer {
            return false;
        }
        if chord <= self.within && chord > self.not_nearer {
            return true;
        }
        let metres = geodesic_distance(self.centre, point);
        self.from <= metres && metres <= self.to
    }
}

/// Square chords between which the exact distance must decide about `metres`: at most the first is
/// certainly nearer (or equal), at least the second certainly farther.
fn certain_chords(metres: f64) -> (f64, f64) {
    let chord = |radius: f64| {
        if metres >= radius * std::f64::consts::PI {
            3.0
        } else {
            2.0 * (metres / radius / 2.0).sin()
        }
    };
    let near = chord(GREATEST_CURVATURE) - CHORD_ERROR;
    let far = chord(LEAST_CURVATURE) + CHORD_ERROR;
    (if near > 0.0 { near * near } else { -1.0 }, far * far)
}
