//! One segment file: its header, its sparse index, and reading from it by position. Must never hand
//! out bytes that are not committed.

use crate::{
    frame::{self, Place},
    medium::Medium,
    recent::Recent,
};
use parking_lot::{Mutex, RwLock};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bytes before the first frame.
pub const HEADER: usize = 40;
const MAGIC: &[u8; 8] = b"CNSGLOG1";
const COMPACTED: u32 = 1;
/// One index entry for so many bytes.
const INDEX_EVERY: u64 = 64 << 10;
/// Bytes read from the file at once.
const CHUNK: usize = 256 << 10;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub base: u64,
    pub created: i64,
    /// The offset behind the last one it stands for, if it is compacted.
    pub compacted_end: Option<u64>,
}

impl About {
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.base.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.created.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.compacted_end.unwrap_or(0).to_le_bytes());
        bytes[32..36].copy_from_slice(&self.compacted_end.map_or(0, |_| COMPACTED).to_le_bytes());
        let check = crc32c::crc32c(&bytes[..36]);
        bytes[36..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        let long = |at: usize| bytes[at..at + 8].try_into().ok().map(u64::from_le_bytes);
        let flags = u32::from_le_bytes(bytes[32..36].try_into().ok()?);
        let about = Self {
            base: long(8)?,
            created: long(16)?.cast_signed(),
            compacted_end: if flags == COMPACTED {
                Some(long(24)?)
            } else {
                None
            },
        };
        (about.encode() == *bytes).then_some(about)
    }
}

/// Where a segment of this base lies.
pub fn segment_path(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:020}.segment"))
}

pub(crate) struct Segment {
    pub path: PathBuf,
    pub about: About,
    file: File,
    /// Bytes that are committed.
    readable: AtomicU64,
    /// Bytes that are written.
    written: AtomicU64,
    safe: Mutex<Safe>,
    index: RwLock<Index>,
    recent: RwLock<Recent>,
}

/// What of a segment is on the disk.
struct Safe {
    bytes: u64,
    /// Is its name?
    named: bool,
    /// A sync failed: the system says so only once, and no later success means anything.
    failed: bool,
}

#[derive(Default)]
struct Index {
    /// Offset and position, ascending.
    entries: Vec<(u64, u64)>,
    /// Does it reach the end of what is readable?
    complete: bool,
}

impl Segment {
    /// A new, empty segment; [`Segment::make_safe`] makes it permanent.
    pub fn create(medium: &dyn Medium, folder: &Path, about: About) -> io::Result<Self> {
        let path = segment_path(folder, about.base);
        let file = medium.create(&path)?;
        if let Err(error) = medium.write(&file, 0, &about.encode()) {
            // Left behind it would only be removed at the next opening; nothing hangs on this.
            let _ = medium.remove(&path);
            return Err(error);
        }
        let index = Index {
            entries: Vec::new(),
            complete: true,
        };
        Ok(Self::new(
            path,
            about,
            file,
            HEADER as u64,
            Safe {
                bytes: 0,
                named: false,
                failed: false,
            },
            index,
        ))
    }

    /// A new, empty segment, permanent when this returns.
    pub fn create_safe(medium: &dyn Medium, folder: &Path, about: About) -> io::Result<Self> {
        let segment = Self::create(medium, folder, about)?;
        if let Err(error) = segment.make_safe(medium) {
            let _ = medium.remove(&segment.path);
            return Err(error);
        }
        Ok(segment)
    }

