//! From JSON to a checked filter. Must never accept what it would not know how to evaluate, and
//! must refuse what is too large before it spends work on it.

mod area;
mod leaf;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::filter::{Clause, Condition, FilterError, Options};

/// JSON nested deeper than this is refused, whatever it holds.
const MAX_JSON_NESTING: usize = 128;

/// The clause, and how many leaf conditions it has.
pub fn parse_filter(value: &Value, options: &Options) -> Result<(Clause, usize), FilterError> {
    check_size(value, options)?;
    let mut reader = FilterReader {
        options,
        conditions: 0,
    };
    let clause = match value {
        Value::Null => Clause::Everything,
        Value::Object(object) if object.is_empty() => Clause::Everything,
        _ => reader.filter(value, &Path::ROOT, 0)?,
    };
    Ok((clause, reader.conditions))
}

/// The keywords and fields that lead to what is being read.
#[derive(Clone, Copy)]
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path {
        parent: None,
        name: "",
    };

    fn then(&'a self, name: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            name,
        }
    }

    /// `None` at the root.
    fn text(&self) -> Option<String> {
        let parent = self.parent?;
        Some(match parent.text() {
            Some(before) => format!("{before}.{}", self.name),
            None => self.name.to_owned(),
        })
    }
}

/// An error at a place in the filter.
fn refuse_at(path: &Path<'_>, keyword: &str, message: impl Into<String>) -> FilterError {
    FilterError {
        path: path.text(),
        keyword: Some(keyword.to_owned()),
        message: message.into(),
    }
}

/// Reads clauses, counting conditions as it goes.
struct FilterReader<'o> {
    options: &'o Options,
    conditions: usize,
}

