//! A filter as an Elasticsearch query, for search with the same language. Must never translate into
//! a query that is known to find something else; where the stored form itself blurs the difference,
//! the translation says so.

mod pattern;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::field::FieldPath;
use crate::filter::{Bounds, Clause, Condition, Filter, Limit, Scalar, Shape};
use crate::geo::{BoundingBox, Point};
use crate::number::Number;

/// A clause that has no equivalent, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{keyword} cannot be translated for Elasticsearch: {reason}")]
pub struct Untranslatable {
    pub keyword: String,
    pub reason: String,
}

/// A query, and in what its answers may differ from the filter's.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    pub query: Value,
    /// Without doubles, in the order in which they were met. Empty: the answers are the same for
    /// documents without arrays whose strings are mapped as `keyword`, with fields that hold what
    /// their mapping says.
    pub differences: Vec<Difference>,
}

/// Why a translated query may answer differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// A field that holds `null` or `[]` counts as absent there.
    EmptyIsAbsent,
    /// A field that is the value itself counts as an array that holds it.
    ScalarIsArray,
    /// Points are stored rounded to about a centimetre.
    RoundedPoints,
    /// Distances are those on a sphere: up to 0.6 % off the ellipsoid.
    SphericalDistance,
    /// Polygon edges are straight on the map, not geodesic.
    StraightEdges,
}

/// The filter as an Elasticsearch query.
pub fn to_elasticsearch(filter: &Filter) -> Result<Value, Untranslatable> {
    translate_filter(filter).map(|translation| translation.query)
}

/// The filter as an Elasticsearch query, with what may differ.
pub fn translate_filter(filter: &Filter) -> Result<Translation, Untranslatable> {
    let mut refuse = |_: &Arc<Condition>, _: bool, why: Untranslatable| Err(why);
    translate_with(filter, &mut refuse)
}

/// Likewise; for a condition that has no equivalent stands what `instead` gives for it. Its second
/// argument says that the condition stands under a negation.
pub fn translate_with(
    filter: &Filter,
    instead: Instead<'_>,
) -> Result<Translation, Untranslatable> {
    let mut translator = ClauseTranslator {
        differences: Vec::new(),
        is_negated: false,
        instead,
    };
    let query = translator.clause(filter.clause())?;
    Ok(Translation {
        query,
        differences: translator.differences,
    })
}

/// What stands for a condition that has no equivalent.
pub type Instead<'a> =
    &'a mut dyn FnMut(&Arc<Condition>, bool, Untranslatable) -> Result<Value, Untranslatable>;

struct ClauseTranslator<'a> {
    differences: Vec<Difference>,
    is_negated: bool,
    instead: Instead<'a>,
}

fn untranslatable<T>(keyword: &str, reason: &str) -> Result<T, Untranslatable> {
    Err(Untranslatable {
        keyword: keyword.to_owned(),
        reason: reason.to_owned(),
    })
}

