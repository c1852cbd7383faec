//! Every spelling of a point, a box and a distance that the filter language accepts. Must never
//! panic or accept a value it cannot place on earth: unreadable is an answer (`None` or an error).

use serde_json::Value;
use thiserror::Error;

use super::{BoundingBox, Point};
use crate::same_bytes::value_of;
use field_values::point;

/// Points may be wrapped in `latLon` any number of times; this many are followed.
const DEEPEST_WRAPPING: usize = 8;

/// Why a box was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BoxError {
    /// Neither four edges nor two corners.
    #[error("unrecognized geo-point format")]
    Shape,
    /// Edges or corners are there, but one is not a number or a point.
    #[error("unrecognized geoBoundingBox format")]
    Value,
    /// The top is not above the bottom.
    #[error("the top of a box must be above its bottom")]
    Latitudes,
    /// The left equals the right.
    #[error("the left of a box must differ from its right")]
    Longitudes,
}

/// The text is not a number followed by a unit of length.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unable to parse distance value \"{0}\"")]
pub struct DistanceError(pub String);

/// Reads a point: `{lat, lon}`, GeoJSON, `[lat, lon]`, `"lat,lon"`, WKT, a geohash, or any of these
/// under `latLon` or `lat_lon`. Texts, objects and numbers are read as an index reads them; arrays
/// and the centre of a geohash are the filter language's own.
pub fn parse_point(value: &Value) -> Option<Point> {
    point_within(value, DEEPEST_WRAPPING)
}

fn point_within(value: &Value, depth: usize) -> Option<Point> {
    let found = |point: point::Point| Point::new(point.lat, point.lon);
    let point = match value {
        // A shorter one is rather a word.
        Value::String(text) if is_geohash(text) && text.len() < 4 => return None,
        Value::String(text) if is_geohash(text) => decode_geohash(text)?,
        Value::String(text) => found(point::of_text(text, true).ok()?),
        Value::Array(items) => match items.as_slice() {
            [lat, lon] => Point::new(parse_coordinate(lat)?, parse_coordinate(lon)?),
            _ => return None,
        },
        Value::Object(object) => {
            if let (Some(lat), Some(lon)) = (value_of(object, "lat"), value_of(object, "lon")) {
                return Some(Point::new(parse_coordinate(lat)?, parse_coordinate(lon)?));
            }
            if object.contains_key("coordinates") {
                return point::of_object(object, true).ok().map(found);
            }
            let inner = object.get("latLon").or_else(|| object.get("lat_lon"))?;
            return point_within(inner, depth.checked_sub(1)?);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(point)
}

/// A coordinate: a number, also as text.
fn parse_coordinate(value: &Value) -> Option<f64> {
    let degrees = match value {
        Value::Number(number) => number.as_f64(),
        _ => point::read_degrees(value).ok(),
    };
    degrees.filter(|number| number.is_finite())
}

fn is_geohash(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    !text.is_empty() && text.bytes().all(letters)
}

/// The centre of a geohash cell.
fn decode_geohash(text: &str) -> Option<Point> {
    let [lat, lon] = point::geohash_cell(text.as_bytes())?;
    Some(Point {
        lat: (lat.0 + lat.1) / 2.0,
        lon: (lon.0 + lon.1) / 2.0,
    })
}

/// Reads a box: `{top, left, bottom, right}`, or two corners `{topLeft | top_left, bottomRight |
/// bottom_right}`.
pub fn parse_box(value: &Value) -> Result<BoundingBox, BoxError> {
    let object = value.as_object().ok_or(BoxError::Shape)?;
    let edges = [
        object.get("top"),
        object.get("left"),
        object.get("bottom"),
        object.get("right"),
    ];
    let parsed = if let [Some(top), Some(left), Some(bottom), Some(right)] = edges {
        let edge = |value| parse_coordinate(value).ok_or(BoxError::Value);
        BoundingBox {
            top: edge(top)?,
            left: edge(left)?,
            bottom: edge(bottom)?,
            right: edge(right)?,
        }
    } else {
        let corner = |names: [&str; 2]| {
            names
                .iter()
                .find_map(|name| object.get(*name))
                .ok_or(BoxError::Shape)
        };
        let (first, second) = (
            corner(["topLeft", "top_left"])?,
            corner(["bottomRight", "bottom_right"])?,
        );
        let first = parse_point(first).ok_or(BoxError::Value)?;
        let second = parse_point(second).ok_or(BoxError::Value)?;
        BoundingBox {
            top: first.lat,
            left: first.lon,
            bottom: second.lat,
            right: second.lon,
        }
    };
    if parsed.top <= parsed.bottom {
        return Err(BoxError::Latitudes);
    }
    if parsed.left == parsed.right {
        return Err(BoxError::Longitudes);
    }
    Ok(parsed)
}

/// Units of length in metres; each takes an SI prefix.
const UNITS: [(&str, f64); 16] = [
    ("meters", 1.0),
    ("meter", 1.0),
    ("m", 1.0),
    ("feet", 0.3048),
    ("ft", 0.3048),
    ("foot", 0.3048),
    ("inches", 0.0254),
    ("inch", 0.0254),
    ("in", 0.0254),
    ("yards", 0.9144),
    ("yard", 0.9144),
    ("yd", 0.9144),
    ("miles", 1609.34),
    ("mile", 1609.34),
    ("mi", 1609.34),
    ("metres", 1.0),
];

/// SI prefixes, short and long, after lower-casing (so `m` is milli; mega and above are spelled
/// out).
const PREFIXES: [(&str, f64); 27] = [
    ("", 1.0),
    ("k", 1e3),
    ("kilo", 1e3),
    ("h", 1e2),
    ("hecto", 1e2),
    ("da", 1e1),
    ("deca", 1e1),
    ("deka", 1e1),
    ("d", 1e-1),
    ("deci", 1e-1),
    ("c", 1e-2),
    ("centi", 1e-2),
    ("m", 1e-3),
    ("milli", 1e-3),
    ("micro", 1e-6),
    ("u", 1e-6),
    ("\u{b5}", 1e-6),
    ("\u{3bc}", 1e-6),
    ("n", 1e-9),
    ("nano", 1e-9),
    ("p", 1e-12),
    ("pico", 1e-12),
    ("mega", 1e6),
    ("g", 1e9),
    ("giga", 1e9),
    ("t", 1e12),
    ("tera", 1e12),
];

/// Reads a distance with its unit and gives metres: `"1,5 km"`, `"20 Miles"`, `"300ft"`.
///
/// Case, blanks and hyphens do not count; a comma is a decimal point. A unit is required, an
/// exponent is refused.
pub fn parse_distance(text: &str) -> Result<f64, DistanceError> {
    let clean: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == ',' { '.' } else { letter })
        .collect();
    let split = clean
        .find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
        .unwrap_or(clean.len());
    let (number, unit) = clean.split_at(split);
    let metres = number
        .parse::<f64>()
        .ok()
        .and_then(|number| Some(number * unit_factor(unit)?));
    metres
        .filter(|metres| metres.is_finite())
        .ok_or_else(|| DistanceError(text.to_owned()))
}

/// How many metres one of the unit is.
fn unit_factor(unit: &str) -> Option<f64> {
    UNITS.iter().find_map(|(name, factor)| {
        let prefix = unit.strip_suffix(name)?;
        PREFIXES
            .iter()
            .find(|(short, _)| *short == prefix)
            .map(|(_, scale)| factor * scale)
    })
}
