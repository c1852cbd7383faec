//! A folder of this machine as what a spool is kept on, and a folder of such folders. What blocks is
//! done on threads for that.

use crate::{
    adopt,
    folder::{RECORDS, SpoolFolder},
    medium::{
        FoundAt, FoundRecords, MediumError, MediumState, NotQueued, RecordWritten, SeenSpool,
        Shipped, SpoolId, SpoolMedium, SpoolSite, WriteCompletion, WriteError,
    },
};
use async_trait::async_trait;
use event_log::NewRecord;
use segment_log::AppendError;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

/// See the module's header.
pub struct FolderMedium {
    folder: Arc<SpoolFolder>,
    found: FoundRecords,
    /// Of a folder that another process has open.
    _copy: Option<TempDir>,
}

impl FolderMedium {
    pub fn new(folder: SpoolFolder) -> Self {
        Self::of_copy(folder, None)
    }

    fn of_copy(folder: SpoolFolder, copy: Option<TempDir>) -> Self {
        let bounds = folder.found;
        let first = folder.read(bounds.earliest, 1).unwrap_or_default();
        let found = FoundRecords {
            earliest: bounds.earliest,
            end: bounds.end,
            bytes: folder.bytes().unwrap_or_default(),
            oldest: first.first().map(|record| record.spooled_at),
            shipped: folder.shipped.clone(),
        };
        Self {
            folder: Arc::new(folder),
            found,
            _copy: copy,
        }
    }

    /// What has the folder open: it is closed when nobody has this any more.
    pub fn folder(&self) -> &Arc<SpoolFolder> {
        &self.folder
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SpoolFolder) -> T + Send + 'static,
    ) -> T {
        let folder = self.folder.clone();
        run_blocking(move || work(&folder)).await
    }
}

impl From<SpoolFolder> for Arc<dyn SpoolMedium> {
    fn from(folder: SpoolFolder) -> Self {
        Arc::new(FolderMedium::new(folder))
    }
}

#[async_trait]
impl SpoolMedium for FolderMedium {
    fn id(&self) -> SpoolId {
        self.folder.id()
    }

    fn place(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn found(&self) -> &FoundRecords {
        &self.found
    }

    fn append(&self, record: &NewRecord, done: WriteCompletion) -> Result<(), NotQueued> {
        let size = crate::codec::encoded_size(record).unwrap_or_default();
        let queued = self.folder.log.append(
            size,
            |buffer| crate::codec::encode_record(record, buffer),
            Box::new(move |written| {
                done(match written {
                    Ok(appended) => Ok(RecordWritten {
                        number: appended.offset,
                        at: appended.timestamp,
                    }),
                    Err(AppendError::Rejected(why)) => Err(WriteError::Rejected(why)),
                    Err(AppendError::SyncFailed(why)) => Err(WriteError::Failed(why)),
                });
            }),
        );
        queued.map_err(|_| NotQueued)
    }

    async fn read(&self, from: u64, most: usize) -> Result<FoundAt, MediumError> {
        let read = self.run(move |folder| folder.read(from, most)).await;
        read.map(FoundAt::Records)
    }

    async fn let_go(&self, shipped: &Shipped) -> Result<(), MediumError> {
        let shipped = shipped.clone();
        self.run(move |folder| folder.let_go(&shipped)).await
    }

    async fn keep_before(&self, record: &NewRecord) -> Result<(), MediumError> {
        let record = record.clone();
        self.run(move |folder| folder.keep_before(&record)).await
    }

    async fn before(&self) -> Result<Vec<NewRecord>, MediumError> {
        self.run(SpoolFolder::before).await
    }

    async fn set_aside(&self, number: u64, record: &NewRecord) -> Result<(), MediumError> {
        let record = record.clone();
        self.run(move |folder| folder.set_aside(number, &record))
            .await
    }

    async fn state(&self, reserve: u64) -> MediumState {
        match self.run(SpoolFolder::free).await {
            Ok(free) if free < reserve => MediumState::Full,
            Ok(_) | Err(_) => MediumState::Well,
        }
    }
}

/// A folder in which each gateway has a spool: the one that takes the spool's lock has it.
#[derive(Clone, Debug)]
pub struct FolderSite(PathBuf);

impl FolderSite {
    /// `root`: the folder, or the folder of one spool.
    pub fn new(root: PathBuf) -> Self {
        Self(root)
    }
}

#[async_trait]
impl SpoolSite for FolderSite {
    async fn take_own(&self, topics: &str) -> Result<Arc<dyn SpoolMedium>, MediumError> {
        let (root, topics) = (self.0.clone(), topics.to_owned());
        run_blocking(move || adopt::take_or_make(&root, &topics).map(Into::into)).await
    }

    async fn list(&self) -> Result<Vec<String>, MediumError> {
        let root = self.0.clone();
        let listed = run_blocking(move || {
            if root.join(RECORDS).is_dir() {
                return Ok(vec![root]);
            }
            adopt::find_spools(&root).map_err(|source| MediumError::Io {
                place: root.display().to_string(),
                source,
            })
        });
        let name = |path: PathBuf| path.display().to_string();
        Ok(listed.await?.into_iter().map(name).collect())
    }

    async fn take_over(
        &self,
        name: &str,
        topics: &str,
    ) -> Result<Option<Arc<dyn SpoolMedium>>, MediumError> {
        let (path, topics) = (PathBuf::from(name), topics.to_owned());
        match run_blocking(move || SpoolFolder::open(&path, &topics)).await {
            Ok(folder) => Ok(Some(folder.into())),
            Err(error) if error.is_held() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn look_at(&self, name: &str, topics: Option<&str>) -> Result<SeenSpool, MediumError> {
        let (path, topics) = (PathBuf::from(name), topics.map(str::to_owned));
        run_blocking(move || open_or_copy(&path, topics.as_deref())).await
    }
}

/// Opens a spool, or a copy of one that a process has open.
fn open_or_copy(path: &Path, topics: Option<&str>) -> Result<SeenSpool, MediumError> {
    let open = |path: &Path| match topics {
        Some(topics) => SpoolFolder::open(path, topics),
        None => SpoolFolder::open_for_any_topics(path),
    };
    match open(path) {
        Err(error) if error.is_held() => {}
        opened => {
            return Ok(SeenSpool {
                medium: opened?.into(),
                is_held: false,
            });
        }
    }
    let copied = || -> std::io::Result<TempDir> {
        let copy = tempfile::tempdir()?;
        adopt::copy_spool(path, copy.path())?;
        Ok(copy)
    };
    let copy = copied().map_err(|source| MediumError::Io {
        place: path.display().to_string(),
        source,
    })?;
    let folder = open(copy.path())?;
    Ok(SeenSpool {
        medium: Arc::new(FolderMedium::of_copy(folder, Some(copy))),
        is_held: true,
    })
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
