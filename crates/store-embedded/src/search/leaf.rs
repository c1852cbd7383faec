//! The clauses about one field's values: term, terms, range, match, prefix. Each turns its
//! parameters into what it accepts of each form.

use super::{
    accept::{Accept, Texts, held, millis},
    analyze, bad, clause,
    document::Document,
    field::{Source, Type, resolve},
    unsupported,
};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashSet},
    ops::Bound,
};
use store::{
    StoreError,
    mapping::{
        Mapping,
        coerce::{self, Number},
        date::DateFormat,
    },
};

/// A clause about one field: met where any of its places has an accepted value.
#[derive(Debug, Default)]
pub struct Leaf {
    places: Vec<(Source, Accept)>,
}

impl Leaf {
    pub fn matches(&self, id: &str, document: &Document) -> bool {
        self.places
            .iter()
            .any(|(source, accept)| accept.is_met(source, id, document))
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        name_members(self.places.iter().map(|(source, _)| source), wanted);
    }

    fn read(
        mapping: &Mapping,
        field: &str,
        clause: &str,
        at: &str,
        accept: impl Fn(&Type) -> Result<Accept, StoreError>,
    ) -> Result<Self, StoreError> {
        let with = |source: Source| Ok((source.clone(), accept(&source.kind)?));
        let places = resolve(mapping, field, clause, at)?
            .into_iter()
            .map(with)
            .collect::<Result<_, StoreError>>()?;
        Ok(Self { places })
    }
}

/// The members of a document that these sources look at.
pub fn name_members<'s>(sources: impl Iterator<Item = &'s Source>, wanted: &mut BTreeSet<String>) {
    let of_body = sources.filter(|source| source.kind != Type::Id);
    wanted.extend(of_body.map(|source| super::document::first(&source.path).to_owned()));
}

fn default_dates() -> Vec<DateFormat> {
    DateFormat::read(None)
}

fn text(value: &Value) -> String {
    coerce::text(value).unwrap_or_default().into_owned()
}

/// Any of these values, as `term` and `terms` mean them: terms are not analyzed.
fn any_of(kind: &Type, values: &[&Value], clause: &str, at: &str) -> Result<Accept, StoreError> {
    let mut accept = Accept::default();
    let texts = || {
        Some(Texts::Of {
            texts: values.iter().map(|value| text(value)).collect(),
            need: 1,
        })
    };
    match kind {
        Type::Id | Type::Keyword { .. } | Type::GuessedKeyword => accept.keywords = texts(),
        Type::Text => accept.terms = texts(),
        Type::GeoPoint => {
            return Err(bad(
                format!("`{clause}` does not work on points: use geo_distance or geo_bounding_box"),
                at,
            ));
        }
        Type::Object => {}
        Type::Whole | Type::Double | Type::Float | Type::Boolean | Type::Date(_) => {
            for value in values {
                typed(&mut accept, kind, value, at)?;
            }
        }
        Type::Guessed { .. } => {
            accept.terms = texts();
            for value in values {
                guessed(&mut accept, value);
            }
        }
    }
    Ok(accept)
}

/// A value equal to this one, in a field of this type.
fn typed(accept: &mut Accept, kind: &Type, value: &Value, at: &str) -> Result<(), StoreError> {
    let unfit = || bad(format!("{value} is nothing that the field could hold"), at);
    match kind {
        Type::Boolean => accept
            .truths
            .push(coerce::boolean(value).ok_or_else(unfit)?),
        Type::Date(formats) => accept.dates.push((
            millis_of(formats, value, false, at)?,
            millis_of(formats, value, true, at)?,
        )),
        _ => {
            let number = coerce::number(value).ok_or_else(unfit)?;
            // A whole-number field holds no fraction, so a fraction equals nothing in it.
            let exact = if *kind == Type::Whole {
                Some(number)
            } else {
                held(kind, number)
            };
            accept
                .numbers
                .extend(exact.map(|number| (Bound::Included(number), Bound::Included(number))));
        }
    }
    Ok(())
}

/// And where the value of the document tells the type: what does not fit it equals nothing.
fn guessed(accept: &mut Accept, value: &Value) {
    accept.numbers.extend(
        coerce::number(value).map(|number| (Bound::Included(number), Bound::Included(number))),
    );
    accept.truths.extend(coerce::boolean(value));
    let dates = default_dates();
    if let (Some(from), Some(to)) = (millis(&dates, value, false), millis(&dates, value, true)) {
        accept.dates.push((from, to));
    }
}

