//! A store in memory that is away when it is told to be, or takes what it says that it did not.

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::{
    Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory, path::Path,
};
use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

#[derive(Debug, Default)]
pub struct FaultyStore {
    pub inner: InMemory,
    pub is_away: AtomicBool,
    /// So many writes are taken, and said to have failed.
    pub lost_answers: AtomicU32,
    /// How long each write takes, milliseconds.
    pub write_millis: AtomicU64,
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails")
    }
}

fn failed() -> Error {
    Error::Generic {
        store: "faulty",
        source: "it does not answer".into(),
    }
}

impl FaultyStore {
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    fn look(&self) -> Result<()> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(failed());
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.look()?;
        let time = self.write_millis.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(time)).await;
        let put = self.inner.put_opts(path, payload, options).await?;
        let lose = |left: u32| left.checked_sub(1);
        let is_lost = self
            .lost_answers
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose);
        is_lost.map_or(Ok(put), |_| Err(failed()))
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.look()?;
        self.inner.get_opts(path, options).await
    }

    async fn delete(&self, path: &Path) -> Result<()> {
        self.look()?;
        self.inner.delete(path).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.look() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.look()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner.copy(from, to).await
    }

    async fn copy_if_not_exists(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner.copy_if_not_exists(from, to).await
    }
}
