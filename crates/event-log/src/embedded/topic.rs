//! Topics on the disk and their open partitions. A topic exists when its `topic.json` does: that is
//! written last.

use super::{EmbeddedLoad, OpenError, Options};
use crate::{
    admin::{AdminError, CleanupPolicy, TopicSpec},
    publisher::Refused,
};
use parking_lot::{Mutex, RwLock};
use segment_log::{Bounds, Journal, JournalOptions, SegmentLog};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{Notify, watch};

pub(super) const FOLDER: &str = "topics";
const ABOUT: &str = "topic.json";

/// What `topic.json` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmbeddedTopicFile {
    pub id: String,
    pub partitions: u16,
    pub cleanup: CleanupPolicy,
    pub record_limit: usize,
    pub durable: bool,
}

pub(super) struct EmbeddedTopic {
    pub name: Arc<str>,
    pub about: EmbeddedTopicFile,
    pub partitions: Vec<Arc<Partition>>,
}

pub(super) struct Partition {
    pub number: u16,
    pub log: SegmentLog,
    pub bounds: watch::Receiver<Bounds>,
    /// Records queued, and resolved, since the log was opened.
    pub queued: AtomicU64,
    pub resolved: AtomicU64,
    /// Told of each record that is resolved.
    pub settled: Notify,
    /// Sealed bytes that the last compaction left.
    pub compacted: AtomicU64,
}

pub(super) struct EmbeddedTopics {
    folder: PathBuf,
    journal: Journal,
    options: Options,
    load: Arc<EmbeddedLoad>,
    open: RwLock<HashMap<Arc<str>, Arc<EmbeddedTopic>>>,
    creating: Mutex<()>,
}

