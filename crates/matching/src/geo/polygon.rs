//! Polygons whose edges are geodesics of WGS84, border included. Must never treat an edge as a
//! straight line of the map: a parallel is no geodesic, and an edge bulges towards its pole.

use std::sync::Arc;

use super::bounds::{Bounds, Rectangle, arc_latitudes};
use super::distance::{Direction, LEAST_CURVATURE, geodesic_azimuth, geodesic_distance};
use super::{Point, wrap_longitude};

/// A point this near to an edge, in metres, is on the border (the solve itself is good to some
/// nanometres).
const BORDER: f64 = 1e-6;

/// From this angle between its ends on, an edge may leave the great circle by far: nothing is
/// decided cheaply then.
const LONGEST_PLAIN_EDGE: f64 = 2.6;

/// Flattening of WGS84.
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// Cheap to clone. At least three corners, in either orientation; the last is joined to the first.
/// Around a pole, the inside is the polar cap.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    points: Arc<[Point]>,
    /// -1, 0 or 1: the pole that the edges go round.
    pole: i8,
}

/// Where a point is as seen along its meridian from an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PolygonSide {
    North,
    South,
    On,
}

impl Polygon {
    /// Nothing when there are fewer than three points.
    pub fn new(points: Vec<Point>) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        let points: Arc<[Point]> = points
            .into_iter()
            .map(|p| Point {
                lat: p.lat.clamp(-90.0, 90.0),
                lon: wrap_longitude(p.lon),
            })
            .collect();
        let turned: f64 = polygon_edges(&points)
            .map(|(a, b)| eastward_degrees(a.lon, b.lon))
            .sum();
        let pole = if turned.abs() < 180.0 {
            0
        } else if points.iter().map(|point| point.lat).sum::<f64>() < -1e-9 {
            -1
        } else {
            1
        };
        Some(Self { points, pole })
    }

    /// The corners; longitudes are within [-180, 180].
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Whether the point lies inside or on the border.
    pub fn contains(&self, point: Point) -> bool {
        let on_earth = point.lat.abs() <= 90.0 && point.lon.is_finite();
        if !on_earth {
            return false;
        }
        let point = Point {
            lat: point.lat,
            lon: wrap_longitude(point.lon),
        };
        // Go along the meridian to the pole that is outside and count the edges in between.
        let outside_south = self.pole >= 0;
        let mut inside = false;
        for (a, b) in polygon_edges(&self.points) {
            match meets_meridian(a, b, point) {
                None => {}
                Some(PolygonSide::On) => return true,
                Some(side) => inside ^= (side == PolygonSide::North) == outside_south,
            }
        }
        inside
    }

    /// Whether every edge surely stays out of the rectangle, which does not cross the antimeridian.
    pub(super) fn no_edge_meets(&self, rectangle: &Rectangle) -> bool {
        polygon_edges(&self.points).all(|(a, b)| surely_apart(a, b, rectangle) == Some(true))
    }

    pub fn bounds(&self) -> Bounds {
        let (mut south, mut north) = (f64::INFINITY, f64::NEG_INFINITY);
        let start = self.points[0].lon;
        let (mut lon, mut west, mut east) = (start, start, start);
        for (a, b) in polygon_edges(&self.points) {
            let Some((low, high)) = edge_latitudes(a, b) else {
                return Bounds::everywhere();
            };
            (south, north) = (south.min(low), north.max(high));
            lon += eastward_degrees(a.lon, b.lon);
            (west, east) = (west.min(lon), east.max(lon));
        }
        match self.pole {
            // A pole has every longitude.
            0 if north > 89.999 || south < -89.999 => Bounds::new(south, north, -180.0, 360.0),
            0 => Bounds::new(south, north, west, east - west),
            pole => Bounds::new(
                if pole < 0 { -91.0 } else { south },
                if pole > 0 { 91.0 } else { north },
                -180.0,
                360.0,
            ),
        }
    }
}

/// The latitudes that an edge surely keeps within; nothing for very long edges.
fn edge_latitudes(a: Point, b: Point) -> Option<(f64, f64)> {
    if let Some(bulge) = edge_bulge(a, b) {
        return Some((a.lat.min(b.lat) - bulge, a.lat.max(b.lat) + bulge));
    }
    let margin = margin_angle(a, b)?.to_degrees();
    let (low, high) = arc_latitudes(a, b);
    Some((low - margin, high + margin))
}

fn polygon_edges(points: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    points
        .iter()
        .enumerate()
        .map(|(index, a)| (*a, points[(index + 1) % points.len()]))
}

/// Degrees from one longitude to another the shorter way, within [-180, 180]; east is positive.
/// Turned round, it is the same with the other sign, half a turn too: a polygon must not depend on
/// the direction in which it is given.
fn eastward_degrees(from: f64, to: f64) -> f64 {
    let turn = to - from;
    if turn > 180.0 {
        turn - 360.0
    } else if turn < -180.0 {
        turn + 360.0
    } else {
        turn
    }
}

