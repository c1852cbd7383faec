//! Carries out the uploads that nobody has in hand: takes one, reads its pieces from the record, and
//! goes through its lines from where the last gateway came to. It must never hold more than a block.

use super::{
    block::{BlockRun, UploadLine},
    csv::CsvReader,
    header::UploadHeader,
    open_uploads::{LEASE_MS, OpenUpload, OpenUploads},
};
use crate::{
    access::Caller,
    app::Shared,
    error::{Code, Problem},
};
use event_schema::mutation::RowKey;
use runtime::{Backoff, Shutdown};
use sealing::SealedBoundary;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Lines whose results are written at once, and their bytes.
const BLOCK: usize = 1_000;
const BLOCK_BYTES: usize = 192 << 10;
const POLL: Duration = Duration::from_millis(500);

/// Until shutdown: one upload after the other.
pub(crate) async fn run(app: Shared, shutdown: Shutdown) {
    let open = OpenUploads(app.ports.record.clone());
    let mut backoff = Backoff::new(POLL, Duration::from_secs(10));
    while !shutdown.is_soft() {
        let wait = match carry_out_next(&app, &open).await {
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
        let operation = self.app.writes.any_operation(&self.upload.operation)?;
        let about = operation.upload().ok_or_else(|| {
            let why = format!("`{}` takes no file", self.upload.operation);
            Problem::new(Code::Internal, why)
        })?;
        tracing::info!(
            process = self.upload.process,
            done = self.upload.done,
            "an upload is claimed"
        );
        let (mut reader, mut header) = (CsvReader::new(), None);
        let (mut block, mut bytes, mut sequence) = (Vec::new(), 0, 0);
        for chunk in 0..=self.upload.chunks {
            let lines = if chunk < self.upload.chunks {
                reader.push(self.chunk(chunk).await?.as_bytes())?
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
        self.open.remove(&self.upload.process).await?;
        tracing::info!(
            process = self.upload.process,
            lines = sequence,
            "an upload is done"
        );
        Ok(())
    }

    /// Carries out a block, writes its results, and only then counts it as done.
    async fn block(&mut self, lines: &mut Vec<UploadLine>, is_last: bool) -> Result<(), Problem> {
        let operation = self.app.writes.any_operation(&self.upload.operation)?;
        let Some(about) = operation.upload() else {
            return Ok(());
        };
        let run = BlockRun {
            app: self.app,
            upload: about,
            open: &self.upload,
            caller: &self.caller().await?,
        };
        let failed = self.having(run.run(lines)).await?;
        let done = self.upload.done + lines.len() as u64;
        let all_failed = self.upload.failed + failed;
        let counts = json!({"done": done, "failed": all_failed, "last": is_last});
        run.write_results(lines, &counts).await?;
        lines.clear();
        self.upload.done = done;
        self.upload.failed = all_failed;
        self.upload.blocks += 1;
        self.renew().await
    }

    /// Who asked for it, with the rights that are left.
    async fn caller(&self) -> Result<Caller, Problem> {
        let named = Some(&*self.upload.principal).filter(|_| !self.upload.is_anonymous);
        Ok(self.app.access.known(named).await?)
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

    /// A piece of the file, once its event is applied.
    async fn chunk(&self, number: u64) -> Result<String, Problem> {
        let key = Map::from_iter([
            (
                "processid".to_owned(),
                Value::from(self.upload.process.as_str()),
            ),
            ("number".to_owned(), number.into()),
        ]);
        let key = RowKey {
            table: "bulk_upload_chunk".to_owned(),
            key,
        };
        self.having(async {
            loop {
                let found = self
                    .app
                    .ports
                    .record
                    .rows(std::slice::from_ref(&key))
                    .await?;
                if let Some(row) = found.into_iter().flatten().next() {
                    return self.opened(row.cells).await;
                }
                tokio::time::sleep(POLL / 5).await;
            }
        })
        .await
    }

    async fn opened(&self, mut cells: Map<String, Value>) -> Result<String, Problem> {
        let sealing = &self.app.ports.sealing;
        let subject = format!("upload/{}", self.upload.process);
        let subject = sealing.known(sealing.id(&subject)).await?;
        let boundary = SealedBoundary {
            marks: self.app.ports.catalog.sealed(),
            secret: sealing.secret(),
            subject: Some(&subject),
        };
        boundary.open_row("bulk_upload_chunk", &mut cells);
        let text = cells.get("data").and_then(Value::as_str);
        Ok(text.unwrap_or_default().to_owned())
    }
}
