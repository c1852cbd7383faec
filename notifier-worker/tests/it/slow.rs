//! A reader that hears of `rooms` late, or not for as long as a test says: what a notifier must wait
//! for.

use event_log::{
    Limits, Log, PartitionStream, Record, StreamError,
    consumer::{From, Reader},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// The same log, but that topic's records come so much later.
pub fn late(log: &Log, topic: String, by: Duration) -> Log {
    delayed(log, topic, Delay::By(by))
}

/// The same log, but none of that topic's records comes as long as the answer says so.
pub fn stalled(log: &Log, topic: String) -> (Log, watch::Sender<bool>) {
    let (stall, stalls) = watch::channel(false);
    (delayed(log, topic, Delay::While(stalls)), stall)
}

fn delayed(log: &Log, topic: String, delay: Delay) -> Log {
    Log {
        reader: Arc::new(Late {
            reader: log.reader.clone(),
            topic,
            delay,
        }),
        ..log.clone()
    }
}

#[derive(Clone)]
enum Delay {
    By(Duration),
    While(watch::Receiver<bool>),
}

struct Late {
    reader: Arc<dyn Reader>,
    topic: String,
    delay: Delay,
}

struct LateStream {
    stream: Box<dyn PartitionStream>,
    delay: Delay,
    /// What came and is not given out yet: whoever waits may give it up.
    come: Option<Vec<Record>>,
}

#[async_trait::async_trait]
impl Reader for Late {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let stream = self.reader.tail(topic, partition, from).await?;
        Ok(if topic == self.topic {
            Box::new(LateStream {
                stream,
                delay: self.delay.clone(),
                come: None,
            })
        } else {
            stream
        })
    }

    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        wait: Duration,
    ) -> Result<Vec<Record>, StreamError> {
        self.reader
            .read(topic, partition, from, until, limits, wait)
            .await
    }
}

#[async_trait::async_trait]
impl PartitionStream for LateStream {
    async fn next(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError> {
        if self.come.is_none() {
            self.come = Some(self.stream.next(limits).await?);
        }
        match &mut self.delay {
            Delay::By(time) => tokio::time::sleep(*time).await,
            Delay::While(stalls) => drop(stalls.wait_for(|stalled| !stalled).await),
        }
        Ok(self.come.take().unwrap_or_default())
    }

    fn end(&self) -> u64 {
        self.stream.end()
    }
}
