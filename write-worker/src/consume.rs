//! Stage: which partitions are ours, and a lane for each. The group only says who owns what; what
//! is done with a partition is the lane's.
//!
//! A revoked lane is let go at once, in the middle of whatever it does: `changes` fences it, and
//! the next owner finishes its work.

use crate::{
    Config, Ports, Worker,
    partition::PartitionTask,
    requests::{COMPONENT, OwnerRequest, component},
    tenure_end::TenureEnd,
};
use event_log::{
    Consumer, ConsumerError, ConsumerEvent,
    membership::{self, Membership},
};
use runtime::{Shutdown, ShutdownTrigger, State};
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::StoreError;
use tokio::{sync::mpsc, task::JoinSet};

/// Why a worker cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the log refuses this worker: {0}")]
    Log(String),
    #[error("the record store cannot be written as it is set up: {0}")]
    Record(StoreError),
    #[error("metrics could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Lanes of this member, and how each is stopped.
struct Lanes {
    worker: Arc<Worker>,
    requests: mpsc::Sender<OwnerRequest>,
    shutdown: Shutdown,
    stops: HashMap<u16, ShutdownTrigger>,
    running: JoinSet<(u16, TenureEnd)>,
}

pub(crate) async fn run(worker: Arc<Worker>, shutdown: Shutdown) -> Result<(), WorkerError> {
    if worker.forgetful {
        runtime::spawn("probe", probe(worker.clone(), shutdown.clone()));
    }
    let (worker, shutdown, group) = (&worker, &shutdown, worker.ports.layout.worker_group());
    let notice = |membership: Membership<'_>| {
        let state = match membership {
            Membership::Joined => State::Ready,
            Membership::Away(why) => State::Missing {
                why: why.to_owned(),
            },
        };
        worker.ports.health.set(COMPONENT, state);
    };
    let groups = &*worker.ports.log.groups;
    let place = (group.as_str(), &*worker.topics.transactions);
    membership::keep(
        groups,
        place,
        worker.config.backoff(),
        shutdown,
        notice,
        |consumer| serve(worker, consumer, shutdown),
    )
    .await
    .map_err(WorkerError::Log)
}

/// Notices that a forgetful record store was away even when nobody wrote to it meanwhile.
async fn probe(worker: Arc<Worker>, shutdown: Shutdown) {
    let mut away = false;
    while !shutdown.is_soft() {
        tokio::select! {
            () = shutdown.soft() => return,
            () = tokio::time::sleep(Duration::from_millis(worker.config.probe_ms.max(1))) => {}
        }
        match worker.ports.record.ready().await {
            Ok(()) if away => {
                away = false;
                tracing::warn!(
                    "the record store is back and may have forgotten: applying again what it took lately"
                );
                worker.returns.send_modify(|count| *count += 1);
            }
            Ok(()) => {}
            Err(_) => away = true,
        }
    }
}

async fn serve(
    worker: &Arc<Worker>,
    mut consumer: Box<dyn Consumer>,
    shutdown: &Shutdown,
) -> Result<(), ConsumerError> {
    let (requests, mut asked) = mpsc::channel(256);
    let mut lanes = Lanes {
        worker: worker.clone(),
        requests,
        shutdown: shutdown.clone(),
        stops: HashMap::new(),
        running: JoinSet::new(),
    };
    let ended = loop {
        tokio::select! {
            () = shutdown.soft() => break Ok(()),
            event = consumer.next() => match event {
                Ok(event) => lanes.follow(event),
                Err(error) => break Err(error),
            },
            Some(request) = asked.recv() => answer(consumer.as_mut(), request).await,
            Some(ended) = lanes.running.join_next() => lanes.ended(ended),
        }
    };
    lanes
        .drain(consumer.as_mut(), &mut asked, ended.is_ok())
        .await;
    consumer.leave().await;
    ended
}

async fn answer(consumer: &mut dyn Consumer, request: OwnerRequest) {
    match request {
        OwnerRequest::Open {
            partition,
            offset,
            reply,
        } => {
            // Whoever asked may be gone by now: then the stream is dropped.
            _ = reply.send(consumer.open(partition, offset).await);
        }
        OwnerRequest::Commit {
            partition,
            offset,
            metadata,
        } => consumer.commit(partition, offset, &metadata),
    }
}

