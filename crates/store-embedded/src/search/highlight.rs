//! Highlights: where the terms of a search stand in the texts of a hit, as an index's `unified`
//! highlighter cuts and marks them. Of a field in which something else than whole terms is looked
//! for nothing is shown: that is refused by name.

mod breaks;
mod options;
mod passage;

use super::{
    Context, analyze, bad, clause,
    document::{self, Document},
    field::{self, Source, Type},
    indexed,
    leaf::SoughtTerms,
    query::Query,
    unsupported,
};
use options::HighlightOptions;
use passage::{HighlightedText, TermMatch};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use store::{
    StoreError,
    cell::join_pointer,
    mapping::{Analyzer, date},
};

/// What an index reads of a field, in UTF-16 units.
const LONGEST: usize = 1_000_000;

pub struct Highlight {
    fields: Vec<HighlightedField>,
    wanted: BTreeSet<String>,
}

struct HighlightedField {
    name: String,
    source: Source,
    options: HighlightOptions,
    at: String,
}

impl Highlight {
    pub fn read(
        context: &Context<'_>,
        query: &Query,
        value: &Value,
        at: &str,
    ) -> Result<Self, StoreError> {
        let members = clause::expect_object(value, "highlight", at)?;
        let common = HighlightOptions::default().with(members, &["fields", "encoder"], at)?;
        if members.get("encoder").is_some_and(|name| name != "default") {
            return Err(unsupported(
                "highlight.encoder",
                &join_pointer(at, "encoder"),
            ));
        }
        let (mut fields, mut wanted) = (Vec::new(), BTreeSet::new());
        query.name_members(&mut wanted);
        for (name, own, here) in named_fields(members, at)? {
            let own = clause::expect_object(own, "highlight", &here)?;
            let options = common.with(own, &[], &here)?;
            for source in field::resolve_field(context.mapping, name, "highlight", &here)? {
                fields.push(HighlightedField::new(name, source, query, &options, &here)?);
            }
            wanted.insert(document::first_name(name).to_owned());
        }
        Ok(Self { fields, wanted })
    }

    /// What is shown of a document that the query finds, by field; `None`: nothing.
    pub fn of(&self, query: &Query, id: &str, body: &str) -> Result<Option<Value>, StoreError> {
        let document = Document::read(body, &self.wanted)?;
        let mut shown = Map::new();
        for field in &self.fields {
            let mut sought = Vec::new();
            look_for(query, id, &document, &field.source, &mut sought);
            let snippets = field.snippets(&document, &sought)?;
            if !snippets.is_empty() {
                shown.insert(field.name.clone(), snippets.into());
            }
        }
        Ok(Some(shown)
            .filter(|shown| !shown.is_empty())
            .map(Value::Object))
    }
}

/// The fields, each with its options and where they stand.
fn named_fields<'v>(
    members: &'v Map<String, Value>,
    at: &str,
) -> Result<Vec<(&'v String, &'v Value, String)>, StoreError> {
    let here = join_pointer(at, "fields");
    let mut all = Vec::new();
    match members.get("fields") {
        None => {}
        Some(Value::Array(items)) => {
            for (n, item) in items.iter().enumerate() {
                let here = join_pointer(&here, &n.to_string());
                for (name, options) in clause::expect_object(item, "highlight", &here)? {
                    all.push((name, options, join_pointer(&here, name)));
                }
            }
        }
        Some(one) => {
            for (name, options) in clause::expect_object(one, "highlight", &here)? {
                all.push((name, options, join_pointer(&here, name)));
            }
        }
    }
    Ok(all)
}

impl HighlightedField {
    fn new(
        name: &str,
        source: Source,
        query: &Query,
        options: &HighlightOptions,
        at: &str,
    ) -> Result<Self, StoreError> {
        let is_text = matches!(
            source.kind,
            Type::Text(_) | Type::Keyword { .. } | Type::Guessed { .. } | Type::GuessedKeyword
        );
        let parent = source.paths.first().map(String::as_str).unwrap_or_default();
        let is_own = parent == name || name.starts_with(&format!("{parent}."));
        if !is_text || source.is_key || source.paths.len() != 1 || !is_own {
            return Err(unsupported("highlight on such a field", at));
        }
        if !is_of_terms(query, &source) {
            let what = "highlight of what is not found by whole terms";
            return Err(unsupported(what, at));
        }
        Ok(Self {
            name: name.to_owned(),
            source,
            options: options.clone(),
            at: at.to_owned(),
        })
    }

