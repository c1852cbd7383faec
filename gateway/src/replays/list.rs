//! The newest jobs: one list of their ids in the record store, which every gateway adds to.

use super::keep::JobStore;
use crate::{
    app::App,
    error::{Code, Problem},
};
use futures::future::join_all;
use replay::ReplayJob;
use std::collections::VecDeque;
use store::{StoreError, Swapped};

/// Under which name the list is kept.
const NAME: &str = "consign/replays";
/// Jobs that are listed.
const LISTED: usize = 200;

/// Adds a job. A store that has no such lists has none of jobs, either.
pub(super) async fn note_job(app: &App, job: &ReplayJob) -> Result<(), Problem> {
    let mut stands = stored_list(app).await?;
    loop {
        let mut ids = parse_list(stands.as_deref())?;
        ids.push_back(job.id.clone());
        while ids.len() > LISTED {
            ids.pop_front();
        }
        let text = serde_json::to_string(&ids).expect("a list of texts is JSON");
        let record = app.ports.record.as_ref();
        match record.swap_value(NAME, stands.as_deref(), &text).await {
            Ok(Swapped::Done) | Err(StoreError::Refused { .. }) => return Ok(()),
            Ok(Swapped::Stands(other)) => stands = other,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The newest first, as far as they are kept.
pub(crate) async fn newest_jobs(app: &App) -> Result<Vec<ReplayJob>, Problem> {
    let ids = parse_list(stored_list(app).await?.as_deref())?;
    let store = JobStore::of(app);
    let jobs = join_all(ids.iter().rev().map(|id| store.job(id))).await;
    let mut kept = Vec::with_capacity(jobs.len());
    for job in jobs {
        match job {
            Ok(job) => kept.push(job),
            Err(problem) if problem.code() == Code::UnknownReplay => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(kept)
}

async fn stored_list(app: &App) -> Result<Option<String>, Problem> {
    match app.ports.record.held_values(&[NAME.to_owned()]).await {
        Ok(found) => Ok(found.into_iter().next().flatten()),
        Err(StoreError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn parse_list(text: Option<&str>) -> Result<VecDeque<String>, Problem> {
    let Some(text) = text else {
        return Ok(VecDeque::new());
    };
    serde_json::from_str(text).map_err(|error| Problem::new(Code::Damaged, error.to_string()))
}