impl Lanes {
    fn follow(&mut self, event: ConsumerEvent) {
        match event {
            ConsumerEvent::Assigned(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                partitions
                    .into_iter()
                    .for_each(|partition| self.start(partition));
            }
            ConsumerEvent::Revoked(partitions) | ConsumerEvent::Lost(partitions) => {
                tracing::info!(?partitions, "partitions let go");
                for partition in partitions {
                    if let Some(stop) = self.stops.remove(&partition) {
                        stop.hard();
                    }
                    self.worker.metrics.forget(partition);
                    self.worker.ports.health.forget(&component(partition));
                }
            }
        }
    }

    fn start(&mut self, partition: u16) {
        if let Some(old) = self.stops.remove(&partition) {
            old.hard();
        }
        let (stop, shutdown) = self.shutdown.child();
        self.stops.insert(partition, stop);
        let task = PartitionTask {
            worker: self.worker.clone(),
            partition,
            requests: self.requests.clone(),
            shutdown,
        };
        self.running
            .spawn(async move { (partition, task.run().await) });
    }

    /// A lane that ended by itself ended in alarm.
    fn ended(&mut self, ended: Result<(u16, TenureEnd), tokio::task::JoinError>) {
        match ended {
            Ok((partition, TenureEnd::Halted(why))) => {
                tracing::error!(
                    partition,
                    why,
                    "ALARM: the partition stands still until a person acts"
                );
                self.worker.metrics.alarm();
                self.worker
                    .ports
                    .health
                    .set(&component(partition), State::Missing { why });
                self.worker.ports.finished.add(partition);
            }
            Ok((
                _,
                TenureEnd::Stopped
                | TenureEnd::Reclaim(_)
                | TenureEnd::Rejected(_)
                | TenureEnd::Panicked(_),
            )) => {}
            // A tenure's panics are caught, so this one was outside of any.
            Err(error) => {
                tracing::error!(%error, "ALARM: a lane failed; its partition stands still until the worker is started again");
                self.worker.metrics.alarm();
                self.worker.ports.health.set(
                    COMPONENT,
                    State::Missing {
                        why: format!("a lane failed: {error}"),
                    },
                );
            }
        }
    }

    /// Soft: lanes finish the batch in hand, within the deadline. Otherwise they are let go.
    async fn drain(
        &mut self,
        consumer: &mut dyn Consumer,
        asked: &mut mpsc::Receiver<OwnerRequest>,
        soft: bool,
    ) {
        let deadline = tokio::time::sleep(Duration::from_millis(self.worker.config.drain_ms));
        tokio::pin!(deadline);
        while soft && !self.running.is_empty() {
            tokio::select! {
                () = self.shutdown.hard() => break,
                () = &mut deadline => break,
                Some(request) = asked.recv() => answer(consumer, request).await,
                Some(_) = self.running.join_next() => {}
            }
        }
        while let Ok(request) = asked.try_recv() {
            answer(consumer, request).await;
        }
        self.running.shutdown().await;
    }
}

/// Does the record store forget what it acknowledged when its process is killed? Settled by the
/// configuration, or asked of the store, once that is there and set up as it must be.
pub(crate) async fn is_forgetful(
    config: &Config,
    ports: &Ports,
    shutdown: &Shutdown,
) -> Result<bool, WorkerError> {
    let mut backoff = config.backoff();
    loop {
        let asked = async {
            ports.record.check_settings().await?;
            match config.reapply_window_ms {
                Some(window) => Ok(window > 0),
                None => Ok(ports.record.may_forget().await?.is_some()),
            }
        };
        match asked.await {
            Ok(is_forgetful) => return Ok(is_forgetful),
            Err(error @ StoreError::Refused { .. }) => return Err(WorkerError::Record(error)),
            Err(error) => tracing::warn!(%error, "waiting for the record store"),
        }
        tokio::select! {
            () = shutdown.soft() => return Ok(true),
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}
