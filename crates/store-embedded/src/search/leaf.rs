//! The clauses about one field's values: term, terms, range, prefix, wildcard, regexp. Each turns
//! its parameters into what it accepts of each form.

mod near;

pub use near::{near_in, normalized_text, read_fuzzy, terms_near};

use super::{
    Context,
    accept::{Accept, Texts},
    analyze, bad, clause,
    document::Document,
    exists::Exists,
    field::{Source, Type, expect_searchable, resolve_in},
    indexed::held_number,
    query::Query,
    range::Bounds,
    relevance::Relevance,
    unsupported, wild,
};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
};
use store::{
    StoreError,
    mapping::{
        Found, Kind,
        coerce::{self, Number, Reader},
        date::{DateFormat, Detected, Fill, Moment, NotAMoment},
        ip,
    },
};

/// A clause about one field: met where any of its places has an accepted value.
#[derive(Debug, Default)]
pub struct Leaf {
    places: Vec<LeafField>,
}

#[derive(Debug)]
struct LeafField {
    source: Source,
    accept: Accept,
    relevance: Relevance,
}

/// The terms that a clause looks for in a field.
pub struct SoughtTerms<'q> {
    pub texts: &'q HashMap<String, usize>,
    /// Does each count for itself?
    pub is_scored: bool,
}

impl Leaf {
    pub fn matches(&self, id: &str, document: &Document) -> bool {
        let is_met = |place: &LeafField| place.accept.is_met(&place.source, id, document);
        self.places.iter().any(is_met)
    }

    /// Must all documents be looked at before any of them has a score?
    pub fn is_scored(&self) -> bool {
        self.places.iter().any(|place| place.accept.is_scored)
    }

    /// Must all documents be looked at before any of them is found?
    pub fn needs_terms(&self) -> bool {
        self.places.iter().any(|place| {
            let texts = [&place.accept.terms, &place.accept.keywords];
            texts
                .into_iter()
                .flatten()
                .any(|texts| matches!(texts, Texts::Near(_)))
        })
    }

    /// One field.
    pub fn of(source: Source, accept: Accept) -> Self {
        let relevance = Relevance::default();
        Self {
            places: vec![LeafField {
                source,
                accept,
                relevance,
            }],
        }
    }

    pub fn learn(&self, document: &Document) {
        for place in self.places.iter().filter(|place| place.accept.is_scored) {
            place
                .relevance
                .learn(&place.source, &place.accept, document);
        }
    }

    /// The terms that are looked for in the texts of this field. `None`: something else is, too.
    pub fn terms_in(&self, source: &Source) -> Option<Vec<SoughtTerms<'_>>> {
        let mut sought = Vec::new();
        for place in self.places.iter().filter(|place| place.source == *source) {
            let is_scored = place.accept.is_scored;
            for texts in [&place.accept.terms, &place.accept.keywords]
                .into_iter()
                .flatten()
            {
                let Texts::Of { texts, .. } = texts else {
                    return None;
                };
                sought.push(SoughtTerms { texts, is_scored });
            }
        }
        Some(sought)
    }

    /// What a document counts that is met.
    pub fn score(&self, id: &str, document: &Document) -> Result<f32, StoreError> {
        let mut score = 0.0;
        for place in &self.places {
            if !place.accept.is_met(&place.source, id, document) {
                continue;
            }
            score += if place.accept.is_scored {
                let relevance = &place.relevance;
                relevance.score(&place.source, &place.accept, document)?
            } else {
                1.0
            };
        }
        Ok(score)
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        name_members(self.places.iter().map(|place| &place.source), wanted);
    }

    pub fn read(
        context: &Context<'_>,
        field: &str,
        clause: &str,
        at: &str,
        accept: impl Fn(&Source) -> Result<Accept, StoreError>,
    ) -> Result<Self, StoreError> {
        Self::read_unless(context, field, clause, at, |_| false, accept)
    }

    /// The same, but for fields in which nothing is looked for: those need not be searchable.
    pub fn read_unless(
        context: &Context<'_>,
        field: &str,
        clause: &str,
        at: &str,
        is_nothing: impl Fn(&Source) -> bool,
        accept: impl Fn(&Source) -> Result<Accept, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut places = Vec::new();
        for source in resolve_in(context, field, clause, at)? {
            if !matches!(source.kind, Type::Object) && !is_nothing(&source) {
                expect_searchable(&source, field, at)?;
            }
            let accept = accept(&source)?;
            places.push(LeafField {
                source,
                accept,
                relevance: Relevance::default(),
            });
        }
        Ok(Self { places })
    }
}

