//! Runs a job: a step moves some dead letters, each by an intent that its owner decides, waits for
//! what comes of them, and keeps that. A store or log that is away makes it wait. It stops when it
//! is asked to, when another runs the job, and with the service.

use super::{
    item_end,
    keep::{CHUNK, JobStore},
    ledger_entry,
    repeat::{LaterLetters, TakenLetters, take_later_letters},
    sealed_patch,
};
use crate::{
    access::system,
    app::{App, Shared},
    error::{Code, Problem},
};
use catalog::Catalog;
use event_schema::{
    decision::OriginalRecord,
    held::{DISCARD, HoldIntent, REPLAY},
    id::RequestId,
    outcome::{LedgerEntry, RefusalCode, Verdict},
};
use futures::future::try_join_all;
use replay::{
    HeldLetter, JobAction, JobItem, JobState, JsonPatch, PreviewStores, ReplayJob, ReplayPreview,
};
use runtime::Backoff;
use sealing::{EditUnsealable, SubjectErased};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;
use tracing::{info, warn};

/// Dead letters that are moved at a time.
const AT_ONCE: usize = 64;
/// A preview of more bytes is kept without its fields.
const PREVIEW_BYTES: usize = 16 << 10;
/// How often the runner looks for what is asked of it, and says that it lives.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct JobRunner {
    app: Shared,
    job: ReplayJob,
    runner: String,
    taken: TakenLetters,
}

/// What one item comes to before anything is sent.
enum PreparedItem {
    Ended(&'static str, Option<Problem>),
    Intent {
        letter: Box<HeldLetter>,
        intent: Box<HoldIntent>,
        preview: Option<ReplayPreview>,
    },
}

impl JobRunner {
    pub(super) fn new(app: Shared, job: ReplayJob, runner: String) -> Self {
        Self {
            app,
            job,
            runner,
            taken: TakenLetters::default(),
        }
    }

