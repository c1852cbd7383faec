//! Compaction: of the sealed segments, keeps the newest record of each key. Must never touch the
//! active segment, nor drop a record that is the newest of its key in the whole log (unless the
//! caller says that it may go).

use crate::{
    frame,
    log::SegmentLog,
    medium::Medium,
    read::{Cursor, Entry, ReadError},
    segment::{self, About, HEADER, Segment, SegmentList},
    stored::StoredLog,
};
use std::{collections::HashMap, fs, io, sync::Arc};

/// Records and bytes read at once.
const READ: (usize, usize) = (1024, 1 << 20);

/// What a record is to compaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Always,
    /// Only the newest of this key.
    Newest(Vec<u8>),
    /// As `Newest`, and not even that once it is in a sealed segment: it only says that the key is
    /// gone.
    Tombstone(Vec<u8>),
}

/// What compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    pub before: usize,
    pub after: usize,
}

impl SegmentLog {
    /// Bytes in sealed segments: what compaction can shrink.
    pub fn sealed_bytes(&self) -> u64 {
        let segments = self.lane.stored.segments.read();
        segments[..segments.len() - 1]
            .iter()
            .map(|segment| segment.readable())
            .sum()
    }

    /// Rewrites the sealed segments as one. Holds every key in memory meanwhile.
    pub fn compact(&self, kept: impl Fn(&Entry) -> Kept) -> Result<Compacted, ReadError> {
        self.lane.holds_folder()?;
        let _maintenance = self.lane.stored.maintenance.lock();
        let (sealed, end) = {
            let segments = self.lane.stored.segments.read();
            let last = segments.len() - 1;
            (segments[..last].to_vec(), segments[last].base())
        };
        let bounds = self.bounds();
        if sealed.is_empty() {
            return Ok(Compacted {
                before: 0,
                after: 0,
            });
        }
        let mut newest: HashMap<Vec<u8>, u64> = HashMap::new();
        self.each_entry(bounds.earliest, bounds.end, |entry| {
            if let Kept::Newest(key) | Kept::Tombstone(key) = kept(&entry) {
                newest.insert(key, entry.offset);
            }
            Ok(())
        })?;
        let first = sealed[0].base();
        let mut writer = CompactingWriter::new(
            &self.lane.stored,
            About {
                base: first,
                created: sealed[0].about.created,
                compacted_end: Some(end),
            },
        )?;
        let mut count = Compacted {
            before: 0,
            after: 0,
        };
        self.each_entry(bounds.earliest, end, |entry| {
            count.before += 1;
            let keep = match kept(&entry) {
                Kept::Always => true,
                Kept::Newest(key) => newest.get(&key) == Some(&entry.offset),
                Kept::Tombstone(_) => false,
            };
            if keep {
                count.after += 1;
                writer.push_entry(&entry)?;
            }
            Ok(())
        })?;
        let merged = writer.finish_segment()?;
        self.lane.stored.replace(&sealed, merged)?;
        Ok(count)
    }

    fn each_entry(
        &self,
        from: u64,
        until: u64,
        mut act: impl FnMut(Entry) -> io::Result<()>,
    ) -> Result<(), ReadError> {
        let mut cursor = Cursor::new(from);
        while cursor.offset() < until {
            for entry in self.read(&mut cursor, until, READ.0, READ.1)? {
                act(entry)?;
            }
        }
        Ok(())
    }
}

impl StoredLog {
    /// Puts the merged segment, already under the name of the first, in the place of `sealed`.
    fn replace(&self, sealed: &SegmentList, merged: Segment) -> io::Result<()> {
        self.segments
            .write()
            .splice(..sealed.len(), [Arc::new(merged)]);
        for old in &sealed[1..] {
            self.medium.remove(&old.path)?;
        }
        self.medium.sync_folder(&self.folder)
    }
}

struct CompactingWriter<'a> {
    stored: &'a StoredLog,
    about: About,
    file: fs::File,
    position: u64,
    buffer: Vec<u8>,
}

impl<'a> CompactingWriter<'a> {
    fn new(stored: &'a StoredLog, about: About) -> io::Result<Self> {
        let file = stored.medium.create(&stored.folder.join("compacted.tmp"))?;
        stored.medium.write(&file, 0, &about.encode())?;
        Ok(Self {
            stored,
            about,
            file,
            position: HEADER as u64,
            buffer: Vec::new(),
        })
    }

    fn push_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.buffer.clear();
        frame::begin_frame(&mut self.buffer, |buffer| {
            buffer.extend_from_slice(&entry.record)
        });
        let place = frame::Place {
            base: self.about.base,
            position: self.position,
        };
        frame::seal_frame(&mut self.buffer, place, entry.offset, entry.timestamp, 0);
        let medium: &dyn Medium = self.stored.medium.as_ref();
        medium.write(&self.file, self.position, &self.buffer)?;
        self.position += self.buffer.len() as u64;
        Ok(())
    }

    fn finish_segment(self) -> io::Result<Segment> {
        let medium = self.stored.medium.as_ref();
        medium.sync(&self.file)?;
        let path = segment::segment_path(&self.stored.folder, self.about.base);
        medium.rename(&self.stored.folder.join("compacted.tmp"), &path)?;
        medium.sync_folder(&self.stored.folder)?;
        Segment::open(path)?
            .ok_or_else(|| io::Error::other("the compacted segment cannot be read back"))
    }
}
