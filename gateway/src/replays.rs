//! Jobs that move dead letters: kept in the record store, so that every gateway can show, pause and
//! resume them, and run by one gateway at a time. Two that run the same do no harm: each intent
//! names the hold that it saw, and is refused where another stands. It decides nothing itself.

mod ahead;
mod keep;
mod list;
mod prepare;
mod repeat;
mod run;
mod sealed_patch;
mod wish;

pub(crate) use keep::JobStore;
pub(crate) use list::newest_jobs;
pub(crate) use prepare::{edited_event, preview_stores};
pub(crate) use wish::{ask_state, is_run};

use crate::{
    access::{Caller, system},
    app::{App, Shared},
    error::{Code, Problem},
};
use event_schema::{
    codec::rfc3339,
    id::RequestId,
    outcome::{LedgerEntry, RefusalCode, Verdict},
};
use replay::{JobAction, JobItem, JobOrder, JobState, ReplayJob};
use std::collections::{BTreeMap, BTreeSet};

/// Makes a job of what stands now, and starts it.
pub(crate) async fn create_job(
    app: &Shared,
    caller: &Caller,
    mut order: JobOrder,
) -> Result<ReplayJob, Problem> {
    let record = app.ports.record.as_ref();
    let mut items =
        replay::dead_letters(record, &order.select, |letter| JobItem::of(&letter)).await?;
    items.retain(|item| !system::is_operation(&item.operation));
    items.extend(without_letters(app, &order, &items).await?);
    sealed_patch::seal_patch(app, &mut order, &mut items).await?;
    if order.repeat && items.iter().any(|item| item.patch.is_some()) {
        let detail =
            "a job with a patch over sealed members takes what there is, and does not repeat";
        return Err(Problem::new(Code::Invalid, detail));
    }
    let job = ReplayJob {
        id: wish::fresh_name(),
        state: JobState::Running,
        principal: caller.name.to_string(),
        created: rfc3339(app.now()),
        updated: app.now(),
        total: items.len(),
        done: 0,
        counts: BTreeMap::new(),
        waits: None,
        order,
    };
    let store = JobStore::of(app);
    for (n, chunk) in items.chunks(keep::CHUNK).enumerate() {
        store.put_items(&job.id, n, chunk).await?;
    }
    store.put(&job).await?;
    list::note_job(app, &job).await?;
    app.dead_letters_moved(caller, &job);
    wish::start_job(app, &job).await?;
    Ok(job)
}

/// Requests that were named and of which no dead letter waits: what became of them.
async fn without_letters(
    app: &Shared,
    order: &JobOrder,
    found: &[JobItem],
) -> Result<Vec<JobItem>, Problem> {
    let found: BTreeSet<&str> = found.iter().map(|item| item.request_id.as_str()).collect();
    let named = order.select.requests.iter();
    let mut items = Vec::new();
    for text in named.filter(|text| !found.contains(text.as_str())) {
        let entry = match RequestId::parse_trusted(text) {
            Ok(request) => ledger_entry(app, request).await?,
            Err(_) => None,
        };
        let entry = entry.filter(|entry| !system::is_operation(&entry.operation));
        let (status, problem) = item_end(order.action, entry.as_ref());
        let problem = problem.and_then(|problem| serde_json::to_value(problem).ok());
        items.push(JobItem::without_letter(text, status, problem));
    }
    Ok(items)
}

async fn ledger_entry(app: &App, request: RequestId) -> Result<Option<LedgerEntry>, Problem> {
    let found = app.ports.record.ledger(&[request]).await?;
    Ok(found.into_iter().flatten().next())
}

/// The end of an item, by what is remembered of its request or of the intent about it.
fn item_end(action: JobAction, entry: Option<&LedgerEntry>) -> (&'static str, Option<Problem>) {
    match entry.map(|entry| &entry.verdict) {
        None => {
            let detail = "no dead letter of this request waits";
            ("refused", Some(Problem::new(Code::UnknownRequest, detail)))
        }
        Some(Verdict::Applied) if action == JobAction::Replay => ("applied", None),
        Some(Verdict::Applied) => {
            let detail = "it is applied already, and cannot be given up";
            ("refused", Some(Problem::new(Code::Superseded, detail)))
        }
        Some(Verdict::Refused(refusal)) => {
            let is_wanted = action == JobAction::Discard && refusal.code == RefusalCode::Discarded;
            if is_wanted {
                ("discarded", None)
            } else {
                ("refused", Some(Problem::from(refusal)))
            }
        }
        Some(Verdict::DeadLettered(reason)) => ("dead_lettered", Some(Problem::from(reason))),
        Some(Verdict::Parked(parked)) => ("refused", Some(Problem::from(parked))),
    }
}
