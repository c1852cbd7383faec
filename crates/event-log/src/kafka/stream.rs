//! Records of one partition as they are fetched. Wakes when the queue does; must never hand out a
//! record below the offset it stands at.

use super::{
    fetcher::{Fetchers, For, Lease, fetch_watermarks},
    ffi,
};
use crate::{
    consumer::{Limits, PartitionStream, StreamError},
    ownership,
    record::{Headers, Record},
};
use bytes::BytesMut;
use rdkafka::{
    Message,
    error::KafkaError,
    message::{BorrowedMessage, Headers as _},
    types::RDKafkaErrorCode as Code,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

pub(super) struct KafkaStream {
    lease: Lease,
    /// The offset wanted next.
    offset: u64,
    /// The partition's end when it was opened.
    end: u64,
    filled: Arc<Notify>,
    revoked: Option<watch::Receiver<bool>>,
    /// Fetched, and too large for the last answer.
    held: Option<Record>,
    failed: Option<StreamError>,
    /// The client says that the offset is gone. It may be late: said of where an earlier stream on
    /// this partition stood.
    suspect: bool,
    /// A record, or the end, was met where the stream stands: if the client says from now on that
    /// the offset is gone, it says so of this stream.
    established: bool,
    /// The client saw the end of the partition.
    at_end: bool,
}

/// Where a stream is to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Offset(u64),
    Earliest,
    End,
    /// The offset, or the first one kept if that is later.
    AtLeast(u64),
}

impl KafkaStream {
    /// Blocks until the broker told the bounds of the partition.
    pub fn open(
        fetchers: &Fetchers,
        what: For,
        topic: &str,
        partition: u16,
        start: Start,
        revoked: Option<watch::Receiver<bool>>,
    ) -> Result<Self, StreamError> {
        let (earliest, end) = fetchers
            .watermarks(topic, partition)
            .map_err(|error| unavailable_error(&error))?;
        let offset = match start {
            Start::Offset(wanted) if wanted < earliest || wanted > end => {
                return Err(StreamError::OutOfRange {
                    wanted,
                    earliest,
                    end,
                });
            }
            Start::Offset(wanted) => wanted,
            Start::AtLeast(wanted) => wanted.max(earliest),
            Start::Earliest => earliest,
            Start::End => end,
        };
        let mut lease = fetchers
            .open(what, topic, partition, offset)
            .map_err(|error| unavailable_error(&error))?;
        let filled = Arc::new(Notify::new());
        let wake = filled.clone();
        if let Some(queue) = &mut lease.queue {
            queue.set_nonempty_callback(move || wake.notify_one());
        }
        // What came before the callback was set woke nobody.
        filled.notify_one();
        Ok(Self {
            lease,
            offset,
            end,
            filled,
            revoked,
            held: None,
            failed: None,
            suspect: false,
            established: false,
            at_end: false,
        })
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn at_end(&self) -> bool {
        self.at_end
    }

    /// As `next`, but answers nothing when the end of the partition was seen.
    pub async fn next_or_end(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError> {
        self.read_more(limits, true).await
    }

    async fn read_more(
        &mut self,
        limits: Limits,
        stop_at_end: bool,
    ) -> Result<Vec<Record>, StreamError> {
        loop {
            if ownership::is_revoked(self.revoked.as_ref()) {
                return Err(StreamError::Revoked);
            }
            let records = self.take_records(limits);
            if !records.is_empty() || (stop_at_end && self.at_end) {
                return Ok(records);
            }
            if self.suspect {
                self.find_out().await;
                continue;
            }
            if let Some(error) = &self.failed {
                return Err(error.clone());
            }
            tokio::select! {
                () = self.filled.notified() => {}
                () = ownership::until_revoked(&mut self.revoked) => {}
            }
        }
    }

    /// Asks the broker whether the offset is gone; if not, and it was said of an earlier stream,
    /// fetches from it again.
    async fn find_out(&mut self) {
        let (consumer, topic, partition) = (
            self.lease.fetcher.consumer().clone(),
            self.lease.topic.clone(),
            self.lease.partition,
        );
        let answer = run_blocking(move || fetch_watermarks(&consumer, &topic, partition)).await;
        let wanted = self.offset;
        self.failed = match answer {
            Ok(Ok(bounds)) => match offset_error(wanted, bounds, self.established) {
                Some(error) => Some(error),
                None => self
                    .lease
                    .restart(wanted)
                    .err()
                    .map(|error| unavailable_error(&error)),
            },
            Ok(Err(error)) => Some(unavailable_error(&error)),
            Err(error) => Some(error),
        };
        self.suspect = false;
    }

    /// What is there, within limits.
    fn take_records(&mut self, limits: Limits) -> Vec<Record> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < limits.records.max(1) && self.failed.is_none() && !self.suspect {
            let Some(record) = self.held.take().or_else(|| self.poll_record()) else {
                break;
            };
            bytes += record.size();
            if bytes > limits.bytes && !records.is_empty() {
                self.held = Some(record);
                break;
            }
            self.offset = record.offset + 1;
            records.push(record);
        }
        records
    }

    fn poll_record(&mut self) -> Option<Record> {
        loop {
            let message = self.lease.queue.as_ref()?.poll(Duration::ZERO)?;
            match message.map(|message| copy_message(&message)) {
                // Fetched for an earlier stream on this partition.
                Ok(Some(record)) if record.offset < self.offset => {}
                Ok(Some(record)) => {
                    self.at_end = false;
                    self.established = true;
                    return Some(record);
                }
                Ok(None) => {
                    self.failed = Some(StreamError::Damaged {
                        offset: self.offset,
                        why: "it has no offset".into(),
                    })
                }
                Err(KafkaError::PartitionEOF(_)) => {
                    (self.at_end, self.established) = (true, true);
                }
                Err(error) => self.judge_error(&error),
            }
            if self.failed.is_some() || self.suspect {
                return None;
            }
        }
    }

    fn judge_error(&mut self, error: &KafkaError) {
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.suspect = true,
            Some(
                Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
                | Code::Fatal,
            ) => self.failed = Some(unavailable_error(error)),
            Some(Code::BadMessage | Code::InvalidMessage | Code::InvalidMessageSize) => {
                self.failed = Some(StreamError::Damaged {
                    offset: self.offset,
                    why: error.to_string(),
                });
            }
            _ => {
                tracing::debug!(target: "kafka", %error, topic = self.lease.topic, partition = self.lease.partition, "the consumer goes on by itself");
            }
        }
    }
}

