//! What a request asks other operations for as if by clients: a line of a file is such a request. It
//! publishes nothing.

use super::{Beside, Invalid, Seed, members_of};
use crate::{
    expression::{EvalError, LOOKED},
    operation::{Operation, Sight},
};
use json_text::ScannedJson;
use serde_json::Value;

impl Operation {
    /// What a request of this operation asks others for, as clients would ask: operation and request.
    pub fn expand(
        &self,
        json: &ScannedJson,
        seed: &Seed,
        beside: &Beside<'_>,
    ) -> Result<Vec<(String, Value)>, Invalid> {
        let members = members_of(json)?;
        self.check_schema(&members)?;
        let mut generated = self.generate(&members, seed)?;
        generated.insert(LOOKED.to_owned(), beside.looked.clone().into());
        let sight = Sight::new(&self.program, &members, &generated, beside.principal);
        let scope = sight.scope();
        self.check_rules(&scope)?;
        let mut requests = Vec::new();
        for part in &self.program.parts {
            let which = (part.for_each.as_ref(), part.when.as_ref());
            scope.for_each_wanted(which, |inside, _| {
                let request = inside.value(&part.request)?.unwrap_or_default();
                requests.push((part.operation.name().to_owned(), request));
                Ok::<(), EvalError>(())
            })?;
        }
        Ok(requests)
    }
}
