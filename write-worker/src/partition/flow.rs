//! The steady state of an owned partition: batch n + 1 is decided while batch n is applied.

use super::{PartitionTask, marks::TenureMarks, take::TakenPartition, witness::DecidedTail};
use crate::{
    apply::{Applier, ApplyState, Proof},
    decide::{
        Decider, GivenVersions, KeyQueues, RecentRequests, VoidedContent, VoidedEvent, held_row,
        log_record,
    },
    decided::{Consumed, Decided},
    mark::{Progress, Resolved},
    tenure_end::TenureEnd,
};
use change_feed::{Redo, Window};
use event_log::{Limits, PartitionStream};
use event_schema::{
    decision::{Change, TopicIds, Void, VoidEnd},
    offset::{ChangesOffset, TransactionsOffset},
};
use std::collections::BTreeSet;
use tokio::sync::{mpsc, watch};

/// Positions decided again together.
const REDO_AT_ONCE: usize = 100;

impl PartitionTask {
    /// Decides and applies until something ends it.
    pub(super) async fn run_flow(
        &self,
        taken: TakenPartition,
        marks: TenureMarks,
        remembered: (RecentRequests, KeyQueues),
        resolved: &mut BTreeSet<ChangesOffset>,
    ) -> Result<(), TenureEnd> {
        let TenureMarks {
            marker,
            everything,
            keeper,
        } = marks;
        let redo = taken.window.redo();
        let (recent, queues) = remembered;
        let generation = self.worker.ports.layout.generation;
        let given = GivenVersions::of(generation, taken.start.from, &taken.window);
        let decided = DecidedTail {
            next: everything.next,
            tail: everything.tail,
        };
        let log = (taken.topics.clone(), decided);
        let mut decider = Decider::new(
            self.worker.clone(),
            self.partition,
            taken.appender,
            (recent, queues, given),
            Consumed {
                next: everything.next,
                tail: everything.tail,
                records: 0,
            },
            marker,
        );
        let proof = Proof::Awaited(decider.liveness().clone());
        let applier = Applier::new(self.worker.clone(), self.partition, proof);
        let (progress, seen) = watch::channel(Progress {
            batch: 0,
            resolved: redo.is_empty().then_some(everything),
        });
        let (sender, receiver) = mpsc::channel(1);
        let deciding = async {
            self.redo_decisions(&mut decider, &taken.window, redo, everything, &sender)
                .await?;
            self.decide_all(&mut decider, &log, seen.clone(), sender)
                .await?;
            // What is still being applied may need a proof.
            loop {
                decider.liveness().asked().await;
                let progress = *seen.borrow();
                decider.prove(progress).await?;
            }
        };
        let applying = self.apply_all(applier, receiver, progress, everything.through, resolved);
        let ended: Result<(), TenureEnd> = tokio::select! {
            biased;
            ended = deciding => ended,
            ended = applying => ended,
        };
        ended?;
        let last = *seen.borrow();
        decider.mark(last).await?;
        drop(decider);
        keeper.finish().await;
        Ok(())
    }

    /// Decides again what was only voided because something before it was.
    async fn redo_decisions(
        &self,
        decider: &mut Decider,
        window: &Window,
        redo: Vec<Redo>,
        everything: Resolved,
        batches: &mpsc::Sender<Decided>,
    ) -> Result<(), TenureEnd> {
        let last = redo.last().copied();
        for some in redo.chunks(REDO_AT_ONCE) {
            let voided = self.voided_events(some).await?;
            let mut decided = decider.decide_again(voided).await?;
            // Until the last of them is resolved, nothing behind them is.
            decided.consumed = (some.last() == last.as_ref()).then_some(Consumed {
                next: window.next(),
                tail: everything.tail,
                records: 0,
            });
            tokio::select! {
                biased;
                sent = batches.send(decided) => if sent.is_err() {
                    break;
                },
                // There is nothing to mark before all of these are resolved.
                () = decider.liveness().asked() => return decider.liveness().check(),
            }
        }
        Ok(())
    }

    /// The events of voided decisions: from their voids, or from the log where a void was too large
    /// to hold one.
    async fn voided_events(&self, redo: &[Redo]) -> Result<Vec<VoidedEvent>, TenureEnd> {
        let mut offsets: Vec<ChangesOffset> = redo.iter().map(|redo| redo.void).collect();
        offsets.sort_unstable();
        let mut voids = self.changes_at(&offsets).await?;
        let mut voided = Vec::with_capacity(redo.len());
        for redo in redo {
            let Some(Change::Void(void)) = voids.remove(&redo.void) else {
                let why = format!("the void at {} could not be read again", redo.void);
                return Err(TenureEnd::Reclaim(why));
            };
            let event = self.voided_content(redo, &void).await?;
            let dead = match void.ends {
                VoidEnd::Dead(reason) => Some(reason),
                VoidEnd::Anew | VoidEnd::Held | VoidEnd::Refused(_) => None,
            };
            voided.push(VoidedEvent {
                redo: *redo,
                event,
                dead,
            });
        }
        Ok(voided)
    }