impl FilterReader<'_> {
    /// One filter: an object with exactly one keyword.
    fn filter(
        &mut self,
        value: &Value,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<Clause, FilterError> {
        let whole = |keyword: Option<String>, message: &str| FilterError {
            path: path.text(),
            keyword,
            message: message.to_owned(),
        };
        let object = value
            .as_object()
            .ok_or_else(|| whole(None, "Invalid filter syntax. A filter must be an object"))?;
        let mut keywords = object.iter();
        let (Some((keyword, operand)), None) = (keywords.next(), keywords.next()) else {
            let names: Vec<&str> = object.keys().map(String::as_str).collect();
            return Err(whole(
                Some(names.join(",")),
                "Invalid filter syntax. Filters must have one keyword only",
            ));
        };
        let path = &path.then(keyword);
        if depth >= self.options.max_depth {
            return Err(refuse_at(
                path,
                keyword,
                format!("filters are nested deeper than {}", self.options.max_depth),
            ));
        }
        self.keyword(keyword, operand, path, depth)
    }

    fn keyword(
        &mut self,
        keyword: &str,
        operand: &Value,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<Clause, FilterError> {
        let condition = match keyword {
            "and" => return Ok(Clause::And(self.filters(operand, path, keyword, depth)?)),
            "or" => return Ok(Clause::Or(self.filters(operand, path, keyword, depth)?)),
            "not" => return self.negation(operand, path, depth),
            "bool" => return self.boolean(operand, path, depth),
            "nothing" => {
                self.count(1, path, keyword)?;
                return Ok(Clause::Nothing);
            }
            "missing" => {
                self.count(1, path, keyword)?;
                return Ok(Clause::Missing(Arc::new(leaf::parse_exists(
                    operand, path, keyword,
                )?)));
            }
            "select" => self.selection(operand, path, depth)?,
            "equals" => leaf::parse_equals(operand, path)?,
            "in" => leaf::parse_in(operand, path)?,
            "ids" => leaf::parse_ids(operand, path)?,
            "exists" => leaf::parse_exists(operand, path, keyword)?,
            "range" => leaf::parse_range(operand, path)?,
            "regexp" => leaf::parse_regexp(operand, path, self.options)?,
            "match" => leaf::parse_match(operand, path)?,
            "geoBoundingBox" => area::bounding_box(operand, path)?,
            "geoDistance" => area::parse_geo_distance(operand, path)?,
            "geoDistanceRange" => area::distance_range(operand, path)?,
            "geoPolygon" => area::parse_geo_polygon(operand, path)?,
            _ => return Err(refuse_at(path, keyword, "unknown keyword")),
        };
        let counted = if let Condition::In { values, .. } = &condition {
            values.len()
        } else {
            1
        };
        self.count(counted, path, keyword)?;
        Ok(Clause::Condition(Arc::new(condition)))
    }

    fn count(&mut self, more: usize, path: &Path<'_>, keyword: &str) -> Result<(), FilterError> {
        self.conditions += more;
        let max = self.options.max_conditions;
        if self.conditions > max {
            let message = format!(
                "Filter too complex: exceeds the configured maximum number of conditions (conditions: {}, max: {max})",
                self.conditions
            );
            return Err(refuse_at(path, keyword, message));
        }
        Ok(())
    }

    /// The operand of `and`, `or` and the parts of `bool`: a non-empty array of non-empty objects.
    fn filters(
        &mut self,
        operand: &Value,
        path: &Path<'_>,
        keyword: &str,
        depth: usize,
    ) -> Result<Vec<Clause>, FilterError> {
        let items = operand
            .as_array()
            .ok_or_else(|| refuse_at(path, keyword, "must be an array"))?;
        if items.is_empty() {
            return Err(refuse_at(path, keyword, "cannot be empty"));
        }
        if items
            .iter()
            .any(|item| item.as_object().is_none_or(Map::is_empty))
        {
            return Err(refuse_at(
                path,
                keyword,
                "can only contain non-empty objects",
            ));
        }
        items
            .iter()
            .map(|item| self.filter(item, path, depth + 1))
            .collect()
    }

    fn negation(
        &mut self,
        operand: &Value,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<Clause, FilterError> {
        let object = operand
            .as_object()
            .ok_or_else(|| refuse_at(path, "not", "must be an object"))?;
        expect_properties(object, 1, path, "not")?;
        Ok(Clause::Not(Box::new(self.filter(
            operand,
            path,
            depth + 1,
        )?)))
    }

    /// `bool` is reported as what it stands for: `must` is an `and`, `should` an `or` in it,
    /// `must_not` a negated `or`, `should_not` a negated `and`.
    fn boolean(
        &mut self,
        operand: &Value,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<Clause, FilterError> {
        let object = non_empty_object(operand, path, "bool")?;
        expect_attributes(
            object,
            &["must", "must_not", "should", "should_not"],
            path,
            "bool",
        )?;
        let all = path.then("and");
        let not = all.then("not");
        let mut part = |name: &str, path: &Path<'_>, keyword: &str| match object.get(name) {
            None => Ok(Vec::new()),
            // Only `must` may be a single filter.
            Some(single @ Value::Object(_)) if name == "must" => {
                self.filters(&Value::Array(vec![single.clone()]), path, keyword, depth)
            }
            Some(operand) => self.filters(operand, path, keyword, depth),
        };
        Ok(Clause::Bool {
            must: part("must", &all, "and")?,
            must_not: part("must_not", &not.then("or"), "or")?,
            should: part("should", &all.then("or"), "or")?,
            should_not: part("should_not", &not.then("and"), "and")?,
        })
    }

    fn selection(
        &mut self,
        operand: &Value,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<Condition, FilterError> {
        let object = operand
            .as_object()
            .ok_or_else(|| refuse_at(path, "select", "must be an object"))?;
        expect_properties(object, 3, path, "select")?;
        let attribute = |name: &str| {
            object.get(name).ok_or_else(|| {
                refuse_at(
                    path,
                    "select",
                    format!("the property \"{name}\" is missing"),
                )
            })
        };
        let (field, index, query) = (
            attribute("field")?,
            attribute("index")?,
            attribute("query")?,
        );
        let field = leaf::field_name(field, &path.then("field"), "select")?;
        let index = leaf::parse_integer(index, &path.then("index"), "select")?;
        let path = path.then("query");
        non_empty_object(query, &path, "select")?;
        let query = self.filter(query, &path, depth + 1)?;
        Ok(Condition::Select {
            field,
            index,
            query: Arc::new(query),
        })
    }
}

/// Refuses JSON with too many values or too deep nesting, without recursion.
fn check_size(value: &Value, options: &Options) -> Result<(), FilterError> {
    let whole = |message: String| FilterError {
        path: None,
        keyword: None,
        message,
    };
    let mut pending = vec![(value, 1)];
    let mut nodes = 0;
    while let Some((value, nesting)) = pending.pop() {
        nodes += 1;
        if nesting > MAX_JSON_NESTING {
            return Err(whole(format!(
                "Filter too complex: nested deeper than {MAX_JSON_NESTING} levels"
            )));
        }
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, nesting + 1))),
            Value::Object(object) => {
                pending.extend(object.values().map(|item| (item, nesting + 1)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        if nodes + pending.len() > options.max_nodes {
            return Err(whole(format!(
                "Filter too complex: holds more than {} values",
                options.max_nodes
            )));
        }
    }
    Ok(())
}

fn non_empty_object<'v>(
    value: &'v Value,
    path: &Path<'_>,
    keyword: &str,
) -> Result<&'v Map<String, Value>, FilterError> {
    let object = value
        .as_object()
        .ok_or_else(|| refuse_at(path, keyword, "must be an object"))?;
    if object.is_empty() {
        Err(refuse_at(path, keyword, "must be a non-empty object"))
    } else {
        Ok(object)
    }
}

/// Refuses an object with more or fewer properties.
fn expect_properties(
    object: &Map<String, Value>,
    wanted: usize,
    path: &Path<'_>,
    keyword: &str,
) -> Result<(), FilterError> {
    if object.len() == wanted {
        return Ok(());
    }
    let plural = if wanted == 1 {
        "property"
    } else {
        "properties"
    };
    Err(refuse_at(
        path,
        keyword,
        format!(
            "expected object to have exactly {wanted} {plural}, got {}",
            object.len()
        ),
    ))
}

/// Refuses properties other than those allowed.
fn expect_attributes(
    object: &Map<String, Value>,
    allowed: &[&str],
    path: &Path<'_>,
    keyword: &str,
) -> Result<(), FilterError> {
    match object.keys().find(|name| !allowed.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(refuse_at(
            path,
            keyword,
            format!(
                "\"{name}\" is not an allowed attribute (allowed: {})",
                allowed.join(",")
            ),
        )),
    }
}

/// The single property of an object, `{field: operand}`.
fn one_property<'v>(
    operand: &'v Value,
    path: &Path<'_>,
    keyword: &str,
) -> Result<(&'v str, &'v Value), FilterError> {
    let object = operand
        .as_object()
        .ok_or_else(|| refuse_at(path, keyword, "must be an object"))?;
    expect_properties(object, 1, path, keyword)?;
    let (field, operand) = object
        .iter()
        .next()
        .ok_or_else(|| refuse_at(path, keyword, "cannot be empty"))?;
    Ok((field, operand))
}

#[cfg(test)]
mod tests;
