//! Queries: the clauses that are known, read from JSON and asked of a document. Every other clause
//! is named and refused.

use super::{
    accept::keyword,
    bad, clause,
    document::Document,
    field::{Source, Type, resolve},
    leaf::{self, Leaf},
    place, unsupported,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use store::{
    StoreError,
    cell::pointer,
    mapping::{
        Mapping, coerce,
        point::{Point, point, points},
    },
};

#[derive(Debug)]
pub enum Query {
    All,
    Ids(HashSet<String>),
    Leaf(Leaf),
    Exists(Vec<Source>),
    Distance {
        path: String,
        centre: Point,
        metres: f64,
    },
    Box {
        path: String,
        area: place::Box,
    },
    Bool {
        must: Vec<Query>,
        must_not: Vec<Query>,
        should: Vec<Query>,
        need: usize,
    },
}

/// Reads `{"clause": …}`.
pub fn read(mapping: &Mapping, value: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::object(value, "query", at)?;
    let mut members = members.iter();
    let (name, body) = match (members.next(), members.next()) {
        (Some(one), None) => one,
        (None, _) => return Err(bad("a query names a clause", at)),
        (Some(_), Some((second, _))) => {
            return Err(bad(
                format!("a query is one clause, and here is `{second}` too"),
                &pointer(at, second),
            ));
        }
    };
    let at = pointer(at, name);
    match name.as_str() {
        "match_all" => match_all(body, &at),
        "ids" => ids(body, &at),
        "exists" => exists(mapping, body, &at),
        "term" => leaf::term(mapping, body, &at).map(Query::Leaf),
        "terms" => leaf::terms(mapping, body, &at).map(Query::Leaf),
        "range" => leaf::range(mapping, body, &at).map(Query::Leaf),
        "prefix" => leaf::prefix(mapping, body, &at).map(Query::Leaf),
        "match" => leaf::matching(mapping, body, &at).map(Query::Leaf),
        "bool" => boolean(mapping, body, &at),
        "geo_distance" => distance(mapping, body, &at),
        "geo_bounding_box" => bounding_box(mapping, body, &at),
        other => Err(unsupported(other, &at)),
    }
}

fn match_all(body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::object(body, "match_all", at)?;
    match members.keys().find(|name| *name != "boost") {
        Some(name) => Err(unsupported(format!("match_all.{name}"), &pointer(at, name))),
        None => Ok(Query::All),
    }
}

fn ids(body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::object(body, "ids", at)?;
    if let Some(name) = members
        .keys()
        .find(|name| !["values", "boost"].contains(&name.as_str()))
    {
        return Err(unsupported(format!("ids.{name}"), &pointer(at, name)));
    }
    let here = pointer(at, "values");
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(bad("an id is a text", &here)),
    };
    match members.get("values") {
        Some(Value::Array(values)) => values
            .iter()
            .map(one)
            .collect::<Result<_, _>>()
            .map(Query::Ids),
        Some(single @ Value::String(_)) => one(single).map(|id| Query::Ids(HashSet::from([id]))),
        _ => Err(bad("`ids` expects an array of ids", &here)),
    }
}

fn exists(mapping: &Mapping, body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::object(body, "exists", at)?;
    if let Some(name) = members
        .keys()
        .find(|name| !["field", "boost"].contains(&name.as_str()))
    {
        return Err(unsupported(format!("exists.{name}"), &pointer(at, name)));
    }
    let field = members
        .get("field")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("`exists` expects a field", at))?;
    resolve(mapping, field, "exists", at).map(Query::Exists)
}

fn boolean(mapping: &Mapping, body: &Value, at: &str) -> Result<Query, StoreError> {
    let (mut must, mut must_not, mut should, mut least) =
        (Vec::new(), Vec::new(), Vec::new(), None);
    for (name, value) in clause::object(body, "bool", at)? {
        let here = pointer(at, name);
        match name.as_str() {
            "must" | "filter" => clauses(mapping, value, &here, &mut must)?,
            "must_not" => clauses(mapping, value, &here, &mut must_not)?,
            "should" => clauses(mapping, value, &here, &mut should)?,
            "minimum_should_match" => least = Some((value, here)),
            "boost" => {}
            "_name" | "adjust_pure_negative" => {
                return Err(unsupported(format!("bool.{name}"), &here));
            }
            _ => return Err(bad(format!("`bool` has no `{name}`"), &here)),
        }
    }
    let mut need = least.map_or(Ok(0), |(least, at)| {
        clause::minimum(least, should.len(), &at)
    })?;
    if should.is_empty() {
        need = 0;
    } else if must.is_empty() {
        // Alternatives with nothing beside them: one of them at least.
        need = need.max(1);
    }
    Ok(Query::Bool {
        must,
        must_not,
        should,
        need,
    })
}

fn clauses(
    mapping: &Mapping,
    value: &Value,
    at: &str,
    into: &mut Vec<Query>,
) -> Result<(), StoreError> {
    match value {
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                into.push(read(mapping, item, &pointer(at, &n.to_string()))?);
            }
        }
        one => into.push(read(mapping, one, at)?),
    }
    Ok(())
}

