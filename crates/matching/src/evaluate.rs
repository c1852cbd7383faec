//! Plain evaluation of one filter against one document: the reference that everything faster is
//! compared with. Must never be clever: each keyword is the sentence that defines it.

use serde_json::{Map, Value};

use crate::document::Document;
use crate::filter::{Bounds, Clause, Condition, Filter, Shape};
use crate::geo;
use crate::number::Number;

impl Filter {
    /// Whether the document satisfies the filter, by plain evaluation.
    pub fn matches(&self, document: &Document<'_>) -> bool {
        clause_holds(self.clause(), document)
    }
}

/// Whether the document satisfies the clause.
pub fn clause_holds(clause: &Clause, document: &Document<'_>) -> bool {
    let holds = |inner: &Clause| self::clause_holds(inner, document);
    match clause {
        Clause::Everything => true,
        Clause::Nothing => false,
        Clause::Condition(leaf) => condition_holds(leaf, document),
        Clause::Missing(leaf) => !condition_holds(leaf, document),
        Clause::And(all) => all.iter().all(holds),
        Clause::Or(any) => any.iter().any(holds),
        Clause::Not(inner) => !holds(inner),
        Clause::Bool {
            must,
            must_not,
            should,
            should_not,
        } => {
            must.iter().all(holds)
                && !must_not.iter().any(holds)
                && (should.is_empty() || should.iter().any(holds))
                && (should_not.is_empty() || !should_not.iter().all(holds))
        }
    }
}

/// Whether the document satisfies the condition. Always false when the field is absent.
pub fn condition_holds(condition: &Condition, document: &Document<'_>) -> bool {
    match condition {
        Condition::Match { object } => holds_all(document, object),
        _ => condition
            .field()
            .and_then(|field| document.get(field))
            .is_some_and(|found| on_value(condition, found)),
    }
}

/// Whether a field that holds this value satisfies the condition; never true of `Match`, which
/// looks at no field.
pub fn on_value(condition: &Condition, found: &Value) -> bool {
    match condition {
        Condition::Equals { value, .. } => value.equals(found),
        Condition::In { values, .. } => found
            .as_str()
            .is_some_and(|found| values.iter().any(|value| **value == *found)),
        Condition::Exists { .. } => true,
        Condition::Holds { value, .. } => found
            .as_array()
            .is_some_and(|array| array.iter().any(|element| value.equals(element))),
        Condition::Range { bounds, .. } => is_within_bounds(bounds, found),
        Condition::Regexp { pattern, .. } => {
            found.as_str().is_some_and(|text| pattern.is_match(text))
        }
        Condition::Geo { shape, .. } => is_inside_shape(shape, found),
        Condition::Select { index, query, .. } => {
            let element = found.as_array().and_then(|array| element_at(array, *index));
            element.is_some_and(|element| clause_holds(query, &Document::of_element(element)))
        }
        Condition::Match { .. } => false,
    }
}

fn is_within_bounds(bounds: &Bounds, found: &Value) -> bool {
    match found {
        Value::Number(number) => {
            Number::from_json(number).is_some_and(|number| bounds.contains(number))
        }
        _ => false,
    }
}

fn is_inside_shape(shape: &Shape, found: &Value) -> bool {
    geo::parse_point(found).is_some_and(|point| shape.contains(point))
}

/// The element at an index that counts from the end when it is negative.
pub fn element_at(array: &[Value], index: i64) -> Option<&Value> {
    let position = match usize::try_from(index) {
        Ok(from_start) => from_start,
        Err(_) => array
            .len()
            .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    array.get(position)
}

/// Whether `found` contains `wanted`: objects path by path, arrays as multisets, scalars by type and
/// value.
fn contains_value(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(_), Value::Object(wanted)) => holds_all(&Document::new(found), wanted),
        (Value::Array(found), Value::Array(wanted)) => contains_array(found, wanted),
        (Value::Number(found), Value::Number(wanted)) => {
            Number::from_json(found) == Number::from_json(wanted)
        }
        (Value::String(found), Value::String(wanted)) => found == wanted,
        (Value::Bool(found), Value::Bool(wanted)) => found == wanted,
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

/// Whether the document contains, for everything in the object that is no object with keys of its
/// own, the same at the same path.
fn holds_all(document: &Document<'_>, wanted: &Map<String, Value>) -> bool {
    fn below(document: &Document<'_>, path: &mut String, wanted: &Map<String, Value>) -> bool {
        let start = path.len();
        wanted.iter().all(|(key, wanted)| {
            path.push_str(key);
            let holds = match wanted {
                Value::Object(inner) if !inner.is_empty() => {
                    path.push('.');
                    below(document, path, inner)
                }
                wanted => document
                    .at(path)
                    .is_some_and(|found| contains_value(found, wanted)),
            };
            path.truncate(start);
            holds
        })
    }
    below(document, &mut String::new(), wanted)
}

/// Whether every wanted element can be given an element of its own that contains it. Wanted
/// elements look for one in turn; when all that fit are taken, those who took them look for another
/// (augmenting paths), so the order never matters.
fn contains_array(found: &[Value], wanted: &[Value]) -> bool {
    if wanted.len() > found.len() {
        return false;
    }
    let fits: Vec<Vec<usize>> = wanted
        .iter()
        .map(|wanted| {
            found
                .iter()
                .enumerate()
                .filter(|(_, found)| contains_value(found, wanted))
                .map(|(at, _)| at)
                .collect()
        })
        .collect();
    let mut taken_by: Vec<Option<usize>> = vec![None; found.len()];
    (0..wanted.len()).all(|seeker| place_element(seeker, &fits, &mut taken_by))
}

/// Finds an element for one wanted element, moving others where needed: a breadth-first search over
/// who would have to move.
fn place_element(seeker: usize, fits: &[Vec<usize>], taken_by: &mut [Option<usize>]) -> bool {
    let mut reached_from: Vec<Option<usize>> = vec![None; taken_by.len()];
    let mut queue = std::collections::VecDeque::from([seeker]);
    while let Some(wanted) = queue.pop_front() {
        for &at in &fits[wanted] {
            if reached_from[at].is_some() {
                continue;
            }
            reached_from[at] = Some(wanted);
            match taken_by[at] {
                Some(holder) => queue.push_back(holder),
                None => {
                    reassign_elements(at, seeker, &reached_from, taken_by);
                    return true;
                }
            }
        }
    }
    false
}

/// Walks back from a free element to the seeker, giving each element to the one that reached it.
fn reassign_elements(
    free: usize,
    seeker: usize,
    reached_from: &[Option<usize>],
    taken_by: &mut [Option<usize>],
) {
    let mut at = free;
    while let Some(wanted) = reached_from[at] {
        let left = taken_by.iter().position(|holder| *holder == Some(wanted));
        taken_by[at] = Some(wanted);
        match left {
            Some(previous) if wanted != seeker => at = previous,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
