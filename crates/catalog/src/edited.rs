//! An event that a person changed, held to the rules that its request was accepted by. What was
//! generated and looked up for it stays as it was.

use crate::{
    members::Members,
    operation::{Operation, Sight},
    violation::{Invalid, not_an_object},
};
use event_schema::{envelope::Transaction, id::EntityKey};

impl Operation {
    /// Would the operation accept the event's request, under the key that the event has?
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_edited(
        &self,
        event: &Transaction,
        stored: impl FnOnce(EntityKey) -> EntityKey,
    ) -> Result<(), Invalid> {
        let text = event.data.request.get();
        let members = Members::parse(text).map_err(|_| not_an_object())?;
        self.check_schema(&members)?;
        let data = &event.data;
        let sight = Sight::new(&self.program, &members, &data.generated, &data.principal);
        let scope = sight.scope();
        self.check_rules(&scope)?;
        self.check_bodies(&members)?;
        self.collections(&scope)?;
        let key = stored(self.key(&scope)?);
        if key == event.attributes.key {
            return Ok(());
        }
        let held = &event.attributes.key;
        let why = format!("it would be an event of the key `{key}`, and stays under `{held}`");
        Err(Invalid::one("", "key", why))
    }
}
