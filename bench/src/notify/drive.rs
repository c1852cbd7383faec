//! One side of a round: so many sockets listen, and messages go out over one more, so many at once
//! that the server never waits for the next.

use super::Arguments;
use crate::{
    environment::processor_time,
    listeners::{Listeners, Socket, put},
};
use consign::failure::Failure;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::tcp::OwnedWriteHalf,
    task::JoinSet,
};

/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(700);
/// Between two looks at what has arrived; many times shorter than a message takes to reach a
/// thousand sockets, times those in flight.
const TURN: Duration = Duration::from_millis(1);

pub struct Drive<'a> {
    pub url: &'a str,
    /// Where messages are sent.
    pub path: &'static str,
    /// What a socket asks for before it listens.
    pub listen: Option<String>,
    pub request: &'a dyn Fn(u64) -> String,
    /// The length of each message, and by how much it may differ.
    pub bytes: usize,
    pub slack: usize,
    /// What serves it.
    pub process: Option<u32>,
}

/// What one side of a round came to.
pub struct Driven {
    /// Messages a second, over all sockets.
    pub rate: f64,
    /// Processor time of the server for each, microseconds.
    pub micros: f64,
}

impl Drive<'_> {
    /// `first`: the number of the next message.
    pub async fn run(&self, arguments: &Arguments, first: &mut u64) -> Result<Driven, Failure> {
        let count = arguments.sockets.max(1);
        let mut listeners = Listeners::open(self.url, count, |_| self.listen.clone()).await?;
        let (mut answers, mut driver) = Socket::open(self.url, self.path)
            .await?
            .into_stream()
            .into_split();
        let mut reader = JoinSet::new();
        reader.spawn(async move { copy(&mut answers, &mut sink()).await });
        let (total, begun, spent) = (listeners.counter(), *first, processor_time(self.process));
        let rate = listeners
            .while_open(self.drive(arguments, &total, &mut driver, first))
            .await?;
        let messages = *first - begun;
        let spent = processor_time(self.process).saturating_sub(spent);
        let micros = spent.as_secs_f64() * 1e6 / (messages * count as u64).max(1) as f64;
        let bytes = listeners.end(messages).await?;
        if bytes.abs_diff(messages * self.bytes as u64) <= messages * self.slack as u64 {
            Ok(Driven { rate, micros })
        } else {
            Err(Failure::failed(format!(
                "{messages} messages of {} bytes came as {bytes} bytes",
                self.bytes
            )))
        }
    }

    async fn drive(
        &self,
        arguments: &Arguments,
        total: &AtomicU64,
        to: &mut OwnedWriteHalf,
        next: &mut u64,
    ) -> Result<f64, Failure> {
        let (sockets, started) = (arguments.sockets.max(1) as u64, *next);
        let begin = Instant::now() + WARM_UP;
        let mut measured = None;
        loop {
            let (now, arrived) = (Instant::now(), total.load(Ordering::Relaxed));
            let (before, since) = *measured.get_or_insert((arrived, now));
            if now < begin {
                measured = None;
            } else if now - since >= Duration::from_secs(arguments.seconds.max(1)) {
                return Ok((arrived - before) as f64 / (now - since).as_secs_f64());
            }
            let on_the_way = (*next - started).saturating_sub(arrived / sockets);
            let mut frames = Vec::new();
            for _ in on_the_way..arguments.in_flight.max(1) {
                put(&mut frames, &(self.request)(*next));
                *next += 1;
            }
            if !frames.is_empty() {
                to.write_all(&frames).await?;
            }
            tokio::time::sleep(TURN).await;
        }
    }
}
