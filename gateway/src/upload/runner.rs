//! Carries out the uploads that nobody has in hand: takes one, reads its pieces from the record, and
//! goes through its lines from where the last gateway came to. It must never hold more than a block.

use super::{
    block::{BlockRun, BlockWork},
    csv::{CsvLine, CsvReader},
    definitions::UploadDefinitions,
    header::UploadHeader,
    kept_file::KeptFile,
    lease_upkeep::work_under_lease,
    line::UploadLine,
    open_uploads::{LEASE_MS, OpenUpload, OpenUploads, TakenUpload, UploadHolder},
    status::{is_completed, upload_columns},
};
use crate::{
    app::Shared,
    error::{Code, Problem},
    lookup::settled::AppliedSoFar,
};
use collections::Settled;
use event_log::Durability;
use runtime::{Backoff, Shutdown};
use serde_json::json;
use std::time::Duration;
use store::{StoreError, spools::holding_spools};
use tokio::time::timeout;

/// Lines whose results are written at once, and their bytes.
const BLOCK: usize = 1_000;
const BLOCK_BYTES: usize = 192 << 10;
const POLL: Duration = Duration::from_millis(500);
/// How long a gateway that goes on waits until what is in the log is decided.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// How long the first gateway looks whether an upload under a key was completed before: no line of
/// it can be on its way.
const FIRST_SETTLED_WITHIN: Duration = Duration::from_secs(3);
/// For how long nobody else tries an upload for which this gateway has no definitions.
const ORPHAN_LEASE_MS: i64 = 1_000;
/// Uploads that this gateway carries out at once: a line may wait long for its verdict.
const AT_ONCE: usize = 4;

