//! A spool on the disk: a folder that one process has open, with a segment log of records and a few
//! small files. Must never say that something was shipped before it was, nor delete what was not.
//!
//! | in the folder | what |
//! | --- | --- |
//! | `spool.json` | who the spool is, and for which topics its records were made |
//! | `records/` | the records, by number: a segment log, whose lock is the folder's |
//! | `shipped.json` | how far everything is acknowledged by the log, and the furthest offsets then |
//! | `before/` | records that must be in the log before the others: one a file, named by digest |
//! | `unshippable/` | bodies that the log would never take, by number |

use crate::codec::{self, BadRecord};
use bytes::Bytes;
use event_log::NewRecord;
use segment_log::{Bounds, OpenError, Options, SegmentLog};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

/// A spool among those of a deployment: random, made with its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpoolId(pub u64);

impl fmt::Display for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for SpoolId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(transparent)]
    Records(#[from] OpenError),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {why}")]
    Damaged { path: PathBuf, why: String },
    #[error(
        "the spool in {path} has {records} records that were made for other topics (`{found}`, now `{wanted}`): start a gateway with the settings that they were made by, which ships them, or name another folder"
    )]
    OtherTopics {
        path: PathBuf,
        records: u64,
        found: String,
        wanted: String,
    },
}

impl FolderError {
    /// Does another process have the folder open?
    pub fn is_held(&self) -> bool {
        matches!(
            self,
            Self::Records(OpenError::Lock(segment_log::LockError::Held(_)))
        )
    }
}

/// How far a spool is shipped: everything with a smaller number than `through` is in the log, at or
/// before these offsets of `transactions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    pub through: u64,
    pub furthest: BTreeMap<u16, u64>,
}

#[derive(Serialize, Deserialize)]
struct SpoolIdentity {
    format: u8,
    id: String,
    topics: String,
}

/// See the module's header.
pub struct SpoolFolder {
    path: PathBuf,
    id: SpoolId,
    pub(crate) log: SegmentLog,
    /// As it was found.
    pub found: Bounds,
    pub shipped: Shipped,
}

/// The folder of the records.
pub const RECORDS: &str = "records";
const IDENTITY: &str = "spool.json";
const SHIPPED: &str = "shipped.json";
const BEFORE: &str = "before";
const UNSHIPPABLE: &str = "unshippable";
/// Segments are deleted whole, so small ones give the disk back early.
const SEGMENT: u64 = 16 << 20;

/// How the records of a spool are kept.
pub fn segment_options() -> Options {
    Options {
        segment_bytes: SEGMENT,
        record_limit: 64 << 20,
        queue_bytes: 128 << 20,
        queue_records: 1 << 20,
        ..Options::default()
    }
}

impl SpoolFolder {
    /// Opens or makes the spool in a folder. `topics`: a name for the topics that records are made
    /// for; a spool of other topics is only opened when it is empty.
    pub fn open(path: &Path, topics: &str) -> Result<Self, FolderError> {
        Self::open_with(path, Some(topics), segment_options(), SegmentLog::open)
    }

    /// Opens a spool for whatever topics its records were made, to be looked at.
    pub fn open_for_any_topics(path: &Path) -> Result<Self, FolderError> {
        Self::open_with(path, None, segment_options(), SegmentLog::open)
    }

