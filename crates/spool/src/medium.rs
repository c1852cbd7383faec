//! What a spool is kept on: records by number, safe when they are said to be, read in order from
//! the first that is needed, and let go of when they are shipped. A folder of this machine is one
//! ([`crate::folder`]); others are crates of their own. Whatever it is, it must never say that a
//! record is safe before it is, nor lose one in silence: a gap is an error, not an end.

use crate::codec::{self, BadRecord};
use async_trait::async_trait;
use bytes::Bytes;
use event_log::NewRecord;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt, io, str::FromStr, sync::Arc};

/// A spool among those of a deployment: random, made with the spool.
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

/// Who a spool is, and for which topics its records were made: JSON beside its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolIdentity {
    pub format: u8,
    pub id: String,
    pub topics: String,
}

impl SpoolIdentity {
    pub fn new(id: SpoolId, topics: &str) -> Self {
        Self {
            format: 1,
            id: id.to_string(),
            topics: topics.to_owned(),
        }
    }
}

/// How far a spool is shipped: everything with a smaller number than `through` is in the log, at or
/// before these offsets of `transactions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    pub through: u64,
    pub furthest: BTreeMap<u16, u64>,
}

impl Shipped {
    /// What either of them says.
    pub fn join(&mut self, other: &Self) {
        self.through = self.through.max(other.through);
        for (partition, offset) in &other.furthest {
            let furthest = self.furthest.entry(*partition).or_default();
            *furthest = (*furthest).max(*offset);
        }
    }
}

/// A record as the spool has it.
#[derive(Clone, Debug)]
pub struct SpooledRecord {
    pub number: u64,
    /// Unix milliseconds.
    pub spooled_at: i64,
    pub size: u64,
    pub record: NewRecord,
}

impl SpooledRecord {
    /// From the bytes that [`codec::encode_record`] made; `place`: of the spool.
    pub fn decode(
        place: &str,
        number: u64,
        spooled_at: i64,
        bytes: Bytes,
    ) -> Result<Self, MediumError> {
        let size = bytes.len() as u64;
        let record =
            codec::decode_record(bytes).map_err(|BadRecord(why)| MediumError::Damaged {
                place: place.to_owned(),
                why: format!("record {number}: {why}"),
            })?;
        Ok(Self {
            number,
            spooled_at,
            size,
            record,
        })
    }
}

/// What a medium held when it was opened: the records from `earliest` to before `end`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundRecords {
    pub earliest: u64,
    pub end: u64,
    pub bytes: u64,
    /// When the first of them was spooled, Unix milliseconds; none if there is none, or it cannot be
    /// read.
    pub oldest: Option<i64>,
    pub shipped: Shipped,
}

impl FoundRecords {
    pub fn count(&self) -> u64 {
        self.end.saturating_sub(self.earliest)
    }
}

/// What was found where records are looked for.
#[derive(Clone, Debug)]
pub enum FoundAt {
    /// In order and without a gap; none: there are no more.
    Records(Vec<SpooledRecord>),
    /// Another process shipped them, and let go of them.
    Shipped(Shipped),
}

/// A record is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordWritten {
    pub number: u64,
    /// Unix milliseconds.
    pub at: i64,
}

/// Why a record is not known to be safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It is not there.
    #[error("the record was not written: {0}")]
    Rejected(String),
    /// It may be found when the spool is opened again, before which nothing may be written.
    #[error("it is not known whether the record was written: {0}")]
    Failed(String),
}

/// Called once, on a thread or task of the medium: must not block.
pub type WriteCompletion = Box<dyn FnOnce(Result<RecordWritten, WriteError>) + Send>;

/// A record was not even queued: the medium failed, or is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the spool takes nothing more")]
pub struct NotQueued;

/// How a medium is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediumState {
    Well,
    /// It has less room than must be left.
    Full,
    /// It is out of reach: what is being written is tried again until it is written.
    Away(String),
    /// Nothing may be written before the spool is opened again.
    Failed(String),
}

/// Why a spool cannot be opened, read or changed. `place`: where it is, for people.
#[derive(Debug, thiserror::Error)]
pub enum MediumError {
    #[error("{place}: another process has it open")]
    Held { place: String },
    #[error("{place}: {source}")]
    Io { place: String, source: io::Error },
    #[error("{place} is out of reach: {why}")]
    Away { place: String, why: String },
    #[error("{place} is damaged: {why}")]
    Damaged { place: String, why: String },
    #[error(
        "the spool in {place} has {records} records that were made for other topics (`{found}`, now `{wanted}`): start a gateway with the settings that they were made by, which ships them, or name another folder"
    )]
    OtherTopics {
        place: String,
        records: u64,
        found: String,
        wanted: String,
    },
}

impl MediumError {
    /// Does another process have the spool open?
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }
}

/// A spool that this process has open. See the module's header.
#[async_trait]
pub trait SpoolMedium: Send + Sync {
    fn id(&self) -> SpoolId;

    /// Where it is, for people.
    fn place(&self) -> String;

    fn found(&self) -> &FoundRecords;

    /// Queues a record behind all that were queued before; never blocks. Completions come in the
    /// order of the calls, and numbers follow each other.
    fn append(&self, record: &NewRecord, done: WriteCompletion) -> Result<(), NotQueued>;

    /// Records from a number on, at most so many.
    async fn read(&self, from: u64, most: usize) -> Result<FoundAt, MediumError>;

    /// Everything before `shipped.through` is acknowledged by the log: says so, then lets go of it.
    async fn let_go(&self, shipped: &Shipped) -> Result<(), MediumError>;

    /// Keeps a record that must be in the log before those of the spool.
    async fn keep_before(&self, record: &NewRecord) -> Result<(), MediumError>;

    /// All that was kept by [`keep_before`](Self::keep_before).
    async fn before(&self) -> Result<Vec<NewRecord>, MediumError>;

    /// Sets the body of a record aside that the log will never take.
    async fn set_aside(&self, number: u64, record: &NewRecord) -> Result<(), MediumError>;

    /// How it is; `reserve`: bytes that must stay free, where there is an end to them.
    async fn state(&self, reserve: u64) -> MediumState;

    /// Nothing more is done with it by this process: others may take it at once.
    async fn close(&self) {}
}

/// A spool to be looked at.
pub struct SeenSpool {
    pub medium: Arc<dyn SpoolMedium>,
    /// Does a process write it? Then what was seen is what it was a moment ago, and letting go of
    /// its records changes nothing there.
    pub is_held: bool,
}

/// Where a deployment's gateways have their spools. `topics`: a name for the topics that records
/// are made for; a spool of others is only opened when it is empty.
#[async_trait]
pub trait SpoolSite: Send + Sync {
    /// The spool that this process writes from now on.
    async fn take_own(&self, topics: &str) -> Result<Arc<dyn SpoolMedium>, MediumError>;

    /// The names of all.
    async fn list(&self) -> Result<Vec<String>, MediumError>;

    /// One to be shipped and let go of; none: its gateway lives.
    async fn take_over(
        &self,
        name: &str,
        topics: &str,
    ) -> Result<Option<Arc<dyn SpoolMedium>>, MediumError>;

    /// One to be looked at; no topics: whatever its records were made for.
    async fn look_at(&self, name: &str, topics: Option<&str>) -> Result<SeenSpool, MediumError>;
}

/// What a kept record with these bytes is called: [`SpoolMedium::keep_before`].
pub fn name_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    digits.collect()
}