fn millis_of(formats: &[DateFormat], value: &Value, up: bool, at: &str) -> Result<i64, StoreError> {
    let is_reckoned = value
        .as_str()
        .is_some_and(|text| text.starts_with("now") || text.contains("||"));
    if is_reckoned {
        return Err(unsupported("date math", at));
    }
    millis(formats, value, up)
        .ok_or_else(|| bad(format!("{value} is not a date of the field's format"), at))
}

pub fn term(mapping: &Mapping, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "term", &[], at)?;
    let value = clause::short_or_long(value, "value", "term", &at, clause::refuse("term"))?;
    let value = clause::scalar(value, "term", &at)?;
    Leaf::read(mapping, field, "term", &at, |kind| {
        any_of(kind, &[value], "term", &at)
    })
}

pub fn terms(mapping: &Mapping, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    const MOST: usize = 65_536;
    let (field, values, at) = clause::one_field(value, "terms", &[], at)?;
    let Value::Array(values) = values else {
        return Err(match values {
            Value::Object(_) => unsupported("terms look-up", &at),
            _ => bad("`terms` expects an array", &at),
        });
    };
    if values.len() > MOST {
        return Err(bad(format!("`terms` takes at most {MOST} values"), &at));
    }
    let values = values
        .iter()
        .map(|value| clause::scalar(value, "terms", &at))
        .collect::<Result<Vec<_>, _>>()?;
    Leaf::read(mapping, field, "terms", &at, |kind| {
        any_of(kind, &values, "terms", &at)
    })
}

pub fn prefix(mapping: &Mapping, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "prefix", &[], at)?;
    let value = clause::short_or_long(value, "value", "prefix", &at, clause::refuse("prefix"))?;
    let start = text(clause::scalar(value, "prefix", &at)?);
    let accept = |kind: &Type| {
        let starting = || Some(Texts::Prefix(start.clone()));
        match kind {
            Type::Keyword { .. } | Type::GuessedKeyword => Ok(Accept {
                keywords: starting(),
                ..Accept::default()
            }),
            Type::Text | Type::Guessed { .. } => Ok(Accept {
                terms: starting(),
                ..Accept::default()
            }),
            Type::Object => Ok(Accept::default()),
            Type::Id
            | Type::Whole
            | Type::Double
            | Type::Float
            | Type::Boolean
            | Type::Date(_)
            | Type::GeoPoint => Err(bad("`prefix` works on keyword and text fields only", &at)),
        }
    };
    Leaf::read(mapping, field, "prefix", &at, accept)
}

pub fn matching(mapping: &Mapping, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "match", &[], at)?;
    let (mut all, mut least) = (false, None);
    let value = clause::short_or_long(value, "query", "match", &at, |name, value, at| {
        match (name, value.as_str()) {
            ("operator", Some(word)) if word.eq_ignore_ascii_case("and") => {
                all = true;
                Ok(())
            }
            ("operator", Some(word)) if word.eq_ignore_ascii_case("or") => Ok(()),
            ("operator", _) => Err(bad("an operator is \"and\" or \"or\"", &at)),
            ("minimum_should_match", _) => {
                least = Some((value, at));
                Ok(())
            }
            _ => Err(unsupported(format!("match.{name}"), &at)),
        }
    })?;
    let value = clause::scalar(value, "match", &at)?;
    let words: HashSet<String> = analyze::terms(&text(value));
    let need = match least {
        _ if all => words.len(),
        Some((least, at)) => clause::minimum(least, words.len(), &at)?.max(1),
        None => 1,
    };
    let words = || {
        (!words.is_empty()).then(|| Texts::Of {
            texts: words.clone(),
            need,
        })
    };
    let accept = |kind: &Type| match kind {
        Type::Text => Ok(Accept {
            terms: words(),
            ..Accept::default()
        }),
        Type::Guessed { .. } => any_of(kind, &[value], "match", &at).map(|accept| Accept {
            terms: words(),
            ..accept
        }),
        _ => any_of(kind, &[value], "match", &at),
    };
    Leaf::read(mapping, field, "match", &at, accept)
}

