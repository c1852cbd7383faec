//! The clauses about one field's values, and of them term, terms and range. Each turns its parameters
//! into what it accepts of each form.

mod equal;
mod near;
mod pattern;

pub use equal::{any_of, date_millis, optional_answer};
pub use near::{near_in, normalized_text, read_fuzzy, terms_near};
pub use pattern::{read_prefix, read_regexp, read_wildcard};

use super::{
    Context,
    accept::{Accept, Texts},
    analyze, bad, clause,
    document::Document,
    exists::Exists,
    field::{Source, Type, expect_searchable, resolve_in},
    query::Query,
    range::Bounds,
    relevance::Relevance,
    unsupported,
};
use pattern::{any_case, of_texts, read_flag};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::{
    StoreError,
    mapping::{Found, Kind, coerce},
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
    pub texts: &'q BTreeMap<String, usize>,
    /// Does each count for itself?
    pub is_scored: bool,
}

impl Leaf {
    pub fn matches(&self, id: &str, document: &Document) -> bool {
        let is_met = |place: &LeafField| place.accept.is_met(&place.source, id, document);
        self.places.iter().any(is_met)
    }

    /// Its fields, what is accepted in each, and by what that is weighed.
    pub fn fields(&self) -> impl Iterator<Item = (&Source, &Accept, &Relevance)> {
        let places = self.places.iter();
        places.map(|place| (&place.source, &place.accept, &place.relevance))
    }

    /// Does every document that it finds count the same?
    pub fn is_uniform(&self) -> bool {
        let [place] = self.places.as_slice() else {
            return self.places.is_empty();
        };
        let (source, accept) = (&place.source, &place.accept);
        if !accept.is_scored || !source.index && !source.is_key {
            return true;
        }
        let scoring = source.relevance;
        let is_one = |texts: &Option<Texts>| matches!(texts, Some(Texts::Of { texts, .. }) if texts.len() == 1);
        match source.kind {
            _ if source.is_key => false,
            Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
                !scoring.norms && !scoring.frequencies && is_one(&accept.keywords)
            }
            Type::Text(_) | Type::Guessed { .. } => false,
            Type::Boolean => accept.truths.len() <= 1,
            Type::Id => is_one(&accept.keywords),
            _ => true,
        }
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
