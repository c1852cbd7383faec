//! Distances and boxes as Elasticsearch reckons them: on a sphere of the earth's mean radius, over
//! coordinates rounded to 32 bits.

use super::bad;
use serde_json::Value;
use store::{
    StoreError,
    mapping::{
        coerce::Reader,
        point::{Point, read_point},
    },
};

pub const MEAN_RADIUS: f64 = 6_371_008.771_4;
pub const LAT_STEP: f64 = 180.0 / 4_294_967_296.0;
pub const LON_STEP: f64 = 360.0 / 4_294_967_296.0;

/// A coordinate's step, rounded down; the last one holds the end of the range too.
fn encode_coordinate(degrees: f64, step: f64, end: f64) -> i64 {
    let degrees = if degrees == end {
        end.next_down()
    } else {
        degrees
    };
    (degrees / step).floor() as i64
}

fn encode_up(degrees: f64, step: f64, end: f64) -> i64 {
    let degrees = if degrees == end {
        end.next_down()
    } else {
        degrees
    };
    (degrees / step).ceil() as i64
}

/// The point in steps of latitude and longitude.
pub fn encoded_point(point: Point) -> (i64, i64) {
    (
        encode_coordinate(point.lat, LAT_STEP, 90.0),
        encode_coordinate(point.lon, LON_STEP, 180.0),
    )
}

/// The point as the index keeps it.
pub fn indexed_point(point: Point) -> Point {
    let (lat, lon) = encoded_point(point);
    Point {
        lat: lat as f64 * LAT_STEP,
        lon: lon as f64 * LON_STEP,
    }
}

/// Metres along the great circle.
pub fn arc_distance(a: Point, b: Point) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let across = 1.0 - (a.lon - b.lon).to_radians().cos();
    let haversine = (1.0 - (lat_a - lat_b).cos()) + lat_a.cos() * lat_b.cos() * across;
    2.0 * MEAN_RADIUS * (haversine / 2.0).sqrt().min(1.0).asin()
}

/// Units by their suffix; the longer ones come before those that they end in.
const UNITS: [(&str, f64); 19] = [
    ("nauticalmiles", 1852.0),
    ("kilometers", 1000.0),
    ("millimeters", 0.001),
    ("centimeters", 0.01),
    ("meters", 1.0),
    ("miles", 1609.344),
    ("yards", 0.9144),
    ("feet", 0.3048),
    ("inch", 0.0254),
    ("nmi", 1852.0),
    ("NM", 1852.0),
    ("km", 1000.0),
    ("mm", 0.001),
    ("cm", 0.01),
    ("mi", 1609.344),
    ("yd", 0.9144),
    ("ft", 0.3048),
    ("in", 0.0254),
    ("m", 1.0),
];

/// Metres of `"10km"`, `"5 mi"` or a bare number.
pub fn read_distance(value: &Value, pointer: &str) -> Result<f64, StoreError> {
    let malformed = || bad(format!("{value} is not a distance like \"10km\""), pointer);
    let metres = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let (number, unit) = UNITS
                .iter()
                .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
                .unwrap_or((text, 1.0));
            number
                .trim()
                .parse::<f64>()
                .ok()
                .map(|number| number * unit)
        }
        _ => None,
    };
    metres
        .filter(|metres| metres.is_finite() && *metres > 0.0)
        .ok_or_else(malformed)
}

/// Metres of one of the unit.
pub fn read_unit(value: &Value, pointer: &str) -> Result<f64, StoreError> {
    let known = value
        .as_str()
        .and_then(|name| UNITS.iter().find(|(known, _)| *known == name));
    known
        .map(|(_, unit)| *unit)
        .ok_or_else(|| bad(format!("{value} is not a unit of length"), pointer))
}

/// A latitude/longitude box in steps, edges included; `left > right` crosses the date line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Box {
    top: i64,
    left: i64,
    bottom: i64,
    right: i64,
}

impl Box {
    pub fn read(value: &Value, pointer: &str) -> Result<Self, StoreError> {
        let members = value
            .as_object()
            .ok_or_else(|| bad("a box is an object of corners or edges", pointer))?;
        let corner = |name: &str| {
            members
                .get(name)
                .map(|corner| {
                    read_point(corner).map_err(|message| bad(message, &format!("{pointer}/{name}")))
                })
                .transpose()
        };
        let edge = |name: &str| {
            members
                .get(name)
                .and_then(|value| store::mapping::coerce::read_number(value, Reader::Float))
                .map(|number| number.real())
        };
        let corners = (
            corner("top_left")?,
            corner("bottom_right")?,
            corner("top_right")?,
            corner("bottom_left")?,
        );
        let edges = (edge("top"), edge("left"), edge("bottom"), edge("right"));
        let (top, left, bottom, right) = match (corners, edges, members.len()) {
            ((Some(a), Some(b), None, None), _, 2) => (a.lat, a.lon, b.lat, b.lon),
            ((None, None, Some(a), Some(b)), _, 2) => (a.lat, b.lon, b.lat, a.lon),
            (_, (Some(top), Some(left), Some(bottom), Some(right)), 4) => {
                (top, left, bottom, right)
            }
            _ => {
                return Err(bad(
                    "a box has two opposite corners, or top, left, bottom and right",
                    pointer,
                ));
            }
        };
        let on_earth = [top, bottom].iter().all(|lat| lat.abs() <= 90.0)
            && [left, right].iter().all(|lon| lon.abs() <= 180.0);
        if !on_earth || top < bottom {
            return Err(bad(
                "the box is not on earth, or its top is below its bottom",
                pointer,
            ));
        }
        Ok(Self {
            top: encode_coordinate(top, LAT_STEP, 90.0),
            left: encode_up(left, LON_STEP, 180.0),
            bottom: encode_up(bottom, LAT_STEP, 90.0),
            right: encode_coordinate(right, LON_STEP, 180.0),
        })
    }

    /// Latitudes from bottom to top, and stretches of longitudes, in steps.
    pub fn spans(&self) -> ((i64, i64), Vec<(i64, i64)>) {
        let lon = if self.left > self.right {
            vec![(self.left, i64::MAX), (i64::MIN, self.right)]
        } else {
            vec![(self.left, self.right)]
        };
        ((self.bottom, self.top), lon)
    }

    pub fn contains(&self, point: Point) -> bool {
        let (lat, lon) = encoded_point(point);
        let across = self.left > self.right;
        let (east_of_left, west_of_right) = (self.left <= lon, lon <= self.right);
        (self.bottom..=self.top).contains(&lat)
            && if across {
                east_of_left || west_of_right
            } else {
                east_of_left && west_of_right
            }
    }
}

#[cfg(test)]
mod tests;