/// Until shutdown: one upload after the other, some side by side.
pub(crate) async fn run_uploads(app: Shared, shutdown: Shutdown) {
    let open = OpenUploads(app.ports.record.clone());
    while !shutdown.is_soft() && !release_if_alone(&app, &open).await {
        tokio::select! {
            () = shutdown.soft() => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
    let side_by_side = (0..AT_ONCE).map(|_| run_one_after_the_other(&app, &open, &shutdown));
    futures::future::join_all(side_by_side).await;
}

/// The embedded log has one process: what that had in hand before it ended need not wait for the
/// lease. False: it is not known yet what the log is.
async fn release_if_alone(app: &Shared, open: &OpenUploads) -> bool {
    let durability = *app.ports.durability.borrow();
    match durability {
        None => false,
        Some(Durability::Embedded) => open.release_all().await.is_ok(),
        Some(Durability::Replicated | Durability::Logged) => true,
    }
}

async fn run_one_after_the_other(app: &Shared, open: &OpenUploads, shutdown: &Shutdown) {
    let mut backoff = Backoff::new(POLL, Duration::from_secs(10));
    while !shutdown.is_soft() {
        let wait = match carry_out_next(app, open).await {
            Ok(true) => {
                backoff = Backoff::new(POLL, Duration::from_secs(10));
                continue;
            }
            Ok(false) => POLL,
            Err(problem) => {
                tracing::warn!(
                    detail = problem.detail(),
                    "an upload cannot go on; retrying"
                );
                backoff.next_wait()
            }
        };
        tokio::select! {
            () = shutdown.soft() => return,
            () = app.uploads_added.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// False: there is none.
async fn carry_out_next(app: &Shared, open: &OpenUploads) -> Result<bool, Problem> {
    let instance = app.writes.builder.reply.instance.to_string();
    let spool = app.ports.spool.as_ref().map(|spool| spool.id().to_string());
    let holder = UploadHolder {
        instance: &instance,
        spool: spool.as_deref(),
    };
    let Some(TakenUpload { upload, was_held }) = open.take(holder, app.now()).await? else {
        return Ok(false);
    };
    let mut run = UploadRun {
        app,
        open,
        upload,
        was_held,
        is_void: None,
    };
    tokio::select! {
        done = run.run() => done?,
        () = app.shutdown.soft() => {}
    }
    Ok(true)
}

struct UploadRun<'a> {
    app: &'a Shared,
    open: &'a OpenUploads,
    upload: OpenUpload,
    was_held: bool,
    /// Why its lines are refused, if nothing knows what they ask for any more.
    is_void: Option<String>,
}

impl UploadRun<'_> {
    async fn run(&mut self) -> Result<(), Problem> {
        let process = &self.upload.process;
        let (done, claims) = (self.upload.done, self.upload.claims);
        tracing::info!(process, done, claims, "an upload is claimed");
        if claims > 1 && self.was_completed().await? {
            self.open.remove(&self.upload.process).await?;
            return Ok(());
        }
        let lines = self.carry_out().await?;
        self.open.remove(&self.upload.process).await?;
        tracing::info!(process = self.upload.process, lines, "an upload is done");
        Ok(())
    }

    /// Waits until what earlier gateways sent is in the log, however long that takes, and decided:
    /// behind that, the ledger knows what became of it. Before, a line might be asked for once more
    /// under other definitions, which is no repeat. The second wait is bounded, since a partition in
    /// which nothing happens may show an old mark. Was it everything?
    async fn was_completed(&self) -> Result<bool, Problem> {
        let limit = if self.was_held {
            SETTLED_WITHIN
        } else {
            FIRST_SETTLED_WITHIN
        };
        let settled = async {
            self.wait_for_spools().await?;
            match timeout(limit, AppliedSoFar(self.app).settled()).await {
                Ok(settled) => settled?,
                Err(_) => tracing::debug!("not all partitions say that they are resolved"),
            }
            Ok(())
        };
        self.having(settled).await?;
        is_completed(self.app, &self.upload.process).await
    }

    /// Until nothing is left in the spools of gateways that had the upload.
    async fn wait_for_spools(&self) -> Result<(), StoreError> {
        let (record, mut is_told) = (self.app.ports.record.as_ref(), false);
        loop {
            let holding = holding_spools(record, self.app.now()).await?;
            let mut had = self.upload.spools.iter();
            let Some(spool) = had.find(|spool| holding.contains_key(*spool)) else {
                return Ok(());
            };
            if !is_told {
                let process = &self.upload.process;
                tracing::info!(process, spool, "an upload waits until a spool is shipped");
                is_told = true;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How many lines there are.
    async fn carry_out(&mut self) -> Result<u64, Problem> {
        let (mut reader, mut header) = (CsvReader::new(), None);
        let (mut block, mut bytes, mut sequence) = (Vec::new(), 0, 0);
        for number in 0..=self.upload.chunks {
            let lines = if number < self.upload.chunks {
                reader.push(self.piece(number).await?.as_bytes())?
            } else {
                reader.finish()?.into_iter().collect()
            };
            for line in lines {
                let Some(header) = &header else {
                    header = Some(self.columns(&line).await?);
                    continue;
                };
                sequence += 1;
                if sequence <= self.upload.done {
                    continue;
                }
                bytes += line.cells.iter().map(String::len).sum::<usize>() + 100;
                block.push(UploadLine::new(sequence, header, &line));
                if block.len() >= BLOCK || bytes >= BLOCK_BYTES {
                    self.block(&mut block, false).await?;
                    bytes = 0;
                }
            }
        }
        self.block(&mut block, true).await?;
        Ok(sequence)
    }

    /// Which cell is which. Where no definitions have such columns any more, the lines are refused
    /// after a while.
    async fn columns(&mut self, first: &CsvLine) -> Result<UploadHeader, Problem> {
        let found = UploadDefinitions::find(&self.app.writes, &self.upload.operation);
        let problem = match found.and_then(|found| found.columns(first)) {
            Ok(columns) => {
                self.upload.orphaned = None;
                return Ok(columns);
            }
            Err(problem) => problem,
        };
        let now = self.app.now();
        let since = *self.upload.orphaned.get_or_insert(now);
        let grace = Duration::from_secs(self.app.config.upload_orphaned_seconds);
        if u128::try_from(now.saturating_sub(since)).unwrap_or(0) < grace.as_millis() {
            // Another may know it.
            self.open.renew(&self.upload, now + ORPHAN_LEASE_MS).await?;
            return Err(problem);
        }
        let columns = upload_columns(self.app, &self.upload.process).await?;
        if columns.is_empty() {
            let why = "the event that begins the upload is not applied yet";
            return Err(Problem::new(Code::NotYet, why));
        }
        let code = problem.code().row().name;
        self.is_void = Some(format!("{code}: {}", problem.detail()));
        Ok(UploadHeader::of_names(columns))
    }

    async fn piece(&self, number: u64) -> Result<String, Problem> {
        let file = KeptFile {
            app: self.app,
            process: &self.upload.process,
        };
        self.having(file.piece(number)).await
    }

    /// Carries out a block, writes its results, and only then counts it as done.
    async fn block(&mut self, lines: &mut Vec<UploadLine>, is_last: bool) -> Result<(), Problem> {
        let upload = &self.upload;
        let named = (!upload.is_anonymous).then_some((&*upload.principal, upload.birth.as_deref()));
        let (caller, is_gone) = self.app.access.kept(named).await?;
        let gone = format!("user `{}`, who sent the file, is gone", upload.principal);
        let work = match &self.is_void {
            Some(why) => BlockWork::Refused(why),
            None if is_gone => BlockWork::Refused(&gone),
            None => BlockWork::AskedBy(self.line_operation()?),
        };
        let run = BlockRun {
            app: self.app,
            open: upload,
            caller: &caller,
            work,
        };
        let failed = self.having(run.run(lines)).await?;
        let done = upload.done + lines.len() as u64;
        let all_failed = upload.failed + failed;
        let counts = json!({"done": done, "failed": all_failed, "last": is_last});
        run.write_results(lines, &counts).await?;
        lines.clear();
        self.upload.done = done;
        self.upload.failed = all_failed;
        self.upload.blocks += 1;
        self.renew().await
    }

    /// The operation that says what a line asks for.
    fn line_operation(&self) -> Result<String, Problem> {
        let found = UploadDefinitions::find(&self.app.writes, &self.upload.operation);
        Ok(found?.upload().line.clone())
    }

    /// Goes on having the upload while something takes its time.
    async fn having<T>(
        &self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let pause = Duration::from_millis(LEASE_MS.unsigned_abs() / 3);
        work_under_lease(work, pause, || self.renew()).await
    }

    async fn renew(&self) -> Result<(), Problem> {
        let until = self.app.now() + LEASE_MS;
        if self.open.renew(&self.upload, until).await? {
            Ok(())
        } else {
            Err(Problem::new(
                Code::Superseded,
                "another gateway has the upload",
            ))
        }
    }
}
