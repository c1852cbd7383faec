//! Queries: the clauses that are known, read from JSON and asked of a document. Every other clause
//! is named and refused.

mod score;

use super::{
    Context, bad, clause,
    document::Document,
    exists::Exists,
    field::{Source, Type, resolve_in},
    leaf::{self, Leaf},
    nested::{self, NestedQuery},
    place, query_string, shape, unsupported, words,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use store::{
    StoreError,
    cell::join_pointer,
    mapping::point::{Leniency, Point, read_point},
};

#[derive(Debug)]
pub enum Query {
    All,
    Ids(HashSet<String>),
    Leaf(Leaf),
    Exists(Exists),
    Nested(NestedQuery),
    Place {
        source: Source,
        leniency: Leniency,
        area: Area,
    },
    Bool {
        must: Vec<Query>,
        /// Must match, too, and counts nothing.
        filter: Vec<Query>,
        must_not: Vec<Query>,
        should: Vec<Query>,
        need: usize,
    },
    /// At least one of these: the best counts, and of the others a part.
    Best {
        queries: Vec<Query>,
        others: f32,
    },
    /// Whatever matches counts the same.
    Constant(Box<Query>),
    Boosted {
        query: Box<Query>,
        boost: f32,
    },
}

#[derive(Debug)]
pub enum Area {
    Circle { centre: Point, metres: f64 },
    Box(place::Box),
    Polygon(shape::Polygon),
}

impl Query {
    /// At least one of these.
    pub fn any(should: Vec<Query>) -> Self {
        Self::Bool {
            must: Vec::new(),
            filter: Vec::new(),
            must_not: Vec::new(),
            should,
            need: 1,
        }
    }

    pub fn boosted(self, boost: f32) -> Self {
        if boost == 1.0 {
            return self;
        }
        Self::Boosted {
            query: Box::new(self),
            boost,
        }
    }
}

/// Reads a query that is asked of documents without looking at all of them before.
pub fn read_filter(context: &Context<'_>, value: &Value, at: &str) -> Result<Query, StoreError> {
    let query = read_query(context, value, at)?;
    if query.needs_terms() {
        return Err(unsupported(
            "fuzzy terms in a filter of aggregations or hits",
            at,
        ));
    }
    Ok(query)
}

/// Reads `{"clause": …}`.
pub fn read_query(context: &Context<'_>, value: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(value, "query", at)?;
    let mut members = members.iter();
    let (name, body) = match (members.next(), members.next()) {
        (Some(one), None) => one,
        (None, _) => return Err(bad("a query names a clause", at)),
        (Some(_), Some((second, _))) => {
            return Err(bad(
                format!("a query is one clause, and here is `{second}` too"),
                &join_pointer(at, second),
            ));
        }
    };
    let at = join_pointer(at, name);
    let boost = clause::read_boost(body, &at)?;
    let query = match name.as_str() {
        "match_all" => match_all(body, &at),
        "match_none" => match_all(body, &at).map(|_| Query::any(Vec::new())),
        "ids" => read_ids(body, &at),
        "exists" => Exists::read(context, body, &at).map(Query::Exists),
        "term" => leaf::read_term(context, body, &at).map(Query::Leaf),
        "terms" => leaf::read_terms(context, body, &at).map(Query::Leaf),
        "range" => leaf::read_range(context, body, &at),
        "prefix" => leaf::read_prefix(context, body, &at).map(Query::Leaf),
        "wildcard" => leaf::read_wildcard(context, body, &at).map(Query::Leaf),
        "fuzzy" => leaf::read_fuzzy(context, body, &at).map(Query::Leaf),
        "nested" => nested::read_nested(context, body, &at),
        "query_string" => query_string::query_string(context, body, &at),
        "simple_query_string" => query_string::read_simple(context, body, &at),
        "regexp" => leaf::read_regexp(context, body, &at).map(Query::Leaf),
        "match" => words::read_match(context, body, &at),
        "match_phrase" | "match_phrase_prefix" => words::read_phrase(context, body, name, &at),
        "multi_match" => words::read_multi_match(context, body, &at),
        "bool" => read_bool(context, body, &at),
        "constant_score" => read_constant_score(context, body, &at),
        "dis_max" => read_dis_max(context, body, &at),
        "geo_distance" => read_geo_distance(context, body, &at),
        "geo_bounding_box" => bounding_box(context, body, &at),
        "geo_shape" => within_shape(context, body, &at),
        other => Err(unsupported(other, &at)),
    };
    query.map(|query| query.boosted(boost))
}

fn read_constant_score(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(body, "constant_score", at)?;
    if let Some(name) = members
        .keys()
        .find(|name| !["filter", "boost"].contains(&name.as_str()))
    {
        return Err(unsupported(
            format!("constant_score.{name}"),
            &join_pointer(at, name),
        ));
    }
    let filter = members
        .get("filter")
        .ok_or_else(|| bad("`constant_score` lacks `filter`", at))?;
    let filter = read_query(context, filter, &join_pointer(at, "filter"))?;
    Ok(Query::Constant(Box::new(filter)))
}

fn read_dis_max(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(body, "dis_max", at)?;
    const KNOWN: [&str; 3] = ["queries", "boost", "tie_breaker"];
    if let Some(name) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(unsupported(
            format!("dis_max.{name}"),
            &join_pointer(at, name),
        ));
    }
    let queries = members
        .get("queries")
        .ok_or_else(|| bad("`dis_max` lacks `queries`", at))?;
    let others = members.get("tie_breaker").map_or(Ok(0.0), |given| {
        clause::read_factor(given, &join_pointer(at, "tie_breaker"))
    })?;
    let mut all = Vec::new();
    read_clauses(context, queries, &join_pointer(at, "queries"), &mut all)?;
    Ok(Query::Best {
        queries: all,
        others,
    })
}

