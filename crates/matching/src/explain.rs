//! Why a filter matched a document or did not: the tree of its clauses with what each one saw. Must
//! never decide anything itself; every verdict is that of `evaluate`.

use serde::Serialize;
use serde_json::Value;

use crate::document::Document;
use crate::evaluate;
use crate::filter::{Clause, Condition, Filter, Shape};
use crate::geo;

/// A value whose text is longer than this is described instead of shown.
const LONGEST_SHOWN: usize = 400;

/// One clause and its verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The keyword, or the part of a `bool`.
    pub clause: String,
    pub matches: bool,
    /// One sentence: what was wanted, what was seen.
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the document holds in that field; absent when the field is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

/// Evaluates the filter and keeps what each clause saw.
pub fn explain_filter(filter: &Filter, document: &Document<'_>) -> Explanation {
    explain_clause(filter.clause(), document)
}

fn explain_clause(clause: &Clause, document: &Document<'_>) -> Explanation {
    match clause {
        Clause::Everything => {
            plain_explanation("everything", true, "an empty filter matches every document")
        }
        Clause::Nothing => plain_explanation("nothing", false, "`nothing` matches no document"),
        Clause::Condition(leaf) => {
            explain_condition(condition_keyword(leaf), leaf, false, document)
        }
        Clause::Missing(leaf) => explain_condition("missing", leaf, true, document),
        Clause::And(parts) => explain_group("and", parts, ExplainedGroup::All, document),
        Clause::Or(parts) => explain_group("or", parts, ExplainedGroup::Any, document),
        Clause::Not(inner) => {
            let inner = self::explain_clause(inner, document);
            let reason = if inner.matches {
                "what it negates matches"
            } else {
                "what it negates does not match"
            };
            Explanation {
                parts: vec![inner.clone()],
                ..plain_explanation("not", !inner.matches, reason)
            }
        }
        Clause::Bool {
            must,
            must_not,
            should,
            should_not,
        } => {
            let groups = [
                ("must", must, ExplainedGroup::All),
                ("must_not", must_not, ExplainedGroup::None),
                ("should", should, ExplainedGroup::Any),
                ("should_not", should_not, ExplainedGroup::NotAll),
            ];
            let given = groups.into_iter().filter(|(_, parts, _)| !parts.is_empty());
            let parts: Vec<Explanation> = given
                .map(|(name, parts, kind)| explain_group(name, parts, kind, document))
                .collect();
            let failed: Vec<&str> = parts
                .iter()
                .filter(|part| !part.matches)
                .map(|part| part.clause.as_str())
                .collect();
            let reason = if failed.is_empty() {
                "every part holds".to_owned()
            } else {
                format!("failed: {}", failed.join(", "))
            };
            Explanation {
                matches: failed.is_empty(),
                reason,
                parts,
                ..plain_explanation("bool", true, "")
            }
        }
    }
}

/// How the verdicts of several clauses become one.
#[derive(Clone, Copy)]
enum ExplainedGroup {
    All,
    Any,
    None,
    NotAll,
}

fn explain_group(
    name: &str,
    parts: &[Clause],
    kind: ExplainedGroup,
    document: &Document<'_>,
) -> Explanation {
    let parts: Vec<Explanation> = parts
        .iter()
        .map(|part| explain_clause(part, document))
        .collect();
    let (total, holding) = (
        parts.len(),
        parts.iter().filter(|part| part.matches).count(),
    );
    let (matches, wanted) = match kind {
        ExplainedGroup::All => (holding == total, "all must"),
        ExplainedGroup::Any => (holding > 0, "at least one must"),
        ExplainedGroup::None => (holding == 0, "none may"),
        ExplainedGroup::NotAll => (holding < total, "not all may"),
    };
    Explanation {
        parts,
        ..plain_explanation(
            name,
            matches,
            &format!("{holding} of {total} match, {wanted}"),
        )
    }
}

fn plain_explanation(clause: &str, matches: bool, reason: &str) -> Explanation {
    Explanation {
        clause: clause.to_owned(),
        matches,
        reason: reason.to_owned(),
        field: None,
        found: None,
        parts: Vec::new(),
    }
}

fn condition_keyword(condition: &Condition) -> &'static str {
    match condition {
        Condition::Equals { .. } => "equals",
        Condition::In { field, .. } if field.as_str() == "_id" => "ids",
        Condition::In { .. } => "in",
        Condition::Exists { .. } | Condition::Holds { .. } => "exists",
        Condition::Range { .. } => "range",
        Condition::Regexp { .. } => "regexp",
        Condition::Geo {
            shape: Shape::Box(_),
            ..
        } => "geoBoundingBox",
        Condition::Geo {
            shape: Shape::Circle { .. },
            ..
        } => "geoDistance",
        Condition::Geo {
            shape: Shape::Ring { .. },
            ..
        } => "geoDistanceRange",
        Condition::Geo {
            shape: Shape::Polygon(_),
            ..
        } => "geoPolygon",
        Condition::Match { .. } => "match",
        Condition::Select { .. } => "select",
    }
}

