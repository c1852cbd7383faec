//! Sorting: by fields, by id, by distance; missing values last unless said otherwise. Equal
//! documents follow their ids, so that a page is the same whenever it is asked for.

mod after;
mod distance;
pub mod value;

use super::{
    Context, bad, clause,
    document::Document,
    field::{Source, Type, resolve_field},
    leaf, place, unsupported,
};
use after::SearchAfterPosition;
use serde_json::{Map, Value};
use std::{cell::Cell, cmp::Ordering, collections::BTreeSet};
use store::{
    StoreError,
    cell::join_pointer,
    mapping::{
        BadSearchAfter,
        coerce::Number,
        point::{Leniency, Point},
    },
};
use value::{HasNoOrder, Learned, SortValue, compare_values};

/// A document's place in the order; one value per key.
pub type Keys = Vec<SortValue>;

#[derive(Debug)]
enum By {
    Score,
    Values {
        sources: Vec<Source>,
        /// What the values of a field that is not mapped turned out to be.
        learned: Cell<Option<Learned>>,
        is_guessed: bool,
        /// The type of a field that turns out to be nowhere.
        fallback: Option<Type>,
    },
    Distance {
        source: Source,
        leniency: Leniency,
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
    /// What stands for a missing value.
    missing: Option<SortValue>,
    greatest: bool,
}

#[derive(Debug, Default)]
pub struct Sort {
    keys: Vec<Key>,
    after: Option<Vec<SearchAfterPosition>>,
    /// Which keys the last page is said to have ended at without a value.
    nulls: Vec<bool>,
}

pub fn read_sort(
    context: &Context<'_>,
    sort: Option<&Value>,
    after: Option<&[Value]>,
) -> Result<Sort, StoreError> {
    let mut keys = Vec::new();
    match sort {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) => {
            for (n, item) in items.iter().enumerate() {
                read_entry(
                    context,
                    item,
                    &join_pointer("/sort", &n.to_string()),
                    &mut keys,
                )?;
            }
        }
        Some(one) => read_entry(context, one, "/sort", &mut keys)?,
    }
    // The best first is the order without a sort.
    if let [key] = keys.as_slice()
        && matches!(key.by, By::Score)
        && key.descending
    {
        keys.clear();
    }
    let nulls = after
        .unwrap_or_default()
        .iter()
        .map(Value::is_null)
        .collect();
    let after = match after {
        None => None,
        Some(_) if keys.is_empty() => return Err(BadSearchAfter::NoSort.refuse("/search_after")),
        Some(after) if after.len() != keys.len() => {
            let (values, keys) = (after.len(), keys.len());
            return Err(BadSearchAfter::Count { values, keys }.refuse("/search_after"));
        }
        Some(after) => Some(
            after
                .iter()
                .zip(&keys)
                .enumerate()
                .map(|(n, (value, key))| {
                    SearchAfterPosition::read(
                        key,
                        value,
                        &join_pointer("/search_after", &n.to_string()),
                    )
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Sort { keys, after, nulls })
}

fn read_entry(
    context: &Context<'_>,
    item: &Value,
    at: &str,
    keys: &mut Vec<Key>,
) -> Result<(), StoreError> {
    match item {
        Value::String(name) => keys.push(field_key(context, name, &Value::Object(Map::new()), at)?),
        Value::Object(members) if !members.is_empty() => {
            for (name, options) in members {
                let here = join_pointer(at, name);
                keys.push(match name.as_str() {
                    "_geo_distance" => distance::distance_key(context, options, &here)?,
                    _ => field_key(context, name, options, &here)?,
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
    missing: Option<(&'v Value, String)>,
    greatest: Option<bool>,
    unmapped: Option<(&'v Value, String)>,
    unit: f64,
    others: Vec<(&'v str, &'v Value)>,
}

fn read_options<'v>(options: &'v Value, at: &str) -> Result<Options<'v>, StoreError> {
    let mut read = Options {
        descending: false,
        missing_first: false,
        missing: None,
        greatest: None,
        unmapped: None,
        unit: 1.0,
        others: Vec::new(),
    };
    let members = match options {
        Value::String(order) => {
            read.descending = is_descending(order, at)?;
            return Ok(read);
        }
        other => clause::expect_object(other, "sort", at)?,
    };
    for (name, value) in members {
        let here = join_pointer(at, name);
        match (name.as_str(), value.as_str()) {
            ("order", Some(order)) => read.descending = is_descending(order, &here)?,
            ("missing", Some("_last")) => read.missing_first = false,
            ("missing", Some("_first")) => read.missing_first = true,
            ("mode", Some("min")) => read.greatest = Some(false),
            ("mode", Some("max")) => read.greatest = Some(true),
            ("missing", _) => read.missing = Some((value, here)),
            ("mode", Some("sum" | "avg" | "median")) => {
                return Err(unsupported(format!("sort.{name}"), &here));
            }
            ("order" | "mode", _) => return Err(bad(format!("{value} is no {name}"), &here)),
            ("unmapped_type", _) => read.unmapped = Some((value, here)),
            ("unit", _) => read.unit = place::read_unit(value, &here)?,
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

fn field_key(
    context: &Context<'_>,
    name: &str,
    given: &Value,
    at: &str,
) -> Result<Key, StoreError> {
    if name == "_doc" {
        return Err(unsupported(format!("sort by {name}"), at));
    }
    if name == "_score" {
        return score_key(given, at);
    }
    let given = read_options(given, at)?;
    if let Some((other, _)) = given.others.first() {
        return Err(unsupported(
            format!("sort.{other}"),
            &join_pointer(at, other),
        ));
    }
    let mut sources = resolve_field(context.mapping, name, "sort", at)?;
    let unmapped = given.unmapped.as_ref();
    let fallback = unmapped
        .and_then(|(kind, _)| kind.as_str().and_then(Source::unmapped))
        .map(|source| source.kind);
    let is_nowhere = sources.iter().all(|source| source.kind == Type::Object);
    match &given.unmapped {
        Some((kind, here)) if is_nowhere => {
            let source = kind.as_str().and_then(Source::unmapped);
            let refuse = || unsupported(format!("sort.unmapped_type {kind}"), here);
            sources = vec![source.ok_or_else(refuse)?];
        }
        None if sources.is_empty() => {
            return Err(bad(
                format!("the field `{name}` is not in the mapping, so it cannot be sorted by"),
                at,
            ));
        }
        _ => {}
    }
    if let Some(refused) = sources.iter().find_map(|source| no_order(source, name)) {
        return Err(bad(refused, at));
    }
    let is_guessed = given.unmapped.is_none()
        && sources
            .iter()
            .any(|source| matches!(source.kind, Type::Guessed { .. }));
    let greatest = given.greatest.unwrap_or(given.descending);
    let mut key = Key {
        name: name.to_owned(),
        by: By::Values {
            sources,
            learned: Cell::new(None),
            is_guessed,
            fallback,
        },
        descending: given.descending,
        missing_first: given.missing_first,
        missing: None,
        greatest,
    };
    if let Some((value, here)) = given.missing {
        if is_guessed {
            return Err(unsupported("sort.missing", &here));
        }
        key.missing = Some(after::read_missing(&key, value, &here)?);
    }
    Ok(key)
}

/// The best first, unless it says otherwise.
fn score_key(given: &Value, at: &str) -> Result<Key, StoreError> {
    let order = match given {
        Value::Object(members) => {
            if let Some(other) = members.keys().find(|name| *name != "order") {
                return Err(bad(format!("`_score` takes no `{other}`"), at));
            }
            members.get("order").and_then(Value::as_str)
        }
        other => other.as_str(),
    };
    Ok(Key {
        name: "_score".to_owned(),
        by: By::Score,
        descending: order.map_or(Ok(true), |order| is_descending(order, at))?,
        missing_first: false,
        missing: None,
        greatest: true,
    })
}

/// Why a field cannot be sorted by.
fn no_order(source: &Source, name: &str) -> Option<String> {
    match &source.kind {
        Type::Text(options) if !options.fielddata => Some(format!(
            "`{name}` is text, which has no order: sort by a keyword of it"
        )),
        Type::Text(_) => None,
        Type::GeoPoint(_) => Some(format!("`{name}` is a point: sort by _geo_distance")),
        Type::Object => Some(format!("`{name}` is an object")),
        _ if !source.doc_values => Some(format!("`{name}` is kept without doc values")),
        _ => None,
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
                By::Score => {}
                By::Distance { source, .. } => {
                    leaf::name_members([source].into_iter(), wanted);
                }
            }
        }
    }

    /// Looks at what a document holds in fields that no mapping knows.
    pub fn learn(&self, document: &Document) {
        for key in &self.keys {
            if let By::Values {
                sources, learned, ..
            } = &key.by
                && learned.get().is_none()
            {
                learned.set(
                    sources
                        .iter()
                        .find_map(|source| Learned::of(source, document)),
                );
            }
        }
    }

    /// Must all documents be looked at before it is known where the page begins?
    pub fn needs_values(&self) -> bool {
        self.after.is_some() && self.keys.iter().any(|key| key.open_fallback().is_some())
    }

    /// Refuses a beginning of the page that is none, now that the documents were looked at.
    pub fn check_after(&self) -> Result<(), StoreError> {
        let after = self.after.iter().flatten();
        let mut all = self.keys.iter().zip(after);
        all.try_for_each(|(key, position)| position.check(key))
    }

    /// Refuses what cannot be sorted by, now that the documents were looked at, if there are any.
    pub fn check_learned(&self, has_documents: bool, at: &str) -> Result<(), StoreError> {
        if let Some(name) = self.text() {
            let why = format!("`{name}` is text, which has no order: sort by `{name}.keyword`");
            return Err(bad(why, at));
        }
        if let Some(name) = self.null_among_numbers() {
            let name = name.to_owned();
            return Err(BadSearchAfter::Null { name }.refuse("/search_after"));
        }
        match self.unseen() {
            Some(path) if has_documents => {
                let why = format!("no document has the field `{path}`, so it cannot be sorted by");
                Err(bad(why, at))
            }
            _ => Ok(()),
        }
    }

    /// A field that is not mapped and turned out to be text.
    fn text(&self) -> Option<&str> {
        self.keys.iter().find_map(|key| match &key.by {
            By::Values { learned, .. } if learned.get() == Some(Learned::Text) => {
                Some(key.name.as_str())
            }
            _ => None,
        })
    }

    /// A field that is not mapped and turned out to hold numbers, which are never missing.
    fn null_among_numbers(&self) -> Option<&str> {
        let nulls = self.keys.iter().zip(&self.nulls);
        let mut nulls = nulls.filter(|(_, is_null)| **is_null);
        nulls.find_map(|(key, _)| match &key.by {
            By::Values { learned, .. }
                if matches!(learned.get(), Some(Learned::Whole | Learned::Fraction)) =>
            {
                Some(key.name.as_str())
            }
            _ => None,
        })
    }

    /// A path that neither a mapping nor any document knows: its name is a mistake.
    fn unseen(&self) -> Option<&str> {
        self.keys.iter().find_map(|key| match &key.by {
            By::Values {
                learned,
                is_guessed: true,
                ..
            } if learned.get().is_none() => Some(key.name.as_str()),
            _ => None,
        })
    }

    /// Is there anything that sorts by relevance?
    pub fn needs_score(&self) -> bool {
        self.keys.iter().any(|key| matches!(key.by, By::Score))
    }

    pub fn keys(&self, id: &str, document: &Document, score: f32) -> Result<Keys, StoreError> {
        self.keys
            .iter()
            .map(|key| match key.by {
                By::Score => Ok(SortValue::Number(Number::Real(score.into()))),
                _ => key.value(id, document),
            })
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
        let Some(after) = &self.after else {
            return true;
        };
        let all = self.keys.iter().zip(keys.iter().zip(after));
        let values = all.filter_map(|(key, (here, after))| Some((key, here, after.value(key)?)));
        let ordered = values.map(|(key, here, after)| match (here, after) {
            // A fraction is cut off where the field turns out to hold whole numbers.
            (SortValue::Number(Number::Whole(_)), SortValue::Number(Number::Real(real)))
                if real.is_finite() && key.is_guessed() =>
            {
                let whole = SortValue::Number(Number::Whole(real.trunc() as i128));
                key.compare(here, &whole)
            }
            (here, after) => key.compare(here, after),
        });
        ordered.fold(Ordering::Equal, Ordering::then).is_gt()
    }

    /// As a hit shows them, to be handed back as `search_after`.
    pub fn shown(&self, keys: &Keys) -> Vec<Value> {
        let both = self.keys.iter().zip(keys);
        both.map(|(key, value)| key.shown(value)).collect()
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
            (a, b) if self.descending => compare_values(a, b).reverse(),
            (a, b) => compare_values(a, b),
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
            if best == SortValue::Missing || compare_values(&value, &best) == better {
                best = value;
            }
        };
        match &self.by {
            By::Score => {}
            By::Distance {
                source,
                leniency,
                from,
                unit,
            } => {
                document.any_point(source, *leniency, |point| {
                    let indexed = place::indexed_point(point);
                    from.iter().for_each(|from| {
                        let distance = place::arc_distance(*from, indexed) / unit;
                        take(SortValue::Number(Number::Real(distance)));
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
                    document.values(source, &mut |value| {
                        if value::sort_values(source, value, document, &mut take) == Err(HasNoOrder)
                        {
                            text = true;
                        }
                    });
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
        match (&best, &self.missing) {
            (SortValue::Missing, Some(missing)) => Ok(missing.clone()),
            (SortValue::Missing, None) if !self.is_guessed() => Ok(self.absent()),
            _ => Ok(best),
        }
    }

    /// Is the type known only by what documents hold?
    fn is_guessed(&self) -> bool {
        let is_guessed = |source: &Source| matches!(source.kind, Type::Guessed { .. });
        match &self.by {
            By::Values { sources, .. } => sources.first().is_some_and(is_guessed),
            By::Distance { .. } | By::Score => false,
        }
    }

    /// The type of the field if it turns out to be nowhere, which only documents tell.
    fn open_fallback(&self) -> Option<&Type> {
        match &self.by {
            By::Values { fallback, .. } if self.is_guessed() => fallback.as_ref(),
            _ => None,
        }
    }

    /// The same, of a field that no document was found to have.
    fn absent_type(&self) -> Option<&Type> {
        let By::Values { learned, .. } = &self.by else {
            return None;
        };
        self.open_fallback().filter(|_| learned.get().is_none())
    }

    /// What an index takes a missing value for.
    fn absent(&self) -> SortValue {
        let By::Values {
            sources, learned, ..
        } = &self.by
        else {
            return SortValue::Missing;
        };
        let is_last = self.descending == self.missing_first;
        if let Some(kind) = self.absent_type() {
            return value::absent_value(kind, None, is_last);
        }
        sources.first().map_or(SortValue::Missing, |source| {
            value::absent_value(&source.kind, learned.get(), is_last)
        })
    }

    fn shown(&self, value: &SortValue) -> Value {
        match value {
            SortValue::Missing => self.absent().shown(),
            value => value.shown(),
        }
    }
}
