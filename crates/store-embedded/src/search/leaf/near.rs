//! Terms near a word: the clause `fuzzy`, and what other clauses ask in its way.

use super::{Leaf, normal_keyword, pattern::of_texts, query_text, scored_accept};
use crate::search::{
    Context,
    accept::{Accept, Texts},
    analyze, bad, clause,
    field::{Source, Type, resolve_in},
    fuzzy::{Fuzziness, FuzzyOptions},
    unsupported,
};
use serde_json::Value;
use store::{
    StoreError,
    mapping::{Analyzer, date},
};

pub fn read_fuzzy(context: &Context<'_>, value: &Value, at: &str) -> Result<Leaf, StoreError> {
    let (field, value, at) = clause::one_field(value, "fuzzy", &[], at)?;
    let mut options = FuzzyOptions::default();
    let value = clause::short_or_long(value, "value", "fuzzy", &at, |name, value, at| {
        match name {
            "transpositions" => options.take_transpositions(value, &at)?,
            _ if options.take(name, value, &at)? => {}
            _ => return Err(unsupported(format!("fuzzy.{name}"), &at)),
        }
        Ok(())
    })?;
    options.fuzziness.get_or_insert(Fuzziness::AUTO);
    let word = query_text(clause::expect_scalar(value, "fuzzy", &at)?);
    terms_near(context, field, &word, &options, &at)
}

/// Terms near a word, which is a term itself.
pub fn terms_near(
    context: &Context<'_>,
    field: &str,
    word: &str,
    options: &FuzzyOptions,
    at: &str,
) -> Result<Leaf, StoreError> {
    Leaf::read(context, field, "fuzzy", at, |source| {
        near_in(source, word, options, at)
    })
}

pub fn near_in(
    source: &Source,
    word: &str,
    options: &FuzzyOptions,
    at: &str,
) -> Result<Accept, StoreError> {
    let by_value =
        !source.index && source.doc_values && matches!(source.kind, Type::Keyword { .. });
    let accept = of_texts(source, "fuzzy", at, |kind| {
        let near = options.near(&normal_keyword(kind, word.to_owned()), word);
        let near = near.ok_or_else(|| bad("`fuzziness` is missing", at))?;
        Ok(Texts::Near(if by_value { near.by_value() } else { near }))
    })?;
    if by_value {
        return Ok(accept);
    }
    if !source.index && source.kind != Type::Object {
        return Err(bad("a field that is not indexed has no terms", at));
    }
    Ok(scored_accept(accept))
}

/// A part of a text as the terms of a field are spelled.
pub fn normalized_text(
    context: &Context<'_>,
    field: &str,
    text: &str,
    at: &str,
) -> Result<String, StoreError> {
    let sources = resolve_in(context, field, "query_string", at)?;
    let is_lower = match sources.last().map(|source| &source.kind) {
        Some(Type::Text(options)) => matches!(
            options.search_analyzer,
            Analyzer::Standard | Analyzer::Simple | Analyzer::Stop
        ),
        Some(Type::Guessed { .. }) => date::detect_date(text).is_none(),
        Some(Type::Keyword { lowercase, .. }) => *lowercase,
        _ => false,
    };
    Ok(if is_lower {
        analyze::lowercase_text(text)
    } else {
        text.to_owned()
    })
}