/// The members of a document that these sources look at.
pub fn name_members<'s>(sources: impl Iterator<Item = &'s Source>, wanted: &mut BTreeSet<String>) {
    let of_body = sources.filter(|source| source.kind != Type::Id);
    let of_key = |source: &'s Source| source.is_key.then_some(&source.root);
    let copies = |source: &'s Source| source.keyed_copies.iter().map(|(_, path)| path);
    let paths = of_body.flat_map(|source| {
        let own = source.paths.iter().chain(of_key(source));
        own.chain(copies(source))
    });
    wanted.extend(paths.map(|path| super::document::first_name(path).to_owned()));
}

/// A value of a query as a text.
pub fn query_text(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            java_fraction(number.as_f64().unwrap_or_default())
        }
        other => coerce::scalar_text(other).unwrap_or_default().into_owned(),
    }
}

/// A fraction as Java spells it: very large and very small ones with an exponent.
fn java_fraction(real: f64) -> String {
    let size = real.abs();
    if real == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{real:?}");
    }
    let text = format!("{real:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => text,
    }
}

/// A text as it is looked for in a keyword.
pub fn normal_keyword(kind: &Type, text: String) -> String {
    match kind {
        Type::Keyword {
            lowercase: true, ..
        } => analyze::lowercase_text(&text),
        _ => text,
    }
}

/// Any of these values, as `term` and `terms` mean them: terms are not analyzed.
pub fn any_of(
    context: &Context<'_>,
    source: &Source,
    values: &[&Value],
    clause: &str,
    at: &str,
) -> Result<Accept, StoreError> {
    let mut accept = Accept::default();
    let texts = || {
        let all = values
            .iter()
            .map(|value| normal_keyword(&source.kind, query_text(value)));
        Some(Texts::any(all))
    };
    match &source.kind {
        Type::Id | Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
            accept.keywords = texts();
        }
        Type::Text(_) => accept.terms = texts(),
        Type::GeoPoint(_) if values.is_empty() => {}
        Type::GeoPoint(_) => {
            return Err(bad(
                format!("`{clause}` does not work on points: use geo_distance or geo_bounding_box"),
                at,
            ));
        }
        Type::Object => {}
        Type::Guessed { .. } => {
            accept.terms = texts();
            for value in values {
                accept_guessed(context, &mut accept, value, at)?;
            }
        }
        _ => {
            for value in values {
                // What is not indexed is compared value by value, as `term` does.
                if clause == "terms" && source.index && !is_in_reach(source, value) {
                    return Err(bad(format!("{value} is out of the field's range"), at));
                }
                accept_typed(context, &mut accept, source, value, at)?;
            }
        }
    }
    Ok(accept)
}

/// Of a list every number must be one that the type could hold, fractions aside.
fn is_in_reach(source: &Source, value: &Value) -> bool {
    if ["NaN", "Infinity", "-Infinity"]
        .iter()
        .any(|odd| value == odd)
    {
        return false;
    }
    match (&source.kind, coerce::read_number(value, source.reader())) {
        (Type::Whole { greatest, .. }, Some(number)) if number.is_whole() => {
            let whole = number.truncated();
            whole.is_some_and(|whole| *greatest == i64::MAX || i32::try_from(whole).is_ok())
        }
        (kind @ (Type::Float | Type::HalfFloat), Some(number)) => {
            held_number(kind, number).real().is_finite()
        }
        _ => true,
    }
}

/// A value equal to this one, in a field of this type.
fn accept_typed(
    context: &Context<'_>,
    accept: &mut Accept,
    source: &Source,
    value: &Value,
    at: &str,
) -> Result<(), StoreError> {
    let unfit = || bad(format!("{value} is nothing that the field could hold"), at);
    match &source.kind {
        Type::Boolean => accept
            .truths
            .push(coerce::strict_boolean(value).ok_or_else(unfit)?),
        Type::Date(formats) => {
            let dates = context.dates(formats);
            accept.dates.push((
                date_millis(&dates, value, Fill::Down, at)?,
                date_millis(&dates, value, Fill::Up, at)?,
            ));
        }
        Type::Ip => {
            let text = value.as_str().ok_or_else(unfit)?;
            let one = ip::parse(text).map(|address| (address, address));
            let range = one.or_else(|| ip::parse_block(text)).ok_or_else(unfit)?;
            accept.addresses.push(range);
        }
        kind => {
            let number = match value.as_str() {
                // What Java reads as a number without a value equals nothing.
                Some("NaN" | "Infinity" | "-Infinity") => return Ok(()),
                _ => coerce::read_number(value, source.reader()),
            };
            let number = number
                .or_else(|| infinite_number(value))
                .ok_or_else(unfit)?;
            // A whole-number field holds no fraction, so a fraction equals nothing in it.
            let exact = held_number(kind, number);
            accept
                .numbers
                .push((Bound::Included(exact), Bound::Included(exact)));
        }
    }
    Ok(())
}

