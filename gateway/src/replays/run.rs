//! Runs a job: a step moves some dead letters, each by an intent that its owner decides, waits for
//! what comes of them, and keeps that. A store or log that is away makes it wait. It stops when it
//! is asked to, when another runs the job, and with the service.

use super::{
    ahead::{LettersAhead, STEP_BYTES},
    item_end,
    keep::{CHUNK, JobStore},
    ledger_entry,
    prepare::{PreparedItem, event_bytes},
    repeat::{LaterLetters, TakenLetters, take_later_letters},
};
use crate::{
    app::Shared,
    error::{Code, Problem},
    write::publish::Sent,
};
use event_schema::{
    held::{DISCARD, REPLAY},
    id::RequestId,
    outcome::{LedgerEntry, RefusalCode, Verdict},
};
use replay::{JobAction, JobItem, JobState, ReplayJob};
use runtime::Backoff;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;
use tracing::{info, warn};

/// Dead letters that are moved in one step.
const AT_ONCE: usize = 5 * CHUNK;
/// Ends of dead letters that are read at a time.
const READ_TOGETHER: usize = 64;
/// How often the runner looks for what is asked of it, and says that it lives.
const LOOK: Duration = Duration::from_millis(500);
/// Within that the ledger says what became of a letter that is not found, also where the worker that
/// decided about it was killed in between, and another must take its partition first.
const SETTLES: Duration = Duration::from_secs(120);

pub(super) struct JobRunner {
    app: Shared,
    job: ReplayJob,
    runner: String,
    taken: TakenLetters,
    /// Since when some item has no letter and no end.
    unsettled: Option<Instant>,
    /// The letters that came last were large.
    is_large: bool,
}

/// What a step has handed to the log.
#[derive(Default)]
struct HandedIntents {
    sent: Vec<SentIntent>,
    /// Of their events.
    bytes: usize,
    /// Why the rest was not.
    stopped: Option<Problem>,
}

/// An intent on its way: the number of its item in the step, and the request that it moves.
struct SentIntent {
    item: usize,
    letter: RequestId,
    sent: Sent,
}

/// The same in the log.
struct WaitingIntent {
    item: usize,
    letter: RequestId,
    intent: RequestId,
}

