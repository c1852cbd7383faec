//! From a bare request to what an event carries: validated, with generated ids and times, and the
//! key it belongs to.

mod expand;
mod look_up;
mod many;
mod parts;

pub(crate) use look_up::unique_value;
pub use look_up::{LookUpRequest, LookUpSubject};
pub(crate) use parts::accept_part;

use crate::{
    body,
    expression::{EvalError, Expr, LOOKED, Scope},
    generate::Seed,
    members::Members,
    operation::{Operation, Sight, Target},
    violation::{Invalid, VIOLATIONS, Violation, not_an_object},
    vocabulary::Kind,
};
use event_schema::{Raw, id::EntityKey};
use json_text::{JsonObjectWriter, JsonText, ScannedJson};
use serde_json::{Map, Value};

/// What is known of a request beside its own text.
#[derive(Clone, Debug, Default)]
pub struct Beside<'a> {
    /// Who asks.
    pub principal: &'a str,
    /// What was looked up for it, by name: see [`Operation::look_up`].
    pub looked: Map<String, Value>,
}

/// What one event will carry.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The operation its event names: the single form for each child of a many-document request.
    pub operation: String,
    /// The 16 unique bytes of its request id: the seed's for a single request,
    /// `RequestId::child(seed, n)` for child n.
    pub unique: [u8; 16],
    pub request: Raw,
    pub generated: Map<String, Value>,
    pub key: EntityKey,
    /// (index, collection) of every document it may touch.
    pub collections: Vec<(String, String)>,
    pub volatile: Option<Raw>,
    pub if_version: Option<u64>,
}

/// A request as it was understood.
#[derive(Clone, Debug)]
pub enum AcceptedRequest {
    One(Box<Accepted>),
    /// One event and one verdict for each document, in the request's order.
    Many(Vec<Result<Accepted, Invalid>>),
}

impl Operation {
    /// Validates the bare request and makes what its event carries.
    pub fn accept(&self, request: &ScannedJson, seed: &Seed) -> Result<AcceptedRequest, Invalid> {
        self.accept_with(request, seed, &Beside::default())
    }

    /// Likewise, with what is known beside the request.
    pub fn accept_with(
        &self,
        request: &ScannedJson,
        seed: &Seed,
        beside: &Beside<'_>,
    ) -> Result<AcceptedRequest, Invalid> {
        let members = members_of(request)?;
        match &self.many {
            None => self
                .accept_one(request.text(), &members, seed, beside)
                .map(|accepted| AcceptedRequest::One(Box::new(accepted))),
            Some(many) => self
                .accept_many(many, &members, seed, beside)
                .map(AcceptedRequest::Many),
        }
    }

    /// `text` is what `members` were parsed from.
    pub(crate) fn accept_one(
        &self,
        text: JsonText<'_>,
        members: &Members<'_>,
        seed: &Seed,
        beside: &Beside<'_>,
    ) -> Result<Accepted, Invalid> {
        self.check_schema(members)?;
        let mut generated = self.generate(members, seed)?;
        if !beside.looked.is_empty() {
            generated.insert(LOOKED.to_owned(), beside.looked.clone().into());
        }
        let sight = Sight::new(&self.program, members, &generated, beside.principal);
        let scope = sight.scope();
        self.check_rules(&scope)?;
        self.check_bodies(members)?;
        self.check_parts(&scope, seed)?;
        let collections = self.collections(&scope)?;
        let key = self.key(&scope)?;
        let volatile = members.get("volatile").filter(|_| self.takes("volatile"));
        Ok(Accepted {
            operation: self.name.clone(),
            unique: seed.unique,
            request: match volatile {
                None => owned_json(text),
                Some(_) => owned_json(without_volatile(members).text()),
            },
            key,
            collections,
            volatile: volatile
                .filter(|member| member.raw.get() != "null")
                .map(|member| owned_json(member.raw)),
            if_version: members
                .get("if_version")
                .filter(|_| self.takes("if_version"))
                .and_then(|member| as_revision(member.value())),
            generated,
        })
    }

    pub(crate) fn check_schema(&self, members: &Members<'_>) -> Result<(), Invalid> {
        self.schema.check(&self.thin(members)).map_err(Invalid)
    }

