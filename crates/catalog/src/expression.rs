//! Values as definitions spell them: constants, references (`$request/name`), lists, and calls of a
//! closed set of functions (`{lower: $request/email}`). Parsed once when the catalog is loaded, so
//! that a misspelt name never meets a request.

mod evaluate;
mod function;
mod text;

pub(crate) use evaluate::{EvalError, Lets, Scope, kind_of};
use function::Function;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A value still to be computed.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Constant(Value),
    Reference(Reference),
    /// Members whose value is absent are left out.
    Object(Vec<(String, Expr)>),
    /// Elements whose value is absent are left out.
    List(Vec<Expr>),
    Call(Function, Vec<Expr>),
    /// The second for each element of the first, which it sees as `$item` and `$index`.
    Map(Box<(Expr, Expr)>),
}

/// Where a value is found.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub root: Root,
    pub path: Vec<String>,
}

/// What a reference starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Request,
    Generated,
    /// Index into the operation's `let`s.
    Let(usize),
    Item,
    Index,
    Principal,
    /// The document or row of a write, as it stands before.
    Current(String),
    /// What became of the document of a write: id, version, created.
    Written(String),
}

/// What an expression looks at, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach(u8);

impl Reach {
    pub const REQUEST: Self = Self(1);
    pub const GENERATED: Self = Self(2);
    pub const ITEM: Self = Self(4);
    pub const PRINCIPAL: Self = Self(8);
    pub const CURRENT: Self = Self(16);
    pub const WRITTEN: Self = Self(32);

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn within(self, allowed: Self) -> bool {
        self.0 & !allowed.0 == 0
    }

    pub fn has(self, part: Self) -> bool {
        self.0 & part.0 != 0
    }

    /// The names of what is in `self` and not in `allowed`.
    pub fn beyond(self, allowed: Self) -> String {
        let names = [
            (Self::REQUEST, "$request"),
            (Self::GENERATED, "$generated"),
            (Self::ITEM, "$item"),
            (Self::PRINCIPAL, "$principal"),
            (Self::CURRENT, "$current"),
            (Self::WRITTEN, "$written"),
        ];
        let beyond: Vec<_> = names
            .iter()
            .filter(|(bit, _)| self.has(*bit) && !allowed.has(*bit))
            .map(|(_, name)| *name)
            .collect();
        beyond.join(", ")
    }
}

/// The names an expression may use.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    pub lets: Vec<&'a str>,
    /// What each `let` looks at itself.
    pub let_reach: Vec<Reach>,
    pub generated: Vec<&'a str>,
    pub writes: Vec<&'a str>,
}

