//! Carries out the uploads that nobody has in hand: takes one, reads its pieces from the record, and
//! goes through its lines from where the last gateway came to. It must never hold more than a block.

use super::{
    block::BlockRun,
    csv::CsvReader,
    header::UploadHeader,
    kept_file::KeptFile,
    line::UploadLine,
    open_uploads::{LEASE_MS, OpenUpload, OpenUploads},
    status::is_completed,
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
use tokio::time::timeout;

/// Lines whose results are written at once, and their bytes.
const BLOCK: usize = 1_000;
const BLOCK_BYTES: usize = 192 << 10;
const POLL: Duration = Duration::from_millis(500);
/// How long a gateway that goes on waits for what is on its way; less than a lease.
const SETTLED_WITHIN: Duration = Duration::from_secs(3);
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
    let holder = app.writes.builder.reply.instance.to_string();
    let Some(upload) = open.take(&holder, app.now()).await? else {
        return Ok(false);
    };
    let mut run = UploadRun { app, open, upload };
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

    /// Waits until what an earlier claim brought into the log is decided: behind that, the ledger
    /// knows what became of it. The wait is bounded, since a partition in which nothing happens may
    /// show an old mark. What is not decided by then is asked once more: a repeat, unless the definitions
    /// make other requests of the line now. Was it everything?
    async fn was_completed(&self) -> Result<bool, Problem> {
        let applied = AppliedSoFar(self.app);
        match timeout(SETTLED_WITHIN, applied.settled()).await {
            Ok(settled) => settled?,
            Err(_) => tracing::debug!("not all partitions say that they are resolved"),
        }
        is_completed(self.app, &self.upload.process).await
    }

    /// How many lines there are.
    async fn carry_out(&mut self) -> Result<u64, Problem> {
        let operation = self.app.writes.any_operation(&self.upload.operation)?;
        let about = operation.upload().ok_or_else(|| {
            let why = format!("`{}` takes no file", self.upload.operation);
            Problem::new(Code::Internal, why)
        })?;
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
                    header = Some(UploadHeader::read(about, &line)?);
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

    async fn piece(&self, number: u64) -> Result<String, Problem> {
        let file = KeptFile {
            app: self.app,
            process: &self.upload.process,
        };
        self.having(file.piece(number)).await
    }

    /// Carries out a block, writes its results, and only then counts it as done.
    async fn block(&mut self, lines: &mut Vec<UploadLine>, is_last: bool) -> Result<(), Problem> {
        let operation = self.app.writes.any_operation(&self.upload.operation)?;
        let Some(about) = operation.upload() else {
            return Ok(());
        };
        let upload = &self.upload;
        let named = (!upload.is_anonymous).then_some((&*upload.principal, upload.birth.as_deref()));
        let (caller, is_gone) = self.app.access.kept(named).await?;
        let why = format!("user `{}`, who sent the file, is gone", upload.principal);
        let run = BlockRun {
            app: self.app,
            upload: about,
            open: upload,
            caller: &caller,
            is_void: is_gone.then_some(&*why),
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

    /// Goes on having the upload while something takes its time.
    async fn having<T>(
        &self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut work = std::pin::pin!(work);
        let pause = Duration::from_millis(LEASE_MS.unsigned_abs() / 3);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(pause) => self.renew().await?,
            }
        }
    }

    async fn renew(&self) -> Result<(), Problem> {
        if self.open.renew(&self.upload, self.app.now()).await? {
            Ok(())
        } else {
            Err(Problem::new(
                Code::Superseded,
                "another gateway has the upload",
            ))
        }
    }
}