    /// Likewise, on a disk that a test gives.
    pub fn open_with(
        path: &Path,
        topics: Option<&str>,
        options: Options,
        open: impl FnOnce(&Path, Options) -> Result<(SegmentLog, segment_log::Opened), OpenError>,
    ) -> Result<Self, FolderError> {
        let (log, opened) = open(&path.join(RECORDS), options)?;
        let found = opened.bounds;
        let identity: Option<SpoolIdentity> = read_json(&path.join(IDENTITY))?;
        let records = found.end - found.earliest;
        let id = match identity {
            Some(identity) => {
                if let Some(wanted) = topics.filter(|wanted| *wanted != identity.topics) {
                    if records > 0 {
                        return Err(FolderError::OtherTopics {
                            path: path.to_owned(),
                            records,
                            found: identity.topics,
                            wanted: wanted.to_owned(),
                        });
                    }
                    write_identity(path, &identity.id, wanted)?;
                }
                identity.id.parse().map_err(|_| FolderError::Damaged {
                    path: path.join(IDENTITY),
                    why: format!("`{}` is no id of a spool", identity.id),
                })?
            }
            None => {
                let id = SpoolId(runtime::random());
                write_identity(path, &id.to_string(), topics.unwrap_or_default())?;
                id
            }
        };
        let shipped = read_json(&path.join(SHIPPED))?.unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            id,
            log,
            found,
            shipped,
        })
    }

    pub fn id(&self) -> SpoolId {
        self.id
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the records take on the disk.
    pub fn bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for file in fs::read_dir(self.path.join(RECORDS))? {
            bytes += file?.metadata()?.len();
        }
        Ok(bytes)
    }

    /// Bytes of the disk that are free.
    pub fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(&self.path)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Everything before `shipped.through` is acknowledged: says so, then lets go of it.
    pub fn let_go(&self, shipped: &Shipped) -> Result<(), FolderError> {
        write_json(&self.path.join(SHIPPED), shipped)?;
        self.log
            .delete_before(shipped.through)
            .map_err(|error| FolderError::Io {
                path: self.path.join(RECORDS),
                source: io::Error::other(error),
            })
    }

    /// Keeps a record that must be in the log before those of the spool.
    pub fn keep_before(&self, record: &NewRecord) -> Result<(), FolderError> {
        let mut bytes = Vec::new();
        codec::encode_record(record, &mut bytes);
        let path = self.path.join(BEFORE).join(name_of(&bytes));
        if path.exists() {
            return Ok(());
        }
        write_file(&path, &bytes)
    }

    /// All that was kept by [`keep_before`](Self::keep_before).
    pub fn before(&self) -> Result<Vec<NewRecord>, FolderError> {
        let folder = self.path.join(BEFORE);
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(FolderError::Io {
                    path: folder,
                    source,
                });
            }
        };
        let mut records = Vec::new();
        for file in listed {
            let io = |source| FolderError::Io {
                path: folder.clone(),
                source,
            };
            let path = file.map_err(io)?.path();
            if path.extension().is_some() {
                continue;
            }
            let bytes = fs::read(&path).map_err(io)?;
            let damaged = |why: String| FolderError::Damaged {
                path: path.clone(),
                why,
            };
            if !path.ends_with(name_of(&bytes)) {
                return Err(damaged("it is not what its name says".into()));
            }
            records
                .push(codec::decode_record(bytes.into()).map_err(|bad| damaged(bad.to_string()))?);
        }
        Ok(records)
    }

    /// Sets the body of a record aside that the log will never take.
    pub fn set_aside(&self, number: u64, record: &NewRecord) -> Result<(), FolderError> {
        let mut bytes = Vec::new();
        codec::encode_record(record, &mut bytes);
        write_file(
            &self.path.join(UNSHIPPABLE).join(format!("{number:020}")),
            &bytes,
        )
    }

    /// Records from a number on, at most so many; and when each was spooled, Unix milliseconds.
    pub fn read(&self, from: u64, most: usize) -> Result<Vec<SpooledRecord>, FolderError> {
        let mut cursor = segment_log::Cursor::new(from);
        let path = || self.path.join(RECORDS);
        let entries = self.log.read(&mut cursor, u64::MAX, most, 4 << 20);
        let entries = entries.map_err(|error| FolderError::Damaged {
            path: path(),
            why: error.to_string(),
        })?;
        let spooled = |entry: segment_log::Entry| {
            let size = entry.record.len() as u64;
            let record = codec::decode_record(entry.record).map_err(|BadRecord(why)| {
                FolderError::Damaged {
                    path: path(),
                    why: format!("record {}: {why}", entry.offset),
                }
            })?;
            Ok(SpooledRecord {
                number: entry.offset,
                spooled_at: entry.timestamp,
                size,
                record,
            })
        };
        entries.into_iter().map(spooled).collect()
    }

    pub fn bounds(&self) -> Bounds {
        self.log.bounds()
    }
}

/// A record as the spool has it.
#[derive(Clone, Debug)]
pub struct SpooledRecord {
    pub number: u64,
    pub spooled_at: i64,
    pub size: u64,
    pub record: NewRecord,
}

/// What a file of `before/` with these bytes is called.
fn name_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn write_identity(path: &Path, id: &str, topics: &str) -> Result<(), FolderError> {
    let identity = SpoolIdentity {
        format: 1,
        id: id.to_owned(),
        topics: topics.to_owned(),
    };
    write_json(&path.join(IDENTITY), &identity)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(FolderError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| FolderError::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FolderError> {
    let bytes = serde_json::to_vec(value).expect("it is plain JSON");
    write_file(path, &bytes)
}

/// Whole or not at all, and safe when this returns.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let beside = path.with_extension("tmp");
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|source| FolderError::Io {
        path: path.to_owned(),
        source,
    })
}