fn match_all(body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(body, "match_all", at)?;
    match members.keys().find(|name| *name != "boost") {
        Some(name) => Err(unsupported(
            format!("match_all.{name}"),
            &join_pointer(at, name),
        )),
        None => Ok(Query::All),
    }
}

fn read_ids(body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(body, "ids", at)?;
    if let Some(name) = members
        .keys()
        .find(|name| !["values", "boost"].contains(&name.as_str()))
    {
        return Err(unsupported(format!("ids.{name}"), &join_pointer(at, name)));
    }
    let here = join_pointer(at, "values");
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(bad("an id must be a string", &here)),
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

fn read_bool(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let (mut must, mut filter) = (Vec::new(), Vec::new());
    let (mut must_not, mut should, mut least) = (Vec::new(), Vec::new(), None);
    for (name, value) in clause::expect_object(body, "bool", at)? {
        let here = join_pointer(at, name);
        match name.as_str() {
            "must" => read_clauses(context, value, &here, &mut must)?,
            "filter" => read_clauses(context, value, &here, &mut filter)?,
            "must_not" => read_clauses(context, value, &here, &mut must_not)?,
            "should" => read_clauses(context, value, &here, &mut should)?,
            "minimum_should_match" => least = Some((value, here)),
            "boost" => {}
            "_name" | "adjust_pure_negative" => {
                return Err(unsupported(format!("bool.{name}"), &here));
            }
            _ => return Err(bad(format!("`bool` has no `{name}`"), &here)),
        }
    }
    let mut need = least.map_or(Ok(0), |(least, at)| {
        clause::read_minimum(least, should.len(), &at)
    })?;
    let wants_none = must.is_empty() && filter.is_empty();
    if wants_none && must_not.is_empty() && should.is_empty() {
        return Ok(Query::All);
    }
    if wants_none && should.is_empty() {
        // Nothing but what must not be: all the others.
        need = 0;
    }
    if wants_none && !should.is_empty() {
        // Alternatives with nothing beside them: one of them at least.
        need = need.max(1);
    }
    Ok(Query::Bool {
        must,
        filter,
        must_not,
        should,
        need,
    })
}

fn read_clauses(
    context: &Context<'_>,
    value: &Value,
    at: &str,
    into: &mut Vec<Query>,
) -> Result<(), StoreError> {
    match value {
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                into.push(read_query(
                    context,
                    item,
                    &join_pointer(at, &n.to_string()),
                )?);
            }
        }
        one => into.push(read_query(context, one, at)?),
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
        Err(unsupported(
            format!("{clause}.{name}"),
            &join_pointer(at, name),
        ))
    }
}

const GEO_PARAMETERS: [&str; 4] = [
    "distance",
    "distance_type",
    "validation_method",
    "ignore_unmapped",
];

