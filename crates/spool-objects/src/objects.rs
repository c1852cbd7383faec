//! The objects of one spool: their names, and the few requests that are made of the store. Knows
//! nothing of order.

use crate::group::{GroupHead, HEAD, RecordGroup, decode_group};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use spool::{
    Shipped,
    medium::{MediumError, SpoolIdentity},
};
use std::sync::Arc;
use store::{BlobEntry, BlobPut, BlobStore, StoreError};

pub(crate) const IDENTITY: &str = "spool.json";
pub(crate) const OWNER: &str = "owner.json";
pub(crate) const WRITER: &str = "writer.json";
const RECORDS: &str = "records";
const SHIPPED: &str = "shipped";
pub(crate) const BEFORE: &str = "before";
pub(crate) const UNSHIPPABLE: &str = "unshippable";

/// Who writes or ships the spool now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpoolOwner {
    pub instance: String,
    pub beat: u64,
    /// All records before this number were written by then.
    pub end: u64,
}

/// Which process may write a spool with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpoolWriter {
    pub instance: String,
}

/// How far a spool is shipped, and where its groups begin then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShippedMark {
    pub shipped: Shipped,
    /// The first group that is not shipped whole: all before it may be gone.
    pub group: u64,
    /// That group's first record.
    pub first: u64,
}

/// See the module's header.
#[derive(Clone)]
pub(crate) struct SpoolObjects {
    store: Arc<dyn BlobStore>,
    folder: String,
    /// For people.
    pub place: Arc<str>,
}

impl SpoolObjects {
    pub fn new(store: Arc<dyn BlobStore>, folder: String, place: &str) -> Self {
        Self {
            store,
            folder,
            place: place.into(),
        }
    }

    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    pub fn named(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}", self.folder)
    }

    pub fn group_path(&self, group: u64) -> String {
        self.named(RECORDS, &format!("{group:020}"))
    }

    pub fn away(&self, error: &StoreError) -> MediumError {
        MediumError::Away {
            place: self.place.to_string(),
            why: error.to_string(),
        }
    }

    pub fn damaged(&self, why: impl ToString) -> MediumError {
        MediumError::Damaged {
            place: self.place.to_string(),
            why: why.to_string(),
        }
    }

    /// Only if it is not there.
    pub async fn put_new(&self, path: &str, bytes: Bytes) -> Result<BlobPut, MediumError> {
        let put = self.store.put_new_blob(path, bytes).await;
        put.map_err(|error| self.away(&error))
    }

    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<(), MediumError> {
        let put = self.store.put_blob(path, bytes).await;
        put.map_err(|error| self.away(&error))
    }

    pub async fn put_json<T: Serialize>(&self, path: &str, value: &T) -> Result<(), MediumError> {
        let bytes = serde_json::to_vec(value).expect("it is plain JSON");
        self.put(path, bytes.into()).await
    }

    /// Says who the spool is, if nobody did.
    pub async fn put_identity(&self, identity: &SpoolIdentity) -> Result<BlobPut, MediumError> {
        let bytes = serde_json::to_vec(identity).expect("it is plain JSON");
        self.put_new(&self.path(IDENTITY), bytes.into()).await
    }

    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, MediumError> {
        let got = self.store.get_blob(path).await;
        got.map_err(|error| self.away(&error))
    }

    pub async fn get_json<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, MediumError> {
        let Some(bytes) = self.get(path).await? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&bytes);
        read.map(Some)
            .map_err(|error| self.damaged(format!("{path}: {error}")))
    }

    pub async fn meta(&self, path: &str) -> Result<Option<BlobEntry>, MediumError> {
        let found = self.store.describe_blob(path).await;
        found.map_err(|error| self.away(&error))
    }

    /// What a group says of itself; none: it is not there.
    pub async fn head(&self, group: u64, spool: u64) -> Result<Option<GroupHead>, MediumError> {
        let path = self.group_path(group);
        let start = self.store.get_blob_start(&path, HEAD as u64).await;
        let Some(bytes) = start.map_err(|error| self.away(&error))? else {
            return Ok(None);
        };
        let (head, _) = GroupHead::decode(&bytes)
            .map_err(|bad| self.damaged(format!("group {group}: {bad}")))?;
        self.check(&head, group, spool).map(Some)
    }

    /// A group; none: it is not there.
    pub async fn group(&self, group: u64, spool: u64) -> Result<Option<RecordGroup>, MediumError> {
        let Some(bytes) = self.get(&self.group_path(group)).await? else {
            return Ok(None);
        };
        let read =
            decode_group(&bytes).map_err(|bad| self.damaged(format!("group {group}: {bad}")))?;
        self.check(&read.head, group, spool)?;
        Ok(Some(read))
    }

    fn check(&self, head: &GroupHead, group: u64, spool: u64) -> Result<GroupHead, MediumError> {
        if (head.group, head.spool) == (group, spool) {
            return Ok(*head);
        }
        Err(self.damaged(format!("group {group} is not what its name says")))
    }

    /// The numbers that name objects of a kind, and their sizes, in whatever order.
    pub async fn numbers(&self, kind: &str) -> Result<Vec<(u64, u64)>, MediumError> {
        let entries = self.list(kind).await?;
        let number = |entry: &BlobEntry| {
            let number = entry.file_name().parse().ok()?;
            Some((number, entry.size))
        };
        Ok(entries.iter().filter_map(number).collect())
    }

    pub async fn groups(&self) -> Result<Vec<(u64, u64)>, MediumError> {
        self.numbers(RECORDS).await
    }

    pub async fn list(&self, kind: &str) -> Result<Vec<BlobEntry>, MediumError> {
        let listed = self.store.list_blobs(&self.path(kind)).await;
        listed.map_err(|error| self.away(&error))
    }

    /// Everything, or as much as the store takes away now.
    pub async fn delete_everything(&self) -> Result<(), MediumError> {
        let mut all = Vec::new();
        let folders = [RECORDS, SHIPPED, BEFORE, UNSHIPPABLE];
        for folder in folders
            .map(|kind| self.path(kind))
            .iter()
            .chain([&self.folder])
        {
            let listed = self.store.list_blobs(folder).await;
            all.extend(listed.map_err(|error| self.away(&error))?);
        }
        self.delete(all.into_iter().map(|entry| entry.name).collect())
            .await
    }

    pub async fn delete(&self, paths: Vec<String>) -> Result<(), MediumError> {
        let removed = self.store.remove_blobs(paths).await;
        removed.map_err(|error| self.away(&error))
    }

    pub fn mark_path(&self, through: u64) -> String {
        self.named(SHIPPED, &format!("{through:020}"))
    }

    /// How far the spool is shipped, and the names of all marks that say so.
    pub async fn shipped(&self) -> Result<(ShippedMark, Vec<u64>), MediumError> {
        loop {
            let mut marks: Vec<u64> = self
                .numbers(SHIPPED)
                .await?
                .into_iter()
                .map(|(through, _)| through)
                .collect();
            marks.sort_unstable();
            let Some(last) = marks.last() else {
                return Ok((ShippedMark::default(), marks));
            };
            // One that was overtaken meanwhile is gone.
            if let Some(mark) = self.get_json(&self.mark_path(*last)).await? {
                return Ok((mark, marks));
            }
        }
    }
}
