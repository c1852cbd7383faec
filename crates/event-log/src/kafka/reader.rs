//! Reading Kafka partitions by hand.

use super::{
    fetcher::{Fetchers, For},
    stream::{KafkaStream, Start, run_blocking},
};
use crate::{
    consumer::{From, Limits, PartitionStream, Reader, StreamError},
    record::Record,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) struct KafkaReader {
    pub fetchers: Arc<Fetchers>,
}

impl KafkaReader {
    async fn open_stream(
        &self,
        what: For,
        topic: &str,
        partition: u16,
        start: Start,
    ) -> Result<KafkaStream, StreamError> {
        let (fetchers, topic) = (self.fetchers.clone(), topic.to_owned());
        run_blocking(move || KafkaStream::open(&fetchers, what, &topic, partition, start, None))
            .await?
    }
}

#[async_trait::async_trait]
impl Reader for KafkaReader {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let start = match from {
            From::Offset(offset) => Start::Offset(offset),
            From::End => Start::End,
            From::Earliest => Start::Earliest,
        };
        Ok(Box::new(
            self.open_stream(For::Following, topic, partition, start)
                .await?,
        ))
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
        if from >= until {
            return Ok(Vec::new());
        }
        let start = Instant::now();
        let mut stream = self
            .open_stream(For::Reading, topic, partition, Start::AtLeast(from))
            .await?;
        let until = until.min(stream.end());
        let (mut records, mut bytes) = (Vec::new(), 0_usize);
        while stream.offset() < until
            && !stream.at_end()
            && records.len() < limits.records
            && (bytes < limits.bytes || records.is_empty())
        {
            let left = Limits {
                records: limits.records - records.len(),
                bytes: limits.bytes.saturating_sub(bytes),
            };
            let left_wait = wait.saturating_sub(start.elapsed());
            let Ok(more) = tokio::time::timeout(left_wait, stream.next_or_end(left)).await else {
                if records.is_empty() {
                    return Err(StreamError::Unavailable(format!(
                        "`{topic}` {partition} was silent from {from} on"
                    )));
                }
                break;
            };
            for record in more? {
                let size = record.size();
                let fits = records.is_empty() || bytes + size <= limits.bytes;
                if record.offset >= until || !fits {
                    return Ok(records);
                }
                bytes += size;
                records.push(record);
            }
        }
        Ok(records)
    }
}
