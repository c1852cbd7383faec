//! Finds the end of the active segment after a crash, by the law in the crate's header. Must never
//! truncate what may have been acknowledged.

use crate::{
    frame,
    medium::Medium,
    segment::{HEADER, ReadWindow, Segment, SegmentFrame},
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Stored bytes that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub path: PathBuf,
    pub position: u64,
    /// The offset of the record that should stand there.
    pub offset: u64,
    pub why: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is damaged at byte {} (offset {}): {}",
            self.path.display(),
            self.position,
            self.offset,
            self.why
        )
    }
}

/// Where a segment ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub offset: u64,
    pub timestamp: i64,
    /// Bytes of a torn tail that were cut off.
    pub truncated: u64,
}

pub(crate) enum RecoveryTrouble {
    Damage(Damage),
    Io(io::Error),
}

impl From<io::Error> for RecoveryTrouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the active segment to its end, fills its index, cuts off a torn tail. A log that is not
/// `synced` promises nothing of what it has behind the first bad frame.
pub(crate) fn recover_segment(
    medium: &dyn Medium,
    segment: &Segment,
    synced: bool,
) -> Result<End, RecoveryTrouble> {
    let mut window = ReadWindow::new(segment);
    let length = segment.readable();
    let mut end = End {
        offset: segment.base(),
        timestamp: segment.about.created,
        truncated: 0,
    };
    let mut position = HEADER as u64;
    while position < length {
        let damage = |why| {
            RecoveryTrouble::Damage(Damage {
                path: segment.path.clone(),
                position,
                offset: end.offset,
                why,
            })
        };
        match window.frame(position)? {
            SegmentFrame::Whole(header) if header.offset != end.offset => {
                return Err(damage("the record has another offset"));
            }
            SegmentFrame::Whole(header) => {
                segment.note(header.offset, position);
                end.offset += 1;
                end.timestamp = header.timestamp;
                position += header.frame_length() as u64;
            }
            bad @ (SegmentFrame::Cut(_) | SegmentFrame::Bad) => {
                if synced && !is_torn(segment, position, &bad)? {
                    return Err(damage("a record does not pass its checksum"));
                }
                end.truncated = length - position;
                segment.publish(position);
                segment.cut(medium, position)?;
                break;
            }
        }
    }
    if synced {
        // A process that died between writing and syncing left it in the system's memory: whoever
        // reads it may act on it.
        medium.sync(segment.file())?;
    }
    segment.index_is_complete();
    Ok(end)
}

/// Is a last segment without a valid header one that nothing was acknowledged in?
pub(crate) fn never_was(path: &Path, base: u64, journaled: bool) -> io::Result<bool> {
    let segment = Segment::without_header(path.to_owned(), base)?;
    // Without a journal nothing is written behind a header before that is synced.
    if segment.readable() <= HEADER as u64 || !journaled {
        return Ok(segment.readable() <= HEADER as u64);
    }
    let mut window = ReadWindow::new(&segment);
    let sector = usize::try_from(frame::SECTOR).unwrap_or(usize::MAX);
    let blank = window.at(0, sector)?.iter().all(|byte| *byte == 0);
    Ok(blank && !is_followed(&segment, HEADER as u64)?)
}

/// Is what begins at `position`, which is not a whole frame, the rest of a commit that was never
/// acknowledged?
fn is_torn(segment: &Segment, position: u64, bad: &SegmentFrame) -> io::Result<bool> {
    if is_followed(segment, position)? {
        return Ok(false);
    }
    let left = segment.readable() - position;
    Ok(left < frame::HEADER as u64
        || matches!(bad, SegmentFrame::Cut(_))
        || has_zero_sector(segment, position)?)
}

/// Does a valid frame of a commit that began behind `position` follow?
fn is_followed(segment: &Segment, position: u64) -> io::Result<bool> {
    let mut from = position + 1;
    while let Some((found, header)) = segment.next_valid(from)? {
        if found.saturating_sub(u64::from(header.back)) > position {
            return Ok(true);
        }
        from = found + header.frame_length() as u64;
    }
    Ok(false)
}

/// Is an aligned sector, cut to what lies behind `position`, all zero?
fn has_zero_sector(segment: &Segment, position: u64) -> io::Result<bool> {
    let mut window = ReadWindow::new(segment);
    let (mut from, end) = (position, segment.readable());
    while from < end {
        let until = ((from / frame::SECTOR + 1) * frame::SECTOR).min(end);
        let length = usize::try_from(until - from).unwrap_or(usize::MAX);
        if window.at(from, length)?.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        from = until;
    }
    Ok(false)
}
