//! Points in every spelling that an index takes, in documents and in queries. It must never accept
//! a place that is not on earth, unless the field forgives that: then the place is moved onto it.

use crate::coerce::{Number, Reader, read_number};
use serde_json::{Map, Value};

/// Degrees; latitude within ±90, longitude within ±180.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub lat: f64,
    pub lon: f64,
}

/// What a field of points forgives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leniency {
    pub ignore_z: bool,
    pub ignore_malformed: bool,
}

/// All points of a field's value in a document: one, or an array of them. `[lon, lat]` is one.
pub fn read_points(value: &Value, leniency: Leniency) -> Result<Vec<Point>, String> {
    let one = |value: &Value| {
        let point = spelled_point(value, leniency.ignore_z, true)?;
        if leniency.ignore_malformed {
            Ok(normalised_point(point))
        } else {
            checked_point(point)
        }
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) if !items.first().is_some_and(Value::is_number) => {
            let mut all = Vec::new();
            for item in items.iter().filter(|item| !item.is_null()) {
                match one(item) {
                    Err(_) if leniency.ignore_malformed => {}
                    point => all.push(point?),
                }
            }
            Ok(all)
        }
        single => match one(single) {
            Err(_) if leniency.ignore_malformed && !is_torn(single, leniency) => Ok(Vec::new()),
            point => Ok(vec![point?]),
        },
    }
}

/// An array of numbers in which something else turns up: an index cannot read on behind it, whatever
/// it forgives.
fn is_torn(value: &Value, leniency: Leniency) -> bool {
    value.as_array().is_some_and(|items| {
        items.first().is_some_and(Value::is_number)
            && (items.len() < 2
                || !items.iter().all(Value::is_number)
                || items.len() > 2 && !leniency.ignore_z)
    })
}

/// The point of a query.
pub fn read_point(value: &Value) -> Result<Point, String> {
    match value {
        Value::Array(items) if items.iter().all(Value::is_number) => {
            checked_point(spelled_point(value, false, false)?)
        }
        Value::Array(_) | Value::Null => Err("a point's array holds two numbers".to_owned()),
        Value::Number(_) | Value::Bool(_) => checked_point(parse_geohash(&value.to_string())?),
        Value::Object(members) => checked_point(of_query_object(members)?),
        Value::String(_) => checked_point(spelled_point(value, false, false)?),
    }
}

fn spelled_point(value: &Value, ignore_z: bool, is_document: bool) -> Result<Point, String> {
    match value {
        Value::Object(members) if is_document => of_object(members, ignore_z),
        Value::Array(items) => of_numbers(items, ignore_z),
        Value::String(text) => of_text(text, ignore_z),
        other => Err(format!("{other} is not a point")),
    }
}

fn checked_point(point: Point) -> Result<Point, String> {
    let Point { lat, lon } = point;
    if !(-90.0..=90.0).contains(&lat) {
        return Err(format!("latitude {lat} is not within 90 degrees"));
    }
    if !(-180.0..=180.0).contains(&lon) {
        return Err(format!("longitude {lon} is not within 180 degrees"));
    }
    Ok(point)
}

/// Over the pole and around the earth, back into its range.
fn normalised_point(point: Point) -> Point {
    let centred = |degrees: f64| {
        let rest = degrees.rem_euclid(360.0);
        if rest > 180.0 { rest - 360.0 } else { rest }
    };
    if checked_point(point).is_ok() {
        return point;
    }
    let (mut lat, mut lon) = (centred(point.lat), point.lon);
    if lat.abs() > 90.0 {
        lat = 180.0_f64.copysign(lat) - lat;
        lon += 180.0;
    }
    Point {
        lat,
        lon: centred(lon),
    }
}

/// A number of degrees, also as text.
pub fn read_degrees(value: &Value) -> Result<f64, String> {
    let number = read_number(value, Reader::Float).map(Number::real);
    number.ok_or_else(|| format!("{value} is not a number of degrees"))
}

fn of_numbers(items: &[Value], ignore_z: bool) -> Result<Point, String> {
    match items {
        [lon, lat] => Ok(Point {
            lat: read_degrees(lat)?,
            lon: read_degrees(lon)?,
        }),
        [lon, lat, z] if ignore_z => {
            read_degrees(z)?;
            Ok(Point {
                lat: read_degrees(lat)?,
                lon: read_degrees(lon)?,
            })
        }
        [_, _, _] => Err("a height is not taken".to_owned()),
        _ => Err("a point is an array of longitude and latitude".to_owned()),
    }
}

