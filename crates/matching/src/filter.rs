//! A filter as its author wrote it: checked, but not reordered or simplified. Must never hold
//! anything that was not validated; the only way to make one is [`Filter::parse`].

mod parse;
pub(crate) mod write;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::field::FieldPath;
use crate::geo;
use crate::number::Number;
use crate::pattern::Pattern;

/// A valid filter.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Arc<Clause>,
    conditions: usize,
}

/// The filter as a tree, clause by clause as it was written.
#[derive(Debug, Clone)]
pub enum Clause {
    /// `{}` or `null`: matches every document.
    Everything,
    /// `nothing`: matches none.
    Nothing,
    /// `equals`, `in`, `ids`, `exists`, `range`, `regexp`, `geo…`, `match`, `select`.
    Condition(Arc<Condition>),
    /// `missing`: the opposite of the `Exists` or `Holds` it carries.
    Missing(Arc<Condition>),
    And(Vec<Clause>),
    Or(Vec<Clause>),
    Not(Box<Clause>),
    /// `bool`; an absent part is an empty list. True when every `must` is, no `must_not` is, at
    /// least one `should` is (if there are any), and not every `should_not` is (if there are any).
    Bool {
        must: Vec<Clause>,
        must_not: Vec<Clause>,
        should: Vec<Clause>,
        should_not: Vec<Clause>,
    },
}

/// One test of a document: a leaf of a filter. All of them are false when the field is absent.
#[derive(Debug, Clone)]
pub enum Condition {
    /// `equals`: the field holds exactly this value. Never true of arrays and objects.
    Equals { field: FieldPath, value: Scalar },
    /// `in`, and `ids` on the field `_id`: the field equals one of these strings. Gone after
    /// normalisation (an `or` of `Equals`).
    In {
        field: FieldPath,
        values: Vec<Arc<str>>,
    },
    /// `exists: "f"`: the key is present, whatever it holds (null too).
    Exists { field: FieldPath },
    /// `exists: 'f["v"]'`: the field is an array with this element.
    Holds { field: FieldPath, value: Scalar },
    /// `range`: the field is a number between the bounds.
    Range { field: FieldPath, bounds: Bounds },
    /// `regexp`: the field is a string in which the pattern is found.
    Regexp { field: FieldPath, pattern: Pattern },
    /// `geoBoundingBox`, `geoDistance`, `geoDistanceRange`, `geoPolygon`: the field is a point
    /// inside the shape.
    Geo { field: FieldPath, shape: Shape },
    /// `match`: the document contains this object (keys are literal, never split at dots). After
    /// normalisation the object has exactly one key, and its arrays and keys are sorted.
    Match { object: Arc<Map<String, Value>> },
    /// `select`: the field is an array, has an element there (negative counts from the end), and
    /// `query` is true of `{"value": element}`.
    Select {
        field: FieldPath,
        index: i64,
        query: Arc<Clause>,
    },
}

/// A value that `equals` and `exists f[…]` compare with. Two scalars are equal when type and value
/// are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
}

/// The two ends of a `range`. At least one is there; `low` lies below `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    pub low: Option<Limit>,
    pub high: Option<Limit>,
}

/// One end of a `range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    pub at: Number,
    /// `gte`, `lte`: the limit itself belongs to the range.
    pub inclusive: bool,
}

/// An area of the earth.
#[derive(Debug, Clone)]
pub enum Shape {
    Box(geo::BoundingBox),
    /// Everything at most `radius` metres from `centre`.
    Circle {
        centre: geo::Point,
        radius: f64,
    },
    /// Everything from `from` to `to` metres away from `centre`, both included.
    Ring {
        centre: geo::Point,
        from: f64,
        to: f64,
    },
    Polygon(Arc<geo::Polygon>),
}

/// What a filter may cost. The defaults suit filters that strangers register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Leaf conditions after `in` and `ids` are counted per value.
    pub max_conditions: usize,
    /// Filters inside filters (`and`, `or`, `not`, `bool`, `select`).
    pub max_depth: usize,
    /// JSON values in the whole filter, whatever they are: polygon points, `match` objects,
    /// operands.
    pub max_nodes: usize,
    /// Bytes of one pattern's text.
    pub max_pattern_bytes: usize,
    /// Bytes one compiled pattern may take.
    pub max_pattern_program: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_conditions: 50,
            max_depth: 32,
            max_nodes: 20_000,
            max_pattern_bytes: 4_096,
            max_pattern_program: 1 << 20,
        }
    }
}