impl JobRunner {
    pub(super) fn new(app: Shared, job: ReplayJob, runner: String) -> Self {
        Self {
            app,
            job,
            runner,
            taken: TakenLetters::default(),
            unsettled: None,
            is_large: false,
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
        let rate = self.job.order.rate;
        // Less than a second's worth at a time.
        let batch = rate.map_or(AT_ONCE, |rate| ((rate / 4.0) as usize).clamp(1, AT_ONCE));
        let until = self.job.total.min(self.job.done + batch);
        let range = self.job.done..until;
        let mut items = JobStore::of(&self.app).range(&self.job, range).await?;
        let moved = self.move_items(items.asked()).await;
        let ended = items.asked().iter().take_while(|item| !item.is_pending());
        let ended: Vec<JobItem> = ended.cloned().collect();
        let store = JobStore::of(&self.app);
        // Whoever runs it by now keeps what became of each.
        if !self.is_runner().await? {
            return Ok(false);
        }
        store.put_range(&self.job.id, &items).await?;
        self.job.advance(&ended);
        if moved.is_ok() {
            (self.job.waits, self.unsettled) = (None, None);
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

    /// Likewise in the middle of a step, if the last look was a while ago; no more once the service ends.
    async fn still_goes_on(&mut self, looked: &mut Instant) -> Result<bool, Problem> {
        if looked.elapsed() <= LOOK {
            return Ok(true);
        }
        *looked = Instant::now();
        Ok(!self.app.shutdown.is_soft() && self.goes_on().await?)
    }

    /// The first of them have an end afterwards, all of them unless they are large or the job is to
    /// stop.
    async fn move_items(&mut self, items: &mut [JobItem]) -> Result<(), Problem> {
        let mut handed = HandedIntents::default();
        let mut ahead = LettersAhead::of(&self.app, &self.job, items, self.is_large);
        let mut looked = Instant::now();
        while handed.stopped.is_none() && handed.bytes <= STEP_BYTES {
            match self.still_goes_on(&mut looked).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(problem) => {
                    handed.stopped = Some(problem);
                    break;
                }
            }
            let Some((some, prepared)) = ahead.next(items).await else {
                break;
            };
            self.hand_over(items, &some, prepared, &mut handed);
        }
        self.is_large = ahead.is_large();
        drop(ahead);
        let HandedIntents {
            sent, mut stopped, ..
        } = handed;
        let mut waiting = VecDeque::with_capacity(sent.len());
        for SentIntent {
            item: n,
            letter,
            mut sent,
        } in sent
        {
            match sent.published().await {
                Ok(published) => {
                    items[n].by = Some(published.request);
                    waiting.push_back(WaitingIntent {
                        item: n,
                        letter,
                        intent: published.request,
                    });
                }
                Err(problem) if problem.status().is_server_error() => stopped = Some(problem),
                Err(problem) => end_item(&mut items[n], "refused", Some(problem)),
            }
        }
        self.await_ends(items, waiting).await?;
        stopped.map_or(Ok(()), Err)
    }

    /// Hands the intents of some of the items to the log; why it stopped before all of them is kept
    /// with what was handed over, which is on its way.
    fn hand_over(
        &mut self,
        items: &mut [JobItem],
        some: &[usize],
        prepared: Result<Vec<PreparedItem>, Problem>,
        handed: &mut HandedIntents,
    ) {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(problem) => {
                // Nothing settles that anybody could see while a store is away.
                (handed.stopped, self.unsettled) = (Some(problem), None);
                return;
            }
        };
        let mut unsettled = 0;
        for (n, prepared) in some.iter().copied().zip(prepared) {
            let (letter, intent, preview) = match prepared {
                PreparedItem::Ended(status, problem) => {
                    end_item(&mut items[n], status, problem);
                    continue;
                }
                PreparedItem::Unsettled(status, problem) => {
                    let since = *self.unsettled.get_or_insert_with(Instant::now);
                    if since.elapsed() > SETTLES {
                        end_item(&mut items[n], status, problem);
                    } else {
                        unsettled += 1;
                    }
                    continue;
                }
                PreparedItem::Intent {
                    letter,
                    intent,
                    preview,
                } => (letter, intent, preview),
            };
            if handed.bytes > STEP_BYTES {
                break;
            }
            items[n].preview = preview;
            let operation = job_operation(self.job.order.action);
            let by = (letter.held.tenant.as_str(), self.job.principal.as_str());
            let writes = &self.app.writes;
            handed.bytes += event_bytes(&letter);
            match writes.intend(by, (operation, &letter.key), &intent) {
                Ok(sent) => handed.sent.push(SentIntent {
                    item: n,
                    letter: letter.held.request,
                    sent,
                }),
                Err(problem) if problem.status().is_server_error() => {
                    handed.stopped = Some(problem);
                    return;
                }
                // It would be refused for ever.
                Err(problem) => end_item(&mut items[n], "refused", Some(problem)),
            }
        }
        if unsettled > 0 {
            let detail = format!("the ledger does not say yet what became of {unsettled} of them");
            handed.stopped = Some(Problem::new(Code::NotYet, detail));
        }
    }

    /// Until the ledger knows all of the intents, or the job is to stop. They are decided about in the
    /// order in which they were sent, so the first are asked for alone.
    async fn await_ends(
        &mut self,
        items: &mut [JobItem],
        mut waiting: VecDeque<WaitingIntent>,
    ) -> Result<(), Problem> {
        let fresh = || Backoff::new(Duration::from_millis(4), Duration::from_millis(200));
        let (mut backoff, mut looked) = (fresh(), Instant::now());
        while !waiting.is_empty() {
            let asked = waiting.len().min(READ_TOGETHER);
            let ids: Vec<RequestId> = waiting.iter().take(asked).map(|one| one.intent).collect();
            let found = self.app.ports.record.ledger(&ids).await?;
            let first: Vec<WaitingIntent> = waiting.drain(..asked).collect();
            let mut unknown = 0;
            for (one, found) in first.into_iter().zip(found).rev() {
                match found {
                    Some(entry) => {
                        let (status, problem) = self.end_of(&entry, one.letter).await?;
                        end_item(&mut items[one.item], status, problem);
                    }
                    None => {
                        unknown += 1;
                        waiting.push_front(one);
                    }
                }
            }
            if !self.still_goes_on(&mut looked).await? {
                return Ok(());
            }
            if unknown < asked {
                backoff = fresh();
            }
            if unknown * 2 > asked {
                tokio::time::sleep(backoff.next_wait()).await;
            }
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