/// The bounds of a range; `null` is no bound.
#[derive(Default)]
struct Bounds<'v> {
    from: Option<(&'v Value, bool, String)>,
    to: Option<(&'v Value, bool, String)>,
}

pub fn range(mapping: &Mapping, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "range", &[], at)?;
    let members = clause::object(value, "range", &at)?;
    let mut bounds = Bounds::default();
    for (name, value) in members.iter().filter(|(name, _)| name.as_str() != "boost") {
        let here = store::cell::pointer(&at, name);
        let side = match name.as_str() {
            "gte" | "gt" => &mut bounds.from,
            "lte" | "lt" => &mut bounds.to,
            _ => return Err(unsupported(format!("range.{name}"), &here)),
        };
        if !value.is_null() {
            *side = Some((
                clause::scalar(value, "range", &here)?,
                name.ends_with('e'),
                here,
            ));
        }
    }
    Leaf::read(mapping, field, "range", &at, |kind| {
        bounds.accept(kind, &at)
    })
}

impl Bounds<'_> {
    fn accept(&self, kind: &Type, at: &str) -> Result<Accept, StoreError> {
        let mut accept = Accept::default();
        match kind {
            Type::Keyword { .. } | Type::GuessedKeyword => accept.keywords = Some(self.texts()),
            Type::Text => accept.terms = Some(self.texts()),
            Type::Whole | Type::Double | Type::Float => accept.numbers.push(self.numbers(kind)?),
            Type::Boolean => accept.truths = self.truths()?,
            Type::Date(formats) => accept.dates.push(self.dates(formats)?),
            Type::Guessed { .. } => {
                accept.terms = Some(self.texts());
                accept.numbers.extend(self.numbers(kind).ok());
                accept.truths = self.truths().unwrap_or_default();
                accept.dates.extend(self.dates(&default_dates()).ok());
            }
            Type::Object => {}
            Type::Id | Type::GeoPoint => {
                return Err(bad("`range` does not work on ids and points", at));
            }
        }
        Ok(accept)
    }

    fn texts(&self) -> Texts {
        let bound = |side: &Option<(&Value, bool, String)>| match side {
            None => Bound::Unbounded,
            Some((value, true, _)) => Bound::Included(text(value)),
            Some((value, false, _)) => Bound::Excluded(text(value)),
        };
        Texts::Range(bound(&self.from), bound(&self.to))
    }

    fn numbers(&self, kind: &Type) -> Result<(Bound<Number>, Bound<Number>), StoreError> {
        let bound = |side: &Option<(&Value, bool, String)>| {
            let Some((value, included, at)) = side else {
                return Ok::<_, StoreError>(Bound::Unbounded);
            };
            let number =
                coerce::number(value).ok_or_else(|| bad(format!("{value} is not a number"), at))?;
            let number = if *kind == Type::Whole {
                number
            } else {
                held(kind, number).unwrap_or(number)
            };
            Ok(if *included {
                Bound::Included(number)
            } else {
                Bound::Excluded(number)
            })
        };
        Ok((bound(&self.from)?, bound(&self.to)?))
    }

    /// False is before true.
    fn truths(&self) -> Result<Vec<bool>, StoreError> {
        let bound = |side: &Option<(&Value, bool, String)>| {
            let Some((value, included, at)) = side else {
                return Ok(None);
            };
            let truth = coerce::boolean(value)
                .ok_or_else(|| bad(format!("{value} is not true or false"), at))?;
            Ok::<_, StoreError>(Some((u8::from(truth), *included)))
        };
        let (from, to) = (bound(&self.from)?, bound(&self.to)?);
        let above = |truth: u8| {
            from.is_none_or(|(from, included)| truth > from || (included && truth == from))
        };
        let below =
            |truth: u8| to.is_none_or(|(to, included)| truth < to || (included && truth == to));
        Ok([false, true]
            .into_iter()
            .filter(|truth| above((*truth).into()) && below((*truth).into()))
            .collect())
    }

    /// What is missing at a date's end is filled up for `gt` and `lte`, and down for the others.
    fn dates(&self, formats: &[DateFormat]) -> Result<(i64, i64), StoreError> {
        let from = match &self.from {
            None => i64::MIN,
            Some((value, true, at)) => millis_of(formats, value, false, at)?,
            Some((value, false, at)) => millis_of(formats, value, true, at)?.saturating_add(1),
        };
        let to = match &self.to {
            None => i64::MAX,
            Some((value, true, at)) => millis_of(formats, value, true, at)?,
            Some((value, false, at)) => millis_of(formats, value, false, at)?.saturating_sub(1),
        };
        Ok((from, to))
    }
}
