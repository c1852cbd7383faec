//! Requests of many documents: each document becomes a request of the single form and is accepted,
//! or not, by itself.

use super::{Accepted, Beside, Invalid, Seed, members_of};
use crate::{
    members::{Member, Members},
    operation::{Many, Operation},
    violation::{Violation, escape_step},
};
use event_schema::id::RequestId;
use json_text::JsonObjectWriter;
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
            .check(&request_outline(
                many,
                members,
                items.as_ref().map(Vec::len),
            ))
            .map_err(Invalid)?;
        // Without such a list the schema, which requires it, has refused.
        let items = items.unwrap_or_default();
        let shared: Vec<_> = members
            .0
            .iter()
            .filter(|member| member.name != many.items)
            .collect();
        let accept = |(n, item): (usize, &&RawValue)| {
            let seed = Seed {
                unique: RequestId::child(&seed.unique, n as u64),
                now: seed.now,
            };
            accept_item(many, &shared, item, &seed, beside)
                .map_err(|invalid| point_into(many, &shared, n, invalid))
        };
        Ok(items.iter().enumerate().map(accept).collect())
    }
}

/// The request with nothing in its list but the right number of elements: each is looked at by the
/// single form.
fn request_outline(many: &Many, members: &Members<'_>, count: Option<usize>) -> Value {
    let value = |member: &Member<'_>| match count {
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
    shared: &[&Member<'_>],
    item: &RawValue,
    seed: &Seed,
    beside: &Beside<'_>,
) -> Result<Accepted, Invalid> {
    let size = shared.iter().map(|member| member.raw.get().len() + 16);
    let size = size.sum::<usize>() + item.get().len() + 16;
    let mut single = JsonObjectWriter::with_capacity(size);
    for member in shared {
        single.push(&member.name, member.raw);
    }
    match &many.becomes {
        Some(name) => single.push(name, item.into()),
        None => {
            let own = Members::parse(item.get())
                .map_err(|_| Invalid::one("", "type", "must be an object"))?;
            for member in &own.0 {
                if is_among(shared, &member.name) {
                    return Err(beside_the_list(&member.name));
                }
                single.push(&member.name, member.raw);
            }
        }
    }
    let single = single.finish();
    let members = members_of(&single)?;
    many.of.accept_one(single.text(), &members, seed, beside)
}

fn is_among(shared: &[&Member<'_>], name: &str) -> bool {
    shared.iter().any(|member| member.name == name)
}

fn beside_the_list(name: &str) -> Invalid {
    Invalid::one(
        format!("/{}", escape_step(name)),
        "additionalProperties",
        format!("the field `{name}` stands beside the list, not in it"),
    )
}

/// Pointers into the single request, as pointers into this one.
fn point_into(many: &Many, shared: &[&Member<'_>], n: usize, invalid: Invalid) -> Invalid {
    let place = format!("/{}/{n}", many.items);
    let point = |violation: Violation| {
        let first = violation.pointer.split('/').nth(1).unwrap_or_default();
        let pointer = match &many.becomes {
            _ if is_among(shared, first) && violation.rule != "additionalProperties" => {
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
