//! Queries written as text: `query_string` (Lucene's own language) and `simple_query_string` (which
//! is never malformed), over named fields. What each piece of the text asks of the fields is built
//! here; the two languages only say which pieces there are and how they go together.

mod classic;
mod simple;

use super::{
    Context, bad, clause,
    fuzzy::FuzzyOptions,
    leaf,
    query::Query,
    unsupported,
    words::{self, MatchOptions},
};
use serde_json::{Map, Value, json};
use store::{StoreError, cell::join_pointer, mapping::coerce};

/// The fields that are asked, each with what it counts, and how.
struct AskedFields<'c> {
    context: &'c Context<'c>,
    clause: &'static str,
    fields: Vec<(String, f32)>,
    options: MatchOptions,
    /// Must all terms be met that nothing stands between?
    all: bool,
    at: String,
}

/// `None`: the text had no terms, so that nothing is asked.
type AskedQuery = Result<Option<Query>, StoreError>;

pub fn query_string(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let (asked, text) = AskedFields::read(context, body, "query_string", at)?;
    classic::parse_classic(&asked, &text)
}

pub fn read_simple(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let (asked, text) = AskedFields::read(context, body, "simple_query_string", at)?;
    simple::parse_simple(&asked, &text)
}

impl<'c> AskedFields<'c> {
    fn read(
        context: &'c Context<'c>,
        body: &Value,
        clause: &'static str,
        at: &str,
    ) -> Result<(Self, String), StoreError> {
        let members = clause::expect_object(body, clause, at)?;
        let mut asked = Self {
            context,
            clause,
            fields: Vec::new(),
            options: MatchOptions::default(),
            all: false,
            at: at.to_owned(),
        };
        for (name, value) in members {
            asked.parameter(name, value, &join_pointer(at, name))?;
        }
        asked.fields = asked.named(members, at)?;
        let text = members.get("query").and_then(coerce::scalar_text);
        let text = text.ok_or_else(|| bad(format!("`{clause}` lacks `query`"), at))?;
        if text.chars().count() > 4_096 {
            return Err(unsupported(
                format!("{clause} of more than 4,096 letters"),
                at,
            ));
        }
        Ok((asked, text.into_owned()))
    }

    fn parameter(&mut self, name: &str, value: &Value, at: &str) -> Result<(), StoreError> {
        let is_classic = self.clause == "query_string";
        match (name, value.as_str()) {
            ("query" | "fields" | "boost", _) => {}
            ("default_field", _) if is_classic => {}
            ("default_operator", Some(word)) => {
                self.all = match word.to_ascii_lowercase().as_str() {
                    "and" => true,
                    "or" => false,
                    _ => return Err(bad("an operator is \"and\" or \"or\"", at)),
                };
                self.options.set_all(self.all);
            }
            ("lenient", _) => self.options.set_lenient(value, at)?,
            ("analyze_wildcard", _) if value == &Value::Bool(false) => {}
            ("flags", Some("ALL")) if !is_classic => {}
            _ => return Err(unsupported(format!("{}.{name}", self.clause), at)),
        }
        Ok(())
    }

    fn named(
        &self,
        members: &Map<String, Value>,
        at: &str,
    ) -> Result<Vec<(String, f32)>, StoreError> {
        let default = members.get("default_field").and_then(Value::as_str);
        let fields = match (members.get("fields"), default) {
            (Some(_), Some(_)) => {
                let why = "either `fields` or `default_field` is given";
                return Err(bad(why, &join_pointer(at, "fields")));
            }
            (Some(_), None) => words::read_fields(members, self.clause, at)?,
            (None, Some(field)) => vec![(field.to_owned(), 1.0)],
            (None, None) => Vec::new(),
        };
        if fields.is_empty() || fields.iter().any(|(name, _)| name.contains('*')) {
            return Err(unsupported(format!("{} of all fields", self.clause), at));
        }
        Ok(fields)
    }

    /// The same of one field that the text names.
    fn of(&self, field: &str) -> Self {
        Self {
            context: self.context,
            clause: self.clause,
            fields: vec![(field.to_owned(), 1.0)],
            options: self.options.clone(),
            all: self.all,
            at: self.at.clone(),
        }
    }

    fn refuse<T>(&self, what: &str) -> Result<T, StoreError> {
        let at = join_pointer(&self.at, "query");
        Err(unsupported(format!("{} with {what}", self.clause), &at))
    }

    fn malformed<T>(&self, why: &str) -> Result<T, StoreError> {
        Err(bad(why, &join_pointer(&self.at, "query")))
    }

    /// Each field is asked; the best counts, and of the others a part.
    fn each(&self, others: f32, ask: impl Fn(&str) -> AskedQuery) -> AskedQuery {
        let mut queries = Vec::new();
        for (field, boost) in &self.fields {
            let asked = match ask(field) {
                Err(StoreError::BadSearch { .. }) if self.options.is_lenient() => {
                    Some(Query::any(Vec::new()))
                }
                asked => asked?,
            };
            queries.extend(asked.map(|query| query.boosted(*boost)));
        }
        Ok(match queries.len() {
            0 => None,
            1 => queries.pop(),
            _ => Some(Query::Best { queries, others }),
        })
    }

    /// Words as the field cuts them.
    fn words(&self, text: &str, others: f32) -> AskedQuery {
        self.each(others, |field| {
            words::terms_of(
                self.context,
                field,
                text,
                &self.options,
                self.clause,
                &self.at,
            )
        })
    }

    fn phrase(&self, text: &str, slop: usize) -> AskedQuery {
        let options = self.options.phrase(slop);
        self.each(0.0, |field| {
            words::terms_of(self.context, field, text, &options, self.clause, &self.at)
        })
    }

    fn near(&self, text: &str, options: &FuzzyOptions, others: f32) -> AskedQuery {
        self.each(others, |field| {
            let text = leaf::normalized_text(self.context, field, text, &self.at)?;
            leaf::terms_near(self.context, field, &text, options, &self.at)
                .map(|leaf| Some(Query::Leaf(leaf)))
        })
    }

    /// What begins so, or looks like the pattern.
    fn pattern(&self, clause: &str, text: &str, others: f32) -> AskedQuery {
        self.each(others, |field| {
            let text = leaf::normalized_text(self.context, field, text, &self.at)?;
            let body = json!({field: text});
            let leaf = if clause == "prefix" {
                leaf::read_prefix(self.context, &body, &self.at)
            } else {
                leaf::read_wildcard(self.context, &body, &self.at)
            };
            leaf.map(|leaf| Some(Query::Leaf(leaf)))
        })
    }

    fn range(&self, bounds: &[(&str, String)]) -> AskedQuery {
        self.each(0.0, |field| {
            let mut given = Map::new();
            for (name, text) in bounds {
                let text = leaf::normalized_text(self.context, field, text, &self.at)?;
                given.insert((*name).to_owned(), text.into());
            }
            let body = json!({field: given});
            leaf::read_range(self.context, &body, &self.at).map(Some)
        })
    }
}

#[cfg(test)]
mod tests;
