//! What an operation takes from others and does to them: look-ups, unique values, parts.

use super::{
    ACCEPTED, allowed_expr, compile_body,
    writes::{self, Place},
};
use crate::{
    definition::{
        ClaimDefinition, LookUpDefinition, OperationDefinition, PartDefinition, UniqueDefinition,
    },
    expression::{Expr, Names, Reach, did_you_mean},
    operation::{LookUpStep, LookUpTarget, Operation, PartOf, UniqueClaim},
    vocabulary::Kind,
};
use event_schema::outcome::{Refusal, RefusalCode};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

pub(super) fn look_ups(
    definition: &OperationDefinition,
    place: &Place<'_>,
) -> Result<Vec<LookUpStep>, String> {
    let look_up = |(name, value): (&String, &Value)| {
        serde_json::from_value(value.clone())
            .map_err(|e| e.to_string())
            .and_then(|definition| look_up(name, &definition, place))
            .map_err(|e| format!("look_up.{name}: {e}"))
    };
    definition.look_up.iter().map(look_up).collect()
}

fn look_up(
    name: &str,
    definition: &LookUpDefinition,
    place: &Place<'_>,
) -> Result<LookUpStep, String> {
    let allowed = ACCEPTED.and(item_reach(&definition.for_each));
    let what = match (&definition.owner_of, &definition.row, &definition.document) {
        (Some(unique), None, None) => LookUpTarget::OwnerOf {
            space: unique.space.clone(),
            value: parse_optional(&Some(unique.value.clone()), "value", allowed, place.names)?
                .expect("a value was given"),
        },
        (None, Some(row), None) => LookUpTarget::Row(writes::row_target(row, allowed, place)?.0),
        (None, None, Some(document)) => {
            LookUpTarget::Document(writes::document_target(document, allowed, place)?)
        }
        _ => return Err("is one of owner_of, row and document".into()),
    };
    Ok(LookUpStep {
        name: name.to_owned(),
        what,
        for_each: parse_optional(&definition.for_each, "for_each", ACCEPTED, place.names)?,
        when: parse_optional(&definition.when, "when", allowed, place.names)?,
    })
}

pub(super) fn compile_claims(
    definitions: &[ClaimDefinition],
    names: &Names<'_>,
) -> Result<Vec<UniqueClaim>, String> {
    let claim = |(n, definition): (usize, &ClaimDefinition)| {
        compile_claim(definition, names).map_err(|e| format!("claims[{n}]: {e}"))
    };
    definitions.iter().enumerate().map(claim).collect()
}

fn compile_claim(definition: &ClaimDefinition, names: &Names<'_>) -> Result<UniqueClaim, String> {
    let allowed = ACCEPTED
        .and(Reach::CURRENT)
        .and(item_reach(&definition.for_each));
    let (unique, refusal) = match (&definition.take, &definition.release) {
        (Some(unique), None) => (unique, Some(taken_refusal(definition, unique)?)),
        (None, Some(unique)) => (unique, None),
        _ => return Err("either takes a value or releases one".into()),
    };
    Ok(UniqueClaim {
        space: unique.space.clone(),
        value: parse_optional(&Some(unique.value.clone()), "value", allowed, names)?
            .expect("a value was given"),
        for_each: parse_optional(
            &definition.for_each,
            "for_each",
            ACCEPTED.and(Reach::CURRENT),
            names,
        )?,
        when: parse_optional(&definition.when, "when", allowed, names)?,
        refusal,
    })
}

fn taken_refusal(
    definition: &ClaimDefinition,
    unique: &UniqueDefinition,
) -> Result<Refusal, String> {
    let (Some(rule), Some(say)) = (&definition.rule, &definition.say) else {
        return Err(format!(
            "`rule` and `say` are needed: the refusal where another entity has the value of `{}`",
            unique.space
        ));
    };
    Ok(Refusal {
        code: RefusalCode::Exists,
        message: say.clone(),
        rule: Some(rule.clone()),
        pointer: definition.at.clone(),
    })
}

pub(super) fn compile_parts(
    definitions: &[PartDefinition],
    names: &Names<'_>,
    known: &BTreeMap<String, Arc<Operation>>,
) -> Result<Vec<PartOf>, String> {
    let part = |(n, definition): (usize, &PartDefinition)| {
        compile_part(definition, names, known).map_err(|e| format!("parts[{n}]: {e}"))
    };
    definitions.iter().enumerate().map(part).collect()
}

fn compile_part(
    definition: &PartDefinition,
    names: &Names<'_>,
    known: &BTreeMap<String, Arc<Operation>>,
) -> Result<PartOf, String> {
    let name = &definition.operation;
    let operation = known.get(name).ok_or_else(|| {
        let hint = did_you_mean(name, known.keys().map(String::as_str));
        format!("there is no operation `{name}` without parts of its own{hint}")
    })?;
    if operation.many() || operation.kind != Kind::Transaction {
        return Err(format!("`{name}` is not one event that writes"));
    }
    if !operation.program.parts.is_empty() {
        return Err(format!(
            "`{name}` has parts of its own: parts have no parts"
        ));
    }
    let allowed = ACCEPTED
        .and(Reach::CURRENT)
        .and(item_reach(&definition.for_each));
    let request = compile_body(&definition.request, names)
        .and_then(|expr| allowed_expr(&expr, names, allowed))
        .map_err(|e| format!("request: {e}"))?;
    let looked = definition.looked.as_ref().map(|looked| {
        compile_body(looked, names)
            .and_then(|expr| allowed_expr(&expr, names, allowed))
            .map_err(|e| format!("looked: {e}"))
    });
    let looked = looked.transpose()?;
    let named = ACCEPTED.and(Reach::CURRENT);
    let for_each = parse_optional(&definition.for_each, "for_each", named, names)?;
    let when = parse_optional(&definition.when, "when", allowed, names)?;
    let exprs = [&looked, &for_each, &when].into_iter().flatten();
    let is_late = |expr: &Expr| names.reach(expr).has(Reach::CURRENT);
    let early = !exprs.chain([&request]).any(is_late);
    Ok(PartOf {
        operation: Arc::clone(operation),
        early,
        request,
        looked,
        for_each,
        when,
    })
}

fn item_reach(for_each: &Option<Value>) -> Reach {
    for_each
        .as_ref()
        .map_or_else(Reach::default, |_| Reach::ITEM)
}

fn parse_optional(
    value: &Option<Value>,
    field: &str,
    allowed: Reach,
    names: &Names<'_>,
) -> Result<Option<Expr>, String> {
    let parse = |value: &Value| {
        names
            .parse(value)
            .and_then(|expr| allowed_expr(&expr, names, allowed))
            .map_err(|e| format!("{field}: {e}"))
    };
    value.as_ref().map(parse).transpose()
}
