//! Polygons as an index draws them: straight edges on the map of latitudes and longitudes. Shapes
//! that cross the date line are refused by name.

use super::{bad, clause, unsupported};
use serde_json::Value;
use store::{StoreError, cell::join_pointer, mapping::point::Point};

/// Rings of corners; those behind the first are holes.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon(Vec<Vec<Point>>);

/// Reads `{"shape": {"type": "Polygon", "coordinates": …}, "relation": "intersects"}`.
pub fn read_shape(value: &Value, at: &str) -> Result<Polygon, StoreError> {
    let members = clause::expect_object(value, "geo_shape", at)?;
    for (name, value) in members {
        let here = join_pointer(at, name);
        match (name.as_str(), value.as_str()) {
            ("shape", _) => {}
            ("relation", Some(word)) if word.eq_ignore_ascii_case("intersects") => {}
            _ => return Err(unsupported(format!("geo_shape.{name}"), &here)),
        }
    }
    let shape = members
        .get("shape")
        .ok_or_else(|| bad("`geo_shape` lacks `shape`", at))?;
    let at = join_pointer(at, "shape");
    let is_polygon = shape["type"]
        .as_str()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("polygon"));
    if !is_polygon {
        return Err(unsupported(
            "geo_shape with another shape than a polygon",
            &at,
        ));
    }
    let rings = shape["coordinates"].as_array();
    let rings = rings
        .into_iter()
        .flatten()
        .map(|corners| read_ring(corners, &at))
        .collect::<Result<Vec<_>, _>>()?;
    if rings.is_empty() {
        return Err(bad("a polygon has a ring of corners", &at));
    }
    Ok(Polygon(rings))
}

fn read_ring(corners: &Value, at: &str) -> Result<Vec<Point>, StoreError> {
    let corner = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([lon, lat]) => Some(Point {
            lat: lat.as_f64().filter(|lat| lat.abs() <= 90.0)?,
            lon: lon.as_f64().filter(|lon| lon.abs() <= 180.0)?,
        }),
        _ => None,
    };
    let corners: Option<Vec<Point>> = corners
        .as_array()
        .into_iter()
        .flatten()
        .map(corner)
        .collect();
    let corners = corners.filter(|corners| corners.len() >= 4 && corners.first() == corners.last());
    let corners = corners.ok_or_else(|| bad("a ring has four corners and is closed", at))?;
    if corners
        .windows(2)
        .any(|edge| (edge[0].lon - edge[1].lon).abs() > 180.0)
    {
        return Err(unsupported("a polygon across the date line", at));
    }
    Ok(corners)
}

impl Polygon {
    /// The least and the greatest latitude and longitude of its corners.
    pub fn bounds(&self) -> ((f64, f64), (f64, f64)) {
        let span = |degrees: fn(&Point) -> f64| {
            let all = self.0.iter().flatten().map(degrees);
            all.fold(
                (f64::INFINITY, f64::NEG_INFINITY),
                |(least, greatest), one| (least.min(one), greatest.max(one)),
            )
        };
        (span(|corner| corner.lat), span(|corner| corner.lon))
    }

    pub fn contains(&self, point: Point) -> bool {
        let mut rings = self.0.iter();
        rings
            .next()
            .is_some_and(|outer| is_in(outer, point) || is_on(outer, point))
            && !rings.any(|hole| is_in(hole, point) && !is_on(hole, point))
    }
}

/// Is the number of edges to the east of it odd?
fn is_in(ring: &[Point], point: Point) -> bool {
    let crosses = |edge: &[Point]| {
        let (a, b) = (edge[0], edge[1]);
        (a.lat > point.lat) != (b.lat > point.lat)
            && point.lon < a.lon + (point.lat - a.lat) / (b.lat - a.lat) * (b.lon - a.lon)
    };
    ring.windows(2).filter(|edge| crosses(edge)).count() % 2 == 1
}

fn is_on(ring: &[Point], point: Point) -> bool {
    ring.windows(2).any(|edge| {
        let (a, b) = (edge[0], edge[1]);
        let cross = (b.lon - a.lon) * (point.lat - a.lat) - (b.lat - a.lat) * (point.lon - a.lon);
        let within = |x: f64, a: f64, b: f64| a.min(b) <= x && x <= a.max(b);
        cross == 0.0 && within(point.lon, a.lon, b.lon) && within(point.lat, a.lat, b.lat)
    })
}
