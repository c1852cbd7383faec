//! The life of an owned partition: take it, finish what stands, decide again what was voided, then
//! decide and apply what comes.
//!
//! One state machine in straight lines: whatever goes wrong ends the tenure with a [`Halt`] that
//! says whether to take the partition again, to stop it and call a person, or to let go. There is
//! one way to finish half-done work, [`Lane::finish`], whoever left it half done.

use crate::{
    Worker,
    apply::Applier,
    consume::Request,
    decide::{Decided, Decider, Recent, append_record},
    decode,
    mark::{Marker, Progress, keep_marks},
    recover::{Standing, Window},
    step::Step,
};
use event_log::{Limits, PartitionStream, Record, StreamError};
use event_schema::{
    codec,
    decision::{Change, Mark, Open, Void},
    outcome::DeadReason,
};
use runtime::Shutdown;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// Why a tenure ended.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    /// Shutdown or revocation.
    Stopped,
    /// Something is unsure: open again and look.
    Retake(String),
    /// A store will never take this decision: void it and all that follow on its keys.
    Dead { decision: u64, reason: DeadReason },
    /// Something is wrong that no retry mends; the partition stands still until a person acts.
    Alarm(String),
}

/// One owned partition.
pub(crate) struct Lane {
    pub worker: Arc<Worker>,
    pub partition: u16,
    pub requests: mpsc::Sender<Request>,
    pub shutdown: Shutdown,
}

/// A partition that was taken and has nothing half done.
struct Tenure {
    epoch: u64,
    window: Window,
    /// Where the window began: time, offset, epoch.
    start: (i64, u64, u64),
    /// The offset after our last record in `changes`.
    expected: u64,
}

const READ_AT_ONCE: Limits = Limits {
    records: 2_000,
    bytes: 16 << 20,
};

