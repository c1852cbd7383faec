//! A reader that hears of `rooms` late: what a notifier must wait for.

use event_log::{
    Limits, Log, PartitionStream, Record, StreamError,
    consumer::{From, Reader},
};
use std::{sync::Arc, time::Duration};

/// The same log, but that topic's records come so much later.
pub fn late(log: &Log, topic: String, by: Duration) -> Log {
    Log {
        reader: Arc::new(Late {
            reader: log.reader.clone(),
            topic,
            by,
        }),
        ..log.clone()
    }
}

struct Late {
    reader: Arc<dyn Reader>,
    topic: String,
    by: Duration,
}

struct LateStream {
    stream: Box<dyn PartitionStream>,
    by: Duration,
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
                by: self.by,
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
        // First the wait, so that nothing is lost where this is given up.
        tokio::time::sleep(self.by).await;
        self.stream.next(limits).await
    }

    fn end(&self) -> u64 {
        self.stream.end()
    }
}
