//! The clauses that cut their text into terms as the field does: match, match_phrase,
//! match_phrase_prefix, multi_match.

use super::{
    Context,
    accept::{Accept, Texts},
    analyze, bad, clause,
    field::{Source, Type, expect_searchable, resolve_in},
    fuzzy::FuzzyOptions,
    leaf::{self, Leaf, any_of, query_text, scored_accept},
    phrase::Phrase,
    query::Query,
    unsupported,
};
use serde_json::{Map, Value};
use std::{cell::Cell, collections::BTreeMap};
use store::{
    StoreError,
    cell::join_pointer,
    mapping::{Analyzer, coerce},
};

/// What a match says beside its text.
#[derive(Clone, Debug, Default)]
pub struct MatchOptions {
    all: bool,
    least: Option<(Value, String)>,
    lenient: bool,
    /// A text without terms finds everything.
    empty_is_all: bool,
    phrase: bool,
    open: bool,
    slop: usize,
    near: FuzzyOptions,
}

impl MatchOptions {
    pub fn set_all(&mut self, all: bool) {
        self.all = all;
    }

    pub fn set_lenient(&mut self, value: &Value, at: &str) -> Result<(), StoreError> {
        self.lenient = read_flag(value, at)?;
        Ok(())
    }

    pub fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// The same for words behind each other.
    pub fn phrase(&self, slop: usize) -> Self {
        Self {
            phrase: true,
            slop,
            ..self.clone()
        }
    }

    /// Takes a parameter that says how far terms may be away.
    fn take_near(&mut self, name: &str, value: &Value, at: &str) -> Result<bool, StoreError> {
        if name == "fuzzy_transpositions" {
            self.near.take_transpositions(value, at)?;
            return Ok(true);
        }
        self.near.take(name, value, at)
    }

