//! What a log is on its disk: its segments, and from which offset to which they can be read. Must
//! never move its end before what lies below that is safe.

use crate::{
    Observer, Options, earliest,
    medium::Medium,
    segment::{Segment, SegmentList},
};
use parking_lot::{Mutex, RwLock};
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// First offset kept and the offset the next record gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub earliest: u64,
    pub end: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("offset {wanted} is beyond the end of the log ({end})")]
    BeyondEnd { wanted: u64, end: u64 },
    #[error("old segments could not be removed: {0}")]
    Io(#[from] io::Error),
}

pub(crate) struct StoredLog {
    pub folder: PathBuf,
    pub options: Options,
    pub medium: Arc<dyn Medium>,
    pub segments: RwLock<SegmentList>,
    pub earliest: AtomicU64,
    pub end: AtomicU64,
    /// Held while segments are dropped or replaced.
    pub maintenance: Mutex<()>,
    /// Its name in the journal, if that makes its records safe.
    pub name: Option<String>,
}

impl StoredLog {
    pub fn is_journaled(&self) -> bool {
        self.name.is_some()
    }

    pub fn bounds(&self) -> Bounds {
        // `earliest` first: it never passes an `end` that is read after it.
        let earliest = self.earliest.load(Ordering::Acquire);
        Bounds {
            earliest,
            end: self.end.load(Ordering::Acquire),
        }
    }

    pub fn observe(&self) {
        if let Some(observer) = &self.options.observer {
            let observer: &Observer = observer;
            observer(self.bounds());
        }
    }

    /// Everything below `offset` goes, with the segments that hold nothing else.
    pub fn delete_before(&self, offset: u64) -> Result<(), RetentionError> {
        let Bounds { earliest, end } = self.bounds();
        if offset > end {
            return Err(RetentionError::BeyondEnd {
                wanted: offset,
                end,
            });
        }
        if offset <= earliest {
            return Ok(());
        }
        earliest::store_earliest(self.medium.as_ref(), &self.folder, offset)?;
        self.earliest.store(offset, Ordering::Release);
        let dropped: SegmentList = {
            let mut segments = self.segments.write();
            let count = segments
                .windows(2)
                .take_while(|pair| pair[1].base() <= offset)
                .count();
            segments.drain(..count).collect()
        };
        for segment in &dropped {
            self.medium.remove(&segment.path)?;
        }
        if !dropped.is_empty() {
            self.medium.sync_folder(&self.folder)?;
        }
        self.observe();
        Ok(())
    }

    /// The segment that holds `offset`, and the offset at which it ends.
    pub fn segment_of(&self, offset: u64, end: u64) -> (Arc<Segment>, u64) {
        let segments = self.segments.read();
        let at = segments
            .partition_point(|segment| segment.base() <= offset)
            .saturating_sub(1);
        (
            segments[at].clone(),
            segments.get(at + 1).map_or(end, |next| next.base()),
        )
    }
}
