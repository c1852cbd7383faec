//! What the catalog marks is sealed before it becomes an event: behind this nothing of it is plain.

use super::Validator;
use crate::error::Problem;
use catalog::{Accepted, Invalid, LookUpSubject, Operation};
use event_schema::id::EntityKey;
use json_text::ScannedJson;
use sealing::{SealedBoundary, mask};
use serde_json::Value;

impl Validator {
    fn boundary<'a>(&'a self, operation: &'a Operation) -> SealedBoundary<'a> {
        SealedBoundary {
            marks: operation.sealed(),
            secret: self.sealing.secret(),
            subject: None,
        }
    }

    /// The key as events name it.
    pub(super) fn stored_key(&self, operation: &Operation, accepted: &Accepted) -> EntityKey {
        if !operation.sealed().is_touched_by(&accepted.operation) {
            return accepted.key.clone();
        }
        self.boundary(operation).entity_key(accepted.key.clone())
    }

    /// Seals the request for its subject, whose key is made if it has none.
    pub(super) async fn seal(
        &self,
        operation: &Operation,
        accepted: &mut Accepted,
    ) -> Result<(), Problem> {
        let marks = operation.sealed();
        if !marks.is_touched_by(&accepted.operation) {
            return Ok(());
        }
        accepted.key = self.boundary(operation).entity_key(accepted.key.clone());
        if marks.request(&accepted.operation).is_empty() {
            return Ok(());
        }
        let subject = self.sealing.access(&accepted.key.0).await?;
        let boundary = self.boundary(operation).of(&subject);
        Ok(boundary.seal_request(accepted)?)
    }

    /// What is looked up, by the names that the record has.
    pub(super) fn stored_subject(
        &self,
        operation: &Operation,
        subject: LookUpSubject,
    ) -> LookUpSubject {
        let boundary = self.boundary(operation);
        match subject {
            LookUpSubject::OwnerOf(value) => LookUpSubject::OwnerOf(boundary.unique_value(value)),
            LookUpSubject::Row(key) => LookUpSubject::Row(boundary.row_key(key)),
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
        let paths = operation.sealed().request(operation.name());
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
