//! What a job that repeats takes besides the dead letters that it was made of: those of its selection
//! that came while it ran. A request is never taken twice, so one that dies again ends it.

use super::keep::{CHUNK, JobStore};
use crate::{access::system, app::App, error::Problem};
use replay::{JobItem, ReplayJob};
use std::collections::HashSet;

/// What is left to do for a job all of whose items have an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaterLetters {
    /// More items than before.
    Found,
    /// None yet, but some of its keys' parked events are still being decided.
    MayCome,
    Nothing,
}

/// The requests and keys that a job has taken so far.
#[derive(Debug, Default)]
pub(super) struct TakenLetters {
    requests: HashSet<String>,
    keys: HashSet<String>,
    /// Items that are in here.
    read: usize,
}

impl TakenLetters {
    fn add(&mut self, items: &[JobItem]) {
        for item in items {
            self.requests.insert(item.request_id.clone());
            self.keys.insert(item.key.clone());
        }
        self.read += items.len();
    }

    /// Those that another runner took, too.
    async fn read_items(&mut self, store: &JobStore<'_>, job: &ReplayJob) -> Result<(), Problem> {
        while self.read < job.total {
            let (chunk, from) = (self.read / CHUNK, self.read % CHUNK);
            let items = store.items(&job.id, chunk).await?;
            let until = items.len().min(job.total - chunk * CHUNK);
            if from >= until {
                break;
            }
            self.add(&items[from..until]);
        }
        Ok(())
    }
}

/// Adds to the job what has come of its selection.
pub(super) async fn take_later_letters(
    app: &App,
    job: &mut ReplayJob,
    taken: &mut TakenLetters,
) -> Result<LaterLetters, Problem> {
    let (store, record) = (JobStore::of(app), app.ports.record.as_ref());
    taken.read_items(&store, job).await?;
    // Before the letters: a queue that has stopped meanwhile shows its own among them.
    let draining = replay::draining_keys(record).await?;
    let may_come = draining.iter().any(|key| taken.keys.contains(&key.0));
    let select = &job.order.select;
    let mut items = replay::dead_letters(record, select, |letter| JobItem::of(&letter)).await?;
    let catalog = app.ports.catalog.current();
    let is_patched = job.order.patch.is_some();
    items.retain(|item| {
        let operation = &item.operation;
        // The job keeps its patch in the open.
        let is_sealed = is_patched && !catalog.sealed().request(operation).is_empty();
        !taken.requests.contains(&item.request_id) && !system::is_operation(operation) && !is_sealed
    });
    if items.is_empty() && may_come {
        return Ok(LaterLetters::MayCome);
    }
    if items.is_empty() {
        return Ok(LaterLetters::Nothing);
    }
    let (chunk, from) = (job.total / CHUNK, job.total % CHUNK);
    let mut begun = store.items(&job.id, chunk).await?;
    begun.truncate(from);
    begun.extend_from_slice(&items);
    for (n, some) in begun.chunks(CHUNK).enumerate() {
        store.put_items(&job.id, chunk + n, some).await?;
    }
    // Items beyond the total are none: whoever goes on after a crash looks again.
    job.total += items.len();
    store.put(job).await?;
    Ok(LaterLetters::Found)
}
