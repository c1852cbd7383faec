//! Everything planning needs, gathered in batches: which records are events, which are repeats, and
//! the current documents and rows. A store out of reach makes the partition wait here; it never
//! makes an event dead.

use super::{
    Decider,
    held::HeldInput,
    intent::Intent,
    recent::Repeats,
    redo::{VoidedContent, VoidedEvent},
    sealing::OpenedEvent,
};
use crate::{
    decode::{self, DamagedEvent, Undecodable},
    effects::Repeat,
    mark::Progress,
    record_retry::RecordPart,
    tenure_end::TenureEnd,
};
use catalog::{CurrentDocument, Needs};
use event_log::Record;
use event_schema::{
    decision::OriginalRecord,
    envelope::Transaction,
    held,
    id::RequestId,
    mutation::DocumentKey,
    offset::{ChangesOffset, TransactionsOffset},
    outcome::{DeadReason, Refusal, RefusalCode},
    position::Position,
};
use std::collections::HashSet;
use store::StoredDocument;

/// A sound event at its place.
pub(super) struct Event {
    pub position: Position,
    /// Unix milliseconds: when the log took it.
    pub accepted: i64,
    pub transaction: Transaction,
    /// Its bytes, for the case that it turns out to be dead.
    pub record: Record,
    /// What stands for its position and is replaced: a void, or what held it.
    pub replaces: Option<ChangesOffset>,
    /// Decided already: a store refused what came of it.
    pub dead: Option<DeadReason>,
    /// Decided already: its idempotency key is another request's.
    pub refused: Option<Refusal>,
    /// Its request is opened, for this.
    pub opened: Option<OpenedEvent>,
}

/// A record that no worker can decode.
pub(super) struct Damaged {
    pub request: RequestId,
    pub operation: String,
    pub position: Position,
    pub accepted: i64,
    pub reason: DeadReason,
    pub original: OriginalRecord,
}

/// What one record came to before planning.
pub(super) enum Input {
    Event(Box<Event>),
    Damaged(Box<Damaged>),
    Intent(Box<Intent>),
    /// Out of the queue of its key.
    Held(Box<HeldInput>),
}

impl Input {
    pub fn request(&self) -> RequestId {
        match self {
            Self::Event(event) => event.transaction.attributes.id,
            Self::Damaged(damaged) => damaged.request,
            Self::Intent(intent) => intent.event.transaction.attributes.id,
            Self::Held(held) => held.row.held.request,
        }
    }

    pub fn position(&self) -> Position {
        match self {
            Self::Event(event) => event.position,
            Self::Damaged(damaged) => damaged.position,
            Self::Intent(intent) => intent.event.position,
            Self::Held(held) => held.row.held.position,
        }
    }

    fn seen(&self) -> TransactionsOffset {
        match self {
            Self::Event(event) => event.transaction.seen,
            Self::Intent(intent) => intent.event.transaction.seen,
            Self::Damaged(_) | Self::Held(_) => TransactionsOffset::FIRST,
        }
    }

    /// The event that is planned, if one is.
    pub fn planned(&self) -> Option<&Event> {
        let of = |held: &'_ HeldInput| held.event.is_ok() && held.dead.is_none();
        match self {
            Self::Event(event) => Some(event),
            Self::Damaged(_) => None,
            Self::Held(held) if of(held) => held.event.as_deref().ok(),
            Self::Intent(intent) => {
                let held = intent.held.as_ref().filter(|held| of(held))?;
                held.event.as_deref().ok()
            }
            Self::Held(_) => None,
        }
    }

    fn planned_mut(&mut self) -> Option<&mut Event> {
        let of = |held: &'_ HeldInput| held.event.is_ok() && held.dead.is_none();
        match self {
            Self::Event(event) => Some(event),
            Self::Held(held) if of(held) => held.event.as_deref_mut().ok(),
            Self::Intent(intent) => {
                let held = intent.held.as_mut().filter(|held| of(held))?;
                held.event.as_deref_mut().ok()
            }
            Self::Damaged(_) | Self::Held(_) => None,
        }
    }

    fn has_claim(&self) -> bool {
        matches!(self, Self::Event(event) if event.transaction.data.claim.is_some())
    }
}

/// A batch of records, told apart.
#[derive(Default)]
pub(super) struct Consumable {
    /// In log order.
    pub events: Vec<Input>,
    pub repeats: Vec<Repeat>,
}

impl Consumable {
    /// Every record that is consumed is decided, or was before: one that is neither would be lost
    /// once a mark passes it.
    pub fn account_for(&self, records: &[Record]) -> Result<(), TenureEnd> {
        let told_apart = self.events.len() + self.repeats.len();
        if told_apart == records.len() {
            return Ok(());
        }
        let why = format!(
            "{} records were read, and {told_apart} told apart",
            records.len()
        );
        tracing::error!(why,);
        Err(TenureEnd::Reclaim(why))
    }
}

