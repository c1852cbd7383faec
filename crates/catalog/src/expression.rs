//! Values as definitions spell them: constants, references (`$request/name`), lists, and calls of a
//! closed set of functions (`{lower: $request/email}`). Parsed once when the catalog is loaded, so
//! that a misspelt name never meets a request.

mod evaluate;
mod function;
mod text;

pub(crate) use evaluate::{EvalError, LOOKED, Lets, Scope, kind_of};
pub(crate) use function::{Function, ValueShape};
use serde_json::{Map, Value};
use std::fmt::Write as _;
pub(crate) use text::sunbird_millis;

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
    Each(Each, Box<(Expr, Expr)>),
}

/// What is made of the answers for the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    /// A list of them.
    Map,
    /// The elements for which it holds.
    Filter,
    /// The first of those.
    Find,
    /// Whether there is one.
    Some,
    /// Whether it holds for each.
    Every,
    /// An object: element, as a text, to answer.
    ToObject,
}

impl Each {
    const ALL: [(&'static str, Self); 6] = [
        ("map", Self::Map),
        ("filter", Self::Filter),
        ("find", Self::Find),
        ("some", Self::Some),
        ("every", Self::Every),
        ("to_object", Self::ToObject),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, each)| each)
    }

    fn gives(self) -> ValueShape {
        match self {
            Self::Map | Self::Filter => ValueShape::List,
            Self::Find => ValueShape::Any,
            Self::Some | Self::Every => ValueShape::Truth,
            Self::ToObject => ValueShape::Object,
        }
    }
}

/// What looks like a function and is part of the language.
fn special_names() -> impl Iterator<Item = &'static str> {
    ["literal", "object"]
        .into_iter()
        .chain(Each::ALL.map(|(name, _)| name))
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
    /// The element of the list around the one at hand.
    Outer,
    Principal,
    /// What the gateway looked up.
    Looked,
    /// The document or row at hand, as it stands before.
    Before,
    /// The document or row of a write, as it stands before.
    Current(String),
    /// What became of the document of a write: id, version, created.
    Written(String),
}

/// What an expression looks at, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach(u16);

impl Reach {
    pub const REQUEST: Self = Self(1);
    pub const GENERATED: Self = Self(2);
    pub const ITEM: Self = Self(4);
    pub const PRINCIPAL: Self = Self(8);
    pub const CURRENT: Self = Self(16);
    pub const WRITTEN: Self = Self(32);
    pub const LOOKED: Self = Self(64);
    pub const BEFORE: Self = Self(128);
    pub const OUTER: Self = Self(256);

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
            (Self::LOOKED, "$looked"),
            (Self::BEFORE, "$before"),
            (Self::OUTER, "$outer"),
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
    pub looked: Vec<&'a str>,
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
            _ if Each::named(name).is_some() => {
                let each = Each::named(name).expect("it was just found");
                match argument {
                    Value::Array(two) if two.len() == 2 => Ok(Expr::Each(
                        each,
                        Box::new((
                            self.parse(&two[0]).map_err(inside)?,
                            self.parse(&two[1]).map_err(inside)?,
                        )),
                    )),
                    _ => Err(format!("{name}: takes a list and a value for each $item")),
                }
            }
            _ => {
                let function = Function::named(name).ok_or_else(|| {
                    let hint = did_you_mean(name, Function::names().chain(special_names()));
                    format!("there is no function `{name}`{hint}")
                })?;
                let arguments = match argument {
                    Value::Array(items) if function.takes_many() => {
                        self.parse_all(items).map_err(inside)?
                    }
                    single => vec![self.parse(single).map_err(inside)?],
                };
                function.check(&arguments).map_err(inside)?;
                Ok(Expr::Call(function, arguments))
            }
        }
    }

    /// Is it a call, where it could be an object, too?
    pub fn is_call(&self, members: &Map<String, Value>) -> bool {
        members.len() == 1
            && members.keys().all(|name| {
                Function::named(name).is_some() || special_names().any(|special| special == name)
            })
    }

    /// A call of a function with these arguments.
    pub fn call_of(&self, name: &str, arguments: Vec<Expr>) -> Result<Expr, String> {
        let function =
            Function::named(name).ok_or_else(|| format!("there is no function `{name}`"))?;
        function.check(&arguments)?;
        Ok(Expr::Call(function, arguments))
    }

    fn reference(&self, text: &str) -> Result<Reference, String> {
        let mut parts = text
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"));
        let root = parts.next().unwrap_or_default();
        let mut path: Vec<String> = parts.collect();
        let mut named = |known: &[&str], what: &str| {
            if path.is_empty() {
                Err(format!("`${text}` must name {what}"))
            } else {
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
            "outer" => Root::Outer,
            "before" => Root::Before,
            "principal" => Root::Principal,
            "looked" => {
                let (_, name) = named(&self.looked, "look-up")?;
                path.insert(0, name);
                Root::Looked
            }
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
                    "outer",
                    "before",
                    "looked",
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
                Root::Outer => Reach::OUTER,
                Root::Before => Reach::BEFORE,
                Root::Looked => Reach::LOOKED,
                Root::Principal => Reach::PRINCIPAL,
                Root::Current(_) => Reach::CURRENT,
                Root::Written(_) => Reach::WRITTEN,
            },
            Expr::Object(fields) => all(&mut fields.iter().map(|(_, e)| e)),
            Expr::List(items) | Expr::Call(_, items) => all(&mut items.iter()),
            Expr::Each(_, pair) => {
                let element = self.reach(&pair.1);
                // What `$item` stands for inside is the list's own element, and `$outer` is the one
                // that `$item` stands for outside.
                let inside = Reach(element.0 & !Reach::ITEM.and(Reach::OUTER).0);
                let outside = if element.has(Reach::OUTER) {
                    Reach::ITEM
                } else {
                    Reach::default()
                };
                self.reach(&pair.0).and(inside).and(outside)
            }
        }
    }
}

impl Names<'_> {
    /// The names of writes whose `$current` an expression looks at, `let`s followed.
    pub fn currents<'e>(&self, expr: &'e Expr, lets: &'e [Expr], found: &mut Vec<&'e str>) {
        match expr {
            Expr::Constant(_) => {}
            Expr::Reference(reference) => match &reference.root {
                Root::Current(name) => found.push(name),
                Root::Let(n) => {
                    if let Some(expr) = lets.get(*n) {
                        self.currents(expr, lets, found);
                    }
                }
                _ => {}
            },
            Expr::Object(fields) => fields
                .iter()
                .for_each(|(_, expr)| self.currents(expr, lets, found)),
            Expr::List(items) | Expr::Call(_, items) => items
                .iter()
                .for_each(|expr| self.currents(expr, lets, found)),
            Expr::Each(_, pair) => {
                self.currents(&pair.0, lets, found);
                self.currents(&pair.1, lets, found);
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
            Expr::Call(function, arguments) if function.name() == "at" => {
                arguments.first().and_then(Expr::generated_name)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    Function::names().chain(special_names())
}

/// `: did you mean …?`, or nothing.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut hint = String::new();
    if let Some(near) = nearest_name(given, known) {
        let _ = write!(hint, ": did you mean `{near}`?");
    }
    hint
}

/// The known name that is most like the given one, if any is like it at all.
pub(crate) fn nearest_name<'a>(
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
