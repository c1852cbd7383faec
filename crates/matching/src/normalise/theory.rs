//! What conditions on the same field say about each other: one implies another, two exclude each
//! other. Must never claim what some document could refute; may stay silent about what it does not
//! see.

use super::atoms::Atoms;
use crate::evaluate;
use crate::filter::{Bounds, Condition, Limit, Scalar};

/// What a value must be for a condition to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    Anything,
    Number,
    Text,
    Array,
    /// Points are spelled as text, arrays and objects.
    Point,
}

fn value_kind(condition: &Condition) -> ValueKind {
    match condition {
        Condition::Equals {
            value: Scalar::Number(_),
            ..
        }
        | Condition::Range { .. } => ValueKind::Number,
        Condition::Equals {
            value: Scalar::String(_),
            ..
        }
        | Condition::In { .. }
        | Condition::Regexp { .. } => ValueKind::Text,
        Condition::Holds { .. } | Condition::Select { .. } => ValueKind::Array,
        Condition::Geo { .. } => ValueKind::Point,
        Condition::Equals { .. } | Condition::Exists { .. } | Condition::Match { .. } => {
            ValueKind::Anything
        }
    }
}

fn are_apart(a: ValueKind, b: ValueKind) -> bool {
    match (a, b) {
        (ValueKind::Anything, _) | (_, ValueKind::Anything) => false,
        (ValueKind::Point, other) | (other, ValueKind::Point) => other == ValueKind::Number,
        _ => a != b,
    }
}

/// Whether a condition holds of the value that an `equals` demands.
fn holds_of(condition: &Condition, value: &Scalar) -> bool {
    evaluate::on_value(condition, &value.to_json())
}

/// Whether `b` is true of every value that `a` is true of. Both look at the same field.
fn condition_entails(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (_, Condition::Exists { .. }) => true,
        (Condition::Equals { value: a, .. }, Condition::Equals { value: b, .. }) => a == b,
        (Condition::Equals { value, .. }, _) => holds_of(b, value),
        (Condition::Range { bounds: a, .. }, Condition::Range { bounds: b, .. }) => {
            bounds_inside(a, b)
        }
        _ => false,
    }
}

/// Whether no value satisfies both. Both look at the same field.
fn conditions_exclude(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (Condition::Equals { value: a, .. }, Condition::Equals { value: b, .. }) => a != b,
        (Condition::Equals { value, .. }, other) | (other, Condition::Equals { value, .. }) => {
            !holds_of(other, value)
        }
        (Condition::Range { bounds: a, .. }, Condition::Range { bounds: b, .. }) => {
            bounds_disjoint(a, b) || bounds_disjoint(b, a)
        }
        _ => are_apart(value_kind(a), value_kind(b)),
    }
}

/// Whether every number in `a` is in `b`.
fn bounds_inside(a: &Bounds, b: &Bounds) -> bool {
    let low = match (a.low, b.low) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a.at > b.at || (a.at == b.at && (b.inclusive || !a.inclusive)),
    };
    let high = match (a.high, b.high) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a.at < b.at || (a.at == b.at && (b.inclusive || !a.inclusive)),
    };
    low && high
}

/// Whether `lower` ends before `upper` begins.
fn bounds_disjoint(lower: &Bounds, upper: &Bounds) -> bool {
    match (lower.high, upper.low) {
        (Some(high), Some(low)) => {
            high.at < low.at || (high.at == low.at && !(high.inclusive && low.inclusive))
        }
        _ => false,
    }
}

fn is_negated(literal: u32) -> bool {
    literal % 2 == 1
}

/// Whether the literal `a` cannot be true without `b` being so.
pub fn literal_implies(a: u32, b: u32, atoms: &Atoms) -> bool {
    if a == b {
        return true;
    }
    if !atoms.same_field(a, b) {
        return false;
    }
    let (first, second) = (atoms.condition(a), atoms.condition(b));
    match (is_negated(a), is_negated(b)) {
        (false, false) => condition_entails(first, second),
        (true, true) => condition_entails(second, first),
        (false, true) => conditions_exclude(first, second),
        (true, false) => false,
    }
}

/// Whether the two literals cannot be true together.
fn literals_contradict(a: u32, b: u32, atoms: &Atoms) -> bool {
    literal_implies(a, b ^ 1, atoms)
}

/// Sorts a conjunction and strips it of what follows from the rest; `None` when it contradicts
/// itself.
pub fn simplify_cube(mut cube: Vec<u32>, atoms: &mut Atoms) -> Option<Vec<u32>> {
    if cube.len() > 1 {
        bind_ranges(&mut cube, atoms);
    }
    reduce_cube(cube, atoms)
}

/// The same without writing any literal in another way.
pub fn reduce_cube(mut cube: Vec<u32>, atoms: &Atoms) -> Option<Vec<u32>> {
    cube.sort_unstable();
    cube.dedup();
    for (at, a) in cube.iter().enumerate() {
        if cube[at + 1..]
            .iter()
            .any(|b| literals_contradict(*a, *b, atoms) || literals_contradict(*b, *a, atoms))
        {
            return None;
        }
    }
    let mut at = 0;
    while at < cube.len() {
        let literal = cube[at];
        if cube
            .iter()
            .any(|other| *other != literal && literal_implies(*other, literal, atoms))
        {
            cube.remove(at);
        } else {
            at += 1;
        }
    }
    Some(cube)
}

/// Where the field is known to be a number, "not above 5" is "at most 5"; and "at least 5, at most
/// 5" is "equals 5".
fn bind_ranges(cube: &mut Vec<u32>, atoms: &mut Atoms) {
    let is_range =
        |literal: u32, atoms: &Atoms| matches!(**atoms.condition(literal), Condition::Range { .. });
    if !cube
        .iter()
        .any(|literal| !is_negated(*literal) && is_range(*literal, atoms))
    {
        return;
    }
    for at in 0..cube.len() {
        let literal = cube[at];
        let known = is_negated(literal)
            && cube.iter().any(|other| {
                !is_negated(*other) && is_range(*other, atoms) && atoms.same_field(*other, literal)
            });
        if let (true, Condition::Range { field, bounds }) = (known, &**atoms.condition(literal)) {
            let opposite = Condition::Range {
                field: field.clone(),
                bounds: bounds_beyond(bounds),
            };
            cube[at] = atoms.literal(opposite, false);
        }
    }
    for at in 0..cube.len() {
        for other in 0..at {
            if let Some(point) = single_point(cube[at], cube[other], atoms) {
                cube.push(atoms.literal(point, false));
            }
        }
    }
}

/// The numbers outside a range that has one end only.
fn bounds_beyond(bounds: &Bounds) -> Bounds {
    let flip = |limit: Limit| Limit {
        at: limit.at,
        inclusive: !limit.inclusive,
    };
    Bounds {
        low: bounds.high.map(flip),
        high: bounds.low.map(flip),
    }
}

/// The `equals` that "at least n" and "at most n" amount to.
fn single_point(a: u32, b: u32, atoms: &Atoms) -> Option<Condition> {
    if is_negated(a) || is_negated(b) || !atoms.same_field(a, b) {
        return None;
    }
    match (&**atoms.condition(a), &**atoms.condition(b)) {
        (Condition::Range { field, bounds: a }, Condition::Range { bounds: b, .. }) => {
            let (low, high) = (a.low.or(b.low)?, a.high.or(b.high)?);
            let single = low.at == high.at && low.inclusive && high.inclusive;
            single.then(|| Condition::Equals {
                field: field.clone(),
                value: Scalar::Number(low.at),
            })
        }
        _ => None,
    }
}