impl EmbeddedTopics {
    pub fn open(
        folder: &Path,
        options: &Options,
        load: &Arc<EmbeddedLoad>,
    ) -> Result<Self, OpenError> {
        let journal = Journal::open(
            folder,
            JournalOptions {
                file_bytes: options.journal_bytes,
            },
        )
        .map_err(OpenError::Journal)?;
        let folder = folder.join(FOLDER);
        let topics = Self {
            folder: folder.clone(),
            journal,
            options: options.clone(),
            load: load.clone(),
            open: RwLock::default(),
            creating: Mutex::new(()),
        };
        let failed = |source| OpenError::Io {
            path: folder.clone(),
            source,
        };
        segment_log::create_folder(&folder).map_err(failed)?;
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path
                .file_name()
                .and_then(|name| name.to_str())
                .filter(|_| path.join(ABOUT).exists())
            else {
                continue;
            };
            let about = load_about(&path).map_err(|source| OpenError::Io {
                path: path.join(ABOUT),
                source,
            })?;
            let topic = topics
                .open_partitions(name, about)
                .map_err(|source| OpenError::Log {
                    topic: name.to_owned(),
                    source,
                })?;
            topics.open.write().insert(topic.name.clone(), topic);
        }
        Ok(topics)
    }

    pub fn get(&self, name: &str) -> Option<Arc<EmbeddedTopic>> {
        self.open.read().get(name).cloned()
    }

    pub fn partition(&self, name: &str, partition: u16) -> Option<Arc<Partition>> {
        self.open
            .read()
            .get(name)?
            .partitions
            .get(usize::from(partition))
            .cloned()
    }

    /// For appending: the topic's limit is checked on the way.
    pub fn writable(
        &self,
        name: &str,
        partition: u16,
        size: usize,
    ) -> Result<Arc<Partition>, Refused> {
        let topics = self.open.read();
        let topic = topics.get(name).ok_or(Refused::UnknownPartition)?;
        let partition = topic
            .partitions
            .get(usize::from(partition))
            .ok_or(Refused::UnknownPartition)?;
        if size > topic.about.record_limit {
            Err(Refused::TooLarge)
        } else {
            Ok(partition.clone())
        }
    }

    pub fn all(&self) -> Vec<Arc<EmbeddedTopic>> {
        self.open.read().values().cloned().collect()
    }

    /// Creates a topic unless it is there.
    pub fn create(&self, spec: &TopicSpec) -> Result<(), AdminError> {
        let _creating = self.creating.lock();
        if self.get(&spec.name).is_some() {
            return Ok(());
        }
        if !is_topic_name(&spec.name) || spec.partitions == 0 {
            return Err(AdminError::Refused(format!(
                "`{}` with {} partitions is no topic: letters, digits, `.`, `_`, `-`, and 1 partition or more",
                spec.name, spec.partitions
            )));
        }
        let id = uuid::Builder::from_random_bytes(runtime::random()).into_uuid();
        let about = EmbeddedTopicFile {
            id: id.to_string(),
            partitions: spec.partitions,
            cleanup: spec.cleanup,
            record_limit: spec.record_limit,
            durable: spec.durable,
        };
        let topic = self
            .open_partitions(&spec.name, about.clone())
            .map_err(|error| AdminError::Unavailable(error.to_string()))?;
        store_about(&self.folder.join(&spec.name), &about)
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|error| AdminError::Unavailable(error.to_string()))?;
        self.open.write().insert(topic.name.clone(), topic);
        Ok(())
    }

    pub fn close(&self) {
        if self.journal.close().is_err() {
            tracing::error!("a thread that commits panicked");
        }
    }

    fn open_partitions(
        &self,
        name: &str,
        about: EmbeddedTopicFile,
    ) -> Result<Arc<EmbeddedTopic>, segment_log::OpenError> {
        let partitions = (0..about.partitions)
            .map(|number| self.open_partition(name, number, &about).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(EmbeddedTopic {
            name: name.into(),
            about,
            partitions,
        }))
    }

    fn open_partition(
        &self,
        topic: &str,
        number: u16,
        about: &EmbeddedTopicFile,
    ) -> Result<Partition, segment_log::OpenError> {
        let (sender, bounds) = watch::channel(Bounds {
            earliest: 0,
            end: 0,
        });
        let sender = Arc::new(sender);
        let observer = sender.clone();
        let options = segment_log::Options {
            segment_bytes: match about.cleanup {
                CleanupPolicy::Compact => self.options.segment_bytes.min(4 << 20),
                CleanupPolicy::Keep | CleanupPolicy::Age(_) => self.options.segment_bytes,
            },
            segment_age: match about.cleanup {
                CleanupPolicy::Age(age) => Some(Duration::from_millis(age / 4)),
                CleanupPolicy::Keep | CleanupPolicy::Compact => None,
            },
            // The topic's limit is checked before, on what the caller gave; this one bounds the
            // bytes made of it.
            record_limit: segment_log::MAX_RECORD,
            queue_bytes: self.options.queue_bytes,
            queue_records: self.options.queue_records,
            sync: about.durable,
            observer: Some(Arc::new(move |bounds| {
                observer.send_replace(bounds);
            })),
            ..segment_log::Options::default()
        };
        let (log, opened) = self
            .journal
            .open_log(&format!("{FOLDER}/{topic}/{number}"), options)?;
        sender.send_replace(opened.bounds);
        Ok(Partition {
            number,
            log,
            bounds,
            queued: AtomicU64::new(0),
            resolved: AtomicU64::new(0),
            settled: Notify::new(),
            compacted: AtomicU64::new(0),
        })
    }

    pub fn load(&self) -> &Arc<EmbeddedLoad> {
        &self.load
    }
}

fn is_topic_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= 249
        && name != "."
        && name != ".."
        && name.bytes().all(allowed)
}

fn load_about(folder: &Path) -> io::Result<EmbeddedTopicFile> {
    Ok(serde_json::from_slice(&fs::read(folder.join(ABOUT))?)?)
}

fn store_about(folder: &Path, about: &EmbeddedTopicFile) -> io::Result<()> {
    replace_file(folder, ABOUT, &serde_json::to_vec_pretty(about)?)
}

/// Writes a file so that after a crash the old or the new one is there.
pub(super) fn replace_file(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&temporary, folder.join(name))?;
    File::open(folder)?.sync_all()
}
