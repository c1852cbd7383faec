//! Whoever looks after dead letters: reads what is held and asks for it to be moved, now and then by
//! what was true a while ago.

use crate::dice::SharedDice;
use event_schema::{
    held::{self, DISCARD, HeldEvent, HeldKind, HoldIntent, REPLAY},
    id::EntityKey,
    mutation::RowKey,
};
use std::collections::BTreeSet;

/// Something to ask for.
#[derive(Debug)]
pub struct Errand {
    pub operation: &'static str,
    pub key: EntityKey,
    pub asked: HoldIntent,
}

/// What is held, as it was seen.
type SeenQueue = Vec<(EntityKey, RowKey, HeldEvent)>;

#[derive(Debug, Default)]
pub struct Person {
    /// What was read a while ago.
    seen: SeenQueue,
    /// Replayed once when nothing goes wrong any more.
    tried: BTreeSet<String>,
}

fn intent(row: &RowKey, held: &HeldEvent) -> HoldIntent {
    HoldIntent {
        request: held.request,
        place: held::read_place(row).expect("a row has its place"),
        attempts: held.attempts,
        as_new: false,
        edited: None,
        reason: None,
        job: None,
    }
}

impl Person {
    /// Looks at some of what is held; the rest may be asked about later, as it was.
    pub fn visit(&mut self, now: SeenQueue, dice: &SharedDice) -> Option<Errand> {
        if !dice.once_in(4) {
            self.seen = now;
        }
        let (key, row, held) = dice.pick(&self.seen)?.clone();
        if held.kind == HeldKind::Parked && !dice.once_in(10) {
            return None;
        }
        let mut asked = intent(&row, &held);
        if dice.once_in(12) {
            asked.attempts += 1;
        }
        asked.as_new = dice.once_in(3);
        let operation = if dice.once_in(5) { DISCARD } else { REPLAY };
        Some(Errand {
            operation,
            key,
            asked,
        })
    }

    /// At the end: each dead letter is replayed once more, and given up if that does not help.
    pub fn tidy(&mut self, now: SeenQueue) -> Vec<Errand> {
        let dead = now
            .into_iter()
            .filter(|(.., held)| held.kind == HeldKind::Dead);
        let errand = |(key, row, held): (EntityKey, RowKey, HeldEvent)| {
            let is_first = self.tried.insert(held.request.to_string());
            let operation = if is_first { REPLAY } else { DISCARD };
            let asked = intent(&row, &held);
            Errand {
                operation,
                key,
                asked,
            }
        };
        dead.map(errand).collect()
    }
}
