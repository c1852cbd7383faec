//! Reading a partition of the embedded log. Wakes on every commit, never polls; what lies in old
//! segments is read off the async threads.

use super::{CLOSED, Core, topic::Partition};
use crate::record_codec;
use crate::{
    consumer::{From, Limits, PartitionStream, Reader, StreamError},
    ownership,
    record::Record,
};
use segment_log::{Bounds, Cursor, Entry, ReadError};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

pub(super) struct EmbeddedReader(pub Arc<Core>);

#[async_trait::async_trait]
impl Reader for EmbeddedReader {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let partition = self
            .0
            .topics
            .partition(topic, partition)
            .ok_or_else(|| unknown_partition(topic, partition))?;
        let bounds = partition.log.bounds();
        let offset = match from {
            From::Offset(offset) => offset,
            From::End => bounds.end,
            From::Earliest => bounds.earliest,
        };
        Ok(Box::new(EmbeddedStream::open(
            &self.0, partition, offset, None,
        )?))
    }

    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        _wait: Duration,
    ) -> Result<Vec<Record>, StreamError> {
        let partition = self
            .0
            .topics
            .partition(topic, partition)
            .ok_or_else(|| unknown_partition(topic, partition))?;
        let bounds = partition.log.bounds();
        if from >= until.min(bounds.end) {
            return Ok(Vec::new());
        }
        match read_records(
            &partition,
            Cursor::new(from.max(bounds.earliest)),
            until,
            limits,
        )
        .await
        {
            Ok((_, records)) => Ok(records),
            // Deleted while it was looked for.
            Err(StreamError::OutOfRange { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn unknown_partition(topic: &str, partition: u16) -> StreamError {
    StreamError::Unavailable(format!(
        "there is no topic `{topic}` with a partition {partition}"
    ))
}

pub(super) struct EmbeddedStream {
    partition: Arc<Partition>,
    cursor: Cursor,
    bounds: watch::Receiver<Bounds>,
    /// Turns true when the partition is somebody else's; none for a stream outside of a group.
    revoked: Option<watch::Receiver<bool>>,
    closed: watch::Receiver<bool>,
}

impl EmbeddedStream {
    pub fn open(
        core: &Core,
        partition: Arc<Partition>,
        offset: u64,
        revoked: Option<watch::Receiver<bool>>,
    ) -> Result<Self, StreamError> {
        let Bounds { earliest, end } = partition.log.bounds();
        if offset < earliest || offset > end {
            return Err(StreamError::OutOfRange {
                wanted: offset,
                earliest,
                end,
            });
        }
        let bounds = partition.bounds.clone();
        Ok(Self {
            partition,
            cursor: Cursor::new(offset),
            bounds,
            revoked,
            closed: core.closed.subscribe(),
        })
    }
}

#[async_trait::async_trait]
impl PartitionStream for EmbeddedStream {
    async fn next(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError> {
        loop {
            if ownership::is_revoked(self.revoked.as_ref()) {
                return Err(StreamError::Revoked);
            }
            let end = self.bounds.borrow_and_update().end;
            if self.cursor.offset() != end {
                let (cursor, records) =
                    read_records(&self.partition, self.cursor.clone(), u64::MAX, limits).await?;
                self.cursor = cursor;
                if !records.is_empty() {
                    return Ok(records);
                }
                continue;
            }
            if *self.closed.borrow() {
                return Err(StreamError::Unavailable(CLOSED.into()));
            }
            tokio::select! {
                _ = self.bounds.changed() => {}
                () = ownership::until_revoked(&mut self.revoked) => {}
                _ = self.closed.wait_for(|closed| *closed) => {}
            }
        }
    }

    fn end(&self) -> u64 {
        self.bounds.borrow().end
    }
}

async fn read_records(
    partition: &Arc<Partition>,
    cursor: Cursor,
    until: u64,
    limits: Limits,
) -> Result<(Cursor, Vec<Record>), StreamError> {
    if partition.log.is_recent(cursor.offset()) {
        return read_now(partition, cursor, until, limits);
    }
    let partition = partition.clone();
    let task = tokio::task::spawn_blocking(move || read_now(&partition, cursor, until, limits));
    task.await
        .map_err(|error| StreamError::Unavailable(error.to_string()))?
}

fn read_now(
    partition: &Partition,
    mut cursor: Cursor,
    until: u64,
    limits: Limits,
) -> Result<(Cursor, Vec<Record>), StreamError> {
    let entries = partition
        .log
        .read(&mut cursor, until, limits.records.max(1), limits.bytes)
        .map_err(|error| match error {
            ReadError::OutOfRange {
                wanted,
                earliest,
                end,
            } => StreamError::OutOfRange {
                wanted,
                earliest,
                end,
            },
            ReadError::Damaged { offset, why } => StreamError::Damaged {
                offset,
                why: why.into(),
            },
            ReadError::Io(error) => StreamError::Unavailable(error.to_string()),
        })?;
    let decode = |entry: Entry| {
        let offset = entry.offset;
        record_codec::decode_record(partition.number, entry).map_err(|why| StreamError::Damaged {
            offset,
            why: why.into(),
        })
    };
    let mut records = Vec::with_capacity(entries.len());
    for entry in entries {
        let offset = entry.offset;
        match decode(entry) {
            Ok(record) => records.push(record),
            Err(error) if records.is_empty() => return Err(error),
            // What comes before it is handed out first; the next call meets it again.
            Err(_) => return Ok((Cursor::new(offset), records)),
        }
    }
    Ok((cursor, records))
}