    /// An existing one, all of it readable; `None` when its header is not that of a segment.
    pub fn open(path: PathBuf) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        let mut header = [0; HEADER];
        if length < HEADER as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut header, 0)?;
        Ok(About::decode(&header).map(|about| Self::found(path, about, file, length)))
    }

    /// One whose header is not there, as if it were: to look at what follows.
    pub fn without_header(path: PathBuf, base: u64) -> io::Result<Self> {
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self::found(
            path,
            About {
                base,
                created: 0,
                compacted_end: None,
            },
            file,
            length,
        ))
    }

    fn found(path: PathBuf, about: About, file: File, length: u64) -> Self {
        Self::new(
            path,
            about,
            file,
            length,
            Safe {
                bytes: length,
                named: true,
                failed: false,
            },
            Index::default(),
        )
    }

    fn new(path: PathBuf, about: About, file: File, length: u64, safe: Safe, index: Index) -> Self {
        Self {
            path,
            about,
            file,
            readable: AtomicU64::new(length),
            written: AtomicU64::new(length),
            safe: Mutex::new(safe),
            index: RwLock::new(index),
            recent: RwLock::default(),
        }
    }

    /// Writes behind what is committed.
    pub fn write(&self, medium: &dyn Medium, position: u64, bytes: &[u8]) -> io::Result<()> {
        medium.write(&self.file, position, bytes)?;
        self.written
            .store(position + bytes.len() as u64, Ordering::Release);
        Ok(())
    }

    /// Syncs what is written, and the name, unless that was done. May be called beside writing.
    pub fn make_safe(&self, medium: &dyn Medium) -> io::Result<()> {
        let mut safe = self.safe.lock();
        let written = self.written.load(Ordering::Acquire);
        if safe.failed {
            return Err(io::Error::other("an earlier sync of this file failed"));
        }
        if safe.bytes < written {
            let synced = medium.sync(&self.file);
            safe.failed = synced.is_err();
            synced?;
            safe.bytes = written;
        }
        if !safe.named {
            medium.sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
            safe.named = true;
        }
        Ok(())
    }

    /// Takes back what was written behind `length`, for good.
    pub fn cut(&self, medium: &dyn Medium, length: u64) -> io::Result<()> {
        let mut safe = self.safe.lock();
        medium.truncate(&self.file, length)?;
        let synced = medium.sync(&self.file);
        safe.failed |= synced.is_err();
        synced?;
        self.written.store(length, Ordering::Release);
        safe.bytes = length;
        Ok(())
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn base(&self) -> u64 {
        self.about.base
    }

    pub fn readable(&self) -> u64 {
        self.readable.load(Ordering::Acquire)
    }

    /// Lets readers see up to `length`.
    pub fn publish(&self, length: u64) {
        self.readable.store(length, Ordering::Release);
    }

    /// What is committed now, kept in memory for those who follow.
    pub fn remember(&self, position: u64, bytes: &[u8]) {
        self.recent.write().push(position, bytes);
    }

    /// Nothing is appended any more.
    pub fn seal(&self) {
        self.recent.write().clear();
    }

    pub fn place(&self, position: u64) -> Place {
        Place {
            base: self.about.base,
            position,
        }
    }

    /// Notes where a frame begins; called in ascending order.
    pub fn note(&self, offset: u64, position: u64) {
        note_position(&mut self.index.write(), offset, position);
    }

    /// The index now reaches the end, and whoever appends keeps it so.
    pub fn index_is_complete(&self) {
        self.index.write().complete = true;
    }

    /// A position at or before the first frame of offset `offset` or more.
    pub fn near(&self, offset: u64) -> io::Result<u64> {
        if !self.index.read().complete {
            self.build_index()?;
        }
        let index = self.index.read();
        let after = index.entries.partition_point(|entry| entry.0 <= offset);
        Ok(after
            .checked_sub(1)
            .map_or(HEADER as u64, |at| index.entries[at].1))
    }

    /// The first valid frame at or behind `position`, searched byte by byte: for what lies behind
    /// damage.
    pub fn next_valid(&self, position: u64) -> io::Result<Option<(u64, frame::Header)>> {
        let mut window = ReadWindow::new(self);
        let mark = frame::MARK.to_le_bytes();
        let end = self.readable();
        let mut from = position;
        while from + (frame::OVERHEAD as u64) <= end {
            let chunk = window.at(from, CHUNK)?;
            let Some(found) = chunk.windows(mark.len()).position(|bytes| bytes == mark) else {
                from += (chunk.len() - (mark.len() - 1)) as u64;
                continue;
            };
            let candidate = from + found as u64;
            if let SegmentFrame::Whole(header) = window.frame(candidate)? {
                return Ok(Some((candidate, header)));
            }
            from = candidate + 1;
        }
        Ok(None)
    }

    fn build_index(&self) -> io::Result<()> {
        let mut index = Index {
            entries: Vec::new(),
            complete: true,
        };
        let mut window = ReadWindow::new(self);
        let (mut position, end) = (HEADER as u64, self.readable());
        while position < end {
            let header = match window.header(position)? {
                Some(header) => header,
                None => match self.next_valid(position)? {
                    Some((found, header)) => {
                        position = found;
                        header
                    }
                    None => break,
                },
            };
            note_position(&mut index, header.offset, position);
            position += header.frame_length() as u64;
        }
        *self.index.write() = index;
        Ok(())
    }
}

fn note_position(index: &mut Index, offset: u64, position: u64) {
    if index
        .entries
        .last()
        .is_none_or(|last| position >= last.1 + INDEX_EVERY)
    {
        index.entries.push((offset, position));
    }
}

/// What stands at a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SegmentFrame {
    Whole(frame::Header),
    /// The header is valid and reaches beyond what is readable.
    Cut(frame::Header),
    Bad,
}

/// A part of a segment in memory, moving forward.
pub(crate) struct ReadWindow<'a> {
    segment: &'a Segment,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> ReadWindow<'a> {
    pub fn new(segment: &'a Segment) -> Self {
        Self {
            segment,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// `length` bytes from `position` on, fewer only at the end of what is readable.
    pub fn at(&mut self, position: u64, length: usize) -> io::Result<&[u8]> {
        let left =
            usize::try_from(self.segment.readable().saturating_sub(position)).unwrap_or(usize::MAX);
        let wanted = length.min(left);
        let loaded = position >= self.start
            && position + wanted as u64 <= self.start + self.bytes.len() as u64;
        if !loaded {
            self.start = position;
            if !self
                .segment
                .recent
                .read()
                .copy(position, wanted, &mut self.bytes)
            {
                self.bytes.resize(wanted.max(CHUNK.min(left)), 0);
                if let Err(error) = self.segment.file.read_exact_at(&mut self.bytes, position) {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        let from = usize::try_from(position - self.start).unwrap_or(usize::MAX);
        Ok(&self.bytes[from..from + wanted])
    }

    pub fn header(&mut self, position: u64) -> io::Result<Option<frame::Header>> {
        let place = self.segment.place(position);
        Ok(frame::Header::decode(
            self.at(position, frame::HEADER)?,
            place,
        ))
    }

    pub fn frame(&mut self, position: u64) -> io::Result<SegmentFrame> {
        let Some(header) = self.header(position)? else {
            return Ok(SegmentFrame::Bad);
        };
        let rest = self.at(position + frame::HEADER as u64, header.length + 1)?;
        Ok(if rest.len() != header.length + 1 {
            SegmentFrame::Cut(header)
        } else if header.accepts(rest) {
            SegmentFrame::Whole(header)
        } else {
            SegmentFrame::Bad
        })
    }

    /// The record of a frame that was seen whole.
    pub fn record(&mut self, position: u64, header: &frame::Header) -> io::Result<&[u8]> {
        self.at(position + frame::HEADER as u64, header.length)
    }
}

/// All segments of a log, ascending; never empty.
pub(crate) type SegmentList = Vec<Arc<Segment>>;