impl Lane {
    /// Runs until shutdown, revocation or alarm.
    pub async fn run(self) -> Halt {
        let mut backoff = self.worker.config.backoff();
        let mut dead = None;
        let mut returns = self.worker.returns.subscribe();
        loop {
            returns.borrow_and_update();
            let started = Instant::now();
            let halt = tokio::select! {
                biased;
                () = self.shutdown.hard() => Halt::Stopped,
                Ok(()) = returns.changed() => Halt::Retake("the record store was away and may have forgotten".into()),
                halt = self.hold(dead.take()) => halt,
            };
            match halt {
                Halt::Stopped | Halt::Alarm(_) => return halt,
                Halt::Retake(why) => tracing::warn!(
                    partition = self.partition,
                    why,
                    "taking the partition again"
                ),
                Halt::Dead { decision, reason } => {
                    tracing::warn!(
                        partition = self.partition,
                        decision,
                        reason = reason.message,
                        "a store will not take a decision: voiding it"
                    );
                    dead = Some((decision, reason));
                    continue;
                }
            }
            if started.elapsed() > Duration::from_secs(30) {
                backoff.reset();
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    async fn hold(&self, dead: Option<(u64, DeadReason)>) -> Halt {
        match self.tenure(dead).await {
            Ok(()) => Halt::Stopped,
            Err(halt) => halt,
        }
    }

    async fn tenure(&self, dead: Option<(u64, DeadReason)>) -> Result<(), Halt> {
        let mut tenure = self.take().await?;
        let now = self.worker.ports.clock.now();
        self.void(&mut tenure, |window, epoch| window.orphans(epoch, now))
            .await?;
        if let Some((culprit, reason)) = dead {
            self.void(&mut tenure, |window, epoch| {
                window.voids_for(culprit, &reason, epoch, now)
            })
            .await?;
        }
        let recent = self.finish(&tenure).await?;
        self.worker.ports.finished.add(self.partition);
        self.flow(tenure, recent).await
    }

    /// Appends `open` and reads `changes` up to it.
    async fn take(&self) -> Result<Tenure, Halt> {
        let worker = &self.worker;
        let generation = worker.ports.layout.generation;
        let now = worker.ports.clock.now();
        let mark = worker
            .patiently("marks", || {
                worker.ports.record.mark(generation, self.partition)
            })
            .await?;
        let open = Change::Open(Open {
            owner: worker.ports.owner.clone(),
            time: now,
        });
        let epoch = append_record(
            worker,
            &worker.topics.changes,
            self.partition,
            codec::encode_change(&open, None),
        )
        .await?;
        let from = self.window_start(mark.as_ref(), epoch).await?;
        let mut window = Window::from(mark.as_ref());
        let mut offset = from;
        while offset <= epoch {
            let records = self.read_changes(offset, epoch + 1).await?;
            for record in &records {
                let change = codec::decode_change(&decode::parts(record)).map_err(|error| {
                    Halt::Alarm(format!(
                        "offset {} of `changes` cannot be read: {error}",
                        record.offset
                    ))
                })?;
                window.fold(record.offset, change);
            }
            offset = records.last().map_or(epoch + 1, |record| record.offset + 1);
        }
        tracing::info!(
            partition = self.partition,
            epoch,
            from,
            next = window.next(),
            "partition taken"
        );
        let start_epoch = mark.as_ref().map_or(0, |mark| mark.reapply_epoch);
        Ok(Tenure {
            epoch,
            window,
            start: (now, from, start_epoch),
            expected: epoch + 1,
        })
    }

    /// Where to read `changes` from. A mark that the log does not know any more, or not yet, is
    /// never guessed around.
    async fn window_start(&self, mark: Option<&Mark>, epoch: u64) -> Result<u64, Halt> {
        let offsets = self
            .worker
            .ports
            .log
            .admin
            .offsets(&self.worker.topics.changes, self.partition)
            .await;
        let offsets = offsets.map_err(|error| Halt::Retake(error.to_string()))?;
        match mark {
            None => Ok(offsets.earliest),
            Some(mark) if mark.through >= epoch => Err(Halt::Alarm(format!(
                "the mark says that `changes` was resolved through {}, but the log ends at {epoch}: it was cut off or made anew",
                mark.through
            ))),
            Some(mark) if mark.reapply_from < offsets.earliest => Err(Halt::Alarm(format!(
                "`changes` begins at {}, behind {} where the mark says to start: records are lost",
                offsets.earliest, mark.reapply_from
            ))),
            Some(mark) => Ok(mark.reapply_from),
        }
    }

    async fn read_changes(&self, from: u64, until: u64) -> Result<Vec<Record>, Halt> {
        let read = self.worker.ports.log.reader.read(
            &self.worker.topics.changes,
            self.partition,
            from,
            until,
            READ_AT_ONCE,
            Duration::from_secs(30),
        );
        match read.await {
            Ok(records) if records.is_empty() => Err(Halt::Retake(format!(
                "`changes` could not be read from {from}"
            ))),
            Ok(records) => Ok(records),
            Err(error) => Err(stream_halt(error)),
        }
    }

    /// Appends voids and folds them in. If this ends in the middle, the next owner finds what is
    /// left.
    async fn void(
        &self,
        tenure: &mut Tenure,
        voids: impl FnOnce(&Window, u64) -> Vec<Void>,
    ) -> Result<(), Halt> {
        for void in voids(&tenure.window, tenure.epoch) {
            let change = Change::Void(void);
            let offset = append_record(
                &self.worker,
                &self.worker.topics.changes,
                self.partition,
                codec::encode_change(&change, None),
            )
            .await?;
            if offset != tenure.expected {
                return Err(Halt::Retake(format!(
                    "a void landed at {offset} in `changes`, not at {}",
                    tenure.expected
                )));
            }
            tenure.expected += 1;
            tenure.window.fold(offset, change);
        }
        Ok(())
    }

    /// Applies all that stands: what the last owner decided and may not have applied, and what the
    /// record store may have forgotten.
    async fn finish(&self, tenure: &Tenure) -> Result<Recent, Halt> {
        let applier = Applier::new(self.worker.clone(), self.partition);
        let mut recent = Recent::new(self.worker.config.recent_ids);
        let mut steps = Vec::new();
        let standing: Vec<_> = tenure.window.standing().collect();
        let count = standing.len();
        for (offset, standing) in standing {
            let step = match standing {
                Standing::Decision(decision) => Step::of_decision(offset, (**decision).clone()),
                Standing::Void(void) => Step::of_void(offset, (**void).clone()),
            };
            recent.insert(&step.request, step.position.offset);
            steps.push(step);
            if steps.len() >= self.worker.config.batch_records {
                applier
                    .apply(&mut Decided {
                        steps: std::mem::take(&mut steps),
                        ..Decided::default()
                    })
                    .await?;
            }
        }
        applier
            .apply(&mut Decided {
                steps,
                ..Decided::default()
            })
            .await?;
        if count > 0 {
            tracing::info!(
                partition = self.partition,
                decisions = count,
                "what stood is applied"
            );
        }
        Ok(recent)
    }

    /// Decides and applies until something ends it: batch n + 1 is decided while n is applied.
    async fn flow(&self, tenure: Tenure, recent: Recent) -> Result<(), Halt> {
        let (newest, kept) = watch::channel::<Option<Mark>>(None);
        let keeper = runtime::spawn(
            "marks",
            keep_marks(
                self.worker.clone(),
                self.partition,
                kept,
                self.requests.clone(),
            ),
        );
        let _guard = AbortOnDrop(keeper.abort_handle());
        let marker = Marker::new(
            &self.worker,
            self.partition,
            tenure.epoch,
            tenure.start,
            newest,
        );
        let mut decider = Decider::new(
            self.worker.clone(),
            self.partition,
            tenure.epoch,
            tenure.expected,
            recent,
            marker,
        );
        let redo = tenure.window.redo();
        let resolved = redo
            .is_empty()
            .then_some((tenure.expected - 1, tenure.window.next()));
        let (progress, seen) = watch::channel(Progress { batch: 0, resolved });
        let (sender, receiver) = mpsc::channel(1);
        let deciding = self.decide_all(&mut decider, &tenure.window, redo, seen.clone(), sender);
        tokio::try_join!(
            deciding,
            self.apply_all(receiver, progress, tenure.expected - 1)
        )?;
        let last = *seen.borrow();
        decider.mark(last).await?;
        drop(decider);
        tokio::time::timeout(Duration::from_secs(2), keeper)
            .await
            .ok();
        Ok(())
    }

    async fn decide_all(
        &self,
        decider: &mut Decider,
        window: &Window,
        redo: Vec<u64>,
        mut seen: watch::Receiver<Progress>,
        batches: mpsc::Sender<Decided>,
    ) -> Result<(), Halt> {
        for positions in redo.chunks(100) {
            let records = self.read_again(positions).await?;
            let mut decided = decider.decide(&records, Progress::default(), true).await?;
            // Until the last of them is resolved, nothing behind them is.
            decided.next = if positions.last() == redo.last() {
                window.next()
            } else {
                0
            };
            if batches.send(decided).await.is_err() {
                return Ok(());
            }
        }
        let mut stream = self.open(window.next()).await?;
        let limits = Limits {
            records: self.worker.config.batch_records,
            bytes: self.worker.config.batch_bytes,
        };
        let mut place = None;
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.soft() => return Ok(()),
                // What is decided has a place to go: while there is none, the next batch grows.
                reserved = batches.reserve(), if place.is_none() => match reserved {
                    Ok(reserved) => place = Some(reserved),
                    Err(_) => return Ok(()),
                },
                records = stream.next(limits), if place.is_some() => {
                    let records = records.map_err(stream_halt)?;
                    let progress = *seen.borrow_and_update();
                    let end = stream.end();
                    let decided = decider.decide(&records, progress, false).await?;
                    self.worker.metrics.lag(self.partition, end.saturating_sub(decided.next));
                    if let Some(place) = place.take() {
                        place.send(decided);
                    }
                }
                // Otherwise the next batch carries the mark.
                Ok(()) = seen.changed(), if place.is_some() => {
                    let progress = *seen.borrow_and_update();
                    decider.send_mark(progress).await?;
                }
                settled = decider.settle(), if decider.has_sent() => settled?,
            }
        }
    }

    async fn apply_all(
        &self,
        mut batches: mpsc::Receiver<Decided>,
        progress: watch::Sender<Progress>,
        mut through: u64,
    ) -> Result<(), Halt> {
        let applier = Applier::new(self.worker.clone(), self.partition);
        while let Some(mut decided) = batches.recv().await {
            applier.apply(&mut decided).await?;
            through = decided.last.unwrap_or(through);
            self.worker
                .metrics
                .drained(self.partition, decided.consumed);
            let resolved = (decided.next > 0).then_some((through, decided.next));
            progress.send_modify(|progress| {
                progress.batch = decided.number;
                progress.resolved = resolved.or(progress.resolved);
            });
        }
        Ok(())
    }

    /// The events at these offsets, in order.
    async fn read_again(&self, positions: &[u64]) -> Result<Vec<Record>, Halt> {
        let mut records = Vec::with_capacity(positions.len());
        for offset in positions {
            let limits = Limits {
                records: 1,
                bytes: usize::MAX,
            };
            let reader = &self.worker.ports.log.reader;
            let found = reader
                .read(
                    &self.worker.topics.transactions,
                    self.partition,
                    *offset,
                    offset + 1,
                    limits,
                    Duration::from_secs(10),
                )
                .await;
            match found.map_err(stream_halt)?.pop() {
                Some(record) => records.push(record),
                None => {
                    return Err(Halt::Retake(format!(
                        "the event at {offset} could not be read again"
                    )));
                }
            }
        }
        Ok(records)
    }

    async fn open(&self, offset: u64) -> Result<Box<dyn PartitionStream>, Halt> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(Request::Open {
                partition: self.partition,
                offset,
                reply,
            })
            .await
            .map_err(|_| Halt::Stopped)?;
        answer
            .await
            .map_err(|_| Halt::Stopped)?
            .map_err(stream_halt)
    }
}

fn stream_halt(error: StreamError) -> Halt {
    match error {
        StreamError::Revoked => Halt::Stopped,
        StreamError::Unavailable(why) => Halt::Retake(why),
        error @ (StreamError::OutOfRange { .. } | StreamError::Damaged { .. }) => {
            Halt::Alarm(error.to_string())
        }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