/// A point as an object: `lat` and `lon`, or GeoJSON.
pub fn of_object(members: &Map<String, Value>, ignore_z: bool) -> Result<Point, String> {
    const KNOWN: [&str; 5] = ["lat", "lon", "z", "type", "coordinates"];
    if let Some(other) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("a point has no member `{other}`"));
    }
    if members.contains_key("type") || members.contains_key("coordinates") {
        let is_point = members
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("point"));
        return match members.get("coordinates") {
            Some(Value::Array(items)) if is_point && members.len() == 2 => {
                of_numbers(items, ignore_z)
            }
            _ => Err("GeoJSON has the type Point and coordinates".to_owned()),
        };
    }
    match (members.get("lat"), members.get("lon"), members.get("z")) {
        (Some(lat), Some(lon), None) => Ok(Point {
            lat: read_degrees(lat)?,
            lon: read_degrees(lon)?,
        }),
        (Some(lat), Some(lon), Some(z)) if ignore_z => {
            read_degrees(z)?;
            Ok(Point {
                lat: read_degrees(lat)?,
                lon: read_degrees(lon)?,
            })
        }
        (Some(_), Some(_), Some(_)) => Err("a height is not taken".to_owned()),
        (None, ..) => Err("the point lacks lat".to_owned()),
        (_, None, _) => Err("the point lacks lon".to_owned()),
    }
}

fn of_query_object(members: &Map<String, Value>) -> Result<Point, String> {
    const KNOWN: [&str; 3] = ["lat", "lon", "geohash"];
    if let Some(other) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("a point has no member `{other}`"));
    }
    let corner = match members.get("geohash") {
        None => None,
        Some(Value::String(hash)) => Some(parse_geohash(hash)?),
        Some(other) => Some(parse_geohash(&other.to_string())?),
    };
    let edge = |name: &str, of_hash: Option<f64>| match members.get(name) {
        Some(value) => read_degrees(value),
        None => of_hash.ok_or_else(|| format!("the point lacks {name}")),
    };
    Ok(Point {
        lat: edge("lat", corner.map(|corner| corner.lat))?,
        lon: edge("lon", corner.map(|corner| corner.lon))?,
    })
}

/// A point as text: `lat,lon`, WKT, or a geohash.
pub fn of_text(text: &str, ignore_z: bool) -> Result<Point, String> {
    let number = |part: &str| read_degrees(&Value::from(part));
    let height = |part: Option<&str>| match part {
        None => Ok(()),
        Some(part) if ignore_z => number(part).map(drop),
        Some(_) => Err("a height is not taken".to_owned()),
    };
    let trimmed = text.trim_start();
    if trimmed
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("point"))
    {
        let inner = trimmed[5..].trim().strip_prefix('(');
        let inner = inner.and_then(|inner| inner.strip_suffix(')'));
        let mut parts = inner.unwrap_or_default().split_whitespace();
        return match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(lon), Some(lat), z, None) => {
                height(z)?;
                Ok(Point {
                    lat: number(lat)?,
                    lon: number(lon)?,
                })
            }
            _ => Err(format!("`{text}` is not a point")),
        };
    }
    if text.contains(',') {
        let mut parts = text.split(',');
        return match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(lat), Some(lon), z, None) => {
                height(z)?;
                Ok(Point {
                    lat: number(lat)?,
                    lon: number(lon)?,
                })
            }
            _ => Err(format!("`{text}` is not a point")),
        };
    }
    parse_geohash(text)
}

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The cell of a geohash: latitudes and longitudes from least to most. The letters a, i, l and o are
/// no part of the alphabet: such a text is no hash.
pub fn geohash_cell(hash: &[u8]) -> Option<[(f64, f64); 2]> {
    let (mut lat, mut lon) = ((-90.0_f64, 90.0_f64), (-180.0_f64, 180.0_f64));
    let mut even = true;
    for byte in hash {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        for bit in (0..5).rev() {
            let range = if even { &mut lon } else { &mut lat };
            let middle = (range.0 + range.1) / 2.0;
            if digit >> bit & 1 == 1 {
                range.0 = middle
            } else {
                range.1 = middle
            }
            even = !even;
        }
    }
    Some([lat, lon])
}

/// The south-west corner of the cell, as Elasticsearch reads a hash; 12 characters count.
fn parse_geohash(hash: &str) -> Result<Point, String> {
    let counted = &hash.as_bytes()[..hash.len().min(12)];
    match geohash_cell(counted).filter(|_| !hash.is_empty()) {
        Some([(lat, _), (lon, _)]) => Ok(Point { lat, lon }),
        None => Err(format!(
            "`{hash}` is neither \"lat,lon\", nor POINT, nor a geohash"
        )),
    }
}

#[cfg(test)]
mod tests;