/// A number too large for a double.
fn infinite_number(value: &Value) -> Option<Number> {
    let text = value.as_str()?;
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let real: f64 = text.parse().ok()?;
    (text.bytes().all(plain) && real.is_infinite()).then_some(Number::Real(real))
}

/// And where the value of the document tells the type: what does not fit it equals nothing.
fn accept_guessed(
    context: &Context<'_>,
    accept: &mut Accept,
    value: &Value,
    at: &str,
) -> Result<(), StoreError> {
    if let Some(number) = coerce::read_number(value, Reader::Exact) {
        accept
            .numbers
            .push((Bound::Included(number), Bound::Included(number)));
        let short = Number::Real(f64::from(number.real() as f32));
        accept
            .fractions
            .push((Bound::Included(short), Bound::Included(short)));
    }
    accept.truths.extend(coerce::strict_boolean(value));
    for how in [Detected::Iso, Detected::Slashes] {
        let formats = how.formats();
        let dates = context.dates(&formats);
        let both = (
            optional_answer(date_millis(&dates, value, Fill::Down, at))?,
            optional_answer(date_millis(&dates, value, Fill::Up, at))?,
        );
        let into = match how {
            Detected::Iso => &mut accept.dates,
            Detected::Slashes => &mut accept.slashed,
        };
        into.extend(both.0.zip(both.1));
    }
    Ok(())
}

/// What is malformed for one of several types may fit another; what is not supported is not.
pub fn optional_answer<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::BadSearch { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

impl Context<'_> {
    pub fn dates<'f>(&self, formats: &'f [DateFormat]) -> Moment<'f> {
        Moment {
            formats,
            now: self.now,
            offset: 0,
        }
    }
}

pub fn date_millis(
    dates: &Moment<'_>,
    value: &Value,
    fill: Fill,
    at: &str,
) -> Result<i64, StoreError> {
    dates.of(value, fill).map_err(|error| match error {
        NotAMoment::Malformed => bad(format!("{value} is not a date of the field's format"), at),
        NotAMoment::Unknown(format) => unsupported(format!("the date format `{format}`"), at),
        NotAMoment::Regional(region) => unsupported(format!("the time zone `{region}`"), at),
    })
}

pub fn read_term(context: &Context<'_>, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "term", &[], at)?;
    let mut ignore_case = false;
    let value = clause::short_or_long(value, "value", "term", &at, |name, value, at| {
        match name {
            "case_insensitive" => ignore_case = read_flag(value, &at)?,
            _ => return Err(unsupported(format!("term.{name}"), &at)),
        }
        Ok(())
    })?;
    let value = clause::expect_scalar(value, "term", &at)?;
    Leaf::read(context, field, "term", &at, |source| {
        if ignore_case && !query_text(value).is_empty() {
            return of_texts(source, "term", &at, |kind| {
                any_case(normal_keyword(kind, query_text(value)), false, &at)
            });
        }
        any_of(context, source, &[value], "term", &at).map(scored_accept)
    })
}

/// Terms that count as the collection's figures say.
pub fn scored_accept(accept: Accept) -> Accept {
    Accept {
        is_scored: true,
        ..accept
    }
}

pub fn read_terms(context: &Context<'_>, value: &Value, at: &str) -> Result<Leaf, StoreError> {
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
        .map(|value| clause::expect_scalar(value, "terms", &at))
        .collect::<Result<Vec<_>, _>>()?;
    Leaf::read(context, field, "terms", &at, |source| {
        any_of(context, source, &values, "terms", &at)
    })
}

/// What `prefix`, `wildcard` and `regexp` accept: whole keywords, terms of a text, and no field of
/// another type.
fn of_texts(
    source: &Source,
    clause: &str,
    at: &str,
    texts: impl FnOnce(&Type) -> Result<Texts, StoreError>,
) -> Result<Accept, StoreError> {
    if source.is_key && !["prefix", "term"].contains(&clause) {
        let why = format!("`{clause}` does not work on keys of flattened fields");
        return Err(bad(why, at));
    }
    match &source.kind {
        Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => Ok(Accept {
            keywords: Some(texts(&source.kind)?),
            ..Accept::default()
        }),
        Type::Text(_) | Type::Guessed { .. } => Ok(Accept {
            terms: Some(texts(&source.kind)?),
            ..Accept::default()
        }),
        Type::Id if clause == "term" => Ok(Accept {
            keywords: Some(texts(&source.kind)?),
            ..Accept::default()
        }),
        Type::Object => Ok(Accept::default()),
        _ => Err(bad(
            format!("`{clause}` works on keyword and text fields only"),
            at,
        )),
    }
}