    pub(super) async fn run(mut self) {
        let (id, total) = (self.job.id.clone(), self.job.total);
        info!(job = id, total, "a replay job runs");
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));
        loop {
            if self.app.shutdown.is_soft() {
                return;
            }
            match self.step().await {
                Ok(true) => {
                    backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));
                }
                Ok(false) => {
                    let (state, done) = (self.job.state, self.job.done);
                    info!(job = id, ?state, done, total, "a replay job stops");
                    return;
                }
                Err(problem) => {
                    let why = problem.detail();
                    warn!(job = id, why, "a replay job waits");
                    self.note_wait(why).await;
                    tokio::time::sleep(backoff.next_wait()).await;
                }
            }
        }
    }

    /// Moves the next of them; false once there is no more to do here.
    async fn step(&mut self) -> Result<bool, Problem> {
        let began = Instant::now();
        if !self.goes_on().await? {
            return Ok(false);
        }
        if self.job.done >= self.job.total {
            return self.end_or_repeat().await;
        }
        let (chunk, from) = (self.job.done / CHUNK, self.job.done % CHUNK);
        let mut items = JobStore::of(&self.app).items(&self.job.id, chunk).await?;
        let rate = self.job.order.rate;
        // Less than a second's worth at a time.
        let batch = rate.map_or(AT_ONCE, |rate| ((rate / 4.0) as usize).clamp(1, AT_ONCE));
        let until = items.len().min(self.job.total - chunk * CHUNK);
        let until = until.min(from + batch);
        let moved = self.move_items(&mut items[from..until]).await;
        let ended = items[from..until]
            .iter()
            .take_while(|item| !item.is_pending());
        let ended: Vec<JobItem> = ended.cloned().collect();
        let store = JobStore::of(&self.app);
        // Whoever runs it by now keeps what became of each.
        if !self.is_runner().await? {
            return Ok(false);
        }
        store.put_items(&self.job.id, chunk, &items).await?;
        self.job.advance(&ended);
        if moved.is_ok() {
            self.job.waits = None;
        }
        store.put(&self.job).await?;
        moved?;
        if let Some(rate) = rate {
            let due = began + Duration::from_secs_f64(ended.len() as f64 / rate);
            return self.pause_until(due).await;
        }
        Ok(true)
    }

    /// Ends the job, unless it repeats and something of its selection has come or may come.
    async fn end_or_repeat(&mut self) -> Result<bool, Problem> {
        if self.job.order.repeat {
            match take_later_letters(&self.app, &mut self.job, &mut self.taken).await? {
                LaterLetters::Found => return Ok(true),
                LaterLetters::MayCome => return self.pause_until(Instant::now() + LOOK).await,
                LaterLetters::Nothing => {}
            }
        }
        self.job.state = JobState::Done;
        JobStore::of(&self.app).put(&self.job).await?;
        Ok(false)
    }

    async fn pause_until(&mut self, due: Instant) -> Result<bool, Problem> {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || self.app.shutdown.is_soft() {
                return Ok(true);
            }
            tokio::time::sleep(left.min(LOOK)).await;
            if !left.is_zero() && left > LOOK && !self.goes_on().await? {
                return Ok(false);
            }
        }
    }

    /// For whoever looks at the job.
    async fn note_wait(&mut self, why: &str) {
        self.job.waits = Some(why.to_owned());
        self.job.updated = self.app.now();
        if matches!(self.is_runner().await, Ok(true)) {
            // That the store is away may be why it waits.
            _ = JobStore::of(&self.app).put(&self.job).await;
        }
    }

    async fn is_runner(&self) -> Result<bool, Problem> {
        let wish = JobStore::of(&self.app).wish(&self.job.id).await?;
        Ok(wish.is_some_and(|wish| wish.runner == self.runner))
    }

    /// Reads what is asked of the job, and says that it is run.
    async fn goes_on(&mut self) -> Result<bool, Problem> {
        let store = JobStore::of(&self.app);
        let Some(wish) = store.wish(&self.job.id).await? else {
            return Ok(false);
        };
        if wish.runner != self.runner {
            return Ok(false);
        }
        (self.job.state, self.job.updated) = (wish.state, self.app.now());
        store.put(&self.job).await?;
        Ok(wish.state == JobState::Running)
    }

    /// All of them have an end afterwards, unless the job is to stop.
    async fn move_items(&mut self, items: &mut [JobItem]) -> Result<(), Problem> {
        let pending: Vec<usize> = (0..items.len())
            .filter(|n| items[*n].is_pending())
            .collect();
        let prepared = pending.iter().map(|n| self.prepare(&items[*n]));
        let prepared = try_join_all(prepared).await?;
        let mut sent = Vec::with_capacity(pending.len());
        let mut stopped = None;
        for (n, prepared) in pending.into_iter().zip(prepared) {
            match prepared {
                PreparedItem::Ended(status, problem) => end_item(&mut items[n], status, problem),
                PreparedItem::Intent {
                    letter,
                    intent,
                    preview,
                } => {
                    items[n].preview = preview;
                    let operation = job_operation(self.job.order.action);
                    let by = (letter.held.tenant.as_str(), self.job.principal.as_str());
                    let writes = &self.app.writes;
                    match writes.intend(by, (operation, &letter.key), &intent) {
                        Ok(intent) => sent.push((n, letter.held.request, intent)),
                        Err(problem) if problem.status().is_server_error() => {
                            stopped = Some(problem);
                            break;
                        }
                        // It would be refused for ever.
                        Err(problem) => end_item(&mut items[n], "refused", Some(problem)),
                    }
                }
            }
        }
        let mut waiting: HashMap<RequestId, (usize, RequestId)> = HashMap::new();
        for (n, request, mut intent) in sent {
            match intent.published().await {
                Ok(published) => {
                    items[n].by = Some(published.request);
                    waiting.insert(published.request, (n, request));
                }
                Err(problem) if problem.status().is_server_error() => stopped = Some(problem),
                Err(problem) => end_item(&mut items[n], "refused", Some(problem)),
            }
        }
        self.await_ends(items, waiting).await?;
        stopped.map_or(Ok(()), Err)
    }

    async fn prepare(&self, item: &JobItem) -> Result<PreparedItem, Problem> {
        let order = &self.job.order;
        let Ok(request) = RequestId::parse_trusted(&item.request_id) else {
            let (status, problem) = item_end(order.action, None);
            return Ok(PreparedItem::Ended(status, problem));
        };
        let record = self.app.ports.record.as_ref();
        let Some(letter) = replay::dead_letter(record, request).await? else {
            let entry = ledger_entry(&self.app, request).await?;
            let (status, problem) = item_end(order.action, entry.as_ref());
            return Ok(PreparedItem::Ended(status, problem));
        };
        let patch = match &order.patch {
            None => None,
            Some(patch) => match sealed_patch::open_patch(&self.app, item, patch).await? {
                Some(patch) => Some(patch),
                None => {
                    let problem = Problem::from(SubjectErased);
                    return Ok(PreparedItem::Ended("refused", Some(problem)));
                }
            },
        };
        let edited = match edited_event(&self.app, &letter, patch.as_ref()).await? {
            Ok(edited) => edited,
            Err(problem) => return Ok(PreparedItem::Ended("refused", Some(problem))),
        };
        let preview = match order.action {
            JobAction::Discard => None,
            // It would show users and rights to whoever may look at jobs.
            JobAction::Replay if system::is_operation(&item.operation) => None,
            JobAction::Replay => {
                let event = edited.as_ref().unwrap_or(&letter.event);
                let catalog = self.app.ports.catalog.current();
                let stores = preview_stores(&self.app, &catalog);
                Some(short_preview(
                    replay::preview_replay(stores, &letter, event).await?,
                ))
            }
        };
        let intent = HoldIntent {
            request,
            place: item.place.clone().unwrap_or_else(|| letter.place.clone()),
            attempts: item.attempts,
            as_new: order.as_new,
            edited,
            reason: order.reason.clone(),
            job: Some(self.job.id.clone()),
        };
        Ok(PreparedItem::Intent {
            letter: Box::new(letter),
            intent: Box::new(intent),
            preview,
        })
    }

    /// Until the ledger knows all of the intents, or the job is to stop.
    async fn await_ends(
        &mut self,
        items: &mut [JobItem],
        mut waiting: HashMap<RequestId, (usize, RequestId)>,
    ) -> Result<(), Problem> {
        let mut backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(200));
        let mut looked = Instant::now();
        while !waiting.is_empty() {
            let asked: Vec<RequestId> = waiting.keys().copied().collect();
            for found in self
                .app
                .ports
                .record
                .ledger(&asked)
                .await?
                .into_iter()
                .flatten()
            {
                if let Some((n, request)) = waiting.remove(&found.request) {
                    let (status, problem) = self.end_of(&found, request).await?;
                    end_item(&mut items[n], status, problem);
                }
            }
            if waiting.is_empty() {
                return Ok(());
            }
            if looked.elapsed() > LOOK {
                looked = Instant::now();
                if self.app.shutdown.is_soft() || !self.goes_on().await? {
                    return Ok(());
                }
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
        Ok(())
    }

    /// What an intent came to. One that found another hold than it saw may come late: then it is
    /// the request itself that tells.
    async fn end_of(
        &self,
        intent: &LedgerEntry,
        request: RequestId,
    ) -> Result<(&'static str, Option<Problem>), Problem> {
        let action = self.job.order.action;
        let told = item_end(action, Some(intent));
        let is_late = matches!(&intent.verdict, Verdict::Refused(refusal)
            if refusal.code == RefusalCode::Superseded);
        if !is_late {
            return Ok(told);
        }
        let stands = ledger_entry(&self.app, request).await?;
        let stands = item_end(action, stands.as_ref());
        Ok(if stands.0 == action.wanted() {
            stands
        } else {
            told
        })
    }
}

