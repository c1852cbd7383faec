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

use crate::{
    codec,
    medium::{MediumError, Shipped, SpoolId, SpoolIdentity, SpooledRecord, name_of},
};
use bytes::Bytes;
use event_log::NewRecord;
use segment_log::{Bounds, LockError, OpenError, Options, SegmentLog};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

fn place(path: &Path) -> String {
    path.display().to_string()
}

fn io_error(path: &Path, source: io::Error) -> MediumError {
    MediumError::Io {
        place: place(path),
        source,
    }
}

fn damaged(path: &Path, why: impl ToString) -> MediumError {
    MediumError::Damaged {
        place: place(path),
        why: why.to_string(),
    }
}

fn open_error(path: &Path, error: OpenError) -> MediumError {
    match error {
        OpenError::Lock(LockError::Held(_)) => MediumError::Held { place: place(path) },
        other => io_error(path, io::Error::other(other)),
    }
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
    pub fn open(path: &Path, topics: &str) -> Result<Self, MediumError> {
        Self::open_with(path, Some(topics), segment_options(), SegmentLog::open)
    }

    /// Opens a spool for whatever topics its records were made, to be looked at.
    pub fn open_for_any_topics(path: &Path) -> Result<Self, MediumError> {
        Self::open_with(path, None, segment_options(), SegmentLog::open)
    }

    /// Likewise, on a disk that a test gives.
    pub fn open_with(
        path: &Path,
        topics: Option<&str>,
        options: Options,
        open: impl FnOnce(&Path, Options) -> Result<(SegmentLog, segment_log::Opened), OpenError>,
    ) -> Result<Self, MediumError> {
        let opened = open(&path.join(RECORDS), options);
        let (log, opened) = opened.map_err(|error| open_error(path, error))?;
        let found = opened.bounds;
        let id = match read_json::<SpoolIdentity>(&path.join(IDENTITY))? {
            Some(identity) => known_id(path, &identity, topics, found.end - found.earliest)?,
            None => {
                let id = SpoolId(runtime::random());
                write_identity(path, id, topics.unwrap_or_default())?;
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
    pub fn let_go(&self, shipped: &Shipped) -> Result<(), MediumError> {
        write_json(&self.path.join(SHIPPED), shipped)?;
        self.log
            .delete_before(shipped.through)
            .map_err(|error| io_error(&self.path.join(RECORDS), io::Error::other(error)))
    }

    /// Keeps a record that must be in the log before those of the spool.
    pub fn keep_before(&self, record: &NewRecord) -> Result<(), MediumError> {
        let mut bytes = Vec::new();
        codec::encode_record(record, &mut bytes);
        let path = self.path.join(BEFORE).join(name_of(&bytes));
        if path.exists() {
            return Ok(());
        }
        write_file(&path, &bytes)
    }

    /// All that was kept by [`keep_before`](Self::keep_before).
    pub fn before(&self) -> Result<Vec<NewRecord>, MediumError> {
        let folder = self.path.join(BEFORE);
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error(&folder, source)),
        };
        let mut records = Vec::new();
        for file in listed {
            let path = file.map_err(|source| io_error(&folder, source))?.path();
            if path.extension().is_some() {
                continue;
            }
            let bytes = fs::read(&path).map_err(|source| io_error(&path, source))?;
            if !path.ends_with(name_of(&bytes)) {
                return Err(damaged(&path, "it is not what its name says"));
            }
            records.push(codec::decode_record(bytes.into()).map_err(|bad| damaged(&path, bad))?);
        }
        Ok(records)
    }

    /// Sets the body of a record aside that the log will never take.
    pub fn set_aside(&self, number: u64, record: &NewRecord) -> Result<(), MediumError> {
        let mut bytes = Vec::new();
        codec::encode_record(record, &mut bytes);
        write_file(
            &self.path.join(UNSHIPPABLE).join(format!("{number:020}")),
            &bytes,
        )
    }

    /// Records from a number on, at most so many; and when each was spooled, Unix milliseconds.
    pub fn read(&self, from: u64, most: usize) -> Result<Vec<SpooledRecord>, MediumError> {
        let mut cursor = segment_log::Cursor::new(from);
        let path = self.path.join(RECORDS);
        let entries = self.log.read(&mut cursor, u64::MAX, most, 4 << 20);
        let entries = entries.map_err(|error| damaged(&path, error))?;
        let spooled = |entry: segment_log::Entry| {
            SpooledRecord::decode(&place(&path), entry.offset, entry.timestamp, entry.record)
        };
        entries.into_iter().map(spooled).collect()
    }

    pub fn bounds(&self) -> Bounds {
        self.log.bounds()
    }
}

/// The id of a spool that was found, if its records were made for these topics.
fn known_id(
    path: &Path,
    identity: &SpoolIdentity,
    topics: Option<&str>,
    records: u64,
) -> Result<SpoolId, MediumError> {
    let id = identity.id.parse().map_err(|_| {
        damaged(
            &path.join(IDENTITY),
            format!("`{}` is no id of a spool", identity.id),
        )
    })?;
    if let Some(wanted) = topics.filter(|wanted| *wanted != identity.topics) {
        if records > 0 {
            return Err(MediumError::OtherTopics {
                place: place(path),
                records,
                found: identity.topics.clone(),
                wanted: wanted.to_owned(),
            });
        }
        write_identity(path, id, wanted)?;
    }
    Ok(id)
}

fn write_identity(path: &Path, id: SpoolId, topics: &str) -> Result<(), MediumError> {
    write_json(&path.join(IDENTITY), &SpoolIdentity::new(id, topics))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, MediumError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(path, source)),
    };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| damaged(path, error))
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), MediumError> {
    let bytes = serde_json::to_vec(value).expect("it is plain JSON");
    write_file(path, &bytes)
}

/// Whole or not at all, and safe when this returns.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), MediumError> {
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
    write().map_err(|source| io_error(path, source))
}
