//! `/v1/replays`: jobs that move dead letters.

pub(crate) mod control;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod show;

use crate::{app::App, error::Problem, replays};
use replay::{JobItem, JobState, ReplayJob};
use serde_json::{Value, json};

/// A job on the wire, with some of its items.
fn shown_job(app: &App, job: &ReplayJob, items: &[JobItem]) -> Result<Value, Problem> {
    let is_left = job.state == JobState::Running && !replays::is_run(app, job);
    Ok(json!({
        "id": job.id,
        "action": job.order.action,
        "state": if is_left { json!("interrupted") } else { json!(job.state) },
        "order": job.order,
        "principal": job.principal,
        "created": job.created,
        "total": job.total,
        "done": job.done,
        "counts": job.counts,
        "waits": job.waits,
        "succeeded": job.succeeded(),
        "items": items,
    }))
}
