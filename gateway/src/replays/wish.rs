//! What persons ask of a job: to go on, to wait, to end. It is kept beside the job, and whoever runs
//! that reads it before each step.

use super::{keep::JobStore, run::JobRunner};
use crate::{
    app::{App, Shared},
    error::{Code, Problem},
};
use data_encoding::HEXLOWER;
use replay::{JobState, JobWish, ReplayJob};
use runtime::Backoff;
use std::time::Duration;
use tokio::time::Instant;

/// A runner that said nothing for so long is gone.
pub(crate) const SILENT_MS: i64 = 10_000;
/// How long an answer waits for the runner to do what was asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A name that nobody had before.
pub(super) fn fresh_name() -> String {
    HEXLOWER.encode(&runtime::random::<[u8; 10]>())
}

/// Runs the job here from now on; who ran it before stops.
pub(super) async fn start_job(app: &Shared, job: &ReplayJob) -> Result<(), Problem> {
    let runner = fresh_name();
    let wish = JobWish {
        state: JobState::Running,
        runner: runner.clone(),
    };
    JobStore::of(app).put_wish(&job.id, &wish).await?;
    let runner = JobRunner::new(app.clone(), job.clone(), runner);
    runtime::spawn("replay", runner.run());
    Ok(())
}

/// Does anybody run it?
pub(crate) fn is_run(app: &App, job: &ReplayJob) -> bool {
    job.state == JobState::Running && app.now() - job.updated < SILENT_MS
}

/// Asks a job to become what is said; answers how it stands then.
pub(crate) async fn ask_state(
    app: &Shared,
    id: &str,
    state: JobState,
) -> Result<ReplayJob, Problem> {
    let store = JobStore::of(app);
    let mut job = store.job(id).await?;
    if job.is_over() {
        let detail = format!("the job has ended: {} of {} are done", job.done, job.total);
        return Err(Problem::new(Code::ReplayEnded, detail));
    }
    if state == JobState::Running {
        if is_run(app, &job) {
            // It may be about to stop, because it was asked to.
            if let Some(wish) = store.wish(id).await?.filter(|wish| wish.state != state) {
                let runner = wish.runner;
                store.put_wish(id, &JobWish { state, runner }).await?;
                job = store.job(id).await?;
            }
        }
        if !is_run(app, &job) {
            (job.state, job.updated) = (JobState::Running, app.now());
            store.put(&job).await?;
            start_job(app, &job).await?;
        }
        return Ok(job);
    }
    if !is_run(app, &job) {
        job.state = state;
        store.put(&job).await?;
    }
    let runner = store.wish(id).await?.map(|wish| wish.runner);
    let runner = runner.unwrap_or_default();
    store.put_wish(id, &JobWish { state, runner }).await?;
    let deadline = Instant::now() + PATIENCE;
    let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(200));
    while job.state == JobState::Running && Instant::now() < deadline {
        tokio::time::sleep(backoff.next_wait()).await;
        job = store.job(id).await?;
    }
    Ok(job)
}