#[async_trait::async_trait]
impl PartitionStream for KafkaStream {
    async fn next(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError> {
        self.read_more(limits, false).await
    }

    fn end(&self) -> u64 {
        let heard = ffi::known_watermarks(
            self.lease.fetcher.consumer(),
            &self.lease.topic,
            self.lease.partition,
        );
        heard
            .map_or(self.end, |(_, end)| end.max(self.end))
            .max(self.offset)
    }
}

/// What follows when the client says that the offset is gone; `None`: it said so of an earlier
/// stream. An offset that is back within the bounds was outside of them for a moment, and what
/// stands there now is not what stood there.
fn offset_error(
    wanted: u64,
    (earliest, end): (u64, u64),
    established: bool,
) -> Option<StreamError> {
    if wanted < earliest || wanted > end {
        Some(StreamError::OutOfRange {
            wanted,
            earliest,
            end,
        })
    } else if established {
        Some(StreamError::TailLost { wanted, end })
    } else {
        None
    }
}

/// Waits for something that blocks.
pub(super) async fn run_blocking<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StreamError> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(|error| StreamError::Unavailable(error.to_string()))
}

fn unavailable_error(error: &KafkaError) -> StreamError {
    StreamError::Unavailable(error.to_string())
}

/// A copy in one piece of memory, so that the client's own can be let go of.
fn copy_message(message: &BorrowedMessage<'_>) -> Option<Record> {
    let headers = || {
        message
            .headers()
            .into_iter()
            .flat_map(|headers| headers.iter())
    };
    let length: usize = headers()
        .map(|header| header.value.map_or(0, <[u8]>::len))
        .sum();
    let mut memory = BytesMut::with_capacity(
        length + message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len),
    );
    let mut piece = |bytes: &[u8]| {
        memory.extend_from_slice(bytes);
        memory.split().freeze()
    };
    let mut copied = Headers::new();
    for header in headers() {
        copied.push((
            header.key.to_owned().into(),
            piece(header.value.unwrap_or_default()),
        ));
    }
    Some(Record {
        partition: u16::try_from(message.partition()).ok()?,
        offset: u64::try_from(message.offset()).ok()?,
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(&mut piece),
        value: message.payload().map(&mut piece),
        headers: copied,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_is_gone_while_it_is_read_is_never_gone_on_from() {
        let lost = |wanted, end| Some(StreamError::TailLost { wanted, end });
        assert_eq!(offset_error(20, (0, 100), true), lost(20, 100));
        assert_eq!(offset_error(100, (0, 100), true), lost(100, 100));
        assert_eq!(
            offset_error(20, (0, 100), false),
            None,
            "said of an earlier stream"
        );
        for established in [false, true] {
            for (earliest, end) in [(30, 100), (0, 10)] {
                let outside = StreamError::OutOfRange {
                    wanted: 20,
                    earliest,
                    end,
                };
                assert_eq!(
                    offset_error(20, (earliest, end), established),
                    Some(outside)
                );
            }
        }
    }
}
