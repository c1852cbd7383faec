//! How old deletion markers are, at least: as the ledger says of their requests, or the log of what
//! stands at or behind their places. It must never make one older than it is.

use super::super::Decider;
use crate::{record_retry::RecordPart, tenure_end::TenureEnd};
use event_log::{Limits, StreamError};
use event_schema::position::Version;
use std::collections::HashMap;
use store::StoredDocument;

/// When the markers of one intent were deleted, or later. Unix milliseconds throughout.
pub(super) struct MarkerAges {
    /// As the ledger says; one for each marker.
    told: Vec<ToldAge>,
    /// What the ledger has forgotten was decided before this.
    forgotten: Option<i64>,
    /// The first offset of `changes` that is kept, once it was asked for.
    earliest: Option<u64>,
    /// By where it was looked for.
    logged: HashMap<u64, Option<i64>>,
}

#[derive(Clone, Copy)]
enum ToldAge {
    Decided(i64),
    /// The ledger knows nothing of the request.
    Forgotten,
    /// It tells of an earlier decision: what was decided again later is younger.
    Older,
}

impl Decider {
    pub(super) async fn marker_ages(
        &self,
        stored: &[Option<StoredDocument>],
    ) -> Result<MarkerAges, TenureEnd> {
        let known = stored.iter().flatten();
        let requests: Vec<_> = known.map(|one| one.meta.request).collect();
        let record = &self.worker.ports.record;
        let entries = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&requests))
            .await?;
        let mut entries = entries.into_iter();
        let told = stored.iter().map(|stored| {
            let version = stored.as_ref().map(|stored| stored.meta.version);
            match version.and_then(|version| Some((version, entries.next().flatten()?))) {
                None => ToldAge::Forgotten,
                Some((version, entry)) if entry.version < version => ToldAge::Older,
                Some((_, entry)) => ToldAge::Decided(entry.times.decided),
            }
        });
        let told = told.collect();
        let now = self.worker.ports.clock.now();
        let kept = record.ledger_kept();
        let kept = kept.and_then(|kept| i64::try_from(kept.as_millis()).ok());
        Ok(MarkerAges {
            told,
            forgotten: kept.map(|kept| now.saturating_sub(kept)),
            earliest: None,
            logged: HashMap::new(),
        })
    }
}

impl MarkerAges {
    /// `at`: which of them. None: neither the ledger nor the log tells.
    pub(super) async fn deleted_by(
        &mut self,
        decider: &Decider,
        at: usize,
        version: Version,
    ) -> Result<Option<i64>, TenureEnd> {
        let forgotten = match self.told[at] {
            ToldAge::Decided(time) => return Ok(Some(time)),
            ToldAge::Forgotten => self.forgotten,
            ToldAge::Older => None,
        };
        let logged = self.logged_by(decider, version).await?;
        Ok([forgotten, logged].into_iter().flatten().min())
    }

    /// When the log took the first record that it keeps at or behind this version.
    async fn logged_by(
        &mut self,
        decider: &Decider,
        version: Version,
    ) -> Result<Option<i64>, TenureEnd> {
        let worker = &decider.worker;
        let (log, topic) = (&worker.ports.log, &worker.topics.changes);
        let earliest = match self.earliest {
            Some(earliest) => earliest,
            None => {
                let offsets = log.admin.offsets(topic, decider.partition).await;
                let offsets = offsets.map_err(|error| TenureEnd::Reclaim(error.to_string()))?;
                *self.earliest.insert(offsets.earliest)
            }
        };
        let is_ours = version.generation() == worker.ports.layout.generation;
        let from = if is_ours {
            version.offset().get().max(earliest)
        } else {
            earliest
        };
        let end = decider.appender.expected().get();
        if from >= end {
            return Ok(None);
        }
        if let Some(known) = self.logged.get(&from) {
            return Ok(*known);
        }
        let one = Limits {
            records: 1,
            bytes: 1,
        };
        let scan = log.scan(topic, decider.partition, from..end);
        let time = match scan.in_batches_of(one).next().await {
            // Deleted meanwhile.
            Err(StreamError::OutOfRange { .. }) => None,
            read => {
                let first = read?.and_then(|records| records.first().map(|one| one.timestamp));
                first.filter(|timestamp| *timestamp >= 0)
            }
        };
        self.logged.insert(from, time);
        Ok(time)
    }
}
