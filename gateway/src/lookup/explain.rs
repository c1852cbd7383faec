//! A request's way from acceptance to notification, told from the log: when each stage was reached,
//! what was decided and undone, what the stores hold of it, what its parts came to, what is next.

mod decided;
mod effects;
mod explanation;
mod log_records;

use crate::{
    app::App,
    error::{Code, Problem},
};
use event_schema::id::RequestId;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) use explanation::RequestExplanation;

const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for everything that the log tells of a request.
pub(crate) async fn explain_request(
    app: &App,
    id: RequestId,
) -> Result<RequestExplanation, Problem> {
    let Ok(_permit) = app.log_scans.try_acquire() else {
        let detail = "the limit of concurrent readers of the log is reached";
        return Err(Problem::new(Code::Overloaded, detail).retry_after(1));
    };
    let found = timeout(PATIENCE, find_explanation(app, id)).await;
    found.map_err(|_| {
        let detail = "the partition of the log is too long to be read for one answer";
        Problem::new(Code::LookupIncomplete, detail).retry_after(10)
    })?
}

async fn find_explanation(app: &App, id: RequestId) -> Result<RequestExplanation, Problem> {
    let layout = &app.ports.layout;
    if id.generation() != layout.generation || id.partition() >= layout.partitions {
        let detail = "the request is of another generation of the log: only its status is known";
        return Err(Problem::new(Code::UnknownRequest, detail).about(id, None));
    }
    let entry = app.ports.record.ledger(&[id]).await?;
    let entry = entry.into_iter().next().flatten();
    let records = match &entry {
        Some(entry) => log_records::record_chain(app, id, entry.version).await?,
        None => log_records::unresolved_records(app, id).await?,
    };
    let position = log_records::event_position(&records, entry.as_ref());
    let event = match position {
        Some(position) => log_records::event_at(app, position.offset, id).await?,
        None => log_records::waiting_event(app, id).await?,
    };
    if entry.is_none() && records.is_empty() && event.is_none() {
        let detail = "no request of this id is remembered or waiting";
        return Err(Problem::new(Code::UnknownRequest, detail).about(id, None));
    }
    let mut explanation = RequestExplanation::of(id);
    explanation.tell_event(event.as_ref());
    for told in &records {
        explanation.tell_record(told);
    }
    explanation.tell_ledger(app, entry.as_ref());
    let last = records.last().map(|told| told.offset);
    let resolved = explanation.tell_resolution(app, last).await?;
    explanation.tell_notification(app, &records).await;
    explanation.tell_stores(app, records.last()).await?;
    explanation
        .tell_parts(app, &records, entry.as_ref())
        .await?;
    explanation.tell_queue(app).await?;
    explanation.hide_key_of_intent();
    explanation.end(entry.is_some(), resolved);
    Ok(explanation)
}
