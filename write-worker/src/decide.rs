//! Stage: events → decisions, appended to `changes` and acknowledged there. Reads what the plans
//! need, plans in log order over the state, appends. It must never touch a store's documents, rows
//! or ledger for writing.

mod append;
mod decision;
mod given_versions;
mod held;
mod inputs;
mod intent;
mod judge;
mod judge_held;
mod purge;
mod queues;
mod recent;
mod redo;
mod repair;
mod repeats;
mod sealing;
mod state;
mod unconfirmed;
mod values;

pub(crate) use given_versions::GivenVersions;
pub(crate) use held::{held_row, log_record};
pub(crate) use queues::KeyQueues;
pub(crate) use recent::RecentRequests;
pub(crate) use redo::{VoidedContent, VoidedEvent};
pub(crate) use state::State;

use crate::{
    Worker,
    append::ChangesAppender,
    decided::{Consumed, Decided},
    liveness::Liveness,
    mark::{Marker, Progress},
    tenure_end::TenureEnd,
};
use event_log::{Delivery, Record};
use event_schema::{
    RequestTail, decision::Mark, flood::DeadLetterFlood, offset::TransactionsOffset,
};
use inputs::{Consumable, Input};
use std::{collections::VecDeque, sync::Arc};
use tokio::time::Instant;
use unconfirmed::LookedAtCallers;

/// Decides for one partition during one tenure.
pub(crate) struct Decider {
    worker: Arc<Worker>,
    partition: u16,
    appender: ChangesAppender,
    state: State,
    recent: RecentRequests,
    queues: KeyQueues,
    given: GivenVersions,
    /// How much of `transactions` is decided.
    consumed: Consumed,
    marker: Marker,
    /// Marks that were sent alone, and whose places are not known yet.
    sent: VecDeque<(Delivery, Mark)>,
    batch: u64,
    looked_at: LookedAtCallers,
    /// The event that waits at its place: nothing behind it is decided.
    flood: Option<Box<DeadLetterFlood>>,
}

impl Decider {
    pub fn new(
        worker: Arc<Worker>,
        partition: u16,
        appender: ChangesAppender,
        remembered: (RecentRequests, KeyQueues, GivenVersions),
        consumed: Consumed,
        marker: Marker,
    ) -> Self {
        let (recent, queues, given) = remembered;
        let state = State::new(worker.config.cache_bytes, worker.ports.keys.clone());
        Self {
            worker,
            partition,
            appender,
            state,
            recent,
            queues,
            given,
            consumed,
            marker,
            sent: VecDeque::new(),
            batch: 0,
            looked_at: LookedAtCallers::default(),
            flood: None,
        }
    }

    /// The whole stage for a batch of records, up to one that this worker is too old to read, behind
    /// what can be decided of what is parked.
    pub async fn decide(
        &mut self,
        records: &[Record],
        progress: Progress,
    ) -> Result<Decided, TenureEnd> {
        if let Some(resolved) = progress.resolved {
            self.recent.resolved(resolved.next);
        }
        let (records, waits) = self.readable_records(records);
        let mut inputs = self.decode_batch(records).await?;
        inputs.account_for(records)?;
        self.queues.settle(progress.batch);
        let mut drained = self.drain_queues().await?;
        drained.append(&mut inputs.events);
        inputs.events = drained;
        let mut decided = self.decide_inputs(inputs, progress).await?;
        let flood = self.flood.take();
        let (records, waits) = match flood {
            Some(flood) => {
                let before = records.partition_point(|record| record.offset < flood.offset);
                (&records[..before], Some(TenureEnd::Flooded(flood)))
            }
            None => (records, waits),
        };
        self.consumed = match records.last() {
            Some(last) => self.note_consumed(records, last),
            None => Consumed {
                records: 0,
                ..self.consumed
            },
        };
        decided.consumed = Some(self.consumed);
        decided.waits = waits;
        Ok(decided)
    }