fn explain_condition(
    name: &str,
    leaf: &Condition,
    negated: bool,
    document: &Document<'_>,
) -> Explanation {
    let holds = evaluate::condition_holds(leaf, document);
    let found = leaf.field().and_then(|field| document.get(field));
    let reason = match (leaf.field(), found) {
        (None, _) => if holds {
            "the document contains the object"
        } else {
            "the document does not contain the object"
        }
        .to_owned(),
        (Some(field), None) => format!("the document has no field `{field}`"),
        (Some(_), Some(found)) => seen_value_text(leaf, found, holds),
    };
    let mut explanation = plain_explanation(name, holds != negated, &reason);
    explanation.field = leaf.field().map(ToString::to_string);
    explanation.found = found.map(shown_value);
    if let (Condition::Select { index, query, .. }, Some(Value::Array(array))) = (leaf, found)
        && let Some(element) = evaluate::element_at(array, *index)
    {
        explanation
            .parts
            .push(explain_clause(query, &Document::of_element(element)));
    }
    explanation
}

/// What a condition says of the value its field holds.
fn seen_value_text(leaf: &Condition, found: &Value, holds: bool) -> String {
    let is = if holds { "is" } else { "is not" };
    match leaf {
        Condition::Equals { value, .. } => format!("the value {is} {}", value.to_json()),
        Condition::In { values, .. } => format!("the value {is} one of {} strings", values.len()),
        Condition::Exists { .. } => "the field is there".to_owned(),
        Condition::Holds { value, .. } if found.is_array() => {
            format!(
                "the array {} {}",
                if holds { "holds" } else { "does not hold" },
                value.to_json()
            )
        }
        Condition::Holds { .. } => "the value is no array".to_owned(),
        Condition::Range { .. } if !found.is_number() => "the value is no number".to_owned(),
        Condition::Range { .. } => format!("the number {is} in {}", operand_text(leaf)),
        Condition::Regexp { .. } if !found.is_string() => "the value is no string".to_owned(),
        Condition::Regexp { pattern, .. } => format!(
            "{pattern:?} {} found in the text",
            if holds { "is" } else { "is not" }
        ),
        Condition::Geo { shape, .. } => place_text(shape, found, holds),
        Condition::Match { .. } => "compared as a whole".to_owned(),
        Condition::Select { index, .. } => match found.as_array() {
            None => "the value is no array".to_owned(),
            Some(array) if evaluate::element_at(array, *index).is_none() => {
                format!("the array has {} elements, none at {index}", array.len())
            }
            Some(_) => format!(
                "the element at {index} {} the query",
                if holds {
                    "satisfies"
                } else {
                    "does not satisfy"
                }
            ),
        },
    }
}

fn place_text(shape: &Shape, found: &Value, holds: bool) -> String {
    let Some(point) = geo::parse_point(found) else {
        return "the value is no point".to_owned();
    };
    match shape {
        Shape::Box(_) | Shape::Polygon(_) => {
            format!(
                "{}, {} lies {} the area",
                point.lat,
                point.lon,
                if holds { "in" } else { "outside" }
            )
        }
        Shape::Circle { centre, radius } => format!(
            "{:.3} m away, at most {radius} m wanted",
            geo::geodesic_distance(*centre, point)
        ),
        Shape::Ring { centre, from, to } => format!(
            "{:.3} m away, {from} m to {to} m wanted",
            geo::geodesic_distance(*centre, point)
        ),
    }
}

/// The part of a condition's JSON that follows its keyword and field.
fn operand_text(leaf: &Condition) -> String {
    let json = leaf.to_json();
    let inner = json
        .as_object()
        .and_then(|object| object.values().next())
        .and_then(Value::as_object);
    inner
        .and_then(|object| object.values().next())
        .unwrap_or(&json)
        .to_string()
}

fn shown_value(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST_SHOWN => {
            let start: String = text.chars().take(LONGEST_SHOWN / 4).collect();
            format!("{start}… ({} bytes)", text.len()).into()
        }
        Value::Array(items)
            if items.len() > LONGEST_SHOWN || value.to_string().len() > LONGEST_SHOWN =>
        {
            format!("an array of {} elements", items.len()).into()
        }
        Value::Object(object)
            if object.len() > LONGEST_SHOWN || value.to_string().len() > LONGEST_SHOWN =>
        {
            format!("an object of {} keys", object.len()).into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