/// The one field of points, and what it forgives.
pub fn point_field(
    context: &Context<'_>,
    field: &str,
    clause: &str,
    at: &str,
) -> Result<(Source, Leniency), StoreError> {
    let mut sources = resolve_in(context, field, clause, at)?;
    match sources.pop() {
        Some(source) => match source.kind {
            Type::GeoPoint(leniency) => {
                super::field::expect_searchable(&source, field, at)?;
                Ok((source, leniency))
            }
            _ => Err(bad(
                format!("the field `{field}` is not mapped as geo_point"),
                at,
            )),
        },
        None => Err(bad(
            format!("the field `{field}` is not mapped as geo_point"),
            at,
        )),
    }
}

fn place_query(
    context: &Context<'_>,
    field: &str,
    clause: &str,
    at: &str,
    area: Area,
) -> Result<Query, StoreError> {
    let (source, leniency) = point_field(context, field, clause, at)?;
    Ok(Query::Place {
        source,
        leniency,
        area,
    })
}

fn read_geo_distance(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(body, "geo_distance", at)?;
    for (name, value) in members {
        geo_parameter("geo_distance", name, value, at)?;
    }
    let (field, value, here) = clause::one_field(body, "geo_distance", &GEO_PARAMETERS, at)?;
    let metres = members
        .get("distance")
        .ok_or_else(|| bad("`geo_distance` lacks `distance`", at))?;
    let metres = place::read_distance(metres, &join_pointer(at, "distance"))?;
    let centre = place::indexed_point(read_point(value).map_err(|message| bad(message, &here))?);
    place_query(
        context,
        field,
        "geo_distance",
        &here,
        Area::Circle { centre, metres },
    )
}

fn bounding_box(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    for (name, value) in clause::expect_object(body, "geo_bounding_box", at)? {
        geo_parameter("geo_bounding_box", name, value, at)?;
    }
    let (field, value, here) =
        clause::one_field(body, "geo_bounding_box", &GEO_PARAMETERS[2..], at)?;
    if value.get("wkt").is_some() {
        return Err(unsupported("geo_bounding_box.wkt", &here));
    }
    let area = place::Box::read(value, &here)?;
    place_query(context, field, "geo_bounding_box", &here, Area::Box(area))
}

fn within_shape(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let (field, value, here) = clause::one_field(body, "geo_shape", &["ignore_unmapped"], at)?;
    let area = Area::Polygon(shape::read_shape(value, &here)?);
    place_query(context, field, "geo_shape", &here, area)
}

impl Area {
    pub fn contains(&self, point: Point) -> bool {
        match self {
            Self::Circle { centre, metres } => {
                place::arc_distance(*centre, place::indexed_point(point)) <= *metres
            }
            Self::Box(area) => area.contains(point),
            Self::Polygon(polygon) => polygon.contains(place::indexed_point(point)),
        }
    }
}

impl Query {
    pub fn matches(&self, id: &str, document: &Document) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(id),
            Self::Leaf(leaf) => leaf.matches(id, document),
            Self::Exists(exists) => exists.matches(document),
            Self::Nested(nested) => nested.matches(id, document),
            Self::Place {
                source,
                leniency,
                area,
            } => document.any_point(source, *leniency, |point| area.contains(point)),
            Self::Constant(query) | Self::Boosted { query, .. } => query.matches(id, document),
            Self::Best { queries, .. } => queries.iter().any(|query| query.matches(id, document)),
            Self::Bool {
                must,
                filter,
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
                must.iter().chain(filter).all(matches)
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
            Self::Exists(exists) => exists.name_members(wanted),
            Self::Nested(nested) => nested.name_members(wanted),
            Self::Place { source, .. } => leaf::name_members([source].into_iter(), wanted),
            Self::Bool { .. } | Self::Best { .. } | Self::Constant(_) | Self::Boosted { .. } => {
                self.inner(&mut |query| query.name_members(wanted));
            }
        }
    }

    /// Visits the clauses that this one is made of.
    pub fn inner<'q>(&'q self, visit: &mut dyn FnMut(&'q Self)) {
        match self {
            Self::All
            | Self::Ids(_)
            | Self::Leaf(_)
            | Self::Exists(_)
            | Self::Nested(_)
            | Self::Place { .. } => {}
            Self::Constant(query) | Self::Boosted { query, .. } => visit(query),
            Self::Best { queries, .. } => queries.iter().for_each(visit),
            Self::Bool {
                must,
                filter,
                must_not,
                should,
                ..
            } => {
                let all = must.iter().chain(filter).chain(must_not).chain(should);
                all.for_each(visit);
            }
        }
    }
}