    /// Takes a parameter that all of these clauses share; false: it is not one.
    fn take(&mut self, name: &str, value: &Value, at: &str) -> Result<bool, StoreError> {
        match (name, value.as_str()) {
            ("operator", Some(word)) if word.eq_ignore_ascii_case("and") => self.all = true,
            ("operator", Some(word)) if word.eq_ignore_ascii_case("or") => self.all = false,
            ("operator", _) => return Err(bad("an operator is \"and\" or \"or\"", at)),
            ("minimum_should_match", _) => self.least = Some((value.clone(), at.to_owned())),
            ("lenient", _) => self.lenient = read_flag(value, at)?,
            ("auto_generate_synonyms_phrase_query", _) => drop(read_flag(value, at)?),
            ("zero_terms_query", Some(word)) if word.eq_ignore_ascii_case("none") => {
                self.empty_is_all = false;
            }
            ("zero_terms_query", Some(word)) if word.eq_ignore_ascii_case("all") => {
                self.empty_is_all = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn read_flag(value: &Value, at: &str) -> Result<bool, StoreError> {
    coerce::strict_boolean(value).ok_or_else(|| bad("expected true or false", at))
}

fn read_slop(value: &Value, at: &str) -> Result<usize, StoreError> {
    let slop = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    slop.map(|slop| slop as usize)
        .ok_or_else(|| bad("slop is a whole number", at))
}

pub fn read_match(context: &Context<'_>, value: &Value, at: &str) -> Result<Query, StoreError> {
    let (field, value, at) = clause::one_field(value, "match", &[], at)?;
    let mut options = MatchOptions::default();
    let value = clause::short_or_long(value, "query", "match", &at, |name, value, at| {
        if options.take(name, value, &at)? || options.take_near(name, value, &at)? {
            Ok(())
        } else {
            Err(unsupported(format!("match.{name}"), &at))
        }
    })?;
    let value = clause::expect_scalar(value, "match", &at)?;
    match_field(context, field, value, &options, "match", &at)
}

pub fn read_phrase(
    context: &Context<'_>,
    value: &Value,
    name: &str,
    at: &str,
) -> Result<Query, StoreError> {
    let (field, value, at) = clause::one_field(value, name, &[], at)?;
    let mut options = MatchOptions {
        phrase: true,
        open: name == "match_phrase_prefix",
        ..MatchOptions::default()
    };
    let value = clause::short_or_long(value, "query", name, &at, |parameter, value, at| {
        match parameter {
            "slop" => options.slop = read_slop(value, &at)?,
            "zero_terms_query" => drop(options.take(parameter, value, &at)?),
            _ => return Err(unsupported(format!("{name}.{parameter}"), &at)),
        }
        Ok(())
    })?;
    let value = clause::expect_scalar(value, name, &at)?;
    match_field(context, field, value, &options, name, &at)
}

/// Several fields, any of which may match.
pub fn read_multi_match(
    context: &Context<'_>,
    value: &Value,
    at: &str,
) -> Result<Query, StoreError> {
    let members = clause::expect_object(value, "multi_match", at)?;
    let (mut options, mut is_sum) = (MatchOptions::default(), false);
    let mut near = None;
    for (name, value) in members {
        let here = join_pointer(at, name);
        match (name.as_str(), value.as_str()) {
            ("query" | "fields" | "boost" | "tie_breaker", _) => {}
            ("type", Some("best_fields")) => {}
            ("type", Some("most_fields")) => is_sum = true,
            ("type", Some("phrase")) => options.phrase = true,
            ("type", Some("phrase_prefix")) => (options.phrase, options.open) = (true, true),
            ("type", Some(other)) => {
                return Err(unsupported(format!("multi_match of type `{other}`"), &here));
            }
            ("slop", _) => options.slop = read_slop(value, &here)?,
            _ if options.take(name, value, &here)? => {}
            _ if options.take_near(name, value, &here)? => near = Some((name, here)),
            _ => return Err(unsupported(format!("multi_match.{name}"), &here)),
        }
    }
    if let Some((name, here)) = near.filter(|_| options.phrase) {
        let what = format!("multi_match.{name} of phrases");
        return Err(unsupported(what, &here));
    }
    let value = members
        .get("query")
        .ok_or_else(|| bad("`multi_match` lacks `query`", at))?;
    let value = clause::expect_scalar(value, "multi_match", at)?;
    let mut queries = Vec::new();
    for (field, boost) in read_fields(members, "multi_match", at)? {
        let query = match_field(context, &field, value, &options, "multi_match", at)?;
        queries.push(query.boosted(boost));
    }
    let others = match members.get("tie_breaker") {
        None if is_sum => 1.0,
        None => 0.0,
        Some(given) => clause::read_factor(given, &join_pointer(at, "tie_breaker"))?,
    };
    Ok(Query::Best { queries, others })
}

/// The fields, and how much each of them counts.
pub fn read_fields(
    members: &Map<String, Value>,
    clause: &str,
    at: &str,
) -> Result<Vec<(String, f32)>, StoreError> {
    let here = join_pointer(at, "fields");
    let items = match members.get("fields") {
        Some(Value::Array(items)) if !items.is_empty() => items.clone(),
        Some(one @ Value::String(_)) => vec![one.clone()],
        _ => return Err(unsupported(format!("{clause} of all fields"), at)),
    };
    let name = |item: &Value| -> Result<(String, f32), StoreError> {
        let text = item
            .as_str()
            .ok_or_else(|| bad("a field's name must be a string", &here))?;
        let Some((name, boost)) = text.split_once('^') else {
            return Ok((text.to_owned(), 1.0));
        };
        let boost: Option<f32> = boost.parse().ok().filter(|boost| *boost >= 0.0);
        let boost =
            boost.ok_or_else(|| bad(format!("`{text}` has no number behind `^`"), &here))?;
        Ok((name.to_owned(), boost))
    };
    let mut fields: Vec<(String, f32)> = Vec::new();
    for item in &items {
        let (name, boost) = name(item)?;
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = boost,
            None => fields.push((name, boost)),
        }
    }
    Ok(fields)
}

fn match_field(
    context: &Context<'_>,
    field: &str,
    value: &Value,
    options: &MatchOptions,
    clause: &str,
    at: &str,
) -> Result<Query, StoreError> {
    match match_terms(context, field, value, options, clause, at)? {
        Some(query) => Ok(query),
        None if options.empty_is_all => Ok(Query::All),
        None => Ok(Query::any(Vec::new())),
    }
}

/// A text's words in a field; `None`: the text has none.
pub fn terms_of(
    context: &Context<'_>,
    field: &str,
    text: &str,
    options: &MatchOptions,
    clause: &str,
    at: &str,
) -> Result<Option<Query>, StoreError> {
    match_terms(context, field, &text.into(), options, clause, at)
}

/// In how many fields a text is looked for, and in how many of them it has no terms.
#[derive(Default)]
struct AskedFieldCount {
    all: Cell<usize>,
    without_terms: Cell<usize>,
}

impl AskedFieldCount {
    fn have_no_terms(&self) -> bool {
        self.all.get() > 0 && self.without_terms == self.all
    }
}

fn match_terms(
    context: &Context<'_>,
    field: &str,
    value: &Value,
    options: &MatchOptions,
    clause: &str,
    at: &str,
) -> Result<Option<Query>, StoreError> {
    if options.near.fuzziness.is_some() && !options.phrase {
        return match match_near(context, field, value, options, at) {
            Err(StoreError::BadSearch { .. }) if options.lenient => {
                Ok(Some(Query::any(Vec::new())))
            }
            other => other,
        };
    }
    let fields = AskedFieldCount::default();
    let is_nothing = |source: &Source| match &source.kind {
        Type::Text(options) => {
            analyze::analyze_text(options.search_analyzer, &query_text(value)).is_empty()
        }
        _ => false,
    };
    let leaf = Leaf::read_unless(context, field, clause, at, is_nothing, |source| {
        fields.all.set(fields.all.get() + 1);
        match accept_words(context, source, value, options, clause, at, &fields) {
            Err(StoreError::BadSearch { .. }) if options.lenient => Ok(Accept::default()),
            other => other.map(scored_accept),
        }
    });
    match leaf {
        Ok(_) if fields.have_no_terms() => Ok(None),
        Err(StoreError::BadSearch { .. }) if options.lenient => Ok(Some(Query::any(Vec::new()))),
        leaf => leaf.map(|leaf| Some(Query::Leaf(leaf))),
    }
}

/// Each word, or a term near it.
fn match_near(
    context: &Context<'_>,
    field: &str,
    value: &Value,
    options: &MatchOptions,
    at: &str,
) -> Result<Option<Query>, StoreError> {
    let mut sources = resolve_in(context, field, "match", at)?;
    if sources.len() > 1 {
        return Err(unsupported("match.fuzziness on such a field", at));
    }
    let Some(source) = sources.pop().filter(|source| source.kind != Type::Object) else {
        return Ok(Some(Query::any(Vec::new())));
    };
    expect_searchable(&source, field, at)?;
    let text = query_text(value);
    let tokens = match &source.kind {
        Type::Text(text_options) => analyze::analyze_text(text_options.search_analyzer, &text),
        Type::Guessed { .. } => analyze::analyze_text(Analyzer::Standard, &text),
        _ if source.split => analyze::analyze_text(Analyzer::Whitespace, &text),
        _ => vec![(text, 0)],
    };
    let count = tokens.len();
    let leaves = tokens.into_iter().map(|(word, _)| {
        let accept = leaf::near_in(&source, &word, &options.near, at)?;
        Ok(Query::Leaf(Leaf::of(source.clone(), accept)))
    });
    let mut should = leaves.collect::<Result<Vec<_>, StoreError>>()?;
    if count <= 1 {
        return Ok(should.pop());
    }
    Ok(Some(Query::Bool {
        must: Vec::new(),
        filter: Vec::new(),
        must_not: Vec::new(),
        should,
        need: needed_terms(count, options)?,
    }))
}

/// How many of several terms must be met.
fn needed_terms(count: usize, options: &MatchOptions) -> Result<usize, StoreError> {
    Ok(match &options.least {
        _ if options.all => count,
        Some((least, at)) if count > 1 => clause::read_minimum(least, count, at)?.max(1),
        _ => 1,
    })
}

fn accept_words(
    context: &Context<'_>,
    source: &Source,
    value: &Value,
    options: &MatchOptions,
    clause: &str,
    at: &str,
    fields: &AskedFieldCount,
) -> Result<Accept, StoreError> {
    let (analyzer, positions) = match &source.kind {
        Type::Text(text) => (text.search_analyzer, text.positions),
        Type::Guessed { .. } => (Analyzer::Standard, true),
        Type::Keyword { .. } | Type::Leaves { .. } if source.split && !options.open => {
            (Analyzer::Whitespace, true)
        }
        _ if options.open && source.kind != Type::Object => {
            let text = coerce::scalar_text(value).unwrap_or_default();
            if text.trim().is_empty() {
                return Err(unsupported(
                    format!("{clause} of no words, but in text"),
                    at,
                ));
            }
            return Err(bad(
                "the beginning of a phrase is looked for in text only",
                at,
            ));
        }
        _ => return any_of(context, source, &[value], clause, at),
    };
    let tokens = analyze::analyze_text(analyzer, &query_text(value));
    let is_keyword = source.split;
    let several = tokens.len() > 1;
    if options.phrase && several && (!positions || is_keyword) {
        return Err(bad("the field was indexed without positions", at));
    }
    let terms = if tokens.is_empty() {
        fields.without_terms.set(fields.without_terms.get() + 1);
        None
    } else if options.phrase && (several || options.open) {
        Some(Texts::Phrase(Phrase::new(
            tokens,
            options.slop,
            options.open,
        )))
    } else {
        Some(word_texts(source, tokens, options)?)
    };
    if is_keyword {
        return Ok(Accept {
            keywords: terms,
            ..Accept::default()
        });
    }
    let others = match source.kind {
        Type::Guessed { .. } => any_of(context, source, &[value], clause, at)?,
        _ => Accept::default(),
    };
    Ok(Accept { terms, ..others })
}

fn word_texts(
    source: &Source,
    tokens: Vec<analyze::Token>,
    options: &MatchOptions,
) -> Result<Texts, StoreError> {
    let count = tokens.len();
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    for (term, _) in tokens {
        *texts
            .entry(super::leaf::normal_keyword(&source.kind, term))
            .or_default() += 1;
    }
    let need = needed_terms(count, options)?;
    Ok(Texts::Of { texts, need })
}
