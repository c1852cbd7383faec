//! Sorting: by fields, by id, by distance; missing values last unless said otherwise. Equal
//! documents follow their ids, so that a page is the same whenever it is asked for.

use super::{
    accept::{compare, held, keyword, millis},
    bad, clause,
    document::Document,
    field::{Source, Type, resolve},
    leaf, place,
    query::{any_point, point_field},
    unsupported,
};
use serde_json::{Map, Value, json};
use std::{cmp::Ordering, collections::BTreeSet};
use store::{
    StoreError,
    cell::pointer,
    mapping::{
        Mapping,
        coerce::{self, Number},
        date,
        point::{Point, points},
    },
};

#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    Number(Number),
    Text(String),
    Missing,
}

/// A document's place in the order; one value per key.
pub type Keys = Vec<SortValue>;

#[derive(Debug)]
enum By {
    Values {
        sources: Vec<Source>,
        is_guessed: bool,
    },
    Distance {
        path: String,
        from: Vec<Point>,
        unit: f64,
    },
}

#[derive(Debug)]
struct Key {
    name: String,
    by: By,
    descending: bool,
    missing_first: bool,
    greatest: bool,
}

#[derive(Debug, Default)]
pub struct Sort {
    keys: Vec<Key>,
    after: Option<Keys>,
}

pub fn read(
    mapping: &Mapping,
    sort: Option<&Value>,
    after: Option<&[Value]>,
) -> Result<Sort, StoreError> {
    let mut keys = Vec::new();
    match sort {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) => {
            for (n, item) in items.iter().enumerate() {
                entry(mapping, item, &pointer("/sort", &n.to_string()), &mut keys)?;
            }
        }
        Some(one) => entry(mapping, one, "/sort", &mut keys)?,
    }
    let after = match after {
        None => None,
        Some(_) if keys.is_empty() => {
            return Err(bad("search_after needs a sort", "/search_after"));
        }
        Some(after) if after.len() != keys.len() => {
            return Err(bad(
                format!(
                    "search_after has {} values, the sort has {} keys",
                    after.len(),
                    keys.len()
                ),
                "/search_after",
            ));
        }
        Some(after) => Some(
            after
                .iter()
                .enumerate()
                .map(|(n, value)| value_after(value, n))
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Sort { keys, after })
}

fn entry(mapping: &Mapping, item: &Value, at: &str, keys: &mut Vec<Key>) -> Result<(), StoreError> {
    match item {
        Value::String(name) => keys.push(field_key(mapping, name, &Value::Object(Map::new()), at)?),
        Value::Object(members) if !members.is_empty() => {
            for (name, options) in members {
                let here = pointer(at, name);
                keys.push(match name.as_str() {
                    "_geo_distance" => distance_key(mapping, options, &here)?,
                    _ => field_key(mapping, name, options, &here)?,
                });
            }
        }
        _ => return Err(bad("a sort is a field's name, or an object of fields", at)),
    }
    Ok(())
}

/// What a sort says beside the field.
struct Options<'v> {
    descending: bool,
    missing_first: bool,
    greatest: Option<bool>,
    unmapped: bool,
    unit: f64,
    others: Vec<(&'v str, &'v Value)>,
}

fn options<'v>(options: &'v Value, at: &str) -> Result<Options<'v>, StoreError> {
    let mut read = Options {
        descending: false,
        missing_first: false,
        greatest: None,
        unmapped: false,
        unit: 1.0,
        others: Vec::new(),
    };
    let members = match options {
        Value::String(order) => {
            read.descending = is_descending(order, at)?;
            return Ok(read);
        }
        other => clause::object(other, "sort", at)?,
    };
    for (name, value) in members {
        let here = pointer(at, name);
        match (name.as_str(), value.as_str()) {
            ("order", Some(order)) => read.descending = is_descending(order, &here)?,
            ("missing", Some("_last")) => read.missing_first = false,
            ("missing", Some("_first")) => read.missing_first = true,
            ("mode", Some("min")) => read.greatest = Some(false),
            ("mode", Some("max")) => read.greatest = Some(true),
            ("mode", Some("sum" | "avg" | "median")) | ("missing", _) => {
                return Err(unsupported(format!("sort.{name}"), &here));
            }
            ("order" | "mode", _) => return Err(bad(format!("{value} is no {name}"), &here)),
            ("unmapped_type", _) => read.unmapped = true,
            ("unit", _) => read.unit = place::unit(value, &here)?,
            ("distance_type", Some("arc")) => {}
            _ => read.others.push((name, value)),
        }
    }
    Ok(read)
}

fn is_descending(order: &str, at: &str) -> Result<bool, StoreError> {
    match order.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(bad(format!("`{order}` is neither asc nor desc"), at)),
    }
}