/// Why a filter was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct FilterError {
    /// The keywords and field names that lead to the fault, joined by dots; `None` when it concerns
    /// the whole filter.
    pub path: Option<String>,
    /// The keyword that was being read.
    pub keyword: Option<String>,
    /// What is wrong, without the path.
    pub message: String,
}

impl FilterError {
    fn sentence(&self) -> String {
        match &self.path {
            Some(path) => format!("\"{path}\": {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Filter {
    /// Reads and checks a filter.
    pub fn parse(value: &Value, options: &Options) -> Result<Filter, FilterError> {
        let (root, conditions) = parse::parse_filter(value, options)?;
        Ok(Filter {
            root: Arc::new(root),
            conditions,
        })
    }

    pub fn clause(&self) -> &Clause {
        &self.root
    }

    /// How many leaf conditions the filter has, an `in` of n values counting n.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The filter in the language it was parsed from, geographic operands in degrees and metres.
    pub fn to_json(&self) -> Value {
        match &*self.root {
            Clause::Everything => Value::Object(Map::new()),
            root => write::clause_json(root),
        }
    }
}

impl Condition {
    /// The field it looks at; `None` for `Match`, which looks at the whole document.
    pub fn field(&self) -> Option<&FieldPath> {
        match self {
            Condition::Equals { field, .. }
            | Condition::In { field, .. }
            | Condition::Exists { field }
            | Condition::Holds { field, .. }
            | Condition::Range { field, .. }
            | Condition::Regexp { field, .. }
            | Condition::Geo { field, .. }
            | Condition::Select { field, .. } => Some(field),
            Condition::Match { .. } => None,
        }
    }

    /// The condition in the language it was parsed from.
    pub fn to_json(&self) -> Value {
        write::condition_json(self)
    }
}

impl Scalar {
    /// `None` for arrays and objects.
    pub fn from_json(value: &Value) -> Option<Scalar> {
        match value {
            Value::Null => Some(Scalar::Null),
            Value::Bool(truth) => Some(Scalar::Bool(*truth)),
            Value::Number(number) => Number::from_json(number).map(Scalar::Number),
            Value::String(text) => Some(Scalar::String(Arc::from(text.as_str()))),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Whether the JSON value is this scalar: same type, same value, numbers exactly.
    pub fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Scalar::Null, Value::Null) => true,
            (Scalar::Bool(wanted), Value::Bool(found)) => wanted == found,
            (Scalar::Number(wanted), Value::Number(found)) => {
                Number::from_json(found) == Some(*wanted)
            }
            (Scalar::String(wanted), Value::String(found)) => **wanted == **found,
            _ => false,
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Scalar::Null => Value::Null,
            Scalar::Bool(truth) => Value::Bool(*truth),
            Scalar::Number(number) => number.to_json(),
            Scalar::String(text) => Value::String(text.to_string()),
        }
    }
}

impl Bounds {
    pub fn contains(&self, number: Number) -> bool {
        let above = self.low.is_none_or(|low| {
            if low.inclusive {
                number >= low.at
            } else {
                number > low.at
            }
        });
        above
            && self.high.is_none_or(|high| {
                if high.inclusive {
                    number <= high.at
                } else {
                    number < high.at
                }
            })
    }
}

impl Shape {
    /// Whether the point lies in the shape, its border included.
    pub fn contains(&self, point: geo::Point) -> bool {
        match self {
            Shape::Box(area) => area.contains(point),
            Shape::Circle { centre, radius } => geo::geodesic_distance(*centre, point) <= *radius,
            Shape::Ring { centre, from, to } => {
                (*from..=*to).contains(&geo::geodesic_distance(*centre, point))
            }
            Shape::Polygon(polygon) => polygon.contains(point),
        }
    }
}

#[cfg(test)]
mod tests;
