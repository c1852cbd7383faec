//! Reading in order from any offset. Must never skip a damaged record by itself, nor hand out one
//! that is not committed.

use crate::{
    log::SegmentLog,
    segment::{ReadWindow, Segment, SegmentFrame},
};
use bytes::Bytes;
use std::{io, sync::Arc};

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub offset: u64,
    /// Unix milliseconds.
    pub timestamp: i64,
    pub record: Bytes,
}

/// Where a reader is: the offset it wants next, and where that was last seen.
#[derive(Clone)]
pub struct Cursor {
    offset: u64,
    near: Option<(Arc<Segment>, u64)>,
}

impl Cursor {
    pub fn new(offset: u64) -> Self {
        Self { offset, near: None }
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("offset {wanted} is outside of the log ({earliest} to {end})")]
    OutOfRange {
        wanted: u64,
        earliest: u64,
        end: u64,
    },
    #[error("the record at offset {offset} is damaged: {why}")]
    Damaged { offset: u64, why: &'static str },
    #[error("the log cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl SegmentLog {
    /// Committed records from the cursor on and below `until`: at most `records`, and no more than
    /// `bytes` unless the first alone is larger. Empty: there are none yet. The cursor moves behind
    /// what is answered.
    pub fn read(
        &self,
        cursor: &mut Cursor,
        until: u64,
        records: usize,
        bytes: usize,
    ) -> Result<Vec<Entry>, ReadError> {
        let mut entries = Vec::new();
        let mut left = bytes;
        loop {
            let bounds = self.bounds();
            if cursor.offset < bounds.earliest || cursor.offset > bounds.end {
                return Err(ReadError::OutOfRange {
                    wanted: cursor.offset,
                    earliest: bounds.earliest,
                    end: bounds.end,
                });
            }
            let until = until.min(bounds.end);
            if cursor.offset >= until || entries.len() >= records {
                return Ok(entries);
            }
            let (segment, end) = self.lane.stored.segment_of(cursor.offset, bounds.end);
            let before = cursor.offset;
            let full = match read_segment(
                &segment,
                cursor,
                until.min(end),
                records,
                &mut left,
                &mut entries,
            ) {
                Ok(full) => full,
                Err(_) if !entries.is_empty() => return Ok(entries),
                Err(error) => return Err(error),
            };
            if full || cursor.offset == before {
                return Ok(entries);
            }
        }
    }
}

/// Reads to `end` (where the segment ends, or less); answers whether a limit was reached before.
fn read_segment(
    segment: &Arc<Segment>,
    cursor: &mut Cursor,
    end: u64,
    records: usize,
    left: &mut usize,
    entries: &mut Vec<Entry>,
) -> Result<bool, ReadError> {
    let mut position = match &cursor.near {
        Some((near, position)) if Arc::ptr_eq(near, segment) => *position,
        _ => seek_offset(segment, cursor.offset)?,
    };
    let mut window = ReadWindow::new(segment);
    let gaps = segment.about.compacted_end.is_some();
    while cursor.offset < end {
        if entries.len() >= records {
            return Ok(true);
        }
        if position >= segment.readable() {
            if gaps {
                break;
            }
            return Err(ReadError::Damaged {
                offset: cursor.offset,
                why: "its segment ends before it",
            });
        }
        let SegmentFrame::Whole(header) = window.frame(position)? else {
            return Err(ReadError::Damaged {
                offset: cursor.offset,
                why: "it does not pass its checksum",
            });
        };
        if header.offset < cursor.offset || (header.offset > cursor.offset && !gaps) {
            return Err(ReadError::Damaged {
                offset: cursor.offset,
                why: "another record stands in its place",
            });
        }
        if header.offset >= end {
            break;
        }
        if !entries.is_empty() && (*left == 0 || header.length > *left) {
            return Ok(true);
        }
        *left = left.saturating_sub(header.length);
        let record = Bytes::copy_from_slice(window.record(position, &header)?);
        entries.push(Entry {
            offset: header.offset,
            timestamp: header.timestamp,
            record,
        });
        position += header.frame_length() as u64;
        cursor.offset = header.offset + 1;
        cursor.near = Some((segment.clone(), position));
    }
    // Only a compacted segment gets here with something left: nothing of it stands between the
    // cursor and `end`.
    cursor.offset = cursor.offset.max(end);
    Ok(false)
}

/// The position of the first frame of offset `offset` or more. Steps over damage before it, but not
/// over the place where it should be.
fn seek_offset(segment: &Segment, offset: u64) -> Result<u64, ReadError> {
    let mut window = ReadWindow::new(segment);
    let mut position = segment.near(offset)?;
    while position < segment.readable() {
        match window.header(position)? {
            Some(header) if header.offset >= offset => return Ok(position),
            Some(header) => position += header.frame_length() as u64,
            None => match segment.next_valid(position)? {
                Some((found, header)) if header.offset <= offset => position = found,
                _ => {
                    return Err(ReadError::Damaged {
                        offset,
                        why: "it does not pass its checksum",
                    });
                }
            },
        }
    }
    Ok(position)
}