pub fn read_prefix(context: &Context<'_>, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "prefix", &[], at)?;
    let mut ignore_case = false;
    let value = clause::short_or_long(value, "value", "prefix", &at, |name, value, at| {
        match name {
            "case_insensitive" => ignore_case = read_flag(value, &at)?,
            "rewrite" => {}
            _ => return Err(unsupported(format!("prefix.{name}"), &at)),
        }
        Ok(())
    })?;
    let start = query_text(clause::expect_scalar(value, "prefix", &at)?);
    Leaf::read(context, field, "prefix", &at, |source| {
        of_texts(source, "prefix", &at, |kind| {
            let start = normal_keyword(kind, start.clone());
            if ignore_case {
                any_case(start, true, &at)
            } else {
                Ok(Texts::Prefix(start))
            }
        })
    })
}

fn any_case(text: String, is_open: bool, at: &str) -> Result<Texts, StoreError> {
    let read = wild::any_case(&text, is_open).map(Texts::Pattern);
    read.ok_or_else(|| unsupported("a text of this length in any case", at))
}

/// A flag of a clause.
fn read_flag(value: &Value, at: &str) -> Result<bool, StoreError> {
    coerce::strict_boolean(value).ok_or_else(|| bad("expected true or false", at))
}

pub fn read_wildcard(context: &Context<'_>, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "wildcard", &[], at)?;
    let (mut ignore_case, mut second) = (false, None);
    let given = match value {
        Value::Object(members) if !members.contains_key("value") => "wildcard",
        _ => "value",
    };
    let value = clause::short_or_long(value, given, "wildcard", &at, |name, value, at| {
        match name {
            "case_insensitive" => ignore_case = read_flag(value, &at)?,
            "rewrite" => {}
            "wildcard" | "value" => second = Some(at),
            _ => return Err(bad(format!("`wildcard` has no `{name}`"), &at)),
        }
        Ok(())
    })?;
    let pattern = query_text(clause::expect_scalar(value, "wildcard", &at)?);
    Leaf::read(context, field, "wildcard", &at, |source| {
        of_texts(source, "wildcard", &at, |kind| {
            let pattern = normal_keyword(kind, pattern.clone());
            if pattern.is_empty() {
                // Not even the empty text.
                return Ok(Texts::any([]));
            }
            let read = wild::wildcard_regex(&pattern, ignore_case);
            read.map(Texts::Pattern)
                .ok_or_else(|| unsupported("a wildcard of this length", &at))
        })
    })
}

pub fn read_regexp(context: &Context<'_>, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "regexp", &[], at)?;
    let (mut all, mut ignore_case) = (true, false);
    let value = clause::short_or_long(value, "value", "regexp", &at, |name, value, at| {
        match (name, value.as_str()) {
            ("flags", Some("ALL")) => all = true,
            ("flags", Some("NONE")) => all = false,
            ("case_insensitive", _) => ignore_case = read_flag(value, &at)?,
            ("rewrite" | "max_determinized_states", _) => {}
            _ => return Err(unsupported(format!("regexp.{name}"), &at)),
        }
        Ok(())
    })?;
    let pattern = query_text(clause::expect_scalar(value, "regexp", &at)?);
    if pattern.chars().count() > 1_000 {
        return Err(bad("an expression has at most 1,000 letters", &at));
    }
    Leaf::read(context, field, "regexp", &at, |source| {
        of_texts(source, "regexp", &at, |kind| {
            let read = wild::lucene_regex(&normal_keyword(kind, pattern.clone()), all, ignore_case);
            read.map(Texts::Pattern)
                .ok_or_else(|| unsupported("this regular expression", &at))
        })
    })
}

pub fn read_range(context: &Context<'_>, value: &Value, at: &str) -> Result<Query, StoreError> {
    let (field, value, at) = clause::one_field(value, "range", &[], at)?;
    let bounds = Bounds::read(context, value, &at)?;
    let found = context.mapping.find_within(field, field);
    let is_object = matches!(&found, Found::Field(found) if matches!(found.kind, Kind::Object(_)));
    if bounds.is_open() && !is_object {
        return Exists::of(context, field, "range", &at).map(Query::Exists);
    }
    let leaf = Leaf::read(context, field, "range", &at, |source| {
        bounds.accept(source, &at)
    });
    leaf.map(Query::Leaf)
}
