//! Dead letters of a step that are prepared before it is their turn: some batches side by side, each
//! in a task of its own, so that a job is not as slow as one processor plans. Batches come out in
//! the order of the items, since what is sent of a key is decided in that order. A letter whose
//! preparation panics ends by itself, so that those behind it go on. It sends nothing.

use super::prepare::{PreparedItem, prepare_items};
use crate::{
    app::Shared,
    error::{Code, Problem},
};
use replay::{JobItem, ReplayJob};
use std::{collections::VecDeque, sync::Arc};
use tokio::task::JoinHandle;

/// A step whose events have so many bytes moves no more.
pub(super) const STEP_BYTES: usize = 8 << 20;
/// Letters of a batch: they are read together.
const TOGETHER: usize = 32;
/// Batches that are prepared at a time, unless their letters are large.
const SIDE_BY_SIDE: usize = 3;
/// Batches of more bytes are prepared one after the other: a step would not come to the next ones.
const LARGE_BATCH: usize = STEP_BYTES / SIDE_BY_SIDE;

/// The pending items of a step, as far as they are not handed over.
pub(super) struct LettersAhead {
    app: Shared,
    job: Arc<ReplayJob>,
    /// Numbers of items, in batches.
    left: VecDeque<Vec<usize>>,
    begun: VecDeque<BegunBatch>,
    is_large: bool,
}

struct BegunBatch {
    items: Vec<usize>,
    task: Preparation,
}

type Preparation = JoinHandle<Result<Vec<PreparedItem>, Problem>>;

/// Which items of the step, and what each of them comes to.
pub(super) type PreparedBatch = (Vec<usize>, Result<Vec<PreparedItem>, Problem>);

impl LettersAhead {
    /// `is_large`: the batches before these were.
    pub(super) fn of(app: &Shared, job: &ReplayJob, items: &[JobItem], is_large: bool) -> Self {
        let pending = (0..items.len()).filter(|n| items[*n].is_pending());
        let pending: Vec<usize> = pending.collect();
        Self {
            app: app.clone(),
            job: Arc::new(job.clone()),
            left: pending.chunks(TOGETHER).map(<[usize]>::to_vec).collect(),
            begun: VecDeque::new(),
            is_large,
        }
    }

    pub(super) fn is_large(&self) -> bool {
        self.is_large
    }

    /// The next of them, while those behind it are prepared.
    pub(super) async fn next(&mut self, items: &[JobItem]) -> Option<PreparedBatch> {
        let most = if self.is_large { 1 } else { SIDE_BY_SIDE };
        while self.begun.len() < most
            && let Some(batch) = self.left.pop_front()
        {
            self.begin(batch, items);
        }
        // It stays where it is until it is done: whoever drops this stops it.
        let prepared = (&mut self.begun.front_mut()?.task).await;
        let batch = self.begun.pop_front()?.items;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) if error.is_panic() => self.prepare_each(&batch, items).await,
            Err(_) => Err(stopped()),
        };
        let bytes = |prepared: &[PreparedItem]| prepared.iter().map(PreparedItem::bytes).sum();
        let bytes: usize = prepared.as_deref().map_or(0, bytes);
        self.is_large = bytes > LARGE_BATCH;
        Some((batch, prepared))
    }

    fn begin(&mut self, batch: Vec<usize>, items: &[JobItem]) {
        let task = self.spawn_preparation(&batch, items);
        self.begun.push_back(BegunBatch { items: batch, task });
    }

    fn spawn_preparation(&self, batch: &[usize], items: &[JobItem]) -> Preparation {
        let (app, job) = (self.app.clone(), self.job.clone());
        let asked: Vec<JobItem> = batch.iter().map(|n| items[*n].clone()).collect();
        runtime::spawn("replayed letters", async move {
            prepare_items(&app, &job, &asked).await
        })
    }

    /// One by one, behind a panic, to find the letter that panics.
    async fn prepare_each(
        &self,
        batch: &[usize],
        items: &[JobItem],
    ) -> Result<Vec<PreparedItem>, Problem> {
        let mut prepared = Vec::with_capacity(batch.len());
        for n in batch {
            match self.spawn_preparation(&[*n], items).await {
                Ok(one) => prepared.extend(one?),
                Err(error) if !error.is_panic() => return Err(stopped()),
                Err(_) => {
                    let detail = "this dead letter cannot be prepared: the log names the panic";
                    let problem = Problem::new(Code::Internal, detail);
                    prepared.push(PreparedItem::Ended("refused", Some(problem)));
                }
            }
        }
        Ok(prepared)
    }
}

/// A task that ends by itself before it is done ends with the gateway: nothing is known of its letters.
fn stopped() -> Problem {
    Problem::new(Code::NotYet, "the gateway stops")
}

impl Drop for LettersAhead {
    fn drop(&mut self) {
        for batch in &self.begun {
            batch.task.abort();
        }
    }
}