    fn snippets(
        &self,
        document: &Document,
        sought: &[SoughtTerms<'_>],
    ) -> Result<Vec<String>, StoreError> {
        let (mut texts, mut length, mut refused) = (Vec::new(), 0, None);
        if sought.is_empty() {
            return Ok(Vec::new());
        }
        document.values(&self.source, &mut |value| match self.text(value) {
            Ok(None) => {}
            Ok(Some(text)) => {
                let text = HighlightedText::new(&text, length, |text| self.matches(text, sought));
                length = text.end() + 1;
                texts.push(text);
            }
            Err(error) => refused = Some(error),
        });
        if length > LONGEST {
            let why = format!(
                "a text of `{}` is longer than can be highlighted",
                self.name
            );
            return Err(bad(why, &self.at));
        }
        match refused {
            Some(error) => Err(error),
            None => passage::cut_snippets(&texts, length.saturating_sub(1), &self.options)
                .map_err(|what| unsupported(what, &self.at)),
        }
    }

    /// The text that a value is, where it is one that an index highlights.
    fn text(&self, value: &Value) -> Result<Option<String>, StoreError> {
        match (&self.source.kind, value) {
            (_, Value::Null) => Ok(None),
            (Type::Keyword { .. } | Type::GuessedKeyword, Value::String(_)) => {
                let text = indexed::indexed_keyword(&self.source.kind, value);
                Ok(text.map(|text| text.into_owned()))
            }
            (Type::Guessed { dates: true }, Value::String(text))
                if date::detect_date(text).is_some() =>
            {
                Ok(None)
            }
            (Type::Guessed { .. }, Value::Number(_) | Value::Bool(_)) => Ok(None),
            (_, Value::String(text)) => Ok(Some(text.clone())),
            _ => Err(unsupported("highlight of what is no text", &self.at)),
        }
    }

    /// Where terms that are looked for stand, in bytes.
    fn matches(&self, text: &str, sought: &[SoughtTerms<'_>]) -> Vec<TermMatch> {
        let analyzer = match &self.source.kind {
            Type::Text(options) => options.analyzer,
            Type::Guessed { .. } => Analyzer::Standard,
            _ => Analyzer::Keyword,
        };
        let mut all = Vec::new();
        analyze::each_span(analyzer, text, &mut |term, span| {
            if !analyze::is_kept(analyzer, &term) {
                return;
            }
            for (n, clause) in sought.iter().enumerate() {
                if clause.texts.contains_key(&term) {
                    let term = if clause.is_scored {
                        term.clone()
                    } else {
                        format!("\0{n}")
                    };
                    let span = span.clone();
                    all.push(TermMatch { term, span });
                }
            }
        });
        all
    }
}

/// Are whole terms all that the query looks for in the field?
fn is_of_terms(query: &Query, source: &Source) -> bool {
    let mut is_known = true;
    match query {
        Query::Leaf(leaf) => leaf.terms_in(source).is_some(),
        _ => {
            each_shown(query, &mut |query| is_known &= is_of_terms(query, source));
            is_known
        }
    }
}

/// What the query looks for in the field, of the clauses that find the document.
fn look_for<'q>(
    query: &'q Query,
    id: &str,
    document: &Document,
    source: &Source,
    sought: &mut Vec<SoughtTerms<'q>>,
) {
    if !query.matches(id, document) {
        return;
    }
    match query {
        Query::Leaf(leaf) => sought.extend(leaf.terms_in(source).into_iter().flatten()),
        _ => each_shown(query, &mut |query| {
            look_for(query, id, document, source, sought)
        }),
    }
}

/// The clauses within, but for those that must not match.
fn each_shown<'q>(query: &'q Query, visit: &mut dyn FnMut(&'q Query)) {
    match query {
        Query::Bool {
            must,
            filter,
            should,
            ..
        } => must.iter().chain(filter).chain(should).for_each(visit),
        _ => query.inner(visit),
    }
}

#[cfg(test)]
mod tests;
