//! Lucene's query language: `title:(quick OR brown) AND -kind:x*`. Operators bind as there: `AND`
//! makes both neighbours a must, `OR` neither. Must refuse by name what it does not read.

mod token;

use super::{AskedFields, AskedQuery};
use crate::search::{
    clause,
    exists::Exists,
    fuzzy::{Fuzziness, FuzzyOptions},
    query::Query,
};
use serde_json::json;
use store::{StoreError, mapping::is_metadata};
use token::{QueryToken, cut_tokens};

/// How deep groups may be in each other.
const DEEPEST: usize = 32;

#[derive(Clone, Copy, PartialEq)]
enum ClauseOccurrence {
    Should,
    Must,
    Not,
}

pub fn parse_classic(asked: &AskedFields<'_>, text: &str) -> Result<Query, StoreError> {
    let tokens = cut_tokens(asked, text)?;
    let mut reading = ClassicParser {
        tokens,
        at: 0,
        depth: 0,
    };
    if reading.tokens.is_empty() {
        return Ok(Query::any(Vec::new()));
    }
    let query = reading.query(asked)?;
    if reading.at < reading.tokens.len() {
        return asked.malformed("a closing parenthesis has no opening one");
    }
    Ok(query.unwrap_or_else(|| Query::any(Vec::new())))
}

struct ClassicParser {
    tokens: Vec<QueryToken>,
    at: usize,
    depth: usize,
}

impl ClassicParser {
    fn peek(&self, ahead: usize) -> Option<&QueryToken> {
        self.tokens.get(self.at + ahead)
    }

    fn take(&mut self, token: &QueryToken) -> bool {
        let is_it = self.peek(0) == Some(token);
        self.at += usize::from(is_it);
        is_it
    }

    /// Clauses up to a closing parenthesis or the end.
    fn query(&mut self, asked: &AskedFields<'_>) -> AskedQuery {
        self.depth += 1;
        if self.depth > DEEPEST {
            return asked.refuse("groups so deep");
        }
        let mut clauses: Vec<(ClauseOccurrence, Query)> = Vec::new();
        let (mut count, mut is_plain) = (0, false);
        while self
            .peek(0)
            .is_some_and(|token| *token != QueryToken::Close)
        {
            if self.follow_each_other() {
                let query = self.plain_words(asked)?;
                let occurrence = if asked.all {
                    ClauseOccurrence::Must
                } else {
                    ClauseOccurrence::Should
                };
                clauses.extend(query.map(|query| (occurrence, query)));
                count += 2;
                continue;
            }
            let conjunction = match (count, self.peek(0)) {
                (1.., Some(QueryToken::And)) => Some(true),
                (1.., Some(QueryToken::Or)) => Some(false),
                _ => None,
            };
            self.at += usize::from(conjunction.is_some());
            let sign = self.sign();
            let query = self.clause(asked)?;
            count += 1;
            is_plain = count == 1 && sign.is_none();
            add_clause(&mut clauses, conjunction, sign, query, asked.all);
        }
        self.depth -= 1;
        if count == 0 {
            return asked.malformed("the text of the query ends too early");
        }
        Ok(join_clauses(clauses, is_plain && count == 1))
    }

    fn sign(&mut self) -> Option<ClauseOccurrence> {
        let sign = match self.peek(0) {
            Some(QueryToken::Plus) => ClauseOccurrence::Must,
            Some(QueryToken::Minus | QueryToken::Not) => ClauseOccurrence::Not,
            _ => return None,
        };
        self.at += 1;
        Some(sign)
    }

    /// Do two words follow each other, with nothing at the second that belongs to it alone?
    fn follow_each_other(&self) -> bool {
        is_word(self.peek(0)) && self.is_further_word(1)
    }

    fn is_further_word(&self, ahead: usize) -> bool {
        is_word(self.peek(ahead))
            && !matches!(
                self.peek(ahead + 1),
                Some(
                    QueryToken::Colon
                        | QueryToken::Tilde(_)
                        | QueryToken::Boost(_)
                        | QueryToken::And
                        | QueryToken::Or
                )
            )
            && !is_star(self.peek(ahead + 1))
    }