/// On which side of the edge the point lies, when the edge meets its meridian. Each edge owns its
/// western end, not its eastern.
fn meets_meridian(a: Point, b: Point, point: Point) -> Option<PolygonSide> {
    let turn = eastward_degrees(a.lon, b.lon);
    let (to_a, to_b) = (
        eastward_degrees(point.lon, a.lon),
        eastward_degrees(point.lon, b.lon),
    );
    if point.lat.abs() == 90.0 && (a.lat == point.lat || b.lat == point.lat) {
        return Some(PolygonSide::On);
    }
    if to_a == 0.0 && to_b == 0.0 {
        let between = a.lat.min(b.lat) <= point.lat && point.lat <= a.lat.max(b.lat);
        return between.then_some(PolygonSide::On);
    }
    let (west, east, to_west, to_east) = if turn > 0.0 {
        (a, b, to_a, to_b)
    } else {
        (b, a, to_b, to_a)
    };
    if turn.abs() == 180.0 {
        return over_pole((west, to_west), (east, to_east), point);
    }
    if to_east == 0.0 {
        return (east.lat == point.lat).then_some(PolygonSide::On);
    }
    if to_west == 0.0 {
        return Some(compare_latitude(point.lat, west.lat));
    }
    let met = to_west < 0.0 && to_east > 0.0 && to_east - to_west < 180.0;
    met.then(|| side_of_edge(west, east, point))
}

fn compare_latitude(lat: f64, edge: f64) -> PolygonSide {
    if lat > edge {
        PolygonSide::North
    } else if lat < edge {
        PolygonSide::South
    } else {
        PolygonSide::On
    }
}

/// Ends (with the degrees to them) on opposite meridians: the edge goes up one and down the other,
/// over the nearer pole, and passes for one that runs eastward along the pole.
fn over_pole(west: (Point, f64), east: (Point, f64), point: Point) -> Option<PolygonSide> {
    let pole = if west.0.lat + east.0.lat < 0.0 {
        -90.0
    } else {
        90.0
    };
    let on = |(end, to_end): (Point, f64)| {
        to_end == 0.0 && end.lat.min(pole) <= point.lat && point.lat <= end.lat.max(pole)
    };
    if point.lat == pole || on(west) || on(east) {
        return Some(PolygonSide::On);
    }
    (-180.0 < west.1 && west.1 <= 0.0).then(|| compare_latitude(point.lat, pole))
}

/// The side of an edge that runs eastward from `west` and meets the point's meridian strictly
/// between its ends.
fn side_of_edge(west: Point, east: Point, point: Point) -> PolygonSide {
    if let Some(side) = obvious_side(west, east, point) {
        return side;
    }
    if let Some(side) =
        margin_angle(west, east).and_then(|margin| plain_side(west, east, point, margin))
    {
        return side;
    }
    exact_side(west, east, point)
}

fn exact_side(west: Point, east: Point, point: Point) -> PolygonSide {
    let (along, towards) = (geodesic_azimuth(west, east), geodesic_azimuth(west, point));
    let off = (towards - along).to_radians().sin() * geodesic_distance(west, point);
    if off.abs() <= BORDER || !off.is_finite() {
        PolygonSide::On
    } else if off < 0.0 {
        PolygonSide::North
    } else {
        PolygonSide::South
    }
}

/// How far, in degrees of latitude, a short edge may rise above the higher of its ends or sink
/// below the lower; nothing for other edges.
///
/// A great circle that spans an angle between two latitudes rises by at most the square of the
/// angle over sixteen, and the geodesic is nearer to it than the flattening times the square of its
/// length over four: twice the first and four times the second are taken.
fn edge_bulge(a: Point, b: Point) -> Option<f64> {
    let (turn, climb) = (eastward_degrees(a.lon, b.lon), b.lat - a.lat);
    let short = turn.abs() <= 10.0 && climb.abs() <= 10.0 && a.lat.abs().max(b.lat.abs()) <= 80.0;
    let square = |degrees: f64| degrees.to_radians() * degrees;
    short.then(|| square(turn) / 8.0 + FLATTENING * (square(turn) + square(climb)) + 1e-9)
}

/// Whether a short edge, which does not cross the antimeridian, surely stays above, below or beside
/// a rectangle; nothing when it is not known.
fn surely_apart(a: Point, b: Point, rectangle: &Rectangle) -> Option<bool> {
    let bulge = edge_bulge(a, b)?;
    let (west, east) = if a.lon < b.lon { (a, b) } else { (b, a) };
    if (east.lon - west.lon) > 180.0 {
        return None;
    }
    let (from, to) = (west.lon.max(rectangle.west), east.lon.min(rectangle.east));
    let apart = |low: f64, high: f64| low > rectangle.north || high < rectangle.south;
    if from > to || apart(a.lat.min(b.lat) - bulge, a.lat.max(b.lat) + bulge) {
        return Some(true);
    }
    let slack = drawn_slack(west, east)?;
    let [first, last] = [from, to].map(|lon| drawn_latitude(west, east, lon - west.lon));
    Some(apart(first.min(last) - slack, first.max(last) + slack))
}

