//! The marks of a tenure, from its beginning: what the taking finished is marked before anything that
//! may wait for long, since subscribers, a new mapping and reads by token go by the mark. It must
//! never mark past what is still to be decided again.
//!
//! See ADR 29.

use super::{PartitionTask, take::TakenPartition};
use crate::{
    mark::{Marker, Progress, Resolved, StoredMarks, keep_marks},
    record_retry::RecordPart,
    tenure_end::TenureEnd,
};
use event_schema::decision::Change;
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

/// Makes marks, and has them kept in the record store.
pub(super) struct TenureMarks {
    pub marker: Marker,
    /// What is resolved once everything that stood is.
    pub everything: Resolved,
    pub keeper: MarkKeeper,
}

/// The task that keeps marks. It ends with the tenure.
pub(super) struct MarkKeeper(JoinHandle<()>);

impl MarkKeeper {
    /// Waits a little until the last mark is kept. The marker must be gone.
    pub async fn finish(mut self) {
        let finished = tokio::time::timeout(Duration::from_secs(2), &mut self.0);
        finished.await.ok();
    }
}

impl Drop for MarkKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PartitionTask {
    /// Begins the marks of a tenure whose partition is finished, and says what that resolved, if no
    /// mark does.
    pub(super) async fn begin_marks(
        &self,
        taken: &mut TakenPartition,
        stored: &Arc<Mutex<StoredMarks>>,
    ) -> Result<TenureMarks, TenureEnd> {
        let open = taken.appender.epoch();
        let former = stored.lock().take_samples(taken.before, open, taken.start);
        let tenure = taken.marked_tenure(former);
        stored.lock().note(tenure.start.at, tenure.start);
        let (newest, kept) = watch::channel(None);
        let marker = Marker::new(&self.worker, self.partition, tenure, newest, stored.clone());
        let (worker, owned) = (self.worker.clone(), self.owned.clone());
        let keeping = keep_marks(worker, owned, kept, stored.clone());
        let keeper = MarkKeeper(runtime::spawn("marks", keeping));
        let everything = Resolved {
            through: taken.appender.expected().minus(1),
            next: taken.window.next(),
            tail: taken.tail,
        };
        let mut marks = TenureMarks {
            marker,
            everything,
            keeper,
        };
        if taken.is_past_mark() && taken.window.redo().is_empty() {
            self.mark_finished(taken, &mut marks).await?;
        }
        Ok(marks)
    }

    async fn mark_finished(
        &self,
        taken: &mut TakenPartition,
        marks: &mut TenureMarks,
    ) -> Result<(), TenureEnd> {
        let progress = Progress {
            batch: 0,
            resolved: Some(marks.everything),
        };
        let (epoch, now) = (taken.appender.epoch(), self.worker.ports.clock.now());
        let mark = marks.marker.due(progress, epoch, Instant::now(), now);
        let mark = mark.map(Change::Mark).into_iter().collect();
        for (_, change) in taken.appender.append_all(mark).await? {
            if let Change::Mark(mark) = change {
                // A tenure may end at once, again and again.
                let record = &self.worker.ports.record;
                self.worker
                    .retry_until_answered(RecordPart::Marks, || record.set_mark(&mark))
                    .await?;
                marks.marker.keep(mark);
            }
        }
        Ok(())
    }
}
