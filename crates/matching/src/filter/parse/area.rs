//! The operands of the geographic conditions. Must never compute: points, boxes and distances are
//! read by `geo`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::leaf::non_empty_text;
use super::{Path, expect_properties, one_property, refuse_at};
use crate::field::FieldPath;
use crate::filter::{Condition, FilterError, Shape};
use crate::geo;

fn geo_condition(field: &str, shape: Shape) -> Condition {
    Condition::Geo {
        field: FieldPath::new(field),
        shape,
    }
}

/// `geoBoundingBox: {field: box}`
pub fn bounding_box(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (field, area) = one_property(operand, path, "geoBoundingBox")?;
    let area = geo::parse_box(area)
        .map_err(|error| refuse_at(&path.then(field), "geoBoundingBox", error.to_string()))?;
    Ok(geo_condition(field, Shape::Box(area)))
}

/// `geoDistance: {field: point, distance: "5 km"}`
pub fn parse_geo_distance(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (field, centre, object) = parse_centre(operand, &["distance"], path, "geoDistance")?;
    let radius = parse_metres(object, "distance", path, "geoDistance")?;
    Ok(geo_condition(field, Shape::Circle { centre, radius }))
}

/// `geoDistanceRange: {field: point, from: "1 km", to: "5 km"}`
pub fn distance_range(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    let (field, centre, object) = parse_centre(operand, &["from", "to"], path, "geoDistanceRange")?;
    let from = parse_metres(object, "from", path, "geoDistanceRange")?;
    let to = parse_metres(object, "to", path, "geoDistanceRange")?;
    if from >= to {
        return Err(refuse_at(
            path,
            "geoDistanceRange",
            "inner radius must be smaller than outer radius",
        ));
    }
    Ok(geo_condition(field, Shape::Ring { centre, from, to }))
}

/// The field and its point: the one property that is none of `others`, all of which must be there.
fn parse_centre<'v>(
    operand: &'v Value,
    others: &[&str],
    path: &Path<'_>,
    keyword: &str,
) -> Result<(&'v str, geo::Point, &'v Map<String, Value>), FilterError> {
    let object = operand
        .as_object()
        .ok_or_else(|| refuse_at(path, keyword, "must be an object"))?;
    expect_properties(object, 1 + others.len(), path, keyword)?;
    for other in others {
        if !object.contains_key(*other) {
            return Err(refuse_at(
                path,
                keyword,
                format!("the property \"{other}\" is missing"),
            ));
        }
    }
    let property = object
        .iter()
        .find(|(name, _)| !others.contains(&name.as_str()));
    let (field, point) =
        property.ok_or_else(|| refuse_at(path, keyword, "the field to test is missing"))?;
    let point = geo::parse_point(point)
        .ok_or_else(|| refuse_at(&path.then(field), keyword, "unrecognized point format"))?;
    Ok((field, point, object))
}

fn parse_metres(
    object: &Map<String, Value>,
    name: &str,
    path: &Path<'_>,
    keyword: &str,
) -> Result<f64, FilterError> {
    let path = path.then(name);
    let text = non_empty_text(object.get(name).unwrap_or(&Value::Null), &path, keyword)?;
    geo::parse_distance(text).map_err(|error| refuse_at(&path, keyword, error.to_string()))
}

/// `geoPolygon: {field: {points: [point, …]}}`
pub fn parse_geo_polygon(operand: &Value, path: &Path<'_>) -> Result<Condition, FilterError> {
    const KEYWORD: &str = "geoPolygon";
    let (field, area) = one_property(operand, path, KEYWORD)?;
    let path = path.then(field);
    let area = area
        .as_object()
        .ok_or_else(|| refuse_at(&path, KEYWORD, "must be an object"))?;
    let points = area
        .get("points")
        .ok_or_else(|| refuse_at(&path, KEYWORD, "the property \"points\" is missing"))?;
    expect_properties(area, 1, &path, KEYWORD)?;
    let path = path.then("points");
    let points = points
        .as_array()
        .ok_or_else(|| refuse_at(&path, KEYWORD, "must be an array"))?;
    let read = |point: &Value| {
        let unreadable = || {
            refuse_at(
                &path,
                KEYWORD,
                format!("unrecognized point format \"{point}\""),
            )
        };
        geo::parse_point(point).ok_or_else(unreadable)
    };
    let points: Vec<geo::Point> = points.iter().map(read).collect::<Result<_, _>>()?;
    let polygon = geo::Polygon::new(points);
    let polygon = polygon.ok_or_else(|| {
        refuse_at(
            &path,
            KEYWORD,
            "at least 3 points are required to build a polygon",
        )
    })?;
    Ok(geo_condition(field, Shape::Polygon(Arc::new(polygon))))
}
