//! Intents about held events: made here, under the key of the event that they are about, and handed
//! to the log like any other.

use super::{WritePath, publish::Sent};
use crate::error::Problem;
use event_schema::{held::HoldIntent, id::EntityKey};

impl WritePath {
    /// `by`: tenant and principal. It is on its way when this returns.
    pub(crate) fn intend(
        &self,
        by: (&str, &str),
        about: (&'static str, &EntityKey),
        intent: &HoldIntent,
    ) -> Result<Sent, Problem> {
        let unique = self.identifier.fresh();
        let event = self.builder.build_intent(by, about, unique, intent);
        self.publisher.send(event).map_err(|failed| failed.0)
    }
}
