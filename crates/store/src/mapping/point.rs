//! Points in every spelling that an index takes. It must never accept a place that is not on earth.

use serde_json::{Map, Value};

/// Degrees; latitude within ±90, longitude within ±180.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub lat: f64,
    pub lon: f64,
}

/// All points of a field's value: one, or an array of them. `[lon, lat]` is one point.
pub fn points(value: &Value) -> Result<Vec<Point>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) if !items.first().is_some_and(Value::is_number) => items
            .iter()
            .map(points)
            .collect::<Result<Vec<_>, _>>()
            .map(|nested| nested.concat()),
        one => point(one).map(|point| vec![point]),
    }
}

/// One point: `{lat, lon}`, `[lon, lat]`, `"lat,lon"`, `POINT (lon lat)`, a geohash, or GeoJSON.
pub fn point(value: &Value) -> Result<Point, String> {
    match value {
        Value::Object(members) => of_object(members),
        Value::Array(items) => match items.as_slice() {
            [lon, lat] | [lon, lat, _] => checked(degrees(lat)?, degrees(lon)?),
            _ => Err("a point is an array of longitude and latitude".to_owned()),
        },
        Value::String(text) => of_text(text),
        other => Err(format!("{other} is not a point")),
    }
}

fn checked(lat: f64, lon: f64) -> Result<Point, String> {
    if !(-90.0..=90.0).contains(&lat) {
        return Err(format!("latitude {lat} is not within 90 degrees"));
    }
    if !(-180.0..=180.0).contains(&lon) {
        return Err(format!("longitude {lon} is not within 180 degrees"));
    }
    Ok(Point { lat, lon })
}

fn degrees(value: &Value) -> Result<f64, String> {
    let number = super::coerce::number(value).map(super::coerce::Number::real);
    number.ok_or_else(|| format!("{value} is not a number of degrees"))
}

fn of_object(members: &Map<String, Value>) -> Result<Point, String> {
    if let Some(hash) = members.get("geohash").and_then(Value::as_str) {
        return geohash(hash);
    }
    if let Some(coordinates) = members.get("coordinates") {
        let is_point = members
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("point"));
        return if is_point {
            point(coordinates)
        } else {
            Err("GeoJSON must be of type Point".to_owned())
        };
    }
    match (members.get("lat"), members.get("lon")) {
        (Some(lat), Some(lon)) if members.len() == 2 => checked(degrees(lat)?, degrees(lon)?),
        (Some(_), Some(_)) => Err("a point has the members lat and lon only".to_owned()),
        (None, _) => Err("the point lacks lat".to_owned()),
        (_, None) => Err("the point lacks lon".to_owned()),
    }
}

fn of_text(text: &str) -> Result<Point, String> {
    let number = |part: &str| {
        part.trim()
            .parse::<f64>()
            .map_err(|_| format!("`{}` is not a number of degrees", part.trim()))
    };
    if let Some((lat, lon)) = text.split_once(',') {
        return checked(number(lat)?, number(lon)?);
    }
    if text
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("point"))
    {
        let inner = text[5..]
            .trim()
            .strip_prefix('(')
            .and_then(|inner| inner.strip_suffix(')'));
        let mut parts = inner.unwrap_or_default().split_whitespace();
        return match (parts.next(), parts.next()) {
            (Some(lon), Some(lat)) => checked(number(lat)?, number(lon)?),
            _ => Err(format!("`{text}` is not a point")),
        };
    }
    geohash(text)
}

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The south-west corner of the cell, as Elasticsearch reads a hash; 12 characters count.
fn geohash(hash: &str) -> Result<Point, String> {
    let (mut lat, mut lon) = ((-90.0_f64, 90.0_f64), (-180.0_f64, 180.0_f64));
    let mut even = true;
    let unknown = || format!("`{hash}` is neither \"lat,lon\", nor POINT, nor a geohash");
    if hash.is_empty() {
        return Err(unknown());
    }
    for byte in hash.bytes().take(12) {
        let digit = ALPHABET
            .iter()
            .position(|letter| *letter == byte)
            .ok_or_else(unknown)?;
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
    checked(lat.0, lon.0)
}

#[cfg(test)]
mod tests;
