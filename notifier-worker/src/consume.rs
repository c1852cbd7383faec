//! Stage: which partitions are ours, and a lane for each. The group only says who owns what; what
//! is done with a partition is the lane's.
//!
//! A revoked lane is let go at once, in the middle of whatever it does: the next owner begins where
//! the last commit was, and tells again what was told since.

use crate::{
    Notifier,
    lane::{Halt, Lane, Place},
};
use event_log::{
    Consumer, ConsumerError, ConsumerEvent, PartitionStream, StreamError,
    membership::{self, Membership},
};
use runtime::{Shutdown, ShutdownTrigger, State};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

/// Why a notifier cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    #[error("the log refuses this notifier: {0}")]
    Log(String),
    #[error("metrics could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// What lanes ask of the consumer.
pub(crate) enum Request {
    Open {
        partition: u16,
        offset: u64,
        reply: oneshot::Sender<Result<Box<dyn PartitionStream>, StreamError>>,
    },
    /// `lane`: whose it is. One that lost its partition has nothing to say any more.
    Commit {
        partition: u16,
        lane: u64,
        place: Place,
    },
}

/// Lanes of this member, and how each is stopped.
struct Lanes {
    notifier: Arc<Notifier>,
    requests: mpsc::Sender<Request>,
    shutdown: Shutdown,
    /// By partition: the lane's number, and what stops it.
    stops: HashMap<u16, (u64, ShutdownTrigger)>,
    last: u64,
    running: JoinSet<(u16, Halt)>,
}

const COMPONENT: &str = "notifier-worker";

pub(crate) async fn run(notifier: Arc<Notifier>, shutdown: Shutdown) -> Result<(), NotifierError> {
    notifier.ports.health.set(
        COMPONENT,
        State::Starting {
            why: "joins the others".into(),
        },
    );
    let (notifier, shutdown, group) =
        (&notifier, &shutdown, notifier.ports.layout.notifier_group());
    let notice = |membership: Membership<'_>| {
        let state = match membership {
            Membership::Joined => State::Ready,
            Membership::Away(why) => State::Missing {
                why: why.to_owned(),
            },
        };
        notifier.ports.health.set(COMPONENT, state);
    };
    let groups = &*notifier.ports.log.groups;
    let place = (group.as_str(), &*notifier.topics.changes);
    membership::keep(
        groups,
        place,
        notifier.config.backoff(),
        shutdown,
        notice,
        |consumer| serve(notifier, consumer, shutdown),
    )
    .await
    .map_err(NotifierError::Log)
}

async fn serve(
    notifier: &Arc<Notifier>,
    mut consumer: Box<dyn Consumer>,
    shutdown: &Shutdown,
) -> Result<(), ConsumerError> {
    let (requests, mut asked) = mpsc::channel(256);
    let mut lanes = Lanes {
        notifier: notifier.clone(),
        requests,
        shutdown: shutdown.clone(),
        stops: HashMap::new(),
        last: 0,
        running: JoinSet::new(),
    };
    let ended = loop {
        tokio::select! {
            () = shutdown.soft() => break Ok(()),
            event = consumer.next() => match event {
                Ok(event) => lanes.follow(event),
                Err(error) => break Err(error),
            },
            Some(request) = asked.recv() => lanes.answer(consumer.as_mut(), request).await,
            Some(ended) = lanes.running.join_next() => lanes.ended(ended),
        }
    };
    lanes
        .drain(consumer.as_mut(), &mut asked, ended.is_ok())
        .await;
    consumer.leave().await;
    ended
}

impl Lanes {
    async fn answer(&self, consumer: &mut dyn Consumer, request: Request) {
        match request {
            Request::Open {
                partition,
                offset,
                reply,
            } => {
                // Whoever asked may be gone by now: then the stream is dropped.
                _ = reply.send(consumer.open(partition, offset).await);
            }
            Request::Commit {
                partition,
                lane,
                place,
            } => {
                if self
                    .stops
                    .get(&partition)
                    .is_some_and(|(current, _)| *current == lane)
                {
                    consumer.commit(partition, place.resume.offset.get(), &place.metadata());
                }
            }
        }
    }

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
                    if let Some((_, stop)) = self.stops.remove(&partition) {
                        stop.hard();
                    }
                    self.notifier.metrics.forget(partition);
                    self.notifier.ports.health.forget(&component(partition));
                }
            }
        }
    }

    fn start(&mut self, partition: u16) {
        if let Some((_, old)) = self.stops.remove(&partition) {
            old.hard();
        }
        self.last += 1;
        let (stop, shutdown) = self.shutdown.child();
        self.stops.insert(partition, (self.last, stop));
        let lane = Lane {
            notifier: self.notifier.clone(),
            partition,
            number: self.last,
            requests: self.requests.clone(),
            shutdown,
        };
        self.running
            .spawn(async move { (partition, lane.run().await) });
    }

    /// A lane that ended by itself ended in alarm, or in a panic, which is one.
    fn ended(&mut self, ended: Result<(u16, Halt), tokio::task::JoinError>) {
        match ended {
            Ok((partition, Halt::Alarm(why))) => {
                tracing::error!(
                    partition,
                    why,
                    "ALARM: nobody is told of this partition's changes until a person acts"
                );
                self.notifier.metrics.alarm();
                self.notifier
                    .ports
                    .health
                    .set(&component(partition), State::Missing { why });
            }
            Ok((_, Halt::Stopped | Halt::Retake(_) | Halt::Robbed)) => {}
            Err(error) => {
                tracing::error!(%error, "ALARM: a lane failed; nobody is told of its partition's changes until the notifier is started again");
                self.notifier.metrics.alarm();
                self.notifier.ports.health.set(
                    COMPONENT,
                    State::Missing {
                        why: format!("a lane failed: {error}"),
                    },
                );
            }
        }
    }

    /// Soft: lanes wait for what they sent, within the deadline. Otherwise they are let go.
    async fn drain(
        &mut self,
        consumer: &mut dyn Consumer,
        asked: &mut mpsc::Receiver<Request>,
        soft: bool,
    ) {
        let deadline = tokio::time::sleep(Duration::from_millis(self.notifier.config.drain_ms));
        tokio::pin!(deadline);
        while soft && !self.running.is_empty() {
            tokio::select! {
                () = self.shutdown.hard() => break,
                () = &mut deadline => break,
                Some(request) = asked.recv() => self.answer(consumer, request).await,
                Some(_) = self.running.join_next() => {}
            }
        }
        while let Ok(request) = asked.try_recv() {
            self.answer(consumer, request).await;
        }
        self.running.shutdown().await;
    }
}

fn component(partition: u16) -> String {
    format!("{COMPONENT} partition {partition}")
}