/// The latitude of an edge so many degrees from its western end, if it were a straight line of the
/// map.
fn drawn_latitude(west: Point, east: Point, degrees: f64) -> f64 {
    west.lat + (east.lat - west.lat) * (degrees / eastward_degrees(west.lon, east.lon))
}

/// The side, where the point is clearly above or below a short edge as it would be drawn on a map
/// of plain degrees.
fn obvious_side(west: Point, east: Point, point: Point) -> Option<PolygonSide> {
    let bulge = edge_bulge(west, east)?;
    if point.lat > west.lat.max(east.lat) + bulge {
        return Some(PolygonSide::North);
    }
    if point.lat < west.lat.min(east.lat) - bulge {
        return Some(PolygonSide::South);
    }
    let slack = drawn_slack(west, east)?;
    let drawn = drawn_latitude(west, east, -eastward_degrees(point.lon, west.lon));
    if point.lat > drawn + slack {
        Some(PolygonSide::North)
    } else if point.lat < drawn - slack {
        Some(PolygonSide::South)
    } else {
        None
    }
}

/// How far, in degrees of latitude, a short edge may be from the straight line of the map.
fn drawn_slack(west: Point, east: Point) -> Option<f64> {
    let (turn, climb) = (eastward_degrees(west.lon, east.lon), east.lat - west.lat);
    let short = turn > 0.0 && turn <= 4.0 && climb.abs() <= 4.0;
    if !short || west.lat.abs().max(east.lat.abs()) > 60.0 {
        return None;
    }
    // On a great circle the second derivative of the latitude is sin·cos of it and twice its
    // tangent times the square of the first one; up to 60 degrees and for so short an edge the
    // first changes by less than half. An eighth of that, doubled, is the slack; the geodesic
    // leaves the great circle sideways, which counts for more the steeper the edge is.
    let square = |degrees: f64| degrees.to_radians() * degrees;
    let sideways = FLATTENING * (square(turn) + square(climb)) * (1.0 + 2.0 * climb.abs() / turn);
    Some(0.2 * square(turn) + 2.0 * square(climb) + sideways + 1e-9)
}

/// The side of the great circle, where the point is farther from it than the geodesic can be.
fn plain_side(west: Point, east: Point, point: Point, margin: f64) -> Option<PolygonSide> {
    let ([ax, ay, az], [bx, by, bz]) = (Direction::from(west).0, Direction::from(east).0);
    let [px, py, pz] = Direction::from(point).0;
    let normal = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
    let length = (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]).sqrt();
    let height = normal[0] * px + normal[1] * py + normal[2] * pz;
    let least = margin.sin() * length + 1e-15;
    if height > least {
        Some(PolygonSide::North)
    } else if height < -least {
        Some(PolygonSide::South)
    } else {
        None
    }
}

/// How far, as an angle, the geodesic between two points can be from the great circle through them;
/// nothing for very long edges.
///
/// Drawn on the sphere, a geodesic bends by at most about twice the flattening over its radius, so
/// its sagitta is at most that times the square of its length over eight. Four times that is taken.
fn margin_angle(a: Point, b: Point) -> Option<f64> {
    let (from, to) = (Direction::from(a).0, Direction::from(b).0);
    let square: f64 = (0..3)
        .map(|axis| (from[axis] - to[axis]) * (from[axis] - to[axis]))
        .sum();
    let angle = 2.0 * (square.sqrt() / 2.0).min(1.0).asin();
    (angle < LONGEST_PLAIN_EDGE)
        .then(|| FLATTENING * angle * angle / angle.cos().max(0.3) + 4.0 * BORDER / LEAST_CURVATURE)
}

/// Whether the cheap test decides about a point at all; panics when it does so differently from the
/// exact one.
#[cfg(test)]
pub(super) fn sides_agree(a: Point, b: Point, point: Point) -> bool {
    let [a, b, point] = [a, b, point].map(|p| Point {
        lat: p.lat,
        lon: wrap_longitude(p.lon),
    });
    let turn = eastward_degrees(a.lon, b.lon);
    let (west, east) = if turn > 0.0 { (a, b) } else { (b, a) };
    let between =
        eastward_degrees(point.lon, west.lon) < 0.0 && eastward_degrees(point.lon, east.lon) > 0.0;
    let plain =
        || margin_angle(west, east).and_then(|margin| plain_side(west, east, point, margin));
    if !between {
        return false;
    }
    if let Some(side) = obvious_side(west, east, point) {
        assert_eq!(
            side,
            exact_side(west, east, point),
            "{west:?} {east:?} {point:?}"
        );
    }
    let Some(side) = plain() else { return false };
    assert_eq!(
        side,
        exact_side(west, east, point),
        "{west:?} {east:?} {point:?}"
    );
    true
}
