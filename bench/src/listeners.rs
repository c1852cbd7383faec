//! Many WebSockets that count what they are told and do nothing else with it, so that they are not
//! what is measured. The same for every server.

mod socket;

pub use socket::{Socket, put};

use consign::failure::Failure;
use futures::StreamExt;
use socket::{Frames, Tally};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};

/// Sockets that are opened at the same time.
const OPENING: usize = 64;
/// For messages that are on their way.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Listeners {
    count: u64,
    /// Messages, over all of them.
    total: Arc<AtomicU64>,
    tasks: JoinSet<Result<Tally, Failure>>,
    stop: watch::Sender<bool>,
}

impl Listeners {
    /// Opens so many sockets; where `subscribe` has something for one to ask, it listens when that
    /// is answered.
    pub async fn open(
        url: &str,
        count: usize,
        subscribe: impl Fn(usize) -> Option<String>,
    ) -> Result<Self, Failure> {
        let mut listeners = Self {
            count: count as u64,
            total: Arc::default(),
            tasks: JoinSet::new(),
            stop: watch::Sender::new(false),
        };
        let mut opening = futures::stream::iter((0..count).map(|n| open(url, subscribe(n))))
            .buffer_unordered(OPENING);
        while let Some(socket) = opening.next().await {
            listeners.tasks.spawn(listen(
                socket?,
                listeners.total.clone(),
                listeners.stop.subscribe(),
            ));
        }
        drop(opening);
        Ok(listeners)
    }

    /// Messages that arrived so far, over all of them.
    pub fn counter(&self) -> Arc<AtomicU64> {
        self.total.clone()
    }

    /// Does something as long as all of them listen.
    pub async fn while_open<T>(
        &mut self,
        doing: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = doing => done,
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(Err(failure)) => Err(failure),
                Ok(Ok(_)) => Err(Failure::failed("a listener ended")),
                Err(error) => Err(Failure::failed(error.to_string())),
            },
        }
    }

    /// Ends them when each has heard `messages`. What they heard must be the same for all; answers
    /// its bytes.
    pub async fn end(mut self, messages: u64) -> Result<u64, Failure> {
        let deadline = Instant::now() + PATIENCE;
        while self.total.load(Ordering::Relaxed) < messages * self.count
            && Instant::now() < deadline
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.stop.send_replace(true);
        let mut heard: Option<Tally> = None;
        while let Some(ended) = self.tasks.join_next().await {
            let tally = ended.map_err(|error| Failure::failed(error.to_string()))??;
            if tally.messages != messages || heard.is_some_and(|heard| heard != tally) {
                return Err(Failure::failed(format!(
                    "a listener heard {tally:?} of {messages} messages, another {heard:?}"
                )));
            }
            heard = Some(tally);
        }
        Ok(heard.map_or(0, |heard| heard.bytes))
    }
}

async fn open(url: &str, subscribe: Option<String>) -> Result<Socket, Failure> {
    let mut socket = Socket::open(url, "/").await?;
    if let Some(request) = subscribe {
        socket.say(&request).await?;
        let answer = socket.text().await?;
        if !answer.contains(r#""status":200"#) {
            return Err(Failure::failed(format!(
                "a subscription was refused: {answer}"
            )));
        }
    }
    Ok(socket)
}

async fn listen(
    mut socket: Socket,
    total: Arc<AtomicU64>,
    mut stop: watch::Receiver<bool>,
) -> Result<Tally, Failure> {
    let mut frames = Frames::default();
    loop {
        let before = frames.tally.messages;
        tokio::select! {
            heard = socket.hear(&mut frames) => heard?,
            _ = stop.wait_for(|stop| *stop) => return Ok(frames.tally),
        }
        total.fetch_add(frames.tally.messages - before, Ordering::Relaxed);
        for _ in 0..std::mem::take(&mut frames.pings) {
            socket.pong().await?;
        }
    }
}
