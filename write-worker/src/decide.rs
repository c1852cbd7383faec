//! Stage: events → decisions, appended to `changes` and acknowledged there. Reads what the plans
//! need, plans in log order over the state, appends. It must never touch a store's documents, rows
//! or ledger for writing.

mod append;
mod fold;
mod inputs;
mod recent;
mod state;

pub(crate) use append::append_record;
pub(crate) use recent::Recent;
pub(crate) use state::State;

use crate::{
    Worker,
    lane::Halt,
    mark::{Marker, Progress},
    step::{Aside, Step},
};
use event_log::{Delivery, Record};
use event_schema::decision::Mark;
use std::{collections::VecDeque, sync::Arc};

/// A batch on its way to the stores.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// Counts batches of a tenure, from 1.
    pub number: u64,
    /// In the order of `changes`.
    pub steps: Vec<Step>,
    pub asides: Vec<Aside>,
    /// Offset in `changes` of the last record of this batch; `None` if it has none.
    pub last: Option<u64>,
    /// The first offset in `transactions` after this batch.
    pub next: u64,
    pub consumed: usize,
}

/// Decides for one partition during one tenure.
pub(crate) struct Decider {
    worker: Arc<Worker>,
    partition: u16,
    epoch: u64,
    /// Offset the next record of ours must get; another one means that somebody else wrote.
    expected: u64,
    state: State,
    recent: Recent,
    collections: inputs::Collections,
    marker: Marker,
    /// Marks that were sent alone, and whose places nobody has looked at yet.
    sent: VecDeque<(Delivery, Mark)>,
    batch: u64,
}

impl Decider {
    /// `expected`: the offset after the tenure's last record in `changes`.
    pub fn new(
        worker: Arc<Worker>,
        partition: u16,
        epoch: u64,
        expected: u64,
        recent: Recent,
        marker: Marker,
    ) -> Self {
        let state = State::new(worker.config.cache_bytes);
        Self {
            worker,
            partition,
            epoch,
            expected,
            state,
            recent,
            collections: inputs::Collections::default(),
            marker,
            sent: VecDeque::new(),
            batch: 0,
        }
    }

    /// The whole stage for a batch of records. `again`: these positions were decided before and
    /// voided, so their ids are no repeats.
    pub async fn decide(
        &mut self,
        records: &[Record],
        progress: Progress,
        again: bool,
    ) -> Result<Decided, Halt> {
        let timer = self.worker.metrics.stage("decide");
        self.batch += 1;
        self.state.evict(progress.batch);
        let mut inputs = self.sort(records, again).await?;
        self.read_current(&inputs.events).await?;
        let decisions = self.fold(&mut inputs).await?;
        let mark = self.marker.due(progress, self.worker.ports.clock.now());
        let mut decided = self.append(mark, decisions).await?;
        decided.asides = inputs.asides;
        decided.number = self.batch;
        decided.consumed = records.len();
        decided.next = records.last().map_or(0, |record| record.offset + 1);
        self.worker.metrics.batch(records.len());
        timer.observe_duration();
        Ok(decided)
    }

    /// Appends a mark by itself, if there is progress to tell, and waits until all marks stand.
    pub async fn mark(&mut self, progress: Progress) -> Result<(), Halt> {
        let mark = self.marker.due(progress, self.worker.ports.clock.now());
        self.append(mark, Vec::new()).await.map(drop)
    }

    /// Sends a mark by itself, if there is progress to tell, and does not wait: for when nothing
    /// else is to be decided. Whatever is appended next looks first where it landed.
    pub async fn send_mark(&mut self, progress: Progress) -> Result<(), Halt> {
        match self.marker.due(progress, self.worker.ports.clock.now()) {
            Some(mark) => self.enqueue_mark(mark).await,
            None => Ok(()),
        }
    }

    /// Are there marks that nobody has looked after?
    pub fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }
}
