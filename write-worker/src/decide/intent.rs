//! Intents about held events: replay, edit, discard. They pass the lock of their key. Each names
//! the hold that it saw, and is refused if that is not what stands; otherwise its decision is that
//! of the held event, at that event's own position.

use super::{Decider, decision::refusing_plan, held::HeldInput, inputs::Event};
use catalog::Plan;
use change_feed::is_behind;
use event_schema::{
    codec,
    decision::OriginalRecord,
    held::{self, HeldKind, HoldIntent},
    id::EntityKey,
    mutation::RowKey,
    outcome::RefusalCode,
    replay::Replay,
};

/// An intent, and what it is about as that stands.
pub(super) struct Intent {
    pub event: Event,
    asked: HoldIntent,
    pub held: Option<HeldInput>,
}

impl Intent {
    /// `Err`: its request is none.
    pub fn of(event: Box<Event>) -> Result<Self, (Box<Event>, String)> {
        match serde_json::from_str(event.transaction.data.request.get()) {
            Ok(asked) => Ok(Self {
                event: *event,
                asked,
                held: None,
            }),
            Err(error) => Err((event, error.to_string())),
        }
    }

    pub fn key(&self) -> &EntityKey {
        &self.event.transaction.attributes.key
    }

    pub fn held_key(&self) -> RowKey {
        held::held_key(self.key(), &self.asked.place)
    }

    pub fn edited(&self) -> Option<OriginalRecord> {
        self.asked.edited.clone()
    }

    pub fn is_discard(&self) -> bool {
        self.event.transaction.attributes.operation == held::DISCARD
    }

    /// As the decision of the held event names it.
    pub fn replay(&self) -> Replay {
        let attributes = &self.event.transaction.attributes;
        let data = &self.event.transaction.data;
        Replay {
            position: self.event.position,
            request: attributes.id,
            operation: attributes.operation.clone(),
            principal: data.principal.clone(),
            reason: self.asked.reason.clone(),
            job: self.asked.job.clone(),
            accepted: self.event.accepted,
            reply: data.reply.clone(),
        }
    }
}

impl Decider {
    /// Why an intent cannot be done; nothing if it can.
    pub(super) fn intent_objection(&self, intent: &Intent) -> Option<Plan> {
        let superseded =
            |message: &str| Some(refusing_plan(RefusalCode::Superseded, message.to_owned()));
        let asked = &intent.asked;
        let Some(input) = &intent.held else {
            return superseded("nothing is held at that position");
        };
        let (key, row) = (intent.key(), &input.row);
        let is_seen = row.held.request == asked.request
            && row.held.attempts == asked.attempts
            && self.queues.is_settled(key, &row.place);
        if !is_seen {
            return superseded("the dead letter is not what was seen of it: look again");
        }
        if row.held.kind != HeldKind::Dead || !self.queues.is_next(key, row) {
            return superseded("it is parked behind a dead letter: that comes first");
        }
        let overtaken = self.queues.lock(key).and_then(|lock| lock.overtaken);
        let is_overtaken = row.place.is_open()
            && overtaken.is_some_and(|by| is_behind(&by, Some(&row.held.position)));
        if is_overtaken && !asked.as_new && !intent.is_discard() {
            return superseded(
                "a later event of its key was applied: replay it as new, or not at all",
            );
        }
        asked
            .edited
            .is_some()
            .then(|| self.edit_objection(input))
            .flatten()
    }

    /// Why an edit is none of this event.
    fn edit_objection(&self, input: &HeldInput) -> Option<Plan> {
        let refused = |message: String| Some(refusing_plan(RefusalCode::Rule, message));
        let (opened, event) = match &input.event {
            Ok(event) => (event, &event.transaction),
            Err(reason) => {
                let why = format!("the edited event cannot be read: {}", reason.message);
                return refused(why);
            }
        };
        let (held, attributes) = (&input.row.held, &event.attributes);
        let is_same = attributes.id == held.request
            && attributes.key == input.key
            && attributes.operation == held.operation
            && attributes.tenant == held.tenant;
        if !is_same {
            let why = "an edited event keeps its request, key, operation and tenant";
            return refused(why.to_owned());
        }
        let original = input.row.event.parts().ok();
        if let Some(original) = original.and_then(|parts| codec::decode_transaction(&parts).ok()) {
            let (edited, original) = (&event.data, &original.data);
            if edited.principal != original.principal || edited.unconfirmed != original.unconfirmed
            {
                return refused("an edited event keeps its caller".to_owned());
            }
        }
        let catalog = self.worker.catalogs.get(&attributes.catalog);
        let operation = catalog.as_ref().and_then(|known| known.of(event).ok());
        let checked = operation.zip(catalog.as_ref()).map(|(operation, catalog)| {
            operation.check_edited(event, |key| self.sealed_boundary(catalog).entity_key(key))
        });
        match checked {
            Some(Ok(())) => None,
            Some(Err(invalid)) => {
                let mut why = format!("the edited request is invalid: {invalid}");
                self.mask_message(opened, &mut why);
                refused(why)
            }
            None => refused("the catalog of the edited event is not known yet".to_owned()),
        }
    }
}