    /// Words behind each other are one text.
    fn plain_words(&mut self, asked: &AskedFields<'_>) -> AskedQuery {
        let mut text = String::new();
        let mut is_first = true;
        while is_first && is_word(self.peek(0)) || !is_first && self.is_further_word(0) {
            if let Some(QueryToken::Word { text: word, .. }) = self.peek(0) {
                if !is_first {
                    text.push(' ');
                }
                text.push_str(word);
            }
            is_first = false;
            self.at += 1;
        }
        asked.words(&text, 0.0)
    }

    fn clause(&mut self, asked: &AskedFields<'_>) -> AskedQuery {
        let field = match (self.peek(0), self.peek(1)) {
            (Some(QueryToken::Word { text, pattern }), Some(QueryToken::Colon)) => {
                Some((text.clone(), pattern.is_some()))
            }
            _ => None,
        };
        let Some((field, is_pattern)) = field else {
            return self.term(asked, None);
        };
        self.at += 2;
        if is_pattern {
            if field == "*" && is_star(self.peek(0)) {
                self.at += 1;
                let boost = self.boost(asked)?;
                return Ok(Some(Query::All.boosted(boost)));
            }
            return asked.refuse("a pattern of fields");
        }
        if field == "_exists_" {
            let Some(QueryToken::Word {
                text,
                pattern: None,
            }) = self.peek(0).cloned()
            else {
                return asked.refuse("`_exists_` of a pattern");
            };
            self.at += 1;
            let boost = self.boost(asked)?;
            let exists = Exists::of(asked.context, &text, asked.clause, &asked.at)?;
            return Ok(Some(Query::Exists(exists).boosted(boost)));
        }
        if is_metadata(&field) {
            return asked.refuse("a field of the index itself");
        }
        self.term(&asked.of(&field), Some(&field))
    }

    fn term(&mut self, asked: &AskedFields<'_>, field: Option<&str>) -> AskedQuery {
        let Some(token) = self.peek(0).cloned() else {
            return asked.malformed("the text of the query ends too early");
        };
        self.at += 1;
        let query = match token {
            QueryToken::Open => {
                let inner = self.query(asked)?;
                if !self.take(&QueryToken::Close) {
                    return asked.malformed("an opening parenthesis has no closing one");
                }
                inner
            }
            QueryToken::Quoted(text) => {
                let slop = match self.peek(0) {
                    Some(QueryToken::Tilde(slop)) => slop.parse().ok(),
                    _ => Some(0),
                };
                let Some(slop) = slop else {
                    return asked.refuse("such a `~`");
                };
                self.at += usize::from(matches!(self.peek(0), Some(QueryToken::Tilde(_))));
                asked.phrase(&text, slop)?
            }
            QueryToken::Range {
                from,
                to,
                is_from,
                is_to,
            } => {
                let mut bounds = Vec::new();
                if from != "*" {
                    bounds.push((if is_from { "gte" } else { "gt" }, from));
                }
                if to != "*" {
                    bounds.push((if is_to { "lte" } else { "lt" }, to));
                }
                asked.range(&bounds)?
            }
            QueryToken::Word { text, pattern } => {
                self.word(asked, field, &text, pattern.as_deref())?
            }
            _ => return asked.malformed("an operator has nothing to work on"),
        };
        let boost = self.boost(asked)?;
        Ok(query.map(|query| query.boosted(boost)))
    }

    fn boost(&mut self, asked: &AskedFields<'_>) -> Result<f32, StoreError> {
        let Some(QueryToken::Boost(text)) = self.peek(0) else {
            return Ok(1.0);
        };
        let boost = clause::read_factor(&json!(text), &asked.at);
        self.at += 1;
        boost
    }

