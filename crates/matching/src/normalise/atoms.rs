//! The distinct conditions of a filter, numbered, and the filter as a formula over those numbers.
//! Must never give two numbers to conditions that say the same.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::{Literal, key, normalise_clause};
use crate::field::FieldPath;
use crate::filter::{Bounds, Clause, Condition, Scalar, Shape};

/// A `match` with more leaves than this stays one condition.
const MAX_MATCH_LEAVES: usize = 64;

/// Up to so many conditions are compared one by one; only more are worth a map.
const FEW: usize = 12;

/// A formula with negations only at its leaves. A literal is the number of its condition times two,
/// plus one if negated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Formula {
    Literal(u32),
    /// Empty: true.
    All(Vec<Formula>),
    /// Empty: false.
    Any(Vec<Formula>),
}

impl Formula {
    pub fn as_literal(&self) -> Option<u32> {
        match self {
            Formula::Literal(literal) => Some(*literal),
            Formula::All(_) | Formula::Any(_) => None,
        }
    }
}

/// The conditions seen so far. Ranges are cut into their two ends, so that any two ranges can be
/// compared end by end.
#[derive(Default)]
pub struct Atoms {
    conditions: Vec<Arc<Condition>>,
    texts: Vec<Arc<str>>,
    fields: Vec<Option<u32>>,
    by_text: HashMap<Arc<str>, u32>,
    by_field: HashMap<FieldPath, u32>,
}

impl Atoms {
    pub fn condition(&self, literal: u32) -> &Arc<Condition> {
        &self.conditions[(literal / 2) as usize]
    }

    /// Whether both literals look at the same field.
    pub fn same_field(&self, a: u32, b: u32) -> bool {
        let field = self.fields[(a / 2) as usize];
        field.is_some() && field == self.fields[(b / 2) as usize]
    }

    /// The literal of a condition that needs no cutting.
    pub fn literal(&mut self, condition: Condition, negated: bool) -> u32 {
        self.shared(Arc::new(condition), negated)
    }

    /// The same without a copy of the condition.
    fn shared(&mut self, condition: Arc<Condition>, negated: bool) -> u32 {
        let text = key::condition_key(&condition);
        let number = self.number(&text).unwrap_or_else(|| {
            let number = self.conditions.len() as u32;
            let text: Arc<str> = text.into();
            let field = condition.field().map(|field| self.field(field));
            self.fields.push(field);
            self.conditions.push(condition);
            self.texts.push(Arc::clone(&text));
            if self.conditions.len() > FEW {
                let unlisted = self.by_text.len()..self.texts.len();
                self.by_text
                    .extend(unlisted.map(|at| (Arc::clone(&self.texts[at]), at as u32)));
            }
            number
        });
        number * 2 + u32::from(negated)
    }

    fn number(&self, text: &str) -> Option<u32> {
        if self.by_text.is_empty() {
            return self
                .texts
                .iter()
                .position(|known| **known == *text)
                .map(|at| at as u32);
        }
        self.by_text.get(text).copied()
    }

    fn field(&mut self, field: &FieldPath) -> u32 {
        let next = self.by_field.len() as u32;
        *self.by_field.entry(field.clone()).or_insert(next)
    }

    /// The literals of a conjunction as they are given out: the two ends of a range joined again,
    /// sorted by their text.
    pub fn literals(&self, cube: &[u32]) -> Vec<Literal> {
        self.literals_and_text(cube).0
    }

