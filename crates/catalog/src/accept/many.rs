//! Requests of many documents: each document becomes a request of the single form and is accepted,
//! or not, by itself.

use super::{Accepted, Beside, Invalid, Seed};
use crate::{
    Violation,
    members::{Members, push_name},
    operation::{Many, Operation},
    schema::escape,
};
use event_schema::id::RequestId;
use serde_json::{Map, Value, value::RawValue};

impl Operation {
    pub(super) fn accept_many(
        &self,
        many: &Many,
        members: &Members<'_>,
        seed: &Seed,
        beside: &Beside<'_>,
    ) -> Result<Vec<Result<Accepted, Invalid>>, Invalid> {
        let items: Option<Vec<&RawValue>> = members
            .get(&many.items)
            .and_then(|member| serde_json::from_str(member.raw.get()).ok());
        self.schema
            .check(&outline(many, members, items.as_ref().map(Vec::len)))
            .map_err(Invalid)?;
        // Without such a list the schema, which requires it, has refused.
        let items = items.unwrap_or_default();
        let shared: Vec<_> = members
            .0
            .iter()
            .filter(|member| member.name != many.items)
            .collect();
        let mut start = String::from("{");
        for member in &shared {
            push_name(&mut start, &member.name);
            start.push_str(member.raw.get());
        }
        let shared: Vec<&str> = shared.iter().map(|member| member.name.as_ref()).collect();
        let accept = |(n, item): (usize, &&RawValue)| {
            let seed = Seed {
                unique: RequestId::child(&seed.unique, n as u64),
                now: seed.now,
            };
            accept_item(many, &start, &shared, item, &seed, beside)
                .map_err(|invalid| point_into(many, &shared, n, invalid))
        };
        Ok(items.iter().enumerate().map(accept).collect())
    }
}

/// The request with nothing in its list but the right number of elements: each is looked at by the
/// single form.
fn outline(many: &Many, members: &Members<'_>, count: Option<usize>) -> Value {
    let value = |member: &crate::members::Member<'_>| match count {
        Some(count) if member.name == many.items => Value::Array(vec![Value::Null; count]),
        _ => member.value().clone(),
    };
    Value::Object(
        members
            .0
            .iter()
            .map(|member| (member.name.clone().into_owned(), value(member)))
            .collect::<Map<_, _>>(),
    )
}

fn accept_item(
    many: &Many,
    start: &str,
    shared: &[&str],
    item: &RawValue,
    seed: &Seed,
    beside: &Beside<'_>,
) -> Result<Accepted, Invalid> {
    let mut text = String::with_capacity(start.len() + item.get().len() + 16);
    text.push_str(start);
    match &many.becomes {
        Some(name) => {
            push_name(&mut text, name);
            text.push_str(item.get());
        }
        None => {
            let own = Members::parse(item.get())
                .map_err(|_| Invalid::one("", "type", "must be an object"))?;
            if let Some(member) = own
                .0
                .iter()
                .find(|member| shared.contains(&member.name.as_ref()))
            {
                let message = format!(
                    "the field `{}` stands beside the list, not in it",
                    member.name
                );
                return Err(Invalid::one(
                    format!("/{}", escape(&member.name)),
                    "additionalProperties",
                    message,
                ));
            }
            for member in &own.0 {
                push_name(&mut text, &member.name);
                text.push_str(member.raw.get());
            }
        }
    }
    text.push('}');
    let members = Members::parse(&text).map_err(|e| Invalid::one("", "json", e.to_string()))?;
    many.of.accept_one(&text, &members, seed, beside)
}

/// Pointers into the single request, as pointers into this one.
fn point_into(many: &Many, shared: &[&str], n: usize, invalid: Invalid) -> Invalid {
    let place = format!("/{}/{n}", many.items);
    let point = |violation: Violation| {
        let first = violation.pointer.split('/').nth(1).unwrap_or_default();
        let pointer = match &many.becomes {
            _ if shared.contains(&first) && violation.rule != "additionalProperties" => {
                violation.pointer
            }
            Some(name) if first == name => place.clone() + &violation.pointer[name.len() + 1..],
            _ => place.clone() + &violation.pointer,
        };
        Violation {
            pointer,
            ..violation
        }
    };
    Invalid(invalid.0.into_iter().map(point).collect())
}