impl Names<'_> {
    /// Reads an expression; the error is a sentence that names the place within it.
    pub fn parse(&self, value: &Value) -> Result<Expr, String> {
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(rest) => self.reference(rest).map(Expr::Reference),
                None => Ok(Expr::Constant(value.clone())),
            },
            Value::Array(items) => Ok(Expr::List(self.parse_all(items)?)),
            Value::Object(members) => self.call(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Expr::Constant(value.clone())),
        }
    }

    /// Reads an object of expressions.
    pub fn fields(&self, members: &Map<String, Value>) -> Result<Vec<(String, Expr)>, String> {
        members
            .iter()
            .map(|(name, value)| {
                Ok((
                    name.clone(),
                    self.parse(value).map_err(|e| format!("{name}: {e}"))?,
                ))
            })
            .collect()
    }

    fn parse_all(&self, items: &[Value]) -> Result<Vec<Expr>, String> {
        items
            .iter()
            .enumerate()
            .map(|(n, item)| self.parse(item).map_err(|e| format!("[{n}]: {e}")))
            .collect()
    }

    fn call(&self, members: &Map<String, Value>) -> Result<Expr, String> {
        let mut one = members.iter();
        let (Some((name, argument)), None) = (one.next(), one.next()) else {
            return Err("a value is a constant, a reference, a list, or one function such as {lower: $request/name}; \
                        write {object: …} for an object"
                .into());
        };
        let inside = |e: String| format!("{name}: {e}");
        match name.as_str() {
            "literal" => Ok(Expr::Constant(argument.clone())),
            "object" => match argument {
                Value::Object(fields) => self.fields(fields).map(Expr::Object).map_err(inside),
                _ => Err("object: takes names and values".into()),
            },
            "map" => match argument {
                Value::Array(two) if two.len() == 2 => Ok(Expr::Map(Box::new((
                    self.parse(&two[0]).map_err(inside)?,
                    self.parse(&two[1]).map_err(inside)?,
                )))),
                _ => Err("map: takes a list and the value to make of each $item".into()),
            },
            _ => {
                let function = Function::named(name).ok_or_else(|| {
                    let hint =
                        did_you_mean(name, Function::names().chain(["literal", "object", "map"]));
                    format!("there is no function `{name}`{hint}")
                })?;
                let arguments = match argument {
                    Value::Array(items) if function.takes_many() => {
                        self.parse_all(items).map_err(inside)?
                    }
                    single => vec![self.parse(single).map_err(inside)?],
                };
                function.check_count(arguments.len()).map_err(inside)?;
                Ok(Expr::Call(function, arguments))
            }
        }
    }

    fn reference(&self, text: &str) -> Result<Reference, String> {
        let mut parts = text
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"));
        let root = parts.next().unwrap_or_default();
        let mut path: Vec<String> = parts.collect();
        let mut named = |known: &[&str], what: &str| match path.is_empty() {
            true => Err(format!("`${text}` must name {what}")),
            false => {
                let name = path.remove(0);
                match known.iter().position(|k| **k == name) {
                    Some(index) => Ok((index, name)),
                    None => Err(format!(
                        "`${text}`: there is no {what} `{name}`{}",
                        did_you_mean(&name, known.iter().copied())
                    )),
                }
            }
        };
        let root = match root.as_str() {
            "request" => Root::Request,
            "item" => Root::Item,
            "index" => Root::Index,
            "principal" => Root::Principal,
            "generated" => {
                let (_, name) = named(&self.generated, "generated value")?;
                path.insert(0, name);
                Root::Generated
            }
            "let" => Root::Let(named(&self.lets, "let")?.0),
            "current" => Root::Current(named(&self.writes, "write")?.1),
            "written" => Root::Written(named(&self.writes, "write")?.1),
            other => {
                let roots = [
                    "request",
                    "generated",
                    "let",
                    "item",
                    "index",
                    "principal",
                    "current",
                    "written",
                ];
                return Err(format!(
                    "`${text}` starts from nowhere known{}",
                    did_you_mean(other, roots)
                ));
            }
        };
        Ok(Reference { root, path })
    }

    /// What an expression looks at, `let`s followed.
    pub fn reach(&self, expr: &Expr) -> Reach {
        let all = |exprs: &mut dyn Iterator<Item = &Expr>| {
            exprs.fold(Reach::default(), |sum, e| sum.and(self.reach(e)))
        };
        match expr {
            Expr::Constant(_) => Reach::default(),
            Expr::Reference(reference) => match &reference.root {
                Root::Request => Reach::REQUEST,
                Root::Generated => Reach::GENERATED,
                Root::Let(n) => self.let_reach.get(*n).copied().unwrap_or_default(),
                Root::Item | Root::Index => Reach::ITEM,
                Root::Principal => Reach::PRINCIPAL,
                Root::Current(_) => Reach::CURRENT,
                Root::Written(_) => Reach::WRITTEN,
            },
            Expr::Object(fields) => all(&mut fields.iter().map(|(_, e)| e)),
            Expr::List(items) | Expr::Call(_, items) => all(&mut items.iter()),
            Expr::Map(pair) => {
                let element = self.reach(&pair.1);
                // What `$item` stands for inside is the list's own element.
                self.reach(&pair.0).and(Reach(element.0 & !Reach::ITEM.0))
            }
        }
    }
}

impl Expr {
    /// The member of the request that this is, whole, if that is all it is.
    pub fn request_member(&self) -> Option<&str> {
        match self {
            Expr::Reference(Reference {
                root: Root::Request,
                path,
            }) if path.len() == 1 => path.first().map(String::as_str),
            _ => None,
        }
    }

    /// The generated value that this is (or is an element of), if that is all it is.
    pub fn generated_name(&self) -> Option<&str> {
        match self {
            Expr::Reference(Reference {
                root: Root::Generated,
                path,
            }) => path.first().map(String::as_str),
            Expr::Call(Function::At, arguments) => arguments.first().and_then(Expr::generated_name),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    Function::names().chain(["literal", "object", "map"])
}

/// `: did you mean …?`, or nothing.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut hint = String::new();
    if let Some(near) = nearest(given, known) {
        let _ = write!(hint, ": did you mean `{near}`?");
    }
    hint
}

/// The known name that is most like the given one, if any is like it at all.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    let likeness = |name: &str| {
        strsim::jaro_winkler(&given, &name.to_lowercase()).max(
            strsim::normalized_damerau_levenshtein(&given, &name.to_lowercase()),
        )
    };
    let scored = known.into_iter().map(|name| (likeness(name), name));
    scored
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
