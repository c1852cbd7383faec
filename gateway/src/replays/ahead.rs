//! Dead letters of a step that are prepared before it is their turn: some batches side by side, each
//! in a task of its own, so that a job is not as slow as one processor plans. Batches come out in
//! the order of the items, since what is sent of a key is decided in that order. It sends nothing.

use super::prepare::{PreparedItem, prepare_items};
use crate::{
    app::Shared,
    error::{Code, Problem},
};
use replay::{JobItem, ReplayJob};
use std::{collections::VecDeque, sync::Arc};
use tokio::task::JoinHandle;

/// Letters of a batch: they are read together.
const TOGETHER: usize = 32;
/// Batches that are prepared at a time. Each letter may be as large as an event.
const SIDE_BY_SIDE: usize = 3;

/// The pending items of a step, as far as they are not handed over.
pub(super) struct LettersAhead {
    app: Shared,
    job: Arc<ReplayJob>,
    /// Numbers of items, in batches.
    left: VecDeque<Vec<usize>>,
    begun: VecDeque<BegunBatch>,
}

struct BegunBatch {
    items: Vec<usize>,
    task: JoinHandle<Result<Vec<PreparedItem>, Problem>>,
}

/// Which items of the step, and what each of them comes to.
pub(super) type PreparedBatch = (Vec<usize>, Result<Vec<PreparedItem>, Problem>);

impl LettersAhead {
    pub(super) fn of(app: &Shared, job: &ReplayJob, items: &[JobItem]) -> Self {
        let pending = (0..items.len()).filter(|n| items[*n].is_pending());
        let pending: Vec<usize> = pending.collect();
        Self {
            app: app.clone(),
            job: Arc::new(job.clone()),
            left: pending.chunks(TOGETHER).map(<[usize]>::to_vec).collect(),
            begun: VecDeque::new(),
        }
    }

    /// The next of them, while those behind it are prepared.
    pub(super) async fn next(&mut self, items: &[JobItem]) -> Option<PreparedBatch> {
        while self.begun.len() < SIDE_BY_SIDE
            && let Some(batch) = self.left.pop_front()
        {
            self.begin(batch, items);
        }
        // It stays where it is until it is done: whoever drops this stops it.
        let prepared = (&mut self.begun.front_mut()?.task).await;
        let batch = self.begun.pop_front()?.items;
        let prepared = prepared.unwrap_or_else(|_| {
            let detail = "dead letters could not be prepared: see the log";
            Err(Problem::new(Code::Internal, detail))
        });
        Some((batch, prepared))
    }

    fn begin(&mut self, batch: Vec<usize>, items: &[JobItem]) {
        let (app, job) = (self.app.clone(), self.job.clone());
        let asked: Vec<JobItem> = batch.iter().map(|n| items[*n].clone()).collect();
        let task = runtime::spawn("replayed letters", async move {
            prepare_items(&app, &job, &asked).await
        });
        self.begun.push_back(BegunBatch { items: batch, task });
    }
}

impl Drop for LettersAhead {
    fn drop(&mut self) {
        for batch in &self.begun {
            batch.task.abort();
        }
    }
}