/// The parameters that geo clauses share, in the only values that mean what is done here.
fn geo_parameter(clause: &str, name: &str, value: &Value, at: &str) -> Result<(), StoreError> {
    let plain = match name {
        "distance_type" => value == "arc",
        "validation_method" => value
            .as_str()
            .is_some_and(|method| method.eq_ignore_ascii_case("strict")),
        "ignore_unmapped" => value == &Value::Bool(false),
        _ => true,
    };
    if plain {
        Ok(())
    } else {
        Err(unsupported(format!("{clause}.{name}"), &pointer(at, name)))
    }
}

const GEO_PARAMETERS: [&str; 4] = [
    "distance",
    "distance_type",
    "validation_method",
    "ignore_unmapped",
];

/// The path of the one point field.
pub fn point_field(
    mapping: &Mapping,
    field: &str,
    clause: &str,
    at: &str,
) -> Result<String, StoreError> {
    match resolve(mapping, field, clause, at)?.as_slice() {
        [
            Source {
                path,
                kind: Type::GeoPoint,
            },
        ] => Ok(path.clone()),
        _ => Err(bad(
            format!("the field `{field}` is not mapped as geo_point"),
            at,
        )),
    }
}

fn distance(mapping: &Mapping, body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::object(body, "geo_distance", at)?;
    for (name, value) in members {
        geo_parameter("geo_distance", name, value, at)?;
    }
    let (field, value, here) = clause::one_field(body, "geo_distance", &GEO_PARAMETERS, at)?;
    let metres = members
        .get("distance")
        .ok_or_else(|| bad("`geo_distance` lacks `distance`", at))?;
    let metres = place::distance(metres, &pointer(at, "distance"))?;
    let centre = point(value).map_err(|message| bad(message, &here))?;
    Ok(Query::Distance {
        path: point_field(mapping, field, "geo_distance", &here)?,
        centre,
        metres,
    })
}

fn bounding_box(mapping: &Mapping, body: &Value, at: &str) -> Result<Query, StoreError> {
    for (name, value) in clause::object(body, "geo_bounding_box", at)? {
        geo_parameter("geo_bounding_box", name, value, at)?;
    }
    let (field, value, here) =
        clause::one_field(body, "geo_bounding_box", &GEO_PARAMETERS[2..], at)?;
    if value.get("wkt").is_some() {
        return Err(unsupported("geo_bounding_box.wkt", &here));
    }
    let area = place::Box::read(value, &here)?;
    Ok(Query::Box {
        path: point_field(mapping, field, "geo_bounding_box", &here)?,
        area,
    })
}

impl Query {
    pub fn matches(&self, id: &str, document: &Document) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(id),
            Self::Leaf(leaf) => leaf.matches(id, document),
            Self::Exists(sources) => sources.iter().any(|source| is_there(source, document)),
            Self::Distance {
                path,
                centre,
                metres,
            } => any_point(document, path, |point| {
                place::arc(*centre, place::indexed(point)) <= *metres
            }),
            Self::Box { path, area } => any_point(document, path, |point| area.contains(point)),
            Self::Bool {
                must,
                must_not,
                should,
                need,
            } => {
                let matches = |query: &Query| query.matches(id, document);
                let met = || {
                    should
                        .iter()
                        .filter(|query| query.matches(id, document))
                        .take(*need)
                        .count()
                };
                must.iter().all(matches)
                    && !must_not.iter().any(matches)
                    && (*need == 0 || met() >= *need)
            }
        }
    }

    /// The members of a document that the query looks at.
    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        match self {
            Self::All | Self::Ids(_) => {}
            Self::Leaf(leaf) => leaf.name_members(wanted),
            Self::Exists(sources) => leaf::name_members(sources.iter(), wanted),
            Self::Distance { path, .. } | Self::Box { path, .. } => {
                wanted.insert(super::document::first(path).to_owned());
            }
            Self::Bool {
                must,
                must_not,
                should,
                ..
            } => {
                must.iter()
                    .chain(must_not)
                    .chain(should)
                    .for_each(|query| query.name_members(wanted));
            }
        }
    }
}

pub fn any_point(document: &Document, path: &str, mut test: impl FnMut(Point) -> bool) -> bool {
    let mut found = false;
    document.at(path, &mut |value| {
        found = found || points(value).is_ok_and(|points| points.into_iter().any(&mut test))
    });
    found
}

/// Is any value of the field indexed?
fn is_there(source: &Source, document: &Document) -> bool {
    let kind = &source.kind;
    match kind {
        Type::Id => return true,
        Type::Object | Type::Guessed { .. } => return document.has(&source.path),
        Type::GeoPoint => return any_point(document, &source.path, |_| true),
        _ => {}
    }
    let mut found = false;
    document.each(&source.path, &mut |value| {
        found |= match kind {
            Type::Keyword { .. } | Type::GuessedKeyword => keyword(kind, value).is_some(),
            Type::Text => coerce::text(value).is_some(),
            Type::Whole | Type::Double | Type::Float => coerce::number(value)
                .is_some_and(|number| super::accept::held(kind, number).is_some()),
            Type::Boolean => coerce::boolean(value).is_some(),
            Type::Date(formats) => super::accept::millis(formats, value, false).is_some(),
            Type::Id | Type::GeoPoint | Type::Object | Type::Guessed { .. } => false,
        }
    });
    found
}
