//! The thread that writes committed offsets down, drops old records and compacts. Must never touch
//! what is appended to.

use super::{Core, topic::EmbeddedTopic};
use crate::admin::CleanupPolicy;
use crate::record_codec;
use runtime::{Clock, SystemClock};
use segment_log::{Entry, Kept};
use std::{
    io,
    sync::{Arc, Weak, atomic::Ordering},
    thread::{self, JoinHandle},
};
use tokio::time::Instant;

/// A deletion is told for so long to readers that come late.
const TOMBSTONE_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Less is not worth a compaction.
const WORTH_COMPACTING: u64 = 4 << 20;

pub(super) fn start_upkeep(core: &Arc<Core>) -> io::Result<JoinHandle<()>> {
    let pause = core.options.commit_interval;
    let core = Arc::downgrade(core);
    thread::Builder::new()
        .name("log-upkeep".into())
        .stack_size(512 << 10)
        .spawn(move || {
            let mut last = Instant::now();
            loop {
                thread::park_timeout(pause);
                let Some(core) = Weak::upgrade(&core) else {
                    return;
                };
                if *core.closed.borrow() {
                    return;
                }
                core.commits.flush();
                if last.elapsed() >= core.options.retention_interval {
                    last = Instant::now();
                    core.topics.all().iter().for_each(|topic| tidy_topic(topic));
                }
            }
        })
}

fn tidy_topic(topic: &EmbeddedTopic) {
    let now = SystemClock.now();
    for partition in &topic.partitions {
        let result = match topic.about.cleanup {
            CleanupPolicy::Keep => Ok(()),
            CleanupPolicy::Age(age) => {
                let oldest = now.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
                partition
                    .log
                    .delete_older(oldest)
                    .map_err(|error| error.to_string())
            }
            CleanupPolicy::Compact
                if partition.log.sealed_bytes()
                    < WORTH_COMPACTING + 2 * partition.compacted.load(Ordering::Relaxed) =>
            {
                Ok(())
            }
            CleanupPolicy::Compact => {
                let done = partition
                    .log
                    .compact(|entry| judge_entry(entry, now))
                    .map_err(|error| error.to_string());
                partition
                    .compacted
                    .store(partition.log.sealed_bytes(), Ordering::Relaxed);
                done.map(drop)
            }
        };
        if let Err(error) = result {
            tracing::error!(topic = %topic.name, partition = partition.number, error, "old records could not be dropped");
        }
    }
}

fn judge_entry(entry: &Entry, now: i64) -> Kept {
    let gone = entry.timestamp < now - TOMBSTONE_MILLIS;
    match record_codec::decode_record(0, entry.clone()).map(|record| (record.key, record.value)) {
        Ok((Some(key), None)) if gone => Kept::Tombstone(key.to_vec()),
        Ok((Some(key), _)) => Kept::Newest(key.to_vec()),
        // Without a key, or not understood: never thrown away.
        Ok((None, _)) | Err(_) => Kept::Always,
    }
}
