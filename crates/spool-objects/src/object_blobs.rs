//! The port of blobs on an object store. The only file that makes requests of `object_store`.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::{Error, ObjectMeta, ObjectStore, PutMode, path::Path};
use std::sync::Arc;
use store::{BlobEntry, BlobPut, BlobStore, StoreError};

const STORE: &str = "the object store";

/// See the module's header.
pub struct ObjectBlobs {
    store: Arc<dyn ObjectStore>,
}

impl ObjectBlobs {
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }
}

fn away(error: &Error) -> StoreError {
    StoreError::Unavailable {
        store: STORE,
        why: error.to_string(),
    }
}

fn entry(meta: ObjectMeta) -> BlobEntry {
    BlobEntry {
        name: meta.location.into(),
        size: meta.size,
        put_at: meta.last_modified.timestamp_millis(),
    }
}

/// Nothing where the store says that there is nothing.
fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(away(&error)),
    }
}

#[async_trait]
impl BlobStore for ObjectBlobs {
    async fn put_new_blob(&self, name: &str, bytes: Bytes) -> Result<BlobPut, StoreError> {
        let path = Path::from(name);
        let put = self
            .store
            .put_opts(&path, bytes.into(), PutMode::Create.into());
        match put.await {
            Ok(_) => Ok(BlobPut::Done),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(BlobPut::IsThere),
            Err(error) => Err(away(&error)),
        }
    }

    async fn put_blob(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        let put = self.store.put(&Path::from(name), bytes.into()).await;
        put.map(drop).map_err(|error| away(&error))
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let path = Path::from(name);
        let got = async { self.store.get(&path).await?.bytes().await };
        found(got.await)
    }

    async fn get_blob_start(&self, name: &str, length: u64) -> Result<Option<Bytes>, StoreError> {
        let error = match self.store.get_range(&Path::from(name), 0..length).await {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => error,
        };
        // Stores refuse a range that goes on behind the end.
        match self.describe_blob(name).await? {
            Some(blob) if blob.size < length => self.get_blob(name).await,
            Some(_) => Err(away(&error)),
            None => Ok(None),
        }
    }

    async fn describe_blob(&self, name: &str) -> Result<Option<BlobEntry>, StoreError> {
        let head = found(self.store.head(&Path::from(name)).await)?;
        Ok(head.map(entry))
    }

    async fn list_blobs(&self, folder: &str) -> Result<Vec<BlobEntry>, StoreError> {
        let path = Path::from(folder);
        let listed = self.store.list(Some(&path)).map_ok(entry);
        let listed: Result<Vec<_>, _> = listed.try_collect().await;
        let mut entries = listed.map_err(|error| away(&error))?;
        entries.retain(|entry| entry.folder_and_file().0 == folder);
        Ok(entries)
    }

    async fn list_folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let folder = Path::from(folder);
        let listed = found(self.store.list_with_delimiter(Some(&folder)).await)?;
        let folders = listed.map(|listed| listed.common_prefixes);
        let names = folders.iter().flatten().filter_map(Path::filename);
        Ok(names.map(str::to_owned).collect())
    }

    async fn remove_blobs(&self, names: Vec<String>) -> Result<(), StoreError> {
        let paths = names.into_iter().map(|name| Ok(Path::from(name)));
        let paths = futures::stream::iter(paths).boxed();
        let mut removed = self.store.delete_stream(paths);
        while let Some(one) = removed.next().await {
            found(one)?;
        }
        Ok(())
    }
}