    /// The same, and the text of the conjunction of them.
    pub fn literals_and_text(&self, cube: &[u32]) -> (Vec<Literal>, String) {
        let mut found: Vec<(Cow<'_, str>, Literal)> = Vec::with_capacity(cube.len());
        for &literal in cube {
            let condition = self.condition(literal);
            let other = cube
                .iter()
                .find(|other| **other != literal && self.other_end(literal, **other));
            match (&**condition, other.map(|other| &**self.condition(*other))) {
                (
                    Condition::Range { field, bounds },
                    Some(Condition::Range { bounds: other, .. }),
                ) => {
                    if bounds.low.is_some() {
                        let bounds = Bounds {
                            low: bounds.low,
                            high: other.high,
                        };
                        let joined = Condition::Range {
                            field: field.clone(),
                            bounds,
                        };
                        found.push((
                            key::condition_key(&joined).into(),
                            Literal {
                                condition: Arc::new(joined),
                                negated: false,
                            },
                        ));
                    }
                }
                _ => {
                    let text = &*self.texts[(literal / 2) as usize];
                    let negated = literal % 2 == 1;
                    let text = if negated {
                        format!("{{\"not\":{text}}}").into()
                    } else {
                        text.into()
                    };
                    found.push((
                        text,
                        Literal {
                            condition: Arc::clone(condition),
                            negated,
                        },
                    ));
                }
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut text =
            String::with_capacity(2 + found.iter().map(|(text, _)| text.len() + 1).sum::<usize>());
        text.push('[');
        for (at, (part, _)) in found.iter().enumerate() {
            text.push_str(if at > 0 { "," } else { "" });
            text.push_str(part);
        }
        text.push(']');
        (
            found.into_iter().map(|(_, literal)| literal).collect(),
            text,
        )
    }

    /// Whether the two are the lower and the upper end of one range, both asserted.
    fn other_end(&self, a: u32, b: u32) -> bool {
        let ends = |literal: u32| match &**self.condition(literal) {
            Condition::Range { bounds, .. } if literal.is_multiple_of(2) => {
                Some(bounds.low.is_some())
            }
            _ => None,
        };
        self.same_field(a, b) && matches!((ends(a), ends(b)), (Some(a), Some(b)) if a != b)
    }

    /// The clause, or its opposite, as a formula.
    pub fn formula(&mut self, clause: &Clause, negated: bool) -> Formula {
        match clause {
            Clause::Everything => constant_formula(!negated),
            Clause::Nothing => constant_formula(negated),
            Clause::Condition(condition) => self.leaf(condition, negated),
            Clause::Missing(condition) => self.leaf(condition, !negated),
            Clause::And(parts) => self.parts(parts, true, negated),
            Clause::Or(parts) => self.parts(parts, false, negated),
            Clause::Not(inner) => self.formula(inner, !negated),
            Clause::Bool {
                must,
                must_not,
                should,
                should_not,
            } => {
                let mut parts: Vec<Formula> = must
                    .iter()
                    .map(|part| self.formula(part, negated))
                    .collect();
                parts.extend(must_not.iter().map(|part| self.formula(part, !negated)));
                if !should.is_empty() {
                    parts.push(self.parts(should, false, negated));
                }
                if !should_not.is_empty() {
                    parts.push(self.parts(should_not, true, !negated));
                }
                connect_formulas(parts, !negated)
            }
        }
    }

    fn parts(&mut self, parts: &[Clause], all: bool, negated: bool) -> Formula {
        let parts = parts
            .iter()
            .map(|part| self.formula(part, negated))
            .collect();
        connect_formulas(parts, all != negated)
    }

    fn leaf(&mut self, condition: &Arc<Condition>, negated: bool) -> Formula {
        match &**condition {
            Condition::Equals { .. }
            | Condition::Exists { .. }
            | Condition::Holds { .. }
            | Condition::Regexp { .. } => {
                Formula::Literal(self.shared(Arc::clone(condition), negated))
            }
            Condition::In { field, values } => {
                let equal = |value: &Arc<str>| Condition::Equals {
                    field: field.clone(),
                    value: Scalar::String(Arc::clone(value)),
                };
                let parts = values
                    .iter()
                    .map(|value| Formula::Literal(self.literal(equal(value), negated)))
                    .collect();
                connect_formulas(parts, negated)
            }
            Condition::Range { field, bounds } => {
                let low = bounds.low.map(|low| Bounds {
                    low: Some(low),
                    high: None,
                });
                let high = bounds.high.map(|high| Bounds {
                    low: None,
                    high: Some(high),
                });
                let end = |bounds: Bounds| Condition::Range {
                    field: field.clone(),
                    bounds,
                };
                let parts = low
                    .into_iter()
                    .chain(high)
                    .map(|bounds| Formula::Literal(self.literal(end(bounds), negated)))
                    .collect();
                connect_formulas(parts, !negated)
            }
            Condition::Geo { field, shape } => {
                let shape = match shape {
                    Shape::Ring { centre, from, to } if *from <= 0.0 => Shape::Circle {
                        centre: *centre,
                        radius: *to,
                    },
                    other => other.clone(),
                };
                Formula::Literal(self.literal(
                    Condition::Geo {
                        field: field.clone(),
                        shape,
                    },
                    negated,
                ))
            }
            Condition::Match { object } => self.containment(object, negated),
            Condition::Select {
                field,
                index,
                query,
            } => {
                let query = normalise_clause(query);
                if query.is_nothing() {
                    return constant_formula(negated);
                }
                let query = Arc::new(query.to_clause());
                Formula::Literal(self.literal(
                    Condition::Select {
                        field: field.clone(),
                        index: *index,
                        query,
                    },
                    negated,
                ))
            }
        }
    }

    /// A `match` of several leaves is all of them; one scalar is an `equals`.
    fn containment(&mut self, object: &Map<String, Value>, negated: bool) -> Formula {
        let mut leaves = Vec::new();
        if !leaves_of(object, &mut Vec::new(), &mut leaves) {
            let Value::Object(object) = key::sorted_value(&Value::Object(object.clone())) else {
                return constant_formula(negated);
            };
            return Formula::Literal(self.literal(
                Condition::Match {
                    object: Arc::new(object),
                },
                negated,
            ));
        }
        let parts = leaves
            .into_iter()
            .map(|(path, wanted)| Formula::Literal(self.contained(&path, wanted, negated)))
            .collect();
        connect_formulas(parts, !negated)
    }

    fn contained(&mut self, path: &[&str], wanted: &Value, negated: bool) -> u32 {
        let path = path.join(".");
        let condition = match Scalar::from_json(wanted) {
            Some(value) => Condition::Equals {
                field: FieldPath::new(&path),
                value,
            },
            None => {
                let nest = |inner: Value, key: &str| {
                    Value::Object(Map::from_iter([(key.to_owned(), inner)]))
                };
                let object = match path.rsplit('.').fold(key::sorted_value(wanted), nest) {
                    Value::Object(object) => object,
                    _ => Map::new(),
                };
                Condition::Match {
                    object: Arc::new(object),
                }
            }
        };
        self.literal(condition, negated)
    }
}

type AtomLeaf<'v> = (Vec<&'v str>, &'v Value);

/// Everything in the object that is no object with keys of its own, with the keys that lead there.
/// False when there is too much of it.
fn leaves_of<'v>(
    object: &'v Map<String, Value>,
    path: &mut Vec<&'v str>,
    leaves: &mut Vec<AtomLeaf<'v>>,
) -> bool {
    for (key, wanted) in object {
        path.push(key);
        let fits = match wanted {
            Value::Object(inner) if !inner.is_empty() => leaves_of(inner, path, leaves),
            _ => {
                leaves.push((path.clone(), wanted));
                leaves.len() <= MAX_MATCH_LEAVES
            }
        };
        if !fits {
            return false;
        }
        path.pop();
    }
    true
}

/// The formula that always, or never, holds.
pub fn constant_formula(value: bool) -> Formula {
    if value {
        Formula::All(Vec::new())
    } else {
        Formula::Any(Vec::new())
    }
}

/// `and` or `or` of the parts, without nesting the same connective in itself.
pub fn connect_formulas(parts: Vec<Formula>, all: bool) -> Formula {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Formula::All(inner) if all => flat.extend(inner),
            Formula::Any(inner) if !all => flat.extend(inner),
            // A false part of an `and`, a true part of an `or`.
            Formula::All(inner) | Formula::Any(inner) if inner.is_empty() => {
                return constant_formula(!all);
            }
            other => flat.push(other),
        }
    }
    if flat.len() == 1 {
        return flat.remove(0);
    }
    if all {
        Formula::All(flat)
    } else {
        Formula::Any(flat)
    }
}