fn field_key(mapping: &Mapping, name: &str, given: &Value, at: &str) -> Result<Key, StoreError> {
    if name == "_score" || name == "_doc" {
        return Err(unsupported(format!("sort by {name}"), at));
    }
    let given = options(given, at)?;
    if let Some((other, _)) = given.others.first() {
        return Err(unsupported(format!("sort.{other}"), &pointer(at, other)));
    }
    let sources = resolve(mapping, name, "sort", at)?;
    if sources.is_empty() && !given.unmapped {
        return Err(bad(
            format!("the field `{name}` is not in the mapping, so it cannot be sorted by"),
            at,
        ));
    }
    let refused = sources.iter().find_map(|source| match source.kind {
        Type::Text => Some(format!(
            "`{name}` is text, which has no order: sort by a keyword of it"
        )),
        Type::GeoPoint => Some(format!("`{name}` is a point: sort by _geo_distance")),
        Type::Object => Some(format!("`{name}` is an object")),
        _ => None,
    });
    if let Some(refused) = refused {
        return Err(bad(refused, at));
    }
    let is_guessed = !given.unmapped
        && sources
            .iter()
            .any(|source| matches!(source.kind, Type::Guessed { .. }));
    let greatest = given.greatest.unwrap_or(given.descending);
    let by = By::Values {
        sources,
        is_guessed,
    };
    Ok(Key {
        name: name.to_owned(),
        by,
        descending: given.descending,
        missing_first: given.missing_first,
        greatest,
    })
}

fn distance_key(mapping: &Mapping, given: &Value, at: &str) -> Result<Key, StoreError> {
    clause::object(given, "_geo_distance", at)?;
    let read = options(given, at)?;
    let (field, from) = match read.others.as_slice() {
        [] => return Err(bad("`_geo_distance` names no field", at)),
        [one] => *one,
        [(first, _), (second, _), ..] => {
            let parameter = if [
                "validation_method",
                "ignore_unmapped",
                "distance_type",
                "nested",
            ]
            .contains(first)
            {
                first
            } else {
                second
            };
            return Err(unsupported(
                format!("_geo_distance.{parameter}"),
                &pointer(at, parameter),
            ));
        }
    };
    let here = pointer(at, field);
    let path = point_field(mapping, field, "_geo_distance", &here)?;
    let from = points(from).map_err(|message| bad(message, &here))?;
    if from.is_empty() {
        return Err(bad("`_geo_distance` needs a point", &here));
    }
    let greatest = read.greatest.unwrap_or(read.descending);
    let by = By::Distance {
        path,
        from,
        unit: read.unit,
    };
    Ok(Key {
        name: field.to_owned(),
        by,
        descending: read.descending,
        missing_first: false,
        greatest,
    })
}

fn value_after(value: &Value, n: usize) -> Result<SortValue, StoreError> {
    let at = pointer("/search_after", &n.to_string());
    match value {
        Value::Null => Ok(SortValue::Missing),
        Value::String(text) if text == "Infinity" => {
            Ok(SortValue::Number(Number::Real(f64::INFINITY)))
        }
        Value::String(text) => Ok(SortValue::Text(text.clone())),
        Value::Bool(truth) => Ok(SortValue::Number(Number::Whole((*truth).into()))),
        number @ Value::Number(_) => coerce::number(number)
            .map(SortValue::Number)
            .ok_or_else(|| bad("not a number", &at)),
        Value::Array(_) | Value::Object(_) => {
            Err(bad("search_after takes the sort values of a hit", &at))
        }
    }
}

impl Sort {
    pub fn is_sorted(&self) -> bool {
        !self.keys.is_empty()
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        for key in &self.keys {
            match &key.by {
                By::Values { sources, .. } => leaf::name_members(sources.iter(), wanted),
                By::Distance { path, .. } => {
                    wanted.insert(super::document::first(path).to_owned());
                }
            }
        }
    }

    /// Paths that no mapping knows: some document must have them, or their name is a mistake.
    pub fn guessed(&self) -> Vec<String> {
        let guessed = |key: &Key| match &key.by {
            By::Values {
                sources,
                is_guessed: true,
            } => sources.last().map(|source| source.path.clone()),
            By::Values { .. } | By::Distance { .. } => None,
        };
        self.keys.iter().filter_map(guessed).collect()
    }

    pub fn keys(&self, id: &str, document: &Document) -> Result<Keys, StoreError> {
        self.keys
            .iter()
            .map(|key| key.value(id, document))
            .collect()
    }

    pub fn compare(&self, a: &Keys, b: &Keys) -> Ordering {
        let ordered = self
            .keys
            .iter()
            .zip(a.iter().zip(b))
            .map(|(key, (a, b))| key.compare(a, b));
        ordered.fold(Ordering::Equal, Ordering::then)
    }

