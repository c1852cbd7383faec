//! What an operation does beside its own documents and rows: parts of other keys, unique values that
//! it takes and releases.

use super::{Plan, PlanError, Stop, TakenValue};
use crate::{
    Seed,
    accept::{accept_part, unique_value},
    operation::{Operation, PartOf, Sight, UniqueClaim},
};
use event_schema::{envelope::Transaction, id::RequestId};

/// Parts of one request: beyond that it belongs into an upload.
const MOST_PARTS: usize = 1_000;

impl Operation {
    pub(super) fn reach_out(
        &self,
        event: &Transaction,
        sight: &Sight<'_>,
        plan: &mut Plan,
    ) -> Result<(), Stop> {
        for claim in &self.program.claims {
            add_claims(claim, sight, plan)?;
        }
        for part in &self.program.parts {
            add_parts(part, event, sight, plan)?;
        }
        if plan.parts.len() > MOST_PARTS {
            let many = format!("it has more than {MOST_PARTS} parts: send them as an upload");
            return Err(super::refusal_stop(super::RefusalCode::TooLarge, many));
        }
        Ok(())
    }
}

fn add_claims(claim: &UniqueClaim, sight: &Sight<'_>, plan: &mut Plan) -> Result<(), Stop> {
    let which = (claim.for_each.as_ref(), claim.when.as_ref());
    sight.scope().for_each_wanted(which, |scope, _| {
        let Some(value) = unique_value(&claim.space, &claim.value, scope)? else {
            return Ok(());
        };
        match &claim.refusal {
            Some(refusal) => plan.takes.push(TakenValue {
                value,
                refusal: refusal.clone(),
            }),
            None => plan.releases.push(value),
        }
        Ok(())
    })
}

fn add_parts(
    part: &PartOf,
    event: &Transaction,
    sight: &Sight<'_>,
    plan: &mut Plan,
) -> Result<(), Stop> {
    let which = (part.for_each.as_ref(), part.when.as_ref());
    sight.scope().for_each_wanted(which, |scope, _| {
        let seed = Seed {
            unique: RequestId::child(&event.attributes.id.unique(), plan.parts.len() as u64),
            now: event.attributes.time,
        };
        let accepted = accept_part(part, scope, &seed).map_err(|invalid| {
            let name = part.operation.name();
            PlanError::BadEvent(format!("its part `{name}`: {invalid}"))
        })?;
        if accepted.key == event.attributes.key {
            return Err(Stop::Broken(PlanError::BadEvent(format!(
                "its part `{}` is of its own key",
                accepted.operation
            ))));
        }
        plan.parts.push(accepted);
        Ok(())
    })
}
