//! What the catalog marks is sealed before it becomes an event: behind this nothing of it is plain.

use super::Validator;
use crate::error::Problem;
use catalog::{Accepted, Invalid, LookUpSubject, Operation};
use json_text::ScannedJson;
use sealing::{SealedBoundary, mask};
use serde_json::Value;

impl Validator {
    fn boundary(&self) -> SealedBoundary<'_> {
        SealedBoundary {
            marks: self.catalog.sealed(),
            secret: self.sealing.secret(),
            subject: None,
        }
    }

    /// Seals the request for its subject, whose key is made if it has none.
    pub(super) async fn seal(&self, accepted: &mut Accepted) -> Result<(), Problem> {
        if !self.catalog.sealed().is_touched_by(&accepted.operation) {
            return Ok(());
        }
        accepted.key = self.boundary().entity_key(accepted.key.clone());
        if self
            .catalog
            .sealed()
            .request(&accepted.operation)
            .is_empty()
        {
            return Ok(());
        }
        let subject = self.sealing.access(&accepted.key.0).await?;
        let boundary = self.boundary().of(&subject);
        Ok(boundary.seal_request(accepted)?)
    }

    /// What is looked up, by the names that the record has.
    pub(super) fn stored_subject(&self, subject: LookUpSubject) -> LookUpSubject {
        match subject {
            LookUpSubject::OwnerOf(value) => {
                LookUpSubject::OwnerOf(self.boundary().unique_value(value))
            }
            LookUpSubject::Row(key) => LookUpSubject::Row(self.boundary().row_key(key)),
            document @ LookUpSubject::Document { .. } => document,
        }
    }

    /// Violations without the values that are to be sealed.
    pub(super) fn mask_violations(
        &self,
        operation: &Operation,
        json: &ScannedJson,
        mut invalid: Invalid,
    ) -> Invalid {
        let paths = self.catalog.sealed().request(operation.name());
        if paths.is_empty() {
            return invalid;
        }
        let mut request: Value = serde_json::from_str(json.text().get()).unwrap_or_default();
        let mut values = Vec::new();
        for path in paths {
            path.visit(&mut request, &mut |text| values.push(text.clone()));
        }
        for violation in &mut invalid.0 {
            mask::mask_values(&mut violation.message, &values);
        }
        invalid
    }
}