    /// The request with an empty object or list where its definition says that a member only passes
    /// through.
    fn thin(&self, members: &Members<'_>) -> Value {
        let thin = |member: &crate::members::Member<'_>| match (
            self.program.raw.iter().any(|raw| *raw == member.name),
            member.raw.get().as_bytes(),
        ) {
            (true, [b'{', ..]) => Value::Object(Map::new()),
            (true, [b'[', ..]) => Value::Array(Vec::new()),
            _ => member.value().clone(),
        };
        Value::Object(
            members
                .0
                .iter()
                .map(|member| (member.name.clone().into_owned(), thin(member)))
                .collect(),
        )
    }

    fn generate(&self, members: &Members<'_>, seed: &Seed) -> Result<Map<String, Value>, Invalid> {
        let mut generated = Map::new();
        let nothing = Map::new();
        let sight = Sight::new(&self.program, members, &nothing, "");
        for generator in &self.program.generators {
            generator.run(&sight.scope(), seed, &mut generated)?;
        }
        Ok(generated)
    }

    pub(crate) fn check_rules(&self, scope: &Scope<'_>) -> Result<(), Invalid> {
        let mut violations = Vec::new();
        for rule in &self.program.rules {
            if !scope.holds(&rule.that)? {
                let pointer = nearest_that_is_there(&scope.request.to_value(), &rule.at);
                violations.push(Violation {
                    pointer,
                    rule: rule.rule.clone(),
                    message: rule.say.clone(),
                });
            }
        }
        violations.truncate(VIOLATIONS);
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Invalid(violations))
        }
    }

    /// What is wrong with a part that is known already is told now, not when it is too late.
    fn check_parts(&self, scope: &Scope<'_>, seed: &Seed) -> Result<(), Invalid> {
        let mut violations = Vec::new();
        for part in self.program.parts.iter().filter(|part| part.early) {
            let which = (part.for_each.as_ref(), part.when.as_ref());
            scope.for_each_wanted(which, |inside, n| {
                if let Err(invalid) = accept_part(part, inside, seed) {
                    violations.extend(in_line(n, invalid));
                }
                Ok::<(), EvalError>(())
            })?;
        }
        violations.truncate(VIOLATIONS);
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Invalid(violations))
        }
    }

    pub(crate) fn check_bodies(&self, members: &Members<'_>) -> Result<(), Invalid> {
        if self.kind == Kind::Informative {
            return Ok(());
        }
        let bodies = self.program.raw.iter().filter_map(|name| members.get(name));
        let bodies = bodies.filter(|member| !member.is_plain);
        let violations: Vec<_> = bodies
            .filter_map(|member| body::check_body(member.raw, &format!("/{}", member.name)).err())
            .collect();
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Invalid(violations))
        }
    }

    pub(crate) fn collections(&self, scope: &Scope<'_>) -> Result<Vec<(String, String)>, Invalid> {
        let mut collections = Vec::new();
        for write in &self.program.writes {
            let Target::Document {
                index, collection, ..
            } = &write.target
            else {
                continue;
            };
            let pair = (
                required_text(scope, index)?,
                required_text(scope, collection)?,
            );
            let given = collection.request_member();
            if let Some((member, owner)) =
                given.and_then(|member| Some((member, self.program.owned.get(&pair)?)))
            {
                let message = format!(
                    "documents of {}/{} belong to operations of their own, such as {owner}: use those",
                    pair.0, pair.1
                );
                return Err(Invalid::one(format!("/{member}"), "owned", message));
            }
            if !collections.contains(&pair) {
                collections.push(pair);
            }
        }
        let parts = self.program.parts.iter();
        for pair in parts.flat_map(|part| part.operation.constant_collections()) {
            if !collections.contains(&pair) {
                collections.push(pair);
            }
        }
        Ok(collections)
    }

    /// The collections that it may touch, where the definition alone says so, whatever is asked.
    pub fn fixed_collections(&self) -> Option<Vec<(String, String)>> {
        if self.many.is_some() {
            return None;
        }
        let is_fixed = |write: &crate::operation::Write| match &write.target {
            Target::Document {
                index, collection, ..
            } => matches!((index, collection), (Expr::Constant(_), Expr::Constant(_))),
            Target::Row { .. } => true,
        };
        let parts = self.program.parts.iter();
        let of_parts = parts.flat_map(|part| part.operation.constant_collections());
        let fixed = || self.constant_collections().chain(of_parts).collect();
        self.program.writes.iter().all(is_fixed).then(fixed)
    }

    /// The collections that its definition names by themselves.
    fn constant_collections(&self) -> impl Iterator<Item = (String, String)> {
        let names = |write: &crate::operation::Write| match &write.target {
            Target::Document {
                index: Expr::Constant(Value::String(index)),
                collection: Expr::Constant(Value::String(collection)),
                ..
            } => Some((index.clone(), collection.clone())),
            Target::Document { .. } | Target::Row { .. } => None,
        };
        self.program.writes.iter().filter_map(names)
    }

    pub(crate) fn key(&self, scope: &Scope<'_>) -> Result<EntityKey, Invalid> {
        let parts = self
            .program
            .key
            .iter()
            .map(|part| required_text(scope, part))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(EntityKey(parts.join("/")))
    }
}

/// A text that must be there.
pub(crate) fn required_text(
    scope: &Scope<'_>,
    expr: &crate::expression::Expr,
) -> Result<String, EvalError> {
    scope
        .text(expr)?
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| EvalError("a name, id or key is absent".into()))
}

/// What is wrong with the part that element `n` asks for; the element itself cannot be pointed at.
fn in_line(n: usize, invalid: Invalid) -> impl Iterator<Item = Violation> {
    invalid.0.into_iter().map(move |violation| Violation {
        message: format!(
            "line {}: {}: {}",
            n + 1,
            violation.pointer,
            violation.message
        ),
        pointer: String::new(),
        rule: violation.rule,
    })
}

/// What is missing cannot be pointed at: the object it is missing from is.
fn nearest_that_is_there(request: &Value, pointer: &str) -> String {
    let mut pointer = pointer;
    while request.pointer(pointer).is_none() {
        pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    pointer.to_owned()
}

fn members_of(request: &ScannedJson) -> Result<Members<'_>, Invalid> {
    let members = request.members().ok_or_else(not_an_object)?;
    Ok(Members::of(members))
}

fn owned_json(text: JsonText<'_>) -> Raw {
    text.to_raw().into()
}

fn without_volatile(members: &Members<'_>) -> ScannedJson {
    let size = members.0.iter().map(|member| member.raw.get().len() + 16);
    let mut out = JsonObjectWriter::with_capacity(size.sum());
    for member in members.0.iter().filter(|member| member.name != "volatile") {
        out.push(&member.name, member.raw);
    }
    out.finish()
}

/// Schemas take 3.0 for a whole number, so this does.
fn as_revision(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        value
            .as_f64()
            .filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n))
            .map(|n| n as u64)
    })
}

#[cfg(test)]
mod tests;