/// An object of one property.
fn single_property(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

fn bool_query(clause: &str, queries: Vec<Value>) -> Value {
    single_property("bool", single_property(clause, queries.into()))
}

/// Documents that satisfy at least one. Said aloud, because beside a `filter` the default would be
/// none.
fn any_query(queries: Vec<Value>) -> Value {
    json!({ "bool": { "should": queries, "minimum_should_match": 1 } })
}

impl ClauseTranslator<'_> {
    fn differ(&mut self, difference: Difference) {
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    fn clauses(&mut self, parts: &[Clause]) -> Result<Vec<Value>, Untranslatable> {
        parts.iter().map(|part| self.clause(part)).collect()
    }

    fn clause(&mut self, clause: &Clause) -> Result<Value, Untranslatable> {
        Ok(match clause {
            Clause::Everything => json!({ "match_all": {} }),
            Clause::Nothing => json!({ "match_none": {} }),
            Clause::Condition(leaf) => self.leaf(leaf)?,
            Clause::Missing(leaf) => {
                bool_query("must_not", self.negated(|this| Ok(vec![this.leaf(leaf)?]))?)
            }
            Clause::And(parts) => bool_query("filter", self.clauses(parts)?),
            Clause::Or(parts) => any_query(self.clauses(parts)?),
            Clause::Not(inner) => bool_query(
                "must_not",
                self.negated(|this| Ok(vec![this.clause(inner)?]))?,
            ),
            Clause::Bool {
                must,
                must_not,
                should,
                should_not,
            } => {
                let mut all = self.clauses(must)?;
                if !should.is_empty() {
                    all.push(any_query(self.clauses(should)?));
                }
                let mut none = self.negated(|this| this.clauses(must_not))?;
                if !should_not.is_empty() {
                    let should_not = self.negated(|this| this.clauses(should_not))?;
                    none.push(bool_query("filter", should_not));
                }
                json!({ "bool": { "filter": all, "must_not": none } })
            }
        })
    }

    /// What `translate_filter` gives, which stands under a negation.
    fn negated<T>(
        &mut self,
        translate: impl FnOnce(&mut Self) -> Result<T, Untranslatable>,
    ) -> Result<T, Untranslatable> {
        self.is_negated = !self.is_negated;
        let translated = translate(self);
        self.is_negated = !self.is_negated;
        translated
    }

    fn leaf(&mut self, condition: &Arc<Condition>) -> Result<Value, Untranslatable> {
        match self.condition(condition) {
            Err(why) => (self.instead)(condition, self.is_negated, why),
            translated => translated,
        }
    }

    fn condition(&mut self, condition: &Condition) -> Result<Value, Untranslatable> {
        Ok(match condition {
            Condition::Equals { field, value } => term_query("equals", field, value)?,
            Condition::In { field, values } if field.as_str() == "_id" => {
                json!({ "ids": { "values": values.iter().map(|value| Value::from(&**value)).collect::<Vec<_>>() } })
            }
            Condition::In { field, values } => single_property(
                "terms",
                single_property(
                    field.as_str(),
                    values.iter().map(|value| Value::from(&**value)).collect(),
                ),
            ),
            Condition::Exists { field } => {
                self.differ(Difference::EmptyIsAbsent);
                json!({ "exists": { "field": field.as_str() } })
            }
            Condition::Holds { field, value } => {
                self.differ(Difference::ScalarIsArray);
                term_query("exists", field, value)?
            }
            Condition::Range { field, bounds } => range_query(field, bounds),
            Condition::Regexp { field, pattern } => pattern::translate_pattern(field, pattern)?,
            Condition::Geo { field, shape } => self.area(field, shape),
            Condition::Match { object } => {
                let mut parts = Vec::new();
                self.contained(object, "", &mut parts)?;
                bool_query("filter", parts)
            }
            Condition::Select { .. } => {
                return untranslatable("select", "elements of an array have no place in the index");
            }
        })
    }

    /// A `match` is the conjunction of its scalars, each by its path. An array of different scalars
    /// wants each of them; how often one stands there is not kept in the index.
    fn contained(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
        parts: &mut Vec<Value>,
    ) -> Result<(), Untranslatable> {
        for (key, wanted) in object {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            match wanted {
                Value::Object(inner) if !inner.is_empty() => self.contained(inner, &path, parts)?,
                Value::Object(_) => {
                    let why = "an object without keys leaves nothing in the index";
                    return untranslatable("match", why);
                }
                Value::Array(items) => self.elements(items, &path, parts)?,
                scalar => parts.push(scalar_term(scalar, &path)?),
            }
        }
        Ok(())
    }

    fn elements(
        &mut self,
        items: &[Value],
        path: &str,
        parts: &mut Vec<Value>,
    ) -> Result<(), Untranslatable> {
        let scalars: Option<Vec<Scalar>> = items.iter().map(Scalar::from_json).collect();
        let are_different = |scalars: &[Scalar]| {
            let rest = |n: usize| &scalars[n + 1..];
            (0..scalars.len()).all(|n| !rest(n).contains(&scalars[n]))
        };
        if items.is_empty() || !scalars.is_some_and(|scalars| are_different(&scalars)) {
            let why = "an index distinguishes arrays only of distinct scalars";
            return untranslatable("match", why);
        }
        self.differ(Difference::ScalarIsArray);
        for item in items {
            parts.push(scalar_term(item, path)?);
        }
        Ok(())
    }

    fn area(&mut self, field: &FieldPath, shape: &Shape) -> Value {
        self.differ(Difference::RoundedPoints);
        match shape {
            Shape::Box(area) => bounding_box(field, area),
            Shape::Circle { centre, radius } => {
                self.differ(Difference::SphericalDistance);
                distance_query(field, *centre, *radius)
            }
            Shape::Ring { centre, from, to } => {
                self.differ(Difference::SphericalDistance);
                if *from <= 0.0 {
                    return distance_query(field, *centre, *to);
                }
                json!({ "bool": { "filter": [distance_query(field, *centre, *to)], "must_not": [distance_query(field, *centre, *from)] } })
            }
            Shape::Polygon(polygon) => {
                self.differ(Difference::StraightEdges);
                let mut ring: Vec<Value> = polygon
                    .points()
                    .iter()
                    .map(|corner| json!([corner.lon, corner.lat]))
                    .collect();
                ring.extend(ring.first().cloned());
                let polygon = json!({ "shape": { "type": "Polygon", "coordinates": [ring] }, "relation": "intersects" });
                single_property("geo_shape", single_property(field.as_str(), polygon))
            }
        }
    }
}

/// The same longitude in [-180, 180]: others are refused there.
fn wrapped_longitude(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) {
        lon
    } else {
        lon - 360.0 * ((lon + 180.0) / 360.0).floor()
    }
}

