//! Named byte strings that a process keeps beside the record: a gateway's spool, where it has no
//! folder of its own. Nothing here is a projection of `changes`, and no worker writes it.
//!
//! A name is made of parts with `/` between them; all but the last are its folder. A name stands for
//! all of its bytes or for none: a reader never sees a part of them. What was answered done is seen
//! by whoever asks afterwards, from any process.

use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;

/// What is known of a blob without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Whole, with its folder.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// When it was put last, by the store's clock, Unix milliseconds.
    pub put_at: i64,
}

impl BlobEntry {
    /// Its folder, and its name there.
    pub fn folder_and_file(&self) -> (&str, &str) {
        split_name(&self.name)
    }

    /// Its name in its folder.
    pub fn file_name(&self) -> &str {
        self.folder_and_file().1
    }
}

/// The folder of a blob of this name, and its name there.
pub fn split_name(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

/// What became of a blob that must not be there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobPut {
    Done,
    /// It stands as somebody put it: another process, or this one in an attempt whose answer was
    /// lost.
    IsThere,
}

/// A store of blobs. See the module's header.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Puts a blob only where none of its name is. Of two that put at once exactly one is told
    /// [`BlobPut::Done`].
    async fn put_new_blob(&self, name: &str, bytes: Bytes) -> Result<BlobPut, StoreError>;

    /// Puts a blob, or replaces it.
    async fn put_blob(&self, name: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// None: there is no such blob.
    async fn get_blob(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// Its first bytes, at most so many; fewer only where it is shorter.
    async fn get_blob_start(&self, name: &str, length: u64) -> Result<Option<Bytes>, StoreError>;

    async fn describe_blob(&self, name: &str) -> Result<Option<BlobEntry>, StoreError>;

    /// All blobs of a folder, without those of folders in it, in whatever order.
    async fn list_blobs(&self, folder: &str) -> Result<Vec<BlobEntry>, StoreError>;

    /// The last parts of the names of all folders in a folder that have blobs.
    async fn list_folders(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// Removes blobs; those that are not there are removed.
    async fn remove_blobs(&self, names: Vec<String>) -> Result<(), StoreError>;
}
