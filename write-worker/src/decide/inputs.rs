//! Everything planning needs, gathered in batches: which records are events, which are repeats,
//! whose idempotency keys they are, and the current documents and rows. A store out of reach makes
//! the partition wait here; it never makes an event dead.

use super::Decider;
use crate::{decode, lane::Halt, step::Aside};
use catalog::CurrentDocument;
use event_log::{RESENT, Record};
use event_schema::{
    envelope::Transaction,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::{DeadReason, Refusal, RefusalCode},
    position::Position,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use store::{ClaimOutcome, Collection, StoreError};

/// A sound event at its place.
pub(super) struct Event {
    pub position: Position,
    /// Unix milliseconds: when the log took it.
    pub accepted: i64,
    pub transaction: Transaction,
    /// Decided already: its idempotency key is another request's.
    pub refused: Option<Refusal>,
}

/// What one record came to before planning.
pub(super) enum Input {
    Event(Box<Event>),
    /// Not an event, but with an id that can be told so.
    Dead {
        request: RequestId,
        operation: String,
        position: Position,
        accepted: i64,
        reason: DeadReason,
    },
}

#[derive(Default)]
pub(super) struct Inputs {
    /// In log order.
    pub events: Vec<Input>,
    pub asides: Vec<Aside>,
}

/// Collections seen lately. One that was dropped, emptied or mapped anew since is believed for
/// [`BELIEVED`] and no longer: whoever drops one waits longer than that before he says so.
#[derive(Default)]
pub(super) struct Collections(HashMap<(String, String), (Arc<Collection>, Instant)>);

const BELIEVED: Duration = Duration::from_millis(200);

impl Decider {
    /// Decodes, sets repeats and the undecodable aside, and claims idempotency keys.
    pub(super) async fn sort(&mut self, records: &[Record], again: bool) -> Result<Inputs, Halt> {
        let mut inputs = Inputs::default();
        let mut doubtful = Vec::new();
        for record in records {
            let position = self.position(record.offset);
            let transaction = match decode::decode(record) {
                Ok(transaction) => transaction,
                Err(bad) => {
                    self.undecodable(record, position, *bad, &mut inputs);
                    continue;
                }
            };
            let request = transaction.attributes.id;
            if !again && self.recent.repeats(&request, record.offset) {
                inputs.asides.push(Aside::Duplicate {
                    request,
                    reply: transaction.data.reply,
                });
                continue;
            }
            let resent = record.headers.iter().any(|(name, _)| name == RESENT);
            if !again && (resent || transaction.data.claim.is_some()) {
                doubtful.push(inputs.events.len());
            }
            self.recent.insert(&request, record.offset);
            let accepted = if record.timestamp >= 0 {
                record.timestamp
            } else {
                transaction.attributes.time
            };
            inputs.events.push(Input::Event(Box::new(Event {
                position,
                accepted,
                transaction,
                refused: None,
            })));
        }
        self.look_up(&mut inputs, doubtful).await?;
        Ok(inputs)
    }

    fn position(&self, offset: u64) -> Position {
        Position {
            generation: self.worker.ports.layout.generation,
            partition: self.partition,
            offset,
        }
    }

    fn undecodable(
        &self,
        record: &Record,
        position: Position,
        bad: decode::Undecodable,
        inputs: &mut Inputs,
    ) {
        tracing::warn!(%position, reason = bad.reason.message, "a record is not an event: dead letter");
        match bad.request {
            Some(request) => {
                let accepted = record.timestamp.max(0);
                inputs.events.push(Input::Dead {
                    request,
                    operation: bad.operation,
                    position,
                    accepted,
                    reason: bad.reason,
                });
            }
            None => inputs.asides.push(Aside::Undecodable {
                position,
                reason: bad.reason,
                original: decode::original(record),
            }),
        }
    }

    /// Asks the ledger for the doubtful, and claims the keys of those that are new.
    async fn look_up(&self, inputs: &mut Inputs, doubtful: Vec<usize>) -> Result<(), Halt> {
        if doubtful.is_empty() {
            return Ok(());
        }
        let event = |inputs: &Inputs, at: usize| match &inputs.events[at] {
            Input::Event(event) => (event.transaction.attributes.id, event.position),
            Input::Dead {
                request, position, ..
            } => (*request, *position),
        };
        let ids: Vec<RequestId> = doubtful.iter().map(|at| event(inputs, *at).0).collect();
        let known = self
            .worker
            .patiently("record", || self.worker.ports.record.ledger(&ids))
            .await?;
        let mut repeated = HashSet::new();
        for (at, entry) in doubtful.into_iter().zip(known) {
            match entry {
                // A position is never judged twice; an entry of this very position is one whose
                // mark was lost.
                Some(entry) if entry.position != event(inputs, at).1 => _ = repeated.insert(at),
                Some(_) | None => self.claim(&mut inputs.events[at]).await?,
            }
        }
        let mut at = 0;
        inputs.events.retain(|input| {
            at += 1;
            let Input::Event(event) = input else {
                return true;
            };
            if repeated.contains(&(at - 1)) {
                inputs.asides.push(Aside::Duplicate {
                    request: event.transaction.attributes.id,
                    reply: event.transaction.data.reply.clone(),
                });
            }
            !repeated.contains(&(at - 1))
        });
        Ok(())
    }

    async fn claim(&self, input: &mut Input) -> Result<(), Halt> {
        let Input::Event(event) = input else {
            return Ok(());
        };
        let Some(claim) = &event.transaction.data.claim else {
            return Ok(());
        };
        let request = event.transaction.attributes.id;
        if let ClaimOutcome::Theirs(other) = self
            .worker
            .patiently("record", || self.worker.ports.record.claim(claim, &request))
            .await?
            && other.unique() != request.unique()
        {
            event.refused = Some(Refusal {
                code: RefusalCode::IdempotencyKeyReused,
                message: "another request was made under this idempotency key".into(),
                pointer: None,
            });
        }
        Ok(())
    }

    /// Reads the documents and rows that the plans will ask for and that the state does not hold.
    pub(super) async fn read_current(&mut self, inputs: &[Input]) -> Result<(), Halt> {
        for input in inputs {
            let Input::Event(event) = input else { continue };
            self.worker
                .learn(&event.transaction.attributes.catalog)
                .await?;
        }
        let (documents, rows) = self.missing(inputs);
        let record = &self.worker.ports.record;
        if !documents.is_empty() {
            let found = self
                .worker
                .patiently("record", || record.documents(&documents))
                .await?;
            for (key, stored) in documents.iter().zip(found) {
                let current = stored.map_or(
                    CurrentDocument {
                        revision: 0,
                        body: None,
                    },
                    |stored| CurrentDocument {
                        revision: stored.meta.revision,
                        body: stored.body,
                    },
                );
                self.state.set_document(key, current, self.batch);
            }
        }
        if !rows.is_empty() {
            let found = self
                .worker
                .patiently("record", || record.rows(&rows))
                .await?;
            for (key, row) in rows.iter().zip(found) {
                self.state.set_row(key, row, self.batch);
            }
        }
        Ok(())
    }

    fn missing(&self, inputs: &[Input]) -> (Vec<DocumentKey>, Vec<RowKey>) {
        let (mut documents, mut rows) = (Vec::new(), Vec::new());
        let (mut asked, mut asked_rows) = (HashSet::new(), HashSet::new());
        for input in inputs {
            let Input::Event(event) = input else { continue };
            let attributes = &event.transaction.attributes;
            let catalog = self.worker.catalogs.get(&attributes.catalog);
            let Some(operation) = catalog
                .as_ref()
                .and_then(|catalog| catalog.operation(&attributes.operation))
            else {
                continue;
            };
            let Ok(needs) = operation.needs(&event.transaction) else {
                continue;
            };
            for key in needs.documents {
                if !self.state.has_document(&key) && asked.insert(key.clone()) {
                    documents.push(key);
                }
            }
            for key in needs.rows {
                if !self.state.has_row(&key) && asked_rows.insert(key.to_string()) {
                    rows.push(key);
                }
            }
        }
        (documents, rows)
    }

    /// The collection of this name, if it stands in that incarnation.
    pub(super) async fn collection(
        &mut self,
        index: &str,
        name: &str,
        incarnation: &str,
    ) -> Result<Option<Arc<Collection>>, Halt> {
        let key = (index.to_owned(), name.to_owned());
        if let Some((known, read)) = self.collections.0.get(&key)
            && known.incarnation == incarnation
            && read.elapsed() < BELIEVED
        {
            return Ok(Some(known.clone()));
        }
        let record = &self.worker.ports.record;
        // What is asked after this moment is not older than it.
        let asked = Instant::now();
        let found = self
            .worker
            .patiently("record", || record.collection(index, name))
            .await?
            .map(Arc::new);
        match &found {
            Some(collection) => _ = self.collections.0.insert(key, (collection.clone(), asked)),
            None => _ = self.collections.0.remove(&key),
        }
        Ok(found.filter(|collection| collection.incarnation == incarnation))
    }
}

impl crate::Worker {
    /// Asks until there is an answer: an outage makes a partition wait, whatever it takes. A
    /// refusal of the call itself stops the partition.
    pub(crate) async fn patiently<T, F>(
        &self,
        what: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut backoff = self.config.backoff();
        loop {
            match call().await {
                Ok(answer) => {
                    if backoff.attempts() > 0 && what == "record" {
                        self.returned()?;
                    }
                    return Ok(answer);
                }
                Err(error @ (StoreError::Unavailable { .. } | StoreError::NotMigrated { .. })) => {
                    self.metrics.retried(what);
                    if backoff.attempts().is_multiple_of(10) {
                        tracing::warn!(%error, "waiting for a store");
                    }
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                Err(error) => return Err(Halt::Alarm(error.to_string())),
            }
        }
    }
}
