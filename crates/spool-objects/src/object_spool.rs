//! A spool of an object store that this process has open: the parts of [`SpoolMedium`] joined.

use crate::{
    objects::{BEFORE, OWNER, UNSHIPPABLE},
    opening::OpenedSpool,
    spool_state::{QueuedRecord, SpoolRole, SpoolShared},
    writer,
};
use async_trait::async_trait;
use bytes::Bytes;
use event_log::NewRecord;
use spool::{
    Shipped, SpoolId, SpoolMedium, codec,
    medium::{
        FoundAt, FoundRecords, MediumError, MediumState, NotQueued, WriteCompletion, name_of,
    },
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::AbortHandle;

/// See the module's header.
pub struct ObjectSpool {
    shared: Arc<SpoolShared>,
    found: FoundRecords,
    task: Option<AbortHandle>,
}

impl Drop for ObjectSpool {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl ObjectSpool {
    pub(crate) fn start(opened: OpenedSpool) -> Self {
        let OpenedSpool { shared, found } = opened;
        let shared = Arc::new(shared);
        let task = match shared.role {
            SpoolRole::Reader => None,
            SpoolRole::Writer { .. } | SpoolRole::Shipper => {
                let task = runtime::spawn("spool-objects", writer::run(shared.clone()));
                Some(task.abort_handle())
            }
        };
        Self {
            shared,
            found,
            task,
        }
    }

    fn changes_nothing(&self) -> bool {
        self.shared.role == SpoolRole::Reader
    }
}

#[async_trait]
impl SpoolMedium for ObjectSpool {
    fn id(&self) -> SpoolId {
        self.shared.id
    }

    fn place(&self) -> String {
        self.shared.objects.place.to_string()
    }

    fn found(&self) -> &FoundRecords {
        &self.found
    }

    fn append(&self, record: &NewRecord, done: WriteCompletion) -> Result<(), NotQueued> {
        let mut known = self.shared.known.lock();
        let may_write = matches!(self.shared.role, SpoolRole::Writer { .. });
        if !may_write || known.is_closed || matches!(known.condition, MediumState::Failed(_)) {
            return Err(NotQueued);
        }
        let mut bytes = Vec::with_capacity(codec::encoded_size(record).unwrap_or_default());
        codec::encode_record(record, &mut bytes);
        known.queue.push_back(QueuedRecord { bytes, done });
        drop(known);
        self.shared.wake.notify_one();
        Ok(())
    }

    async fn read(&self, from: u64, most: usize) -> Result<FoundAt, MediumError> {
        self.shared.read_records(from, most).await
    }

    async fn let_go(&self, shipped: &Shipped) -> Result<(), MediumError> {
        if self.changes_nothing() {
            return Ok(());
        }
        self.shared.let_go_of(shipped).await
    }

    async fn keep_before(&self, record: &NewRecord) -> Result<(), MediumError> {
        let mut bytes = Vec::new();
        codec::encode_record(record, &mut bytes);
        let mut known = self.shared.known.lock();
        known.before.insert(name_of(&bytes), bytes.into());
        known.is_prepared = false;
        Ok(())
    }

    async fn before(&self) -> Result<Vec<NewRecord>, MediumError> {
        let objects = &self.shared.objects;
        let mut kept: BTreeMap<String, Bytes> = self.shared.known.lock().before.clone();
        for entry in objects.list(BEFORE).await? {
            let (name, bytes) = (&entry.name, objects.get(&entry.name).await?);
            let bytes = bytes.ok_or_else(|| objects.damaged(format!("{name} is gone")))?;
            if entry.file_name() != name_of(&bytes) {
                return Err(objects.damaged(format!("{name} is not what its name says")));
            }
            kept.insert(name_of(&bytes), bytes);
        }
        let decoded = kept.into_values().map(codec::decode_record);
        decoded
            .collect::<Result<_, _>>()
            .map_err(|bad| objects.damaged(bad))
    }

    async fn set_aside(&self, number: u64, record: &NewRecord) -> Result<(), MediumError> {
        let mut bytes = Vec::new();
        codec::encode_record(record, &mut bytes);
        let objects = &self.shared.objects;
        let path = objects.named(UNSHIPPABLE, &format!("{number:020}"));
        objects.put(&path, bytes.into()).await
    }

    async fn state(&self, _reserve: u64) -> MediumState {
        self.shared.known.lock().condition.clone()
    }

    async fn close(&self) {
        if self.changes_nothing() {
            return;
        }
        self.shared.known.lock().is_closed = true;
        if let Some(task) = &self.task {
            task.abort();
        }
        let objects = &self.shared.objects;
        let is_leftover = {
            let known = self.shared.known.lock();
            let is_ours_alone = self.shared.role == SpoolRole::Writer { is_named: false };
            is_ours_alone && !known.is_holding()
        };
        let freed = if is_leftover
            && objects
                .list(UNSHIPPABLE)
                .await
                .is_ok_and(|aside| aside.is_empty())
        {
            objects.delete_everything().await
        } else {
            objects.delete(vec![objects.path(OWNER)]).await
        };
        if let Err(error) = freed {
            tracing::warn!(%error, "the spool could not be given free; others ship it when it was quiet for a while");
        }
    }
}
