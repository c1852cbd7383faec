//! What the gateway reads before it accepts a request, so that an event carries what it was judged
//! by: round by round, as one look-up may hang on another.

use super::{Beside, Invalid, Seed, members_of, required_text};
use crate::{
    expression::{EvalError, Expr, LOOKED, Scope},
    operation::{LookUpStep, LookUpTarget, Operation, Sight, Target},
};
use event_schema::{decision::UniqueValue, mutation::RowKey};
use json_text::ScannedJson;
use serde_json::{Map, Value};

/// What is to be read.
#[derive(Clone, Debug, PartialEq)]
pub enum LookUpSubject {
    /// Which key has the value; its id is found, without the kind.
    OwnerOf(UniqueValue),
    Row(RowKey),
    Document {
        index: String,
        collection: String,
        id: String,
    },
}

/// One look-up of a request: under its name goes one answer, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub struct LookUpRequest {
    pub name: String,
    /// `None` where there is nothing to ask for: the answer is null.
    pub subjects: Vec<Option<LookUpSubject>>,
    pub is_list: bool,
}

impl LookUpRequest {
    /// Puts the answers, one for each subject that is one, under the look-up's name; null where
    /// nothing was found.
    pub fn answer(self, found: Vec<Value>, looked: &mut Map<String, Value>) {
        let mut found = found.into_iter();
        let answers = self.subjects.iter().map(|subject| match subject {
            Some(_) => found.next().unwrap_or_default(),
            None => Value::Null,
        });
        let answers: Vec<Value> = answers.collect();
        let value = if self.is_list {
            Value::Array(answers)
        } else {
            answers.into_iter().next().unwrap_or_default()
        };
        looked.insert(self.name, value);
    }
}

impl Operation {
    /// The next thing to look up for a request, given what was found so far; `None`: nothing is
    /// left. A request that breaks the schema is not worth a look.
    pub fn look_up(
        &self,
        request: &ScannedJson,
        seed: &Seed,
        beside: &Beside<'_>,
    ) -> Result<Option<LookUpRequest>, Invalid> {
        let Some(next) = self.program.look_ups.get(beside.looked.len()) else {
            return Ok(None);
        };
        let members = members_of(request)?;
        // The request of a later look-up is that of the first.
        if beside.looked.is_empty() {
            self.schema.check(&self.thin(&members)).map_err(Invalid)?;
        }
        let mut generated = self.generate(&members, seed)?;
        generated.insert(LOOKED.to_owned(), beside.looked.clone().into());
        let sight = Sight::new(&self.program, &members, &generated, beside.principal);
        Ok(Some(next.request(&sight)?))
    }
}

impl LookUpStep {
    fn request(&self, sight: &Sight<'_>) -> Result<LookUpRequest, EvalError> {
        let scope = sight.scope();
        let mut subjects = Vec::with_capacity(1);
        match &self.for_each {
            None => subjects.push(self.subject(&scope)?),
            Some(list) => {
                let list = scope.list(list)?.unwrap_or_default().into_owned();
                for (n, item) in list.iter().enumerate() {
                    subjects.push(self.subject(&Scope {
                        item: Some((item, n)),
                        ..sight.scope()
                    })?);
                }
            }
        }
        Ok(LookUpRequest {
            name: self.name.clone(),
            subjects,
            is_list: self.for_each.is_some(),
        })
    }

    fn subject(&self, scope: &Scope<'_>) -> Result<Option<LookUpSubject>, EvalError> {
        if let Some(when) = &self.when
            && !scope.holds(when)?
        {
            return Ok(None);
        }
        match &self.what {
            LookUpTarget::OwnerOf { space, value } => {
                Ok(unique_value(space, value, scope)?.map(LookUpSubject::OwnerOf))
            }
            LookUpTarget::Row(target) | LookUpTarget::Document(target) => {
                look_up_subject(target, scope)
            }
        }
    }
}

fn look_up_subject(target: &Target, scope: &Scope<'_>) -> Result<Option<LookUpSubject>, EvalError> {
    let known = |expr: &Expr| Ok::<_, EvalError>(scope.value(expr)?.filter(|v| !v.is_null()));
    match target {
        Target::Document {
            index,
            collection,
            id,
        } => {
            if known(id)?.is_none() {
                return Ok(None);
            }
            Ok(Some(LookUpSubject::Document {
                index: required_text(scope, index)?,
                collection: required_text(scope, collection)?,
                id: required_text(scope, id)?,
            }))
        }
        Target::Row { table, key, .. } => {
            let mut columns = Map::new();
            for (name, expr) in key {
                match known(expr)? {
                    Some(value) => columns.insert(name.clone(), value),
                    None => return Ok(None),
                };
            }
            Ok(Some(LookUpSubject::Row(RowKey {
                table: table.name.clone(),
                key: columns,
            })))
        }
    }
}

/// The value, or `None` where there is none to be unique.
pub(crate) fn unique_value(
    space: &str,
    value: &Expr,
    scope: &Scope<'_>,
) -> Result<Option<UniqueValue>, EvalError> {
    Ok(scope
        .text(value)?
        .filter(|value| !value.is_empty())
        .map(|value| UniqueValue {
            space: space.to_owned(),
            value: value.into_owned(),
        }))
}