fn distance_query(field: &FieldPath, centre: Point, metres: f64) -> Value {
    if !(-90.0..=90.0).contains(&centre.lat) {
        return json!({ "match_none": {} });
    }
    let centre = json!({ "lat": centre.lat, "lon": wrapped_longitude(centre.lon) });
    // No distance is none there; points are known to a centimetre.
    let metres = metres.max(0.01);
    let operand = [
        (field.to_string(), centre),
        ("distance".to_owned(), format!("{metres}m").into()),
    ];
    single_property("geo_distance", Value::Object(Map::from_iter(operand)))
}

fn bounding_box(field: &FieldPath, area: &BoundingBox) -> Value {
    if area.bottom > 90.0 || area.top < -90.0 {
        return json!({ "match_none": {} });
    }
    let around = area.right - area.left >= 360.0;
    let (left, right) = if around {
        (-180.0, 180.0)
    } else {
        (wrapped_longitude(area.left), wrapped_longitude(area.right))
    };
    let edges = json!({ "top": area.top.min(90.0), "left": left, "bottom": area.bottom.max(-90.0), "right": right });
    single_property("geo_bounding_box", single_property(field.as_str(), edges))
}

/// A floating-point field there holds -0 below 0; a limit of zero must have both on the same side.
fn range_query(field: &FieldPath, bounds: &Bounds) -> Value {
    let zero = Number::from(0_i64);
    let limit = |limit: Limit, below: bool| {
        if limit.at == zero && below {
            Value::from(-0.0)
        } else {
            limit.at.to_json()
        }
    };
    let low = bounds.low.map(|low| {
        (
            if low.inclusive { "gte" } else { "gt" },
            limit(low, low.inclusive),
        )
    });
    let high = bounds.high.map(|high| {
        (
            if high.inclusive { "lte" } else { "lt" },
            limit(high, !high.inclusive),
        )
    });
    let limits = low
        .into_iter()
        .chain(high)
        .map(|(name, at)| (name.to_owned(), at));
    single_property(
        "range",
        single_property(field.as_str(), Value::Object(limits.collect())),
    )
}

fn term_query(keyword: &str, field: &FieldPath, value: &Scalar) -> Result<Value, Untranslatable> {
    match value {
        Scalar::Null => untranslatable(keyword, "null is not indexed"),
        Scalar::Number(number) if *number == Number::from(0_i64) => {
            let limit = Some(Limit {
                at: *number,
                inclusive: true,
            });
            Ok(range_query(
                field,
                &Bounds {
                    low: limit,
                    high: limit,
                },
            ))
        }
        Scalar::Bool(_) | Scalar::Number(_) | Scalar::String(_) => Ok(single_property(
            "term",
            single_property(field.as_str(), single_property("value", value.to_json())),
        )),
    }
}

fn scalar_term(wanted: &Value, path: &str) -> Result<Value, Untranslatable> {
    let scalar = Scalar::from_json(wanted).unwrap_or(Scalar::Null);
    term_query("match", &FieldPath::new(path), &scalar)
}

#[cfg(test)]
mod tests;
