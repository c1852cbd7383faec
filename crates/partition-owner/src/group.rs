//! The member of the group: which partitions are ours, a task for each, and what tasks ask of the
//! group. A partition that is revoked is let go at once, in the middle of whatever is done with it.

use crate::{
    OwnedPartition, OwnerNotice, PartitionWork,
    membership::{self, OwnedMembership},
    owned::OwnerRequest,
    partition_health::PartitionHealth,
    task::OwnerTask,
};
use event_log::{Consumer, ConsumerError, ConsumerEvent, Log};
use runtime::{Backoff, Health, Shutdown, ShutdownTrigger, State, TaskSet};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Who shares the partitions of what, and how patiently.
#[derive(Clone, Debug)]
pub struct OwnerOptions {
    /// The service in `/readyz`; its partitions are named after it.
    pub component: &'static str,
    pub group: String,
    pub topic: String,
    /// Between two tries to join, and between two tenures of a partition.
    pub backoff: Backoff,
    /// How long a stopping process finishes what is in hand.
    pub drain: Duration,
    /// A tenure that lasted so long is a good one: waits begin small again.
    pub settled_after: Duration,
}

impl OwnerOptions {
    /// What is right for most of `settled_after`.
    pub const SETTLED_AFTER: Duration = Duration::from_secs(30);
}

/// The log will never let this member in, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log refuses this member: {0}")]
pub struct GroupRefused(pub String);

/// Joins the group and works on whatever partitions it assigns, until shutdown: soft waits for what
/// is in hand, hard lets go at once.
///
/// # Errors
/// If the log refuses the member for good. That it is out of reach is waited for.
pub async fn own_partitions<W: PartitionWork>(
    work: Arc<W>,
    options: OwnerOptions,
    log: &Log,
    health: &Health,
    shutdown: &Shutdown,
) -> Result<(), GroupRefused> {
    let why = "joins the group".to_owned();
    health.set(options.component, State::Starting { why });
    let notice = |membership: OwnedMembership<'_>| {
        let state = match membership {
            OwnedMembership::Joined => State::Ready,
            OwnedMembership::Away(why) => State::Missing {
                why: why.to_owned(),
            },
        };
        health.set(options.component, state);
    };
    let (work, options) = (&work, &options);
    let serve = |consumer| {
        let (requests, asked) = mpsc::channel(256);
        let tasks = PartitionTasks {
            work: work.clone(),
            options,
            health,
            shutdown,
            requests,
            assignments: 0,
            owned: HashMap::new(),
            running: TaskSet::new(),
        };
        tasks.serve_consumer(consumer, asked)
    };
    let place = (&*options.group, &*options.topic);
    let backoff = options.backoff.clone();
    membership::keep_membership(&*log.groups, place, backoff, shutdown, notice, serve)
        .await
        .map_err(GroupRefused)
}

/// The tasks of this member, and how each is stopped.
struct PartitionTasks<'a, W> {
    work: Arc<W>,
    options: &'a OwnerOptions,
    health: &'a Health,
    shutdown: &'a Shutdown,
    requests: mpsc::Sender<OwnerRequest>,
    /// How many there were.
    assignments: u64,
    owned: HashMap<u16, Assignment>,
    running: TaskSet<()>,
}

struct Assignment {
    number: u64,
    stop: ShutdownTrigger,
    health: Arc<PartitionHealth>,
}

impl<W: PartitionWork> PartitionTasks<'_, W> {
    async fn serve_consumer(
        mut self,
        mut consumer: Box<dyn Consumer>,
        mut asked: mpsc::Receiver<OwnerRequest>,
    ) -> Result<(), ConsumerError> {
        let ended = loop {
            tokio::select! {
                biased;
                () = self.shutdown.soft() => break Ok(()),
                event = consumer.next() => match event {
                    Ok(event) => self.follow_event(event),
                    Err(error) => break Err(error),
                },
                Some(request) = asked.recv() => self.answer_request(consumer.as_mut(), request).await,
                // What it came to, the task has said itself.
                Some(()) = self.running.join_next() => {}
            }
        };
        let is_soft = ended.is_ok();
        self.drain_tasks(consumer.as_mut(), &mut asked, is_soft)
            .await;
        consumer.leave().await;
        ended
    }

    async fn answer_request(&self, consumer: &mut dyn Consumer, request: OwnerRequest) {
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
                assignment,
                offset,
                metadata,
            } => {
                let current = self.owned.get(&partition);
                // A task that lost its partition has nothing to say any more.
                if current.is_some_and(|current| current.number == assignment) {
                    consumer.commit(partition, offset, &metadata);
                }
            }
        }
    }

    fn follow_event(&mut self, event: ConsumerEvent) {
        match event {
            ConsumerEvent::Assigned(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                for partition in partitions {
                    self.start_task(partition);
                }
            }
            ConsumerEvent::Revoked(partitions) | ConsumerEvent::Lost(partitions) => {
                tracing::info!(?partitions, "partitions revoked");
                for partition in partitions {
                    self.release_partition(partition);
                    self.work.notice(partition, OwnerNotice::Revoked);
                }
            }
        }
    }

    fn start_task(&mut self, partition: u16) {
        self.release_partition(partition);
        self.assignments += 1;
        let (stop, shutdown) = self.shutdown.child();
        let component = self.options.component;
        let health = Arc::new(PartitionHealth::new(component, partition, self.health));
        let assignment = Assignment {
            number: self.assignments,
            stop,
            health: health.clone(),
        };
        self.owned.insert(partition, assignment);
        let task = OwnerTask {
            work: self.work.clone(),
            owned: OwnedPartition {
                number: partition,
                assignment: self.assignments,
                requests: self.requests.clone(),
                shutdown,
                health,
            },
            backoff: self.options.backoff.clone(),
            settled_after: self.options.settled_after,
        };
        self.running.spawn("partition", task.run());
    }

    fn release_partition(&mut self, partition: u16) {
        if let Some(assignment) = self.owned.remove(&partition) {
            assignment.stop.hard();
            assignment.health.release();
        }
    }

    /// Soft: tasks finish what is in hand, within the deadline; hard ends each of them by itself.
    /// Otherwise they are cut off.
    async fn drain_tasks(
        &mut self,
        consumer: &mut dyn Consumer,
        asked: &mut mpsc::Receiver<OwnerRequest>,
        is_soft: bool,
    ) {
        let deadline = tokio::time::sleep(self.options.drain);
        tokio::pin!(deadline);
        while is_soft && !self.running.is_empty() {
            tokio::select! {
                biased;
                () = &mut deadline => break,
                Some(request) = asked.recv() => self.answer_request(consumer, request).await,
                Some(()) = self.running.join_next() => {}
            }
        }
        while let Ok(request) = asked.try_recv() {
            self.answer_request(consumer, request).await;
        }
        self.running.shutdown().await;
        for partition in self.owned.keys().copied().collect::<Vec<_>>() {
            self.release_partition(partition);
        }
    }
}
