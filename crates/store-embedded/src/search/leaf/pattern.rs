//! The clauses that look for texts of a form: prefix, wildcard, regexp. They accept whole keywords and
//! terms of a text, and no field of another type.

use super::{Leaf, normal_keyword, query_text};
use crate::search::{
    Context,
    accept::{Accept, Texts},
    bad, clause,
    field::{Source, Type},
    unsupported, wild,
};
use serde_json::Value;
use store::{StoreError, mapping::coerce};

/// What `prefix`, `wildcard` and `regexp` accept: whole keywords, terms of a text, and no field of
/// another type.
pub(super) fn of_texts(
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

pub(super) fn any_case(text: String, is_open: bool, at: &str) -> Result<Texts, StoreError> {
    let read = wild::any_case(&text, is_open).map(Texts::Pattern);
    read.ok_or_else(|| unsupported("a text of this length in any case", at))
}

/// A flag of a clause.
pub(super) fn read_flag(value: &Value, at: &str) -> Result<bool, StoreError> {
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