    async fn voided_content(&self, redo: &Redo, void: &Void) -> Result<VoidedContent, TenureEnd> {
        if let Some(row) = change_feed::held_after(&void.rows) {
            return Ok(VoidedContent::Held {
                key: void.key.clone(),
                row: Box::new(held_row(&row.key, row.cells.clone())?),
                by: void.by.clone(),
            });
        }
        let record = match &void.event {
            Some(event) => log_record(event, redo.position, void.accepted),
            None => self.event_record(redo.position.offset).await?,
        };
        let gone = || TenureEnd::Halted(format!("the event at {} is gone", redo.position));
        record.map(VoidedContent::Logged).ok_or_else(gone)
    }

    async fn decide_all(
        &self,
        decider: &mut Decider,
        (topics, decided): &(TopicIds, DecidedTail),
        mut seen: watch::Receiver<Progress>,
        batches: mpsc::Sender<Decided>,
    ) -> Result<(), TenureEnd> {
        let mut stream = self.open_stream(decided.next).await?;
        // The stream notices what is lost from here on.
        self.look_at_log_again(topics, decided).await?;
        let limits = Limits {
            records: self.worker.config.batch_records,
            bytes: self.worker.config.batch_bytes,
        };
        let liveness = decider.liveness().clone();
        let mut place = None;
        loop {
            let applied = seen.borrow().batch;
            tokio::select! {
                biased;
                () = self.owned.shutdown().soft() => return Ok(()),
                // What is decided has a place to go: while there is none, the next batch grows.
                reserved = batches.reserve(), if place.is_none() => match reserved {
                    Ok(reserved) => place = Some(reserved),
                    Err(_) => return Ok(()),
                },
                records = stream.next(limits), if place.is_some() => {
                    let progress = *seen.borrow_and_update();
                    let end = stream.end();
                    let mut decided = decider.decide(&records?, progress).await?;
                    self.show_lag(&decided, end);
                    let waits = decided.waits.take();
                    self.end_flood_behind(&decided).await;
                    if let Some(place) = place.take() {
                        place.send(decided);
                    }
                    if let Some(end) = waits {
                        return Err(end);
                    }
                }
                // Nothing comes: what is parked is decided by itself.
                () = std::future::ready(()), if place.is_some() && decider.can_drain(applied) => {
                    let progress = *seen.borrow_and_update();
                    let decided = decider.decide(&[], progress).await?;
                    if let Some(place) = place.take() {
                        place.send(decided);
                    }
                }
                // Otherwise the next batch carries the mark.
                Ok(()) = seen.changed(), if place.is_some() => {
                    let progress = *seen.borrow_and_update();
                    decider.send_mark(progress).await?;
                }
                () = liveness.asked() => {
                    let progress = *seen.borrow();
                    decider.prove(progress).await?;
                }
                settled = decider.settle(), if decider.has_sent() => settled?,
            }
        }
    }

    /// What the partition waited for is decided.
    async fn end_flood_behind(&self, decided: &Decided) {
        let flood = self.worker.floods.of(self.partition);
        let next = decided.consumed.map(|consumed| consumed.next.get());
        if flood.is_some_and(|flood| next.is_some_and(|next| next > flood.offset)) {
            self.worker.end_flood(self.partition).await;
        }
    }

    fn show_lag(&self, decided: &Decided, end: u64) {
        if let Some(consumed) = &decided.consumed {
            let behind = end.saturating_sub(consumed.next.get());
            self.worker
                .metrics
                .partitions
                .set_lag(self.partition, behind);
        }
    }

    async fn apply_all(
        &self,
        applier: Applier<'_>,
        mut batches: mpsc::Receiver<Decided>,
        progress: watch::Sender<Progress>,
        mut through: ChangesOffset,
        resolved: &mut BTreeSet<ChangesOffset>,
    ) -> Result<(), TenureEnd> {
        while let Some(mut decided) = batches.recv().await {
            let mut applied = ApplyState::default();
            applier.apply(&mut decided, &mut applied).await?;
            if let Some(end) = applied.rejection() {
                resolved.extend(applied.resolved);
                return Err(end);
            }
            remember_resolved(resolved, applied.resolved);
            through = decided.last.unwrap_or(through);
            let consumed = decided.consumed;
            let records = consumed.map_or(0, |consumed| consumed.records);
            self.worker
                .metrics
                .partitions
                .note_resolved(self.partition, records);
            if records > 0 {
                self.owned.progressed();
            }
            progress.send_modify(|progress| {
                progress.batch = decided.number;
                progress.resolved = consumed
                    .map(|Consumed { next, tail, .. }| Resolved {
                        through,
                        next,
                        tail,
                    })
                    .or(progress.resolved);
            });
        }
        Ok(())
    }

    async fn open_stream(
        &self,
        offset: TransactionsOffset,
    ) -> Result<Box<dyn PartitionStream>, TenureEnd> {
        Ok(self.owned.open(offset.get()).await?)
    }
}

/// Keeps the newest: older ones lie behind a mark by now, and applying one again would only cost
/// time.
fn remember_resolved(resolved: &mut BTreeSet<ChangesOffset>, more: Vec<ChangesOffset>) {
    const KEPT: u64 = 10_000;
    resolved.extend(more);
    if resolved.len() as u64 > 2 * KEPT
        && let Some(newest) = resolved.last()
    {
        *resolved = resolved.split_off(&newest.minus(KEPT));
    }
}