    /// Does the document come after where the last page ended?
    pub fn is_behind(&self, keys: &Keys) -> bool {
        self.after
            .as_ref()
            .is_none_or(|after| self.compare(keys, after).is_gt())
    }

    /// As a hit shows them, to be handed back as `search_after`.
    pub fn shown(&self, keys: &Keys) -> Vec<Value> {
        let one = |value: &SortValue| match value {
            SortValue::Missing => Value::Null,
            SortValue::Text(text) => json!(text),
            SortValue::Number(Number::Real(real)) if real.is_infinite() => json!("Infinity"),
            SortValue::Number(Number::Real(real)) => json!(real),
            SortValue::Number(Number::Whole(whole)) => {
                match (i64::try_from(*whole), u64::try_from(*whole)) {
                    (Ok(whole), _) => json!(whole),
                    (_, Ok(whole)) => json!(whole),
                    _ => json!(*whole as f64),
                }
            }
        };
        keys.iter().map(one).collect()
    }
}

impl Key {
    fn compare(&self, a: &SortValue, b: &SortValue) -> Ordering {
        let missing = |ordering: Ordering| {
            if self.missing_first {
                ordering.reverse()
            } else {
                ordering
            }
        };
        match (a, b) {
            (SortValue::Missing, SortValue::Missing) => Ordering::Equal,
            (SortValue::Missing, _) => missing(Ordering::Greater),
            (_, SortValue::Missing) => missing(Ordering::Less),
            (a, b) if self.descending => ordered(a, b).reverse(),
            (a, b) => ordered(a, b),
        }
    }

    /// Of several values the least counts upwards, the greatest downwards.
    fn value(&self, id: &str, document: &Document) -> Result<SortValue, StoreError> {
        let mut best = SortValue::Missing;
        let mut take = |value: SortValue| {
            let better = if self.greatest {
                Ordering::Greater
            } else {
                Ordering::Less
            };
            if best == SortValue::Missing || ordered(&value, &best) == better {
                best = value;
            }
        };
        match &self.by {
            By::Distance { path, from, unit } => {
                any_point(document, path, |point| {
                    let indexed = place::indexed(point);
                    from.iter().for_each(|from| {
                        take(SortValue::Number(Number::Real(
                            place::arc(*from, indexed) / unit,
                        )))
                    });
                    false
                });
                if best == SortValue::Missing {
                    best = SortValue::Number(Number::Real(f64::INFINITY));
                }
            }
            By::Values { sources, .. } => {
                let mut text = false;
                for source in sources {
                    if source.kind == Type::Id {
                        take(SortValue::Text(id.to_owned()));
                    }
                    document.each(
                        &source.path,
                        &mut |value| match sort_value(&source.kind, value) {
                            Ok(Some(value)) => take(value),
                            Ok(None) => {}
                            Err(HasNoOrder) => text = true,
                        },
                    );
                }
                if text {
                    let name = &self.name;
                    return Err(bad(
                        format!("`{name}` is text, which has no order: sort by `{name}.keyword`"),
                        "/sort",
                    ));
                }
            }
        }
        Ok(best)
    }
}

struct HasNoOrder;

fn sort_value(kind: &Type, value: &Value) -> Result<Option<SortValue>, HasNoOrder> {
    let whole = |whole: i64| SortValue::Number(Number::Whole(whole.into()));
    Ok(match kind {
        Type::Keyword { .. } | Type::GuessedKeyword => {
            keyword(kind, value).map(|text| SortValue::Text(text.into_owned()))
        }
        Type::Whole | Type::Double | Type::Float => coerce::number(value)
            .and_then(|number| held(kind, number))
            .map(SortValue::Number),
        Type::Boolean => coerce::boolean(value).map(|truth| whole(truth.into())),
        Type::Date(formats) => millis(formats, value, false).map(whole),
        Type::Guessed { dates } => match value {
            Value::String(text) => match date::detected(text).filter(|_| *dates) {
                Some(millis) => Some(whole(millis)),
                None => return Err(HasNoOrder),
            },
            Value::Bool(truth) => Some(whole((*truth).into())),
            Value::Number(_) => coerce::number(value).map(SortValue::Number),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        },
        Type::Id | Type::Text | Type::GeoPoint | Type::Object => None,
    })
}

/// Numbers before texts, where a field holds both.
fn ordered(a: &SortValue, b: &SortValue) -> Ordering {
    match (a, b) {
        (SortValue::Number(a), SortValue::Number(b)) => compare(*a, *b),
        (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
        (SortValue::Number(_), SortValue::Text(_)) => Ordering::Less,
        (SortValue::Text(_), SortValue::Number(_)) => Ordering::Greater,
        (SortValue::Missing, _) | (_, SortValue::Missing) => Ordering::Equal,
    }
}
