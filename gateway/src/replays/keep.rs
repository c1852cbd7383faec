//! Where jobs are kept: texts in the record store, a head for each and its items in chunks, so that
//! progress costs little however many there are.

use crate::{
    app::App,
    error::{Code, Problem},
};
use futures::future::try_join_all;
use replay::{JobItem, JobWish, ReplayJob};
use serde::{Serialize, de::DeserializeOwned};
use std::{ops::Range, time::Duration};
use store::Record;

/// Items kept together.
pub(super) const CHUNK: usize = 100;
/// How long what was done is remembered.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3_600);

/// Some of a job's items, and what is kept with them.
pub(super) struct ItemRange {
    /// The number of the first chunk.
    chunk: usize,
    /// All items of the chunks.
    items: Vec<JobItem>,
    /// Those that were asked for.
    asked: Range<usize>,
}

impl ItemRange {
    pub(super) fn asked(&mut self) -> &mut [JobItem] {
        &mut self.items[self.asked.clone()]
    }
}

pub(crate) struct JobStore<'a> {
    record: &'a dyn Record,
    until: i64,
}

impl<'a> JobStore<'a> {
    pub(crate) fn of(app: &'a App) -> Self {
        let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        Self {
            record: app.ports.record.as_ref(),
            until: app.now().saturating_add(kept),
        }
    }

    /// # Errors
    /// A 404 if there is none of this id.
    pub(crate) async fn job(&self, id: &str) -> Result<ReplayJob, Problem> {
        let found = self.read(&head_name(id)).await?;
        found.ok_or_else(|| Problem::new(Code::UnknownReplay, format!("there is no job `{id}`")))
    }

    pub(super) async fn put(&self, job: &ReplayJob) -> Result<(), Problem> {
        self.write(&head_name(&job.id), job).await
    }

    pub(super) async fn items(&self, id: &str, chunk: usize) -> Result<Vec<JobItem>, Problem> {
        Ok(self.read(&items_name(id, chunk)).await?.unwrap_or_default())
    }

    /// Items from one on to before another, with all of the chunks that they are in.
    ///
    /// # Errors
    /// If one of the chunks is no longer kept.
    pub(super) async fn range(
        &self,
        job: &ReplayJob,
        asked: Range<usize>,
    ) -> Result<ItemRange, Problem> {
        let chunk = asked.start / CHUNK;
        let last = asked.end.saturating_sub(1) / CHUNK;
        let chunks = (chunk..=last).map(|chunk| self.items(&job.id, chunk));
        let chunks = try_join_all(chunks).await?;
        for (n, items) in (chunk..).zip(&chunks) {
            if items.len() < CHUNK.min(job.total - n * CHUNK) {
                let detail = format!("the job's items from {} on are no longer kept", n * CHUNK);
                return Err(Problem::new(Code::Damaged, detail));
            }
        }
        let before = chunk * CHUNK;
        Ok(ItemRange {
            chunk,
            asked: asked.start - before..asked.end - before,
            items: chunks.concat(),
        })
    }

    pub(super) async fn put_range(&self, id: &str, range: &ItemRange) -> Result<(), Problem> {
        let chunks = range.items.chunks(CHUNK).zip(range.chunk..);
        let put = chunks.map(|(items, chunk)| self.put_items(id, chunk, items));
        try_join_all(put).await.map(drop)
    }

    pub(super) async fn put_items(
        &self,
        id: &str,
        chunk: usize,
        list: &[JobItem],
    ) -> Result<(), Problem> {
        self.write(&items_name(id, chunk), &list).await
    }

    /// Items from one on, so many at most.
    pub(crate) async fn page(
        &self,
        job: &ReplayJob,
        from: usize,
        limit: usize,
    ) -> Result<Vec<JobItem>, Problem> {
        let mut page = Vec::new();
        let mut chunk = from / CHUNK;
        while page.len() < limit && chunk * CHUNK < job.total {
            let mut list = self.items(&job.id, chunk).await?;
            list.truncate(job.total - chunk * CHUNK);
            let skipped = from.saturating_sub(chunk * CHUNK);
            page.extend(list.into_iter().skip(skipped));
            chunk += 1;
        }
        page.truncate(limit);
        Ok(page)
    }

    pub(super) async fn wish(&self, id: &str) -> Result<Option<JobWish>, Problem> {
        self.read(&wish_name(id)).await
    }

    pub(super) async fn put_wish(&self, id: &str, asked: &JobWish) -> Result<(), Problem> {
        self.write(&wish_name(id), asked).await
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.record.kept_text(name).await? else {
            return Ok(None);
        };
        let damaged = |error: serde_json::Error| Problem::new(Code::Damaged, error.to_string());
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }

    async fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Problem> {
        let text = serde_json::to_string(value).expect("jobs are plain JSON");
        Ok(self.record.keep_text(name, &text, self.until).await?)
    }
}

fn head_name(id: &str) -> String {
    format!("replay/{id}")
}

fn items_name(id: &str, chunk: usize) -> String {
    format!("replay/{id}/items/{chunk}")
}

fn wish_name(id: &str) -> String {
    format!("replay/{id}/wish")
}