impl Decider {
    /// The records before the first that needs a newer worker, and why that one waits.
    pub(super) fn readable_records<'r>(
        &self,
        records: &'r [Record],
    ) -> (&'r [Record], Option<TenureEnd>) {
        for (at, record) in records.iter().enumerate() {
            if let Err(Undecodable::NewerLevel(error)) = decode::check_level(record) {
                let offset = record.offset;
                let why = format!(
                    "the event at {offset} of `transactions` waits for a newer worker: {error}"
                );
                return (&records[..at], Some(TenureEnd::Reclaim(why)));
            }
        }
        (records, None)
    }

    /// Decodes, and sets repeats aside.
    pub(super) async fn decode_batch(
        &mut self,
        records: &[Record],
    ) -> Result<Consumable, TenureEnd> {
        let mut consumable = Consumable::default();
        let mut to_look_up = Vec::new();
        for record in records {
            let offset = TransactionsOffset::new(record.offset);
            let position = self.worker.position_at(self.partition, offset);
            let input = self.read_input(record, position, None)?;
            let request = input.request();
            match self.recent.repeats(&request, offset, input.seen()) {
                Repeats::Yes => {
                    self.set_repeat_aside(input, &mut consumable);
                    continue;
                }
                Repeats::AskLedger => to_look_up.push(consumable.events.len()),
                // The ledger is asked for free where a store is asked for the key anyway.
                Repeats::No if input.has_claim() => to_look_up.push(consumable.events.len()),
                Repeats::No => {}
            }
            self.recent.insert(&request, offset);
            consumable.events.push(input);
        }
        self.look_up(&mut consumable, to_look_up).await?;
        Ok(consumable)
    }

    /// Decodes what was decided before and voided.
    pub(super) fn decode_again(
        &mut self,
        voided: Vec<VoidedEvent>,
    ) -> Result<Consumable, TenureEnd> {
        let inputs = voided.into_iter().map(|voided| {
            let (position, void) = (voided.redo.position, voided.redo.void);
            match voided.event {
                VoidedContent::Logged(record) => {
                    let mut input = self.read_input(&record, position, Some(void))?;
                    if let Input::Event(event) = &mut input {
                        event.dead = voided.dead;
                    }
                    Ok::<_, TenureEnd>(input)
                }
                VoidedContent::Held { key, row, by } => {
                    let original = row.event.clone();
                    let row = *row;
                    let mut held = self.held_input(key, row, void, original)?;
                    (held.by, held.dead) = (by, voided.dead);
                    Ok(Input::Held(Box::new(held)))
                }
            }
        });
        Ok(Consumable {
            events: inputs.collect::<Result<_, TenureEnd>>()?,
            repeats: Vec::new(),
        })
    }

    fn read_input(
        &self,
        record: &Record,
        position: Position,
        replaces: Option<ChangesOffset>,
    ) -> Result<Input, TenureEnd> {
        let event = |transaction: Transaction, dead| Event {
            position,
            accepted: if record.timestamp >= 0 {
                record.timestamp
            } else {
                transaction.attributes.time
            },
            transaction,
            record: record.clone(),
            replaces,
            dead,
            refused: None,
            opened: None,
        };
        if let Some((transaction, reason)) = decode::stand_in(record) {
            tracing::warn!(%position, reason = reason.message, "an event without its body: dead letter");
            return Ok(Input::Event(Box::new(event(transaction, Some(reason)))));
        }
        match decode::decode_record(record) {
            Ok(transaction) => Ok(told_apart(event(transaction, None))),
            Err(Undecodable::Damaged(damaged)) => {
                Ok(self.damaged_input(record, position, *damaged))
            }
            Err(Undecodable::NewerLevel(error)) => Err(TenureEnd::Reclaim(error.to_string())),
        }
    }

    fn damaged_input(&self, record: &Record, position: Position, damaged: DamagedEvent) -> Input {
        tracing::warn!(%position, reason = damaged.reason.message, "a record is not an event: dead letter");
        let made_up = || RequestId::of_record(&self.worker.topics.transactions, &position);
        Input::Damaged(Box::new(Damaged {
            request: damaged.request.unwrap_or_else(made_up),
            operation: damaged.operation,
            position,
            accepted: record.timestamp.max(0),
            reason: damaged.reason,
            original: OriginalRecord::of(&decode::record_parts(record)),
        }))
    }

    fn set_repeat_aside(&self, input: Input, consumable: &mut Consumable) {
        match input {
            Input::Event(event) => consumable.repeats.push(Repeat {
                request: event.transaction.attributes.id,
                reply: event.transaction.data.reply,
            }),
            Input::Damaged(mut damaged) => {
                // Its id is another request's: it may not take that one's verdict away.
                damaged.request =
                    RequestId::of_record(&self.worker.topics.transactions, &damaged.position);
                consumable.events.push(Input::Damaged(damaged));
            }
            Input::Intent(intent) => consumable.repeats.push(Repeat {
                request: intent.event.transaction.attributes.id,
                reply: intent.event.transaction.data.reply,
            }),
            // It comes from no log.
            Input::Held(_) => {}
        }
    }

    /// Waits until the catalog's version is known. That may take long, and what is being applied
    /// must not wait for it.
    async fn learn_catalog(&mut self, version: &str, progress: Progress) -> Result<(), TenureEnd> {
        let (worker, liveness) = (self.worker.clone(), self.liveness().clone());
        let mut learning = std::pin::pin!(worker.learn_catalog(version));
        loop {
            tokio::select! {
                biased;
                learned = &mut learning => return learned,
                () = liveness.asked() => self.prove(progress).await?,
            }
        }
    }

    /// Reads the documents and rows that the plans will ask for and that the state does not hold.
    pub(super) async fn read_current(
        &mut self,
        inputs: &mut [Input],
        progress: Progress,
    ) -> Result<(), TenureEnd> {
        for input in inputs.iter_mut() {
            let Some(event) = input.planned_mut() else {
                continue;
            };
            let catalog = &event.transaction.attributes.catalog;
            if self.worker.catalogs.get(catalog).is_none() {
                self.learn_catalog(catalog, progress).await?;
            }
            // A stand-in has no body that could be sealed.
            if event.record.value.is_some() {
                self.open_sealed(event).await?;
            }
        }
        let needs = self.missing_needs(inputs);
        self.read_needed(&needs).await
    }

    /// Reads documents and rows into the state.
    pub(super) async fn read_needed(&mut self, needs: &Needs) -> Result<(), TenureEnd> {
        let Needs { documents, rows } = needs;
        let record = &self.worker.ports.record;
        if !documents.is_empty() {
            let found = self
                .worker
                .retry_until_answered(RecordPart::Contents, || record.documents(documents))
                .await?;
            for (key, stored) in documents.iter().zip(found) {
                self.check_version(key, stored.as_ref())?;
                let current = stored.map(|stored| CurrentDocument {
                    revision: stored.meta.revision,
                    body: stored.body,
                });
                let current = current.unwrap_or_default();
                self.state.set_document(key, current, self.batch);
            }
        }
        if !rows.is_empty() {
            let found = self
                .worker
                .retry_until_answered(RecordPart::Contents, || record.rows(rows))
                .await?;
            for (key, row) in rows.iter().zip(found) {
                let expires = row.as_ref().and_then(|row| row.expires);
                let cells = row.map(|row| row.cells);
                self.state.set_row(key, cells, expires, self.batch);
            }
        }
        Ok(())
    }

    /// No store can hold a version that the log has not given: such a log lost its tail.
    fn check_version(
        &self,
        key: &DocumentKey,
        stored: Option<&StoredDocument>,
    ) -> Result<(), TenureEnd> {
        let end = self.appender.expected();
        let generation = self.worker.ports.layout.generation;
        match stored {
            Some(StoredDocument { meta, .. })
                if !self.given.may_be_stored(meta.version, meta.position, end) =>
            {
                let version = meta.version;
                Err(TenureEnd::Halted(format!(
                    "{key} stands at version {version} (offset {} of `changes` in generation {}), which `changes` of generation {generation}, which ends at {end}, did not assign: the log lost its tail, or the store belongs to another one; start a new generation once it is known what was lost",
                    version.offset(),
                    version.generation(),
                )))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn missing_needs(&self, inputs: &[Input]) -> Needs {
        let mut missing = Needs::default();
        let (mut asked, mut asked_rows) = (HashSet::new(), HashSet::new());
        for input in inputs {
            let Some(event) = input.planned() else {
                continue;
            };
            let attributes = &event.transaction.attributes;
            let Some(catalog) = self.worker.catalogs.get(&attributes.catalog) else {
                continue;
            };
            let Some(operation) = catalog.operation(&attributes.operation) else {
                continue;
            };
            let Ok(needs) = self.needs_of(&catalog, operation, event) else {
                continue;
            };
            for key in needs.documents {
                if !self.state.has_document(&key) && asked.insert(key.clone()) {
                    missing.documents.push(key);
                }
            }
            for key in needs.rows {
                if !self.state.has_row(&key) && asked_rows.insert(key.to_string()) {
                    missing.rows.push(key);
                }
            }
        }
        missing
    }
}

/// An event, or an intent about one that is held.
fn told_apart(event: Event) -> Input {
    if !held::is_intent(&event.transaction.attributes.operation) {
        return Input::Event(Box::new(event));
    }
    match Intent::of(Box::new(event)) {
        Ok(intent) => Input::Intent(Box::new(intent)),
        Err((mut event, why)) => {
            event.refused = Some(Refusal {
                code: RefusalCode::Rule,
                message: format!("the intent cannot be read: {why}"),
                pointer: None,
                rule: None,
            });
            Input::Event(event)
        }
    }
}