fn job_operation(action: JobAction) -> &'static str {
    match action {
        JobAction::Replay => REPLAY,
        JobAction::Discard => DISCARD,
    }
}

fn end_item(item: &mut JobItem, status: &str, problem: Option<Problem>) {
    status.clone_into(&mut item.status);
    item.problem = problem.and_then(|problem| serde_json::to_value(problem).ok());
}

/// What previews look at.
pub(crate) fn preview_stores<'a>(app: &'a App, catalog: &'a Catalog) -> PreviewStores<'a> {
    PreviewStores {
        record: app.ports.record.as_ref(),
        view: app.ports.view.as_deref(),
        catalog,
        keys: &app.ports.keys,
        sealing: &app.ports.sealing,
    }
}

/// The event as it is to be replayed, if it is another; the inner error: why it cannot be.
pub(crate) async fn edited_event(
    app: &App,
    letter: &HeldLetter,
    patch: Option<&JsonPatch>,
) -> Result<Result<Option<OriginalRecord>, Problem>, Problem> {
    let Some(patch) = patch else {
        return Ok(Ok(None));
    };
    let subject = app.ports.sealing.access(&letter.key.0).await?;
    let catalog = app.ports.catalog.current();
    let stores = preview_stores(app, &catalog);
    let edited = replay::edited_event(letter, patch, stores.catalog, stores.boundary(&subject));
    Ok(edited.map(Some).map_err(Problem::from))
}

fn short_preview(mut preview: ReplayPreview) -> ReplayPreview {
    let size = serde_json::to_vec(&preview.changes).map_or(0, |bytes| bytes.len());
    if size > PREVIEW_BYTES {
        for change in &mut preview.changes {
            change.fields.clear();
        }
    }
    preview
}

impl From<replay::EditError> for Problem {
    fn from(error: replay::EditError) -> Self {
        let detail = error.to_string();
        match error {
            replay::EditError::Invalid { invalid, .. } => {
                Self::new(Code::Invalid, detail).violations(invalid.0)
            }
            replay::EditError::Unsealable(EditUnsealable::Erased(erased)) => erased.into(),
            replay::EditError::Unsealable(_)
            | replay::EditError::Undecodable(_)
            | replay::EditError::Patch(_)
            | replay::EditError::Unknown(_) => Self::new(Code::Invalid, detail),
        }
    }
}
