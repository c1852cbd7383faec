//! `simple_query_string`: `+ | - " * ( ) ~`, read from left to right, and never malformed: what has
//! no meaning where it stands is passed over.

use super::{AskedFields, AskedQuery};
use crate::search::{
    fuzzy::{Fuzziness, FuzzyOptions},
    query::Query,
};
use store::StoreError;

/// How deep groups may be in each other.
const DEEPEST: usize = 32;

pub fn parse_simple(asked: &AskedFields<'_>, text: &str) -> Result<Query, StoreError> {
    if text.trim() == "*" {
        return Ok(Query::All);
    }
    let letters: Vec<char> = text.chars().collect();
    let query = SimpleParser::new(asked, &letters, 0).read()?;
    Ok(query.unwrap_or_else(|| Query::any(Vec::new())))
}

/// What has been read so far: a query, or several that go together in one way.
enum SimpleTree {
    One(Box<Query>),
    Several { all: bool, queries: Vec<Query> },
}

impl SimpleTree {
    fn query(self) -> Query {
        match self {
            Self::One(query) => *query,
            Self::Several {
                all: false,
                queries,
            } => Query::any(queries),
            Self::Several { all: true, queries } => Query::Bool {
                must: queries,
                filter: Vec::new(),
                must_not: Vec::new(),
                should: Vec::new(),
                need: 0,
            },
        }
    }
}

struct SimpleParser<'r> {
    asked: &'r AskedFields<'r>,
    letters: &'r [char],
    at: usize,
    depth: usize,
    top: Option<SimpleTree>,
    /// Must what follows be met, too?
    operation: Option<bool>,
    is_not: bool,
}

impl<'r> SimpleParser<'r> {
    fn new(asked: &'r AskedFields<'r>, letters: &'r [char], depth: usize) -> Self {
        Self {
            asked,
            letters,
            at: 0,
            depth,
            top: None,
            operation: None,
            is_not: false,
        }
    }

    fn read(mut self) -> AskedQuery {
        if self.depth > DEEPEST {
            return self.asked.refuse("groups so deep");
        }
        while let Some(letter) = self.letters.get(self.at).copied() {
            match letter {
                '(' => self.group()?,
                '"' => self.phrase()?,
                '+' | '|' => {
                    if self.operation.is_none() && self.top.is_some() {
                        self.operation = Some(letter == '+');
                    }
                    self.at += 1;
                }
                '-' => {
                    self.is_not = !self.is_not;
                    self.at += 1;
                    continue;
                }
                ')' | ' ' | '\t' | '\n' | '\r' => self.at += 1,
                _ => self.token()?,
            }
            self.is_not = false;
        }
        Ok(self.top.map(SimpleTree::query))
    }

    /// One more branch of the tree.
    fn add(&mut self, branch: Option<Query>) {
        if let Some(mut branch) = branch {
            if self.is_not {
                branch = Query::Bool {
                    must: Vec::new(),
                    filter: Vec::new(),
                    must_not: vec![branch],
                    should: vec![Query::All],
                    need: 1,
                };
            }
            let operation = self.operation.unwrap_or(self.asked.all);
            self.top = Some(match self.top.take() {
                None => SimpleTree::One(Box::new(branch)),
                Some(SimpleTree::Several { all, mut queries }) if all == operation => {
                    queries.push(branch);
                    SimpleTree::Several { all, queries }
                }
                Some(top) => SimpleTree::Several {
                    all: operation,
                    queries: vec![top.query(), branch],
                },
            });
        }
        self.operation = None;
    }

    fn group(&mut self) -> Result<(), StoreError> {
        self.at += 1;
        let start = self.at;
        let (mut open, mut is_escaped) = (1, false);
        while let Some(letter) = self.letters.get(self.at) {
            if !is_escaped && *letter == '\\' {
                is_escaped = true;
                self.at += 1;
                continue;
            }
            match letter {
                '(' if !is_escaped => open += 1,
                ')' if !is_escaped => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
            is_escaped = false;
            self.at += 1;
        }
        if self.at >= self.letters.len() {
            self.at = start;
        } else if self.at == start {
            self.operation = None;
            self.at += 1;
        } else {
            let inner = &self.letters[start..self.at];
            let branch = SimpleParser::new(self.asked, inner, self.depth + 1).read()?;
            self.add(branch);
            self.at += 1;
        }
        Ok(())
    }

    fn phrase(&mut self) -> Result<(), StoreError> {
        self.at += 1;
        let start = self.at;
        let (mut text, mut is_escaped, mut is_closed) = (String::new(), false, false);
        while let Some(letter) = self.letters.get(self.at) {
            if !is_escaped && *letter == '\\' {
                is_escaped = true;
                self.at += 1;
                continue;
            }
            if !is_escaped && *letter == '"' {
                is_closed = true;
                break;
            }
            is_escaped = false;
            text.push(*letter);
            self.at += 1;
        }
        if !is_closed {
            self.at = start;
        } else if self.at == start {
            self.operation = None;
            self.at += 1;
        } else {
            self.at += 1;
            let has_slop =
                self.letters.get(self.at) == Some(&'~') && self.letters.get(self.at + 1).is_some();
            if self.letters.get(self.at) == Some(&'~') && !has_slop {
                self.at += 1;
            }
            let slop = if has_slop { self.number() } else { 0 };
            let branch = self.asked.phrase(&text, slop)?;
            self.add(branch);
        }
        Ok(())
    }

    fn token(&mut self) -> Result<(), StoreError> {
        let (mut text, mut is_escaped, mut is_prefix) = (String::new(), false, false);
        let mut is_near = false;
        while let Some(letter) = self.letters.get(self.at).copied() {
            if !is_escaped {
                if letter == '\\' {
                    (is_escaped, is_prefix) = (true, false);
                    self.at += 1;
                    continue;
                }
                if is_end(letter) {
                    break;
                }
                if !text.is_empty() && letter == '~' {
                    is_near = true;
                    break;
                }
                is_prefix = !text.is_empty() && letter == '*';
            }
            is_escaped = false;
            text.push(letter);
            self.at += 1;
        }
        if text.is_empty() {
            return Ok(());
        }
        let branch = if is_near {
            let mut options = FuzzyOptions::default();
            match self.number().min(2) {
                0 => self.asked.words(&text, 1.0)?,
                edits => {
                    options.fuzziness = Some(Fuzziness::Edits(edits));
                    self.asked.near(&text, &options, 1.0)?
                }
            }
        } else if is_prefix {
            text.pop();
            self.asked.pattern("prefix", &text, 1.0)?
        } else {
            self.asked.words(&text, 1.0)?
        };
        self.add(branch);
        Ok(())
    }

    /// The number behind a `~`; two where there is none, nothing where it is no number.
    fn number(&mut self) -> usize {
        self.at += 1;
        let rest = self.letters.get(self.at..).unwrap_or_default().iter();
        let text: String = rest.take_while(|letter| !is_end(**letter)).collect();
        self.at += text.chars().count();
        if text.is_empty() {
            2
        } else {
            text.parse().unwrap_or(0)
        }
    }
}

fn is_end(letter: char) -> bool {
    matches!(
        letter,
        '"' | '|' | '+' | '(' | ')' | ' ' | '\t' | '\n' | '\r'
    )
}