    fn word(
        &mut self,
        asked: &AskedFields<'_>,
        field: Option<&str>,
        text: &str,
        pattern: Option<&str>,
    ) -> AskedQuery {
        if let Some(QueryToken::Tilde(edits)) = self.peek(0).cloned() {
            self.at += 1;
            if pattern.is_some() {
                return asked.refuse("`~` behind a pattern");
            }
            let mut options = FuzzyOptions::default();
            options.fuzziness = Some(match edits.as_str() {
                "" => Fuzziness::AUTO,
                "0" => Fuzziness::Edits(0),
                "1" => Fuzziness::Edits(1),
                "2" => Fuzziness::Edits(2),
                _ => return asked.refuse("such a `~`"),
            });
            return asked.near(text, &options, 0.0);
        }
        match (pattern, field) {
            (Some("*"), Some(field)) => {
                let exists = Exists::of(asked.context, field, asked.clause, &asked.at)?;
                return Ok(Some(Query::Exists(exists)));
            }
            (Some("*"), None) => return asked.refuse("`*` alone"),
            (Some(pattern), _) => {
                let begin = pattern.strip_suffix('*');
                let begin = begin.filter(|begin| !begin.contains(['*', '?', '\\']));
                return match begin {
                    Some(begin) => asked.pattern("prefix", begin, 0.0),
                    None => asked.pattern("wildcard", pattern, 0.0),
                };
            }
            (None, Some(_)) => {
                for (sign, name) in [(">=", "gte"), ("<=", "lte"), (">", "gt"), ("<", "lt")] {
                    if let Some(bound) = text.strip_prefix(sign).filter(|rest| !rest.is_empty()) {
                        return asked.range(&[(name, bound.to_owned())]);
                    }
                }
            }
            (None, None) => {}
        }
        asked.words(text, 0.0)
    }
}

fn is_word(token: Option<&QueryToken>) -> bool {
    matches!(token, Some(QueryToken::Word { pattern: None, .. }))
}

fn is_star(token: Option<&QueryToken>) -> bool {
    matches!(token, Some(QueryToken::Word { pattern: Some(pattern), .. }) if pattern == "*")
}

/// One more clause; what stands between it and the one before may change that one.
fn add_clause(
    clauses: &mut Vec<(ClauseOccurrence, Query)>,
    conjunction: Option<bool>,
    sign: Option<ClauseOccurrence>,
    query: Option<Query>,
    all: bool,
) {
    if let Some((occurrence, _)) = clauses.last_mut()
        && *occurrence != ClauseOccurrence::Not
    {
        match conjunction {
            Some(true) => *occurrence = ClauseOccurrence::Must,
            Some(false) if all => *occurrence = ClauseOccurrence::Should,
            _ => {}
        }
    }
    let Some(query) = query else { return };
    let occurrence = match sign {
        Some(ClauseOccurrence::Not) => ClauseOccurrence::Not,
        Some(sign) if !all => sign,
        _ if all && conjunction != Some(false) || conjunction == Some(true) => {
            ClauseOccurrence::Must
        }
        _ => ClauseOccurrence::Should,
    };
    clauses.push((occurrence, query));
}

fn join_clauses(mut clauses: Vec<(ClauseOccurrence, Query)>, is_plain: bool) -> Option<Query> {
    if clauses.len() <= 1 && is_plain {
        return clauses.pop().map(|(_, query)| query);
    }
    if clauses.is_empty() {
        return None;
    }
    let (mut must, mut should, mut must_not) = (Vec::new(), Vec::new(), Vec::new());
    for (occurrence, query) in clauses {
        match occurrence {
            ClauseOccurrence::Must => must.push(query),
            ClauseOccurrence::Should => should.push(query),
            ClauseOccurrence::Not => must_not.push(query),
        }
    }
    // Nothing but what must not be: all the others.
    let need = usize::from(must.is_empty() && !should.is_empty());
    Some(Query::Bool {
        must,
        filter: Vec::new(),
        must_not,
        should,
        need,
    })
}