    /// The stage for positions that were decided before and voided: their ids are no repeats.
    pub async fn decide_again(&mut self, voided: Vec<VoidedEvent>) -> Result<Decided, TenureEnd> {
        let inputs = self.decode_again(voided)?;
        let decided = self.decide_inputs(inputs, Progress::default()).await?;
        match self.flood.take() {
            Some(flood) => Err(TenureEnd::Flooded(flood)),
            None => Ok(decided),
        }
    }

    async fn decide_inputs(
        &mut self,
        mut inputs: Consumable,
        progress: Progress,
    ) -> Result<Decided, TenureEnd> {
        let timer = self.worker.metrics.stage("decide");
        self.batch += 1;
        let now = self.worker.ports.clock.now();
        self.state.begin_batch(progress.batch, now);
        let count = inputs.events.len();
        self.find_held(&mut inputs.events).await?;
        self.read_current(&mut inputs.events, progress).await?;
        self.look_at_callers(inputs.events.iter().filter_map(Input::planned))
            .await?;
        let decisions = self.judge_all(&mut inputs.events, progress.batch).await?;
        let mark = self
            .marker
            .due(progress, self.appender.epoch(), Instant::now(), now);
        let mut decided = self.append_decisions(mark, decisions).await?;
        if self.flood.is_none() {
            decided.repeats = inputs.repeats;
        }
        self.worker.metrics.batch(count);
        let partitions = &self.worker.metrics.partitions;
        partitions.set_cached(self.partition, self.state.bytes());
        timer.observe_duration();
        Ok(decided)
    }

    fn note_consumed(&self, records: &[Record], last: &Record) -> Consumed {
        let next = TransactionsOffset::new(last.offset).next();
        self.worker.parts.reached(self.partition, next);
        let topic = &self.worker.topics.transactions;
        let Consumed {
            next: mut end,
            mut tail,
            ..
        } = self.consumed;
        let known = next.minus(RequestTail::LENGTH).get();
        for record in &records[records.partition_point(|record| record.offset < known)..] {
            let offset = TransactionsOffset::new(record.offset);
            let position = self.worker.position_at(self.partition, offset);
            let request = crate::decode::record_identity(record, topic, &position);
            tail.push(offset.next().since(end), &request);
            end = offset.next();
        }
        Consumed {
            next,
            tail,
            records: records.len(),
        }
    }

    /// Appends a mark by itself, if there is progress to say, and waits until all marks stand.
    pub async fn mark(&mut self, progress: Progress) -> Result<(), TenureEnd> {
        self.send_mark(progress).await?;
        self.settle().await
    }

    /// Sends a mark by itself, if there is progress to say, and does not wait: for when nothing
    /// else is to be decided. Whatever is appended next looks first where it landed.
    pub async fn send_mark(&mut self, progress: Progress) -> Result<(), TenureEnd> {
        let now = self.worker.ports.clock.now();
        match self
            .marker
            .due(progress, self.appender.epoch(), Instant::now(), now)
        {
            Some(mark) => self.enqueue_mark(mark).await,
            None => Ok(()),
        }
    }

    /// Shows that the tenure still is the partition's: appends a mark, whatever there is to say,
    /// and waits until it stands where it must.
    pub async fn prove(&mut self, progress: Progress) -> Result<(), TenureEnd> {
        let (epoch, now) = (self.appender.epoch(), self.worker.ports.clock.now());
        let Some(mark) = self.marker.again(progress, epoch, Instant::now(), now) else {
            let why = "no append has landed for a minute, and there is nothing to mark yet";
            return Err(TenureEnd::Reclaim(why.into()));
        };
        self.enqueue_mark(mark).await?;
        self.settle().await
    }

    /// Where such a mark is asked for.
    pub fn liveness(&self) -> &Liveness {
        self.appender.liveness()
    }

    /// Are there marks whose places are not known yet?
    pub fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }
}
